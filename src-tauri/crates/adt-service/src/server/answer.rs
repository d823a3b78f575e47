//! What goes back: results, errors and their headers, in the service's form.

use super::version::ApiVersion;
use crate::{Code, Document, Page, ServiceError};
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::convert::Infallible;

/// What a handler answers.
pub(super) type Answer = Result<Response, Refusal>;

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");
pub(super) const ERROR_CODE: HeaderName = HeaderName::from_static("x-ms-error-code");

/// An answer that is an error: the service's, or one of HTTP itself in the same shape.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    /// Empty where the gateway answers, which has none.
    code: String,
    body: Value,
}

impl Refusal {
    /// An error of HTTP, for which the service's own codes have no word.
    pub(super) fn new(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        let body = json!({"error": {"code": code, "message": message.into()}});
        Self { status, code: code.to_owned(), body }
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        ServiceError::new(Code::InvalidArgument, message).into()
    }

    /// A handler that panicked.
    pub(super) fn internal() -> Self {
        ServiceError::new(
            Code::InternalServerError,
            "The request met a fault in this program. It is in the program's log; what the request should have changed may or may not be changed: read it again.",
        )
        .into()
    }
}

impl From<ServiceError> for Refusal {
    fn from(error: ServiceError) -> Self {
        let status = StatusCode::from_u16(error.code.status());
        if error.code == Code::Throttled {
            // The answer does not say which limit it is.
            tracing::debug!(target: "adt_service::throttled", reason = error.message);
        }
        Self {
            status: status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            code: if error.code.is_gateways() { String::new() } else { error.code.to_string() },
            body: error.to_json(),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = json_answer(self.status, &self.body);
        let headers = response.headers_mut();
        if self.code.is_empty() {
            // As recorded: the gateway says less than the service.
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        } else {
            set(headers, ERROR_CODE, &self.code);
        }
        if matches!(self.status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
            set(headers, header::RETRY_AFTER, "1");
        }
        response
    }
}

/// A JSON body.
pub(super) fn json_answer(status: StatusCode, body: &Value) -> Response {
    let mut response = (status, body.to_string()).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    response
}

/// A twin or relationship with its ETag.
pub(super) fn document(document: Document, version: ApiVersion) -> Response {
    let mut response = json_answer(StatusCode::OK, &version.shape(document.body));
    set(response.headers_mut(), header::ETAG, &document.etag);
    response
}

/// One page of a list; `next` is the address of the following one.
pub(super) fn page(page: &Page<Value>, next: Option<String>) -> Response {
    json_answer(StatusCode::OK, &json!({"value": page.items, "nextLink": next}))
}

/// 204, with `Content-Length: 0` as recorded; with the new ETag where there is one.
pub(super) fn no_content(etag: Option<&str>) -> Response {
    // hyper leaves Content-Length out of a 204 whose body it knows to be empty.
    let nothing = futures::stream::empty::<Result<Bytes, Infallible>>();
    let mut response = (StatusCode::NO_CONTENT, Body::from_stream(nothing)).into_response();
    set(response.headers_mut(), header::CONTENT_LENGTH, "0");
    if let Some(etag) = etag {
        set(response.headers_mut(), header::ETAG, etag);
    }
    response
}

/// Sets a header; a value that no header can carry (a control character) is left out.
pub(super) fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
