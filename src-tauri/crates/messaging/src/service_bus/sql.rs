//! SQL conditions of subscription rules, in Service Bus' documented grammar: comparison, `LIKE`,
//! `IN`, `IS NULL`, `EXISTS`, arithmetic, `AND`, `OR`, `NOT`, over `sys.` and application
//! properties, with three-valued logic.

use super::message::Seen;
use super::rules::SYSTEM;
use amqp::Value;
use amqp::message::Sections;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use thiserror::Error;

//= documented: SQL filters have the documented grammar and at most 1,024 characters; actions of
//  rules are not served. [includes/service-bus-quotas-table]
/// How deep a condition may nest, and how long it may be (the service's limit).
const DEEPEST: usize = 64;
const LONGEST: usize = 1_024;

/// A condition that was checked. It is kept as its text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Condition {
    text: String,
    root: Expression,
}

/// What is wrong with a condition.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the SQL filter \"{text}\" is wrong at character {at}: {what}")]
pub struct SqlError {
    text: String,
    /// Counted from 1.
    at: usize,
    what: String,
}

#[derive(Clone, Debug, PartialEq)]
enum Expression {
    Literal(Scalar),
    Property { system: bool, name: String },
    Exists(Box<Expression>),
    Not(Box<Expression>),
    Negative(Box<Expression>),
    And(Box<Expression>, Box<Expression>),
    Or(Box<Expression>, Box<Expression>),
    Compare(Compare, Box<Expression>, Box<Expression>),
    Arithmetic(char, Box<Expression>, Box<Expression>),
    In(Box<Expression>, Vec<Expression>),
    Like { value: Box<Expression>, pattern: Box<Expression>, escape: Option<char> },
    IsNull(Box<Expression>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Compare {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Debug, PartialEq)]
enum Scalar {
    /// Unknown, as a missing property is.
    Null,
    Bool(bool),
    Integer(i64),
    Number(f64),
    Text(String),
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    /// `[delimited]` or `"delimited"`.
    Name(String),
    Text(String),
    Integer(i64),
    Number(f64),
    Sign(&'static str),
}

const SIGNS: [&str; 17] =
    ["<>", "!=", "<=", ">=", "=", "<", ">", "(", ")", ",", ".", "+", "-", "*", "/", "%", "@"];

impl From<Condition> for String {
    fn from(condition: Condition) -> Self {
        condition.text
    }
}

impl TryFrom<String> for Condition {
    type Error = SqlError;

    fn try_from(text: String) -> Result<Self, SqlError> {
        Self::parse(&text)
    }
}

impl Condition {
    /// Reads a condition.
    ///
    /// # Errors
    /// Where it is none, with the place.
    pub fn parse(text: &str) -> Result<Self, SqlError> {
        let wrong = |(at, what): Wrong| SqlError {
            text: text.to_owned(),
            at: text.get(..at).map_or(at, |before| before.chars().count()) + 1,
            what,
        };
        if text.len() > LONGEST {
            return Err(wrong((LONGEST, format!("it is longer than {LONGEST} bytes"))));
        }
        let tokens = tokens(text).map_err(wrong)?;
        let mut parser = Parser { tokens, next: 0, end: text.len() };
        let root = parser.or(0).map_err(wrong)?;
        if parser.next < parser.tokens.len() {
            return Err(wrong(parser.wrong("AND, OR or the end is due here")));
        }
        Ok(Self { text: text.to_owned(), root })
    }

    /// As it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn is_true(&self, message: &Seen) -> bool {
        self.root.value(message) == Scalar::Bool(true)
    }
}

type Wrong = (usize, String);

fn tokens(text: &str) -> Result<Vec<(usize, Token)>, Wrong> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        if c.is_whitespace() {
            at += c.len_utf8();
            continue;
        }
        let (token, length) = match c {
            '\'' => quoted(rest, '\'').map(|(text, n)| (Token::Text(text), n)),
            '"' => quoted(rest, '"').map(|(text, n)| (Token::Name(text), n)),
            '[' => quoted(rest, ']').map(|(text, n)| (Token::Name(text), n)),
            c if c.is_ascii_digit() => Some(number(rest)),
            c if c.is_alphabetic() || c == '_' || c == '$' => {
                let part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '-');
                let length = rest.find(|c| !part(c)).unwrap_or(rest.len());
                Some((Token::Word(rest[..length].to_owned()), length))
            }
            _ => SIGNS
                .iter()
                .find(|sign| rest.starts_with(**sign))
                .map(|s| (Token::Sign(s), s.len())),
        }
        .ok_or_else(|| (at, format!("{c} cannot stand here, or is not closed")))?;
        tokens.push((at, token));
        at += length;
    }
    Ok(tokens)
}

/// Text up to the closing character, which is doubled where it is meant.
fn quoted(rest: &str, close: char) -> Option<(String, usize)> {
    let mut text = String::new();
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c != close {
            text.push(c);
        } else if chars.peek().is_some_and(|(_, next)| *next == close) {
            text.push(c);
            chars.next();
        } else {
            return Some((text, at + c.len_utf8()));
        }
    }
    None
}

fn number(rest: &str) -> (Token, usize) {
    let digits = |text: &str| text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let mut length = digits(rest);
    if rest[length..].starts_with('.') {
        length += 1 + digits(&rest[length + 1..]);
    }
    if let Some(exponent) = rest[length..].strip_prefix(['e', 'E']) {
        let sign = usize::from(exponent.starts_with(['+', '-']));
        let power = digits(&exponent[sign..]);
        length += if power > 0 { 1 + sign + power } else { 0 };
    }
    let text = &rest[..length];
    let token = match text.parse() {
        Ok(integer) => Token::Integer(integer),
        Err(_) => Token::Number(text.parse().unwrap_or(f64::INFINITY)),
    };
    (token, length)
}

struct Parser {
    tokens: Vec<(usize, Token)>,
    next: usize,
    end: usize,
}

type Parsed = Result<Expression, Wrong>;

impl Parser {
    fn wrong(&self, what: &str) -> Wrong {
        (self.tokens.get(self.next).map_or(self.end, |(at, _)| *at), what.to_owned())
    }

    fn word(&mut self, word: &str) -> bool {
        let is = matches!(self.peek(), Some(Token::Word(own)) if own.eq_ignore_ascii_case(word));
        self.next += usize::from(is);
        is
    }

    fn sign(&mut self, sign: &str) -> bool {
        let is = matches!(self.peek(), Some(Token::Sign(own)) if *own == sign);
        self.next += usize::from(is);
        is
    }

    fn due(&mut self, sign: &str) -> Result<(), Wrong> {
        if self.sign(sign) { Ok(()) } else { Err(self.wrong(&format!("{sign} is due here"))) }
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next).map(|(_, token)| token)
    }

    fn or(&mut self, depth: usize) -> Parsed {
        if depth > DEEPEST {
            return Err(self.wrong("it nests too deep"));
        }
        let mut left = self.and(depth)?;
        while self.word("or") {
            left = Expression::Or(Box::new(left), Box::new(self.and(depth)?));
        }
        Ok(left)
    }

    fn and(&mut self, depth: usize) -> Parsed {
        let mut left = self.not(depth)?;
        while self.word("and") {
            left = Expression::And(Box::new(left), Box::new(self.not(depth)?));
        }
        Ok(left)
    }

    fn not(&mut self, depth: usize) -> Parsed {
        if depth > DEEPEST {
            return Err(self.wrong("it nests too deep"));
        }
        if self.word("not") {
            return Ok(Expression::Not(Box::new(self.not(depth + 1)?)));
        }
        self.comparison(depth)
    }

    fn comparison(&mut self, depth: usize) -> Parsed {
        let left = self.sum(depth)?;
        for (sign, compare) in [
            ("=", Compare::Equal),
            ("<>", Compare::NotEqual),
            ("!=", Compare::NotEqual),
            ("<=", Compare::LessOrEqual),
            (">=", Compare::GreaterOrEqual),
            ("<", Compare::Less),
            (">", Compare::Greater),
        ] {
            if self.sign(sign) {
                let right = self.sum(depth)?;
                return Ok(Expression::Compare(compare, Box::new(left), Box::new(right)));
            }
        }
        if self.word("is") {
            let not = self.word("not");
            if !self.word("null") {
                return Err(self.wrong("NULL is due here"));
            }
            return Ok(negated(not, Expression::IsNull(Box::new(left))));
        }
        let not = self.word("not");
        if self.word("like") {
            let pattern = Box::new(self.sum(depth)?);
            let escape = if self.word("escape") { Some(self.escape()?) } else { None };
            let value = Box::new(left);
            return Ok(negated(not, Expression::Like { value, pattern, escape }));
        }
        if self.word("in") {
            self.due("(")?;
            let mut values = vec![self.sum(depth)?];
            while self.sign(",") {
                values.push(self.sum(depth)?);
            }
            self.due(")")?;
            return Ok(negated(not, Expression::In(Box::new(left), values)));
        }
        if not { Err(self.wrong("LIKE or IN is due here")) } else { Ok(left) }
    }

    fn escape(&mut self) -> Result<char, Wrong> {
        let escape = match self.peek() {
            Some(Token::Text(text)) if text.chars().count() == 1 => text.chars().next(),
            _ => None,
        };
        let escape = escape.ok_or_else(|| self.wrong("one character in quotes is due here"))?;
        self.next += 1;
        Ok(escape)
    }

    fn sum(&mut self, depth: usize) -> Parsed {
        let mut left = self.product(depth)?;
        loop {
            let sign = if self.sign("+") {
                '+'
            } else if self.sign("-") {
                '-'
            } else {
                return Ok(left);
            };
            left = Expression::Arithmetic(sign, Box::new(left), Box::new(self.product(depth)?));
        }
    }

    fn product(&mut self, depth: usize) -> Parsed {
        let mut left = self.primary(depth)?;
        loop {
            let Some(sign) = ["*", "/", "%"].into_iter().find(|sign| self.sign(sign)) else {
                return Ok(left);
            };
            let sign = sign.chars().next().unwrap_or('*');
            left = Expression::Arithmetic(sign, Box::new(left), Box::new(self.primary(depth)?));
        }
    }

    fn primary(&mut self, depth: usize) -> Parsed {
        if depth > DEEPEST {
            return Err(self.wrong("it nests too deep"));
        }
        if self.sign("(") {
            let inner = self.or(depth + 1)?;
            self.due(")")?;
            return Ok(inner);
        }
        if self.sign("-") {
            return Ok(Expression::Negative(Box::new(self.primary(depth + 1)?)));
        }
        if self.sign("+") {
            return self.primary(depth + 1);
        }
        let Some(token) = self.peek().cloned() else {
            return Err(self.wrong("it ends where a value is due"));
        };
        let literal = match token {
            Token::Text(text) => Scalar::Text(text),
            Token::Integer(number) => Scalar::Integer(number),
            Token::Number(number) => Scalar::Number(number),
            Token::Word(word) if word.eq_ignore_ascii_case("true") => Scalar::Bool(true),
            Token::Word(word) if word.eq_ignore_ascii_case("false") => Scalar::Bool(false),
            Token::Word(word) if word.eq_ignore_ascii_case("null") => Scalar::Null,
            Token::Word(word) => return self.named(word, depth),
            Token::Name(name) => {
                self.next += 1;
                return Ok(Expression::Property { system: false, name });
            }
            Token::Sign(_) => return Err(self.wrong("a value is due here")),
        };
        self.next += 1;
        Ok(Expression::Literal(literal))
    }

    fn named(&mut self, word: String, depth: usize) -> Parsed {
        if is_reserved(&word) {
            return Err(self.wrong("a value is due here"));
        }
        self.next += 1;
        if word.eq_ignore_ascii_case("exists") && self.sign("(") {
            let property = self.primary(depth + 1)?;
            if !matches!(property, Expression::Property { .. }) {
                return Err(self.wrong("EXISTS takes a property"));
            }
            self.due(")")?;
            return Ok(Expression::Exists(Box::new(property)));
        }
        let scope = word.to_ascii_lowercase();
        if matches!(scope.as_str(), "sys" | "user") && self.sign(".") {
            let system = scope == "sys";
            let Some(Token::Word(name) | Token::Name(name)) = self.peek().cloned() else {
                return Err(self.wrong("the name of a property is due here"));
            };
            if system && !SYSTEM.iter().any(|(_, own, _)| own.eq_ignore_ascii_case(&name)) {
                return Err(self.wrong("there is no such system property"));
            }
            self.next += 1;
            return Ok(Expression::Property { system, name });
        }
        Ok(Expression::Property { system: false, name: word })
    }
}

fn is_reserved(word: &str) -> bool {
    let reserved = ["and", "or", "not", "like", "in", "is", "escape"];
    reserved.iter().any(|own| word.eq_ignore_ascii_case(own))
}

fn negated(not: bool, expression: Expression) -> Expression {
    if not { Expression::Not(Box::new(expression)) } else { expression }
}

impl Expression {
    fn value(&self, message: &Seen) -> Scalar {
        match self {
            Self::Literal(scalar) => scalar.clone(),
            Self::Property { system, name } => property(message, *system, name),
            Self::Exists(property) => Scalar::Bool(property.value(message) != Scalar::Null),
            Self::IsNull(value) => Scalar::Bool(value.value(message) == Scalar::Null),
            Self::Not(inner) => match inner.value(message) {
                Scalar::Bool(value) => Scalar::Bool(!value),
                _ => Scalar::Null,
            },
            Self::Negative(inner) => arithmetic('-', &Scalar::Integer(0), &inner.value(message)),
            Self::And(left, right) => match (left.value(message), right.value(message)) {
                (Scalar::Bool(false), _) | (_, Scalar::Bool(false)) => Scalar::Bool(false),
                (Scalar::Bool(true), Scalar::Bool(true)) => Scalar::Bool(true),
                _ => Scalar::Null,
            },
            Self::Or(left, right) => match (left.value(message), right.value(message)) {
                (Scalar::Bool(true), _) | (_, Scalar::Bool(true)) => Scalar::Bool(true),
                (Scalar::Bool(false), Scalar::Bool(false)) => Scalar::Bool(false),
                _ => Scalar::Null,
            },
            Self::Compare(compare, left, right) => {
                compare.apply(&left.value(message), &right.value(message))
            }
            Self::Arithmetic(sign, left, right) => {
                arithmetic(*sign, &left.value(message), &right.value(message))
            }
            Self::In(value, values) => {
                let value = value.value(message);
                let mut unknown = value == Scalar::Null;
                for other in values {
                    match Compare::Equal.apply(&value, &other.value(message)) {
                        Scalar::Bool(true) => return Scalar::Bool(true),
                        Scalar::Null => unknown = true,
                        _ => {}
                    }
                }
                if unknown { Scalar::Null } else { Scalar::Bool(false) }
            }
            Self::Like { value, pattern, escape } => {
                match (value.value(message), pattern.value(message)) {
                    (Scalar::Text(text), Scalar::Text(pattern)) => {
                        Scalar::Bool(like(&text, &pattern, *escape))
                    }
                    _ => Scalar::Null,
                }
            }
        }
    }
}

fn property(message: &Seen, system: bool, name: &str) -> Scalar {
    if system {
        let at = SYSTEM.iter().find(|(_, own, _)| own.eq_ignore_ascii_case(name));
        return at
            .map_or(Scalar::Null, |(.., at)| scalar(Sections::property(&message.properties, *at)));
    }
    let pairs = message.application.as_map().unwrap_or_default();
    let same = |key: &Value| key.as_text().is_some_and(|key| key.eq_ignore_ascii_case(name));
    pairs.iter().find(|(key, _)| same(key)).map_or(Scalar::Null, |(_, value)| scalar(value))
}

fn scalar(value: &Value) -> Scalar {
    match value {
        Value::Bool(value) => Scalar::Bool(*value),
        Value::Float(number) => Scalar::Number((*number).into()),
        Value::Double(number) => Scalar::Number(*number),
        Value::String(text) | Value::Symbol(text) => Scalar::Text(text.clone()),
        Value::Uuid(bytes) => Scalar::Text(uuid::Uuid::from_bytes(*bytes).to_string()),
        other => other.as_i64().map_or(Scalar::Null, Scalar::Integer),
    }
}

fn as_number(scalar: &Scalar) -> Option<f64> {
    match scalar {
        #[allow(clippy::cast_precision_loss)] // As SQL compares mixed numbers.
        Scalar::Integer(number) => Some(*number as f64),
        Scalar::Number(number) => Some(*number),
        _ => None,
    }
}

impl Compare {
    fn apply(self, left: &Scalar, right: &Scalar) -> Scalar {
        let order = match (left, right) {
            (Scalar::Null, _) | (_, Scalar::Null) => return Scalar::Null,
            (Scalar::Integer(left), Scalar::Integer(right)) => Some(left.cmp(right)),
            (Scalar::Text(left), Scalar::Text(right)) => Some(left.cmp(right)),
            (Scalar::Bool(left), Scalar::Bool(right)) => Some(left.cmp(right)),
            _ => as_number(left).zip(as_number(right)).and_then(|(l, r)| l.partial_cmp(&r)),
        };
        // Values of different kinds are not equal, and neither is before the other.
        let Some(order) = order else { return Scalar::Bool(self == Self::NotEqual) };
        Scalar::Bool(match self {
            Self::Equal => order == Ordering::Equal,
            Self::NotEqual => order != Ordering::Equal,
            Self::Less => order == Ordering::Less,
            Self::LessOrEqual => order != Ordering::Greater,
            Self::Greater => order == Ordering::Greater,
            Self::GreaterOrEqual => order != Ordering::Less,
        })
    }
}

fn arithmetic(sign: char, left: &Scalar, right: &Scalar) -> Scalar {
    if let (Scalar::Integer(left), Scalar::Integer(right)) = (left, right) {
        let exact = match sign {
            '+' => left.checked_add(*right),
            '-' => left.checked_sub(*right),
            '*' => left.checked_mul(*right),
            '/' => left.checked_div(*right),
            _ => left.checked_rem(*right),
        };
        return exact.map_or(Scalar::Null, Scalar::Integer);
    }
    if let (Scalar::Text(left), Scalar::Text(right), '+') = (left, right, sign) {
        return Scalar::Text(format!("{left}{right}"));
    }
    let Some((left, right)) = as_number(left).zip(as_number(right)) else { return Scalar::Null };
    Scalar::Number(match sign {
        '+' => left + right,
        '-' => left - right,
        '*' => left * right,
        '/' => left / right,
        _ => left % right,
    })
}

/// `%` stands for any characters, `_` for one; in time proportional to the product of the lengths.
fn like(text: &str, pattern: &str, escape: Option<char>) -> bool {
    #[derive(PartialEq)]
    enum Part {
        Any,
        One,
        Char(char),
    }
    let mut parts = Vec::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        parts.push(match c {
            c if Some(c) == escape => chars.next().map_or(Part::Char(c), Part::Char),
            '%' => Part::Any,
            '_' => Part::One,
            c => Part::Char(c),
        });
    }
    let text: Vec<char> = text.chars().collect();
    let (mut at, mut part, mut retry) = (0, 0, None);
    while at < text.len() {
        match parts.get(part) {
            Some(Part::Any) => {
                retry = Some((part, at));
                part += 1;
            }
            Some(Part::One) => {
                at += 1;
                part += 1;
            }
            Some(Part::Char(c)) if *c == text[at] => {
                at += 1;
                part += 1;
            }
            _ => {
                let Some((any, from)) = retry else { return false };
                retry = Some((any, from + 1));
                at = from + 1;
                part = any + 1;
            }
        }
    }
    parts[part..].iter().all(|part| *part == Part::Any)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn message() -> Seen {
        let text = |text: &str| Value::String(text.to_owned());
        let mut properties = vec![Value::Null; amqp::message::property::COUNT];
        properties[amqp::message::property::SUBJECT] = text("alarm");
        Seen {
            properties: Value::List(properties),
            application: Value::Map(vec![
                (text("level"), Value::Int(7)),
                (text("temperature"), Value::Double(21.5)),
                (text("room"), text("Room_11")),
                (text("urgent"), Value::Bool(true)),
                (text("odd name"), text("yes")),
            ]),
        }
    }

    #[test]
    fn conditions_are_true_only_where_they_are_true() {
        for (text, expected) in [
            ("1=1", true),
            ("level = 7", true),
            ("level > 6 AND level <= 7", true),
            ("level + 1 = 8 and level * 2 - 4 = 10 and level % 4 = 3", true),
            ("temperature > 21", true),
            ("temperature = -21.5", false),
            ("room LIKE 'Room%'", true),
            ("room LIKE 'Room#_11' ESCAPE '#'", true),
            ("room LIKE '_oom'", false),
            ("room NOT LIKE 'Floor%'", true),
            ("room IN ('a', 'Room_11')", true),
            ("room NOT IN ('a', 'b')", true),
            ("sys.Label = 'alarm'", true),
            ("SYS.label <> 'alarm'", false),
            ("user.room = 'Room_11'", true),
            ("EXISTS(level) AND NOT EXISTS(nothing)", true),
            ("nothing IS NULL and room is not null", true),
            ("nothing = 1", false),
            ("NOT (nothing = 1)", false),
            ("nothing = 1 OR urgent", true),
            ("urgent = TRUE", true),
            ("[odd name] = 'yes' and \"odd name\" = 'yes'", true),
            ("room = 7", false),
            ("room <> 7", true),
            ("level / 0 = 1", false),
            ("'it''s' = 'it''s'", true),
            ("1e3 = 1000", true),
        ] {
            assert_eq!(Condition::parse(text).unwrap().is_true(&message()), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_condition_is_refused_with_its_place() {
        for (text, at) in [
            ("", 1),
            ("level =", 8),
            ("level = 7 8", 11),
            ("(level = 7", 11),
            ("room LIKE", 10),
            ("sys.colour = 1", 5),
            ("'open", 1),
            ("a ; b", 3),
            ("level IN ()", 11),
            ("AND", 1),
            ("é = ;", 5),
        ] {
            assert_eq!(Condition::parse(text).unwrap_err().at, at, "{text}");
        }
        let deep = "(".repeat(200);
        assert!(Condition::parse(&deep).is_err());
        assert!(Condition::parse(&"not ".repeat(200)).is_err());
        assert!(Condition::parse(&"-".repeat(200)).is_err());
    }
}
