//! Messages of Service Bus.

use crate::client::message::{Body, Parts, Properties};
use amqp::message::property;
use amqp::{Malformed, Value};
use bytes::Bytes;
use std::borrow::Cow;
use std::time::Duration;

pub(super) const SCHEDULED: &str = "x-opt-scheduled-enqueue-time";
const TTL: usize = 2;
const DELIVERY_COUNT: usize = 4;

/// A message to send, or what one carries.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServiceBusMessage {
    /// What it carries.
    pub body: Body,
    /// The application's own properties.
    pub properties: Properties,
    /// Its id; a queue may refuse to have the same twice. One is made where there is none.
    pub message_id: Option<String>,
    /// The session that it belongs to.
    pub session_id: Option<String>,
    /// What it is about; filters call it the label.
    pub subject: Option<String>,
    /// The body's media type.
    pub content_type: Option<String>,
    /// What it belongs with.
    pub correlation_id: Option<String>,
    /// For whom it is.
    pub to: Option<String>,
    /// Where an answer goes.
    pub reply_to: Option<String>,
    /// And to which session there.
    pub reply_to_session_id: Option<String>,
    /// How long it is worth anything.
    pub time_to_live: Option<Duration>,
    /// When it is to be there, in milliseconds since 1970.
    pub scheduled: Option<i64>,
}

impl ServiceBusMessage {
    /// A message with this body and nothing else.
    #[must_use]
    pub fn new(body: impl Into<Body>) -> Self {
        Self { body: body.into(), ..Self::default() }
    }

    /// Encoded, with an id.
    pub(super) fn encode(&self) -> Bytes {
        let application = Cow::Borrowed(&self.properties);
        let mut parts = Parts { body: self.body.clone(), application, ..Parts::default() };
        let id = self.message_id.clone();
        let id = id.unwrap_or_else(|| uuid::Uuid::new_v4().simple().to_string());
        parts.set_text(property::MESSAGE_ID, Some(&id));
        parts.set_text(property::TO, self.to.as_ref());
        parts.set_text(property::SUBJECT, self.subject.as_ref());
        parts.set_text(property::REPLY_TO, self.reply_to.as_ref());
        parts.set_text(property::CORRELATION_ID, self.correlation_id.as_ref());
        if let Some(content_type) = &self.content_type {
            parts.set(property::CONTENT_TYPE, Value::symbol(content_type));
        }
        parts.set_text(property::GROUP_ID, self.session_id.as_ref());
        parts.set_text(property::REPLY_TO_GROUP_ID, self.reply_to_session_id.as_ref());
        // Durable: brokers other than Azure's keep the message only then.
        parts.header = vec![Value::Bool(true), Value::Null, Value::Null];
        if let Some(ttl) = self.time_to_live {
            parts.header[TTL] = Value::Uint(u32::try_from(ttl.as_millis()).unwrap_or(u32::MAX));
        }
        if let Some(millis) = self.scheduled {
            parts.annotate(SCHEDULED, Value::Timestamp(millis));
        }
        parts.encode()
    }

    fn of(parts: Parts) -> Self {
        let text = |at| parts.text(at);
        let ttl = parts.header.get(TTL).and_then(Value::as_u32);
        Self {
            message_id: text(property::MESSAGE_ID),
            session_id: text(property::GROUP_ID),
            subject: text(property::SUBJECT),
            content_type: text(property::CONTENT_TYPE),
            correlation_id: text(property::CORRELATION_ID),
            to: text(property::TO),
            reply_to: text(property::REPLY_TO),
            reply_to_session_id: text(property::REPLY_TO_GROUP_ID),
            time_to_live: ttl.map(|ttl| Duration::from_millis(ttl.into())),
            scheduled: parts.annotation(SCHEDULED).and_then(Value::as_i64),
            properties: parts.application.into_owned(),
            body: parts.body,
        }
    }
}

/// What a message that is looked at waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageState {
    /// To be received.
    Active,
    /// To be received by its number.
    Deferred,
    /// For its time.
    Scheduled,
}

/// A message that came, or was looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct ReceivedMessage {
    /// What the sender sent.
    pub message: ServiceBusMessage,
    /// Its number in the entity.
    pub sequence_number: i64,
    /// When the service took it in, in milliseconds since 1970.
    pub enqueued: i64,
    /// Until when it is locked, in milliseconds since 1970.
    pub locked_until: Option<i64>,
    /// How often it was received before and given back.
    pub delivery_count: u32,
    /// What it waits for.
    pub state: MessageState,
    /// The entity that it was dead-lettered in.
    pub dead_letter_source: Option<String>,
    /// The lock, as `$management` calls it.
    pub(super) lock: Option<[u8; 16]>,
    /// The link that it came over, and its number there.
    pub(super) delivery: Option<(u64, u32)>,
}

impl ReceivedMessage {
    pub(super) fn read(message: Bytes) -> Result<Self, Malformed> {
        let parts = Parts::read(message)?;
        let number = |name| parts.annotation(name).and_then(Value::as_i64);
        let source = parts.annotation("x-opt-deadletter-source").and_then(Value::as_text);
        Ok(Self {
            sequence_number: number("x-opt-sequence-number").unwrap_or_default(),
            enqueued: number("x-opt-enqueued-time").unwrap_or_default(),
            locked_until: number("x-opt-locked-until"),
            state: match number("x-opt-message-state") {
                Some(1) => MessageState::Deferred,
                Some(2) => MessageState::Scheduled,
                _ => MessageState::Active,
            },
            dead_letter_source: source.map(str::to_owned),
            delivery_count: parts.header.get(DELIVERY_COUNT).and_then(Value::as_u32).unwrap_or(0),
            lock: None,
            delivery: None,
            message: ServiceBusMessage::of(parts),
        })
    }

    /// Why it was dead-lettered.
    #[must_use]
    pub fn dead_letter_reason(&self) -> Option<&str> {
        self.message.properties.get("DeadLetterReason").and_then(Value::as_text)
    }

    /// What was said to that.
    #[must_use]
    pub fn dead_letter_description(&self) -> Option<&str> {
        self.message.properties.get("DeadLetterErrorDescription").and_then(Value::as_text)
    }
}

/// A lock's name as `$management` has it: .NET writes the first three groups of a uuid the other
/// way round.
pub(super) fn lock_of_tag(tag: &[u8]) -> Option<[u8; 16]> {
    let mut lock = <[u8; 16]>::try_from(tag).ok()?;
    lock[..4].reverse();
    lock[4..6].reverse();
    lock[6..8].reverse();
    Some(lock)
}
