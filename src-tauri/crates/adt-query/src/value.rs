//! What a condition sees of a document, and how that compares.

use crate::language::syntax::Literal;
use serde_json::{Number, Value};
use std::cmp::Ordering;
use twin_graph::Timestamp;

/// A value, borrowed wherever the graph holds it.
#[derive(Clone, Debug)]
pub(crate) enum Seen<'a> {
    /// There is no such property.
    Absent,
    Text(&'a str),
    /// A text that is known to be a time.
    TimeText(&'a str, Timestamp),
    /// A time that the graph holds as such: of `$metadata`.
    Time(Timestamp),
    /// Any other value of a property.
    Json(&'a Value),
    /// What the graph holds in another form: `$metadata`, a component, a number.
    Object(Value),
}

impl<'a> Seen<'a> {
    pub(crate) fn of_literal(literal: &'a Literal) -> Self {
        match (&literal.value, literal.time) {
            (Value::String(text), Some(time)) => Self::TimeText(text, time),
            (value, _) => Self::of_json(value),
        }
    }

    pub(crate) fn of_json(value: &'a Value) -> Self {
        match value {
            Value::String(text) => Self::Text(text),
            value => Self::Json(value),
        }
    }

    /// As a value of its own; `None` where absent.
    pub(crate) fn into_json(self) -> Option<Value> {
        match self {
            Self::Absent => None,
            Self::Text(text) | Self::TimeText(text, _) => Some(text.into()),
            Self::Time(time) => Some(time.to_string().into()),
            Self::Json(value) => Some(value.clone()),
            Self::Object(value) => Some(value),
        }
    }

    pub(crate) fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    pub(crate) fn is_text(&self) -> bool {
        matches!(self, Self::Text(_) | Self::TimeText(..) | Self::Time(_))
    }

    pub(crate) fn json(&self) -> Option<&Value> {
        match self {
            Self::Json(value) => Some(value),
            Self::Object(value) => Some(value),
            _ => None,
        }
    }

    /// Calls `with` with the text, where it is one.
    pub(crate) fn with_text<T>(&self, with: impl FnOnce(&str) -> T) -> Option<T> {
        match self {
            Self::Text(text) | Self::TimeText(text, _) => Some(with(text)),
            Self::Time(time) => Some(with(&time.to_string())),
            _ => None,
        }
    }

    fn time(&self) -> Option<Timestamp> {
        match self {
            Self::Time(time) | Self::TimeText(_, time) => Some(*time),
            Self::Text(text) => time_of_text(text),
            _ => None,
        }
    }

    /// The order of two values of one kind; `None` for values that have no order.
    pub(crate) fn order(&self, other: &Self) -> Option<Ordering> {
        match (self.json(), other.json()) {
            (Some(Value::Number(left)), Some(Value::Number(right))) => order_numbers(left, right),
            _ if self.is_text() && other.is_text() => self.order_texts(other),
            _ => None,
        }
    }

    fn order_texts(&self, other: &Self) -> Option<Ordering> {
        match (self.time(), other.time()) {
            (Some(left), Some(right)) => Some(left.cmp(&right)),
            _ => self.with_text(|left| other.with_text(|right| left.cmp(right)))?,
        }
    }

    pub(crate) fn equals(&self, other: &Self) -> bool {
        match self.order(other) {
            Some(order) => order.is_eq(),
            None => {
                matches!((self.json(), other.json()), (Some(left), Some(right)) if left == right)
            }
        }
    }
}

/// The text as an RFC 3339 time, where it is one. Quick to say no.
pub(crate) fn time_of_text(text: &str) -> Option<Timestamp> {
    let looks_like_one = text.len() >= "2026-11-21T09:41:27Z".len()
        && text.as_bytes()[0].is_ascii_digit()
        && text.as_bytes()[4] == b'-';
    if looks_like_one { text.parse().ok() } else { None }
}

fn order_numbers(left: &Number, right: &Number) -> Option<Ordering> {
    match (left.as_i64(), right.as_i64()) {
        (Some(left), Some(right)) => Some(left.cmp(&right)),
        _ => left.as_f64()?.partial_cmp(&right.as_f64()?),
    }
}
