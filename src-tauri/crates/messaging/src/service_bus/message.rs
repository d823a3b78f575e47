//! Messages: out of what a client sent, into a record, and out to a receiver.

use amqp::message::{Sections, property, section, write_section};
use amqp::{Error, Malformed, Value};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use std::sync::Arc;
use uuid::Uuid;

/// The format of a batch: each data section of it is one whole message.
const BATCH: u32 = 0x8001_3700;
const RECORD_VERSION: u8 = 1;
const SCHEDULED: &str = "x-opt-scheduled-enqueue-time";
/// Annotations that are the service's to give.
const OWN: [&str; 8] = [
    SCHEDULED,
    "x-opt-sequence-number",
    "x-opt-enqueue-sequence-number",
    "x-opt-enqueued-time",
    "x-opt-locked-until",
    "x-opt-message-state",
    "x-opt-deadletter-source",
    "x-opt-lock-token",
];

/// What is known of a message besides its body.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct About {
    pub(crate) message_id: String,
    pub(crate) session: Option<String>,
    /// In milliseconds since 1970, as are the others.
    pub(crate) enqueued: i64,
    pub(crate) expires: Option<i64>,
    pub(crate) scheduled: Option<i64>,
    /// Its own time to live, in milliseconds.
    pub(crate) ttl: Option<u32>,
    durable: bool,
    priority: u8,
    /// Where it was dead-lettered.
    dead_in: Option<String>,
    /// Message annotations other than the service's own.
    annotations: Vec<(Value, Value)>,
}

/// A message that is to be kept, or is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Message {
    pub(crate) about: Arc<About>,
    /// The bare message.
    pub(crate) bare: Bytes,
}

/// What rules see of a message.
pub(crate) struct Seen {
    pub(crate) properties: Value,
    pub(crate) application: Value,
}

impl Message {
    /// The messages of a delivery: one, or those of a batch.
    pub(crate) fn read(message: Bytes, format: u32, now: i64) -> Result<Vec<Self>, Error> {
        if format != BATCH {
            return Ok(vec![Self::of(message, now)?]);
        }
        let parts = Sections::of(message)?.data()?;
        Ok(parts.into_iter().map(|part| Self::of(part, now)).collect::<Result<_, _>>()?)
    }

    /// A message as it came from a client. One without an id is given one: the JavaScript client
    /// cannot settle without.
    pub(crate) fn of(message: Bytes, now: i64) -> Result<Self, Malformed> {
        let sections = Sections::of(message)?;
        let value = |section: &Option<Bytes>| {
            section.as_ref().map_or(Ok(Value::Null), |bytes| Value::read(bytes.clone()))
        };
        let header = value(&sections.header)?;
        let mut properties = value(&sections.properties)?;
        let annotations = value(&sections.message_annotations)?;
        let message_id = match Sections::property(&properties, property::MESSAGE_ID) {
            Value::Null => Uuid::new_v4().simple().to_string(),
            id => text_of(id),
        };
        let mut bare = sections.bare.clone();
        if *Sections::property(&properties, property::MESSAGE_ID) == Value::Null {
            let mut fields = properties.as_list().unwrap_or_default().to_vec();
            fields.resize(fields.len().max(1), Value::Null);
            fields[property::MESSAGE_ID] = Value::String(message_id.clone());
            properties = Value::List(fields);
            bare = with_properties(&sections, &properties);
        }
        let field = |at| Sections::property(&header, at);
        let ttl = field(2).as_u32();
        let foreign =
            |(key, _): &&(Value, Value)| !OWN.iter().any(|own| key.as_text() == Some(own));
        let session = Sections::property(&properties, property::GROUP_ID).as_text();
        let pairs = annotations.as_map().unwrap_or_default();
        let scheduled = annotations.get(SCHEDULED).and_then(Value::as_i64);
        let about = About {
            session: session.map(str::to_owned),
            enqueued: now,
            expires: ttl.map(|ttl| now.saturating_add(ttl.into())),
            scheduled: scheduled.filter(|at| *at > now),
            ttl,
            durable: field(0).as_bool().unwrap_or(true),
            priority: field(1).as_u32().and_then(|p| u8::try_from(p).ok()).unwrap_or(4),
            dead_in: None,
            annotations: pairs.iter().filter(foreign).cloned().collect(),
            message_id,
        };
        Ok(Self { about: Arc::new(about), bare })
    }

    /// The same, to live at most so long in its entity.
    pub(crate) fn within(self, ttl: Option<i64>) -> Self {
        let Some(ttl) = ttl else { return self };
        let from = self.about.scheduled.unwrap_or(self.about.enqueued);
        let latest = from.saturating_add(ttl);
        let expires = Some(self.about.expires.map_or(latest, |own| own.min(latest)));
        Self { about: Arc::new(About { expires, ..(*self.about).clone() }), bare: self.bare }
    }

    /// What rules look at.
    pub(crate) fn seen(&self) -> Seen {
        let sections = Sections::of(self.bare.clone()).unwrap_or_default();
        Seen {
            properties: Sections::value(sections.properties.as_ref()),
            application: Sections::value(sections.application_properties.as_ref()),
        }
    }

    /// The same with application properties set.
    pub(crate) fn with(&self, changes: &[(Value, Value)]) -> Self {
        if changes.is_empty() {
            return self.clone();
        }
        let Ok(sections) = Sections::of(self.bare.clone()) else { return self.clone() };
        let application = Sections::value(sections.application_properties.as_ref());
        let mut pairs = application.as_map().unwrap_or_default().to_vec();
        for (key, value) in changes {
            let key = Value::String(key.as_text().unwrap_or_default().to_owned());
            pairs.retain(|(own, _)| own.as_text() != key.as_text());
            pairs.push((key, value.clone()));
        }
        let mut out = BytesMut::new();
        if let Some(properties) = &sections.properties {
            out.put_slice(&[0, 0x53, section::PROPERTIES]);
            out.put_slice(properties);
        }
        write_section(&mut out, section::APPLICATION_PROPERTIES, &Value::Map(pairs));
        out.put_slice(&behind(&sections));
        Self { about: self.about.clone(), bare: out.freeze() }
    }

    //= documented: A dead letter carries DeadLetterReason and DeadLetterErrorDescription, and
    //  does not expire. [service-bus-messaging/service-bus-dead-letter-queues]
    /// The same as a dead letter of an entity: it does not expire any more.
    pub(crate) fn dead(&self, entity: &str, reason: &str, description: &str) -> Self {
        let pair = |key: &str, value: &str| {
            (Value::String(key.to_owned()), Value::String(value.to_owned()))
        };
        let mut changes = Vec::new();
        if !reason.is_empty() {
            changes.push(pair("DeadLetterReason", reason));
        }
        if !description.is_empty() {
            changes.push(pair("DeadLetterErrorDescription", description));
        }
        let changed = self.with(&changes);
        let about = About {
            expires: None,
            scheduled: None,
            dead_in: Some(entity.to_owned()),
            ..(*self.about).clone()
        };
        Self { about: Arc::new(about), bare: changed.bare }
    }

    /// As it is kept.
    pub(crate) fn record(&self) -> Vec<u8> {
        let about = &*self.about;
        let text = |text: &Option<String>| text.clone().map_or(Value::Null, Value::String);
        let time = |time: Option<i64>| time.map_or(Value::Null, Value::Timestamp);
        let list = Value::List(vec![
            Value::String(about.message_id.clone()),
            text(&about.session),
            Value::Timestamp(about.enqueued),
            time(about.expires),
            time(about.scheduled),
            about.ttl.map_or(Value::Null, Value::Uint),
            Value::Bool(about.durable),
            Value::Ubyte(about.priority),
            text(&about.dead_in),
            Value::Map(about.annotations.clone()),
        ])
        .to_bytes();
        let mut record = Vec::with_capacity(5 + list.len() + self.bare.len());
        record.put_u8(RECORD_VERSION);
        record.put_u32(u32::try_from(list.len()).unwrap_or_default());
        record.put_slice(&list);
        record.put_slice(&self.bare);
        record
    }

    /// From a record; `None` where it is none of ours.
    pub(crate) fn from_record(record: Bytes) -> Option<Self> {
        let mut rest = record;
        if rest.len() < 5 || rest.get_u8() != RECORD_VERSION {
            return None;
        }
        let length = usize::try_from(rest.get_u32()).ok().filter(|n| *n <= rest.len())?;
        let list = Value::read(rest.split_to(length)).ok()?;
        let field = |at: usize| list.as_list().and_then(|fields| fields.get(at));
        let text = |at| field(at).and_then(Value::as_text).map(str::to_owned);
        let number = |at| field(at).and_then(Value::as_i64);
        let about = About {
            message_id: text(0)?,
            session: text(1),
            enqueued: number(2)?,
            expires: number(3),
            scheduled: number(4),
            ttl: field(5).and_then(Value::as_u32),
            durable: field(6).and_then(Value::as_bool)?,
            priority: u8::try_from(number(7)?).ok()?,
            dead_in: text(8),
            annotations: field(9)?.as_map()?.to_vec(),
        };
        Some(Self { about: Arc::new(about), bare: rest })
    }

    /// The sections that go before the bare message.
    pub(crate) fn head(&self, state: &Delivered) -> Bytes {
        let about = &*self.about;
        let mut out = BytesMut::with_capacity(256);
        let header = vec![
            Value::Bool(about.durable),
            Value::Ubyte(about.priority),
            about.ttl.map_or(Value::Null, Value::Uint),
            Value::Bool(state.delivery_count == 0),
            Value::Uint(state.delivery_count),
        ];
        write_section(&mut out, section::HEADER, &Value::List(header));
        let number = Value::Long(i64::try_from(state.sequence_number).unwrap_or(i64::MAX));
        let mut pairs = about.annotations.clone();
        let mut put = |key: &str, value: Value| pairs.push((Value::symbol(key), value));
        put("x-opt-sequence-number", number.clone());
        put("x-opt-enqueue-sequence-number", number);
        put("x-opt-enqueued-time", Value::Timestamp(about.scheduled.unwrap_or(about.enqueued)));
        put("x-opt-message-state", Value::Int(state.state));
        if let Some(until) = state.locked_until {
            put("x-opt-locked-until", Value::Timestamp(until));
        }
        if let Some(at) = about.scheduled {
            put(SCHEDULED, Value::Timestamp(at));
        }
        if let Some(entity) = &about.dead_in {
            put("x-opt-deadletter-source", Value::String(entity.clone()));
        }
        write_section(&mut out, section::MESSAGE_ANNOTATIONS, &Value::Map(pairs));
        out.freeze()
    }
}

/// How a message stands when it is handed out.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Delivered {
    pub(crate) sequence_number: u64,
    /// Failed deliveries before this one.
    pub(crate) delivery_count: u32,
    /// In milliseconds since 1970.
    pub(crate) locked_until: Option<i64>,
    /// 0 active, 1 deferred, 2 scheduled.
    pub(crate) state: i32,
}

/// A message id as text, whatever type it has.
fn text_of(id: &Value) -> String {
    match id {
        Value::String(text) | Value::Symbol(text) => text.clone(),
        Value::Ulong(number) => number.to_string(),
        Value::Uuid(bytes) => Uuid::from_bytes(*bytes).to_string(),
        other => format!("{other:?}"),
    }
}

fn with_properties(sections: &Sections, properties: &Value) -> Bytes {
    let mut out = BytesMut::new();
    write_section(&mut out, section::PROPERTIES, properties);
    if let Some(application) = &sections.application_properties {
        out.put_slice(&[0, 0x53, section::APPLICATION_PROPERTIES]);
        out.put_slice(application);
    }
    out.put_slice(&behind(sections));
    out.freeze()
}

/// What stands behind the application properties, as it came.
fn behind(sections: &Sections) -> Bytes {
    let mut reader = amqp::Reader::new(sections.bare.clone());
    for present in [&sections.properties, &sections.application_properties] {
        if present.is_some() && reader.skip().is_err() {
            break;
        }
    }
    reader.rest()
}

/// A lock token: a uuid whose bytes are in .NET's order where it is a delivery tag.
#[must_use]
pub(crate) fn net_order(uuid: [u8; 16]) -> [u8; 16] {
    let mut bytes = uuid;
    bytes[0..4].reverse();
    bytes[4..6].reverse();
    bytes[6..8].reverse();
    bytes
}
