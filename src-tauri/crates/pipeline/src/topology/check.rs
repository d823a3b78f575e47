//! Types that fit, names that exist, the service's limits and naming rules: all problems at once.

use super::{
    Authentication, DeadLetterSpec, DeviceFrom, Endpoint2019Spec, EndpointKind, EndpointSpec,
    FunctionSpec, Mapping, SecretRef, SinkSpec, SourceSpec, SubscriptionSpec, Topology,
    TopologyProblem, pointer,
};
use crate::function::units;
use adt_events::EventType2019;
use adt_limits::{Limit, Limits};
use std::collections::{BTreeMap, BTreeSet};
use url::Url;

const MOST_DEVICES: u64 = 10_000;
const PLAIN_POINTER: &str = "A JSON Pointer begins with «/», as in «/temperature».";

/// All that is wrong with a topology.
pub(super) fn problems(topology: &Topology, limits: &Limits) -> Vec<TopologyProblem> {
    let mut check = Check { topology, problems: Vec::new() };
    check.limits(limits);
    check.names();
    check.sources();
    check.functions();
    check.endpoints();
    check.endpoints_of_2019();
    check.routes();
    check.subscriptions();
    check.sinks();
    check.problems
}

struct Check<'a> {
    topology: &'a Topology,
    problems: Vec<TopologyProblem>,
}

impl Check<'_> {
    fn add(&mut self, path: &[&str], message: impl Into<String>) {
        self.problems.push(TopologyProblem { path: pointer(path), message: message.into() });
    }

    fn limits(&mut self, limits: &Limits) {
        let topology = self.topology;
        let (endpoints, routes) = (Limit::Endpoints, Limit::EventRoutes);
        let limits = [
            ("endpoints", "endpoints", topology.endpoints.len(), limits.most(endpoints)),
            ("routes", "event routes", topology.routes.len(), limits.most(routes)),
            ("sources", "devices", topology.devices().count(), MOST_DEVICES),
        ];
        for (part, what, count, most) in limits {
            if count as u64 > most {
                let text = format!(
                    "There are {count} {what}; an instance has at most {most}. Take some away."
                );
                self.add(&[part], text);
            }
        }
    }

    fn names(&mut self) {
        let topology = self.topology;
        let parts: [(&str, Vec<&String>); 7] = [
            ("sources", topology.sources.keys().collect()),
            ("functions", topology.functions.keys().collect()),
            ("endpoints", topology.endpoints.keys().collect()),
            ("endpoints2019", topology.endpoints2019.keys().collect()),
            ("routes", topology.routes.keys().collect()),
            ("subscriptions", topology.subscriptions.keys().collect()),
            ("sinks", topology.sinks.keys().collect()),
        ];
        for (part, names) in parts {
            for name in names.into_iter().filter(|name| !is_name(name)) {
                self.add(&[part, name], "A name has 2 to 50 letters, digits, «-» or «_», and begins and ends with a letter or digit.");
            }
        }
        for name in topology.endpoints.keys().filter(|n| topology.endpoints2019.contains_key(*n)) {
            self.add(&["endpoints2019", name], "An endpoint by today's rules has this name: choose another, so that subscriptions can tell them apart.");
        }
    }

    fn sources(&mut self) {
        let mut seen = BTreeSet::new();
        for (name, source) in &self.topology.sources {
            let at = |field: &'static str| ["sources", name.as_str(), field];
            self.function(&at("function"), source.function(), Takes::Messages);
            self.devices(name, source.devices(), &mut seen);
            match source {
                SourceSpec::SimulatedThermostats { every_seconds, .. } => {
                    if !(0.05..=86_400.0).contains(every_seconds) {
                        let text =
                            format!("{every_seconds} is not between 0.05 and 86400 seconds.");
                        self.add(&at("everySeconds"), text);
                    }
                }
                SourceSpec::Http { device, .. } | SourceSpec::EventHub { device, .. } => {
                    self.pointer(&at("device"), device.as_deref());
                }
                SourceSpec::Mqtt { url, topics, device, .. } => {
                    self.url(&at("url"), url, &["mqtt", "mqtts"]);
                    if topics.is_empty() || topics.iter().any(String::is_empty) {
                        self.add(&at("topics"), "Name at least one topic filter, as «building/#».");
                    }
                    if let DeviceFrom::Body(body) = device {
                        self.pointer(&at("device"), Some(body));
                    }
                }
                SourceSpec::IotHub { .. } => {}
            }
            if let SourceSpec::EventHub { connection, .. } = source {
                self.secret(&at("connection"), Some(connection));
            }
        }
    }

    fn devices<'a>(
        &mut self,
        source: &str,
        devices: &'a [String],
        seen: &mut BTreeSet<&'a String>,
    ) {
        for (index, device) in devices.iter().enumerate() {
            let index = index.to_string();
            let path = ["sources", source, "devices", &index];
            if device.is_empty() || device.len() > 128 {
                self.add(&path, "A device id has 1 to 128 characters.");
            } else if !seen.insert(device) {
                self.add(&path, format!("The device «{device}» is there twice."));
            }
        }
    }

    /// That a function is there, and takes what it will get.
    fn function(&mut self, path: &[&str], name: &str, takes: Takes) {
        let Some(function) = self.topology.functions.get(name) else {
            let known = known(self.topology.functions.keys());
            return self.add(path, format!("There is no function «{name}».{known}"));
        };
        match takes {
            Takes::Messages if !function.takes_messages() => {
                self.add(path, format!("«{name}» takes notifications; a source needs a function of kind ingest or rhai."));
            }
            Takes::Notifications if !function.takes_notifications() => {
                self.add(path, format!("«{name}» takes device messages; a subscription needs a function that takes notifications, such as propagateToParent."));
            }
            _ => {}
        }
    }

    fn functions(&mut self) {
        for (name, function) in &self.topology.functions {
            let at = |field: &'static str| ["functions", name.as_str(), field];
            match function {
                FunctionSpec::Ingest { map, .. } => {
                    for (index, mapping) in map.iter().enumerate() {
                        self.mapping(name, &index.to_string(), mapping);
                    }
                }
                FunctionSpec::Rhai { file: Some(file), .. } if !is_file(file) => {
                    self.add(&at("file"), "A path within the workspace's folder «functions» that ends in «.rhai», as «functions/mine.rhai».");
                }
                FunctionSpec::Webhook { url, query } => {
                    self.url(&at("url"), url, &["http", "https"]);
                    self.secret(&at("query"), query.as_ref());
                }
                FunctionSpec::PropagateToParent { .. }
                | FunctionSpec::ToTimeSeries { .. }
                | FunctionSpec::Rhai { .. } => {}
            }
            for sink in function.sinks() {
                if !self.topology.sinks.contains_key(sink) {
                    let known = known(self.topology.sinks.keys());
                    self.add(&at("sink"), format!("There is no sink «{sink}».{known}"));
                }
            }
        }
    }

    fn mapping(&mut self, function: &str, index: &str, mapping: &Mapping) {
        let path = ["functions", function, "map", index];
        let at = |field: &'static str| ["functions", function, "map", index, field];
        self.pointer(&at("from"), Some(&mapping.from));
        self.pointer(&at("property"), mapping.property.as_deref());
        if mapping.property.is_some() == mapping.telemetry.is_some() {
            self.add(&path, "Give either «property» or «telemetry».");
        }
        if let Some(conversion) = &mapping.convert
            && let Err(sentence) = units::conversion(&conversion.from, &conversion.to)
        {
            self.add(&at("convert"), sentence);
        }
    }

    fn endpoints(&mut self) {
        for (name, spec) in &self.topology.endpoints {
            self.endpoint(name, spec);
        }
    }

    fn endpoint(&mut self, name: &str, spec: &EndpointSpec) {
        let at = |field: &'static str| ["endpoints", name, field];
        let with_identity = spec.authentication == Authentication::IdentityBased;
        if with_identity && spec.kind == EndpointKind::EventGrid {
            self.add(&at("authentication"), "Event Grid endpoints are opened with keys only.");
        } else if with_identity && spec.address.is_none() {
            self.add(&at("address"), "With an identity the address is needed, as «sb://NAMESPACE.servicebus.windows.net/».");
        } else if with_identity && (spec.primary.is_some() || spec.secondary.is_some()) {
            self.add(&at("primary"), "With an identity there are no connection strings: take them away, or the identity.");
        }
        if !with_identity && spec.primary.is_none() {
            if spec.secondary.is_some() {
                self.add(
                    &at("secondary"),
                    "A secondary key stands in for a primary one: name that, too.",
                );
            }
            if spec.address.is_some() {
                self.add(&at("primary"), "An endpoint elsewhere needs its key or an identity.");
            }
        }
        if let Some(address) = &spec.address {
            let schemes: &[&str] = match spec.kind {
                EndpointKind::EventGrid => &["https", "http"],
                EndpointKind::EventHub | EndpointKind::ServiceBus => &["sb"],
            };
            self.url(&at("address"), address, schemes);
        } else if spec.kind == EndpointKind::EventGrid && spec.primary.is_some() {
            self.add(&at("address"), "With a key of its own an Event Grid topic needs its address, as «https://TOPIC.westeurope-1.eventgrid.azure.net/api/events».");
        }
        self.entity(&at("entity"), spec.entity.as_deref());
        self.secret(&at("primary"), spec.primary.as_ref());
        self.secret(&at("secondary"), spec.secondary.as_ref());
        match &spec.dead_letter {
            Some(DeadLetterSpec::Sas(secret)) => self.secret(&at("deadLetter"), Some(secret)),
            Some(DeadLetterSpec::Uri(uri)) => self.url(&at("deadLetter"), uri, &["https", "http"]),
            None => {}
        }
    }

    fn endpoints_of_2019(&mut self) {
        let mut of_messages = 0;
        for (name, spec) in &self.topology.endpoints2019 {
            self.endpoint_of_2019(name, spec);
            if spec.event_types.contains(&EventType2019::DeviceMessage) {
                of_messages += 1;
                if of_messages > 1 {
                    let text = "One endpoint takes DeviceMessage, and there is another one already: take it from one of them.";
                    self.add(&["endpoints2019", name, "eventTypes"], text);
                }
            }
        }
    }

    fn endpoint_of_2019(&mut self, name: &str, spec: &Endpoint2019Spec) {
        let at = |field: &'static str| ["endpoints2019", name, field];
        let types = &spec.event_types;
        if types.is_empty() {
            self.add(&at("eventTypes"), "Name at least one event type: which ones an endpoint takes is all that leads events to it.");
        }
        if types.iter().collect::<BTreeSet<_>>().len() < types.len() {
            self.add(&at("eventTypes"), "An event type is there twice.");
        }
        if types.contains(&EventType2019::DeviceMessage) {
            if types.len() > 1 {
                self.add(
                    &at("eventTypes"),
                    "DeviceMessage stands alone: make an endpoint of its own for it.",
                );
            }
            if spec.kind != EndpointKind::EventHub {
                self.add(&at("kind"), "DeviceMessage goes to an event hub only.");
            }
        }
        let minutes = [
            ("pauseMinutes", spec.pause_minutes, Endpoint2019Spec::LONGEST_PAUSE),
            (
                "firstEventsAfterMinutes",
                spec.first_events_after_minutes,
                Endpoint2019Spec::LONGEST_START,
            ),
        ];
        for (field, given, most) in minutes {
            if given.is_some_and(|given| given > most) {
                self.add(&at(field), format!("It was at most {most} minutes: choose fewer."));
            }
        }
        self.entity(&at("path"), Some(&spec.path));
        self.secret(&at("primary"), spec.primary.as_ref());
        self.secret(&at("secondary"), spec.secondary.as_ref());
        if spec.primary.is_none() && spec.secondary.is_some() {
            self.add(
                &at("secondary"),
                "A secondary key stands in for a primary one: name that, too.",
            );
        }
    }

    fn routes(&mut self) {
        for (name, route) in &self.topology.routes {
            if !self.topology.endpoints.contains_key(&route.endpoint) {
                let path = ["routes", name, "endpoint"];
                if self.topology.endpoints2019.contains_key(&route.endpoint) {
                    let text = format!(
                        "«{}» is an endpoint of 2019, which no routes lead to: its event types do.",
                        route.endpoint
                    );
                    self.add(&path, text);
                } else {
                    let known = known(self.topology.endpoints.keys());
                    self.add(&path, format!("There is no endpoint «{}».{known}", route.endpoint));
                }
            }
            if let Err(error) = adt_events::Filter::parse(&route.filter) {
                self.add(&["routes", name, "filter"], error.to_string());
            }
        }
    }

    fn subscriptions(&mut self) {
        let mut readers = BTreeMap::new();
        for (name, subscription) in &self.topology.subscriptions {
            self.subscription(name, subscription);
            let group = subscription.consumer_group.as_deref().unwrap_or("$Default");
            let reader = (&subscription.endpoint, group);
            if self.kind_of(&subscription.endpoint) == Some(EndpointKind::EventHub)
                && let Some(other) = readers.insert(reader, name)
            {
                let text = format!(
                    "«{other}» reads this event hub in the consumer group «{group}» already: name another one, or each gets a part of the events only."
                );
                self.add(&["subscriptions", name, "consumerGroup"], text);
            }
        }
    }

    fn subscription(&mut self, name: &str, spec: &SubscriptionSpec) {
        let at = |field: &'static str| ["subscriptions", name, field];
        self.function(&at("function"), &spec.function, Takes::Notifications);
        let Some(kind) = self.kind_of(&spec.endpoint) else {
            let endpoints = self.topology.endpoints.keys();
            let known = known(endpoints.chain(self.topology.endpoints2019.keys()));
            let text = format!("There is no endpoint «{}».{known}", spec.endpoint);
            return self.add(&at("endpoint"), text);
        };
        if spec.consumer_group.is_some() && kind != EndpointKind::EventHub {
            self.add(&at("consumerGroup"), "Only event hubs have consumer groups.");
        }
        if spec.filter.is_some() && kind != EndpointKind::ServiceBus {
            self.add(&at("filter"), "Only subscriptions of a Service Bus topic have a SQL filter; put the condition into a route's filter.");
        }
        let webhook = matches!(
            self.topology.functions.get(&spec.function),
            Some(FunctionSpec::Webhook { .. })
        );
        if webhook && kind != EndpointKind::EventGrid {
            self.add(
                &at("function"),
                "A webhook is called by Event Grid: subscribe it to an endpoint of that kind.",
            );
        }
        let embedded =
            self.topology.endpoints.get(&spec.endpoint).is_none_or(EndpointSpec::is_embedded);
        if kind == EndpointKind::EventGrid && !embedded {
            self.add(
                &at("endpoint"),
                "This Event Grid topic is elsewhere, and its subscriptions are made there.",
            );
        }
    }

    fn kind_of(&self, endpoint: &str) -> Option<EndpointKind> {
        let today = self.topology.endpoints.get(endpoint).map(|spec| spec.kind);
        today.or_else(|| self.topology.endpoints2019.get(endpoint).map(|spec| spec.kind))
    }

    fn sinks(&mut self) {
        for (name, sink) in &self.topology.sinks {
            let SinkSpec::EventHub { entity, connection } = sink;
            self.entity(&["sinks", name, "entity"], entity.as_deref());
            self.secret(&["sinks", name, "connection"], connection.as_ref());
        }
    }

    fn pointer(&mut self, path: &[&str], pointer: Option<&str>) {
        if pointer.is_some_and(|pointer| !pointer.starts_with('/')) {
            self.add(path, PLAIN_POINTER);
        }
    }

    fn url(&mut self, path: &[&str], url: &str, schemes: &[&str]) {
        let schemes_text = schemes.join("://… or ");
        match Url::parse(url) {
            Ok(url) if !schemes.contains(&url.scheme()) || !url.has_host() => {
                self.add(path, format!("An address that begins with {schemes_text}://…"));
            }
            Ok(url) if url.password().is_some() || is_signed(&url) => {
                self.add(path, "There is a secret in this address: keep it under a name, so that it is not in the workspace.");
            }
            Ok(_) => {}
            Err(error) => {
                self.add(
                    path,
                    format!("This is no address ({error}): one begins with {schemes_text}://…"),
                );
            }
        }
    }

    fn secret(&mut self, path: &[&str], secret: Option<&SecretRef>) {
        let Some(SecretRef { secret }) = secret else { return };
        let fits = (1..=127).contains(&secret.len())
            && secret.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
        if !fits {
            let what = "The name of a secret, not the secret: 1 to 127 letters, digits, «-», «_» or «.». Keep the secret itself with `twinscope secret set NAME` or in the window.";
            self.add(path, what);
        }
    }

    fn entity(&mut self, path: &[&str], entity: Option<&str>) {
        if entity.is_some_and(|entity| entity.trim_matches('/').is_empty() || entity.len() > 260) {
            self.add(path, "A name of 1 to 260 characters.");
        }
    }
}

enum Takes {
    Messages,
    Notifications,
}

fn is_signed(url: &Url) -> bool {
    url.query_pairs().any(|(name, _)| matches!(&*name, "sig" | "code" | "SharedAccessSignature"))
}

fn is_file(file: &str) -> bool {
    let plain = |part: &str| !part.is_empty() && !part.starts_with('.');
    let inside = file.starts_with("functions/") && !file.contains(['\\', ':']);
    inside && file.ends_with(".rhai") && file.split('/').all(plain)
}

fn known<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let names: Vec<_> = names.take(8).map(String::as_str).collect();
    if names.is_empty() { String::new() } else { format!(" There is: {}.", names.join(", ")) }
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
