//! The events of 2019's Azure Digital Twins.
//!
//! Source: the seed "Egress and endpoints" (documentation of June 2019). How twins stand for
//! 2019's spaces, devices and sensors is our own: see [`Classes`] and [`SUBJECT_KINDS`].

mod class;
mod event;
mod of_change;

pub use class::{Classes, ObjectClass};
pub use event::{AccessType, Data2019, Event2019};
pub use of_change::{SUBJECT_KINDS, SubjectKind};

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

    /// Whether events of this type are made of what changes in the graph.
    pub fn is_of_changes(self) -> bool {
        matches!(self, Self::TopologyOperation | Self::SensorChange | Self::SpaceChange)
    }
}

impl fmt::Display for EventType2019 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
