//! An event's attributes as JSON text. An event passes through a topic without its values being
//! made and written again: what looks at one reads that one.

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

/// The attributes of an event, in their order. Each value is JSON as it was published: its syntax
/// was checked, not whether its numbers fit.
#[derive(Clone, PartialEq, Eq)]
pub struct Attributes {
    /// A JSON object.
    json: Box<str>,
    /// Where each name, with its quotes, and its value stand in it.
    places: Box<[(Range<u32>, Range<u32>)]>,
}

impl Attributes {
    /// The event as a JSON object.
    #[must_use]
    pub fn as_json(&self) -> &str {
        &self.json
    }

    /// Events as a JSON array.
    #[must_use]
    pub fn array(events: &[Self]) -> Vec<u8> {
        let mut array = vec![b'['];
        for (index, event) in events.iter().enumerate() {
            if index > 0 {
                array.push(b',');
            }
            array.extend_from_slice(event.json.as_bytes());
        }
        array.push(b']');
        array
    }

    /// An attribute's value as JSON.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(known, _)| is_named(known, name)).map(|(_, value)| value)
    }

    /// The same by a name of which the case does not matter.
    pub(super) fn get_without_case(&self, name: &str) -> Option<&str> {
        let named = |known: &str| unquoted(known).eq_ignore_ascii_case(name);
        self.iter().find(|(known, _)| named(known)).map(|(_, value)| value)
    }

    /// An attribute's value where that is text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        text(self.get(name)?)
    }

    /// An attribute's value.
    ///
    /// # Errors
    /// The value's numbers do not fit, its text is no Unicode, or it is nested too deeply.
    pub fn value(&self, name: &str) -> Option<serde_json::Result<Value>> {
        self.get(name).map(serde_json::from_str)
    }

    /// Names with their quotes, and values.
    fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let at = |range: &Range<u32>| &self.json[range.start as usize..range.end as usize];
        self.places.iter().map(move |(name, value)| (at(name), at(value)))
    }

    /// The same to be changed.
    pub(super) fn draft(&self) -> Draft<'_> {
        let own = |(name, value)| (text(name).unwrap_or_default(), Cow::Borrowed(value));
        Draft(self.iter().map(own).collect())
    }
}

impl fmt::Debug for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.json)
    }
}

impl From<Map<String, Value>> for Attributes {
    fn from(event: Map<String, Value>) -> Self {
        let own = |(name, value): (String, Value)| (name.into(), value.to_string().into());
        Draft(event.into_iter().map(own).collect()).finish()
    }
}

impl<'de> Deserialize<'de> for Attributes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Draft::deserialize(deserializer).map(Draft::finish)
    }
}

/// Attributes being read or made: names, and values as JSON.
#[derive(Clone, Debug, Default)]
pub(super) struct Draft<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Draft<'a> {
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| &**name)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.names().any(|known| known == name)
    }

    /// A value as JSON.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| &**value)
    }

    /// A value where it is text.
    pub(super) fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        text(self.get(name)?)
    }

    /// A value as it was read.
    pub(super) fn take(self, name: &str) -> Option<Cow<'a, str>> {
        self.0.into_iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// Sets a value that is JSON, in its place where there is one.
    pub(super) fn set(&mut self, name: impl Into<Cow<'a, str>>, json: impl Into<Cow<'a, str>>) {
        let name = name.into();
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, value)) => *value = json.into(),
            None => self.0.push((name, json.into())),
        }
    }

    /// Sets a value to a text.
    pub(super) fn set_text(&mut self, name: impl Into<Cow<'a, str>>, text: &str) {
        let mut json = String::with_capacity(text.len() + 2);
        write_quoted(text, &mut json);
        self.set(name, json);
    }

    /// Writes it as a whole.
    pub(super) fn finish(self) -> Attributes {
        let length = self.0.iter().map(|(name, value)| name.len() + value.len() + 4).sum::<usize>();
        let mut json = String::with_capacity(length + 2);
        let mut places = Vec::with_capacity(self.0.len());
        json.push('{');
        for (name, value) in &self.0 {
            if json.len() > 1 {
                json.push(',');
            }
            let name = put(&mut json, |json| write_quoted(name, json));
            json.push(':');
            let value = put(&mut json, |json| json.push_str(value));
            places.push((name, value));
        }
        json.push('}');
        Attributes { json: json.into(), places: places.into() }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Draft<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(DraftVisitor)
    }
}

struct DraftVisitor;

impl<'de> Visitor<'de> for DraftVisitor {
    type Value = Draft<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event, which is a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut draft = Draft(Vec::with_capacity(16));
        while let Some((Name(name), value)) = map.next_entry::<Name<'de>, &'de RawValue>()? {
            // Of two of a name the last counts, as in JavaScript.
            draft.set(name, value.get());
        }
        Ok(draft)
    }
}

#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// JSON's text, where it is one.
fn text(json: &str) -> Option<Cow<'_, str>> {
    let inner = json.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        serde_json::from_str(json).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inner))
    }
}

/// Writes something, and answers where it stands. A request has at most 1 MiB.
fn put(json: &mut String, write: impl FnOnce(&mut String)) -> Range<u32> {
    let start = json.len() as u32;
    write(json);
    start..json.len() as u32
}

/// A text as JSON. Mostly there is nothing to escape.
fn write_quoted(text: &str, json: &mut String) {
    let escapes = |byte: u8| byte < 0x20 || matches!(byte, b'"' | b'\\');
    if text.bytes().any(escapes) {
        json.push_str(&Value::from(text).to_string());
    } else {
        json.push('"');
        json.push_str(text);
        json.push('"');
    }
}

fn unquoted(name: &str) -> &str {
    name.get(1..name.len() - 1).unwrap_or_default()
}

/// Whether a name as it stands in the JSON is this one.
fn is_named(known: &str, name: &str) -> bool {
    match unquoted(known) {
        plain if !plain.contains('\\') => plain == name,
        _ => text(known).is_some_and(|known| known == name),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn read(json: &str) -> Attributes {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn values_stay_as_they_were_written() {
        let event =
            read(r#" {"id" : "1" , "data": {"a" : 1.50 }, "na\u006de": "\"x\"\n", "n": null} "#);
        assert_eq!(event.as_json(), r#"{"id":"1","data":{"a" : 1.50 },"name":"\"x\"\n","n":null}"#);
        assert_eq!(event.text("id").unwrap(), "1");
        assert_eq!(event.text("name").unwrap(), "\"x\"\n");
        assert_eq!(event.text("data"), None, "it is no text");
        assert_eq!(event.get("data"), Some(r#"{"a" : 1.50 }"#));
        assert_eq!((event.get("n"), event.get("other")), (Some("null"), None));
        assert_eq!(event.get_without_case("DATA"), event.get("data"));
        assert_eq!(event.value("data").unwrap().unwrap(), json!({"a": 1.5}));
        assert!(read(r#"{"data": 1e999}"#).value("data").unwrap().is_err());
    }

    #[test]
    fn of_two_of_a_name_the_last_counts() {
        assert_eq!(read(r#"{"id":"1","a":0,"id":"2"}"#).as_json(), r#"{"id":"2","a":0}"#);
    }

    #[test]
    fn a_draft_is_changed_in_place() {
        let event = read(r#"{"a":1,"b":2}"#);
        let mut draft = event.draft();
        draft.set_text("a", "x\"");
        draft.set("c", "[]");
        assert_eq!(draft.finish().as_json(), r#"{"a":"x\"","b":2,"c":[]}"#);
        assert_eq!(Draft::default().finish().as_json(), "{}");
        assert_eq!(Attributes::array(&[event.clone(), event]), br#"[{"a":1,"b":2},{"a":1,"b":2}]"#);
        assert_eq!(Attributes::array(&[]), b"[]");
    }

    proptest! {
        /// Whatever the names and values: nothing of it is changed, and each is found.
        #[test]
        fn it_is_the_event_it_was(entries in prop::collection::btree_map("\\PC{0,6}|[\"\\\\\n\u{0}a]{1,4}", "\\PC{0,6}|[\"\\\\\n\u{0}é]{1,4}", 0..6)) {
            let map: Map<String, Value> =
                entries.iter().map(|(name, text)| (name.clone(), json!(text))).collect();
            let event = Attributes::from(map.clone());
            let whole: Map<String, Value> = serde_json::from_str(event.as_json()).unwrap();
            prop_assert_eq!(&whole, &map);
            prop_assert_eq!(&read(&Value::Object(map).to_string()), &event);
            prop_assert_eq!(&event.draft().finish(), &event);
            for (name, text) in &entries {
                prop_assert_eq!(&event.text(name).unwrap(), text);
            }
        }
    }
}
