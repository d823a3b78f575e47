//! Telemetry and changed properties to events of a time series.

use super::called::{Work, place};
use super::sink::{Publication, Sink};
use super::{Event, FunctionError};
use crate::{PipelineParts, Topology};
use adt_events::{Notification, NotificationType};
use adt_service::Call;
use serde_json::{Map, Value, json};
use std::time::SystemTime;
use twin_graph::Timestamp;

/// Publishes `{"$dtId", "timestamp", "<name>": value}`, with the twin's id as partition key.
///
/// A name is that of the telemetry or property; a component's, or an object's, is
/// `component.name`, as the service's documentation names them for Time Series Insights.
pub(super) struct ToTimeSeries {
    place: String,
    /// All numbers where there are none.
    values: Vec<String>,
    sink: Sink,
}

impl ToTimeSeries {
    pub(super) fn new(
        name: &str,
        values: &[String],
        sink: &str,
        topology: &Topology,
        parts: &PipelineParts,
    ) -> Self {
        let sink = Sink::new(name, sink, topology, parts);
        Self { place: place(name), values: values.to_vec(), sink }
    }

    fn takes(&self, name: &str, value: &Value) -> bool {
        if self.values.is_empty() {
            value.is_number()
        } else {
            self.values.iter().any(|wanted| wanted == name)
        }
    }

    fn values(&self, notification: &Notification) -> Map<String, Value> {
        let mut values = Map::new();
        let mut add = |name: String, value: &Value| {
            if self.takes(&name, value) {
                values.insert(name, value.clone());
            }
        };
        match notification.kind {
            NotificationType::Telemetry => {
                let component = notification.subject.as_deref().unwrap_or_default();
                for (name, value) in notification.data.as_object().into_iter().flatten() {
                    match component {
                        "" => add(name.clone(), value),
                        component => add(format!("{component}.{name}"), value),
                    }
                }
            }
            NotificationType::TwinUpdate => {
                let patch = notification.data.get("patch").and_then(Value::as_array);
                for operation in patch.into_iter().flatten() {
                    let path = operation.get("path").and_then(Value::as_str).unwrap_or_default();
                    if let Some(value) = operation.get("value") {
                        add(path.trim_start_matches('/').replace('/', "."), value);
                    }
                }
            }
            _ => {}
        }
        values
    }
}

impl Work for ToTimeSeries {
    async fn run(&self, event: &Event, call: &Call) -> Result<(), FunctionError> {
        let Event::Notification(notification) = event else {
            let text = "it takes notifications of the instance. Let a subscription of an endpoint by today's rules call it.";
            return Err(FunctionError::lasting(self.place.as_str(), text));
        };
        let values = self.values(notification);
        if values.is_empty() {
            // Another member of the telemetry, another property: nothing of this series.
            return Ok(());
        }
        let twin = notification.twin();
        let time = notification.time.unwrap_or_else(|| Timestamp::from(SystemTime::now()));
        let mut body = Map::new();
        body.insert("$dtId".into(), json!(twin));
        body.insert("timestamp".into(), json!(time));
        body.extend(values);
        let publication = Publication {
            body: &Value::Object(body),
            key: Some(twin),
            // The same again where the event comes again, so that a repeated one can be told.
            id: Some(notification.id.clone()),
        };
        self.sink.publish(publication, call).await
    }
}
