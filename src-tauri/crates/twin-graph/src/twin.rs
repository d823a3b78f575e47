//! A digital twin: its properties, components and metadata.

use crate::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// When a property last changed here, and when it changed at its source where the writer said so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PropertyTimes {
    /// `lastUpdateTime` of the service.
    pub updated: Timestamp,
    /// `sourceTime`, since api-version 2022-05-31.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Timestamp>,
}

impl PropertyTimes {
    /// As it stands in `$metadata`: `{"lastUpdateTime": …[, "sourceTime": …]}`.
    pub fn to_json(self) -> Value {
        match self.source {
            Some(source) => json!({"lastUpdateTime": self.updated, "sourceTime": source}),
            None => json!({"lastUpdateTime": self.updated}),
        }
    }
}

/// The property values of a twin, or of one of its components, with their times.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Contents {
    /// Property name to value, in the order in which they were set.
    pub values: Map<String, Value>,
    /// Property name to its times.
    pub times: BTreeMap<String, PropertyTimes>,
    /// `$lastUpdateTime` of this twin or component.
    pub updated: Timestamp,
}

impl Contents {
    /// Values that were all set at `time`.
    pub fn new(values: Map<String, Value>, time: Timestamp) -> Self {
        let stamp = PropertyTimes { updated: time, source: None };
        let times = values.keys().map(|name| (name.clone(), stamp)).collect();
        Self { values, times, updated: time }
    }

    fn metadata(&self) -> Map<String, Value> {
        let mut metadata = Map::new();
        metadata.insert("$lastUpdateTime".into(), json!(self.updated));
        for (name, times) in &self.times {
            metadata.insert(name.clone(), times.to_json());
        }
        metadata
    }

    /// The component as the service answers it: its properties, then `$metadata`.
    pub fn to_component_json(&self) -> Value {
        let mut object = self.values.clone();
        object.insert("$metadata".into(), Value::Object(self.metadata()));
        Value::Object(object)
    }
}

/// A digital twin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Twin {
    /// `$dtId`.
    pub id: Arc<str>,
    /// `$metadata.$model`, a DTMI.
    pub model: Arc<str>,
    /// `$etag`, in its full form `W/"…"`.
    pub etag: Arc<str>,
    /// Properties of the twin itself.
    pub contents: Contents,
    /// Components by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub components: BTreeMap<String, Contents>,
}

impl Twin {
    /// The twin as the service answers it: `$dtId`, `$etag`, properties, components, `$metadata`.
    pub fn to_json(&self) -> Value {
        let mut object = Map::new();
        object.insert("$dtId".into(), json!(self.id));
        object.insert("$etag".into(), json!(self.etag));
        object.extend(self.contents.values.clone());
        for (name, component) in &self.components {
            object.insert(name.clone(), component.to_component_json());
        }
        let mut metadata = Map::new();
        metadata.insert("$model".into(), json!(self.model));
        metadata.extend(self.contents.metadata());
        object.insert("$metadata".into(), Value::Object(metadata));
        Value::Object(object)
    }

    /// The value of a property of the twin itself.
    pub fn property(&self, name: &str) -> Option<&Value> {
        self.contents.values.get(name)
    }

    /// The latest change of the twin or of any of its components.
    pub fn updated(&self) -> Timestamp {
        self.contents.updated
    }

    /// Reads a twin as the service answers it (the opposite of [`Twin::to_json`]).
    ///
    /// A nested object with a `$metadata` is a component. `None` where `$dtId`, `$etag` or
    /// `$metadata.$model` is missing.
    pub fn from_json(body: &Value) -> Option<Self> {
        let object = body.as_object()?;
        let metadata = object.get("$metadata")?.as_object()?;
        let mut values = Map::new();
        let mut components = BTreeMap::new();
        for (name, value) in object.iter().filter(|(name, _)| !name.starts_with('$')) {
            match value.get("$metadata").and_then(Value::as_object) {
                Some(metadata) => {
                    let values = value.as_object()?.iter();
                    let own = values.filter(|(name, _)| !name.starts_with('$'));
                    let own = own.map(|(name, value)| (name.clone(), value.clone())).collect();
                    components.insert(name.clone(), read_contents(own, metadata));
                }
                None => {
                    values.insert(name.clone(), value.clone());
                }
            }
        }
        Some(Self {
            id: object.get("$dtId")?.as_str()?.into(),
            etag: object.get("$etag")?.as_str()?.into(),
            model: metadata.get("$model")?.as_str()?.into(),
            contents: read_contents(values, metadata),
            components,
        })
    }
}

fn read_contents(values: Map<String, Value>, metadata: &Map<String, Value>) -> Contents {
    let time = |value: &Value| value.as_str().and_then(|text| text.parse::<Timestamp>().ok());
    let times: BTreeMap<_, _> = metadata
        .iter()
        .filter(|(name, _)| !name.starts_with('$'))
        .filter_map(|(name, entry)| {
            let updated = entry.get("lastUpdateTime").and_then(time)?;
            let source = entry.get("sourceTime").and_then(time);
            Some((name.clone(), PropertyTimes { updated, source }))
        })
        .collect();
    // Answers before api-version 2022-05-31 have no $lastUpdateTime: the newest property's is it.
    let newest = times.values().map(|times| times.updated).max();
    let updated = metadata.get("$lastUpdateTime").and_then(time).or(newest).unwrap_or_default();
    Contents { values, times, updated }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        let time: Timestamp = "2026-11-21T09:41:27.318Z".parse().unwrap();
        let values = json!({"temperature": 21.5, "tags": {"a": 1}});
        let twin = Twin {
            id: "thermo_0001".into(),
            model: "dtmi:example:Thermostat;1".into(),
            etag: "W/\"1\"".into(),
            contents: Contents::new(values.as_object().unwrap().clone(), time),
            components: BTreeMap::from([(
                "battery".into(),
                Contents::new(json!({"level": 3}).as_object().unwrap().clone(), time),
            )]),
        };
        assert_eq!(Twin::from_json(&twin.to_json()).unwrap(), twin);
        assert_eq!(
            twin.to_json()["$metadata"]["temperature"]["lastUpdateTime"],
            "2026-11-21T09:41:27.3180000Z"
        );
    }
}
