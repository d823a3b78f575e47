//! An event's attributes as JSON text. An event passes through a topic without its values being
//! made and written again: what looks at one reads that one.

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

/// Names up to which all are looked through for one: more than any event has that means no harm.
const FEW: usize = 32;

/// The attributes of an event, in their order. Each value is JSON as it was published: its syntax
/// was checked, not whether its numbers fit, its texts are Unicode, or how deep it is. It is read
/// from a `&str` or `&[u8]` only, as it borrows from there.
#[derive(Clone, PartialEq, Eq)]
pub struct Attributes {
    /// A JSON object.
    json: Box<str>,
    places: Box<[Place]>,
}

/// Where in an event's JSON an attribute stands.
#[derive(Clone, PartialEq, Eq)]
struct Place {
    /// With its quotes.
    name: Range<u32>,
    value: Range<u32>,
    /// Whether the name is written as it is, as all names of CloudEvents are.
    is_plain: bool,
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
        let length: usize = events.iter().map(|event| event.json.len() + 1).sum();
        let mut array = Vec::with_capacity(length + 2);
        array.push(b'[');
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
        self.find(|known| known == name)
    }

    /// The same by a name of which the case does not matter.
    pub(super) fn get_without_case(&self, name: &str) -> Option<&str> {
        self.find(|known| known.eq_ignore_ascii_case(name))
    }

    fn find(&self, is_wanted: impl Fn(&str) -> bool) -> Option<&str> {
        let wanted = |place: &&Place| match self.at(&place.name) {
            name if place.is_plain => is_wanted(&name[1..name.len() - 1]),
            name => text(name).is_some_and(|name| is_wanted(&name)),
        };
        self.places.iter().find(wanted).map(|place| self.at(&place.value))
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

    fn at(&self, range: &Range<u32>) -> &str {
        &self.json[range.start as usize..range.end as usize]
    }

    /// The same to be changed.
    pub(super) fn draft(&self) -> Draft<'_> {
        let own = |place: &Place| {
            let name = text(self.at(&place.name)).unwrap_or_default();
            (name, Cow::Borrowed(self.at(&place.value)))
        };
        Draft(self.places.iter().map(own).collect())
    }
}

impl fmt::Debug for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.json)
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
    /// Names, and values as JSON.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// A value as JSON.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// A value where it is text.
    pub(super) fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        text(self.get(name)?)
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
        let mut json = String::with_capacity((length + 1).max(2));
        let mut places = Vec::with_capacity(self.0.len());
        json.push('{');
        for (name, value) in &self.0 {
            if json.len() > 1 {
                json.push(',');
            }
            let is_plain = is_plain(name);
            let name = put(&mut json, |json| write_quoted(name, json));
            json.push(':');
            let value = put(&mut json, |json| json.push_str(value));
            places.push(Place { name, value, is_plain });
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
        let mut draft = Draft::default();
        let mut places = HashMap::new();
        while let Some((Name(name), value)) = map.next_entry::<Name<'de>, &'de RawValue>()? {
            let value = value.get();
            // Of two of a name the last counts, as in JavaScript.
            match draft.0.len() {
                0 => draft.0.reserve(FEW / 2),
                FEW if places.is_empty() => {
                    places = (0..).zip(&draft.0).map(|(at, (name, _))| (name.clone(), at)).collect()
                }
                _ => {}
            }
            if draft.0.len() < FEW {
                draft.set(name, value);
            } else if let Some(&at) = places.get(&name) {
                draft.0[at].1 = value.into();
            } else {
                places.insert(name.clone(), draft.0.len());
                draft.0.push((name, value.into()));
            }
        }
        Ok(draft)
    }
}

#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// A member of a JSON object, as JSON: of two of a name the last.
pub(super) fn member<'a>(object: &'a str, name: &str) -> Option<&'a str> {
    serde_json::Deserializer::from_str(object).deserialize_map(MemberVisitor(name)).ok()?
}

struct MemberVisitor<'n>(&'n str);

impl<'de> Visitor<'de> for MemberVisitor<'_> {
    type Value = Option<&'de str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(Name(name)) = map.next_key()? {
            if name == self.0 {
                found = Some(map.next_value::<&RawValue>()?.get());
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

/// The text that JSON is, where it is one and Unicode.
pub(super) fn text(json: &str) -> Option<Cow<'_, str>> {
    let inner = json.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        serde_json::from_str(json).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inner))
    }
}

/// Writes something, and answers where it stands. A request has at most 1 MiB, and escapes make six
/// times that of it.
fn put(json: &mut String, write: impl FnOnce(&mut String)) -> Range<u32> {
    let start = json.len() as u32;
    write(json);
    start..json.len() as u32
}

/// Whether there is nothing to escape in a text.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte >= 0x20 && !matches!(byte, b'"' | b'\\'))
}

/// Writes a text as JSON. Mostly it is plain.
fn write_quoted(text: &str, json: &mut String) {
    if is_plain(text) {
        json.push('"');
        json.push_str(text);
        json.push('"');
    } else {
        json.push_str(&Value::from(text).to_string());
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
        // Also where there are many.
        let names = |range: std::ops::Range<u32>, value: u32| {
            range.map(|n| format!(r#""n{n}":{value}"#)).collect::<Vec<_>>().join(",")
        };
        let twice = read(&format!("{{{},{}}}", names(0..90, 1), names(20..90, 2)));
        let once = format!("{{{},{}}}", names(0..20, 1), names(20..90, 2));
        assert_eq!(twice.as_json(), once);
        let few = FEW as u32;
        let twice = read(&format!("{{{},{}}}", names(0..few, 1), names(0..few, 2)));
        assert_eq!(twice.as_json(), format!("{{{}}}", names(0..few, 2)));
    }

    #[test]
    fn a_member_is_found_where_it_is_one() {
        let object = r#"{"a": [1], "b": {"a": 2}, "a": {"c" : 1e999}}"#;
        assert_eq!(member(object, "a"), Some(r#"{"c" : 1e999}"#));
        assert_eq!(member(object, "b").and_then(|b| member(b, "a")), Some("2"));
        for none in [object, r#"["a"]"#, r#""a""#, "{"] {
            assert_eq!(member(none, "c"), None, "{none}");
        }
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
            let json = json!(entries);
            let event = read(&json.to_string());
            prop_assert_eq!(serde_json::from_str::<Value>(event.as_json()).unwrap(), json);
            prop_assert_eq!(&event.draft().finish(), &event);
            for (name, text) in &entries {
                prop_assert_eq!(&event.text(name).unwrap(), text);
                prop_assert_eq!(member(event.as_json(), name), event.get(name));
            }
        }
    }
}
