//! What goes to an endpoint, in the forms that the three services take.

use super::mixed;
use crate::DeviceMessage;
use adt_events::{Event2019, EventType2019, Notification, trace_state};
use messaging::event_grid::Schema;
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use twin_graph::TraceContext;

/// One event on its way out. Clones share it.
#[derive(Clone, Debug)]
pub(super) enum Outgoing {
    /// Of an event route.
    Notification(Arc<Notification>),
    /// Of 2019.
    Event2019(Arc<Event2019>),
    /// A device's message, raw.
    Message(Arc<DeviceMessage>),
}

/// What an AMQP message says: application properties, and a JSON body.
pub(super) struct AmqpForm {
    pub(super) properties: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
}

impl Outgoing {
    pub(super) fn id(&self) -> &str {
        match self {
            Self::Notification(notification) => &notification.id,
            Self::Event2019(event) => &event.id,
            Self::Message(message) => &message.id,
        }
    }

    /// Events about the same keep their order: of a twin, or a device.
    pub(super) fn about(&self) -> &str {
        match self {
            Self::Notification(notification) => notification.twin(),
            Self::Event2019(event) => &event.object,
            Self::Message(message) => &message.device,
        }
    }

    pub(super) fn trace(&self) -> TraceContext {
        match self {
            Self::Notification(notification) => notification.trace,
            Self::Event2019(event) => event.trace,
            Self::Message(message) => message.trace,
        }
    }

    /// For an event hub or topic of this name; each delivery is a span of its own.
    pub(super) fn amqp(&self, entity: &str, span: u64) -> AmqpForm {
        let trace = |state: Option<String>| {
            let parent = ("traceparent", self.trace().child(span).to_string());
            [Some(parent), state.map(|state| ("tracestate", state))].into_iter().flatten()
        };
        match self {
            Self::Notification(notification) => AmqpForm {
                properties: notification.delivered(span).amqp_properties(),
                body: json(&notification.data),
            },
            Self::Event2019(event) => {
                let topic = format!("/subscriptions/{entity}");
                let body = json(&event.in_schema(&topic));
                AmqpForm { properties: trace(event.trace_state()).collect(), body }
            }
            Self::Message(message) => {
                let fields = [
                    ("id", message.id.to_string()),
                    ("subject", message.device.to_string()),
                    ("eventType", EventType2019::DeviceMessage.as_str().to_owned()),
                    ("eventTime", message.time.to_string()),
                ];
                let state = trace_state(message.hops);
                let properties = fields.into_iter().chain(trace(state)).collect();
                AmqpForm { properties, body: json(&message.body) }
            }
        }
    }

    /// Appends it as Event Grid takes it.
    pub(super) fn write_grid_event(&self, schema: Schema, span: u64, out: &mut Vec<u8>) {
        match (self, schema) {
            (Self::Notification(notification), Schema::CloudEventSchemaV1_0) => {
                append(out, &notification.delivered(span).cloud_event());
            }
            (Self::Notification(notification), Schema::EventGridSchema) => {
                append(out, &notification.delivered(span).grid_event());
            }
            (Self::Event2019(event), _) => append(out, &event.for_event_grid(span)),
            // Checked topologies send messages to event hubs only.
            (Self::Message(message), _) => append(out, &message.body),
        }
    }

    /// In which schema a topic is first tried.
    pub(super) fn schema(&self) -> Schema {
        match self {
            Self::Notification(_) => Schema::CloudEventSchemaV1_0,
            _ => Schema::EventGridSchema,
        }
    }

    /// What a dead letter holds.
    pub(super) fn letter(&self) -> Value {
        match self {
            Self::Notification(notification) => notification.to_cloud_event(),
            // By the rules of 2019 there are no dead letters.
            Self::Event2019(_) | Self::Message(_) => Value::Null,
        }
    }
}

/// Nothing here can fail to be JSON: keys are texts, and numbers are JSON's.
fn append(out: &mut Vec<u8>, value: &impl serde::Serialize) {
    if let Err(error) = serde_json::to_writer(out, value) {
        tracing::error!(%error, "an event could not be written as JSON");
    }
}

fn json(value: &impl serde::Serialize) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    append(&mut out, value);
    out
}

/// Makes span ids: random enough to differ, and far cheaper than the system's random numbers.
pub(super) struct Spans(AtomicU64);

impl Spans {
    pub(super) fn new() -> Self {
        Self(AtomicU64::new(uuid::Uuid::new_v4().as_u64_pair().0))
    }

    pub(super) fn next(&self) -> u64 {
        mixed(self.0.fetch_add(1, Relaxed))
    }
}
