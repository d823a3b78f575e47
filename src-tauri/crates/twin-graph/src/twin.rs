//! A digital twin: its properties, components and metadata.

use crate::names::shared;
use crate::{Named, PropertyValue, Timestamp};
use serde_json::{Map, Value, json};
use std::collections::HashSet;
use std::sync::Arc;

/// When a property last changed here, and when it changed at its source where the writer said so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PropertyTimes {
    /// `lastUpdateTime` of the service.
    pub updated: Timestamp,
    /// `sourceTime`, since api-version 2022-05-31.
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

/// The properties of a twin, or of one of its components, with their times.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Contents {
    properties: Named<Property>,
    /// `$lastUpdateTime` of this twin or component.
    pub updated: Timestamp,
}

/// A property as it is kept. Some services answer values without times, and times without values.
#[derive(Clone, Debug, PartialEq)]
struct Property {
    value: Option<PropertyValue>,
    updated: Timestamp,
    source: Timestamp,
}

/// A property with the times of its update and of its source.
type Part = (Arc<str>, Option<PropertyValue>, Option<Timestamp>, Option<Timestamp>);

/// Stands for a time that is not known.
const NEVER: Timestamp = Timestamp::from_ticks(i64::MIN);

impl Property {
    fn new(value: PropertyValue, updated: Timestamp) -> Self {
        Self { value: Some(value), updated, source: NEVER }
    }

    fn times(&self) -> Option<PropertyTimes> {
        let source = (self.source != NEVER).then_some(self.source);
        (self.updated != NEVER).then_some(PropertyTimes { updated: self.updated, source })
    }
}

impl Contents {
    /// Values that were all set at `time`; their names must differ.
    pub fn new<N: AsRef<str>, V: Into<PropertyValue>>(
        values: impl IntoIterator<Item = (N, V)>,
        time: Timestamp,
    ) -> Self {
        let values = values.into_iter();
        let properties = values.map(|(name, value)| (name, Property::new(value.into(), time)));
        Self { properties: properties.collect(), updated: time }
    }

    /// The value of a property.
    pub fn get(&self, name: &str) -> Option<&PropertyValue> {
        self.properties.get(name)?.value.as_ref()
    }

    pub(crate) fn get_mut(&mut self, name: &str) -> Option<&mut PropertyValue> {
        self.properties.get_mut(name)?.value.as_mut()
    }

    /// The properties that are set, in the order in which they were first set.
    pub fn values(&self) -> impl Iterator<Item = (&Arc<str>, &PropertyValue)> {
        let properties = self.properties.iter();
        properties.filter_map(|(name, property)| Some((name, property.value.as_ref()?)))
    }

    /// The values as members of a JSON object.
    pub fn to_map(&self) -> Map<String, Value> {
        self.values().map(|(name, value)| (name.to_string(), value.to_json())).collect()
    }

    /// The times of a property.
    pub fn times(&self, name: &str) -> Option<PropertyTimes> {
        self.properties.get(name)?.times()
    }

    /// The times of all properties that have them, ordered by name.
    pub fn all_times(&self) -> Vec<(&Arc<str>, PropertyTimes)> {
        let properties = self.properties.iter();
        let mut times: Vec<_> =
            properties.filter_map(|(name, each)| Some((name, each.times()?))).collect();
        times.sort_by_key(|(name, _)| *name);
        times
    }

    /// Sets a property at `time`; answers the value before.
    pub fn set(
        &mut self,
        name: &str,
        value: PropertyValue,
        time: Timestamp,
    ) -> Option<PropertyValue> {
        self.properties.insert(name, Property::new(value, time))?.value
    }

    pub(crate) fn remove(&mut self, name: &str) -> Option<PropertyValue> {
        self.properties.remove(name)?.value
    }

    pub(crate) fn touch(&mut self, name: &str, time: Timestamp) {
        if let Some(property) = self.properties.get_mut(name) {
            (property.updated, property.source) = (time, NEVER);
        }
    }

    /// Sets the `sourceTime` of a property; says whether there is one of this name with times.
    pub fn set_source_time(&mut self, name: &str, time: Timestamp) -> bool {
        let property = self.properties.get_mut(name).filter(|each| each.updated != NEVER);
        property.map(|property| property.source = time).is_some()
    }

    fn metadata(&self) -> Map<String, Value> {
        let mut metadata = Map::new();
        metadata.insert("$lastUpdateTime".into(), json!(self.updated));
        for (name, times) in self.all_times() {
            metadata.insert(name.to_string(), times.to_json());
        }
        metadata
    }

    /// The component as the service answers it: its properties, then `$metadata`.
    pub fn to_component_json(&self) -> Value {
        let mut object = self.to_map();
        object.insert("$metadata".into(), Value::Object(self.metadata()));
        Value::Object(object)
    }

    /// Everything of each property, in order.
    pub(crate) fn parts(
        &self,
    ) -> impl ExactSizeIterator<Item = (&Arc<str>, Option<&PropertyValue>, Option<PropertyTimes>)>
    {
        self.properties.iter().map(|(name, each)| (name, each.value.as_ref(), each.times()))
    }

    /// The opposite of [`Contents::parts`]: name, value, time of the update and of the source.
    pub(crate) fn of_parts(updated: Timestamp, parts: Vec<Part>) -> Self {
        let property = |(name, value, updated, source): Part| {
            let (updated, source) = (updated.unwrap_or(NEVER), source.unwrap_or(NEVER));
            (name, Property { value, updated, source })
        };
        Self { properties: Named::of(parts.into_iter().map(property)), updated }
    }

    /// Reads properties with their metadata, as the service answers them.
    fn read<'v>(
        values: impl Iterator<Item = (&'v String, &'v Value)>,
        metadata: &Map<String, Value>,
    ) -> Self {
        let time = |value: &Value| value.as_str().and_then(|text| text.parse::<Timestamp>().ok());
        let times = |name: &str| {
            let entry = metadata.get(name)?;
            let updated = entry.get("lastUpdateTime").and_then(time)?;
            Some((updated, entry.get("sourceTime").and_then(time).unwrap_or(NEVER)))
        };
        let mut properties: Vec<(&String, Property)> = values
            .map(|(name, value)| {
                let (updated, source) = times(name).unwrap_or((NEVER, NEVER));
                (name, Property { value: Some(value.into()), updated, source })
            })
            .collect();
        let set: HashSet<&String> = properties.iter().map(|(name, _)| *name).collect();
        let others = metadata.keys().filter(|name| !name.starts_with('$') && !set.contains(name));
        properties.extend(others.filter_map(|name| {
            let (updated, source) = times(name)?;
            Some((name, Property { value: None, updated, source }))
        }));
        // Answers before api-version 2022-05-31 have no $lastUpdateTime: the newest property's is it.
        let newest = properties.iter().map(|(_, property)| property.updated).max();
        let newest = newest.filter(|newest| *newest != NEVER);
        let updated = metadata.get("$lastUpdateTime").and_then(time).or(newest).unwrap_or_default();
        Self { properties: properties.into_iter().collect(), updated }
    }
}

/// A digital twin.
#[derive(Clone, Debug, PartialEq)]
pub struct Twin {
    /// `$dtId`.
    pub id: Arc<str>,
    /// `$metadata.$model`, a DTMI.
    pub model: Arc<str>,
    /// `$etag`, in its full form `W/"…"`.
    pub etag: Arc<str>,
    /// Properties of the twin itself.
    pub contents: Contents,
    /// Components, ordered by name.
    pub components: Named<Contents>,
}

impl Twin {
    /// The twin as the service answers it: `$dtId`, `$etag`, properties, components, `$metadata`.
    pub fn to_json(&self) -> Value {
        let mut object = Map::new();
        object.insert("$dtId".into(), json!(self.id));
        object.insert("$etag".into(), json!(self.etag));
        object.extend(self.contents.to_map());
        for (name, component) in &self.components {
            object.insert(name.to_string(), component.to_component_json());
        }
        let mut metadata = Map::new();
        metadata.insert("$model".into(), json!(self.model));
        metadata.extend(self.contents.metadata());
        object.insert("$metadata".into(), Value::Object(metadata));
        Value::Object(object)
    }

    /// The value of a property of the twin itself.
    pub fn property(&self, name: &str) -> Option<&PropertyValue> {
        self.contents.get(name)
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
        let (components, values): (Vec<_>, Vec<_>) =
            own(object).partition(|(_, value)| metadata_of(value).is_some());
        let components = components.into_iter().filter_map(|(name, value)| {
            Some((name, Contents::read(own(value.as_object()?), metadata_of(value)?)))
        });
        let mut components: Named<Contents> = components.collect();
        components.sort();
        Some(Self {
            id: object.get("$dtId")?.as_str()?.into(),
            etag: object.get("$etag")?.as_str()?.into(),
            model: shared(metadata.get("$model")?.as_str()?),
            contents: Contents::read(values.into_iter(), metadata),
            components,
        })
    }
}

/// What of an answer is not the service's own.
fn own(object: &Map<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
    object.iter().filter(|(name, _)| !name.starts_with('$'))
}

fn metadata_of(component: &Value) -> Option<&Map<String, Value>> {
    component.get("$metadata")?.as_object()
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
            components: [("battery", Contents::new([("level", json!(3))], time))]
                .into_iter()
                .collect(),
        };
        assert_eq!(Twin::from_json(&twin.to_json()).unwrap(), twin);
        assert_eq!(
            twin.to_json()["$metadata"]["temperature"]["lastUpdateTime"],
            "2026-11-21T09:41:27.3180000Z"
        );
    }
}
