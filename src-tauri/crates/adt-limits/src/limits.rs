//! The numbers that are enforced: the service's, none, or some of a file.

use crate::{COUNT, Kind, Limit, TABLE};
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;
use std::collections::HashSet;
use std::fmt;
use thiserror::Error;

/// The largest body that the server reads.
const LARGEST_BODY: u64 = 256 * 1024;
/// The most requests a second that can be counted: each of the last second is remembered.
const HIGHEST_RATE: u64 = 1_000_000;

/// A page always has an end.
const PAGES: [Limit; 3] = [Limit::ListPage, Limit::RelationshipPage, Limit::LargestPage];

/// A number for each limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `u64::MAX` for none.
    most: [u64; COUNT],
}

/// A file of limits that does not fit: `line 2, column 8: «twinz» is not the name of a limit`.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("{0}")]
pub struct LimitsError(String);

impl Limits {
    /// Those of the table.
    pub fn service() -> Self {
        let mut most = [u64::MAX; COUNT];
        most.iter_mut().zip(TABLE).for_each(|(most, row)| *most = row.number());
        Self { most }
    }

    /// None at all but for the size of pages.
    pub fn none() -> Self {
        let mut limits = Self { most: [u64::MAX; COUNT] };
        for limit in PAGES {
            limits.most[limit as usize] = limit.row().number();
        }
        limits
    }

    /// The same without those per second and of what is not answered yet: for callers in this
    /// process, who are no clients.
    #[must_use]
    pub fn without_rates(mut self) -> Self {
        for row in TABLE.iter().filter(|row| row.is_rate()) {
            self.most[row.limit as usize] = u64::MAX;
        }
        self
    }

    /// The service's with the numbers that a JSON object gives: `{"twins": 1000,
    /// "queriesPerSecond": null}`; `null` is no limit.
    ///
    /// # Errors
    /// With line and column: what is not JSON, a name that is no limit's or comes twice, a value
    /// that cannot be a limit.
    pub fn parse(text: &str) -> Result<Self, LimitsError> {
        let mut reader = serde_json::Deserializer::from_str(text);
        let read = Table(Self::service()).deserialize(&mut reader);
        let limits = read.and_then(|limits| reader.end().map(|()| limits));
        limits.map_err(|error| LimitsError(sentence(&error)))
    }

    /// `u64::MAX` where there is none.
    pub fn most(&self, limit: Limit) -> u64 {
        self.most[limit as usize]
    }

    /// The same with another number for one limit.
    #[must_use]
    pub fn with(mut self, limit: Limit, most: u64) -> Self {
        self.most[limit as usize] = most;
        self
    }
}

struct Table(Limits);

impl<'de> DeserializeSeed<'de> for Table {
    type Value = Limits;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Limits, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Table {
    type Value = Limits;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(AN_OBJECT)
    }

    fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<Limits, E> {
        Err(E::custom(no_object("a number")))
    }

    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<Limits, E> {
        Err(E::custom(no_object("a number")))
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<Limits, E> {
        Err(E::custom(no_object("a number")))
    }

    fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<Limits, E> {
        Err(E::custom(no_object("true or false")))
    }

    fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<Limits, E> {
        Err(E::custom(no_object("a text")))
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Limits, E> {
        Err(E::custom(no_object("null")))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<Limits, A::Error> {
        Err(A::Error::custom(no_object("an array")))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<Limits, A::Error> {
        let mut seen = HashSet::new();
        while let Some(name) = members.next_key::<String>()? {
            let limit = Limit::named(&name).ok_or_else(|| A::Error::custom(no_such(&name)))?;
            if !seen.insert(limit) {
                return Err(A::Error::custom(format!("«{name}» is given twice")));
            }
            self.0.most[limit as usize] = members.next_value_seed(Number(limit))?;
        }
        Ok(self.0)
    }
}

/// The place, and what is wrong there.
fn sentence(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let what = text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what);
    let what = match error.classify() {
        Category::Data => what.to_owned(),
        Category::Eof => "this ends in the middle of the JSON".to_owned(),
        Category::Syntax | Category::Io => format!("this is not JSON: {what}"),
    };
    format!("line {}, column {}: {what}", error.line(), error.column())
}

const AN_OBJECT: &str = "an object of limits by name";

fn no_object(what: &str) -> String {
    format!("this is {what}; give {AN_OBJECT}, as {{\"twins\": 1000}}")
}

fn no_such(name: &str) -> String {
    let shown: String = name.chars().take(60).collect();
    format!("«{shown}» is not the name of a limit; `twinscope limits` prints them all")
}

struct Number(Limit);

impl<'de> DeserializeSeed<'de> for Number {
    type Value = u64;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<u64, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Number {
    fn is<E: serde::de::Error>(&self, what: &str) -> Result<u64, E> {
        let or = if PAGES.contains(&self.0) { "" } else { ", or null for no limit" };
        let name = self.0.row().name;
        Err(E::custom(format!("«{name}» is {what}; give a whole number above 0{or}")))
    }
}

impl<'de> Visitor<'de> for Number {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number above 0")
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<u64, E> {
        self.is(&number.to_string())
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<u64, E> {
        self.is(&number.to_string())
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<u64, E> {
        self.is(&value.to_string())
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<u64, E> {
        let shown: String = text.chars().take(60).collect();
        self.is(&format!("the text «{shown}»"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<u64, A::Error> {
        self.is("an array")
    }

    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<u64, A::Error> {
        self.is("an object")
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<u64, E> {
        let row = self.0.row();
        let paged = PAGES.contains(&self.0);
        let highest = match row.kind {
            Kind::Rate => HIGHEST_RATE,
            _ if paged => Limit::LargestPage.row().number(),
            _ if self.0 == Limit::Body => LARGEST_BODY,
            _ => u64::MAX - 1,
        };
        if (1..=highest).contains(&number) {
            return Ok(number);
        }
        let range = if highest < u64::MAX - 1 { format!("1 to {highest}") } else { "1 up".into() };
        Err(E::custom(format!("«{}» is {number}, and takes {range}", row.name)))
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<u64, E> {
        match self.0 {
            limit if PAGES.contains(&limit) => {
                Err(E::custom(format!("«{}» cannot be without a limit", self.0.row().name)))
            }
            _ => Ok(u64::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_file_changes_what_it_names() {
        let limits =
            Limits::parse(r#"{"twins": 3, "queriesPerSecond": null, "jobRequestsPerSecond": 1}"#);
        let limits = limits.unwrap();
        assert_eq!(limits.most(Limit::Twins), 3);
        assert_eq!(limits.most(Limit::Queries), u64::MAX);
        assert_eq!(limits.most(Limit::JobRequests), 1);
        assert_eq!(limits.most(Limit::Models), 10_000);
        assert_eq!(Limits::parse("{}").unwrap(), Limits::service());
    }

    #[test]
    fn what_does_not_fit_is_told_with_its_place() {
        for (text, words) in [
            ("{\n  \"twinz\": 3}", "«twinz» is not the name of a limit"),
            ("{\n  \"twins\": 0}", "«twins» is 0, and takes 1 up"),
            ("{\n  \"twins\": -1}", "«twins» is -1; give a whole number above 0, or null"),
            ("{\n  \"twins\": 1.5}", "«twins» is 1.5; give a whole"),
            ("{\n  \"twins\": \"many\"}", "«twins» is the text «many»; give a whole number"),
            ("{\n  \"twins\": true}", "«twins» is true; give"),
            ("{\n  \"twins\": [1]}", "«twins» is an array; give"),
            ("{\n  \"twins\": {\"a\": 1}}", "«twins» is an object; give"),
            ("{\n  \"queriesPerSecond\": 1000001}", "takes 1 to 1000000"),
            ("{\n  \"bodyBytes\": 262145}", "takes 1 to 262144"),
            ("{\n  \"itemsPerPage\": 1001}", "takes 1 to 1000"),
            ("{\n  \"itemsPerPage\": null}", "cannot be without a limit"),
            ("{\"twins\": 1,\n \"twins\": 2}", "«twins» is given twice"),
            ("{\n", "this ends in the middle of the JSON"),
            ("{\n} x", "this is not JSON: trailing characters"),
            ("\n7", "this is a number; give an object of limits by name"),
            ("\n[]", "this is an array; give an object of limits by name"),
            ("\n\"twins\"", "this is a text; give an object of limits by name"),
        ] {
            let said = Limits::parse(text).unwrap_err().to_string();
            assert!(said.contains(words), "{said}");
            assert!(said.starts_with("line 2, column "), "{said}");
        }
    }

    #[test]
    fn callers_in_this_process_have_no_rates() {
        let limits = Limits::service().without_rates();
        assert_eq!(limits.most(Limit::TwinReads), u64::MAX);
        assert_eq!(limits.most(Limit::OutstandingOperations), u64::MAX);
        assert_eq!(limits.most(Limit::Twins), 2_000_000);
        assert_eq!(Limits::none().most(Limit::Twins), u64::MAX);
        assert_eq!(Limits::none().most(Limit::LargestPage), 1_000);
    }
}
