//! What a request asks for: parameters, conditions, pages.

use super::answer::Refusal;
use super::gate::{Door, requested_host, short};
use super::version::ApiVersion;
use crate::{Call, IfMatch, PageRequest, TwinService};
use axum::extract::{FromRequestParts, Path};
use axum::http::{HeaderMap, HeaderName, header, request::Parts};
use serde::de::DeserializeOwned;
use std::sync::Arc;
use url::form_urlencoded;

/// A request that passed the gate.
pub(super) struct Ask {
    pub(super) door: Arc<Door>,
    pub(super) call: Call,
    pub(super) version: ApiVersion,
    headers: HeaderMap,
    /// Scheme, host and path, as the client wrote them.
    address: String,
    params: Vec<(String, String)>,
}

impl FromRequestParts<Arc<Door>> for Ask {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, door: &Arc<Door>) -> Result<Self, Refusal> {
        let address = format!("https://{}{}", requested_host(parts)?, parts.uri.path());
        let params = form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
        Ok(Self {
            door: door.clone(),
            call: parts.extensions.get::<Call>().cloned().ok_or_else(Refusal::internal)?,
            version: *parts.extensions.get().ok_or_else(Refusal::internal)?,
            headers: parts.headers.clone(),
            address,
            params: params.into_owned().collect(),
        })
    }
}

impl Ask {
    pub(super) fn service(&self) -> &dyn TwinService {
        &*self.door.service
    }

    /// All values of a query parameter. JavaScript's client appends its own to a `nextLink` that
    /// has them already, so that the same one may come twice.
    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = self.params.iter().filter(move |(given, _)| given.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// The first value of a query parameter.
    pub(super) fn param<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.values(name).next()
    }

    /// A query parameter that is true or false; false where it is not given.
    pub(super) fn flag(&self, name: &str) -> Result<bool, Refusal> {
        match self.param(name).map(str::to_ascii_lowercase).as_deref() {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(other) => Err(Refusal::invalid(format!(
                "Invalid value '{}' of {name}. Allowed value(s): true, false",
                short(other)
            ))),
        }
    }

    /// A list parameter: repeated (Python) or joined with commas (JavaScript), each value once.
    pub(super) fn list(&self, name: &str) -> Vec<String> {
        let mut list: Vec<String> = Vec::new();
        for value in self.values(name).flat_map(|value| value.split(',')).map(str::trim) {
            if !value.is_empty() && !list.iter().any(|known| known == value) {
                list.push(value.to_owned());
            }
        }
        list
    }

    /// Which page of a list is asked for.
    pub(super) fn page(&self) -> Result<PageRequest, Refusal> {
        let continuation = self.param("continuationToken").map(str::to_owned);
        Ok(PageRequest { continuation, max_items: self.max_items()? })
    }

    /// `max-items-per-page`.
    pub(super) fn max_items(&self) -> Result<Option<usize>, Refusal> {
        let name = "max-items-per-page";
        let Some(text) = self.header(HeaderName::from_static(name)) else { return Ok(None) };
        match text.trim().parse() {
            Ok(0) | Err(_) => Err(Refusal::invalid(format!(
                "Invalid {name} header value '{}'. Allowed value(s): a whole number above 0",
                short(text)
            ))),
            Ok(number) => Ok(Some(number)),
        }
    }

    /// The absolute address of the page after this one: what was asked, with the new token.
    pub(super) fn next_link(&self, continuation: Option<&str>) -> Option<String> {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (index, (name, value)) in self.params.iter().enumerate() {
            let again =
                self.params[..index].iter().any(|known| known == &(name.clone(), value.clone()));
            if !again && !name.eq_ignore_ascii_case("continuationToken") {
                query.append_pair(name, value);
            }
        }
        query.append_pair("continuationToken", continuation?);
        Some(format!("{}?{}", self.address, query.finish()))
    }

    /// The address of `below`, under what was asked for.
    pub(super) fn address_of(&self, below: &str) -> String {
        let below: String = form_urlencoded::byte_serialize(below.as_bytes()).collect();
        let version = self.param("api-version").unwrap_or_default();
        format!("{}/{}?api-version={version}", self.address, below.replace('+', "%20"))
    }

    /// A header's text; `None` where it is absent or no text.
    pub(super) fn header(&self, name: HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// `If-Match`.
    pub(super) fn if_match(&self) -> Result<Option<IfMatch>, Refusal> {
        let Some(value) = self.headers.get(header::IF_MATCH) else { return Ok(None) };
        match value.to_str().map(str::trim) {
            Ok("*") => Ok(Some(IfMatch::Any)),
            Ok(etag) if is_etag(etag) => Ok(Some(IfMatch::Etag(etag.into()))),
            _ => Err(Refusal::invalid(
                "Invalid If-Match header value. Allowed value(s): If-Match: {etag} or If-Match: *",
            )),
        }
    }

    /// Whether `If-None-Match: *` was given; it is the only form that the service takes.
    pub(super) fn if_none_match(&self) -> Result<bool, Refusal> {
        match self.headers.get(header::IF_NONE_MATCH).map(|value| value.as_bytes().trim_ascii()) {
            None => Ok(false),
            Some(b"*") => Ok(true),
            Some(_) => Err(Refusal::invalid(
                "Invalid If-None-Match header value. Allowed value(s): If-None-Match: *",
            )),
        }
    }
}

/// `W/"…"` or `"…"`, one of them.
fn is_etag(text: &str) -> bool {
    let quoted = text.strip_prefix("W/").unwrap_or(text);
    let inner = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inner.is_some_and(|inner| !inner.contains('"'))
}

/// The ids in the path, percent-decoded.
pub(super) struct Ids<T>(pub(super) T);

impl<T: DeserializeOwned + Send> FromRequestParts<Arc<Door>> for Ids<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, door: &Arc<Door>) -> Result<Self, Refusal> {
        let ids = Path::<T>::from_request_parts(parts, door).await;
        let ids = ids.map_err(|_| {
            Refusal::invalid("An id in the path is not UTF-8. Percent-encode its UTF-8 bytes.")
        })?;
        Ok(Self(ids.0))
    }
}
