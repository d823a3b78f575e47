//! Checks values against schemas.

use std::fmt::Write;

use serde::Serialize;
use serde_json::Value;

use crate::{
    Schema,
    schema::{Enum, Geometry, Map, Object},
    temporal,
};

/// What is wrong with a value, with its place in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{path}: {message}")]
pub struct ValueProblem {
    /// A JSON pointer from the value that was checked: `/address/city`; empty for that value itself.
    pub path: String,
    /// What is wrong and what is wanted instead.
    pub message: String,
}

impl Schema {
    /// All that is wrong with `value`, each with its path and a sentence.
    ///
    /// # Errors
    /// The problems, in the order of the value. Never empty.
    pub fn check(&self, value: &Value) -> Result<(), Vec<ValueProblem>> {
        let mut check = Check::default();
        check.value(self, value);
        if check.problems.is_empty() { Ok(()) } else { Err(check.problems) }
    }
}

/// The path is written only when a problem is found: values are mostly right.
#[derive(Default)]
struct Check<'a> {
    path: Vec<Step<'a>>,
    problems: Vec<ValueProblem>,
}

enum Step<'a> {
    Key(&'a str),
    Index(usize),
}

impl<'a> Check<'a> {
    fn value(&mut self, schema: &'a Schema, value: &'a Value) {
        match schema {
            Schema::Object(object) => self.object(object, value),
            Schema::Map(map) => self.map(map, value),
            Schema::Enum(choice) => self.choice(choice, value),
            Schema::Array { element } => self.array(element, value),
            Schema::Geospatial(geometry) => self.geometry(*geometry, value),
            primitive => {
                if !is_of(primitive, value) {
                    self.refuse(value, wanted(primitive));
                }
            }
        }
    }

    fn within(&mut self, step: Step<'a>, check: impl FnOnce(&mut Self)) {
        self.path.push(step);
        check(self);
        self.path.pop();
    }

    fn refuse(&mut self, value: &Value, wanted: &str) {
        let given = crate::problem::shorten(&value.to_string());
        self.problem(format!("{given} is not {wanted}."));
    }

    fn problem(&mut self, message: String) {
        let mut path = String::new();
        for step in &self.path {
            // Writing to a String cannot fail.
            let _ = match step {
                Step::Key(key) => write!(path, "/{}", key.replace('~', "~0").replace('/', "~1")),
                Step::Index(index) => write!(path, "/{index}"),
            };
        }
        self.problems.push(ValueProblem { path, message });
    }

    fn object(&mut self, object: &'a Object, value: &'a Value) {
        let Value::Object(entries) = value else {
            return self.refuse(value, "a JSON object");
        };
        for (key, value) in entries {
            match object.fields.get(key.as_str()) {
                Some(field) => {
                    self.within(Step::Key(key), |check| check.value(&field.schema, value))
                }
                None => {
                    self.within(Step::Key(key), |check| check.unknown_field(object, key));
                }
            }
        }
        for (name, field) in &object.fields {
            if field.required && !entries.contains_key(&**name) {
                self.problem(format!("The required field \"{name}\" is missing."));
            }
        }
    }

    fn unknown_field(&mut self, object: &Object, key: &str) {
        // A few names help, a thousand don't.
        const SHOWN: usize = 12;
        let names: Vec<_> = object.fields.keys().take(SHOWN).map(|name| &**name).collect();
        let more = if object.fields.len() > SHOWN { " …" } else { "" };
        let key = crate::problem::shorten(key);
        let names = names.join(", ");
        self.problem(format!(
            "There is no field \"{key}\" in the Object; its fields are {names}{more}."
        ));
    }

    fn map(&mut self, map: &'a Map, value: &'a Value) {
        let Value::Object(entries) = value else {
            return self.refuse(value, "a JSON object, which a Map is written as");
        };
        for (key, value) in entries {
            self.within(Step::Key(key), |check| check.value(&map.value, value));
        }
    }

    fn array(&mut self, element: &'a Schema, value: &'a Value) {
        let Value::Array(items) = value else {
            return self.refuse(value, "a JSON array");
        };
        for (index, item) in items.iter().enumerate() {
            self.within(Step::Index(index), |check| check.value(element, item));
        }
    }

    fn choice(&mut self, choice: &Enum, value: &Value) {
        if choice.contains(value) {
            return;
        }
        const SHOWN: usize = 12;
        let values = choice.values.iter().take(SHOWN);
        let known: Vec<_> = values.map(|known| known.value.to_string()).collect();
        let more = if choice.values.len() > SHOWN { " …" } else { "" };
        self.refuse(value, &format!("a value of the Enum: {}{more}", known.join(", ")));
    }

    fn geometry(&mut self, geometry: Geometry, value: &'a Value) {
        let Value::Object(entries) = value else {
            return self.refuse(value, "a GeoJSON object");
        };
        for (key, value) in entries {
            match key.as_str() {
                "type" => {
                    if value.as_str() != Some(geometry.geo_json_type()) {
                        let wanted = format!("\"{}\"", geometry.geo_json_type());
                        self.within(Step::Key("type"), |check| check.refuse(value, &wanted));
                    }
                }
                "coordinates" => self.within(Step::Key("coordinates"), |check| {
                    check.coordinates(geometry.depth(), value);
                }),
                _ => self.within(Step::Key(key), |check| {
                    check.problem("GeoJSON geometries have only type and coordinates.".to_owned());
                }),
            }
        }
    }

    fn coordinates(&mut self, depth: usize, value: &'a Value) {
        let Value::Array(items) = value else {
            return self.refuse(value, "an array of coordinates");
        };
        for (index, item) in items.iter().enumerate() {
            self.within(Step::Index(index), |check| {
                if depth > 0 {
                    check.coordinates(depth - 1, item);
                } else if !is_of(&Schema::Double, item) {
                    check.refuse(item, wanted(&Schema::Double));
                }
            });
        }
    }
}

/// The whole number that `value` is, `1.0` included: models take it for an integer, values of twins don't.
pub(crate) fn whole(value: &Value) -> Option<i64> {
    let number = match value {
        Value::Number(number) => number,
        _ => return None,
    };
    if let Some(integer) = number.as_i64() {
        return Some(integer);
    }
    let float = number.as_f64()?;
    // 2^63 is exactly representable; what is below converts without loss.
    let limit = 9_223_372_036_854_775_808.0;
    (float.fract() == 0.0 && float >= -limit && float < limit).then_some(float as i64)
}

fn is_of(schema: &Schema, value: &Value) -> bool {
    match (schema, value) {
        (Schema::Boolean, Value::Bool(_)) => true,
        (Schema::Integer, Value::Number(number)) => {
            number.as_i64().is_some_and(|n| i32::try_from(n).is_ok())
        }
        (Schema::Long, Value::Number(number)) => number.as_i64().is_some(),
        (Schema::Double, Value::Number(number)) => number.as_f64().is_some_and(f64::is_finite),
        (Schema::Float, Value::Number(number)) => {
            number.as_f64().is_some_and(|n| n.is_finite() && (n as f32).is_finite())
        }
        (Schema::String, Value::String(_)) => true,
        (Schema::Date, Value::String(text)) => temporal::is_date(text),
        (Schema::DateTime, Value::String(text)) => temporal::is_date_time(text),
        (Schema::Time, Value::String(text)) => temporal::is_time(text),
        (Schema::Duration, Value::String(text)) => temporal::is_duration(text),
        _ => false,
    }
}

fn wanted(schema: &Schema) -> &'static str {
    match schema {
        Schema::Boolean => "a boolean (true or false)",
        Schema::Integer => "an integer (a whole number from -2147483648 to 2147483647)",
        Schema::Long => "a long (a whole number of at most 64 bits)",
        Schema::Float => "a float (a number that 32 bits can hold)",
        Schema::Double => "a double (a number)",
        Schema::Date => "a date like \"2024-12-31\"",
        Schema::DateTime => "a dateTime like \"2024-12-31T23:59:59Z\"",
        Schema::Time => "a time like \"23:59:59Z\"",
        Schema::Duration => "a duration like \"PT1H30M\"",
        _ => "a string",
    }
}
