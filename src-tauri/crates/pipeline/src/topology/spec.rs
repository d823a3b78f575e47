//! What `topology.json` says.

use adt_events::EventType2019;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use ts_rs::TS;

/// Sources, functions, routes, endpoints, subscriptions and sinks, by name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Topology {
    /// For editors; not read.
    #[serde(rename = "$schema", skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub schema: Option<String>,
    /// Where messages come from.
    pub sources: BTreeMap<String, SourceSpec>,
    /// What handles messages and events.
    pub functions: BTreeMap<String, FunctionSpec>,
    /// Where routes lead to.
    pub endpoints: BTreeMap<String, EndpointSpec>,
    /// Endpoints by the rules of 2019: they name event types, and no routes lead to them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[ts(optional, as = "Option<_>")]
    pub endpoints2019: BTreeMap<String, Endpoint2019Spec>,
    /// Which notifications go to which endpoint.
    pub routes: BTreeMap<String, RouteSpec>,
    /// Who takes an endpoint's events.
    pub subscriptions: BTreeMap<String, SubscriptionSpec>,
    /// Where functions publish to.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[ts(optional, as = "Option<_>")]
    pub sinks: BTreeMap<String, SinkSpec>,
}

/// A secret by its name. The secret itself is never in a workspace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecretRef {
    /// The name under which it is kept.
    pub secret: String,
}

/// Where messages come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
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
        #[ts(optional, type = "number")]
        seed: u64,
        /// The function that takes the messages.
        function: String,
    },
    /// Devices of the embedded IoT hub.
    IotHub {
        /// Device ids.
        devices: Vec<String>,
        /// The function that takes the messages.
        function: String,
    },
    /// An HTTP door: `POST /ingress/NAME` takes JSON and CloudEvents.
    Http {
        /// Where in the body the device's id stands, as JSON Pointer; absent for the query
        /// parameter `device`, or a CloudEvent's `subject`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        device: Option<String>,
        /// The function that takes the messages.
        function: String,
    },
    /// Topics of an MQTT broker.
    Mqtt {
        /// `mqtt://host:port` or `mqtts://host:port`.
        url: String,
        /// `user:password`, where the broker asks for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        credentials: Option<SecretRef>,
        /// Topic filters.
        topics: Vec<String>,
        /// Which device a message is of.
        device: DeviceFrom,
        /// The function that takes the messages.
        function: String,
    },
    /// The Event-Hub-compatible endpoint of an IoT hub elsewhere, or any event hub.
    EventHub {
        /// Its connection string, with `EntityPath`.
        connection: SecretRef,
        /// The consumer group; `$Default` where absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        consumer_group: Option<String>,
        /// Where in the body the device's id stands, as JSON Pointer; absent for the annotation
        /// that an IoT hub makes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        device: Option<String>,
        /// The function that takes the messages.
        function: String,
    },
}

/// Which device an MQTT message is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
pub enum DeviceFrom {
    /// A level of the topic, from 0.
    TopicLevel(usize),
    /// A JSON Pointer into the body.
    Body(String),
}

/// What handles messages and events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[serde(deny_unknown_fields)]
pub enum FunctionSpec {
    /// Sets properties of the twin whose id is the device's, and sends telemetry in its name.
    Ingest {
        /// Device id to twin id, where they differ.
        #[serde(default)]
        #[ts(optional, as = "Option<_>")]
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
    /// Makes a time-series event of telemetry and publishes it, with the twin's id as partition
    /// key.
    ToTimeSeries {
        /// Which members of the telemetry; all numbers of it where absent.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        #[ts(optional, as = "Option<_>")]
        values: Vec<String>,
        /// The sink that it publishes to.
        sink: String,
    },
    /// A function of one's own, in Rhai.
    Rhai {
        /// The file, relative to the workspace; `functions/NAME.rhai` where absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        file: Option<String>,
        /// The sinks that it may publish to.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        #[ts(optional, as = "Option<_>")]
        sinks: Vec<String>,
    },
    /// A function elsewhere, called by Event Grid: Azure Functions' local host, Logic Apps.
    Webhook {
        /// Its address.
        url: String,
        /// What is added to the address and must not be read by others (`code=…`).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        query: Option<SecretRef>,
    },
}

/// What an `ingest` function does with a member of the message: one of `property` and `telemetry`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Mapping {
    /// JSON Pointer into the message's body.
    pub from: String,
    /// JSON Pointer of the twin's property to set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub property: Option<String>,
    /// Name of the telemetry to send.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub telemetry: Option<String>,
    /// The component whose property or telemetry it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub component: Option<String>,
    /// From which unit to which, by DTDL's names of units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub convert: Option<Conversion>,
}

/// From one unit to another of the same quantity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Conversion {
    /// The message's unit, as `degreeFahrenheit`.
    pub from: String,
    /// The twin's unit, as `degreeCelsius`.
    pub to: String,
}

/// What kind of endpoint.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema, TS,
)]
#[serde(rename_all = "camelCase")]
pub enum EndpointKind {
    /// An Event Grid custom topic.
    EventGrid,
    /// An event hub.
    EventHub,
    /// A Service Bus topic.
    ServiceBus,
}

/// How an endpoint is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
pub enum Authentication {
    /// With a key.
    #[default]
    KeyBased,
    /// With an identity that has a role.
    IdentityBased,
}

/// Where routes lead to. With neither `address` nor `primary` it is embedded here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EndpointSpec {
    /// What kind.
    pub kind: EndpointKind,
    /// The event hub or Service Bus topic; the endpoint's own name where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub entity: Option<String>,
    /// How it is opened. Event Grid knows keys only.
    #[serde(default, skip_serializing_if = "is_default")]
    #[ts(optional, as = "Option<_>")]
    pub authentication: Authentication,
    /// `sb://NAMESPACE/` with an identity; the address of an Event Grid topic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub address: Option<String>,
    /// Primary connection string; of Event Grid the first access key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub primary: Option<SecretRef>,
    /// Secondary connection string; of Event Grid the second access key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub secondary: Option<SecretRef>,
    /// Where events go that could not be delivered; without one they are dropped and counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub dead_letter: Option<DeadLetterSpec>,
}

impl EndpointSpec {
    /// An embedded endpoint.
    pub fn embedded(kind: EndpointKind) -> Self {
        Self {
            kind,
            entity: None,
            authentication: Authentication::KeyBased,
            address: None,
            primary: None,
            secondary: None,
            dead_letter: None,
        }
    }

    /// Whether it is in this process.
    pub fn is_embedded(&self) -> bool {
        self.address.is_none() && self.primary.is_none()
    }
}

/// A blob container for events that could not be delivered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
pub enum DeadLetterSpec {
    /// By a SAS URL of the container, which is a secret.
    Sas(SecretRef),
    /// By the container's URL, with an identity.
    Uri(String),
}

/// Where events of some types of 2019 go. Without `primary` it is embedded here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Endpoint2019Spec {
    /// What kind.
    pub kind: EndpointKind,
    /// Which types of events it takes.
    pub event_types: Vec<EventType2019>,
    /// The event hub or topic; of Event Grid the topic's host name.
    pub path: String,
    /// Primary connection string; of Event Grid the primary key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub primary: Option<SecretRef>,
    /// Secondary connection string; of Event Grid the secondary key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub secondary: Option<SecretRef>,
    /// How long it takes no events after one that could not be delivered, in minutes: 30 where
    /// absent, and never more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub pause_minutes: Option<u32>,
    /// How long after it is made it takes its first events, in minutes: the service took 5 to 10.
    /// 0 where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub first_events_after_minutes: Option<u32>,
}

/// Which notifications go to which endpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RouteSpec {
    /// The endpoint's name.
    pub endpoint: String,
    /// In the route filter language.
    pub filter: String,
}

/// Who takes an endpoint's events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SubscriptionSpec {
    /// The name of an endpoint, or of an endpoint of 2019.
    pub endpoint: String,
    /// The function's name.
    pub function: String,
    /// Of an event hub: the consumer group; `$Default` where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub consumer_group: Option<String>,
    /// Of a Service Bus topic: a SQL filter; all messages where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub filter: Option<String>,
}

/// Where functions publish to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[serde(deny_unknown_fields)]
pub enum SinkSpec {
    /// An event hub. Without `connection` it is embedded here.
    EventHub {
        /// The event hub; the sink's own name where absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        entity: Option<String>,
        /// Its connection string.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        connection: Option<SecretRef>,
    },
}

impl Endpoint2019Spec {
    /// The longest pause (the documentation of 2019).
    pub const LONGEST_PAUSE: u32 = 30;
    /// The longest wait for the first events (the documentation of 2019).
    pub const LONGEST_START: u32 = 10;
}

impl SourceSpec {
    /// The function that takes its messages.
    pub fn function(&self) -> &str {
        match self {
            Self::SimulatedThermostats { function, .. }
            | Self::IotHub { function, .. }
            | Self::Http { function, .. }
            | Self::Mqtt { function, .. }
            | Self::EventHub { function, .. } => function,
        }
    }

    /// The devices that it names.
    pub fn devices(&self) -> &[String] {
        match self {
            Self::SimulatedThermostats { devices, .. } | Self::IotHub { devices, .. } => devices,
            Self::Http { .. } | Self::Mqtt { .. } | Self::EventHub { .. } => &[],
        }
    }
}

impl FunctionSpec {
    /// The sinks that it publishes to.
    pub fn sinks(&self) -> &[String] {
        match self {
            Self::ToTimeSeries { sink, .. } => std::slice::from_ref(sink),
            Self::Rhai { sinks, .. } => sinks,
            Self::Ingest { .. } | Self::PropagateToParent { .. } | Self::Webhook { .. } => &[],
        }
    }

    /// Whether it takes messages of devices.
    pub fn takes_messages(&self) -> bool {
        matches!(self, Self::Ingest { .. } | Self::Rhai { .. })
    }

    /// Whether it takes notifications.
    pub fn takes_notifications(&self) -> bool {
        !matches!(self, Self::Ingest { .. })
    }

    /// Whether it writes to the instance, as far as that can be told.
    pub fn writes_to_instance(&self) -> bool {
        matches!(self, Self::Ingest { .. } | Self::PropagateToParent { .. } | Self::Rhai { .. })
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
