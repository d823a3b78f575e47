//! Events, and batches of them.

use crate::client::message::{Body, Parts, Properties, in_batch};
use amqp::Value;
use amqp::message::property;
use bytes::Bytes;
use std::borrow::Cow;

const PARTITION_KEY: &str = "x-opt-partition-key";
const DEVICE: &str = "iothub-connection-device-id";

/// An event to send, or what one carries.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EventData {
    /// What it carries.
    pub body: Body,
    /// The application's own properties.
    pub properties: Properties,
    /// The body's media type.
    pub content_type: Option<String>,
    /// Its id, where the sender gives one.
    pub message_id: Option<String>,
    /// What it belongs with.
    pub correlation_id: Option<String>,
}

impl EventData {
    /// An event with this body and nothing else.
    #[must_use]
    pub fn new(body: impl Into<Body>) -> Self {
        Self { body: body.into(), ..Self::default() }
    }

    pub(super) fn parts(&self) -> Parts<'_> {
        let application = Cow::Borrowed(&self.properties);
        let mut parts = Parts { body: self.body.clone(), application, ..Parts::default() };
        parts.set_text(property::MESSAGE_ID, self.message_id.as_ref());
        parts.set_text(property::CORRELATION_ID, self.correlation_id.as_ref());
        if let Some(content_type) = &self.content_type {
            parts.set(property::CONTENT_TYPE, Value::symbol(content_type));
        }
        parts
    }
}

/// Which partition events go to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Target {
    /// The service chooses.
    #[default]
    Any,
    /// That of a key: events with the same key go to the same partition, in order.
    Key(String),
    /// This one, by its id.
    Partition(String),
}

impl Target {
    pub(super) fn annotations(&self) -> Vec<(Value, Value)> {
        match self {
            Self::Key(key) => vec![(Value::symbol(PARTITION_KEY), Value::String(key.clone()))],
            _ => Vec::new(),
        }
    }
}

/// Events that go together, all or none, and no larger than the service takes.
#[derive(Clone, Debug)]
pub struct EventBatch {
    pub(super) target: Target,
    pub(super) events: Vec<Bytes>,
    bytes: usize,
    most: usize,
}

impl EventBatch {
    pub(super) fn new(target: Target, most: usize) -> Self {
        Self { target, events: Vec::new(), bytes: 0, most }
    }

    /// Adds an event; whether there was room for it.
    #[must_use]
    pub fn add(&mut self, event: &EventData) -> bool {
        let encoded = event.parts().encode();
        let bytes = in_batch(&encoded);
        let fits = self.bytes + bytes <= self.most;
        if fits {
            self.bytes += bytes;
            self.events.push(encoded);
        }
        fits
    }

    /// How many bytes they take.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many events are in it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }
}

/// An event that came.
#[derive(Clone, Debug, PartialEq)]
pub struct ReceivedEvent {
    /// What the sender sent.
    pub data: EventData,
    /// Its number in the partition.
    pub sequence_number: i64,
    /// Where it stands in the partition.
    pub offset: String,
    /// When the service took it in, in milliseconds since 1970.
    pub enqueued: i64,
    /// The key that chose the partition.
    pub partition_key: Option<String>,
    /// The device that sent it to an IoT hub, of whose endpoint this is
    /// (`iothub-connection-device-id`).
    pub device: Option<String>,
}

impl ReceivedEvent {
    pub(super) fn read(message: Bytes) -> Result<Self, amqp::Malformed> {
        let parts = Parts::read(message)?;
        let number = |name| parts.annotation(name).and_then(Value::as_i64).unwrap_or_default();
        let text = |name| parts.annotation(name).and_then(Value::as_text).map(str::to_owned);
        Ok(Self {
            sequence_number: number("x-opt-sequence-number"),
            offset: text("x-opt-offset").unwrap_or_default(),
            enqueued: number("x-opt-enqueued-time"),
            partition_key: text(PARTITION_KEY),
            device: text(DEVICE),
            data: EventData {
                content_type: parts.text(property::CONTENT_TYPE),
                message_id: parts.text(property::MESSAGE_ID),
                correlation_id: parts.text(property::CORRELATION_ID),
                properties: parts.application.into_owned(),
                body: parts.body,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::message::envelope;

    #[test]
    fn a_batch_takes_what_fits() {
        let mut batch = EventBatch::new(Target::Any, 1_000);
        let event = EventData::new(vec![b'x'; 100]);
        let taken = (0..20).take_while(|_| batch.add(&event)).count();
        assert_eq!(taken, batch.len());
        let bytes = envelope(&[], &batch.events).len();
        assert!(bytes <= 1_000 && bytes + 110 > 1_000, "{taken} events, {bytes} bytes");
        assert!(!batch.add(&EventData::new(vec![b'x'; 2_000])));
    }
}
