//! Messages: their sections, found without reading more of them than is asked for (part 3.2).

use crate::value::{Malformed, Reader, Value, malformed, write_list, write_map};
use bytes::{Bytes, BytesMut};

/// A message cut into its sections. Each is the bytes behind its descriptor; absent ones are
/// `None`.
#[derive(Clone, Debug, Default)]
pub struct Sections {
    /// How it is to be carried: durable, priority, ttl, first-acquirer, delivery-count.
    pub header: Option<Bytes>,
    /// For the next hop.
    pub delivery_annotations: Option<Bytes>,
    /// For the infrastructure.
    pub message_annotations: Option<Bytes>,
    /// message-id, user-id, to, subject, reply-to, correlation-id, …
    pub properties: Option<Bytes>,
    /// The application's own.
    pub application_properties: Option<Bytes>,
    /// The body's sections: data, sequence or value, with their codes.
    pub body: Vec<(Body, Bytes)>,
    /// Everything from the properties on, as it came: what no one on the way may change.
    pub bare: Bytes,
}

/// What kind of body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// Binary.
    Data,
    /// A list.
    Sequence,
    /// Any value.
    Value,
}

impl Sections {
    /// Finds a message's sections.
    ///
    /// # Errors
    /// [`Malformed`]: sections out of order, unknown, or that end in the middle.
    pub fn of(message: Bytes) -> Result<Self, Malformed> {
        let mut reader = Reader::new(message.clone());
        let mut found = Self::default();
        let mut last = 0;
        let mut bare_at = None;
        while !reader.is_empty() {
            let at = message.len() - reader.left();
            let code = match reader.descriptor()? {
                Value::Ulong(code @ 0x70..=0x78) => code,
                Value::Symbol(name) => named(&name).ok_or(malformed("an unknown section"))?,
                _ => return Err(malformed("an unknown section")),
            };
            let ordered = if matches!(code, 0x75 | 0x76) { code >= last } else { code > last };
            if !ordered {
                return Err(malformed("sections out of order"));
            }
            last = code;
            if code >= 0x73 {
                bare_at.get_or_insert(at);
            }
            let from = message.len() - reader.left();
            reader.skip()?;
            let section = message.slice(from..message.len() - reader.left());
            match code {
                0x70 => found.header = Some(section),
                0x71 => found.delivery_annotations = Some(section),
                0x72 => found.message_annotations = Some(section),
                0x73 => found.properties = Some(section),
                0x74 => found.application_properties = Some(section),
                0x75 => found.body.push((Body::Data, section)),
                0x76 => found.body.push((Body::Sequence, section)),
                0x77 => found.body.push((Body::Value, section)),
                _ => {}
            }
        }
        found.bare = message.slice(bare_at.unwrap_or(message.len())..);
        Ok(found)
    }

    /// A section's value; null where it is absent or malformed.
    #[must_use]
    pub fn value(section: Option<&Bytes>) -> Value {
        section.and_then(|bytes| Value::read(bytes.clone()).ok()).unwrap_or(Value::Null)
    }

    /// The properties' field at a position.
    #[must_use]
    pub fn property(properties: &Value, at: usize) -> &Value {
        properties.as_list().and_then(|fields| fields.get(at)).unwrap_or(&Value::Null)
    }

    /// The data of the body's data sections, one after the other.
    ///
    /// # Errors
    /// [`Malformed`] where a data section is not binary.
    pub fn data(&self) -> Result<Vec<Bytes>, Malformed> {
        let sections = self.body.iter().filter(|(kind, _)| *kind == Body::Data);
        sections
            .map(|(_, bytes)| match Value::read(bytes.clone())? {
                Value::Binary(data) => Ok(data),
                _ => Err(malformed("a data section that is not binary")),
            })
            .collect()
    }
}

fn named(name: &str) -> Option<u64> {
    Some(match name {
        "amqp:header:list" => 0x70,
        "amqp:delivery-annotations:map" => 0x71,
        "amqp:message-annotations:map" => 0x72,
        "amqp:properties:list" => 0x73,
        "amqp:application-properties:map" => 0x74,
        "amqp:data:binary" => 0x75,
        "amqp:amqp-sequence:list" => 0x76,
        "amqp:amqp-value:*" => 0x77,
        "amqp:footer:map" => 0x78,
        _ => return None,
    })
}

/// Positions of fields in the properties section.
#[allow(missing_docs)] // They are the specification's.
pub mod property {
    pub const MESSAGE_ID: usize = 0;
    pub const USER_ID: usize = 1;
    pub const TO: usize = 2;
    pub const SUBJECT: usize = 3;
    pub const REPLY_TO: usize = 4;
    pub const CORRELATION_ID: usize = 5;
    pub const CONTENT_TYPE: usize = 6;
    pub const GROUP_ID: usize = 10;
    pub const REPLY_TO_GROUP_ID: usize = 12;
    /// How many there are.
    pub const COUNT: usize = 13;
}

/// Writes a section: its code and its value.
pub fn write_section(out: &mut BytesMut, code: u8, value: &Value) {
    out.extend_from_slice(&[0, 0x53, code]);
    value.write(out);
}

/// Writes a section whose value is a list.
pub fn write_list_section(out: &mut BytesMut, code: u8, fields: &[Value]) {
    out.extend_from_slice(&[0, 0x53, code]);
    write_list(out, fields);
}

/// Writes a section whose value is a map with strings for keys.
pub fn write_map_section<'a>(
    out: &mut BytesMut,
    code: u8,
    pairs: impl ExactSizeIterator<Item = (&'a str, &'a Value)>,
) {
    out.extend_from_slice(&[0, 0x53, code]);
    write_map(out, pairs);
}

/// Codes of sections.
#[allow(missing_docs)] // They are the specification's.
pub mod section {
    pub const HEADER: u8 = 0x70;
    pub const DELIVERY_ANNOTATIONS: u8 = 0x71;
    pub const MESSAGE_ANNOTATIONS: u8 = 0x72;
    pub const PROPERTIES: u8 = 0x73;
    pub const APPLICATION_PROPERTIES: u8 = 0x74;
    pub const DATA: u8 = 0x75;
    pub const SEQUENCE: u8 = 0x76;
    pub const VALUE: u8 = 0x77;
}
