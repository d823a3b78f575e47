//! The event types of 2019's Azure Digital Twins.
//!
//! Source: the seed "Egress and endpoints" (documentation of June 2019).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use ts_rs::TS;

/// A type of events of 2019.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema, TS,
)]
pub enum EventType2019 {
    /// The graph changed.
    TopologyOperation,
    /// A function sent it, explicitly.
    UdfCustom,
    /// A sensor's state changed with its telemetry.
    SensorChange,
    /// A space's state changed with telemetry.
    SpaceChange,
    /// A message of a device, as it came. For event hubs only, and never beside other types.
    DeviceMessage,
}

impl EventType2019 {
    /// As it stands in `eventType`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TopologyOperation => "TopologyOperation",
            Self::UdfCustom => "UdfCustom",
            Self::SensorChange => "SensorChange",
            Self::SpaceChange => "SpaceChange",
            Self::DeviceMessage => "DeviceMessage",
        }
    }
}

impl fmt::Display for EventType2019 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
