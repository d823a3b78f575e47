//! Rules of subscriptions: which messages they take.

use super::message::Seen;
use super::sql::{Condition, SqlError};
use amqp::Value;
use amqp::message::{Sections, property};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The rule that a subscription begins with.
pub const DEFAULT_RULE: &str = "$Default";

/// Which messages a subscription takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Rule {
    /// Those for which a SQL condition is true.
    Sql(Condition),
    /// Those that are equal in all of these.
    Correlation(Correlation),
}

/// What a correlation filter compares; what is `None` is not compared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Correlation {
    /// Of the properties: correlation-id, message-id, to, reply-to, subject (label), group-id
    /// (session), reply-to-group-id, content-type, by AMQP's names.
    pub system: BTreeMap<String, String>,
    /// Of the application properties.
    pub properties: BTreeMap<String, String>,
}

//= documented: Correlation filters compare eight system properties and any application
//  properties.
/// The properties that filters can name: AMQP's name, the SQL name, the position.
pub(crate) const SYSTEM: [(&str, &str, usize); 8] = [
    ("correlation-id", "CorrelationId", property::CORRELATION_ID),
    ("message-id", "MessageId", property::MESSAGE_ID),
    ("to", "To", property::TO),
    ("reply-to", "ReplyTo", property::REPLY_TO),
    ("label", "Label", property::SUBJECT),
    ("session-id", "SessionId", property::GROUP_ID),
    ("reply-to-session-id", "ReplyToSessionId", property::REPLY_TO_GROUP_ID),
    ("content-type", "ContentType", property::CONTENT_TYPE),
];

impl Rule {
    /// The rule that takes everything.
    #[must_use]
    pub fn all() -> Self {
        Self::Correlation(Correlation::default())
    }

    /// From a SQL condition.
    ///
    /// # Errors
    /// Where it is none, with the place.
    pub fn sql(text: &str) -> Result<Self, SqlError> {
        Condition::parse(text).map(Self::Sql)
    }

    pub(crate) fn takes(&self, message: &Seen) -> bool {
        match self {
            Self::Sql(condition) => condition.is_true(message),
            Self::Correlation(wanted) => {
                wanted.system.iter().all(|(name, text)| {
                    let at = SYSTEM.iter().find(|(own, ..)| own == name).map(|(.., at)| *at);
                    let field = at.map(|at| Sections::property(&message.properties, at));
                    field.is_some_and(|value| as_text(value).as_deref() == Some(text))
                }) && wanted.properties.iter().all(|(name, text)| {
                    let value = message.application.get(name);
                    value.is_some_and(|value| as_text(value).as_deref() == Some(text))
                })
            }
        }
    }

    /// From a rule's description in a management request.
    pub(crate) fn from_value(description: &Value) -> Result<Self, String> {
        if description.get("sql-rule-action").is_some_and(|action| *action != Value::Null) {
            return Err("rule actions are not served: leave the action out".to_owned());
        }
        if let Some(filter) = description.get("sql-filter") {
            let text = filter.get("expression").and_then(Value::as_text);
            let text = text.ok_or("a SQL filter needs its expression")?;
            return Self::sql(text).map_err(|error| error.to_string());
        }
        let Some(filter) = description.get("correlation-filter") else {
            return Err("a rule needs a sql-filter or a correlation-filter".to_owned());
        };
        let text = |value: Option<&Value>| value.and_then(as_text);
        let system = SYSTEM
            .iter()
            .filter_map(|(name, ..)| Some(((*name).to_owned(), text(filter.get(name))?)));
        let properties = filter.get("properties").and_then(Value::as_map).unwrap_or_default();
        let properties = properties
            .iter()
            .filter_map(|(key, value)| Some((key.as_text()?.to_owned(), as_text(value)?)));
        Ok(Self::Correlation(Correlation {
            system: system.collect(),
            properties: properties.collect(),
        }))
    }

    /// As `enumerate-rules` answers it: described lists with the codes of the service.
    pub(crate) fn to_value(&self, name: &str) -> Value {
        let described = |code: u64, fields: Vec<Value>| {
            Value::Described(Box::new((Value::Ulong(code), Value::List(fields))))
        };
        // Filters have one zero less than descriptions and actions have.
        let filtered = |code: u64, fields| described(0x137 << 28 | code, fields);
        let filter = match self {
            Self::Sql(condition) => {
                filtered(0x6, vec![Value::String(condition.text().to_owned()), Value::Int(20)])
            }
            Self::Correlation(wanted) if *wanted == Correlation::default() => {
                filtered(0x7, Vec::new())
            }
            Self::Correlation(wanted) => {
                let field = |name: &str| {
                    wanted.system.get(name).cloned().map_or(Value::Null, Value::String)
                };
                let pairs = wanted.properties.iter();
                let pairs =
                    pairs.map(|(k, v)| (Value::String(k.clone()), Value::String(v.clone())));
                let mut fields: Vec<Value> = SYSTEM.iter().map(|(name, ..)| field(name)).collect();
                fields.push(Value::Map(pairs.collect()));
                filtered(0x9, fields)
            }
        };
        let none = described(0x137 << 32 | 0x5, Vec::new());
        described(0x137 << 32 | 0x4, vec![filter, none, Value::String(name.to_owned())])
    }
}

/// A value as text, for comparison; `None` for null and for compound ones.
fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) | Value::Symbol(text) => Some(text.clone()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Float(number) => Some(number.to_string()),
        Value::Double(number) => Some(number.to_string()),
        Value::Uuid(bytes) => Some(uuid::Uuid::from_bytes(*bytes).to_string()),
        other => other.as_i64().map(|number| number.to_string()),
    }
}
