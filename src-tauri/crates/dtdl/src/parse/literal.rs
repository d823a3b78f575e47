//! Literal values: strings, numbers, booleans, texts by language, identifiers.
//!
//! A literal may be written as such, or as a JSON-LD value object (`{"@value": …, "@type": …}`).

use serde_json::Value as Json;

use super::{
    Parser,
    pattern::{describe, matches},
};
use crate::{
    context::Context,
    graph::{Element, Value},
    jsonld::{self, Node},
    metamodel::{Literal, Pattern, metamodel},
    problem::{Problem, shorten},
    temporal,
    value::whole,
};

const XSD: &str = "http://www.w3.org/2001/XMLSchema#";

/// What is demanded of a literal.
pub(super) struct LiteralRule {
    pub(super) literal: Literal,
    pub(super) optional: bool,
    pub(super) max_length: Option<usize>,
    pub(super) pattern: Option<Pattern>,
    pub(super) min: Option<i64>,
    pub(super) max: Option<i64>,
}

/// Where a literal stands, for the reports.
pub(super) struct Place<'a> {
    element: &'a str,
    pub(super) property: &'a str,
}

impl Place<'_> {
    pub(super) fn problem(&self, rule: &str, message: impl Into<String>) -> Problem {
        Problem::new(rule, message).element(self.element).property(self.property)
    }
}

impl Parser {
    /// `None` where the value is refused, which is reported, or where there is none.
    pub(super) fn literal(
        &mut self,
        element: &Element,
        property: &str,
        rule: &LiteralRule,
        value: &Json,
        context: &Context,
    ) -> Option<Value> {
        let place = Place { element: &element.id, property: metamodel().short_name(property) };
        match rule.literal {
            Literal::Json => return Some(Value::Json(value.clone())),
            Literal::LangString => {
                return self.texts(&place, rule, value, context).map(Value::Text);
            }
            _ => {}
        }
        let family = family(rule.literal);
        match jsonld::values(value) {
            [] if rule.optional => None,
            [] => {
                let message = format!("\"{}\" has no value and needs one.", place.property);
                self.report(place.problem(&format!("{family}CountBelowMin"), message));
                None
            }
            [one] => self.one(&place, rule, one, context),
            _ => {
                let message = format!("\"{}\" takes one value. Keep one of them.", place.property);
                self.report(
                    place.problem(&format!("{family}MultipleValues"), message).value(value),
                );
                None
            }
        }
    }

    fn one(
        &mut self,
        place: &Place<'_>,
        rule: &LiteralRule,
        value: &Json,
        context: &Context,
    ) -> Option<Value> {
        if rule.literal.is_identifier() {
            return self.identifier(place, rule, value, context);
        }
        let (literal, object) = match value {
            Json::Object(map) => (self.value_object(place, rule, Node::new(map), context)?, true),
            plain => (plain, false),
        };
        let family = family(rule.literal);
        let Some(parsed) = parse(rule.literal, literal) else {
            let which = match (rule.literal, object) {
                (Literal::Any, _) => "literalNotValid".to_owned(),
                (Literal::Duration, _) if literal.is_string() => "durationInvalid".to_owned(),
                (Literal::Duration, true) => "durationValueNotString".to_owned(),
                (Literal::Duration, false) => "durationNotString".to_owned(),
                (_, true) => format!("{family}ValueNot{}", title(family)),
                (_, false) => format!("{family}Not{}", title(family)),
            };
            let message = format!(
                "\"{}\" is {}, which is not {}.",
                place.property,
                shorten(&literal.to_string()),
                wanted(rule.literal)
            );
            self.report(place.problem(&which, message).value(literal));
            return None;
        };
        match &parsed {
            Value::String(text) => self.check_text(place, rule, text, "string", context),
            Value::Integer(number) => self.check_range(place, rule, *number),
            _ => {}
        }
        Some(parsed)
    }

    /// The literal inside of a value object.
    fn value_object<'a>(
        &mut self,
        place: &Place<'_>,
        rule: &LiteralRule,
        node: Node<'a>,
        context: &Context,
    ) -> Option<&'a Json> {
        self.check_value_object(place, node, context);
        let family = family(rule.literal);
        let Some(value) = node.keyword("@value") else {
            let message = format!(
                "\"{}\" is an object without @value. Give {} directly.",
                place.property,
                wanted(rule.literal)
            );
            self.report(place.problem(&format!("{family}ObjectNoValue"), message));
            return None;
        };
        let Some(types) = node.types() else {
            return Some(value);
        };
        let [declared] = types.as_slice() else {
            let message =
                format!("The value of \"{}\" has more than one @type. Keep one.", place.property);
            self.report(place.problem("literalTypeNotSingular", message));
            return None;
        };
        let declared = declared.strip_prefix("xsd:").or_else(|| declared.strip_prefix(XSD));
        let fits = match rule.literal {
            Literal::Any => declared.is_some_and(|declared| {
                [Literal::String, Literal::Integer, Literal::Decimal, Literal::Boolean]
                    .into_iter()
                    .any(|literal| xsd_name(literal) == declared && parse(literal, value).is_some())
            }),
            literal => declared == Some(xsd_name(literal)),
        };
        if !fits {
            let which = match rule.literal {
                Literal::Any => self.mismatch(declared, value),
                _ => format!("{family}TypeNot{}", title(family)),
            };
            let message = format!(
                "The value of \"{}\" declares a @type that does not fit. Give {} directly.",
                place.property,
                wanted(rule.literal)
            );
            self.report(place.problem(&which, message).value(value));
            return None;
        }
        Some(value)
    }

    /// Which rule a value object breaks whose `@value` is not of the `@type` that it declares.
    fn mismatch(&self, declared: Option<&str>, value: &Json) -> String {
        match declared {
            Some("string") if !value.is_string() => "stringValueNotString",
            Some("integer") if whole(value).is_none() => "integerValueNotInteger",
            Some("decimal") if !value.is_number() => "numericValueNotNumeric",
            Some("boolean") if !value.is_boolean() => "booleanValueNotBoolean",
            _ => "literalNotValid",
        }
        .to_owned()
    }

    fn check_value_object(&mut self, place: &Place<'_>, node: Node<'_>, context: &Context) {
        let mut refuse = |rule: &str, key: &str| {
            let message = format!(
                "The value of \"{}\" has {key}, which has no place there. Remove it.",
                place.property
            );
            self.report(place.problem(rule, message).value(key));
        };
        for (keyword, rule) in [
            ("@context", "valueObjectContext"),
            ("@id", "valueObjectId"),
            ("@graph", "valueObjectGraph"),
        ] {
            if node.has(keyword) {
                refuse(rule, keyword);
            }
        }
        if context.restricts_keywords() {
            if node.has("@language") {
                refuse("valueObjectLanguage", "@language");
            }
            node.other_keywords().for_each(|keyword| refuse("valueObjectKeyword", keyword));
        }
        node.properties().for_each(|(key, _)| refuse("valueObjectInvalidProp", key));
    }

    fn identifier(
        &mut self,
        place: &Place<'_>,
        rule: &LiteralRule,
        value: &Json,
        context: &Context,
    ) -> Option<Value> {
        let Json::String(text) = value else {
            let message = format!(
                "\"{}\" is {}, which is no string. Give a DTMI.",
                place.property,
                shorten(&value.to_string())
            );
            self.report(place.problem("identifierNotString", message).value(value));
            return None;
        };
        let resolved = context.resolve(text);
        let resolved = match resolved {
            Some(id) => id,
            None if rule.literal == Literal::Iri
                && text.contains(':')
                && !text.starts_with("dtmi:") =>
            {
                text
            }
            None => {
                let which = match rule.literal {
                    Literal::Iri => "identifierNotUri",
                    _ => "identifierNotDtmi",
                };
                let message = format!(
                    "\"{}\" is \"{}\", which is no DTMI. Give the DTMI of an interface.",
                    place.property,
                    shorten(text)
                );
                self.report(place.problem(which, message).value(text));
                return None;
            }
        };
        self.check_text(place, rule, resolved, "identifier", context);
        Some(Value::Iri(resolved.into()))
    }

    fn check_text(
        &mut self,
        place: &Place<'_>,
        rule: &LiteralRule,
        text: &str,
        family: &str,
        context: &Context,
    ) {
        if let Some(max) = rule.max_length
            && is_longer(text, max)
        {
            let message = format!(
                "\"{}\" has {} characters; {max} is the most. Shorten it.",
                place.property,
                utf16_length(text)
            );
            self.report(place.problem(&format!("{family}TooLong"), message).value(text));
        }
        if let Some(pattern) = rule.pattern
            && !matches(pattern, text, context.version())
        {
            let message = format!(
                "\"{}\" is \"{}\", which is not {}.",
                place.property,
                shorten(text),
                describe(pattern)
            );
            self.report(place.problem(&format!("{family}Invalid"), message).value(text));
        }
    }

    fn check_range(&mut self, place: &Place<'_>, rule: &LiteralRule, number: i64) {
        let below = rule.min.is_some_and(|min| number < min);
        let above = rule.max.is_some_and(|max| number > max);
        let (which, limits) = match (rule.min, rule.max) {
            (Some(min), Some(max)) if min == max && number != min => {
                ("valueNotExact", format!("be {min}"))
            }
            (Some(min), Some(max)) if below => {
                ("valueBelowRange", format!("be from {min} to {max}"))
            }
            (Some(min), Some(max)) if above => {
                ("valueAboveRange", format!("be from {min} to {max}"))
            }
            (Some(min), None) if below => ("valueBelowMin", format!("be at least {min}")),
            (None, Some(max)) if above => ("valueAboveMax", format!("be at most {max}")),
            _ => return,
        };
        let message = format!("\"{}\" is {number}; it must {limits}.", place.property);
        self.report(place.problem(which, message).value(number));
    }
}

/// Lengths count UTF-16 units, as the reference parser does.
pub(super) fn utf16_length(text: &str) -> usize {
    text.encode_utf16().count()
}

pub(super) fn is_longer(text: &str, max: usize) -> bool {
    text.len() > max && utf16_length(text) > max
}

fn parse(literal: Literal, value: &Json) -> Option<Value> {
    match (literal, value) {
        (Literal::String | Literal::Any, Json::String(text)) => {
            Some(Value::String(text.as_str().into()))
        }
        (Literal::Duration, Json::String(text)) if temporal::is_duration(text) => {
            Some(Value::String(text.as_str().into()))
        }
        (Literal::Boolean | Literal::Any, Json::Bool(value)) => Some(Value::Boolean(*value)),
        (Literal::Integer, Json::Number(_)) => integer(value).map(Value::Integer),
        (Literal::Decimal, Json::Number(number)) => number.as_f64().map(Value::Number),
        (Literal::Any, Json::Number(number)) => {
            integer(value).map(Value::Integer).or_else(|| number.as_f64().map(Value::Number))
        }
        _ => None,
    }
}

/// The integers of a model are of 32 bits.
fn integer(value: &Json) -> Option<i64> {
    whole(value).filter(|number| i32::try_from(*number).is_ok())
}

fn family(literal: Literal) -> &'static str {
    match literal {
        Literal::String => "string",
        Literal::Integer => "integer",
        Literal::Decimal => "numeric",
        Literal::Boolean => "boolean",
        Literal::Duration => "duration",
        Literal::LangString => "langString",
        Literal::Dtmi | Literal::Iri => "identifier",
        Literal::Any | Literal::Json => "literal",
    }
}

fn title(family: &str) -> &'static str {
    match family {
        "string" => "String",
        "integer" => "Integer",
        "numeric" => "Numeric",
        "boolean" => "Boolean",
        _ => "Duration",
    }
}

fn xsd_name(literal: Literal) -> &'static str {
    match literal {
        Literal::Integer => "integer",
        Literal::Decimal => "decimal",
        Literal::Boolean => "boolean",
        Literal::Duration => "duration",
        _ => "string",
    }
}

fn wanted(literal: Literal) -> &'static str {
    match literal {
        Literal::String => "a string",
        Literal::Integer => "an integer of 32 bits",
        Literal::Decimal => "a number",
        Literal::Boolean => "true or false",
        Literal::Duration => "a duration like \"PT1H\"",
        Literal::LangString => "a text or a map from language to text",
        Literal::Dtmi | Literal::Iri => "a DTMI",
        Literal::Any | Literal::Json => "a string, a number or a boolean",
    }
}
