//! The embedded Event Grid: a custom topic for each Event Grid endpoint of the topology, the IoT
//! hub's system topic, and functions as subscribers.

use super::{EmbeddedOptions, iot_hub, listen};
use crate::connect::EventGridConnect;
use crate::failure::OpenError;
use adt_service::Call;
use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use journal::Journal;
use messaging::event_grid::{
    Attributes, Delivery, Destination, EventGrid, Failure, GridOptions, TimeFactor, Topic,
};
use pipeline::{DeviceHub, DeviceMessage, FunctionSpec, Pipeline, Topology};
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;
use tokio::net::TcpListener;
use twin_graph::{Origin, Timestamp};

/// Takes the HTTP port.
pub(super) async fn bind(options: &EmbeddedOptions) -> Result<(TcpListener, String), OpenError> {
    let address = SocketAddr::new(options.listen, options.http_port);
    let listener = listen(address, "--http-port").await?;
    let port = listener.local_addr().map_err(OpenError::Listen)?.port();
    Ok((listener, format!("http://{}:{port}", iot_hub::host_of(options.listen))))
}

pub(super) fn open(
    journal: &Journal,
    options: &EmbeddedOptions,
    secret: &str,
    base_url: &str,
) -> Result<Arc<EventGrid>, OpenError> {
    let options = GridOptions {
        secret: secret.to_owned(),
        factor: TimeFactor(options.delivery_time_factor),
        dead_letters: options.data.join("dead-letter"),
        base_url: base_url.to_owned(),
    };
    EventGrid::open(journal, options).map_err(|error| OpenError::Http(error.to_string()))
}

/// Lets subscriptions name the topology's functions that take devices' messages.
pub(super) fn register_functions(grid: &EventGrid, topology: &Topology, pipeline: &Arc<Pipeline>) {
    let takes = |spec: &FunctionSpec| matches!(spec, FunctionSpec::Ingest { .. });
    let names = topology.functions.iter().filter(|(_, spec)| takes(spec)).map(|(name, _)| name);
    let function =
        || -> Arc<dyn Destination> { Arc::new(Functions { pipeline: Arc::downgrade(pipeline) }) };
    grid.set_functions(names.map(|name| (name.clone(), function())).collect());
}

/// How to reach each custom topic.
pub(super) fn connect(grid: &EventGrid) -> BTreeMap<String, EventGridConnect> {
    let topics = grid.topics();
    let custom = topics.iter().filter(|topic| topic.is_custom());
    custom.map(|topic| (topic.name().to_owned(), connect_topic(grid, topic))).collect()
}

pub(super) fn connect_topic(grid: &EventGrid, topic: &Topic) -> EventGridConnect {
    EventGridConnect { endpoint: grid.endpoint(topic.name()), key: topic.key().to_owned() }
}

/// Brings `Microsoft.Devices.DeviceTelemetry` events to the function of the event's device.
struct Functions {
    pipeline: std::sync::Weak<Pipeline>,
}

#[async_trait]
impl Destination for Functions {
    async fn deliver(&self, delivery: Delivery) -> Result<(), Failure> {
        // Between two topologies there is none for a moment.
        let pipeline = self.pipeline.upgrade().ok_or_else(|| Failure::of_status(503))?;
        for event in &delivery.events {
            let message = message(event).ok_or_else(|| Failure::of_status(400))?;
            pipeline.send(message).await;
        }
        Ok(())
    }
}

fn message(event: &Attributes) -> Option<DeviceMessage> {
    let data = event.value("data")?.ok()?;
    let device = data.pointer("/systemProperties/iothub-connection-device-id")?.as_str()?;
    let body = match data.get("body")? {
        Value::String(text) => {
            let bytes = STANDARD.decode(text).ok();
            bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok())?
        }
        body => body.clone(),
    };
    Some(DeviceMessage {
        id: event.text("id")?.into(),
        device: device.into(),
        time: Timestamp::from(SystemTime::now()),
        trace: Call::new(Origin::Remote).trace,
        hops: 0,
        body,
    })
}
