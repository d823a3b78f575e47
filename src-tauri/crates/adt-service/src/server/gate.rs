//! What every request passes first: host, origin, token, api-version, trace.

use super::ServerOptions;
use super::answer::{ERROR_CODE, Refusal, set};
use super::body::{discard, shared};
use super::version::ApiVersion;
use crate::management::ControlPlane;
use crate::{Call, Code, JobService, ServiceError, TwinService};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, header, request::Parts};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use tokio::sync::Semaphore;
use twin_graph::{Origin, TraceContext};

const LOCAL_HOSTS: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];
/// Uploads of models under way at once: each may hold 250 MiB.
const MODEL_UPLOADS: usize = 2;

/// What all requests share.
pub(super) struct Door {
    pub(super) service: Arc<dyn TwinService>,
    pub(super) jobs: Option<Arc<dyn JobService>>,
    pub(super) management: Option<Arc<dyn ControlPlane>>,
    pub(super) model_uploads: Semaphore,
    token: Option<String>,
    hosts: Vec<String>,
}

impl Door {
    pub(super) fn new(service: Arc<dyn TwinService>, options: ServerOptions) -> Self {
        let local = LOCAL_HOSTS.map(String::from).into_iter();
        let hosts = local.chain(options.host_names.iter().cloned()).collect();
        let model_uploads = Semaphore::new(MODEL_UPLOADS);
        let ServerOptions { jobs, management, token, .. } = options;
        Self { service, jobs, management, model_uploads, token, hosts }
    }

    fn admit(&self, parts: &Parts) -> Result<ApiVersion, Refusal> {
        self.admit_reader(parts)?;
        self.check_token(&parts.headers)?;
        ApiVersion::of_query(parts.uri.query().unwrap_or_default())
    }

    /// For what describes the server: no token, no version.
    pub(super) fn admit_reader(&self, parts: &Parts) -> Result<(), Refusal> {
        let host = requested_host(parts)?;
        self.check_host(host)?;
        check_origin(&parts.headers, host)
    }

    /// A page of another site that made its name resolve to this machine is told apart by this.
    fn check_host(&self, host: &str) -> Result<(), Refusal> {
        let name = without_port(host);
        if self.hosts.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            return Ok(());
        }
        Err(Refusal::new(
            StatusCode::MISDIRECTED_REQUEST,
            "MisdirectedRequest",
            format!(
                "This server does not answer for the host «{}». Address it as localhost, or start it with --host-name.",
                short(name)
            ),
        ))
    }

    fn check_token(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let given = given.and_then(bearer).unwrap_or_default();
        let accepted = match &self.token {
            Some(token) => equal_in_constant_time(token.as_bytes(), given.as_bytes()),
            None => !given.is_empty(),
        };
        accepted
            .then_some(())
            .ok_or_else(|| ServiceError::new(Code::Unauthorized, "Unauthorized").into())
    }
}

/// Lets a request of the data plane in or refuses it; a handler that panics answers 500.
pub(super) async fn gate(State(door): State<Arc<Door>>, request: Request, next: Next) -> Response {
    pass(request, next, |parts| {
        let version = door.admit(parts)?;
        parts.extensions.insert(version);
        Ok(())
    })
    .await
}

/// The same for the control plane, whose versions are its own.
pub(super) async fn caller_gate(
    State(door): State<Arc<Door>>,
    request: Request,
    next: Next,
) -> Response {
    pass(request, next, |parts| {
        door.admit_reader(parts)?;
        // In Resource Manager's words.
        door.check_token(&parts.headers).map_err(|_| {
            Refusal::new(
                StatusCode::UNAUTHORIZED,
                "AuthenticationFailed",
                "Authentication failed. The 'Authorization' header is missing, or its token is not accepted.",
            )
        })
    })
    .await
}

async fn pass(
    request: Request,
    next: Next,
    admit: impl FnOnce(&mut Parts) -> Result<(), Refusal>,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let (body, rest) = shared(body);
    let (method, path) = (parts.method.clone(), parts.extensions.get().cloned());
    let call = call_of(&parts.headers);
    let trace = call.trace;
    let mut response = match admit(&mut parts) {
        Ok(()) => {
            parts.extensions.insert(call);
            let handled = next.run(Request::from_parts(parts, body));
            let handled = AssertUnwindSafe(handled).catch_unwind().await;
            handled.unwrap_or_else(|_| Refusal::internal().into_response())
        }
        Err(refusal) => refusal.into_response(),
    };
    discard(rest).await;
    log(&method, path.as_ref(), &response);
    set(response.headers_mut(), HeaderName::from_static("traceresponse"), &trace.to_string());
    response
}

/// A line an answer, for `TWINSCOPE_LOG=adt_service::answered=debug`: the route, not what is asked
/// for, so that no id is in it. The tests read which answers were seen.
fn log(method: &Method, path: Option<&MatchedPath>, response: &Response) {
    let path = path.map_or("", MatchedPath::as_str);
    let code = response.headers().get(ERROR_CODE).and_then(|code| code.to_str().ok());
    let (status, code) = (response.status().as_u16(), code.unwrap_or_default());
    tracing::debug!(target: "adt_service::answered", %method, path, status, code);
}

/// The call's trace: a child of the caller's where `traceparent` is one, else a new one.
fn call_of(headers: &HeaderMap) -> Call {
    let parent = headers.get("traceparent").and_then(|value| value.to_str().ok());
    match parent.and_then(|text| text.parse::<TraceContext>().ok()) {
        // Its cause is a fresh span of the caller's trace.
        Some(parent) => {
            let received = Call::within(parent, Origin::Rest);
            Call::within(received.cause().trace, Origin::Rest)
        }
        None => Call::new(Origin::Rest),
    }
}

/// The authority that the request is for, with its port.
pub(super) fn requested_host(parts: &Parts) -> Result<&str, Refusal> {
    let mut hosts = parts.headers.get_all(header::HOST).iter();
    let header = hosts.next().and_then(|value| value.to_str().ok());
    let authority = parts.uri.authority().map(|authority| authority.as_str());
    match authority.or(header) {
        Some(host) if hosts.next().is_none() => Ok(host),
        _ => Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            "BadRequest",
            "The request has no Host header, or more than one. Send exactly one.",
        )),
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !name.ends_with(':') => {
            name
        }
        _ => host,
    }
}

/// There are no CORS headers, so that no page reads an answer; this keeps pages from writing.
fn check_origin(headers: &HeaderMap, host: &str) -> Result<(), Refusal> {
    let own = format!("https://{host}");
    let foreign =
        |origin: &axum::http::HeaderValue| !origin.as_bytes().eq_ignore_ascii_case(own.as_bytes());
    match headers.get_all(header::ORIGIN).iter().find(|origin| foreign(origin)) {
        None => Ok(()),
        Some(origin) => Err(Refusal::new(
            StatusCode::FORBIDDEN,
            "CrossOriginRequest",
            format!(
                "Web pages of «{}» may not use this server. Call it from a program, not from a page.",
                short(&String::from_utf8_lossy(origin.as_bytes()))
            ),
        )),
    }
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// How long it takes does not tell how much of the token is right (its length is no secret).
fn equal_in_constant_time(wanted: &[u8], given: &[u8]) -> bool {
    let differing =
        wanted.iter().zip(given).fold(0, |all, (a, b)| std::hint::black_box(all | (a ^ b)));
    wanted.len() == given.len() && differing == 0
}

/// What a stranger sent, cut to what fits a sentence.
pub(super) fn short(text: &str) -> String {
    text.chars().take(100).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_port_is_no_part_of_a_host() {
        for (host, name) in [
            ("localhost", "localhost"),
            ("localhost:8443", "localhost"),
            ("[::1]:8443", "[::1]"),
            ("[::1]", "[::1]"),
            ("::1", "::1"),
            ("a:b", "a:b"),
            ("", ""),
        ] {
            assert_eq!(without_port(host), name, "{host}");
        }
    }

    #[test]
    fn tokens_are_compared_whole() {
        for (wanted, given, equal) in
            [("abc", "abc", true), ("abc", "abd", false), ("abc", "ab", false), ("abc", "", false)]
        {
            assert_eq!(equal_in_constant_time(wanted.as_bytes(), given.as_bytes()), equal);
        }
    }
}
