//! Reading answers: bounded, JSON, in the service's shapes.

use super::failure::{Failure, place};
use crate::{Code, Document, ModelData, Page, ServiceError};
use reqwest::Response;
use reqwest::header::{CONTENT_TYPE, ETAG, HeaderMap};
use serde_json::{Value, json};
use std::sync::Arc;
use twin_graph::{EventRoute, StoredModel, Timestamp};
use url::Url;

const LARGEST: usize = 64 * 1024 * 1024;

/// An answer that is a result.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) headers: HeaderMap,
    /// `null` where there was no body.
    pub(super) body: Value,
}

/// Reads an answer whole.
pub(super) async fn read(endpoint: &Url, mut response: Response) -> Result<Answered, Failure> {
    let status = response.status();
    let mut bytes = Vec::new();
    while let Some(chunk) =
        response.chunk().await.map_err(|error| Failure::of_connection(endpoint, &error))?
    {
        if bytes.len() + chunk.len() > LARGEST {
            return Err(Failure::last(unusable(format!(
                "{} answered with more than 64 MiB. Ask for smaller pages.",
                place(endpoint)
            ))));
        }
        bytes.extend_from_slice(&chunk);
    }
    let body = if bytes.is_empty() { Ok(Value::Null) } else { serde_json::from_slice(&bytes) };
    if !status.is_success() {
        return Err(Failure::of_status(endpoint, status, response.headers(), body.as_ref().ok()));
    }
    let headers = std::mem::take(response.headers_mut());
    match body {
        Ok(body) => Ok(Answered { headers, body }),
        Err(_) => Err(Failure::last(no_json(endpoint, &headers, bytes.len()))),
    }
}

fn no_json(endpoint: &Url, headers: &HeaderMap, length: usize) -> ServiceError {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    unusable(format!(
        "{} answered something that is not JSON ({}, {length} bytes). Is it an Azure Digital Twins instance, or is a proxy in between?",
        place(endpoint),
        kind.unwrap_or("of no stated type"),
    ))
}

fn unusable(message: String) -> ServiceError {
    ServiceError::new(Code::ServiceUnavailable, message)
}

fn unexpected(what: &str) -> ServiceError {
    unusable(format!(
        "The instance answered JSON without {what}. It may be another service, or a version that is not known here."
    ))
}

impl Answered {
    /// The ETag of the header, which writes answer, or of the body.
    pub(super) fn etag(&self) -> Result<Arc<str>, ServiceError> {
        let header = self.headers.get(ETAG).and_then(|value| value.to_str().ok());
        let etag = header.or_else(|| self.body.get("$etag")?.as_str());
        etag.map(Arc::from).ok_or_else(|| unexpected("an ETag"))
    }

    pub(super) fn document(self) -> Result<Document, ServiceError> {
        Ok(Document { etag: self.etag()?, body: self.body })
    }

    /// A list: `{"value": […], "nextLink" or "continuationToken": …}`.
    pub(super) fn page(mut self, continuation: &str) -> Result<Page<Value>, ServiceError> {
        let continuation = self.body.get(continuation).and_then(Value::as_str).map(str::to_owned);
        match self.body.get_mut("value").map(Value::take) {
            Some(Value::Array(items)) => Ok(Page { items, continuation }),
            _ => Err(unexpected("a list «value»")),
        }
    }

    /// A header that is a number; 0 where it is not there.
    pub(super) fn number(&self, header: &str) -> f64 {
        let text = self.headers.get(header).and_then(|value| value.to_str().ok());
        text.and_then(|text| text.parse().ok()).unwrap_or_default()
    }
}

/// A model as the service answers it. Where it comes without its document, `sent` is it.
pub(super) fn model(mut body: Value, sent: Option<&Value>) -> Result<ModelData, ServiceError> {
    let id = body.get("id").and_then(Value::as_str).ok_or_else(|| unexpected("a model's id"))?;
    let bare = json!({"@id": id});
    let uploaded = body.get("uploadTime").and_then(Value::as_str);
    let uploaded = uploaded.and_then(|text| text.parse::<Timestamp>().ok()).unwrap_or_default();
    let decommissioned = body.get("decommissioned").and_then(Value::as_bool).unwrap_or_default();
    let mut texts = |name: &str| match body.get_mut(name).map(Value::take) {
        Some(texts @ Value::Object(_)) => texts,
        _ => json!({}),
    };
    let (display_name, description) = (texts("displayName"), texts("description"));
    let document = match body.get_mut("model").map(Value::take) {
        Some(document @ Value::Object(_)) => document,
        _ => sent.cloned().unwrap_or(bare),
    };
    let stored = StoredModel { document: Arc::new(document), uploaded, decommissioned };
    Ok(ModelData { stored, display_name, description })
}

/// An event route as the service answers it.
pub(super) fn event_route(body: &Value) -> Result<EventRoute, ServiceError> {
    let text = |name: &str| body.get(name).and_then(Value::as_str).map(Arc::from);
    let id = text("id").ok_or_else(|| unexpected("an event route's id"))?;
    let endpoint = text("endpointName").unwrap_or_default();
    Ok(EventRoute { id, endpoint, filter: text("filter").unwrap_or_default() })
}
