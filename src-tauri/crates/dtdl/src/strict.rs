//! JSON in which nothing is lost: a doubled key is an error, not the last of its values, and so is
//! nesting that would blow up later.

use crate::jsonld::MAX_NESTING;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;

/// How the message of a doubled key begins.
pub(crate) const DOUBLED: &str = "the key";
/// How the message of too deep a nesting begins.
pub(crate) const TOO_DEEP: &str = "nesting";

/// Reads any value, of 64 levels of nesting at the most.
#[derive(Clone, Copy, Debug, Default)]
pub struct Strict {
    depth: usize,
}

/// One value, and nothing behind it.
///
/// # Errors
/// Where the text is no JSON, gives a key of an object twice, or nests deeper than 64 levels; with
/// line and column.
pub fn parse(text: &str) -> Result<Value, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = Strict::default().deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

/// Whether an object takes a member of that name: to be asked before its value is read, so that the
/// error is where the name is.
///
/// # Errors
/// Where there is one already.
pub fn check_new<E: Error>(map: &Map<String, Value>, key: &str) -> Result<(), E> {
    if !map.contains_key(key) {
        return Ok(());
    }
    let shown = crate::problem::shorten(key);
    Err(E::custom(format_args!("{DOUBLED} «{shown}» is there twice; keep one of them")))
}

impl Strict {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        if self.depth == MAX_NESTING {
            return Err(E::custom(format_args!("{TOO_DEEP} deeper than {MAX_NESTING} levels")));
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
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        let number = Number::from_f64(value).map(Value::Number);
        number.ok_or_else(|| E::custom("the number is too large"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut map = Map::new();
        while let Some(key) = members.next_key::<String>()? {
            check_new(&map, &key)?;
            let value = members.next_value_seed(inner)?;
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_doubled_key_is_told() {
        let text = r#"{"a": 1, "b": {"c": 1.5, "d": [true, null, "x"]}}"#;
        assert_eq!(parse(text).unwrap(), serde_json::from_str::<Value>(text).unwrap());
        for (text, words) in [
            (r#"{"a": 1, "a": 2}"#, "the key «a» is there twice; keep one of them at line 1"),
            (r#"{"b": [{"a": 1, "a": 2}]}"#, "«a» is there twice"),
            ("{} {}", "trailing characters"),
            ("{", "EOF"),
            ("1e999", "out of range"),
            (&"[".repeat(100_000), "nesting deeper than 64 levels"),
        ] {
            let told = parse(text).unwrap_err().to_string();
            assert!(told.contains(words), "{text:.40}: {told}");
        }
    }
}
