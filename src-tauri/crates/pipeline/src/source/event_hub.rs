//! The Event-Hub-compatible endpoint of an IoT hub elsewhere, or any event hub.

use super::{Source, Unusable, body_of, device_in};
use crate::flow::node_id;
use crate::hub_reader::{Begin, Handler, HubReader};
use crate::in_order::in_order;
use crate::{DeviceMessage, SecretRef};
use adt_events::hops_of;
use adt_service::Call;
use messaging::client::{Endpoint, EventHubClient, ReceivedEvent, Retry, Value as AmqpValue};
use std::sync::Arc;
use twin_graph::{Origin, Timestamp, TraceContext};

/// Properties in which senders put a trace: ours and CloudEvents' binding, W3C's, Azure's clients'.
const TRACE: [&str; 3] = ["traceparent", "cloudEvents:traceparent", "Diagnostic-Id"];
const STATE: [&str; 2] = ["tracestate", "cloudEvents:tracestate"];

/// An event hub, and how its messages are read.
pub(super) struct Hub {
    pub(super) connection: SecretRef,
    pub(super) group: Option<String>,
    pub(super) device: Option<String>,
}

impl Hub {
    /// Reads until it is told to stop. The first time it begins with what comes from then on: old
    /// telemetry is not to overwrite what twins know.
    pub(super) async fn run(self, source: Arc<Source>) {
        let client = match self.client(&source) {
            Ok(client) => client,
            Err(sentence) => return source.defect("connection", &sentence),
        };
        let node = node_id("sources", &source.name);
        let group = self.group.as_deref();
        let reader = HubReader::new(&node, client, group, Begin::Now, &source.parts);
        let device: Option<Arc<str>> = self.device.as_deref().map(Into::into);
        let handler = |partition: &str, _: Option<&[u8]>| Partition {
            id: format!("{}/{partition}", source.name),
            source: source.clone(),
            device: device.clone(),
        };
        reader.run(handler).await;
    }

    fn client(&self, source: &Source) -> Result<EventHubClient, String> {
        let surroundings = &source.parts.surroundings;
        let name = &self.connection.secret;
        let text = surroundings.secret(name).ok_or_else(|| crate::no_secret(name))?;
        let endpoint = Endpoint::parse(&text).map_err(|error| error.to_string())?;
        let endpoint = endpoint.trusting(surroundings.trust());
        EventHubClient::new(endpoint, None, Retry::default()).map_err(|error| error.to_string())
    }
}

/// Handles the events of one partition.
struct Partition {
    /// Of the source and the partition: the messages' ids begin with it.
    id: String,
    source: Arc<Source>,
    device: Option<Arc<str>>,
}

impl Partition {
    fn message(&self, event: &ReceivedEvent) -> Result<DeviceMessage, Unusable> {
        let body = body_of(event.data.body.data())?;
        let device = match (&self.device, &event.device) {
            (Some(pointer), _) => device_in(&body, pointer)?,
            (None, Some(device)) => device.as_str().into(),
            (None, None) => {
                let text = "an event has no «iothub-connection-device-id», as an IoT hub gives it. Say in «device» where in the body the device's id is.";
                return Err(Unusable::no_device(text.to_owned()));
            }
        };
        let text = |name: &&str| event.data.properties.get(*name).and_then(AmqpValue::as_text);
        let trace = TRACE.iter().find_map(text).and_then(|text| text.parse::<TraceContext>().ok());
        let state = STATE.iter().find_map(text);
        Ok(DeviceMessage {
            // The same whenever it is read again, so that a repeated one can be told.
            id: format!("{}/{}", self.id, event.sequence_number).into(),
            device,
            time: Timestamp::from_ticks(event.enqueued.saturating_mul(10_000)),
            trace: trace.unwrap_or_else(|| Call::new(Origin::Remote).trace),
            hops: hops_of(state),
            body,
        })
    }
}

impl Handler for Partition {
    async fn handle(&mut self, events: Vec<ReceivedEvent>) -> usize {
        let read = events.iter().map(|event| {
            let message = self.message(event);
            let device = message.as_ref().map(|read| read.device.clone()).unwrap_or_default();
            (device, (message, event.data.body.data().len()))
        });
        let read: Vec<_> = read.collect();
        let source = &self.source;
        in_order(read, |(message, bytes)| source.take(message, bytes)).await.len()
    }

    fn lost(&mut self, events: u64) {
        self.source.meter.give_up("retention took it before it was read", events);
    }

    fn state(&self) -> Vec<u8> {
        Vec::new()
    }
}
