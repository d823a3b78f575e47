//! Events out of the form in which an endpoint has them.

use super::From;
use crate::function::EventOf2019;
use crate::{Event, FunctionError};
use adt_events::{Notification, NotificationError, hops_of};
use adt_service::Call;
use messaging::client::{Properties, Value as AmqpValue};
use messaging::event_grid::Attributes;
use serde_json::{Value, json};
use std::sync::Arc;
use twin_graph::{Origin, Timestamp, TraceContext};

impl From {
    /// A message of an event hub or a Service Bus topic; `enqueued` in milliseconds since 1970.
    pub(super) fn of_message(
        &self,
        properties: &Properties,
        body: &[u8],
        enqueued: i64,
    ) -> Result<Event, FunctionError> {
        let property = |name: &str| properties.get(name).and_then(AmqpValue::as_text);
        if self.of_2019 {
            let json = serde_json::from_slice(body).map_err(|error| self.no_json(&error))?;
            return Ok(self.of_2019(json, property));
        }
        let mut notification =
            Notification::from_amqp(property, body).map_err(|error| self.unreadable(&error))?;
        // Telemetry has no time of its own: it is that of its arrival.
        notification.time.get_or_insert(Timestamp::from_ticks(enqueued.saturating_mul(10_000)));
        Ok(Event::Notification(Arc::new(notification)))
    }

    /// An event of Event Grid, in either of its schemas.
    pub(super) fn of_grid(&self, event: &Attributes) -> Result<Event, FunctionError> {
        let no_json = |error| self.no_json(&error);
        if self.of_2019 {
            let json = serde_json::from_str(event.as_json()).map_err(no_json)?;
            return Ok(self.of_2019(json, |_| None));
        }
        let text = |name: &str| event.text(name);
        let data = event.value("data").transpose().map_err(no_json)?.unwrap_or_default();
        let read = if event.get("specversion").is_some() {
            Notification::from_cloud_event(text, data)
        } else {
            Notification::from_grid_event(text, data)
        };
        let notification = read.map_err(|error| self.unreadable(&error))?;
        Ok(Event::Notification(Arc::new(notification)))
    }

    fn of_2019<'a>(&self, json: Value, property: impl Fn(&str) -> Option<&'a str>) -> Event {
        // A device's message comes bare, with the rest in its properties.
        let json = match property("eventType") {
            Some(kind) => json!({
                "id": property("id"),
                "subject": property("subject"),
                "eventType": kind,
                "eventTime": property("eventTime"),
                "data": json,
            }),
            None => json,
        };
        let data = json.get("data");
        let text = |name: &str| {
            let of_data = data.and_then(|data| data.get(name)).and_then(Value::as_str);
            property(name).or(of_data)
        };
        let trace = text("traceparent").and_then(|text| text.parse::<TraceContext>().ok());
        let hops = hops_of(text("tracestate"));
        // Every event belongs to a trace.
        let trace = trace.unwrap_or_else(|| Call::new(Origin::Remote).trace);
        Event::Of2019(Arc::new(EventOf2019 { json, trace, hops }))
    }

    fn no_json(&self, error: &serde_json::Error) -> FunctionError {
        self.unreadable(&NotificationError::Body(error.to_string()))
    }

    fn unreadable(&self, why: &dyn std::fmt::Display) -> FunctionError {
        let message =
            format!("An event was not used. {why} Let nobody else write to «{}».", self.entity);
        FunctionError::lasting(self.place.as_str(), message)
    }
}
