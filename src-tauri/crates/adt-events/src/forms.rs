//! The forms that a notification takes on its way to an endpoint.
//!
//! Sources: "Event notifications" (as in [`crate::Notification`]), the CloudEvents 1.0 JSON format
//! and AMQP binding. Each delivery is a span of its own, so the forms are given one. How many
//! functions led to a notification travels in W3C `tracestate`
//! (<https://www.w3.org/TR/trace-context/#tracestate-header>), beside `traceparent` wherever that
//! stands.

use crate::Notification;
use crate::notification::{CONTENT_TYPE, SPEC_VERSION};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;
use twin_graph::{Timestamp, TraceContext};

/// This app's member of `tracestate`.
const HOPS: &str = "twinscope=";
/// What Event Grid's schema has for an event without a time, as telemetry is.
pub(crate) const NO_TIME: &str = "0001-01-01T00:00:00Z";
/// Of the data in Event Grid's schema, by the documentation's samples.
const DATA_VERSION: &str = "1.0";

/// One delivery of a notification, in the forms that endpoints take. Nothing is copied to make
/// them.
#[derive(Clone, Copy, Debug)]
pub struct Delivered<'a> {
    notification: &'a Notification,
    trace: TraceContext,
}

impl Notification {
    /// A delivery as a span of the notification's trace.
    pub fn delivered(&self, span_id: u64) -> Delivered<'_> {
        Delivered { notification: self, trace: self.trace.child(span_id) }
    }

    /// The notification as structured CloudEvents 1.0 JSON, with its own span: what a dead letter
    /// holds.
    pub fn to_cloud_event(&self) -> Value {
        let itself = Delivered { notification: self, trace: self.trace };
        serde_json::to_value(itself.cloud_event()).unwrap_or_default()
    }

    /// Whom the events are about that must keep their order: the id of a twin.
    pub fn twin(&self) -> &str {
        let of_telemetry = || self.source.split_once("/digitaltwins/").map(|(_, twin)| twin);
        let of_others = || self.subject.as_deref()?.split('/').next();
        match self.kind {
            crate::NotificationType::Telemetry => of_telemetry(),
            _ => of_others(),
        }
        .unwrap_or_default()
    }
}

impl<'a> Delivered<'a> {
    /// Structured CloudEvents 1.0 JSON: what Event Grid gets.
    pub fn cloud_event(self) -> CloudEvent<'a> {
        CloudEvent(self)
    }

    /// Event Grid's own schema, for topics that take no other. `topic` and `metadataVersion` are
    /// Event Grid's to fill in.
    pub fn grid_event(self) -> GridEvent<'a> {
        GridEvent(self)
    }

    /// The application properties of an AMQP message; its body is the bare data.
    pub fn amqp_properties(self) -> Vec<(&'static str, String)> {
        let Notification { id, kind, source, subject, time, dataschema, .. } = self.notification;
        let mut all = vec![
            ("cloudEvents:specversion", SPEC_VERSION.to_owned()),
            ("cloudEvents:id", id.clone()),
            ("cloudEvents:type", kind.as_str().to_owned()),
            ("cloudEvents:source", source.clone()),
            ("cloudEvents:traceparent", self.trace.to_string()),
        ];
        all.extend(subject.clone().map(|subject| ("cloudEvents:subject", subject)));
        all.extend(time.map(|time| ("cloudEvents:time", time.to_string())));
        all.extend(dataschema.clone().map(|schema| ("cloudEvents:dataschema", schema)));
        all.extend(self.state().map(|state| ("cloudEvents:tracestate", state)));
        all
    }

    fn state(self) -> Option<String> {
        trace_state(self.notification.hops)
    }
}

/// The `tracestate` that tells of so many functions; none where there was none.
pub fn trace_state(hops: u64) -> Option<String> {
    (hops > 0).then(|| format!("{HOPS}{hops}"))
}

/// How many functions a `tracestate` tells of.
pub fn hops_of(state: Option<&str>) -> u64 {
    let members = state.unwrap_or_default().split(',');
    let own = members.filter_map(|member| member.trim().strip_prefix(HOPS));
    own.filter_map(|hops| hops.parse().ok()).next().unwrap_or_default()
}

/// See [`Delivered::cloud_event`].
#[derive(Clone, Copy, Debug)]
pub struct CloudEvent<'a>(Delivered<'a>);

impl Serialize for CloudEvent<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Notification { id, kind, source, subject, time, dataschema, data, .. } =
            self.0.notification;
        let mut event = serializer.serialize_map(None)?;
        event.serialize_entry("specversion", SPEC_VERSION)?;
        event.serialize_entry("id", id)?;
        event.serialize_entry("type", kind.as_str())?;
        event.serialize_entry("source", source)?;
        event.serialize_entry("data", data)?;
        optional(&mut event, "subject", subject.as_ref())?;
        optional(&mut event, "time", time.as_ref())?;
        optional(&mut event, "dataschema", dataschema.as_ref())?;
        event.serialize_entry("datacontenttype", CONTENT_TYPE)?;
        event.serialize_entry("traceparent", &self.0.trace)?;
        optional(&mut event, "tracestate", self.0.state().as_ref())?;
        event.end()
    }
}

/// See [`Delivered::grid_event`].
#[derive(Clone, Copy, Debug)]
pub struct GridEvent<'a>(Delivered<'a>);

impl Serialize for GridEvent<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Notification { id, kind, subject, time, .. } = self.0.notification;
        // Event Grid wants a subject, and telemetry has none here that names its twin.
        let subject = match kind {
            crate::NotificationType::Telemetry => self.0.notification.twin(),
            _ => subject.as_deref().unwrap_or_default(),
        };
        let time = time.map_or_else(|| NO_TIME.to_owned(), |time: Timestamp| time.to_string());
        let mut event = serializer.serialize_map(None)?;
        event.serialize_entry("id", id)?;
        event.serialize_entry("subject", subject)?;
        event.serialize_entry("data", &GridData(self.0))?;
        event.serialize_entry("eventType", kind.as_str())?;
        event.serialize_entry("dataVersion", DATA_VERSION)?;
        event.serialize_entry("eventTime", &time)?;
        event.end()
    }
}

/// What stands under `data` in Event Grid's schema: the data, and what has no place beside it.
struct GridData<'a>(Delivered<'a>);

impl Serialize for GridData<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Notification { dataschema, data, .. } = self.0.notification;
        let mut all = serializer.serialize_map(None)?;
        all.serialize_entry("data", data)?;
        all.serialize_entry("contenttype", CONTENT_TYPE)?;
        all.serialize_entry("traceparent", &self.0.trace)?;
        optional(&mut all, "tracestate", self.0.state().as_ref())?;
        optional(&mut all, "dataschema", dataschema.as_ref())?;
        all.end()
    }
}

fn optional<M: SerializeMap, T: Serialize>(
    map: &mut M,
    name: &str,
    value: Option<&T>,
) -> Result<(), M::Error> {
    value.map_or(Ok(()), |value| map.serialize_entry(name, value))
}
