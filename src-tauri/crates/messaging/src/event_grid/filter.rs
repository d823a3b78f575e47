//! An event subscription's filter: types, subject, and advanced filters.
//!
//! Source: "Understand event filtering for Event Grid subscriptions" (Microsoft Learn), of whose
//! pseudo code this is a transcription. String comparisons do not regard case.

use super::attributes::member;
use super::event::{Event, Schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

//= ours: A filter's key has at most 512 characters, as its values.
//= documented: 25 advanced filters with 25 values in all, and texts of 512 characters.
//  [event-grid/event-filtering]
const MAX_FILTERS: usize = 25;
const MAX_VALUES: usize = 25;
const MAX_TEXT: usize = 512;

/// Which events a subscription takes: all that every part lets through.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Filter {
    /// Event types; `None` or `All` for every type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub included_event_types: Option<Vec<String>>,
    /// How the subject begins.
    pub subject_begins_with: String,
    /// How the subject ends.
    pub subject_ends_with: String,
    /// Whether those two regard case.
    pub is_subject_case_sensitive: bool,
    /// Whether arrays are looked into, value by value.
    pub enable_advanced_filtering_on_arrays: bool,
    /// All of them must match.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub advanced_filters: Vec<Advanced>,
}

/// A key of the event, compared with values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Advanced {
    /// `Subject`, `EventType`, `data.member.member` …
    pub key: String,
    /// How it is compared, and with what.
    #[serde(flatten)]
    pub operator: Operator,
}

/// The documented operators.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "operatorType")]
#[allow(missing_docs)] // The names say it; the service's page defines them.
pub enum Operator {
    NumberIn { values: Vec<f64> },
    NumberNotIn { values: Vec<f64> },
    NumberLessThan { value: f64 },
    NumberGreaterThan { value: f64 },
    NumberLessThanOrEquals { value: f64 },
    NumberGreaterThanOrEquals { value: f64 },
    NumberInRange { values: Vec<[f64; 2]> },
    NumberNotInRange { values: Vec<[f64; 2]> },
    BoolEquals { value: bool },
    StringIn { values: Vec<String> },
    StringNotIn { values: Vec<String> },
    StringContains { values: Vec<String> },
    StringNotContains { values: Vec<String> },
    StringBeginsWith { values: Vec<String> },
    StringNotBeginsWith { values: Vec<String> },
    StringEndsWith { values: Vec<String> },
    StringNotEndsWith { values: Vec<String> },
    IsNullOrUndefined,
    IsNotNull,
}

impl Filter {
    /// What is wrong with it, in a sentence, where something is.
    ///
    /// # Errors
    /// The service's limits: 25 advanced filters, 25 values in all, 512 characters a text; at
    /// least one value; ranges from low to high.
    pub fn check(&self) -> Result<(), String> {
        if self.advanced_filters.len() > MAX_FILTERS {
            return Err(format!("A subscription has at most {MAX_FILTERS} advanced filters."));
        }
        let mut values = 0;
        for filter in &self.advanced_filters {
            if filter.key.is_empty() {
                return Err("An advanced filter needs a key.".into());
            }
            if filter.key.chars().count() > MAX_TEXT {
                return Err(format!("The key of a filter has at most {MAX_TEXT} characters."));
            }
            values += filter.operator.check(&filter.key)?;
        }
        if values > MAX_VALUES {
            return Err(format!(
                "The advanced filters of a subscription have at most {MAX_VALUES} values together; these have {values}."
            ));
        }
        Ok(())
    }

    /// Whether an event of this type can match at all.
    #[must_use]
    pub fn takes_type(&self, event_type: &str) -> bool {
        self.included_event_types.as_ref().is_none_or(|types| {
            let named = |name: &String| {
                name.eq_ignore_ascii_case(event_type) || name.eq_ignore_ascii_case("All")
            };
            types.is_empty() || types.iter().any(named)
        })
    }

    /// Whether the event matches.
    #[must_use]
    pub fn matches(&self, event: &Event) -> bool {
        self.takes_type(&event.event_type())
            && self.takes_subject(&event.subject())
            && self.advanced_filters.iter().all(|filter| self.takes_value(filter, event))
    }

    fn takes_subject(&self, subject: &str) -> bool {
        let (begin, end) = (&self.subject_begins_with, &self.subject_ends_with);
        if begin.is_empty() && end.is_empty() {
            return true;
        }
        if self.is_subject_case_sensitive {
            return subject.starts_with(begin.as_str()) && subject.ends_with(end.as_str());
        }
        let subject = subject.to_lowercase();
        subject.starts_with(&begin.to_lowercase()) && subject.ends_with(&end.to_lowercase())
    }

    fn takes_value(&self, filter: &Advanced, event: &Event) -> bool {
        match lookup(event, &filter.key) {
            Some(Value::Array(values)) if self.enable_advanced_filtering_on_arrays => {
                filter.operator.matches_any(&values)
            }
            Some(Value::Null) | None => filter.operator.matches_nothing(),
            // Without the switch an array is a value of no type.
            Some(value) => filter.operator.matches_any(std::slice::from_ref(&value)),
        }
    }
}

/// The value of a key. Keys are matched without case at the top, where the schemas' names are. A
/// value that cannot be read (see [`super::Attributes`]) counts as none.
fn lookup(event: &Event, key: &str) -> Option<Value> {
    let (first, rest) = match key.split_once('.') {
        Some((first, rest)) => (first, Some(rest)),
        None => (key, None),
    };
    let name = match (event.schema, first.to_ascii_lowercase().as_str()) {
        (Schema::CloudEventSchemaV1_0, "eventid") => "id",
        (Schema::CloudEventSchemaV1_0, "eventtype") => "type",
        (Schema::CloudEventSchemaV1_0, "eventtypeversion") => "dataversion",
        _ => first,
    };
    let json = event.json.get(name).or_else(|| event.json.get_without_case(name))?;
    let json = match rest {
        Some(rest) => rest.split('.').try_fold(json, member)?,
        None => json,
    };
    serde_json::from_str(json).ok()
}

impl Operator {
    /// How many values it has.
    fn check(&self, key: &str) -> Result<usize, String> {
        use Operator::*;
        let count = match self {
            NumberIn { values } | NumberNotIn { values } => values.len(),
            NumberInRange { values } | NumberNotInRange { values } => {
                if values.iter().any(|[low, high]| low > high) {
                    return Err(format!("A range for «{key}» goes from low to high."));
                }
                values.len()
            }
            StringIn { values }
            | StringNotIn { values }
            | StringContains { values }
            | StringNotContains { values }
            | StringBeginsWith { values }
            | StringNotBeginsWith { values }
            | StringEndsWith { values }
            | StringNotEndsWith { values } => {
                if values.iter().any(|value| value.chars().count() > MAX_TEXT) {
                    return Err(format!("A value for «{key}» has at most {MAX_TEXT} characters."));
                }
                values.len()
            }
            IsNullOrUndefined | IsNotNull => return Ok(0),
            _ => 1,
        };
        if count == 0 { Err(format!("The filter of «{key}» needs a value.")) } else { Ok(count) }
    }

    /// Where the key is missing or null. For NumberNotInRange, which the service's page does not
    /// name there, as for NumberNotIn.
    fn matches_nothing(&self) -> bool {
        use Operator::*;
        matches!(
            self,
            IsNullOrUndefined | NumberNotIn { .. } | NumberNotInRange { .. } | StringNotIn { .. }
        )
    }

    /// Whether any of the key's values matches; for the negations, whether none fails. Values of
    /// another type than the filter's are passed over.
    fn matches_any(&self, keys: &[Value]) -> bool {
        use Operator::*;
        let number = |test: &dyn Fn(f64) -> bool| keys.iter().filter_map(Value::as_f64).any(test);
        let text = |values: &[String], test: fn(&str, &str) -> bool| {
            let keys = keys.iter().filter_map(as_text);
            let mut keys = keys.map(|key| key.to_lowercase());
            keys.any(|key| values.iter().any(|value| test(&key, &value.to_lowercase())))
        };
        let within =
            |ranges: &[[f64; 2]], key: f64| ranges.iter().any(|[a, b]| key >= *a && key <= *b);
        match self {
            NumberIn { values } => number(&|key| values.contains(&key)),
            NumberNotIn { values } => !number(&|key| values.contains(&key)),
            NumberLessThan { value } => number(&|key| key < *value),
            NumberGreaterThan { value } => number(&|key| key > *value),
            NumberLessThanOrEquals { value } => number(&|key| key <= *value),
            NumberGreaterThanOrEquals { value } => number(&|key| key >= *value),
            NumberInRange { values } => number(&|key| within(values, key)),
            NumberNotInRange { values } => !number(&|key| within(values, key)),
            BoolEquals { value } => keys.iter().filter_map(Value::as_bool).any(|key| key == *value),
            StringIn { values } => text(values, |key, value| key == value),
            StringNotIn { values } => !text(values, |key, value| key == value),
            StringContains { values } => text(values, |key, value| key.contains(value)),
            StringNotContains { values } => !text(values, |key, value| key.contains(value)),
            StringBeginsWith { values } => text(values, |key, value| key.starts_with(value)),
            StringNotBeginsWith { values } => !text(values, |key, value| key.starts_with(value)),
            StringEndsWith { values } => text(values, |key, value| key.ends_with(value)),
            StringNotEndsWith { values } => !text(values, |key, value| key.ends_with(value)),
            IsNullOrUndefined => false,
            IsNotNull => true,
        }
    }
}

/// Text, and numbers as text: the service's page compares an attribute of 5 with "5".
fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn event() -> Event {
        let json = json!({
            "id": "1", "topic": "/t", "subject": "/floors/1/rooms/7", "eventType": "Room.Changed",
            "dataVersion": "1.0",
            "data": {
                "t": 21.5, "n": 5, "on": true, "name": "Lobby East", "none": null,
                "tags": ["Warm", "north"], "counts": [1, 2, 3], "deep": {"er": {"x": "y"}},
            },
        });
        Event {
            schema: Schema::EventGridSchema,
            published: 0,
            json: serde_json::from_str(&json.to_string()).unwrap(),
        }
    }

    fn matches(filter: Value) -> bool {
        let filter: Filter = serde_json::from_value(filter).unwrap();
        filter.check().unwrap();
        filter.matches(&event())
    }

    #[test]
    fn types_and_subjects() {
        for (filter, expected) in [
            (json!({}), true),
            (json!({"includedEventTypes": ["All"]}), true),
            (json!({"includedEventTypes": ["room.changed"]}), true),
            (json!({"includedEventTypes": ["Other"]}), false),
            (json!({"subjectBeginsWith": "/FLOORS/1", "subjectEndsWith": "7"}), true),
            (json!({"subjectBeginsWith": "/FLOORS/1", "isSubjectCaseSensitive": true}), false),
            (json!({"subjectEndsWith": "8"}), false),
        ] {
            assert_eq!(matches(filter.clone()), expected, "{filter}");
        }
    }

    #[test]
    fn every_operator() {
        let values = |operator: &str, key: &str, values: Value| json!({"operatorType": operator, "key": key, "values": values});
        let value = |operator: &str, key: &str, value: Value| json!({"operatorType": operator, "key": key, "value": value});
        let none = |operator: &str, key: &str| json!({"operatorType": operator, "key": key});
        for (filter, expected) in [
            (values("NumberIn", "data.n", json!([1, 5])), true),
            (values("NumberIn", "data.n", json!([1])), false),
            (values("NumberIn", "data.name", json!([1])), false),
            (values("NumberNotIn", "data.n", json!([1])), true),
            (values("NumberNotIn", "data.n", json!([5])), false),
            (values("NumberNotIn", "data.missing", json!([5])), true),
            (value("NumberLessThan", "data.t", json!(21.6)), true),
            (value("NumberLessThan", "data.t", json!(21.5)), false),
            (value("NumberGreaterThan", "data.t", json!(21.4)), true),
            (value("NumberGreaterThan", "data.missing", json!(0)), false),
            (value("NumberLessThanOrEquals", "data.t", json!(21.5)), true),
            (value("NumberGreaterThanOrEquals", "Data.t", json!(21.5)), true),
            (values("NumberInRange", "data.t", json!([[1, 2], [21, 22]])), true),
            (values("NumberInRange", "data.t", json!([[1, 2]])), false),
            (values("NumberNotInRange", "data.t", json!([[1, 2]])), true),
            (values("NumberNotInRange", "data.t", json!([[21.5, 22]])), false),
            (value("BoolEquals", "data.on", json!(true)), true),
            (value("BoolEquals", "data.on", json!(false)), false),
            (value("BoolEquals", "data.n", json!(true)), false),
            (values("StringIn", "data.name", json!(["lobby east"])), true),
            (values("StringIn", "data.name", json!(["lobby"])), false),
            (values("StringNotIn", "data.name", json!(["lobby"])), true),
            (values("StringNotIn", "data.missing", json!(["lobby"])), true),
            (values("StringContains", "data.name", json!(["x", "BY E"])), true),
            (values("StringNotContains", "data.name", json!(["x"])), true),
            (values("StringNotContains", "data.name", json!(["x", "by"])), false),
            (values("StringNotContains", "data.missing", json!(["x"])), false),
            (values("StringBeginsWith", "Subject", json!(["/floors"])), true),
            (values("StringNotBeginsWith", "subject", json!(["/rooms"])), true),
            (values("StringNotBeginsWith", "data.missing", json!(["/rooms"])), false),
            (values("StringEndsWith", "data.name", json!(["EAST"])), true),
            (values("StringNotEndsWith", "data.name", json!(["EAST"])), false),
            (values("StringBeginsWith", "data.n", json!(["5"])), true),
            (values("StringIn", "data.deep.er.x", json!(["Y"])), true),
            (values("StringIn", "EventType", json!(["room.changed"])), true),
            (none("IsNullOrUndefined", "data.missing"), true),
            (none("IsNullOrUndefined", "data.none"), true),
            (none("IsNullOrUndefined", "data.n"), false),
            (none("IsNotNull", "data.n"), true),
            (none("IsNotNull", "data.none"), false),
        ] {
            assert_eq!(matches(json!({"advancedFilters": [filter]})), expected, "{filter}");
        }
    }

    #[test]
    fn arrays_only_where_switched_on() {
        let tags = json!({"operatorType": "StringIn", "key": "data.tags", "values": ["warm"]});
        let not = json!({"operatorType": "NumberNotIn", "key": "data.counts", "values": [3]});
        for (switch, filter, expected) in
            [(true, &tags, true), (false, &tags, false), (true, &not, false)]
        {
            let filter =
                json!({"enableAdvancedFilteringOnArrays": switch, "advancedFilters": [filter]});
            assert_eq!(matches(filter.clone()), expected, "{filter}");
        }
    }

    #[test]
    fn a_value_that_cannot_be_read_is_none() {
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        for value in ["1e999", r#""\ud800""#, &deep] {
            let json = format!(r#"{{"id": "1", "data": {{"k": {value}, "n": 5}}}}"#);
            let json = serde_json::from_str(&json).unwrap();
            let event = Event { schema: Schema::EventGridSchema, published: 0, json };
            for (key, there) in [("data.k", false), ("data", false), ("data.n", true)] {
                let filter =
                    json!({"advancedFilters": [{"operatorType": "IsNotNull", "key": key}]});
                let filter: Filter = serde_json::from_value(filter).unwrap();
                assert_eq!(filter.matches(&event), there, "{key} of {value}");
            }
        }
    }

    #[test]
    fn all_filters_must_match() {
        let yes = json!({"operatorType": "IsNotNull", "key": "data.n"});
        let no = json!({"operatorType": "IsNotNull", "key": "data.x"});
        assert!(!matches(json!({"advancedFilters": [yes, no]})));
    }

    #[test]
    fn limits_are_the_services() {
        let one = |count: usize| {
            let values = vec!["v"; count];
            json!({"operatorType": "StringIn", "key": "k", "values": values})
        };
        for (filters, words) in [
            (json!([one(26)]), "at most 25 values"),
            (json!([one(0)]), "needs a value"),
            (json!(vec![json!({"operatorType": "IsNotNull", "key": "k"}); 26]), "25 advanced"),
            (json!([{"operatorType": "StringIn", "key": "k", "values": ["x".repeat(513)]}]), "512"),
            (
                json!([{"operatorType": "NumberInRange", "key": "k", "values": [[2, 1]]}]),
                "low to high",
            ),
            (json!([{"operatorType": "IsNotNull", "key": ""}]), "needs a key"),
            (json!([{"operatorType": "IsNotNull", "key": "k.".repeat(257)}]), "key of a filter"),
        ] {
            let filter: Filter =
                serde_json::from_value(json!({"advancedFilters": filters})).unwrap();
            assert!(filter.check().unwrap_err().contains(words), "{words}");
        }
        let unknown = json!({"advancedFilters": [{"operatorType": "Fuzzy", "key": "k"}]});
        assert!(serde_json::from_value::<Filter>(unknown).is_err());
    }

    fn json_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            "[a-zA-Z]{0,4}".prop_map(Value::from),
        ];
        leaf.prop_recursive(2, 8, 3, |inner| {
            prop::collection::vec(inner, 0..3).prop_map(Value::from)
        })
    }

    proptest! {
        /// A negation says the opposite wherever the key has a value of some type.
        #[test]
        fn negations_are_opposites(value in json_value(), wanted in "[a-zA-Z]{1,2}", number in any::<i32>(), arrays in any::<bool>()) {
            prop_assume!(!value.is_null());
            let json = json!({"id": "1", "data": {"k": value}});
            let event = Event { schema: Schema::EventGridSchema, published: 0, json: serde_json::from_str(&json.to_string()).unwrap() };
            for (positive, negative, values) in [
                ("StringIn", "StringNotIn", json!([wanted])),
                ("StringContains", "StringNotContains", json!([wanted])),
                ("StringBeginsWith", "StringNotBeginsWith", json!([wanted])),
                ("StringEndsWith", "StringNotEndsWith", json!([wanted])),
                ("NumberIn", "NumberNotIn", json!([number])),
                ("NumberInRange", "NumberNotInRange", json!([[i64::from(number) - 10, number]])),
                ] {
                let matches = |operator: &str| {
                    let filter = json!({"enableAdvancedFilteringOnArrays": arrays, "advancedFilters": [{"operatorType": operator, "key": "data.k", "values": values}]});
                    serde_json::from_value::<Filter>(filter).unwrap().matches(&event)
                };
                prop_assert_ne!(matches(positive), matches(negative), "{}", positive);
            }
        }

        #[test]
        fn no_key_panics(key in "\\PC{0,12}", value in json_value()) {
            let json = json!({"id": "1", "data": value});
            let event = Event { schema: Schema::CloudEventSchemaV1_0, published: 0, json: serde_json::from_str(&json.to_string()).unwrap() };
            let filter = json!({"advancedFilters": [{"operatorType": "IsNotNull", "key": key}]});
            let _ = serde_json::from_value::<Filter>(filter).unwrap().matches(&event);
        }
    }
}
