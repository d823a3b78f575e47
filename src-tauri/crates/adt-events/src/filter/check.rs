//! A condition against a notification.

use super::syntax::{Comparison, Condition, Operand, Reference, TextFunction};
use crate::Notification;
use crate::notification::{CONTENT_TYPE, SPEC_VERSION};
use serde_json::{Number, Value};
use std::cmp::Ordering;

/// What an operand stands for; borrowed, so that a check allocates nothing.
#[derive(Clone, Copy, PartialEq)]
enum Seen<'a> {
    Absent,
    Text(&'a str),
    Json(&'a Value),
}

impl<'a> Seen<'a> {
    fn of(operand: &'a Operand, notification: &'a Notification) -> Self {
        match operand {
            Operand::Literal(Value::String(text)) => Self::Text(text),
            Operand::Literal(value) => Self::Json(value),
            Operand::Reference(reference) => Self::of_reference(reference, notification),
        }
    }

    fn of_reference(reference: &'a Reference, notification: &'a Notification) -> Self {
        let optional = |text: &'a Option<String>| text.as_deref().map_or(Self::Absent, Self::Text);
        match reference {
            Reference::Type => Self::Text(notification.kind.as_str()),
            Reference::LegacyType => Self::Text(notification.kind.legacy_name()),
            Reference::Source => Self::Text(&notification.source),
            Reference::Subject => optional(&notification.subject),
            Reference::DataSchema => optional(&notification.dataschema),
            Reference::DataContentType => Self::Text(CONTENT_TYPE),
            Reference::SpecVersion => Self::Text(SPEC_VERSION),
            Reference::Body(path) => Self::in_body(path, &notification.data),
        }
    }

    /// Objects only: the service cannot look into arrays.
    fn in_body(path: &[String], body: &'a Value) -> Self {
        let step = |value: &'a Value, name: &String| value.as_object()?.get(name);
        match path.iter().try_fold(body, step) {
            None => Self::Absent,
            Some(Value::String(text)) => Self::Text(text),
            Some(value) => Self::Json(value),
        }
    }

    fn is_null(self) -> bool {
        matches!(self, Self::Absent | Self::Json(Value::Null))
    }

    fn order(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Text(left), Self::Text(right)) => Some(left.cmp(right)),
            (Self::Json(Value::Number(left)), Self::Json(Value::Number(right))) => {
                order_numbers(left, right)
            }
            _ => None,
        }
    }

    fn equals(self, other: Self) -> bool {
        (self.is_null() && other.is_null())
            || self == other
            || self.order(other) == Some(Ordering::Equal)
    }

    fn shown(self) -> String {
        match self {
            Self::Absent => "not there".to_owned(),
            Self::Text(text) => format!("'{}'", shorten(text)),
            Self::Json(value) => shorten(&value.to_string()),
        }
    }
}

/// Enough of a value to recognise it by.
fn shorten(text: &str) -> String {
    match text.char_indices().nth(120) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn order_numbers(left: &Number, right: &Number) -> Option<Ordering> {
    match (left.as_i64(), right.as_i64()) {
        (Some(left), Some(right)) => Some(left.cmp(&right)),
        _ => left.as_f64()?.partial_cmp(&right.as_f64()?),
    }
}

/// Whether the condition holds.
pub(super) fn holds(condition: &Condition, notification: &Notification) -> bool {
    match condition {
        Condition::Constant(value) => *value,
        Condition::And(parts) => parts.iter().all(|part| holds(part, notification)),
        Condition::Or(parts) => parts.iter().any(|part| holds(part, notification)),
        Condition::Compare { left, operator, right } => {
            compare(Seen::of(left, notification), *operator, Seen::of(right, notification))
        }
        Condition::Text { function, text, part } => {
            match (Seen::of(text, notification), Seen::of(part, notification)) {
                (Seen::Text(text), Seen::Text(part)) => match function {
                    TextFunction::StartsWith => text.starts_with(part),
                    TextFunction::EndsWith => text.ends_with(part),
                    TextFunction::Contains => text.contains(part),
                },
                _ => false,
            }
        }
    }
}

fn compare(left: Seen<'_>, operator: Comparison, right: Seen<'_>) -> bool {
    let both_there = left != Seen::Absent && right != Seen::Absent;
    let order = || left.order(right);
    match operator {
        Comparison::Equal => left.equals(right),
        Comparison::NotEqual => both_there && !left.equals(right),
        Comparison::Less => order().is_some_and(Ordering::is_lt),
        Comparison::LessOrEqual => order().is_some_and(Ordering::is_le),
        Comparison::Greater => order().is_some_and(Ordering::is_gt),
        Comparison::GreaterOrEqual => order().is_some_and(Ordering::is_ge),
    }
}

/// The smallest part that had to hold and did not; of an OR, in which no part alone decides, the
/// whole. `None` where the condition holds.
pub(super) fn first_failing<'c>(
    condition: &'c Condition,
    notification: &Notification,
) -> Option<&'c Condition> {
    match condition {
        Condition::And(parts) => parts.iter().find_map(|part| first_failing(part, notification)),
        part => (!holds(part, notification)).then_some(part),
    }
}

/// The values that a condition saw: one as it is, several with their names.
pub(super) fn seen_by(condition: &Condition, notification: &Notification) -> String {
    let mut references = Vec::new();
    collect_references(condition, &mut references);
    let shown = |reference: &Reference| Seen::of_reference(reference, notification).shown();
    match references.as_slice() {
        [] => "nothing of the notification".to_owned(),
        [reference] => shown(reference),
        several => {
            let named =
                several.iter().map(|reference| format!("{reference}: {}", shown(reference)));
            named.collect::<Vec<_>>().join(", ")
        }
    }
}

fn collect_references<'c>(condition: &'c Condition, into: &mut Vec<&'c Reference>) {
    match condition {
        Condition::Constant(_) => {}
        Condition::And(parts) | Condition::Or(parts) => {
            parts.iter().for_each(|part| collect_references(part, into));
        }
        Condition::Compare { left, right, .. }
        | Condition::Text { text: left, part: right, .. } => {
            for operand in [left, right] {
                if let Operand::Reference(reference) = operand
                    && !into.contains(&reference)
                {
                    into.push(reference);
                }
            }
        }
    }
}
