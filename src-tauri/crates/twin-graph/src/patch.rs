//! JSON Patch as the service takes it: `add`, `replace` and `remove` on properties of a twin, of
//! its components and of relationships.

use crate::names::shared;
use crate::{Contents, Properties, PropertyValue, Timestamp, Twin};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use smallvec::SmallVec;
use std::borrow::Cow;
use std::fmt;
use thiserror::Error;

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OperationKind {
    /// Sets the value, whether there was one or not.
    Add,
    /// Sets the value; there must be one.
    Replace,
    /// Takes the value away; there must be one.
    Remove,
}

impl OperationKind {
    /// As it stands in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Replace => "replace",
            Self::Remove => "remove",
        }
    }
}

impl fmt::Display for OperationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One operation of a patch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Operation {
    /// What to do.
    pub op: OperationKind,
    /// Where: a JSON Pointer such as `/temperature` or `/battery/level`.
    pub path: String,
    /// The value of `add` and `replace`.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub value: Option<Value>,
}

/// An operation that was carried out, with what was there before.
#[derive(Clone, Debug, PartialEq)]
pub struct AppliedOperation {
    /// The operation.
    pub operation: Operation,
    /// The value before, if there was one.
    pub previous: Option<Value>,
}

/// Keeps `null` apart from absent: a member that is there is `Some`, whatever its value.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// Why a patch cannot be carried out. The texts are the service's where they were recorded.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum PatchError {
    /// Not a JSON Patch document at all.
    #[error(
        "The patch is not a JSON Patch document: {0}. Send an array of {{\"op\", \"path\", \"value\"}}."
    )]
    Malformed(String),
    /// `move`, `copy`, `test` or an unknown word.
    #[error(
        "Unsupported operation type {0}. Please provide a valid patch document. See section on update apis in the documentation https://aka.ms/adtv2twins."
    )]
    Unsupported(String),
    /// An operation without its `op` or `path`.
    #[error(
        "Parameter {0} must not be empty. Please provide a valid patch document. See section on update apis in the documentation https://aka.ms/adtv2twins."
    )]
    Missing(&'static str),
    /// No component, or no object on the way to the last segment.
    #[error(
        "Could not resolve path {0}. Please provide a valid patch document. See section on update apis in the documentation https://aka.ms/adtv2twins."
    )]
    Unresolved(String),
    /// `replace` or `remove` of a property that was never set.
    #[error(
        "{0} does not exist on component. Please provide a valid patch document. See section on update apis in the documentation https://aka.ms/adtv2twins."
    )]
    NotSet(String),
    /// The same of a relationship, for which the service has other words.
    #[error(
        "The target location specified by path segment '{0}' was not found. Please provide a valid patch document. See section on update apis in the documentation https://aka.ms/adtv2twins."
    )]
    NoTarget(String),
}

/// Reads a patch document.
///
/// # Errors
/// Where it is not an array of operations, or has an operation other than add, replace, remove.
pub fn parse_patch(document: &Value) -> Result<Vec<Operation>, PatchError> {
    let malformed = |what: &str| PatchError::Malformed(what.into());
    let operations = document.as_array().ok_or_else(|| malformed("it is not an array"))?;
    operations
        .iter()
        .enumerate()
        .map(|(index, operation)| parse_operation(index, operation))
        .collect()
}

fn parse_operation(index: usize, operation: &Value) -> Result<Operation, PatchError> {
    if !operation.is_object() {
        return Err(PatchError::Malformed(format!("operation {index} is not an object")));
    }
    let text = |name: &'static str| {
        operation.get(name).and_then(Value::as_str).ok_or(PatchError::Missing(name))
    };
    let no_value = || PatchError::Malformed(format!("operation {index} has no «value»"));
    let op = match text("op")? {
        "add" => OperationKind::Add,
        "replace" => OperationKind::Replace,
        "remove" => OperationKind::Remove,
        other => return Err(PatchError::Unsupported(other.chars().take(40).collect())),
    };
    let value = match op {
        OperationKind::Remove => None,
        _ => Some(operation.get("value").cloned().ok_or_else(no_value)?),
    };
    Ok(Operation { op, path: text("path")?.to_owned(), value })
}

/// The segments of a JSON Pointer; nearly all have one or two.
type Segments<'a> = SmallVec<[Cow<'a, str>; 2]>;

/// The segments of a JSON Pointer, unescaped.
fn segments(path: &str) -> Result<Segments<'_>, PatchError> {
    let unresolved = || PatchError::Unresolved(path.chars().take(200).collect());
    let rest = path.strip_prefix('/').filter(|rest| !rest.is_empty()).ok_or_else(unresolved)?;
    Ok(rest.split('/').map(unescaped).collect())
}

/// A segment of a JSON Pointer, unescaped.
pub(crate) fn unescaped(segment: &str) -> Cow<'_, str> {
    if segment.contains('~') {
        segment.replace("~1", "/").replace("~0", "~").into()
    } else {
        segment.into()
    }
}

/// What a patch is carried out on: the properties of a twin, a component or a relationship.
trait Target {
    fn has(&self, name: &str) -> bool;
    /// A value to change from within.
    fn within(&mut self, name: &str) -> Option<&mut PropertyValue>;
    fn put(&mut self, name: &str, value: PropertyValue) -> Option<PropertyValue>;
    fn take(&mut self, name: &str) -> Option<PropertyValue>;
}

impl Target for Properties {
    fn has(&self, name: &str) -> bool {
        self.contains_key(name)
    }

    fn within(&mut self, name: &str) -> Option<&mut PropertyValue> {
        self.get_mut(name)
    }

    fn put(&mut self, name: &str, value: PropertyValue) -> Option<PropertyValue> {
        self.insert(name, value)
    }

    fn take(&mut self, name: &str) -> Option<PropertyValue> {
        self.remove(name)
    }
}

/// Properties that are changed at a time.
struct Timed<'a>(&'a mut Contents, Timestamp);

impl Target for Timed<'_> {
    fn has(&self, name: &str) -> bool {
        self.0.get(name).is_some()
    }

    fn within(&mut self, name: &str) -> Option<&mut PropertyValue> {
        self.0.get_mut(name)
    }

    fn put(&mut self, name: &str, value: PropertyValue) -> Option<PropertyValue> {
        self.0.set(name, value, self.1)
    }

    fn take(&mut self, name: &str) -> Option<PropertyValue> {
        self.0.remove(name)
    }
}

/// Carries one operation out on properties; answers the value before.
pub(crate) fn apply_to(
    properties: &mut Properties,
    operation: &Operation,
) -> Result<Option<Value>, PatchError> {
    let path = segments(&operation.path)?;
    // `$targetId` and the like stay as they are for good.
    if path[0].starts_with('$') {
        return Err(PatchError::Unresolved(operation.path.clone()));
    }
    apply_at(properties, &path, operation).map_err(|error| match error {
        PatchError::NotSet(name) => PatchError::NoTarget(name),
        other => other,
    })
}

fn apply_at(
    target: &mut impl Target,
    path: &[Cow<'_, str>],
    operation: &Operation,
) -> Result<Option<Value>, PatchError> {
    let unresolved = || PatchError::Unresolved(operation.path.clone());
    let (name, rest) = path.split_first().ok_or_else(unresolved)?;
    if !rest.is_empty() {
        return match target.within(name) {
            Some(PropertyValue::Json(value)) => apply_within(value, rest, operation),
            _ => Err(unresolved()),
        };
    }
    let exists = target.has(name);
    let before = match (operation.op, &operation.value) {
        (OperationKind::Replace | OperationKind::Remove, _) if !exists => {
            return Err(PatchError::NotSet(name.to_string()));
        }
        (OperationKind::Remove, _) => target.take(name),
        (_, Some(value)) => target.put(name, value.into()),
        (_, None) => return Err(no_value(operation)),
    };
    Ok(before.map(|before| before.to_json()))
}

fn no_value(operation: &Operation) -> PatchError {
    PatchError::Malformed(format!("«{}» has no value", operation.path))
}

fn apply_within(
    value: &mut Value,
    path: &[Cow<'_, str>],
    operation: &Operation,
) -> Result<Option<Value>, PatchError> {
    let unresolved = || PatchError::Unresolved(operation.path.clone());
    let (last, parents) = path.split_last().ok_or_else(unresolved)?;
    let mut object = value.as_object_mut().ok_or_else(unresolved)?;
    for name in parents {
        object = object.get_mut(&**name).and_then(Value::as_object_mut).ok_or_else(unresolved)?;
    }
    match (operation.op, &operation.value) {
        (OperationKind::Replace | OperationKind::Remove, _) if !object.contains_key(&**last) => {
            Err(PatchError::NotSet(last.to_string()))
        }
        (OperationKind::Remove, _) => Ok(object.shift_remove(&**last)),
        (_, Some(value)) => Ok(object.insert(last.to_string(), value.clone())),
        (_, None) => Err(no_value(operation)),
    }
}

impl Twin {
    /// Carries out one operation at `time`; answers the value before.
    pub(crate) fn apply_operation(
        &mut self,
        operation: &Operation,
        time: Timestamp,
    ) -> Result<Option<Value>, PatchError> {
        let path = segments(&operation.path)?;
        if path[0].starts_with('$') {
            return self.apply_model(operation);
        }
        if let [name] = path.as_slice()
            && let Some(done) = self.apply_component(name, operation, time)
        {
            return done;
        }
        let (contents, path) = match self.components.get_mut(&path[0]) {
            Some(component) => (component, &path[1..]),
            None => (&mut self.contents, &path[..]),
        };
        // A component's own `$metadata` is the service's.
        if path[0].starts_with('$') {
            return Err(PatchError::Unresolved(operation.path.clone()));
        }
        let previous = apply_at(&mut Timed(contents, time), path, operation)?;
        contents.touch(&path[0], time);
        contents.updated = time;
        // The twin is as new as its newest part.
        self.contents.updated = time;
        Ok(previous)
    }

    /// `replace /$metadata/$model`: the twin is of another model from now on.
    fn apply_model(&mut self, operation: &Operation) -> Result<Option<Value>, PatchError> {
        match (operation.op, operation.path.as_str(), &operation.value) {
            (OperationKind::Replace, "/$metadata/$model", Some(Value::String(model))) => {
                let before = std::mem::replace(&mut self.model, shared(model));
                Ok(Some(Value::String(before.to_string())))
            }
            _ => Err(PatchError::Unresolved(operation.path.clone())),
        }
    }

    /// A component as a whole comes and goes with the model; it is never replaced, only its
    /// properties are. `None` where the operation is not about a component.
    fn apply_component(
        &mut self,
        name: &str,
        operation: &Operation,
        time: Timestamp,
    ) -> Option<Result<Option<Value>, PatchError>> {
        let present = self.components.contains_key(name);
        let given = operation.value.as_ref().and_then(Value::as_object);
        let is_component = given.is_some_and(|given| given.contains_key("$metadata"));
        let done = match operation.op {
            OperationKind::Remove if present => {
                let before = self.components.remove(name);
                Ok(before.map(|component| component.to_component_json()))
            }
            OperationKind::Add if !present && is_component => {
                let own = given.into_iter().flatten().filter(|(name, _)| !name.starts_with('$'));
                self.components.insert(name, Contents::new(own, time));
                self.components.sort();
                Ok(None)
            }
            _ if present => Err(PatchError::Unresolved(operation.path.clone())),
            _ => return None,
        };
        self.contents.updated = time;
        Some(done)
    }

    /// Sets the `sourceTime` of `property` or `component/property`; of one that is not set it is
    /// nothing.
    pub fn set_source_time(&mut self, name: &str, time: Timestamp) {
        let (contents, property) = match name.split_once('/') {
            Some((component, property)) => (self.components.get_mut(component), property),
            None => (Some(&mut self.contents), name),
        };
        contents.map(|contents| contents.set_source_time(property, time));
    }

    /// The twin after `patch` at `time`, and what was done. Model rules are the caller's to check.
    ///
    /// # Errors
    /// Where an operation cannot be carried out; the twin itself is never changed.
    pub fn patched(
        &self,
        patch: Vec<Operation>,
        time: Timestamp,
    ) -> Result<(Self, Vec<AppliedOperation>), PatchError> {
        let mut twin = self.clone();
        let mut applied = Vec::with_capacity(patch.len());
        for operation in patch {
            let previous = twin.apply_operation(&operation, time)?;
            applied.push(AppliedOperation { operation, previous });
        }
        Ok((twin, applied))
    }
}

impl crate::Relationship {
    /// The relationship after `patch`, and what was done.
    ///
    /// # Errors
    /// Where an operation cannot be carried out; the relationship itself is never changed.
    pub fn patched(
        &self,
        patch: Vec<Operation>,
    ) -> Result<(Self, Vec<AppliedOperation>), PatchError> {
        let mut relationship = self.clone();
        let mut applied = Vec::with_capacity(patch.len());
        for operation in patch {
            let previous = apply_to(&mut relationship.properties, &operation)?;
            applied.push(AppliedOperation { operation, previous });
        }
        Ok((relationship, applied))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;
    use serde_json::json;

    fn twin() -> Twin {
        let contents = |values: Value| {
            Contents::new(values.as_object().unwrap().clone(), Timestamp::from_ticks(1))
        };
        Twin {
            id: "t".into(),
            model: "dtmi:example:T;1".into(),
            etag: "W/\"1\"".into(),
            contents: contents(json!({"temperature": 20, "place": {"x": 1, "a/b": 2}})),
            components: [("battery", contents(json!({"level": 3})))].into_iter().collect(),
        }
    }

    #[test]
    fn patches_or_says_why_not() {
        let cases: &[(Value, Result<Value, &str>)] = &[
            (json!([{"op": "replace", "path": "/temperature", "value": 21}]), Ok(json!(20))),
            (json!([{"op": "add", "path": "/humidity", "value": 40}]), Ok(json!(null))),
            (json!([{"op": "add", "path": "/place/x", "value": null}]), Ok(json!(1))),
            (json!([{"op": "remove", "path": "/place/a~1b"}]), Ok(json!(2))),
            (json!([{"op": "replace", "path": "/battery/level", "value": 4}]), Ok(json!(3))),
            (
                json!([{"op": "replace", "path": "/humidity", "value": 1}]),
                Err("humidity does not exist"),
            ),
            (json!([{"op": "remove", "path": "/nothing"}]), Err("nothing does not exist")),
            (
                json!([{"op": "add", "path": "/no/where", "value": 1}]),
                Err("Could not resolve path /no/where"),
            ),
            (
                json!([{"op": "add", "path": "/battery", "value": {}}]),
                Err("Could not resolve path /battery"),
            ),
            (
                json!([{"op": "add", "path": "/battery", "value": {"$metadata": {}}}]),
                Err("Could not resolve path /battery"),
            ),
            (
                json!([{"op": "add", "path": "/door", "value": {"$metadata": {}, "open": true}},
                       {"op": "replace", "path": "/door/open", "value": false}]),
                Ok(json!(null)),
            ),
            (
                json!([{"op": "replace", "path": "/battery/$metadata", "value": {}}]),
                Err("Could not resolve path /battery/$metadata"),
            ),
            (
                json!([{"op": "replace", "path": "/$metadata/$model", "value": "dtmi:example:U;1"}]),
                Ok(json!("dtmi:example:T;1")),
            ),
            (
                json!([{"op": "remove", "path": "/$metadata/$model"}]),
                Err("Could not resolve path /$metadata/$model"),
            ),
            (
                json!([{"op": "replace", "path": "/$dtId", "value": "u"}]),
                Err("Could not resolve path /$dtId"),
            ),
            (json!([{"op": "add", "path": "", "value": {}}]), Err("Could not resolve path")),
            (
                json!([{"op": "move", "path": "/a", "from": "/b"}]),
                Err("Unsupported operation type move"),
            ),
            (json!([{"op": "add", "path": "/a"}]), Err("operation 0 has no «value»")),
            (json!({"op": "add"}), Err("not an array")),
        ];
        for (document, expected) in cases {
            let twin = twin();
            let done = parse_patch(document)
                .and_then(|patch| twin.patched(patch, Timestamp::from_ticks(2)));
            match (done, expected) {
                (Ok((_, applied)), Ok(previous)) => {
                    assert_eq!(applied[0].previous.clone().unwrap_or_default(), *previous);
                }
                (Err(error), Err(text)) => assert!(error.to_string().contains(text), "{error}"),
                (got, _) => panic!("{document}: {got:?}"),
            }
        }
    }

    #[test]
    fn stamps_only_what_changed() {
        let patch =
            parse_patch(&json!([{"op": "replace", "path": "/temperature", "value": 21}])).unwrap();
        let (after, _) = twin().patched(patch, Timestamp::from_ticks(9)).unwrap();
        assert_eq!(after.contents.times("temperature").unwrap().updated.ticks(), 9);
        assert_eq!(after.contents.times("place").unwrap().updated.ticks(), 1);
        assert_eq!(after.contents.updated.ticks(), 9);
    }
}
