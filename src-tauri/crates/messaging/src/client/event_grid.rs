//! Event Grid: publish events of either schema to a topic, at Azure or here.

use super::retry::Retry;
use super::{ClientError, Code, Trust};
use crate::clock::now_seconds;
use crate::event_grid::Schema;
use crate::sas::{Key, encode_component};
use azure_core::credentials::TokenCredential;
use bytes::Bytes;
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::{Map, Value};
use std::fmt;
use std::sync::Arc;

const SCOPE: &str = "https://eventgrid.azure.net/.default";
const API_VERSION: &str = "2018-01-01";
/// How long a token that we sign lasts, in seconds: for one request.
const TOKEN_LIFE: u64 = 10 * 60;
/// How much of an answer that is no JSON is told.
const MOST_TOLD: usize = 200;

/// With what a topic is opened.
#[derive(Clone)]
pub enum TopicAccess {
    /// One of its keys, sent with each request.
    Key(String),
    /// One of its keys, which only signs: the key itself does not leave this process.
    SigningKey(String),
    /// A ready token, `r=…&e=…&s=…`.
    Signature(String),
    /// An identity with the role "EventGrid Data Sender".
    Identity(Arc<dyn TokenCredential>),
}

impl fmt::Debug for TopicAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Key(_) => "Key(…)",
            Self::SigningKey(_) => "SigningKey(…)",
            Self::Signature(_) => "Signature(…)",
            Self::Identity(_) => "Identity",
        })
    }
}

/// Publishes to one topic.
#[derive(Clone, Debug)]
pub struct EventGridClient {
    http: Client,
    endpoint: String,
    access: TopicAccess,
    retry: Retry,
}

impl EventGridClient {
    /// A client of a topic. `endpoint` as the portal or `connect.json` has it.
    ///
    /// # Errors
    /// [`Code::Settings`] where the endpoint is no address, or the PEM to trust no certificate.
    pub fn new(
        endpoint: &str,
        access: TopicAccess,
        trust: &Trust,
        retry: Retry,
    ) -> Result<Self, ClientError> {
        let wrong = |text: &str| ClientError::settings("The topic's endpoint", text);
        let url = url::Url::parse(endpoint).map_err(|error| wrong(&error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(wrong("it has to begin with https://"));
        }
        Ok(Self { http: trust.http()?, endpoint: endpoint.to_owned(), access, retry })
    }

    /// Publishes events of one schema, all or none. Tries again where the service is busy or
    /// does not answer; an event may then be there twice, with the same id.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn publish(
        &self,
        schema: Schema,
        events: &[Map<String, Value>],
    ) -> Result<(), ClientError> {
        let body = serde_json::to_vec(events)
            .map_err(|error| ClientError::settings("The events", error.to_string()))?;
        self.publish_json(schema, body.into()).await
    }

    /// The same with events that are written already: a JSON array of them.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn publish_json(&self, schema: Schema, body: Bytes) -> Result<(), ClientError> {
        let content_type = match schema {
            Schema::EventGridSchema => "application/json; charset=utf-8",
            Schema::CloudEventSchemaV1_0 => "application/cloudevents-batch+json; charset=utf-8",
        };
        let mut attempts = self.retry.attempts();
        loop {
            match self.send(content_type, body.clone()).await {
                Ok(()) => return Ok(()),
                Err(error) => attempts.pause(error).await?,
            }
        }
    }

    async fn send(&self, content_type: &str, body: Bytes) -> Result<(), ClientError> {
        let request = self
            .http
            .post(format!("{}?api-version={API_VERSION}", self.endpoint))
            .header("content-type", content_type)
            .timeout(self.retry.within)
            .body(body);
        let answer = match self.authorized(request).await?.send().await {
            Ok(answer) => answer,
            Err(error) => {
                let code = if error.is_timeout() { Code::Timeout } else { Code::Unreachable };
                let sent = !error.is_connect();
                let text = causes(&error.without_url());
                let error = ClientError::new(code, self.endpoint.as_str(), text);
                return Err(if sent { error.when_sent() } else { error });
            }
        };
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        let text = answer.text().await.unwrap_or_default();
        let said = serde_json::from_str::<Value>(&text).ok();
        let said = said.and_then(|said| Some(said["error"]["message"].as_str()?.to_owned()));
        let message = said.unwrap_or_else(|| text.chars().take(MOST_TOLD).collect());
        let code = match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Code::Unauthorized,
            StatusCode::NOT_FOUND => Code::NotFound,
            StatusCode::PAYLOAD_TOO_LARGE => Code::TooLarge,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => Code::Busy,
            StatusCode::REQUEST_TIMEOUT | StatusCode::GATEWAY_TIMEOUT => Code::Timeout,
            status if status.is_server_error() => Code::Unreachable,
            _ => Code::Refused,
        };
        let detail = Some(status.as_u16().to_string());
        Err(ClientError { detail, ..ClientError::new(code, self.endpoint.as_str(), message) })
    }

    async fn authorized(&self, request: RequestBuilder) -> Result<RequestBuilder, ClientError> {
        Ok(match &self.access {
            TopicAccess::Key(key) => request.header("aeg-sas-key", key),
            TopicAccess::SigningKey(key) => {
                request.header("aeg-sas-token", signature(&self.endpoint, key)?)
            }
            TopicAccess::Signature(token) => request.header("aeg-sas-token", token),
            TopicAccess::Identity(identity) => {
                let token = identity.get_token(&[SCOPE], None).await.map_err(|error| {
                    let text = format!("no token: {error}");
                    ClientError::new(Code::Unauthorized, self.endpoint.as_str(), text)
                })?;
                request.bearer_auth(token.token.secret())
            }
        })
    }
}

/// A token for a topic, as azure-eventgrid's `generate_sas` makes it.
fn signature(endpoint: &str, key: &str) -> Result<String, ClientError> {
    let key = Key::base64(key)
        .map_err(|error| ClientError::settings("The topic's key", error.to_string()))?;
    let expires = i64::try_from(now_seconds() + TOKEN_LIFE).unwrap_or(i64::MAX);
    let expires = jiff::Timestamp::from_second(expires).unwrap_or(jiff::Timestamp::MAX);
    let resource = encode_component(&format!("{endpoint}?apiVersion={API_VERSION}"));
    let unsigned = format!("r={resource}&e={}", encode_component(&expires.to_string()));
    Ok(format!("{unsigned}&s={}", encode_component(&key.sign(&unsigned))))
}

/// An error with what is behind it: reqwest's own text says little.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
