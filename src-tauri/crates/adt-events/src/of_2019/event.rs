//! One event of 2019, in the JSON that it had.

use super::EventType2019;
use crate::forms::trace_state;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Value, json};
use std::sync::Arc;
use twin_graph::{Timestamp, TraceContext};

/// One event of 2019. DeviceMessage has none: it is raw.
#[derive(Clone, Debug, PartialEq)]
pub struct Event2019 {
    /// Unique.
    pub id: String,
    /// Where it belongs.
    pub trace: TraceContext,
    /// How many functions were called one after another until it; 0 where none was.
    pub hops: u64,
    /// The twin it is about (of a model its DTMI): events about one keep their order.
    pub object: Arc<str>,
    /// `eventTime`.
    pub time: Timestamp,
    /// What it says.
    pub data: Data2019,
}

/// What was done to an object of the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessType {
    /// It is new.
    Create,
    /// It changed.
    Update,
    /// It is gone.
    Delete,
}

/// What an event says, by its type.
#[derive(Clone, Debug, PartialEq)]
pub enum Data2019 {
    /// The graph changed.
    Topology {
        /// The kind of object, which is the event's subject.
        kind: &'static str,
        /// What was done.
        access: AccessType,
        /// Spaces that it concerns.
        spaces: Vec<Arc<str>>,
    },
    /// A function sent it.
    UdfCustom {
        /// `Space`, `Sensor`, `Device`, or what the function says.
        resource_type: String,
        /// What it sends; written as JSON in a text.
        payload: Value,
    },
    /// A sensor's value changed.
    Sensor {
        /// The name of its model.
        of_type: Option<String>,
        /// Which of its values.
        data_type: String,
        /// The value.
        value: Option<Value>,
        /// The one before.
        previous: Option<Value>,
    },
    /// A space's value changed.
    Space {
        /// Which of its values.
        data_type: String,
        /// The value.
        value: Option<Value>,
        /// The one before.
        previous: Option<Value>,
    },
}

impl Event2019 {
    /// Its type.
    pub fn event_type(&self) -> EventType2019 {
        match self.data {
            Data2019::Topology { .. } => EventType2019::TopologyOperation,
            Data2019::UdfCustom { .. } => EventType2019::UdfCustom,
            Data2019::Sensor { .. } => EventType2019::SensorChange,
            Data2019::Space { .. } => EventType2019::SpaceChange,
        }
    }

    /// What it is about.
    pub fn subject(&self) -> &'static str {
        match self.data {
            Data2019::Topology { kind, .. } => kind,
            _ => self.event_type().as_str(),
        }
    }

    /// In Event Grid's schema, with the members in the seed's order, for an event hub or a topic.
    pub fn in_schema<'a>(&'a self, topic: &'a str) -> impl Serialize + 'a {
        InSchema { event: self, to: To::Topic(topic) }
    }

    /// The same as it is published to Event Grid, which fills in `topic` and `metadataVersion`
    /// itself. There is no place for a trace beside it, so it stands under `data`, as in today's
    /// notifications in this schema: without it, functions that set each other off would not be
    /// told apart from others.
    pub fn for_event_grid(&self, span_id: u64) -> impl Serialize + '_ {
        InSchema { event: self, to: To::EventGrid(self.trace.child(span_id)) }
    }

    /// What stands beside `traceparent` wherever that does.
    pub fn trace_state(&self) -> Option<String> {
        trace_state(self.hops)
    }

    fn data_version(&self) -> &'static str {
        match self.data {
            Data2019::Topology { .. } | Data2019::Sensor { .. } => "1",
            Data2019::UdfCustom { .. } | Data2019::Space { .. } => "1.0",
        }
    }

    fn data_json(&self) -> Value {
        let (id, object) = (&self.id, &self.object);
        match &self.data {
            Data2019::Topology { kind, access, spaces } => {
                let access = match access {
                    AccessType::Create => "Create",
                    AccessType::Update => "Update",
                    AccessType::Delete => "Delete",
                };
                json!({"SpacesToNotify": spaces, "Id": object, "Type": kind, "AccessType": access})
            }
            Data2019::UdfCustom { resource_type, payload } => json!({
                "TopologyObjectId": object, "ResourceType": resource_type,
                "Payload": payload.to_string(), "CorrelationId": id,
            }),
            Data2019::Sensor { of_type, data_type, value, previous } => json!({
                "Type": of_type, "DataType": data_type, "Id": object,
                "Value": text(value.as_ref()), "PreviousValue": text(previous.as_ref()),
                "EventTimestamp": self.time, "MessageType": "sensor",
                "Properties": {
                    "ms-client-request-id": as_uuid(&self.trace.trace_id()),
                    "ms-activity-id": self.trace.span_id(),
                },
            }),
            Data2019::Space { data_type, value, previous } => json!({
                "Type": null, "DataType": data_type, "Id": object,
                "Value": text(value.as_ref()), "PreviousValue": text(previous.as_ref()),
                "RawData": null, "transactionId": null, "EventTimestamp": null,
                "MessageType": null, "Properties": null, "CorrelationId": id,
            }),
        }
    }
}

struct InSchema<'a> {
    event: &'a Event2019,
    to: To<'a>,
}

enum To<'a> {
    Topic(&'a str),
    EventGrid(TraceContext),
}

impl Serialize for InSchema<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut data = self.event.data_json();
        if let To::EventGrid(trace) = self.to {
            data["traceparent"] = json!(trace);
            if let Some(state) = self.event.trace_state() {
                data["tracestate"] = json!(state);
            }
        }
        let mut all = serializer.serialize_map(None)?;
        all.serialize_entry("id", &self.event.id)?;
        all.serialize_entry("subject", self.event.subject())?;
        all.serialize_entry("data", &data)?;
        all.serialize_entry("eventType", self.event.event_type().as_str())?;
        all.serialize_entry("eventTime", &self.event.time)?;
        all.serialize_entry("dataVersion", self.event.data_version())?;
        if let To::Topic(topic) = self.to {
            all.serialize_entry("metadataVersion", "1")?;
            all.serialize_entry("topic", topic)?;
        }
        all.end()
    }
}

/// Values are texts, as .NET writes them: `True` and `False`.
fn text(value: Option<&Value>) -> Option<String> {
    match value {
        None | Some(Value::Null) => None,
        Some(Value::Bool(true)) => Some("True".into()),
        Some(Value::Bool(false)) => Some("False".into()),
        Some(Value::String(text)) => Some(text.clone()),
        Some(other) => Some(other.to_string()),
    }
}

/// 32 hex digits, parted as a UUID's.
fn as_uuid(digits: &str) -> String {
    let part = |from, to| digits.get(from..to).unwrap_or_default();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}
