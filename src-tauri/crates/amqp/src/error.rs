//! Errors as AMQP tells them to the peer.

use crate::value::{Malformed, Value};
use std::borrow::Cow;
use std::fmt;

/// Why a connection, session or link ends, or a message is refused.
#[derive(Clone, Debug, PartialEq)]
pub struct Error {
    /// A symbol: AMQP's own (the constants of [`condition`]) or the server's.
    pub condition: Cow<'static, str>,
    /// For people.
    pub description: String,
    /// More, for programs.
    pub info: Vec<(String, Value)>,
}

/// AMQP's own conditions (part 2.8.15 and on).
#[allow(missing_docs)] // They are the specification's.
pub mod condition {
    pub const CONNECTION_FORCED: &str = "amqp:connection:forced";
    pub const DECODE_ERROR: &str = "amqp:decode-error";
    pub const DETACH_FORCED: &str = "amqp:link:detach-forced";
    pub const FRAMING_ERROR: &str = "amqp:connection:framing-error";
    pub const HANDLE_IN_USE: &str = "amqp:session:handle-in-use";
    pub const INTERNAL_ERROR: &str = "amqp:internal-error";
    pub const INVALID_FIELD: &str = "amqp:invalid-field";
    pub const LINK_STOLEN: &str = "amqp:link:stolen";
    pub const MESSAGE_SIZE_EXCEEDED: &str = "amqp:link:message-size-exceeded";
    pub const NOT_ALLOWED: &str = "amqp:not-allowed";
    pub const NOT_FOUND: &str = "amqp:not-found";
    pub const NOT_IMPLEMENTED: &str = "amqp:not-implemented";
    pub const RESOURCE_LIMIT_EXCEEDED: &str = "amqp:resource-limit-exceeded";
    pub const TRANSFER_LIMIT_EXCEEDED: &str = "amqp:link:transfer-limit-exceeded";
    pub const UNATTACHED_HANDLE: &str = "amqp:session:unattached-handle";
    pub const UNAUTHORIZED_ACCESS: &str = "amqp:unauthorized-access";
    pub const WINDOW_VIOLATION: &str = "amqp:session:window-violation";
}

impl Error {
    /// An error with nothing for programs but its condition.
    pub fn new(condition: impl Into<Cow<'static, str>>, description: impl Into<String>) -> Self {
        Self { condition: condition.into(), description: description.into(), info: Vec::new() }
    }

    /// As it stands in a frame.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let info = self.info.iter().map(|(key, value)| (Value::symbol(key), value.clone()));
        Value::Described(Box::new((
            Value::Ulong(0x1d),
            Value::List(vec![
                Value::symbol(&self.condition),
                Value::String(self.description.clone()),
                if self.info.is_empty() { Value::Null } else { Value::Map(info.collect()) },
            ]),
        )))
    }

    /// From a frame; the keys of its map may be symbols or, from rhea, strings.
    #[must_use]
    pub fn from_value(value: &Value) -> Option<Self> {
        let fields = value.undescribed().as_list()?;
        let info = fields.get(2).and_then(Value::as_map).unwrap_or_default();
        Some(Self {
            condition: fields.first()?.as_text()?.to_owned().into(),
            description: fields.get(1).and_then(Value::as_text).unwrap_or_default().to_owned(),
            info: info
                .iter()
                .filter_map(|(key, value)| Some((key.as_text()?.to_owned(), value.clone())))
                .collect(),
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.condition, self.description)
    }
}

impl std::error::Error for Error {}

impl From<Malformed> for Error {
    fn from(malformed: Malformed) -> Self {
        Self::new(condition::DECODE_ERROR, malformed.to_string())
    }
}
