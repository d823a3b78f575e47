//! Messages as bytes: out of their parts, and back.

use amqp::message::{
    Body as Kind, Sections, section, write_list_section, write_map_section, write_section,
};
use amqp::{Malformed, Value};
use bytes::{Bytes, BytesMut};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The format of a batch: each data section of it is one whole message.
pub(super) const BATCH: u32 = 0x8001_3700;

/// What a message carries.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// Bytes: what the official clients send.
    Data(Bytes),
    /// One value.
    Value(Value),
    /// A list.
    Sequence(Vec<Value>),
}

impl Default for Body {
    fn default() -> Self {
        Self::Data(Bytes::new())
    }
}

impl Body {
    /// The bytes; none where it carries something else.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        if let Self::Data(data) = self { data } else { &[] }
    }
}

impl<T: Into<Bytes>> From<T> for Body {
    fn from(data: T) -> Self {
        Self::Data(data.into())
    }
}

/// An application's own properties, by name. Most names are known when the program is built.
pub type Properties = BTreeMap<Cow<'static, str>, Value>;

/// A message in parts. What is empty is not written. One that is sent borrows its application's
/// properties.
#[derive(Clone, Debug, Default)]
pub(super) struct Parts<'a> {
    pub(super) header: Vec<Value>,
    pub(super) annotations: Vec<(Value, Value)>,
    pub(super) properties: Vec<Value>,
    pub(super) application: Cow<'a, Properties>,
    pub(super) body: Body,
}

impl Parts<'static> {
    pub(super) fn read(message: Bytes) -> Result<Self, Malformed> {
        let sections = Sections::of(message)?;
        let list = |section| match Sections::value(section) {
            Value::List(fields) => fields,
            _ => Vec::new(),
        };
        let map = |section| match Sections::value(section) {
            Value::Map(pairs) => pairs,
            _ => Vec::new(),
        };
        let application = map(sections.application_properties.as_ref());
        let named = |(key, value): (Value, Value)| Some((key.as_text()?.to_owned().into(), value));
        let body = match sections.body.first() {
            None => Body::default(),
            Some((Kind::Data, _)) => {
                let data = sections.data()?;
                // There is nearly always one.
                Body::Data(if let [one] = data.as_slice() {
                    one.clone()
                } else {
                    data.concat().into()
                })
            }
            Some((Kind::Value, value)) => Body::Value(Value::read(value.clone())?),
            Some((Kind::Sequence, _)) => {
                let mut all = Vec::new();
                for (_, list) in &sections.body {
                    all.extend_from_slice(Value::read(list.clone())?.as_list().unwrap_or_default());
                }
                Body::Sequence(all)
            }
        };
        Ok(Self {
            header: list(sections.header.as_ref()),
            annotations: map(sections.message_annotations.as_ref()),
            properties: list(sections.properties.as_ref()),
            application: Cow::Owned(application.into_iter().filter_map(named).collect()),
            body,
        })
    }
}

impl Parts<'_> {
    pub(super) fn encode(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(self.about());
        write_list(&mut out, section::HEADER, &self.header);
        if !self.annotations.is_empty() {
            let annotations = Value::Map(self.annotations.clone());
            write_section(&mut out, section::MESSAGE_ANNOTATIONS, &annotations);
        }
        write_list(&mut out, section::PROPERTIES, &self.properties);
        if !self.application.is_empty() {
            let pairs = self.application.iter().map(|(name, value)| (&**name, value));
            write_map_section(&mut out, section::APPLICATION_PROPERTIES, pairs);
        }
        match &self.body {
            Body::Data(data) => {
                write_section(&mut out, section::DATA, &Value::Binary(data.clone()));
            }
            Body::Value(value) => write_section(&mut out, section::VALUE, value),
            Body::Sequence(list) => write_list_section(&mut out, section::SEQUENCE, list),
        }
        out.freeze()
    }

    /// About how many bytes it takes, so that they are mostly allocated once.
    fn about(&self) -> usize {
        let property = |(name, value): (&Cow<str>, &Value)| {
            name.len() + value.as_text().map_or(16, str::len) + 8
        };
        let application: usize = self.application.iter().map(property).sum();
        128 + application + self.body.data().len()
    }

    pub(super) fn annotation(&self, name: &str) -> Option<&Value> {
        let named = |(key, _): &&(Value, Value)| key.as_text() == Some(name);
        self.annotations.iter().find(named).map(|(_, value)| value)
    }

    /// A property that is text, or stands for one: ids may be numbers.
    pub(super) fn text(&self, at: usize) -> Option<String> {
        match self.properties.get(at)? {
            Value::Null => None,
            Value::Uuid(id) => Some(uuid::Uuid::from_bytes(*id).to_string()),
            Value::Binary(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
            value => {
                let number = || value.as_i64().map(|number| number.to_string());
                value.as_text().map(str::to_owned).or_else(number)
            }
        }
    }

    pub(super) fn set_text(&mut self, at: usize, text: Option<&String>) {
        if let Some(text) = text {
            self.set(at, Value::String(text.clone()));
        }
    }

    pub(super) fn set(&mut self, at: usize, value: Value) {
        if self.properties.len() <= at {
            self.properties.resize(at + 1, Value::Null);
        }
        self.properties[at] = value;
    }

    pub(super) fn annotate(&mut self, name: &str, value: Value) {
        self.annotations.push((Value::symbol(name), value));
    }
}

/// Writes a section's fields up to the last that says something.
fn write_list(out: &mut BytesMut, code: u8, fields: &[Value]) {
    if let Some(last) = fields.iter().rposition(|field| *field != Value::Null) {
        write_list_section(out, code, &fields[..=last]);
    }
}

/// The messages of a batch, in one. `annotations` are those of the envelope.
pub(super) fn envelope(annotations: &[(Value, Value)], messages: &[Bytes]) -> Bytes {
    let mut out = BytesMut::with_capacity(64 + messages.iter().map(in_batch).sum::<usize>());
    if !annotations.is_empty() {
        write_section(&mut out, section::MESSAGE_ANNOTATIONS, &Value::Map(annotations.to_vec()));
    }
    for message in messages {
        write_section(&mut out, section::DATA, &Value::Binary(message.clone()));
    }
    out.freeze()
}

/// How many bytes a message takes in a batch.
pub(super) fn in_batch(message: &Bytes) -> usize {
    // The section's code, and the constructor with its length.
    message.len() + 3 + if message.len() < 256 { 2 } else { 5 }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn parts_come_back_as_they_went() {
        let bodies = [
            Body::from("text"),
            Body::Value(Value::Map(vec![(Value::Long(1), Value::Null)])),
            Body::Sequence(vec![Value::Bool(true), Value::String("x".into())]),
        ];
        for body in bodies {
            let mut parts = Parts { body: body.clone(), ..Parts::default() };
            parts.set(6, Value::symbol("application/json"));
            parts.annotate("x-opt-partition-key", Value::String("k".into()));
            parts.application.to_mut().insert("n".into(), Value::Int(-1));
            let read = Parts::read(parts.encode()).unwrap();
            assert_eq!((&read.body, read.text(6).as_deref()), (&body, Some("application/json")));
            assert_eq!(
                (read.annotations, read.application),
                (parts.annotations, parts.application)
            );
        }
    }

    #[test]
    fn a_batch_is_as_large_as_it_is_said_to_be() {
        let messages = [10, 255, 256, 70_000].map(|size| Bytes::from(vec![b'x'; size]));
        let sizes: usize = messages.iter().map(in_batch).sum();
        assert_eq!(envelope(&[], &messages).len(), sizes);
    }
}
