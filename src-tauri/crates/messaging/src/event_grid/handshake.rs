//! Whether a web hook wants a subscription's events: asked before the first one is sent.
//!
//! Source: "Endpoint validation with Event Grid event schema", "… with CloudEvents schema"
//! (Microsoft Learn), and the CloudEvents 1.0 "HTTP 1.1 Web Hooks for Event Delivery".

use super::event::Schema;
use super::retry::{ANSWER_WITHIN, TimeFactor};
use reqwest::{Client, Method, Response};
use serde::Deserialize;
use serde_json::json;

//= documented: A web hook agrees by its validation code, by the validation URL within ten
//  minutes, or, for CloudEvents, by WebHook-Allowed-Origin.
//  [event-grid/end-point-validation-event-grid-events-schema]
/// What the hook must allow.
const ORIGIN: &str = "eventgrid.azure.net";
/// The most of an answer that is read.
const MAX_ANSWER_BYTES: usize = 64 << 10;

/// What came of asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Validated {
    /// The hook agreed.
    Yes,
    /// It answered, and did not say yes or no: somebody must open the validation URL.
    ByHand,
    /// It refused, or did not answer.
    No(String),
}

pub(super) struct Question<'a> {
    pub(super) url: &'a str,
    pub(super) schema: Schema,
    pub(super) topic_id: &'a str,
    pub(super) subscription: &'a str,
    /// What the hook must say back, or a person bring to `validation_url`.
    pub(super) code: &'a str,
    pub(super) validation_url: &'a str,
    pub(super) factor: TimeFactor,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    validation_response: String,
}

impl Question<'_> {
    pub(super) async fn ask(&self, http: &Client) -> Validated {
        match self.schema {
            Schema::EventGridSchema => self.ask_by_event(http).await,
            Schema::CloudEventSchemaV1_0 => self.ask_by_options(http).await,
        }
    }

    async fn ask_by_event(&self, http: &Client) -> Validated {
        let now = crate::iot_hub::rfc3339(crate::iot_hub::millis());
        let event = json!([{
            "id": uuid::Uuid::new_v4().to_string(),
            "topic": self.topic_id,
            "subject": "",
            "data": {"validationCode": self.code, "validationUrl": self.validation_url},
            "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
            "eventTime": now,
            "metadataVersion": "1",
            "dataVersion": "2",
        }]);
        let request = http
            .post(self.url)
            .header("aeg-event-type", "SubscriptionValidation")
            .header("aeg-subscription-name", self.subscription.to_uppercase())
            .header("aeg-delivery-count", "0")
            .header("aeg-data-version", "2")
            .header("aeg-metadata-version", "1");
        let answer = match self.send(request.json(&event)).await {
            Ok(answer) => answer,
            Err(no) => return no,
        };
        let status = answer.status().as_u16();
        let body = read(answer).await;
        match serde_json::from_slice::<Answer>(&body) {
            Ok(answer) if answer.validation_response == self.code && status == 200 => {
                Validated::Yes
            }
            Ok(answer) if answer.validation_response != self.code => {
                self.no("its validationResponse is not the validationCode that it was sent")
            }
            _ => Validated::ByHand,
        }
    }

    async fn ask_by_options(&self, http: &Client) -> Validated {
        let request = http
            .request(Method::OPTIONS, self.url)
            .header("WebHook-Request-Origin", ORIGIN)
            .header("WebHook-Request-Callback", self.validation_url)
            .header("WebHook-Request-Rate", "120");
        let answer = match self.send(request).await {
            Ok(answer) => answer,
            Err(no) => return no,
        };
        let allowed = answer.headers().get("WebHook-Allowed-Origin").map(|value| {
            let allowed = value.to_str().unwrap_or_default().split(',').map(str::trim);
            allowed.into_iter().any(|origin| origin == "*" || origin.eq_ignore_ascii_case(ORIGIN))
        });
        match allowed {
            Some(true) => Validated::Yes,
            Some(false) => self.no("its WebHook-Allowed-Origin does not name eventgrid.azure.net"),
            None => Validated::ByHand,
        }
    }

    /// A 2xx answer, or why there is none.
    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Response, Validated> {
        match request.timeout(self.factor.scale(ANSWER_WITHIN)).send().await {
            Ok(answer) if answer.status().is_success() => Ok(answer),
            Ok(answer) if answer.status().is_redirection() => {
                Err(self.no(&format!("it redirects ({}), which is not followed", answer.status())))
            }
            Ok(answer) => Err(self.no(&format!("it answered {}", answer.status()))),
            Err(error) if error.is_timeout() => Err(self.no("it did not answer in time")),
            Err(_) => Err(self.no("it cannot be reached")),
        }
    }

    fn no(&self, why: &str) -> Validated {
        let url = self.url.split('?').next().unwrap_or_default();
        Validated::No(format!(
            "The attempt to validate the provided endpoint {url} failed: {why}. For more details, visit https://aka.ms/esvalidation."
        ))
    }
}

/// The beginning of an answer's body; what takes too long, or breaks off, is not there.
async fn read(mut answer: Response) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = answer.chunk().await {
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            break;
        }
        body.extend_from_slice(&chunk);
    }
    body
}
