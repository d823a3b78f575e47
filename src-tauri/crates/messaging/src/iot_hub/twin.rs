//! Device twins: what the hub wants of a device, and what the device says of itself.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

//= documented: Desired and reported properties have at most 32 KiB each, ten levels, names of 1
//  KiB, texts of 4 KiB, and integers of 53 bits. That the 32 KiB are of JSON is ours; the service
//  counts names and values. [iot-hub/iot-hub-devguide-device-twins]
/// The most that desired or reported properties may take as JSON, in bytes.
const MAX_SECTION_BYTES: usize = 32 << 10;
const MAX_DEPTH: usize = 10;
const MAX_KEY_BYTES: usize = 1_024;
const MAX_TEXT_BYTES: usize = 4_096;
/// The most that an integer may be; the least is one further from zero.
const MAX_INTEGER: i64 = (1 << 52) - 1;

/// Desired and reported properties, each with the number of its changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Twin {
    desired: Section,
    reported: Section,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Section {
    properties: Map<String, Value>,
    version: u64,
}

impl Default for Section {
    fn default() -> Self {
        Self { properties: Map::new(), version: 1 }
    }
}

/// Which half of a twin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Half {
    Desired,
    Reported,
}

impl Twin {
    fn section(&self, half: Half) -> &Section {
        match half {
            Half::Desired => &self.desired,
            Half::Reported => &self.reported,
        }
    }

    /// Checks a merge patch and makes it: the half as it will be. The error says what is wrong
    /// with the patch.
    pub(super) fn patched(
        &self,
        half: Half,
        patch: &Map<String, Value>,
    ) -> Result<(Map<String, Value>, u64), String> {
        check(patch, 1)?;
        let section = self.section(half);
        let mut properties = section.properties.clone();
        merge(&mut properties, patch);
        let length = serde_json::to_vec(&properties).map_or(usize::MAX, |json| json.len());
        if length > MAX_SECTION_BYTES {
            return Err(format!("{length} bytes of properties are more than {MAX_SECTION_BYTES}"));
        }
        Ok((properties, section.version + 1))
    }

    pub(super) fn set(&mut self, half: Half, properties: Map<String, Value>, version: u64) {
        let section = match half {
            Half::Desired => &mut self.desired,
            Half::Reported => &mut self.reported,
        };
        *section = Section { properties, version };
    }

    /// As devices and services read it.
    pub(super) fn to_json(&self) -> Value {
        let half = |section: &Section| {
            let mut properties = section.properties.clone();
            properties.insert("$version".into(), json!(section.version));
            Value::Object(properties)
        };
        json!({"desired": half(&self.desired), "reported": half(&self.reported)})
    }
}

fn check(patch: &Map<String, Value>, depth: usize) -> Result<(), String> {
    if depth > MAX_DEPTH {
        return Err(format!("properties are nested deeper than {MAX_DEPTH}"));
    }
    for (name, value) in patch {
        let forbidden = |c: char| c.is_control() || matches!(c, '.' | '$' | ' ');
        if name.is_empty() || name.len() > MAX_KEY_BYTES || name.contains(forbidden) {
            return Err(format!(
                "«{name}» is no property name: «.», «$», spaces and control characters are not allowed"
            ));
        }
        check_value(name, value, depth)?;
    }
    Ok(())
}

fn check_value(name: &str, value: &Value, depth: usize) -> Result<(), String> {
    match value {
        Value::Object(inner) => check(inner, depth + 1),
        Value::Array(items) => items.iter().try_for_each(|item| check_value(name, item, depth)),
        Value::String(text) if text.len() > MAX_TEXT_BYTES => {
            Err(format!("«{name}» is longer than {MAX_TEXT_BYTES} bytes"))
        }
        Value::Number(number) if !number.is_f64() => {
            let fits =
                number.as_i64().is_some_and(|n| (-MAX_INTEGER - 1..=MAX_INTEGER).contains(&n));
            let range = format!("{} to {MAX_INTEGER}", -MAX_INTEGER - 1);
            if fits { Ok(()) } else { Err(format!("«{name}» is not an integer of {range}")) }
        }
        _ => Ok(()),
    }
}

/// JSON merge patch (RFC 7396): `null` takes a property away.
fn merge(properties: &mut Map<String, Value>, patch: &Map<String, Value>) {
    for (name, value) in patch {
        match value {
            Value::Null => drop(properties.remove(name)),
            Value::Object(inner) => {
                let place = properties.entry(name).or_insert(Value::Null);
                if !place.is_object() {
                    *place = json!({});
                }
                if let Value::Object(place) = place {
                    merge(place, inner);
                }
            }
            other => drop(properties.insert(name.clone(), other.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn patches_merge_and_count() {
        let mut twin = Twin::default();
        for patch in [json!({"a": {"b": 1, "c": 2}}), json!({"a": {"b": null}, "d": [1]})] {
            let (properties, version) = twin.patched(Half::Reported, &object(patch)).unwrap();
            twin.set(Half::Reported, properties, version);
        }
        let expected = json!({
            "desired": {"$version": 1},
            "reported": {"a": {"c": 2}, "d": [1], "$version": 3},
        });
        assert_eq!(twin.to_json(), expected);
    }

    #[test]
    fn what_is_no_twin_is_refused() {
        let deep = (0..12).fold(json!({}), |inner, _| json!({"a": inner}));
        for patch in [
            json!({"a.b": 1}),
            json!({"": 1}),
            json!({"$x": 1}),
            deep,
            json!({"a": "x".repeat(4_097)}),
            json!({"a": [{"b": "x".repeat(4_097)}]}),
            json!({"a": 1_u64 << 52}),
            json!({"a": -(1_i64 << 52) - 1}),
            json!({"a": u64::MAX}),
            (0..9).map(|n| (n.to_string(), json!("x".repeat(4_000)))).collect(),
        ] {
            assert!(Twin::default().patched(Half::Reported, &object(patch)).is_err());
        }
        let most = json!({"a": "x".repeat(4_096), "b": [(1_u64 << 52) - 1, -(1_i64 << 52), 1e300]});
        assert!(Twin::default().patched(Half::Reported, &object(most)).is_ok());
    }
}
