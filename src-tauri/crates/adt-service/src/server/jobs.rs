//! The paths of import jobs and delete jobs.

use super::answer::{Answer, Refusal, json_answer, no_content, page, set};
use super::ask::{Ask, Ids};
use super::body::read_json;
use super::gate::Door;
use super::version::ApiVersion;
use crate::{Code, ImportRequest, JobService, Page, ServiceError};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderName, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use serde::Serialize;
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) fn routes() -> Router<Arc<Door>> {
    Router::new()
        .route("/jobs/imports", get(list_imports))
        .route("/jobs/imports/{id}", get(get_import).put(put_import).delete(delete_import))
        .route("/jobs/imports/{id}/cancel", post(cancel_import))
        .route("/jobs/deletions", get(list_deletions).post(start_deletion))
        .route("/jobs/deletions/{id}", get(get_deletion))
}

/// The jobs, for whoever asks in a version that has them.
fn jobs(ask: &Ask) -> Result<&dyn JobService, Refusal> {
    let jobs = ask.door.jobs.as_deref().filter(|_| ask.version >= ApiVersion::V2023_10_31);
    jobs.ok_or_else(|| {
        Refusal::new(
            StatusCode::NOT_FOUND,
            "NotFound",
            "There are no jobs here: they exist since api-version 2023-10-31.",
        )
    })
}

fn body(job: &impl Serialize) -> Value {
    serde_json::to_value(job).unwrap_or_default()
}

fn listed<T: Serialize>(ask: &Ask, found: Page<T>) -> Response {
    let next = ask.next_link(found.continuation.as_deref());
    let items = found.items.iter().map(body).collect();
    page(&Page { items, continuation: None }, next)
}

async fn list_imports(ask: Ask) -> Answer {
    let found = jobs(&ask)?.list_imports(&ask.call, ask.page()?).await?;
    Ok(listed(&ask, found))
}

async fn get_import(ask: Ask, Ids(id): Ids<String>) -> Answer {
    let job = jobs(&ask)?.get_import(&ask.call, &id).await?;
    Ok(json_answer(StatusCode::OK, &body(&job)))
}

async fn put_import(ask: Ask, Ids(id): Ids<String>, sent: Body) -> Answer {
    let jobs = jobs(&ask)?;
    let sent = read_json(sent, Code::ValidationFailed).await?;
    let text = |name: &str| {
        sent.get(name).and_then(Value::as_str).map(str::to_owned).ok_or_else(|| {
            let message = format!("«{name}» is missing or not a string. Give its address.");
            ServiceError::new(Code::ValidationFailed, message)
        })
    };
    let request =
        ImportRequest { id, input: text("inputBlobUri")?, output: text("outputBlobUri")? };
    let job = jobs.put_import(&ask.call, request).await?;
    Ok(json_answer(StatusCode::CREATED, &body(&job)))
}

async fn delete_import(ask: Ask, Ids(id): Ids<String>) -> Answer {
    jobs(&ask)?.delete_import(&ask.call, &id).await?;
    Ok(no_content(None))
}

async fn cancel_import(ask: Ask, Ids(id): Ids<String>) -> Answer {
    let job = jobs(&ask)?.cancel_import(&ask.call, &id).await?;
    Ok(json_answer(StatusCode::OK, &body(&job)))
}

async fn list_deletions(ask: Ask) -> Answer {
    let found = jobs(&ask)?.list_deletions(&ask.call, ask.page()?).await?;
    Ok(listed(&ask, found))
}

async fn get_deletion(ask: Ask, Ids(id): Ids<String>) -> Answer {
    let job = jobs(&ask)?.get_deletion(&ask.call, &id).await?;
    Ok(json_answer(StatusCode::OK, &body(&job)))
}

async fn start_deletion(ask: Ask) -> Answer {
    let id = ask.header(HeaderName::from_static("operation-id")).map(str::to_owned);
    let job = jobs(&ask)?.start_deletion(&ask.call, id).await?;
    let mut response = json_answer(StatusCode::ACCEPTED, &json!(job));
    let location = ask.address_of(&job.id);
    set(response.headers_mut(), HeaderName::from_static("operation-location"), &location);
    Ok(response)
}
