//! Performatives: the verbs of connections, sessions and links (part 2.7, and 5.3 for SASL).
//!
//! The reader is lenient: it takes fields by position, any width of integer, missing trailing
//! fields. The writer is strict: every field is there, because pyamqp reads them by position.

use crate::error::Error;
use crate::value::{Malformed, Reader, Value, compound, malformed};
use bytes::{BufMut, Bytes, BytesMut};

/// Which end of a link is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Who sends messages over the link.
    Sender,
    /// Who receives them.
    Receiver,
}

impl Role {
    fn value(self) -> Value {
        Value::Bool(self == Self::Receiver)
    }
}

/// Opens a connection.
#[derive(Clone, Debug, PartialEq)]
pub struct Open {
    /// Who speaks.
    pub container_id: String,
    /// Whom it wants to speak with.
    pub hostname: Option<String>,
    /// The largest frame that it reads.
    pub max_frame_size: u32,
    /// The highest channel that it takes.
    pub channel_max: u16,
    /// It ends the connection when it has heard nothing for so many milliseconds.
    pub idle_time_out: Option<u32>,
    /// What it says about itself.
    pub properties: Value,
}

/// Begins a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begin {
    /// In an answer: the channel that the asker chose.
    pub remote_channel: Option<u16>,
    /// The number of the next transfer frame.
    pub next_outgoing_id: u32,
    /// How many transfer frames it takes.
    pub incoming_window: u32,
    /// How many it means to send.
    pub outgoing_window: u32,
    /// The highest handle that it takes.
    pub handle_max: u32,
}

/// Attaches a link.
#[derive(Clone, Debug, PartialEq)]
pub struct Attach {
    /// The link's name, unique between the two containers.
    pub name: String,
    /// The number by which frames name it.
    pub handle: u32,
    /// The speaker's.
    pub role: Role,
    /// 0 unsettled, 1 settled, 2 mixed.
    pub snd_settle_mode: u8,
    /// 0 first, 1 second.
    pub rcv_settle_mode: u8,
    /// Where messages come from.
    pub source: Value,
    /// Where messages go.
    pub target: Value,
    /// The sender's.
    pub initial_delivery_count: Option<u32>,
    /// In bytes; `None` and 0 for no limit.
    pub max_message_size: Option<u64>,
    /// What the speaker can do.
    pub offered_capabilities: Value,
    /// What the speaker wants the other to do.
    pub desired_capabilities: Value,
    /// What else.
    pub properties: Value,
}

/// Says what may be sent: on a session, and where there is a handle on a link.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    /// The transfer frame that it expects next.
    pub next_incoming_id: Option<u32>,
    /// How many transfer frames it takes.
    pub incoming_window: u32,
    /// The number of its next transfer frame.
    pub next_outgoing_id: u32,
    /// How many it means to send.
    pub outgoing_window: u32,
    /// The link.
    pub handle: Option<u32>,
    /// How many deliveries the link has had, as the speaker knows.
    pub delivery_count: Option<u32>,
    /// How many more may come.
    pub link_credit: Option<u32>,
    /// How many there would be.
    pub available: Option<u32>,
    /// Use the credit up or give it back.
    pub drain: bool,
    /// Answer with a flow.
    pub echo: bool,
}

/// A message, or a part of one; the payload follows it in its frame.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Transfer {
    /// The link.
    pub handle: u32,
    /// The delivery's number in the session; parts after the first may leave it out.
    pub delivery_id: Option<u32>,
    /// The sender's name for the delivery.
    pub delivery_tag: Option<Bytes>,
    /// How the payload is to be read.
    pub message_format: Option<u32>,
    /// Nothing more will be said about it.
    pub settled: bool,
    /// Parts follow.
    pub more: bool,
    /// The sender has thought better of it.
    pub aborted: bool,
}

/// What became of deliveries `first..=last`.
#[derive(Clone, Debug, PartialEq)]
pub struct Disposition {
    /// The speaker's role on the links meant.
    pub role: Role,
    /// The first delivery meant.
    pub first: u32,
    /// The last; the first where it is left out.
    pub last: Option<u32>,
    /// Nothing more will be said about them.
    pub settled: bool,
    /// What became of them.
    pub outcome: Option<Outcome>,
}

/// What became of a delivery.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It is dealt with.
    Accepted,
    /// It cannot be dealt with.
    Rejected(Option<Error>),
    /// It was not dealt with and may go to another.
    Released,
    /// As released, and changed.
    Modified {
        /// Count this as a failed attempt.
        delivery_failed: bool,
        /// Do not send it here again.
        undeliverable_here: bool,
        /// Message annotations to set.
        annotations: Value,
    },
    /// A state that is no outcome, or one of an extension (transactions).
    Other(Value),
}

/// Detaches a link.
#[derive(Clone, Debug, PartialEq)]
pub struct Detach {
    /// The link.
    pub handle: u32,
    /// For good.
    pub closed: bool,
    /// Why.
    pub error: Option<Error>,
}

/// Any performative of an AMQP frame.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)] // Each is its type's.
pub enum Performative {
    Open(Open),
    Begin(Begin),
    Attach(Box<Attach>),
    Flow(Flow),
    Transfer(Transfer),
    Disposition(Disposition),
    Detach(Detach),
    End(Option<Error>),
    Close(Option<Error>),
}

/// A performative of a SASL frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sasl {
    /// What the server takes.
    Mechanisms(Vec<String>),
    /// What the client chose, and what it says for it.
    Init {
        /// The mechanism.
        mechanism: String,
        /// The initial response.
        response: Bytes,
    },
    /// An answer to a challenge.
    Response(Bytes),
    /// 0 is success.
    Outcome(u8),
}

/// The fields of a performative or terminus, by position; a missing one is null.
#[derive(Debug)]
pub(crate) struct Fields(Vec<Value>);

impl Fields {
    fn take(&mut self, at: usize) -> Value {
        self.0.get_mut(at).map_or(Value::Null, |value| std::mem::replace(value, Value::Null))
    }

    fn number<T: TryFrom<i64>>(&mut self, at: usize) -> Result<Option<T>, Malformed> {
        match self.take(at) {
            Value::Null => Ok(None),
            // The only one that can be more than an i64 is the largest message, where it means any.
            Value::Ulong(n) => Ok(T::try_from(n.try_into().unwrap_or(i64::MAX)).ok()),
            value => value
                .as_i64()
                .and_then(|n| T::try_from(n).ok())
                .map(Some)
                .ok_or(malformed("a field that is no number, or not in its range")),
        }
    }

    fn due<T: TryFrom<i64>>(&mut self, at: usize) -> Result<T, Malformed> {
        self.number(at)?.ok_or(malformed("a mandatory field is missing"))
    }

    fn flag(&mut self, at: usize) -> Result<bool, Malformed> {
        match self.take(at) {
            Value::Null => Ok(false),
            value => value.as_bool().ok_or(malformed("a field that is no boolean")),
        }
    }

    fn text(&mut self, at: usize) -> Result<Option<String>, Malformed> {
        match self.take(at) {
            Value::Null => Ok(None),
            Value::String(text) | Value::Symbol(text) => Ok(Some(text)),
            _ => Err(malformed("a field that is no text")),
        }
    }

    fn binary(&mut self, at: usize) -> Result<Option<Bytes>, Malformed> {
        match self.take(at) {
            Value::Null => Ok(None),
            Value::Binary(bytes) => Ok(Some(bytes)),
            _ => Err(malformed("a field that is no binary")),
        }
    }

    fn role(&mut self, at: usize) -> Result<Role, Malformed> {
        Ok(if self.flag(at)? { Role::Receiver } else { Role::Sender })
    }

    fn error(&mut self, at: usize) -> Option<Error> {
        Error::from_value(&self.take(at))
    }
}

/// The codes of what has one, for those who write the name (part 2.7: `amqp:open:list`).
const NAMES: [(&str, u64); 19] = [
    ("amqp:open:list", 0x10),
    ("amqp:begin:list", 0x11),
    ("amqp:attach:list", 0x12),
    ("amqp:flow:list", 0x13),
    ("amqp:transfer:list", 0x14),
    ("amqp:disposition:list", 0x15),
    ("amqp:detach:list", 0x16),
    ("amqp:end:list", 0x17),
    ("amqp:close:list", 0x18),
    ("amqp:received:list", 0x23),
    ("amqp:accepted:list", 0x24),
    ("amqp:rejected:list", 0x25),
    ("amqp:released:list", 0x26),
    ("amqp:modified:list", 0x27),
    ("amqp:sasl-mechanisms:list", 0x40),
    ("amqp:sasl-init:list", 0x41),
    ("amqp:sasl-challenge:list", 0x42),
    ("amqp:sasl-response:list", 0x43),
    ("amqp:sasl-outcome:list", 0x44),
];

/// The code that a descriptor stands for; 0, which is nothing's, for an unknown one.
fn code(descriptor: &Value) -> u64 {
    match descriptor {
        Value::Ulong(code) => *code,
        other => NAMES.iter().find(|(name, _)| other.as_text() == Some(name)).map_or(0, |n| n.1),
    }
}

fn read_fields(reader: &mut Reader) -> Result<(u64, Fields), Malformed> {
    let code = code(&reader.descriptor()?);
    match reader.value()? {
        Value::List(fields) => Ok((code, Fields(fields))),
        _ => Err(malformed("a performative that is no list")),
    }
}

impl Performative {
    /// Reads a frame's body: the performative, and the payload behind it.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn read(body: Bytes) -> Result<(Self, Bytes), Malformed> {
        let mut reader = Reader::new(body);
        let (code, mut fields) = read_fields(&mut reader)?;
        let fields = &mut fields;
        let performative = match code {
            0x10 => Self::Open(Open::from_fields(fields)?),
            0x11 => Self::Begin(Begin::from_fields(fields)?),
            0x12 => Self::Attach(Box::new(Attach::from_fields(fields)?)),
            0x13 => Self::Flow(Flow::from_fields(fields)?),
            0x14 => Self::Transfer(Transfer::from_fields(fields)?),
            0x15 => Self::Disposition(Disposition::from_fields(fields)?),
            0x16 => Self::Detach(Detach {
                handle: fields.due(0)?,
                closed: fields.flag(1)?,
                error: fields.error(2),
            }),
            0x17 => Self::End(fields.error(0)),
            0x18 => Self::Close(fields.error(0)),
            _ => return Err(malformed("an unknown performative")),
        };
        Ok((performative, reader.rest()))
    }

    /// Writes it, every field.
    pub fn write(&self, out: &mut BytesMut) {
        match self {
            Self::Open(open) => open.write(out),
            Self::Begin(begin) => begin.write(out),
            Self::Attach(attach) => attach.write(out),
            Self::Flow(flow) => flow.write(out),
            Self::Transfer(transfer) => transfer.write(out),
            Self::Disposition(disposition) => disposition.write(out),
            Self::Detach(detach) => write_fields(
                out,
                0x16,
                &[Value::Uint(detach.handle), Value::Bool(detach.closed), error(&detach.error)],
            ),
            Self::End(reason) => write_fields(out, 0x17, &[error(reason)]),
            Self::Close(reason) => write_fields(out, 0x18, &[error(reason)]),
        }
    }
}

fn write_fields(out: &mut BytesMut, code: u8, fields: &[Value]) {
    out.put_slice(&[0, 0x53, code, 0xd0]);
    compound(out, fields.len(), |out| fields.iter().for_each(|field| field.write(out)));
}

fn uint(number: Option<u32>) -> Value {
    number.map_or(Value::Null, Value::Uint)
}

fn string(text: &Option<String>) -> Value {
    text.clone().map_or(Value::Null, Value::String)
}

fn error(error: &Option<Error>) -> Value {
    error.as_ref().map_or(Value::Null, Error::to_value)
}

impl Open {
    fn from_fields(fields: &mut Fields) -> Result<Self, Malformed> {
        Ok(Self {
            container_id: fields.text(0)?.unwrap_or_default(),
            hostname: fields.text(1)?,
            max_frame_size: fields.number(2)?.unwrap_or(u32::MAX),
            channel_max: fields.number(3)?.unwrap_or(u16::MAX),
            idle_time_out: fields.number(4)?,
            properties: fields.take(9),
        })
    }

    fn write(&self, out: &mut BytesMut) {
        let fields = [
            Value::String(self.container_id.clone()),
            string(&self.hostname),
            Value::Uint(self.max_frame_size),
            Value::Ushort(self.channel_max),
            uint(self.idle_time_out),
            Value::Null,
            Value::Null,
            Value::Null,
            Value::Null,
            self.properties.clone(),
        ];
        write_fields(out, 0x10, &fields);
    }
}

impl Begin {
    fn from_fields(fields: &mut Fields) -> Result<Self, Malformed> {
        Ok(Self {
            remote_channel: fields.number(0)?,
            next_outgoing_id: fields.due(1)?,
            incoming_window: fields.due(2)?,
            outgoing_window: fields.due(3)?,
            handle_max: fields.number(4)?.unwrap_or(u32::MAX),
        })
    }

    fn write(&self, out: &mut BytesMut) {
        let fields = [
            self.remote_channel.map_or(Value::Null, Value::Ushort),
            Value::Uint(self.next_outgoing_id),
            Value::Uint(self.incoming_window),
            Value::Uint(self.outgoing_window),
            Value::Uint(self.handle_max),
            Value::Null,
            Value::Null,
            Value::Null,
        ];
        write_fields(out, 0x11, &fields);
    }
}

impl Attach {
    fn from_fields(fields: &mut Fields) -> Result<Self, Malformed> {
        Ok(Self {
            name: fields.text(0)?.ok_or(malformed("a link without a name"))?,
            handle: fields.due(1)?,
            role: fields.role(2)?,
            snd_settle_mode: fields.number(3)?.unwrap_or(2),
            rcv_settle_mode: fields.number(4)?.unwrap_or(0),
            source: fields.take(5),
            target: fields.take(6),
            initial_delivery_count: fields.number(9)?,
            max_message_size: fields.number(10)?,
            offered_capabilities: fields.take(11),
            desired_capabilities: fields.take(12),
            properties: fields.take(13),
        })
    }

    fn write(&self, out: &mut BytesMut) {
        let fields = [
            Value::String(self.name.clone()),
            Value::Uint(self.handle),
            self.role.value(),
            Value::Ubyte(self.snd_settle_mode),
            Value::Ubyte(self.rcv_settle_mode),
            self.source.clone(),
            self.target.clone(),
            Value::Null,
            Value::Null,
            uint(self.initial_delivery_count),
            self.max_message_size.map_or(Value::Null, Value::Ulong),
            self.offered_capabilities.clone(),
            self.desired_capabilities.clone(),
            self.properties.clone(),
        ];
        write_fields(out, 0x12, &fields);
    }
}

impl Flow {
    fn from_fields(fields: &mut Fields) -> Result<Self, Malformed> {
        Ok(Self {
            next_incoming_id: fields.number(0)?,
            incoming_window: fields.due(1)?,
            next_outgoing_id: fields.due(2)?,
            outgoing_window: fields.due(3)?,
            handle: fields.number(4)?,
            delivery_count: fields.number(5)?,
            link_credit: fields.number(6)?,
            available: fields.number(7)?,
            drain: fields.flag(8)?,
            echo: fields.flag(9)?,
        })
    }

    fn write(&self, out: &mut BytesMut) {
        let fields = [
            uint(self.next_incoming_id),
            Value::Uint(self.incoming_window),
            Value::Uint(self.next_outgoing_id),
            Value::Uint(self.outgoing_window),
            uint(self.handle),
            uint(self.delivery_count),
            uint(self.link_credit),
            uint(self.available),
            Value::Bool(self.drain),
            Value::Bool(self.echo),
            Value::Null,
        ];
        write_fields(out, 0x13, &fields);
    }
}

impl Transfer {
    fn from_fields(fields: &mut Fields) -> Result<Self, Malformed> {
        Ok(Self {
            handle: fields.due(0)?,
            delivery_id: fields.number(1)?,
            delivery_tag: fields.binary(2)?,
            message_format: fields.number(3)?,
            settled: fields.flag(4)?,
            more: fields.flag(5)?,
            aborted: fields.flag(9)?,
        })
    }

    fn write(&self, out: &mut BytesMut) {
        let fields = [
            Value::Uint(self.handle),
            uint(self.delivery_id),
            self.delivery_tag.clone().map_or(Value::Null, Value::Binary),
            uint(self.message_format),
            Value::Bool(self.settled),
            Value::Bool(self.more),
            Value::Null,
            Value::Null,
            Value::Bool(false),
            Value::Bool(self.aborted),
            Value::Bool(false),
        ];
        write_fields(out, 0x14, &fields);
    }
}

impl Disposition {
    fn from_fields(fields: &mut Fields) -> Result<Self, Malformed> {
        Ok(Self {
            role: fields.role(0)?,
            first: fields.due(1)?,
            last: fields.number(2)?,
            settled: fields.flag(3)?,
            outcome: Outcome::from_value(fields.take(4)),
        })
    }

    fn write(&self, out: &mut BytesMut) {
        let fields = [
            self.role.value(),
            Value::Uint(self.first),
            uint(self.last),
            Value::Bool(self.settled),
            self.outcome.as_ref().map_or(Value::Null, Outcome::to_value),
            Value::Bool(false),
        ];
        write_fields(out, 0x15, &fields);
    }
}

impl Outcome {
    fn from_value(value: Value) -> Option<Self> {
        let Value::Described(described) = &value else { return None };
        let list = described.1.as_list().unwrap_or_default();
        let flag = |at: usize| list.get(at).and_then(Value::as_bool).unwrap_or_default();
        Some(match code(&described.0) {
            0x24 => Self::Accepted,
            0x25 => Self::Rejected(list.first().and_then(Error::from_value)),
            0x26 => Self::Released,
            0x27 => Self::Modified {
                delivery_failed: flag(0),
                undeliverable_here: flag(1),
                annotations: list.get(2).cloned().unwrap_or(Value::Null),
            },
            _ => Self::Other(value),
        })
    }

    fn to_value(&self) -> Value {
        let (code, fields) = match self {
            Self::Accepted => (0x24, Vec::new()),
            Self::Rejected(reason) => (0x25, vec![error(reason)]),
            Self::Released => (0x26, Vec::new()),
            Self::Modified { delivery_failed, undeliverable_here, annotations } => {
                let flags = [*delivery_failed, *undeliverable_here].map(Value::Bool);
                (0x27, flags.into_iter().chain([annotations.clone()]).collect())
            }
            Self::Other(value) => return value.clone(),
        };
        Value::Described(Box::new((Value::Ulong(code), Value::List(fields))))
    }
}

impl Sasl {
    /// Reads a SASL frame's body.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn read(body: Bytes) -> Result<Self, Malformed> {
        let (code, mut fields) = read_fields(&mut Reader::new(body))?;
        Ok(match code {
            0x40 => {
                let mechanisms = match fields.take(0) {
                    Value::Array(names) | Value::List(names) => names,
                    one => vec![one],
                };
                let names = mechanisms.iter().filter_map(|name| name.as_text().map(str::to_owned));
                Self::Mechanisms(names.collect())
            }
            0x41 => Self::Init {
                mechanism: fields.text(0)?.ok_or(malformed("no mechanism"))?,
                response: fields.binary(1)?.unwrap_or_default(),
            },
            0x43 => Self::Response(fields.binary(0)?.unwrap_or_default()),
            0x44 => Self::Outcome(fields.due(0)?),
            _ => return Err(malformed("an unknown step of authentication")),
        })
    }

    /// Writes it.
    pub fn write(&self, out: &mut BytesMut) {
        match self {
            Self::Mechanisms(names) => {
                let names = names.iter().map(|name| Value::symbol(name)).collect();
                write_fields(out, 0x40, &[Value::Array(names)]);
            }
            Self::Init { mechanism, response } => {
                let response = Value::Binary(response.clone());
                write_fields(out, 0x41, &[Value::symbol(mechanism), response, Value::Null]);
            }
            Self::Response(bytes) => write_fields(out, 0x43, &[Value::Binary(bytes.clone())]),
            Self::Outcome(code) => write_fields(out, 0x44, &[Value::Ubyte(*code), Value::Null]),
        }
    }
}

/// A source's or target's address; `None` where there is none, or the node is to be made up.
#[must_use]
pub fn address(terminus: &Value) -> Option<&str> {
    terminus.undescribed().as_list()?.first()?.as_text()
}

/// A source's filters, by name.
#[must_use]
pub fn filters(source: &Value) -> &[(Value, Value)] {
    source.undescribed().as_list().and_then(|fields| fields.get(7)?.as_map()).unwrap_or_default()
}

/// A source with an address and filters, by name; none of the filters is described yet where the
/// caller did not.
#[must_use]
pub fn source(address: &str, filters: Vec<(Value, Value)>) -> Value {
    let filters = if filters.is_empty() { Value::Null } else { Value::Map(filters) };
    let mut fields = vec![Value::String(address.to_owned())];
    // durable, expiry-policy, timeout, dynamic, dynamic-node-properties, distribution-mode
    fields.extend([
        Value::Uint(0),
        Value::symbol("session-end"),
        Value::Uint(0),
        Value::Bool(false),
        Value::Null,
        Value::Null,
        filters,
    ]);
    Value::Described(Box::new((Value::Ulong(0x28), Value::List(fields))))
}

/// A target with an address.
#[must_use]
pub fn target(address: &str) -> Value {
    let fields = vec![Value::String(address.to_owned())];
    Value::Described(Box::new((Value::Ulong(0x29), Value::List(fields))))
}
