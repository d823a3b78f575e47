//! The parsed form of a filter, and its text.

pub(super) use adt_query::lexis::Comparison;
use serde_json::{Number, Value};
use std::fmt;

/// A condition that holds or not.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Condition {
    /// `true` or `false`.
    Constant(bool),
    /// All must hold; at least two.
    And(Vec<Condition>),
    /// One must hold; at least two.
    Or(Vec<Condition>),
    /// `left operator right`.
    Compare { left: Operand, operator: Comparison, right: Operand },
    /// `FUNCTION(text, part)`.
    Text { function: TextFunction, text: Operand, part: Operand },
}

/// What is compared.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Operand {
    Reference(Reference),
    Literal(Value),
}

/// A field of the notification.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Reference {
    Type,
    /// `$eventType` of the preview.
    LegacyType,
    Source,
    Subject,
    DataSchema,
    DataContentType,
    SpecVersion,
    /// `$body.a.b`, split.
    Body(Vec<String>),
}

/// A function over text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TextFunction {
    StartsWith,
    EndsWith,
    Contains,
}

impl Reference {
    /// The reference of that name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "type" => Self::Type,
            "$eventType" => Self::LegacyType,
            "source" => Self::Source,
            "subject" => Self::Subject,
            "dataschema" => Self::DataSchema,
            "datacontenttype" => Self::DataContentType,
            "specversion" => Self::SpecVersion,
            body => {
                let path = body.strip_prefix("$body.")?;
                Self::Body(path.split('.').map(str::to_owned).collect())
            }
        })
    }
}

impl TextFunction {
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "STARTS_WITH" => Self::StartsWith,
            "ENDS_WITH" => Self::EndsWith,
            "CONTAINS" => Self::Contains,
            _ => return None,
        })
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Constant(value) => write!(f, "{value}"),
            Self::And(parts) => {
                join(f, parts, " AND ", |part| matches!(part, Self::And(_) | Self::Or(_)))
            }
            Self::Or(parts) => join(f, parts, " OR ", |part| matches!(part, Self::Or(_))),
            Self::Compare { left, operator, right } => write!(f, "{left} {operator} {right}"),
            Self::Text { function, text, part } => write!(f, "{function}({text}, {part})"),
        }
    }
}

fn join(
    f: &mut fmt::Formatter<'_>,
    parts: &[Condition],
    word: &str,
    needs_parentheses: impl Fn(&Condition) -> bool,
) -> fmt::Result {
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            f.write_str(word)?;
        }
        if needs_parentheses(part) { write!(f, "({part})")? } else { write!(f, "{part}")? }
    }
    Ok(())
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reference(reference) => write!(f, "{reference}"),
            Self::Literal(Value::String(text)) => {
                write!(f, "'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
            }
            Self::Literal(Value::Number(number)) => write_number(f, number),
            Self::Literal(value) => write!(f, "{value}"),
        }
    }
}

/// The language has no exponents, which JSON would write for large and small numbers.
fn write_number(f: &mut fmt::Formatter<'_>, number: &Number) -> fmt::Result {
    match number.as_f64().filter(|_| number.is_f64()) {
        Some(double) if double.fract() == 0.0 => write!(f, "{double:.1}"),
        Some(double) => write!(f, "{double}"),
        None => write!(f, "{number}"),
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Type => "type",
            Self::LegacyType => "$eventType",
            Self::Source => "source",
            Self::Subject => "subject",
            Self::DataSchema => "dataschema",
            Self::DataContentType => "datacontenttype",
            Self::SpecVersion => "specversion",
            Self::Body(path) => return write!(f, "$body.{}", path.join(".")),
        })
    }
}

impl fmt::Display for TextFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::StartsWith => "STARTS_WITH",
            Self::EndsWith => "ENDS_WITH",
            Self::Contains => "CONTAINS",
        })
    }
}
