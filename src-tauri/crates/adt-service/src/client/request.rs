//! One request: its address, its headers, its attempts.

use super::answer::{Answered, read};
use super::failure::Failure;
use super::{RestClient, invalid};
use crate::{Call, IfMatch, ServiceError};
use reqwest::Method;
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, IF_MATCH,
    IF_NONE_MATCH,
};
use serde_json::Value;
use tokio::time::sleep;
use url::Url;

const API_VERSION: &str = "2023-10-31";
const MAX_ITEMS: HeaderName = HeaderName::from_static("max-items-per-page");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const JSON: &str = "application/json";
const JSON_PATCH: &str = "application/json-patch+json";

/// A request, ready to be sent as often as needed.
pub(super) struct Request<'a> {
    client: &'a RestClient,
    method: Method,
    address: Url,
    headers: HeaderMap,
    body: Option<Vec<u8>>,
    /// Whether the service may carry it out twice without a trace.
    is_read: bool,
}

impl RestClient {
    /// A request for a path of these segments, which are percent-encoded here.
    ///
    /// # Errors
    /// Where a segment cannot stand in an address.
    pub(super) fn request(
        &self,
        method: Method,
        path: &[&str],
    ) -> Result<Request<'_>, ServiceError> {
        let mut address = self.endpoint.clone();
        for segment in path {
            check_segment(segment)?;
        }
        if let Ok(mut segments) = address.path_segments_mut() {
            segments.clear().extend(path);
        }
        address.query_pairs_mut().append_pair("api-version", API_VERSION);
        Ok(self.request_to(method, address))
    }

    /// The page that a `nextLink` names.
    ///
    /// # Errors
    /// Where it leads to another host, which must not get the token.
    pub(super) fn next_page(&self, link: &str) -> Result<Request<'_>, ServiceError> {
        let address = self.endpoint.join(link).ok();
        let address = address.filter(|address| address.origin() == self.endpoint.origin());
        let address = address.ok_or_else(|| {
            invalid("The list cannot be continued: its continuation is not one of this instance. Read the list anew.")
        })?;
        Ok(self.request_to(Method::GET, address))
    }

    fn request_to(&self, method: Method, address: Url) -> Request<'_> {
        let is_read = method == Method::GET;
        let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(JSON))]);
        Request { client: self, method, address, headers, body: None, is_read }
    }
}

/// `.` and `..` would be taken for steps in the path and control characters for nothing: the
/// request would reach something else.
fn check_segment(segment: &str) -> Result<(), ServiceError> {
    if matches!(segment, "" | "." | "..") || segment.contains(char::is_control) {
        return Err(invalid(format!(
            "«{}» cannot be an id: an id is not empty, not «.» or «..», and has no control characters.",
            segment.escape_debug().take(100).collect::<String>()
        )));
    }
    Ok(())
}

impl Request<'_> {
    pub(super) fn param(mut self, name: &str, value: &str) -> Self {
        self.address.query_pairs_mut().append_pair(name, value);
        self
    }

    pub(super) fn header(mut self, name: HeaderName, value: &str) -> Result<Self, ServiceError> {
        let value = HeaderValue::from_str(value).map_err(|_| {
            invalid(format!("The value of {name} has characters that no HTTP header can carry."))
        })?;
        self.headers.insert(name, value);
        Ok(self)
    }

    pub(super) fn max_items(self, max_items: Option<usize>) -> Result<Self, ServiceError> {
        match max_items {
            Some(number) => self.header(MAX_ITEMS, &number.to_string()),
            None => Ok(self),
        }
    }

    pub(super) fn if_none_match(mut self, only_new: bool) -> Self {
        if only_new {
            self.headers.insert(IF_NONE_MATCH, HeaderValue::from_static("*"));
        }
        self
    }

    pub(super) fn if_match(self, condition: Option<IfMatch>) -> Result<Self, ServiceError> {
        match condition {
            Some(IfMatch::Any) => self.header(IF_MATCH, "*"),
            Some(IfMatch::Etag(etag)) => self.header(IF_MATCH, &etag),
            None => Ok(self),
        }
    }

    pub(super) fn json(self, body: &Value) -> Self {
        self.body(body.to_string(), JSON)
    }

    pub(super) fn json_patch(self, body: &Value) -> Self {
        self.body(body.to_string(), JSON_PATCH)
    }

    fn body(mut self, body: String, content_type: &'static str) -> Self {
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        self.body = Some(body.into_bytes());
        self
    }

    /// A POST that changes nothing, as a query is.
    pub(super) fn changing_nothing(mut self) -> Self {
        self.is_read = true;
        self
    }

    /// Sends it, again where that is safe and of use.
    pub(super) async fn send(mut self, call: &Call) -> Result<Answered, ServiceError> {
        // A span of its own in the caller's trace.
        self = self.header(TRACEPARENT, &call.cause().trace.to_string())?;
        let mut attempt = 0;
        loop {
            let failure = match self.send_once().await {
                Ok(answered) => return Ok(answered),
                Err(failure) => failure,
            };
            let Some(wait) = failure.wait(self.is_read, attempt) else { return Err(failure.error) };
            sleep(wait).await;
            attempt += 1;
        }
    }

    async fn send_once(&self) -> Result<Answered, Failure> {
        let client = self.client;
        let token = client.credential.token().await.map_err(Failure::last)?;
        let mut bearer = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| {
            Failure::last(invalid("The token has characters that no HTTP header can carry."))
        })?;
        bearer.set_sensitive(true);
        let mut request = client
            .http
            .request(self.method.clone(), self.address.clone())
            .headers(self.headers.clone())
            .header(AUTHORIZATION, bearer);
        if let Some(body) = &self.body {
            request = request.body(body.clone());
        }
        let response = request.send().await;
        let response =
            response.map_err(|error| Failure::of_connection(&client.endpoint, &error))?;
        read(&client.endpoint, response).await
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::client::{RestOptions, StaticToken};
    use std::sync::Arc;

    fn client() -> RestClient {
        let endpoint = Url::parse("https://twins.example:8443").unwrap();
        let credential = Arc::new(StaticToken::new("t"));
        RestClient::new(RestOptions { endpoint, ca_pem: None, credential }).unwrap()
    }

    #[test]
    fn ids_stay_one_segment() {
        for (id, encoded) in [
            ("Room_01", "Room_01"),
            ("a/b", "a%2Fb"),
            ("a b?c#d%e", "a%20b%3Fc%23d%25e"),
            ("dtmi:com:ex;1", "dtmi:com:ex;1"),
            ("étage", "%C3%A9tage"),
            ("a\\b", "a%5Cb"),
            ("...", "..."),
        ] {
            let request = client().request(Method::GET, &["digitaltwins", id]).map(|r| r.address);
            let expected =
                format!("https://twins.example:8443/digitaltwins/{encoded}?api-version=2023-10-31");
            assert_eq!(request.unwrap().as_str(), expected);
        }
        for id in ["", ".", "..", "a\tb", "a\n"] {
            let request = client().request(Method::GET, &["digitaltwins", id]).map(|r| r.address);
            assert!(request.unwrap_err().message.contains("cannot be an id"), "{id:?}");
        }
    }

    #[test]
    fn the_token_goes_to_the_instance_only() {
        for (link, allowed) in [
            ("https://twins.example:8443/models?continuationToken=a", true),
            ("/models?continuationToken=a", true),
            ("https://twins.example/models", false),
            ("http://twins.example:8443/models", false),
            ("https://other.example:8443/models", false),
            ("//other.example/models", false),
        ] {
            assert_eq!(client().next_page(link).is_ok(), allowed, "{link}");
        }
    }
}
