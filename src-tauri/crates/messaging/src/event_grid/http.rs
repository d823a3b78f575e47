//! The topics over HTTP: publish, and event subscriptions in the form of Azure Resource Manager.

use super::publish::{self, MAX_REQUEST_BYTES, PublishError};
use super::{EventGrid, GridError, Subscription, SubscriptionInfo, Topic};
use crate::iot_hub::millis;
use crate::traffic::{Direction, Seen};
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;

const API_VERSION: &str = "2018-01-01";

/// The routes of an Event Grid. `token` is the bearer token that opens every topic; any that is
/// not empty where `None`.
pub fn router(grid: Arc<EventGrid>, token: Option<String>) -> Router {
    let subscription = get(show).put(create).delete(delete);
    Router::new()
        .route("/{topic}/api/events", post(publish_events).options(allow_origin))
        .route("/{topic}/eventSubscriptions", get(list))
        .route("/{topic}/eventSubscriptions/{name}", subscription)
        .route("/{topic}/eventSubscriptions/{name}/validate", get(validate).post(validate))
        .with_state(Arc::new(Door { grid, token }))
}

struct Door {
    grid: Arc<EventGrid>,
    token: Option<String>,
}

/// An error as the service writes it.
struct Refusal(StatusCode, &'static str, String);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self(status, code, message) = self;
        let details = json!([{"code": code, "message": message}]);
        let body = json!({"error": {"code": code, "message": message, "details": details}});
        (status, axum::Json(body)).into_response()
    }
}

impl From<GridError> for Refusal {
    fn from(error: GridError) -> Self {
        let (status, code) = match &error {
            GridError::NoTopic(_) | GridError::NoSubscription(_) => {
                (StatusCode::NOT_FOUND, "ResourceNotFound")
            }
            GridError::Invalid(_) => (StatusCode::BAD_REQUEST, "InvalidRequest"),
            GridError::Validation(_) => (StatusCode::BAD_REQUEST, "URL validation"),
            GridError::Journal(_) => (StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable"),
        };
        Self(status, code, error.to_string())
    }
}

impl Door {
    /// The topic, if the request may use it.
    fn admit(&self, topic: &str, headers: &HeaderMap) -> Result<Arc<Topic>, Refusal> {
        let found = self.grid.topic(topic).ok_or_else(|| GridError::NoTopic(short(topic)))?;
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let authorization = text(header::AUTHORIZATION.as_str());
        let token = text("aeg-sas-token").or_else(|| {
            authorization.and_then(|value| value.strip_prefix("SharedAccessSignature "))
        });
        let bearer = authorization.and_then(|value| value.strip_prefix("Bearer "));
        let why = if let Some(key) = text("aeg-sas-key") {
            if found.keys.open(key) {
                return Ok(found);
            }
            "the key is not one of the topic's keys"
        } else if let Some(token) = token {
            let path = format!("/{topic}/api/events");
            match found.keys.check_token(token, &path, millis() / 1_000) {
                Ok(()) => return Ok(found),
                Err(why) => why,
            }
        } else if let Some(bearer) = bearer {
            let opens = self
                .token
                .as_ref()
                .map_or(!bearer.is_empty(), |token| crate::sas::Key::plain(token).is(bearer));
            if opens {
                return Ok(found);
            }
            "the bearer token is not the one that is demanded"
        } else {
            "the request must have one of the headers aeg-sas-key, aeg-sas-token, Authorization"
        };
        self.grid.traffic.reject("unauthorized");
        Err(Refusal(
            StatusCode::UNAUTHORIZED,
            "Unauthorized",
            format!("The request authorization key is not authorized for {topic}: {why}."),
        ))
    }
}

fn short(text: &str) -> String {
    text.chars().take(64).collect()
}

async fn publish_events(
    State(door): State<Arc<Door>>,
    Path(topic): Path<String>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let topic = door.admit(&topic, &headers)?;
    let reject = |reason, refusal| {
        door.grid.traffic.reject(reason);
        Err(refusal)
    };
    let bad = |message: String| Refusal(StatusCode::BAD_REQUEST, "BadRequest", message);
    match query.get("api-version").map(String::as_str) {
        Some(API_VERSION) => {}
        // CloudEvents clients that know nothing of Azure post without one.
        None if headers.contains_key("ce-specversion") => {}
        None => {
            let message = "The required query parameter 'api-version' is missing.".to_owned();
            return reject("no api-version", bad(message));
        }
        Some(other) => {
            let message =
                format!("The api-version '{}' is not supported; {API_VERSION} is.", short(other));
            return reject("unknown api-version", bad(message));
        }
    }
    if !topic.custom {
        let message =
            format!("Nobody but its source publishes to the system topic {}.", topic.name);
        return reject("publish to a system topic", bad(message));
    }
    let body = axum::body::to_bytes(body, MAX_REQUEST_BYTES).await;
    let body = match body {
        Ok(body) => body,
        Err(_) => return reject("too large", too_large()),
    };
    let given: publish::Headers = headers
        .iter()
        .filter_map(|(name, value)| {
            Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
        })
        .collect();
    let events = publish::read(topic.input, &topic.resource_id, &given, &body, millis());
    let events = match events {
        Ok(events) => events,
        Err(PublishError::TooLarge) => return reject("too large", too_large()),
        Err(PublishError::Invalid(message)) => return reject("invalid event", bad(message)),
    };
    if topic.custom {
        let traffic = &door.grid.traffic;
        traffic.count(Direction::In, events.len() as u64, body.len() as u64);
        traffic.show(|| seen(&topic.name, &body));
    }
    let count = events.len();
    if let Err(error) = topic.publish(events).await {
        tracing::error!(%error, topic = topic.name, "a publish was not kept");
        return reject("not kept", GridError::Journal(error).into());
    }
    tracing::trace!(topic = topic.name, count, "published");
    Ok(StatusCode::OK.into_response())
}

fn too_large() -> Refusal {
    let message = PublishError::TooLarge.to_string();
    Refusal(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", message)
}

fn seen(topic: &str, body: &Bytes) -> Seen {
    Seen { direction: Direction::In, entity: topic.into(), at: millis(), message: body.clone() }
}

/// CloudEvents' handshake: whoever may ask may publish, with a key.
async fn allow_origin(
    State(door): State<Arc<Door>>,
    Path(topic): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    if door.grid.topic(&topic).is_none() {
        return Err(GridError::NoTopic(short(&topic)).into());
    }
    let origin = headers.get("webhook-request-origin").cloned();
    let origin = origin.ok_or_else(|| {
        let message = "The header WebHook-Request-Origin is missing.".to_owned();
        Refusal(StatusCode::BAD_REQUEST, "BadRequest", message)
    })?;
    let mut answer = StatusCode::OK.into_response();
    answer.headers_mut().insert("webhook-allowed-origin", origin);
    answer.headers_mut().insert("webhook-allowed-rate", header::HeaderValue::from_static("*"));
    Ok(answer)
}

fn resource(topic: &Topic, info: &SubscriptionInfo) -> Value {
    let mut properties = info.spec.public_json();
    properties["topic"] = json!(topic.resource_id);
    properties["provisioningState"] = json!(info.state);
    json!({
        "id": format!("{}/providers/Microsoft.EventGrid/eventSubscriptions/{}", topic.resource_id, info.name),
        "name": info.name,
        "type": "Microsoft.EventGrid/eventSubscriptions",
        "properties": properties,
        "counts": info.counts,
    })
}

async fn list(
    State(door): State<Arc<Door>>,
    Path(topic): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let topic = door.admit(&topic, &headers)?;
    let all = door.grid.subscriptions(&topic.name)?;
    let value: Vec<_> = all.iter().map(|info| resource(&topic, info)).collect();
    Ok(axum::Json(json!({"value": value})).into_response())
}

async fn show(
    State(door): State<Arc<Door>>,
    Path((topic, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let topic = door.admit(&topic, &headers)?;
    let all = door.grid.subscriptions(&topic.name)?;
    let info = all.iter().find(|info| info.name == name);
    let info = info.ok_or_else(|| GridError::NoSubscription(short(&name)))?;
    Ok(axum::Json(resource(&topic, info)).into_response())
}

async fn create(
    State(door): State<Arc<Door>>,
    Path((topic, name)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let topic = door.admit(&topic, &headers)?;
    let invalid = |error: serde_json::Error| GridError::Invalid(format!("The body: {error}."));
    let mut body: Value = serde_json::from_slice(&body).map_err(invalid)?;
    let spec: Subscription = serde_json::from_value(body["properties"].take()).map_err(invalid)?;
    door.grid.put_subscription(&topic.name, &name, spec).await?;
    let answer = show(State(door), Path((topic.name.clone(), name)), headers).await?;
    Ok((StatusCode::CREATED, answer).into_response())
}

async fn delete(
    State(door): State<Arc<Door>>,
    Path((topic, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let topic = door.admit(&topic, &headers)?;
    door.grid.delete_subscription(&topic.name, &name).await?;
    Ok(StatusCode::OK.into_response())
}

async fn validate(
    State(door): State<Arc<Door>>,
    Path((topic, name)): Path<(String, String)>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Refusal> {
    let code = query.get("id").map(String::as_str).unwrap_or_default();
    door.grid.validate(&topic, &name, code).await?;
    let said = "\"Webhook successfully validated as a subscription endpoint.\"";
    Ok(([(header::CONTENT_TYPE, "application/json")], said).into_response())
}
