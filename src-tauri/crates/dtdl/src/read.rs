//! Reads the text of a document more strictly than a JSON parser by itself: what would be lost on the way
//! (a doubled key) or blow up later (nesting) is an error with its line and column.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::{
    jsonld::MAX_NESTING,
    problem::{Problem, Problems},
};

/// Reads the text of a model, or of an array of models.
///
/// A byte order mark is passed over. Takes no more than 64 levels of nesting, and no doubled keys.
///
/// # Errors
/// One problem, with line and column: the rest of a broken text says nothing.
pub fn read(text: &[u8]) -> Result<Value, Problems> {
    let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
    let text = std::str::from_utf8(text).map_err(|error| not_utf8(text, error.valid_up_to()))?;
    let text = without_negative_zero(text);
    let mut deserializer = serde_json::Deserializer::from_str(&text);
    let value = Strict { depth: 0 }
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value));
    value.map_err(|error| {
        let what = error.to_string();
        let rule = match what.as_str() {
            what if what.starts_with(DOUBLED) => "duplicateKey",
            what if what.starts_with(TOO_DEEP) => "nestingTooDeep",
            _ => "invalidJson",
        };
        Problems(vec![Problem::new(rule, format!("The text is no JSON of a model: {what}."))])
    })
}

const DOUBLED: &str = "the key";
const TOO_DEEP: &str = "nesting";

fn not_utf8(text: &[u8], valid: usize) -> Problems {
    let before = text.get(..valid).unwrap_or_default();
    let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
    let column = 1 + before.iter().rev().take_while(|byte| **byte != b'\n').count();
    let message = format!(
        "The text is not UTF-8: the byte at line {line} column {column} does not belong. Save the file as UTF-8."
    );
    Problems(vec![Problem::new("invalidJson", message)])
}

/// serde_json reads `-0` as the float `-0.0`; JSON and DTDL mean the integer.
fn without_negative_zero(text: &str) -> std::borrow::Cow<'_, str> {
    let bytes = text.as_bytes();
    let mut in_string = false;
    let mut escaped = false;
    let mut found = Vec::new();
    for (position, byte) in bytes.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'-' if !in_string && bytes.get(position + 1) == Some(&b'0') => {
                let next = bytes.get(position + 2);
                if !next.is_some_and(|next| next.is_ascii_digit() || b".eE".contains(next)) {
                    found.push(position);
                }
            }
            _ => {}
        }
    }
    if found.is_empty() {
        return text.into();
    }
    let mut text = text.to_owned();
    for position in found {
        text.replace_range(position..=position, " ");
    }
    text.into()
}

#[derive(Clone, Copy)]
struct Strict {
    depth: usize,
}

impl Strict {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        if self.depth == MAX_NESTING {
            return Err(E::custom(format!("{TOO_DEEP} deeper than {MAX_NESTING} levels")));
        }
        Ok(Self { depth: self.depth + 1 })
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if map.contains_key(&key) {
                let shown = crate::problem::shorten(&key);
                return Err(A::Error::custom(format!("{DOUBLED} \"{shown}\" is given twice")));
            }
            let value = entries.next_value_seed(inner)?;
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}
