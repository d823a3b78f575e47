//! A client that publishes to a topic, at Azure or here.

use super::event::Schema;
use azure_core::credentials::TokenCredential;
use reqwest::{Client, StatusCode};
use serde_json::{Map, Value};
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;

const SCOPE: &str = "https://eventgrid.azure.net/.default";
const API_VERSION: &str = "2018-01-01";
const ATTEMPTS: u32 = 4;
const FIRST_WAIT: Duration = Duration::from_millis(200);
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// Why nothing was published.
#[derive(Debug, Error)]
pub enum ClientError {
    /// The topic does not take the key or token.
    #[error("{endpoint} refuses the credential: {message}")]
    Unauthorized {
        /// The topic's endpoint.
        endpoint: String,
        /// What it says.
        message: String,
    },
    /// The topic refuses the events.
    #[error("{endpoint} answered {status}: {message}")]
    Refused {
        /// The topic's endpoint.
        endpoint: String,
        /// The HTTP status.
        status: u16,
        /// What it says.
        message: String,
    },
    /// There is no answer.
    #[error("{endpoint} cannot be reached: {reason}. Check the address and the network.")]
    Unreachable {
        /// The topic's endpoint.
        endpoint: String,
        /// Why.
        reason: String,
    },
    /// There is no token to publish with.
    #[error("no token for Event Grid: {0}")]
    Token(String),
}

enum Access {
    Key(String),
    Token(Arc<dyn TokenCredential>),
}

/// Publishes to one topic.
pub struct TopicClient {
    http: Client,
    endpoint: String,
    access: Access,
}

impl TopicClient {
    /// With one of the topic's keys. `endpoint` as the portal or `connect.json` has it.
    #[must_use]
    pub fn with_key(http: Client, endpoint: &str, key: &str) -> Self {
        Self { http, endpoint: endpoint.to_owned(), access: Access::Key(key.to_owned()) }
    }

    /// With an identity that has the role "EventGrid Data Sender".
    #[must_use]
    pub fn with_credential(
        http: Client,
        endpoint: &str,
        credential: Arc<dyn TokenCredential>,
    ) -> Self {
        Self { http, endpoint: endpoint.to_owned(), access: Access::Token(credential) }
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
        let body = serde_json::to_vec(events).unwrap_or_default();
        let content_type = match schema {
            Schema::EventGridSchema => "application/json; charset=utf-8",
            Schema::CloudEventSchemaV1_0 => "application/cloudevents-batch+json; charset=utf-8",
        };
        let mut wait = FIRST_WAIT;
        let mut attempt = 1;
        loop {
            let sent = self.send(content_type, body.clone()).await;
            let again = match &sent {
                Err(ClientError::Unreachable { .. }) => true,
                Err(ClientError::Refused { status, .. }) => matches!(status, 408 | 429 | 500..=599),
                _ => false,
            };
            if !again || attempt == ATTEMPTS {
                return sent;
            }
            tokio::time::sleep(wait).await;
            wait *= 2;
            attempt += 1;
        }
    }

    async fn send(&self, content_type: &str, body: Vec<u8>) -> Result<(), ClientError> {
        let request = self
            .http
            .post(format!("{}?api-version={API_VERSION}", self.endpoint))
            .header("content-type", content_type)
            .timeout(ANSWER_WITHIN)
            .body(body);
        let request = match &self.access {
            Access::Key(key) => request.header("aeg-sas-key", key),
            Access::Token(credential) => {
                let token = credential.get_token(&[SCOPE], None).await;
                let token = token.map_err(|error| ClientError::Token(error.to_string()))?;
                request.bearer_auth(token.token.secret())
            }
        };
        let endpoint = self.endpoint.clone();
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => {
                let reason = error.without_url().to_string();
                return Err(ClientError::Unreachable { endpoint, reason });
            }
        };
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        let text = answer.text().await.unwrap_or_default();
        let said = serde_json::from_str::<Value>(&text).ok();
        let said = said.and_then(|said| Some(said["error"]["message"].as_str()?.to_owned()));
        let message = said.unwrap_or_else(|| text.chars().take(200).collect());
        Err(match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                ClientError::Unauthorized { endpoint, message }
            }
            status => ClientError::Refused { endpoint, status: status.as_u16(), message },
        })
    }
}
