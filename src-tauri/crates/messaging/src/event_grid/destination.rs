//! Where a subscription's events go.

use super::attributes::Attributes;
use super::event::Schema;
use super::retry::{ANSWER_WITHIN, Failure, TimeFactor};
use super::subscription::WebHook;
use async_trait::async_trait;
use reqwest::Client;
use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};

/// One delivery: some events of one subscription, all or none.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The topic's name.
    pub topic: String,
    /// The subscription's name.
    pub subscription: String,
    /// How often these were tried before.
    pub attempts: u32,
    /// The schema of the events.
    pub schema: Schema,
    /// Whether the subscription asks for batches, and so gets an array in either schema.
    pub batched: bool,
    /// What the events' records take in the topic, in bytes.
    pub bytes: usize,
    /// The events, as JSON of the schema.
    pub events: Vec<Attributes>,
}

/// Takes events: a web hook, what a subscription names in a namespace, a function of this app.
#[async_trait]
pub trait Destination: Send + Sync {
    /// Takes all of a delivery, or none.
    ///
    /// # Errors
    /// Why not, as the service names it; that decides whether it is tried again.
    async fn deliver(&self, delivery: Delivery) -> Result<(), Failure>;
}

/// An HTTP endpoint.
pub(super) struct WebHookClient {
    pub(super) http: Client,
    pub(super) hook: WebHook,
    pub(super) factor: TimeFactor,
}

#[async_trait]
impl Destination for WebHookClient {
    async fn deliver(&self, delivery: Delivery) -> Result<(), Failure> {
        let (content_type, body) = match (delivery.schema, delivery.events.as_slice()) {
            (Schema::CloudEventSchemaV1_0, [event]) if !delivery.batched => {
                ("application/cloudevents+json; charset=utf-8", event.as_json().as_bytes().to_vec())
            }
            (Schema::CloudEventSchemaV1_0, events) => {
                ("application/cloudevents-batch+json; charset=utf-8", Attributes::array(events))
            }
            (Schema::EventGridSchema, events) => {
                ("application/json; charset=utf-8", Attributes::array(events))
            }
        };
        let mut request = self
            .http
            .post(&self.hook.endpoint_url)
            .header(CONTENT_TYPE, content_type)
            .header("aeg-event-type", "Notification")
            .header("aeg-subscription-name", delivery.subscription.to_uppercase())
            .header("aeg-delivery-count", delivery.attempts)
            .timeout(self.factor.scale(ANSWER_WITHIN));
        if delivery.schema == Schema::EventGridSchema {
            request = request.header("aeg-metadata-version", "1");
            let version = delivery.events.first().and_then(|event| event.text("dataVersion"));
            if let Some(version) = version.and_then(|v| HeaderValue::from_str(&v).ok()) {
                request = request.header(HeaderName::from_static("aeg-data-version"), version);
            }
        }
        let answer = request.body(body).send().await;
        match answer.map(|answer| answer.status().as_u16()) {
            Ok(200..=204) => Ok(()),
            Ok(status) => Err(Failure::of_status(status)),
            Err(error) => Err(failed(&error)),
        }
    }
}

/// What an HTTP request came to that got no answer.
pub(super) fn failed(error: &reqwest::Error) -> Failure {
    let text = format!("{error:?}").to_ascii_lowercase();
    Failure::of(if error.is_timeout() {
        "TimedOut"
    } else if error.is_connect() && text.contains("dns") {
        "ResolutionError"
    } else {
        "SocketError"
    })
}
