//! The HTTP door: `POST /ingress/{source}` takes JSON and CloudEvents from any service.

mod read;

use crate::in_order::in_order;
use crate::{Ingress, Meter};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use messaging::sas::Key;
use read::{Request, read};
use serde_json::json;
use std::collections::HashMap;
use std::sync::Arc;

/// The largest request, in bytes.
pub const MOST_BYTES: usize = 1 << 20;

/// The HTTP sources that there are.
pub trait HttpIngress: Ingress {
    /// The HTTP source of that name, if there is one now.
    fn http_source(&self, name: &str) -> Option<HttpSource>;
}

/// An HTTP source.
pub struct HttpSource {
    /// Where in the body the device's id stands, as `topology.json` says it.
    pub device: Option<String>,
    /// Its node's meter.
    pub meter: Arc<Meter>,
}

/// The door of a pipeline's HTTP sources. `token` is the bearer token that opens it; any that is
/// not empty where `None`.
///
/// It takes a JSON object, or an array of these; a CloudEvent, structured, in a batch, or binary.
/// It answers 202 `{"accepted": N}` when the source's function was called for each, else 400, 401,
/// 404, 413 or 415 with `{"error": {"code", "message"}}`; nothing of the request is used then.
pub fn http_door(ingress: Arc<dyn HttpIngress>, token: Option<String>) -> Router {
    Router::new()
        .route("/ingress/{source}", post(take))
        .layer(DefaultBodyLimit::max(MOST_BYTES))
        .with_state(Arc::new(Door { ingress, token }))
}

struct Door {
    ingress: Arc<dyn HttpIngress>,
    token: Option<String>,
}

/// Why a request is refused.
pub(super) struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl Refusal {
    fn bad(message: impl Into<String>) -> Self {
        let status = StatusCode::BAD_REQUEST;
        Self { status, code: "InvalidMessage", message: message.into() }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let error = json!({"error": {"code": self.code, "message": self.message}});
        (self.status, axum::Json(error)).into_response()
    }
}

async fn take(
    State(door): State<Arc<Door>>,
    Path(source): Path<String>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Result<Response, Refusal> {
    door.admit(&headers)?;
    let http = door.ingress.http_source(&source).ok_or_else(|| Refusal {
        status: StatusCode::NOT_FOUND,
        code: "SourceNotFound",
        message: format!(
            "The topology has no HTTP source «{}». Add one, or mend the address.",
            short(&source)
        ),
    })?;
    let refused = |reason, refusal| {
        http.meter.give_up(reason, 1);
        refusal
    };
    let body = body.map_err(|error| {
        let too_large = error.status() == StatusCode::PAYLOAD_TOO_LARGE;
        let message = if too_large {
            format!("A request has at most {MOST_BYTES} bytes. Send fewer messages at once.")
        } else {
            error.to_string()
        };
        refused("too large", Refusal { status: error.status(), code: "InvalidBody", message })
    })?;
    let request = Request {
        headers: &headers,
        body: &body,
        pointer: http.device.as_deref(),
        device: query.get("device").map(String::as_str),
    };
    let messages = read(&request).map_err(|refusal| refused("not what it takes", refusal))?;
    let accepted = messages.len();
    http.meter.bytes.add(body.len() as u64);
    let messages = messages.into_iter().map(|message| (message.device.clone(), message));
    in_order(messages, |message| door.ingress.receive(&source, message)).await;
    Ok((StatusCode::ACCEPTED, axum::Json(json!({"accepted": accepted}))).into_response())
}

impl Door {
    fn admit(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let bearer = given.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
        let opens = match &self.token {
            Some(token) => Key::plain(token).is(bearer),
            None => !bearer.is_empty(),
        };
        opens.then_some(()).ok_or_else(|| Refusal {
            status: StatusCode::UNAUTHORIZED,
            code: "Unauthorized",
            message: "Send the header «Authorization: Bearer TOKEN».".to_owned(),
        })
    }
}

fn short(text: &str) -> String {
    text.chars().take(64).collect()
}
