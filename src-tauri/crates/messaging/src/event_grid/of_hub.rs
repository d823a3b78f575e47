//! The events of an IoT hub, on its system topic.
//!
//! Source: "Azure IoT Hub as an Event Grid source" (Microsoft Learn).

use super::attributes::Draft;
use super::event::{Event, Schema};
use super::topic::Topic;
use crate::iot_hub::{HubEvent, HubEvents, Telemetry, millis, rfc3339};
use journal::StreamId;
use serde_json::{Value, json};
use std::sync::Arc;

//= documented: The hub's events have the documented types and data. [iot-hub/iot-hub-event-grid]
//= ours: Each connection is told at once; the service tells a device's state once a minute, after
//  its first SUBSCRIBE or PUBLISH. [iot-hub/iot-hub-event-grid]
const TELEMETRY: &str = "Microsoft.Devices.DeviceTelemetry";

/// Makes a hub's events, and publishes them on its topic.
pub struct HubTopic {
    topic: Arc<Topic>,
    hub: String,
}

impl HubTopic {
    /// Of the hub of that name.
    #[must_use]
    pub fn new(topic: Arc<Topic>, hub: &str) -> Self {
        Self { topic, hub: hub.to_owned() }
    }

    fn event(&self, kind: &str, device: &str, at: i64, data_version: &str, data: &Value) -> Event {
        let mut event = Draft::default();
        event.set_text("id", &uuid::Uuid::new_v4().to_string());
        event.set_text("topic", self.topic.resource_id());
        event.set_text("subject", &format!("devices/{device}"));
        event.set_text("eventType", kind);
        event.set_text("eventTime", &rfc3339(at));
        event.set("data", data.to_string());
        event.set_text("dataVersion", data_version);
        event.set_text("metadataVersion", "1");
        Event { schema: Schema::EventGridSchema, published: at, json: event.finish() }
    }
}

impl HubEvents for HubTopic {
    fn happened(&self, event: HubEvent) {
        let (kind, device, sequence) = match &event {
            HubEvent::Created(device) => ("Microsoft.Devices.DeviceCreated", device, None),
            HubEvent::Deleted(device) => ("Microsoft.Devices.DeviceDeleted", device, None),
            HubEvent::Connected(device, n) => {
                ("Microsoft.Devices.DeviceConnected", device, Some(2 * n))
            }
            HubEvent::Disconnected(device, n) => {
                ("Microsoft.Devices.DeviceDisconnected", device, Some(2 * n + 1))
            }
        };
        if !self.topic.has_subscriber(kind) {
            return;
        }
        let mut data = json!({"hubName": self.hub, "deviceId": &**device});
        match sequence {
            Some(number) => {
                let number = format!("{number:060X}");
                data["deviceConnectionStateEventInfo"] = json!({"sequenceNumber": number});
            }
            None => {
                data["twin"] = json!({"deviceId": &**device, "status": "enabled", "properties": {
                    "desired": {"$version": 1}, "reported": {"$version": 1},
                }});
            }
        }
        let version = if sequence.is_some() { "1" } else { "" };
        self.topic.publish_soon(self.event(kind, device, millis(), version, &data));
    }

    fn of_telemetry(&self, messages: &[Telemetry]) -> Option<(StreamId, Vec<Vec<u8>>)> {
        // Mostly nobody subscribed: then nothing is made.
        if !self.topic.has_subscriber(TELEMETRY) {
            return None;
        }
        let event = |message: &Telemetry| {
            self.event(TELEMETRY, &message.device, message.enqueued, "", &message.event_data())
        };
        self.topic.records(messages.iter().map(event).collect())
    }

    fn durable(&self) {
        self.topic.appended();
    }
}
