//! What functions are called with.

use crate::DeviceMessage;
use adt_events::Notification;
use serde_json::Value;
use std::sync::Arc;
use twin_graph::TraceContext;

/// What a function is called with.
#[derive(Clone, Debug)]
pub enum Event {
    /// A message of a device.
    Message(Arc<DeviceMessage>),
    /// A notification of the instance, as an endpoint's subscription delivers it.
    Notification(Arc<Notification>),
    /// An event of 2019, as the subscription of an endpoint of 2019 delivers it.
    Of2019(Arc<EventOf2019>),
}

/// An event by the rules of 2019.
#[derive(Clone, Debug, PartialEq)]
pub struct EventOf2019 {
    /// In Event Grid's schema.
    pub json: Value,
    /// Its trace.
    pub trace: TraceContext,
    /// How many functions led to it, one after another.
    pub hops: u64,
}

impl Event {
    /// Its trace.
    pub fn trace(&self) -> TraceContext {
        match self {
            Self::Message(message) => message.trace,
            Self::Notification(notification) => notification.trace,
            Self::Of2019(event) => event.trace,
        }
    }

    /// How many functions led to it, one after another.
    pub fn hops(&self) -> u64 {
        match self {
            Self::Message(message) => message.hops,
            Self::Notification(notification) => notification.hops,
            Self::Of2019(event) => event.hops,
        }
    }

    /// What it is about: a device, a twin, a relationship.
    pub fn subject(&self) -> Arc<str> {
        match self {
            Self::Message(message) => message.device.clone(),
            Self::Notification(notification) => notification.twin().into(),
            Self::Of2019(event) => {
                event.json.get("subject").and_then(Value::as_str).unwrap_or_default().into()
            }
        }
    }
}
