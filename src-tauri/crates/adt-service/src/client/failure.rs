//! What goes wrong on the way, as a sentence, and whether to try again.

use crate::{Code, ServiceError};
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use rustls::CertificateError;
use serde_json::Value;
use std::error::Error;
use std::io;
use std::time::Duration;
use url::Url;

const ATTEMPTS: u32 = 4;
const FIRST_WAIT: Duration = Duration::from_millis(200);
/// The longest that a service's Retry-After is honoured; longer, the error is the answer.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// A request that got no result.
pub(super) struct Failure {
    pub(super) error: ServiceError,
    again: Again,
}

enum Again {
    /// It would fail again, or is better told at once.
    No,
    /// The service did not begin it.
    AnyCall(Option<Duration>),
    /// The service may have begun it.
    IfRead(Option<Duration>),
}

impl Failure {
    pub(super) fn last(error: ServiceError) -> Self {
        Self { error, again: Again::No }
    }

    /// How long to wait before the next attempt, if there should be one after `attempt` (from 0).
    pub(super) fn wait(&self, is_read: bool, attempt: u32) -> Option<Duration> {
        let asked = match self.again {
            Again::AnyCall(asked) => asked,
            Again::IfRead(asked) if is_read => asked,
            _ => return None,
        };
        let wait = asked.unwrap_or_default().max(FIRST_WAIT * 2_u32.pow(attempt.min(8)));
        (attempt + 1 < ATTEMPTS && wait <= LONGEST_WAIT).then_some(wait)
    }

    /// The request did not reach the service, or its answer did not come back.
    pub(super) fn of_connection(endpoint: &Url, error: &reqwest::Error) -> Self {
        let place = place(endpoint);
        let name = endpoint.host_str().unwrap_or_default();
        let what = innermost(error);
        let (message, again) = if let Some(tls) = tls_error(error) {
            (of_tls(&place, tls), Again::No)
        } else if error.is_dns() {
            (
                format!(
                    "The name «{name}» does not resolve ({what}). Check the address and the network."
                ),
                Again::No,
            )
        } else if error.is_connect() {
            let why = if error.is_timeout() { "no answer within 10 seconds".into() } else { what };
            (
                format!(
                    "{place} does not answer ({why}). Check the address, and that the instance runs."
                ),
                Again::No,
            )
        } else if error.is_timeout() {
            (
                format!(
                    "{place} took the request and did not answer it within 90 seconds. Try again, or ask for less at once."
                ),
                Again::No,
            )
        } else {
            (
                format!("The connection to {place} broke off ({what}). Try again."),
                Again::IfRead(None),
            )
        };
        Self { error: ServiceError::new(Code::ServiceUnavailable, message), again }
    }

    /// The service answered with an error; `body` is what it said, if that was JSON.
    pub(super) fn of_status(
        endpoint: &Url,
        status: StatusCode,
        headers: &HeaderMap,
        body: Option<&Value>,
    ) -> Self {
        let retry_after = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after =
            retry_after.and_then(|text| text.trim().parse().ok()).map(Duration::from_secs);
        let again = match status {
            StatusCode::TOO_MANY_REQUESTS => Again::AnyCall(retry_after),
            _ if status.is_server_error() => Again::IfRead(retry_after),
            _ => Again::No,
        };
        let own = body.and_then(service_error);
        let error = own.unwrap_or_else(|| bare_status(&place(endpoint), status));
        Self { error, again }
    }
}

/// Host and port, as people say it.
pub(super) fn place(endpoint: &Url) -> String {
    let host = endpoint.host_str().unwrap_or_default();
    match endpoint.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

fn bare_status(place: &str, status: StatusCode) -> ServiceError {
    let (code, message) = match status {
        StatusCode::UNAUTHORIZED => (
            Code::Unauthorized,
            format!("{place} does not accept the token (401). Sign in again, or check the token."),
        ),
        StatusCode::FORBIDDEN => (
            Code::Other,
            format!(
                "{place} knows you and refuses this (403). Your identity needs the role Azure Digital Twins Data Owner, or Data Reader to look only."
            ),
        ),
        StatusCode::TOO_MANY_REQUESTS => (
            Code::QuotaReachedError,
            format!(
                "{place} has too many requests at present (429). Wait, then ask for less at once."
            ),
        ),
        _ if status.is_server_error() => (
            Code::ServiceUnavailable,
            format!("{place} has a fault of its own ({status}). Try again later."),
        ),
        _ => (
            Code::Other,
            format!(
                "{place} answered {status} without saying why. Is it an Azure Digital Twins instance?"
            ),
        ),
    };
    ServiceError::new(code, message)
}

/// `{"error": {"code", "message", "details": [{"code", "message"}]}}`.
fn service_error(body: &Value) -> Option<ServiceError> {
    let error = body.get("error")?;
    let (code, message) = code_and_message(error)?;
    let details = error.get("details").and_then(Value::as_array).into_iter().flatten();
    let details = details.filter_map(code_and_message).collect();
    Some(ServiceError { code, message, details })
}

fn code_and_message(error: &Value) -> Option<(Code, String)> {
    let name = error.get("code")?.as_str()?;
    let message = error.get("message").and_then(Value::as_str).unwrap_or_default();
    Some(match Code::from_name(name) {
        Some(code) => (code, message.to_owned()),
        None => (Code::Other, format!("{name}: {message}")),
    })
}

fn of_tls(place: &str, error: &rustls::Error) -> String {
    use CertificateError as Reason;
    match error {
        rustls::Error::InvalidCertificate(reason) => match reason {
            Reason::Expired | Reason::ExpiredContext { .. } => {
                format!(
                    "The certificate of {place} has expired. Renew it, or check this machine's clock."
                )
            }
            Reason::NotValidYet | Reason::NotValidYetContext { .. } => {
                format!("The certificate of {place} is not valid yet. Check this machine's clock.")
            }
            Reason::NotValidForName | Reason::NotValidForNameContext { .. } => {
                format!(
                    "The certificate of {place} is for another name. Address the instance by a name in its certificate."
                )
            }
            _ => format!(
                "The certificate of {place} is not trusted ({reason}). If it is an embedded instance, give its CA file, which its connect.json names."
            ),
        },
        other => {
            format!("{place} answers, but not in TLS that can be used ({other}). Check the port.")
        }
    }
}

/// The TLS library's error, where it is the cause.
fn tls_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(tls) = error.downcast_ref() {
            return Some(tls);
        }
        next = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            // An io::Error leaves out of its sources what it wraps itself.
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    None
}

/// What the deepest cause says: the only part that tells a person anything.
pub(super) fn innermost(error: &dyn Error) -> String {
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest.to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn answered(status: u16, retry_after: Option<&str>) -> Failure {
        let mut headers = HeaderMap::new();
        if let Some(text) = retry_after {
            headers.insert(RETRY_AFTER, text.parse().unwrap());
        }
        let endpoint = Url::parse("https://twins.example").unwrap();
        Failure::of_status(&endpoint, StatusCode::from_u16(status).unwrap(), &headers, None)
    }

    #[test]
    fn tries_again_only_what_may_be_tried() {
        let ms = Duration::from_millis;
        let cases = [
            (429, Some("3"), false, 0, Some(ms(3_000))),
            (429, None, false, 1, Some(ms(400))),
            (429, Some("31"), true, 0, None),
            (429, Some("1"), true, 3, None),
            (429, Some("Wed, 21 Oct 2026 07:28:00 GMT"), true, 0, Some(ms(200))),
            (503, None, true, 2, Some(ms(800))),
            (503, None, false, 0, None),
            (500, Some("2"), true, 0, Some(ms(2_000))),
            (404, None, true, 0, None),
            (401, None, true, 0, None),
        ];
        for (status, retry_after, is_read, attempt, wait) in cases {
            let failure = answered(status, retry_after);
            assert_eq!(failure.wait(is_read, attempt), wait, "{status} {retry_after:?} {attempt}");
        }
    }
}
