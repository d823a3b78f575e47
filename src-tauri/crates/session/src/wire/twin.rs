//! One twin, as the inspector shows it.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use ts_rs::TS;

/// One twin with everything that the inspector shows.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct TwinDetail {
    /// `$dtId`.
    pub id: String,
    /// DTMI of its model.
    pub model: String,
    /// The model's display name.
    pub model_name: String,
    /// Name for people, where the twin has one.
    pub name: Option<String>,
    /// `$etag`, to be handed back with a patch.
    pub etag: String,
    /// When it last changed, ms since the Unix epoch.
    pub updated: f64,
    /// Every property of the model, set or not, components' too, in the model's order.
    pub properties: Vec<PropertyRow>,
    /// Outgoing and incoming relationships.
    pub relations: Vec<Relation>,
    /// How many relations there are in all; `relations` has at most 200.
    pub relations_total: u32,
    /// The device whose messages this twin takes, if the topology has one.
    pub device: Option<String>,
    /// Whether that device is silent because somebody else wrote to the twin.
    pub device_silenced: bool,
    /// The twin as the service answers it.
    #[ts(type = "unknown")]
    pub body: Value,
}

/// A property of a twin.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct PropertyRow {
    /// JSON Pointer for a patch: `/temperature`, `/battery/level`.
    pub path: String,
    /// Its name; a component's as `battery.level`.
    pub name: String,
    /// The schema's name: `double`, `string`, `enum`, `Object` …
    pub schema: String,
    /// The values of an enum, else empty.
    #[ts(type = "unknown[]")]
    pub choices: Vec<Value>,
    /// The unit as it is written (`°C`), or empty.
    pub unit: String,
    /// The model says that it may be written.
    pub writable: bool,
    /// The value; absent where it was never set.
    #[ts(type = "unknown")]
    pub value: Option<Value>,
    /// Whether it is set.
    pub set: bool,
    /// When it last changed, ms since the Unix epoch.
    pub updated: Option<f64>,
    /// When it changed at its source, ms since the Unix epoch.
    pub source_time: Option<f64>,
}

/// A relationship, seen from one of its twins.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Relation {
    /// `<source>/<relationship id>`.
    pub key: String,
    /// Whether it leaves this twin.
    pub outgoing: bool,
    /// `$relationshipName`.
    pub name: String,
    /// The twin at the other end.
    pub twin: String,
    /// DTMI of that twin's model.
    pub model: String,
}
