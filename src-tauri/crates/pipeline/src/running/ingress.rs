//! From a source to its function.

use super::Pipeline;
use crate::flow::node_id;
use crate::function::{Event, Function};
use crate::source::{HttpIngress, HttpSource};
use crate::{DirectEvent, Flow, Handed, Meter, NodeIds, Sent, SourceSpec, Topology, Wire};
use async_trait::async_trait;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;
use twin_graph::{Timestamp, TraceContext};

/// A message that a device sent.
#[derive(Clone, Debug, PartialEq)]
pub struct DeviceMessage {
    /// Unique for each message.
    pub id: Arc<str>,
    /// The device's id.
    pub device: Arc<str>,
    /// When it was sent.
    pub time: Timestamp,
    /// Where its trace begins.
    pub trace: TraceContext,
    /// How many functions led to it, one after another; 0 where it comes from a device.
    pub hops: u64,
    /// What it says.
    pub body: Value,
}

/// Takes the messages of devices that sources of the topology name.
#[async_trait]
pub trait DeviceHub: Send + Sync {
    /// Takes one message; returns when the device's function has handled it.
    async fn send(&self, message: DeviceMessage);
}

/// Takes what comes to a source.
#[async_trait]
pub trait Ingress: Send + Sync {
    /// Takes one message; returns when the source's function has handled it.
    async fn receive(&self, source: &str, message: DeviceMessage);
}

/// Which function takes what comes from where.
#[derive(Default)]
pub(super) struct Doors {
    /// With the source that names the device.
    by_device: HashMap<Arc<str>, Arc<str>>,
    by_source: HashMap<Arc<str>, Door>,
    /// Where in the bodies of an HTTP source the device's id stands.
    http: HashMap<String, Option<String>>,
}

/// From a source to its function; meters are looked up once, not for each message.
struct Door {
    /// `sources/NAME`, `functions/NAME`, and the sinks of this one.
    nodes: NodeIds,
    function: Arc<dyn Function>,
    source: Arc<Meter>,
    wire: Arc<Wire>,
}

impl Door {
    fn source_node(&self) -> &str {
        self.nodes.first().map_or("", String::as_str)
    }
}

impl Doors {
    pub(super) fn new(
        topology: &Topology,
        functions: &HashMap<String, Arc<dyn Function>>,
        flow: &Flow,
    ) -> Self {
        let mut doors = Self::default();
        for (name, source) in &topology.sources {
            let Some(function) = functions.get(source.function()) else { continue };
            let name: Arc<str> = name.as_str().into();
            let (from, to) = (node_id("sources", &name), node_id("functions", source.function()));
            let door = Door {
                function: function.clone(),
                source: flow.node(&from),
                wire: flow.wire(&from, &to),
                nodes: [from, to].into_iter().chain(topology.sinks_of(source.function())).collect(),
            };
            doors.by_source.insert(name.clone(), door);
            let devices = source.devices().iter();
            doors.by_device.extend(devices.map(|device| (device.as_str().into(), name.clone())));
            if let SourceSpec::Http { device, .. } = source {
                doors.http.insert(name.to_string(), device.clone());
            }
        }
        doors
    }
}

#[async_trait]
impl DeviceHub for Pipeline {
    async fn send(&self, message: DeviceMessage) {
        let source = self.doors.lock().by_device.get(&message.device).cloned();
        match source {
            Some(source) => self.receive(&source, message).await,
            None => {
                self.parts.observer.device_message(&message, None, Handed::default());
                let sentence = "The topology names no such device; its message was not used. Add it to a source in topology.json.";
                self.parts.observer.failed(&message.device, message.trace, sentence);
            }
        }
    }
}

#[async_trait]
impl Ingress for Pipeline {
    async fn receive(&self, source: &str, message: DeviceMessage) {
        let super::PipelineParts { observer, flow, direct, .. } = &self.parts;
        let doors = self.doors.lock().clone();
        let door = doors.by_source.get(source);
        let Some(door) = door else {
            observer.device_message(&message, None, Handed::default());
            let sentence =
                format!("There is no source «{source}» any more; its message was not used.");
            return observer.failed(&message.device, message.trace, &sentence);
        };
        let message = Arc::new(message);
        let event = DirectEvent::DeviceMessage(message.clone());
        let Sent { handed, kept } = direct.send_from(door.source_node(), flow, &event);
        observer.device_message(&message, Some(&door.nodes), handed);
        door.source.taken.add(1);
        door.wire.events.add(1);
        let (device, trace) = (message.device.clone(), message.trace);
        match door.function.call(Event::Message(message)).await {
            Ok(()) => door.source.done.add(1),
            Err(error) => {
                door.source.failures.add(1);
                observer.failed(&device, trace, &error.to_string());
            }
        }
        // The source goes past the message when this returns.
        if let Err(error) = kept.done().await {
            observer.failed(&device, trace, &error);
        }
    }
}

impl HttpIngress for Pipeline {
    fn http_source(&self, name: &str) -> Option<HttpSource> {
        let device = self.doors.lock().http.get(name).cloned()?;
        Some(HttpSource { device, meter: self.parts.flow.node(&node_id("sources", name)) })
    }
}
