//! Sources: where messages of devices come from, beside the embedded IoT hub and the simulated
//! devices.

mod door;
mod event_hub;
mod mqtt;

use crate::flow::{Meter, NodeState, node_id};
use crate::topology::pointer;
use crate::{DeviceMessage, Ingress, PipelineParts, SourceSpec};
use adt_service::Call;
use serde_json::Value;
use std::sync::Arc;
use tokio::task::JoinSet;
use twin_graph::Origin;

pub use door::{HttpIngress, HttpSource, MOST_BYTES, http_door};

/// Starts a source. It ends when its parts say so, or the set is dropped. Those that others drive
/// (the IoT hub, simulated devices, the HTTP door) have no task.
pub fn start(
    name: &str,
    spec: &SourceSpec,
    ingress: Arc<dyn Ingress>,
    parts: &PipelineParts,
) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    let source = Source::new(name, ingress, parts);
    match spec {
        SourceSpec::SimulatedThermostats { .. } | SourceSpec::IotHub { .. } => {}
        SourceSpec::Http { .. } => source.meter.set_state(NodeState::Healthy, None),
        SourceSpec::Mqtt { .. } => {
            if let Some(broker) = mqtt::Broker::of(spec) {
                tasks.spawn(broker.run(source));
            }
        }
        SourceSpec::EventHub { connection, consumer_group, device, .. } => {
            let hub = event_hub::Hub {
                connection: connection.clone(),
                group: consumer_group.clone(),
                device: device.clone(),
            };
            tasks.spawn(hub.run(source));
        }
    }
    tasks
}

/// A source is gone from a topology, or is `now` another: ends, in the background, what others keep
/// for it that nobody will take.
pub(crate) fn leave(
    name: &str,
    spec: &SourceSpec,
    now: Option<&SourceSpec>,
    ingress: Arc<dyn Ingress>,
    parts: &PipelineParts,
) {
    let Some(broker) = mqtt::Broker::of(spec) else { return };
    if now.and_then(mqtt::Broker::of).is_none_or(|now| now.url != broker.url) {
        broker.leave(Source::new(name, ingress, parts));
    }
}

/// What all sources have.
pub(crate) struct Source {
    name: String,
    /// Where it is in the topology.
    place: String,
    ingress: Arc<dyn Ingress>,
    parts: PipelineParts,
    meter: Arc<Meter>,
}

impl Source {
    fn new(name: &str, ingress: Arc<dyn Ingress>, parts: &PipelineParts) -> Arc<Self> {
        Arc::new(Self {
            name: name.to_owned(),
            place: pointer(&["sources", name]),
            ingress,
            meter: parts.flow.node(&node_id("sources", name)),
            parts: parts.clone(),
        })
    }

    /// Hands a message on, or says why there is none. Those that are handed on are counted where
    /// they are received.
    async fn take(&self, message: Result<DeviceMessage, Unusable>, bytes: usize) {
        self.meter.bytes.add(bytes as u64);
        match message {
            Ok(message) => self.ingress.receive(&self.name, message).await,
            Err(Unusable { reason, message, .. }) => {
                self.meter.give_up(reason, 1);
                let sentence = format!("{}: {message}", self.place);
                let trace = Call::new(Origin::Remote).trace;
                let node = node_id("sources", &self.name);
                self.parts.observer.failed(&node, trace, &sentence);
            }
        }
    }

    /// It cannot work as it is.
    fn defect(&self, field: &str, sentence: &str) {
        let sentence = format!("{}/{field}: {sentence}", self.place);
        self.meter.set_state(NodeState::Failed, Some(sentence));
    }
}

/// A message that cannot be used.
#[derive(Debug)]
pub(crate) struct Unusable {
    /// As it is counted.
    reason: &'static str,
    /// What is wrong, and what to do.
    message: String,
}

impl Unusable {
    fn not_json(error: &serde_json::Error, bytes: &[u8]) -> Self {
        let begin: String = String::from_utf8_lossy(bytes).chars().take(40).collect();
        Self {
            reason: "not JSON",
            message: format!(
                "a message is not JSON ({error}): it begins with «{begin}». Let the device send JSON."
            ),
        }
    }

    fn no_device(message: String) -> Self {
        Self { reason: "of no device", message }
    }
}

/// A message's body.
fn body_of(bytes: &[u8]) -> Result<Value, Unusable> {
    serde_json::from_slice(bytes).map_err(|error| Unusable::not_json(&error, bytes))
}

/// The device that a body names.
fn device_in(body: &Value, pointer: &str) -> Result<Arc<str>, Unusable> {
    match body.pointer(pointer) {
        Some(Value::String(device)) if !device.is_empty() => Ok(device.as_str().into()),
        Some(Value::Number(device)) => Ok(device.to_string().as_str().into()),
        found => {
            let what = if found.is_some() { "no id" } else { "nothing" };
            Err(Unusable::no_device(format!(
                "a message has {what} at «{pointer}», where its device's id is to be. Mend «device», or the message."
            )))
        }
    }
}
