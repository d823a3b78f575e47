//! The endpoints of the management API of 2019: `/management/api/v1.0/endpoints`.

use super::Management;
use crate::Code;
use crate::management::{Endpoint2019Patch, ManagedEndpoint2019, ManagementError, NewSecret};
use crate::server::answer::{Answer, json_answer, no_content};
use crate::server::body::read_json;
use crate::server::gate::short;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use url::form_urlencoded;

/// The members that an endpoint has.
const MEMBERS: [&str; 5] =
    ["type", "eventTypes", "connectionString", "secondaryConnectionString", "path"];

pub(super) async fn list(State(management): State<Management>) -> Answer {
    Ok(json_answer(StatusCode::OK, &json!(management.plane.endpoints_2019())))
}

pub(super) async fn read(State(management): State<Management>, Path(id): Path<String>) -> Answer {
    let endpoint = find(&management, &id)?;
    Ok(json_answer(StatusCode::OK, &json!(endpoint)))
}

//= guess: Of 2019 the documents show what is sent; that POST answers 201 with the id, GET the
//  endpoint without its secrets, PATCH and DELETE 204, is a guess.
/// Answers the id, as JSON.
pub(super) async fn create(State(management): State<Management>, body: Body) -> Answer {
    let new = patch(&read_json(body, Code::BadRequest).await?)?;
    let id = management.plane.create_endpoint_2019(new).await?;
    Ok(json_answer(StatusCode::CREATED, &json!(id)))
}

pub(super) async fn update(
    State(management): State<Management>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    body: Body,
) -> Answer {
    find(&management, &id)?;
    let patch = patch(&read_json(body, Code::BadRequest).await?)?;
    management.plane.update_endpoint_2019(&id, patch).await?;
    //= ours: With `?resume=true` new keys take effect at once, where the endpoint makes a pause; the
    //  documents have them wait for its end, up to 30 minutes.
    if resumes(query.as_deref().unwrap_or_default()) {
        management.plane.resume_endpoint_2019(&id)?;
    }
    Ok(no_content(None))
}

pub(super) async fn delete(State(management): State<Management>, Path(id): Path<String>) -> Answer {
    find(&management, &id)?;
    management.plane.delete_endpoint_2019(&id).await?;
    Ok(no_content(None))
}

fn resumes(query: &str) -> bool {
    let mut parameters = form_urlencoded::parse(query.as_bytes());
    parameters.any(|(name, value)| name == "resume" && value.eq_ignore_ascii_case("true"))
}

fn find(management: &Management, id: &str) -> Result<ManagedEndpoint2019, ManagementError> {
    let all = management.plane.endpoints_2019();
    let found = all.into_iter().find(|endpoint| endpoint.id.eq_ignore_ascii_case(id));
    found.ok_or_else(|| {
        ManagementError::not_found(format!(
            "There is no endpoint {}. GET /management/api/v1.0/endpoints says which there are.",
            short(id)
        ))
    })
}

fn patch(sent: &Value) -> Result<Endpoint2019Patch, ManagementError> {
    let Value::Object(members) = sent else {
        return Err(ManagementError::bad_request("Send the endpoint as a JSON object."));
    };
    if let Some(other) = members.keys().find(|name| !MEMBERS.contains(&name.as_str())) {
        return Err(ManagementError::bad_request(format!(
            "An endpoint has no «{}»; it has {}.",
            short(other),
            MEMBERS.join(", ")
        )));
    }
    let secret = |name: &str| -> Result<Option<NewSecret>, ManagementError> {
        Ok(member::<String>(sent, name)?.as_deref().map(NewSecret::of))
    };
    Ok(Endpoint2019Patch {
        kind: member(sent, "type")?,
        event_types: member(sent, "eventTypes")?,
        primary: secret("connectionString")?,
        secondary: secret("secondaryConnectionString")?,
        path: member(sent, "path")?,
    })
}

/// Says nothing of the value: it may be a secret.
fn member<T: DeserializeOwned>(sent: &Value, name: &str) -> Result<Option<T>, ManagementError> {
    let value = sent.get(name).filter(|value| !value.is_null());
    let read = value.map(|value| serde_json::from_value(value.clone())).transpose();
    read.map_err(|_| {
        let what = match name {
            "type" => "one of EventHub, EventGrid and ServiceBus",
            "eventTypes" => "a list of event types",
            _ => "a text",
        };
        ManagementError::bad_request(format!("«{name}» is to be {what}."))
    })
}
