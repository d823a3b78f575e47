//! Questions to `$cbs` and `$management`, and their answers.

use amqp::message::{Sections, property, section, write_section};
use amqp::{Error, Malformed, Message, Value};
use bytes::{Bytes, BytesMut};

/// A question.
#[derive(Debug)]
pub(crate) struct Request {
    message_id: Value,
    pub(crate) reply_to: Option<String>,
    application_properties: Value,
    pub(crate) body: Value,
}

impl Request {
    pub(crate) fn read(message: Bytes) -> Result<Self, Malformed> {
        let sections = Sections::of(message)?;
        let properties = Sections::value(sections.properties.as_ref());
        let field = |at| Sections::property(&properties, at).clone();
        let body = sections.body.first().map_or(Ok(Value::Null), |(_, b)| Value::read(b.clone()));
        Ok(Self {
            message_id: field(property::MESSAGE_ID),
            reply_to: field(property::REPLY_TO).as_text().map(str::to_owned),
            application_properties: Sections::value(sections.application_properties.as_ref()),
            body: body?,
        })
    }

    /// An application property.
    pub(crate) fn property(&self, name: &str) -> Option<&Value> {
        self.application_properties.get(name)
    }

    /// What it asks for.
    pub(crate) fn operation(&self) -> Option<&str> {
        self.property("operation").and_then(Value::as_text)
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Response {
    status: i32,
    description: String,
    condition: Option<String>,
    body: Value,
}

impl Response {
    pub(crate) fn new(status: i32, description: impl Into<String>, body: Value) -> Self {
        Self { status, description: description.into(), condition: None, body }
    }

    pub(crate) fn ok(body: Value) -> Self {
        Self::new(200, "OK", body)
    }

    pub(crate) fn error(status: i32, error: &Error) -> Self {
        let condition = Some(error.condition.clone().into_owned());
        Self { condition, ..Self::new(status, error.description.clone(), Value::Null) }
    }

    pub(crate) fn not_found(path: &str) -> Self {
        Self::error(404, &super::refusal::not_found(path))
    }

    pub(crate) fn not_implemented() -> Self {
        let text = "this operation is not one of this node's";
        Self::error(501, &Error::new(amqp::condition::NOT_IMPLEMENTED, text))
    }

    /// Whether it says that it was done.
    pub(crate) fn is_ok(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// As a message. Both spellings of the properties are given: the clients do not agree.
    pub(crate) fn to_message(&self, request: &Request) -> Message {
        let mut head = BytesMut::new();
        let mut properties = vec![Value::Null; property::COUNT];
        properties[property::CORRELATION_ID] = request.message_id.clone();
        write_section(&mut head, section::PROPERTIES, &Value::List(properties));
        let text = |text: &String| Value::String(text.clone());
        let mut pairs = vec![
            ("statusCode", Value::Int(self.status)),
            ("status-code", Value::Int(self.status)),
            ("statusDescription", text(&self.description)),
            ("status-description", text(&self.description)),
        ];
        if let Some(condition) = &self.condition {
            pairs.push(("errorCondition", Value::symbol(condition)));
            pairs.push(("error-condition", Value::symbol(condition)));
        }
        let pairs = pairs.into_iter().map(|(key, value)| (Value::String(key.into()), value));
        let pairs = Value::Map(pairs.collect());
        write_section(&mut head, section::APPLICATION_PROPERTIES, &pairs);
        write_section(&mut head, section::VALUE, &self.body);
        Message { tag: None, head: head.freeze(), body: Bytes::new(), settled: true }
    }
}
