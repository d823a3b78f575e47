//! The topology as `topology.json` has it, and what must be true of it.

mod check;
mod difference;
mod graph;
mod shape;
mod spec;

pub use difference::{Difference, function_file};
pub use graph::{Node, Wiring};
pub use spec::{
    Authentication, Conversion, DeadLetterSpec, DeviceFrom, Endpoint2019Spec, EndpointKind,
    EndpointSpec, FunctionSpec, Mapping, RouteSpec, SecretRef, SinkSpec, SourceSpec,
    SubscriptionSpec, Topology,
};

use adt_limits::Limits;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt;

/// What is wrong with a topology.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopologyProblem {
    /// JSON Pointer into `topology.json`, or `line L, column C` where it is not JSON.
    pub path: String,
    /// What is wrong, and what to do.
    pub message: String,
}

impl fmt::Display for TopologyProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}

/// Secrets are named by [`SecretRef`]s, wherever they stand.
fn add_secrets(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(name)) = members.get("secret") {
                names.insert(name.clone());
            }
            members.values().for_each(|value| add_secrets(value, names));
        }
        Value::Array(items) => items.iter().for_each(|item| add_secrets(item, names)),
        _ => {}
    }
}

impl Topology {
    /// The ids of the nodes that a function publishes to: `sinks/eh-series`.
    pub(crate) fn sinks_of(&self, function: &str) -> impl Iterator<Item = String> {
        let sinks = self.functions.get(function).map_or(&[][..], FunctionSpec::sinks);
        sinks.iter().map(|sink| crate::node_id("sinks", sink))
    }

    /// Reads and checks a topology that is to be within the service's limits.
    ///
    /// # Errors
    /// All problems at once, each with its place.
    pub fn parse(text: &str) -> Result<Self, Vec<TopologyProblem>> {
        Self::parse_within(text, &Limits::service())
    }

    /// Reads and checks a topology that is to be within other limits.
    ///
    /// # Errors
    /// As [`Topology::parse`].
    pub fn parse_within(text: &str, limits: &Limits) -> Result<Self, Vec<TopologyProblem>> {
        let topology = match serde_json::from_str::<Self>(text) {
            // Serde takes a list where an object is wanted.
            Ok(topology) if text.trim_start().starts_with('{') => topology,
            read => return Err(shape::problems(text, read.err())),
        };
        let problems = topology.problems(limits);
        if problems.is_empty() { Ok(topology) } else { Err(problems) }
    }

    /// All that is wrong with it.
    pub fn problems(&self, limits: &Limits) -> Vec<TopologyProblem> {
        check::problems(self, limits)
    }

    /// What is allowed and may not be meant: parts that nothing reaches, cycles through functions.
    pub fn warnings(&self) -> Vec<TopologyProblem> {
        Wiring::new(self).warnings()
    }

    /// The JSON Schema of `topology.json`, for editors.
    pub fn json_schema() -> Value {
        schemars::schema_for!(Self).to_value()
    }

    /// The devices of all sources, with the function that takes their messages.
    pub fn devices(&self) -> impl Iterator<Item = (&str, &str)> {
        self.sources.values().flat_map(|source| {
            source.devices().iter().map(move |device| (device.as_str(), source.function()))
        })
    }

    /// The twin that takes the messages of a device.
    pub fn twin_of_device<'a>(&'a self, device: &'a str) -> &'a str {
        let function = self.devices().find(|(id, _)| *id == device).map(|(_, function)| function);
        match function.and_then(|function| self.functions.get(function)) {
            Some(FunctionSpec::Ingest { twins, .. }) => {
                twins.get(device).map_or(device, String::as_str)
            }
            _ => device,
        }
    }

    /// The names of all secrets that it names.
    pub fn secrets(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        add_secrets(&self.to_json(), &mut names);
        names
    }

    /// The topology as a JSON value, for remembering which one was applied.
    pub fn to_json(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// A JSON Pointer of these parts.
pub(crate) fn pointer(parts: &[&str]) -> String {
    parts.iter().map(|part| format!("/{}", part.replace('~', "~0").replace('/', "~1"))).collect()
}

#[cfg(test)]
mod tests;
