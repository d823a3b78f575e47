//! The topology as `topology.json` has it, and what must be true of it.

use adt_limits::{Limit, Limits};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Sources, functions, routes, endpoints and subscriptions, by name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Topology {
    /// For editors; not read.
    #[serde(rename = "$schema", skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// Where device messages come from.
    pub sources: BTreeMap<String, SourceSpec>,
    /// What handles messages and events.
    pub functions: BTreeMap<String, FunctionSpec>,
    /// Where routes lead to.
    pub endpoints: BTreeMap<String, EndpointSpec>,
    /// Which notifications go to which endpoint.
    pub routes: BTreeMap<String, RouteSpec>,
    /// Who takes an endpoint's events.
    pub subscriptions: BTreeMap<String, SubscriptionSpec>,
}

/// Where device messages come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[serde(deny_unknown_fields)]
pub enum SourceSpec {
    /// Thermostats that this app simulates.
    SimulatedThermostats {
        /// Device ids.
        devices: Vec<String>,
        /// How often each sends a message, in seconds of simulated time.
        every_seconds: f64,
        /// The same seed gives the same weather.
        #[serde(default)]
        seed: u64,
        /// The function that takes the messages.
        function: String,
    },
}

/// What handles messages and events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[serde(deny_unknown_fields)]
pub enum FunctionSpec {
    /// Sets properties of the twin whose id is the device's, and sends telemetry in its name.
    Ingest {
        /// Device id to twin id, where they differ.
        #[serde(default)]
        twins: BTreeMap<String, String>,
        /// What goes where.
        map: Vec<Mapping>,
    },
    /// Copies a child's property to its parent.
    PropagateToParent {
        /// The child's property.
        property: String,
        /// The relationship that leads from parent to child.
        relationship: String,
        /// The parent's property.
        parent_property: String,
    },
}

/// What an `ingest` function does with a member of the message: one of `property` and `telemetry`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Mapping {
    /// JSON Pointer into the message's body.
    pub from: String,
    /// JSON Pointer of the twin's property to set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub property: Option<String>,
    /// Name of the telemetry to send.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub telemetry: Option<String>,
}

/// What kind of endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EndpointKind {
    /// An Event Grid custom topic.
    EventGrid,
}

/// Where routes lead to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EndpointSpec {
    /// What kind.
    pub kind: EndpointKind,
}

/// Which notifications go to which endpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RouteSpec {
    /// The endpoint's name.
    pub endpoint: String,
    /// In the route filter language.
    pub filter: String,
}

/// Who takes an endpoint's events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SubscriptionSpec {
    /// The endpoint's name.
    pub endpoint: String,
    /// The function's name.
    pub function: String,
}

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

const MOST_DEVICES: u64 = 10_000;

impl Topology {
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
        let topology: Self = serde_json::from_str(text).map_err(|error| {
            let path = format!("line {}, column {}", error.line(), error.column());
            vec![TopologyProblem { path, message: format!("{error}. Mend the file and save it.") }]
        })?;
        let problems = topology.problems(limits);
        if problems.is_empty() { Ok(topology) } else { Err(problems) }
    }

    /// The devices of all sources, with the function that takes their messages.
    pub fn devices(&self) -> impl Iterator<Item = (&str, &str)> {
        self.sources.values().flat_map(|source| {
            let SourceSpec::SimulatedThermostats { devices, function, .. } = source;
            devices.iter().map(move |device| (device.as_str(), function.as_str()))
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

    fn problems(&self, limits: &Limits) -> Vec<TopologyProblem> {
        let mut problems = Problems::default();
        self.check_limits(limits, &mut problems);
        self.check_names(&mut problems);
        self.check_sources(&mut problems);
        self.check_functions(&mut problems);
        self.check_routes(&mut problems);
        self.check_subscriptions(&mut problems);
        problems.0
    }

    fn check_limits(&self, limits: &Limits, problems: &mut Problems) {
        let (endpoints, routes) = (Limit::Endpoints, Limit::EventRoutes);
        let limits = [
            ("/endpoints", "endpoints", self.endpoints.len(), limits.most(endpoints)),
            ("/routes", "event routes", self.routes.len(), limits.most(routes)),
            ("/sources", "devices", self.devices().count(), MOST_DEVICES),
        ];
        for (path, what, count, most) in limits {
            if count as u64 > most {
                problems.add(
                    path,
                    format!(
                        "There are {count} {what}; an instance has at most {most}. Take some away."
                    ),
                );
            }
        }
    }

    fn check_names(&self, problems: &mut Problems) {
        let parts: [(&str, Vec<&String>); 5] = [
            ("sources", self.sources.keys().collect()),
            ("functions", self.functions.keys().collect()),
            ("endpoints", self.endpoints.keys().collect()),
            ("routes", self.routes.keys().collect()),
            ("subscriptions", self.subscriptions.keys().collect()),
        ];
        for (part, names) in parts {
            for name in names.into_iter().filter(|name| !is_name(name)) {
                problems.add(
                    &pointer(&[part, name]),
                    "A name has 2 to 50 letters, digits, «-» or «_», and begins and ends with a letter or digit.",
                );
            }
        }
    }

    fn check_sources(&self, problems: &mut Problems) {
        let mut seen = BTreeSet::new();
        for (name, source) in &self.sources {
            let SourceSpec::SimulatedThermostats { devices, every_seconds, function, .. } = source;
            if !(0.05..=86_400.0).contains(every_seconds) {
                problems.add(
                    &pointer(&["sources", name, "everySeconds"]),
                    format!("{every_seconds} is not between 0.05 and 86400 seconds."),
                );
            }
            self.check_function(&pointer(&["sources", name, "function"]), function, true, problems);
            for (index, device) in devices.iter().enumerate() {
                let path = pointer(&["sources", name, "devices", &index.to_string()]);
                if device.is_empty() || device.len() > 128 {
                    problems.add(&path, "A device id has 1 to 128 characters.");
                } else if !seen.insert(device) {
                    problems.add(&path, format!("The device «{device}» is there twice."));
                }
            }
        }
    }

    fn check_function(&self, path: &str, name: &str, of_messages: bool, problems: &mut Problems) {
        let takes_messages = match self.functions.get(name) {
            None => {
                return problems.add(
                    path,
                    format!("There is no function «{name}».{}", known(self.functions.keys())),
                );
            }
            Some(FunctionSpec::Ingest { .. }) => true,
            Some(FunctionSpec::PropagateToParent { .. }) => false,
        };
        match (of_messages, takes_messages) {
            (true, false) => problems.add(path, format!("«{name}» takes notifications; a source needs a function of kind ingest.")),
            (false, true) => problems.add(path, format!("«{name}» takes device messages; a subscription needs a function that takes notifications, such as propagateToParent.")),
            _ => {}
        }
    }

    fn check_functions(&self, problems: &mut Problems) {
        for (name, function) in &self.functions {
            let FunctionSpec::Ingest { map, .. } = function else { continue };
            for (index, mapping) in map.iter().enumerate() {
                let path = pointer(&["functions", name, "map", &index.to_string()]);
                if !mapping.from.starts_with('/') {
                    problems.add(
                        &format!("{path}/from"),
                        "A JSON Pointer begins with «/», as in «/temperature».",
                    );
                }
                if mapping.property.as_ref().is_some_and(|property| !property.starts_with('/')) {
                    problems.add(
                        &format!("{path}/property"),
                        "A JSON Pointer begins with «/», as in «/temperature».",
                    );
                }
                if mapping.property.is_some() == mapping.telemetry.is_some() {
                    problems.add(&path, "Give either «property» or «telemetry».");
                }
            }
        }
    }

    fn check_routes(&self, problems: &mut Problems) {
        for (name, route) in &self.routes {
            self.check_endpoint(&pointer(&["routes", name, "endpoint"]), &route.endpoint, problems);
            if let Err(error) = adt_events::Filter::parse(&route.filter) {
                problems.add(&pointer(&["routes", name, "filter"]), error.to_string());
            }
        }
    }

    fn check_subscriptions(&self, problems: &mut Problems) {
        for (name, subscription) in &self.subscriptions {
            let at = |field: &str| pointer(&["subscriptions", name, field]);
            self.check_endpoint(&at("endpoint"), &subscription.endpoint, problems);
            self.check_function(&at("function"), &subscription.function, false, problems);
        }
    }

    fn check_endpoint(&self, path: &str, name: &str, problems: &mut Problems) {
        if !self.endpoints.contains_key(name) {
            problems.add(
                path,
                format!("There is no endpoint «{name}».{}", known(self.endpoints.keys())),
            );
        }
    }

    /// The topology as a JSON value, for remembering which one was applied.
    pub fn to_json(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

#[derive(Default)]
struct Problems(Vec<TopologyProblem>);

impl Problems {
    fn add(&mut self, path: &str, message: impl Into<String>) {
        self.0.push(TopologyProblem { path: path.to_owned(), message: message.into() });
    }
}

fn known<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let names: Vec<_> = names.take(8).map(String::as_str).collect();
    if names.is_empty() { String::new() } else { format!(" There is: {}.", names.join(", ")) }
}

fn pointer(parts: &[&str]) -> String {
    parts.iter().map(|part| format!("/{}", part.replace('~', "~0").replace('/', "~1"))).collect()
}

fn is_name(name: &str) -> bool {
    let inner = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    let outer = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = name.as_bytes();
    (2..=50).contains(&bytes.len())
        && bytes.iter().all(|&b| inner(b))
        && outer(bytes.first())
        && outer(bytes.last())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    const GOOD: &str = r#"{
        "sources": {"thermostats": {"kind": "simulatedThermostats", "devices": ["d1", "d2"], "everySeconds": 2, "function": "ingest"}},
        "functions": {
            "ingest": {"kind": "ingest", "twins": {"d1": "t1"}, "map": [{"from": "/t", "property": "/temperature"}]},
            "up": {"kind": "propagateToParent", "property": "temperature", "relationship": "has", "parentProperty": "currentTemp"}
        },
        "endpoints": {"eg": {"kind": "eventGrid"}},
        "routes": {"r1": {"endpoint": "eg", "filter": "true"}},
        "subscriptions": {"s1": {"endpoint": "eg", "function": "up"}}
    }"#;

    #[test]
    fn reads_a_good_one() {
        let topology = Topology::parse(GOOD).unwrap();
        assert_eq!(topology.twin_of_device("d1"), "t1");
        assert_eq!(topology.twin_of_device("d2"), "d2");
    }

    #[test]
    fn is_within_the_limits_that_hold() {
        let more = |count: usize| {
            let endpoints: Vec<_> =
                (0..count).map(|at| format!(r#""more-{at}": {{"kind": "eventGrid"}}"#)).collect();
            GOOD.replace(
                r#""eg": {"kind": "eventGrid"}"#,
                &format!(r#""eg": {{"kind": "eventGrid"}}, {}"#, endpoints.join(", ")),
            )
        };
        assert!(Topology::parse(&more(5)).is_ok());
        let refused = Topology::parse(&more(6)).unwrap_err();
        assert_eq!((refused.len(), refused[0].path.as_str()), (1, "/endpoints"));
        assert!(Topology::parse_within(&more(6), &Limits::none()).is_ok());
        let none = Limits::service().with(Limit::EventRoutes, 0);
        assert_eq!(Topology::parse_within(GOOD, &none).unwrap_err()[0].path, "/routes");
    }

    #[test]
    fn says_what_is_wrong_and_where() {
        let cases = [
            (
                r#""endpoint": "eg", "filter""#,
                r#""endpoint": "no", "filter""#,
                "/routes/r1/endpoint",
                "no endpoint «no»",
            ),
            (r#""filter": "true""#, r#""filter": "type is 1""#, "/routes/r1/filter", "Position"),
            (
                r#""function": "up""#,
                r#""function": "ingest""#,
                "/subscriptions/s1/function",
                "takes device messages",
            ),
            (
                r#""function": "ingest""#,
                r#""function": "up""#,
                "/sources/thermostats/function",
                "takes notifications",
            ),
            (r#""d1", "d2""#, r#""d1", "d1""#, "/sources/thermostats/devices/1", "twice"),
            (
                r#""everySeconds": 2"#,
                r#""everySeconds": 0"#,
                "/sources/thermostats/everySeconds",
                "between",
            ),
            (r#""from": "/t""#, r#""from": "t""#, "/functions/ingest/map/0/from", "JSON Pointer"),
            (
                r#""property": "/temperature"}"#,
                r#""property": "/temperature", "telemetry": "x"}"#,
                "/functions/ingest/map/0",
                "either",
            ),
            (r#""r1": {"#, r#""r": {"#, "/routes/r", "2 to 50"),
            (r#""kind": "eventGrid""#, r#""kind": "fax""#, "line 7", "unknown variant"),
        ];
        for (good, bad, path, message) in cases {
            assert!(GOOD.contains(good), "{good}");
            let problems = Topology::parse(&GOOD.replace(good, bad)).unwrap_err();
            let found =
                problems.iter().any(|p| p.path.starts_with(path) && p.message.contains(message));
            assert!(found, "{bad}: {problems:?}");
        }
    }
}
