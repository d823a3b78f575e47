//! The value of a property, in a third of the room of a `serde_json::Value`.

use compact_str::CompactString;
use serde::{Serialize, Serializer};
use serde_json::{Number, Value};
use std::borrow::Cow;

/// The value of a property. It becomes JSON and is read from JSON without loss.
#[derive(Clone, Debug, PartialEq)]
pub enum PropertyValue {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number without a fraction.
    Integer(i64),
    /// A number without a fraction beyond what an `i64` holds.
    Unsigned(u64),
    /// A number with a fraction or an exponent, also where that is `.0`.
    Double(f64),
    /// A string; up to 24 bytes are kept in place.
    Text(CompactString),
    /// An object or an array.
    Json(Box<Value>),
}

impl PropertyValue {
    /// As JSON, borrowed where it is kept so.
    pub fn json(&self) -> Cow<'_, Value> {
        match self {
            Self::Json(value) => Cow::Borrowed(value),
            other => Cow::Owned(other.to_json()),
        }
    }

    /// As JSON of its own.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(*value),
            Self::Integer(value) => Value::from(*value),
            Self::Unsigned(value) => Value::from(*value),
            Self::Double(value) => Number::from_f64(*value).map_or(Value::Null, Value::Number),
            Self::Text(text) => Value::String(text.to_string()),
            Self::Json(value) => Value::clone(value),
        }
    }

    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Any number.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Integer(value) => Some(*value as f64),
            Self::Unsigned(value) => Some(*value as f64),
            Self::Double(value) => Some(*value),
            _ => None,
        }
    }

    /// A number without a fraction.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Integer(value) => Some(*value),
            _ => None,
        }
    }

    /// A truth value.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The object or array.
    pub fn as_json(&self) -> Option<&Value> {
        match self {
            Self::Json(value) => Some(value),
            _ => None,
        }
    }
}

impl From<Value> for PropertyValue {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(value),
            Value::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(value), _) => Self::Integer(value),
                (None, Some(value)) => Self::Unsigned(value),
                (None, None) => number.as_f64().map_or(Self::Null, Self::Double),
            },
            Value::String(text) => Self::Text(text.into()),
            value => Self::Json(Box::new(value)),
        }
    }
}

impl From<&Value> for PropertyValue {
    fn from(value: &Value) -> Self {
        match value {
            Value::String(text) => Self::Text(text.as_str().into()),
            value => value.clone().into(),
        }
    }
}

impl PartialEq<Value> for PropertyValue {
    fn eq(&self, other: &Value) -> bool {
        match (self, other) {
            (Self::Text(text), Value::String(other)) => *text == *other,
            (Self::Json(value), other) => **value == *other,
            (_, Value::String(_) | Value::Array(_) | Value::Object(_)) => false,
            (value, other) => value.to_json() == *other,
        }
    }
}

impl Serialize for PropertyValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.json().serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".*".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 20, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::hash_map(".*", inner, 0..5).prop_map(|map| json!(map)),
            ]
        })
    }

    proptest! {
        #[test]
        fn is_the_json_that_it_was(value in value()) {
            let kept = PropertyValue::from(&value);
            prop_assert_eq!(kept.to_json().to_string(), value.to_string());
            prop_assert!(kept == value);
            prop_assert_eq!(PropertyValue::from(value), kept);
        }
    }

    #[test]
    fn is_small() {
        assert_eq!(size_of::<PropertyValue>(), 24);
    }
}
