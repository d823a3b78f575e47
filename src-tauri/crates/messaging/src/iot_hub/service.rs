//! The service's side over HTTP: devices, twins, direct methods, messages to devices.
//!
//! Source: IoT Hub's service REST API, 2021-04-12 (Microsoft Learn). Messages to a device are
//! sent over AMQP there; here, by a POST to the path from which devices read them over HTTP.

use super::{DeviceInfo, HubError, IotHub, Policy, Properties, Which, millis, rfc3339};
use crate::sas::{Key, Token};
use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

const METHOD_WITHIN: u64 = 30;

/// The routes of a hub's service side. They want a SAS token of one of the hub's policies.
pub fn router(hub: Arc<IotHub>) -> Router {
    Router::new()
        .route("/devices", get(list))
        .route("/devices/{id}", get(show).put(put).delete(delete))
        .route("/devices/{id}/messages/deviceBound", post(send))
        .route("/devices/{id}/messages/devicebound", post(send))
        .route("/twins/{id}", get(twin).patch(patch_twin))
        .route("/twins/{id}/methods", post(call_method))
        .with_state(hub)
}

struct Refusal(StatusCode, String);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, axum::Json(json!({"Message": self.1, "ExceptionMessage": ""}))).into_response()
    }
}

impl From<HubError> for Refusal {
    fn from(error: HubError) -> Self {
        let (status, code) = match &error {
            HubError::NoDevice(_) => (StatusCode::NOT_FOUND, "DeviceNotFound"),
            HubError::Exists(_) => (StatusCode::CONFLICT, "DeviceAlreadyExists"),
            HubError::BadId(_) | HubError::Unfit(_) => (StatusCode::BAD_REQUEST, "ArgumentInvalid"),
            HubError::NotOnline(_) => (StatusCode::NOT_FOUND, "DeviceNotOnline"),
            HubError::TimedOut(_) => (StatusCode::GATEWAY_TIMEOUT, "GatewayTimeout"),
            HubError::QueueFull(_) => (StatusCode::FORBIDDEN, "DeviceMaximumQueueDepthExceeded"),
            HubError::TooMany => (StatusCode::TOO_MANY_REQUESTS, "ThrottlingException"),
            HubError::Journal(_) => (StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable"),
        };
        Self(status, format!("ErrorCode:{code};{error}"))
    }
}

/// Whether the request comes with a token of a policy that may do this.
fn admit(hub: &IotHub, headers: &HeaderMap, needed: Policy) -> Result<(), Refusal> {
    let refuse = |why: &str| {
        hub.traffic.reject("service request that is not authorized");
        Err(Refusal(StatusCode::UNAUTHORIZED, format!("ErrorCode:IotHubUnauthorizedAccess;{why}")))
    };
    let text = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let Some(Ok(token)) = text.map(Token::parse) else {
        return refuse("the request has no SharedAccessSignature");
    };
    let policy = token.policy.as_deref().and_then(Policy::named);
    let Some(policy) = policy.filter(|policy| policy.includes(needed)) else {
        return refuse("the token's policy may not do this");
    };
    let now = u64::try_from(millis() / 1_000).unwrap_or_default();
    match Key::base64(&hub.policy_key(policy)).and_then(|key| token.check(&key, now)) {
        Ok(()) => Ok(()),
        Err(error) => refuse(&error.to_string()),
    }
}

fn identity(hub: &IotHub, device: &DeviceInfo) -> Value {
    let key = |which| hub.device_key(&device.id, which).unwrap_or_default();
    let state = if device.connected { "Connected" } else { "Disconnected" };
    let never = "0001-01-01T00:00:00Z".to_owned();
    let active = if device.last_activity == 0 { never } else { rfc3339(device.last_activity) };
    json!({
        "deviceId": &*device.id,
        "generationId": device.generation.to_string(),
        "status": if device.enabled { "enabled" } else { "disabled" },
        "connectionState": state,
        "lastActivityTime": active,
        "cloudToDeviceMessageCount": device.queued,
        "authentication": {
            "type": "sas",
            "symmetricKey": {"primaryKey": key(Which::Primary), "secondaryKey": key(Which::Secondary)},
        },
    })
}

async fn list(
    State(hub): State<Arc<IotHub>>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    admit(&hub, &headers, Policy::RegistryReadWrite)?;
    let top = query.get("top").and_then(|top| top.parse().ok()).unwrap_or(1_000).min(1_000);
    let devices: Vec<_> = hub.devices().iter().take(top).map(|d| identity(&hub, d)).collect();
    Ok(axum::Json(devices).into_response())
}

async fn show(
    State(hub): State<Arc<IotHub>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    admit(&hub, &headers, Policy::RegistryReadWrite)?;
    Ok(axum::Json(identity(&hub, &hub.device_info(&id)?)).into_response())
}

async fn put(
    State(hub): State<Arc<IotHub>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    axum::Json(body): axum::Json<Value>,
) -> Result<Response, Refusal> {
    admit(&hub, &headers, Policy::RegistryReadWrite)?;
    match hub.create_device(&id).await {
        // With If-Match it is an update.
        Err(HubError::Exists(_)) if headers.contains_key(header::IF_MATCH) => {}
        other => other?,
    }
    let enabled = body["status"].as_str() != Some("disabled");
    if hub.device_info(&id)?.enabled != enabled {
        hub.enable_device(&id, enabled).await?;
    }
    Ok(axum::Json(identity(&hub, &hub.device_info(&id)?)).into_response())
}

async fn delete(
    State(hub): State<Arc<IotHub>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    admit(&hub, &headers, Policy::RegistryReadWrite)?;
    hub.delete_device(&id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The property bag is the query; `ttlSeconds` is ours.
async fn send(
    State(hub): State<Arc<IotHub>>,
    Path(id): Path<String>,
    axum::extract::RawQuery(query): axum::extract::RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    admit(&hub, &headers, Policy::Service)?;
    let query = query.unwrap_or_default();
    let (own, bag): (Vec<&str>, Vec<&str>) = query
        .split('&')
        .partition(|pair| pair.starts_with("ttlSeconds=") || pair.starts_with("api-version="));
    let properties = Properties::parse(&bag.join("&"))
        .ok_or_else(|| HubError::Unfit("the query is no property bag".into()))?;
    let ttl = own.iter().find_map(|pair| pair.strip_prefix("ttlSeconds=")?.parse::<f64>().ok());
    let ttl = ttl.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    hub.send_to_device(&id, properties, body, ttl).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn twin(
    State(hub): State<Arc<IotHub>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    admit(&hub, &headers, Policy::Service)?;
    twin_of(&hub, &id)
}

fn twin_of(hub: &IotHub, id: &str) -> Result<Response, Refusal> {
    let device = hub.device_info(id)?;
    let properties = hub.twin(id)?;
    let state = if device.connected { "Connected" } else { "Disconnected" };
    let status = if device.enabled { "enabled" } else { "disabled" };
    let twin = json!({
        "deviceId": id, "status": status, "connectionState": state, "properties": properties,
    });
    Ok(axum::Json(twin).into_response())
}

#[derive(Deserialize)]
struct TwinPatch {
    properties: TwinProperties,
}

#[derive(Deserialize)]
struct TwinProperties {
    desired: Map<String, Value>,
}

async fn patch_twin(
    State(hub): State<Arc<IotHub>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    axum::Json(patch): axum::Json<TwinPatch>,
) -> Result<Response, Refusal> {
    admit(&hub, &headers, Policy::Service)?;
    hub.patch_desired(&id, &patch.properties.desired).await?;
    twin_of(&hub, &id)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MethodCall {
    method_name: String,
    #[serde(default)]
    payload: Value,
    response_timeout_in_seconds: Option<u64>,
}

async fn call_method(
    State(hub): State<Arc<IotHub>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    axum::Json(call): axum::Json<MethodCall>,
) -> Result<Response, Refusal> {
    admit(&hub, &headers, Policy::Service)?;
    let within = call.response_timeout_in_seconds.unwrap_or(METHOD_WITHIN);
    if !(5..=300).contains(&within) {
        let message = "responseTimeoutInSeconds is between 5 and 300".to_owned();
        return Err(HubError::Unfit(message).into());
    }
    let within = Duration::from_secs(within);
    let answer = hub.call_method(&id, &call.method_name, &call.payload, within).await?;
    let body = json!({"status": answer.status, "payload": answer.payload});
    Ok(axum::Json(body).into_response())
}
