//! The messages of a request.

use super::super::{Unusable, body_of, device_in};
use super::Refusal;
use crate::DeviceMessage;
use adt_events::hops_of;
use adt_service::Call;
use axum::http::{HeaderMap, StatusCode};
use messaging::event_grid::{Attributes, InputSchema, PublishError, read_events};
use serde_json::Value;
use std::sync::Arc;
use std::time::SystemTime;
use twin_graph::{Origin, Timestamp, TraceContext};

const MOST_MESSAGES: usize = 5_000;

/// A request, and where its devices are named.
pub(super) struct Request<'a> {
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a [u8],
    /// Where in a body, where the source says so.
    pub(super) pointer: Option<&'a str>,
    /// By the query.
    pub(super) device: Option<&'a str>,
}

impl From<Unusable> for Refusal {
    fn from(unusable: Unusable) -> Self {
        Self::bad(capitalized(&unusable.message))
    }
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// All messages of a request, or why it has none.
pub(super) fn read(request: &Request<'_>) -> Result<Vec<DeviceMessage>, Refusal> {
    let media = request.header("content-type").split(';').next().unwrap_or_default().trim();
    let media = media.to_ascii_lowercase();
    let is_cloud = media.starts_with("application/cloudevents");
    if is_cloud || !request.header("ce-specversion").is_empty() {
        return request.cloud_events();
    }
    if !matches!(media.as_str(), "" | "application/json" | "text/json") && !media.ends_with("+json")
    {
        return Err(Refusal {
            status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
            code: "UnsupportedMediaType",
            message: format!("«{media}» is not taken. Send application/json, or CloudEvents."),
        });
    }
    let bodies = match body_of(request.body)? {
        Value::Array(bodies) => bodies,
        body => vec![body],
    };
    let trace = request.header("traceparent").parse::<TraceContext>().ok();
    let hops = hops_of(Some(request.header("tracestate")));
    let read = |(index, body): (usize, Value)| {
        let at = |refusal: Refusal| Refusal {
            message: format!("Message {index}: {}", refusal.message),
            ..refusal
        };
        if !body.is_object() {
            return Err(at(Refusal::bad("It is no JSON object.")));
        }
        let device = request.device_of(&body, None).map_err(at)?;
        Ok(message(uuid::Uuid::new_v4().to_string(), device, None, trace, hops, body))
    };
    let messages: Vec<_> = bodies.into_iter().enumerate().map(read).collect::<Result<_, _>>()?;
    match messages.len() {
        0 => Err(Refusal::bad("There is no message in it.")),
        1..=MOST_MESSAGES => Ok(messages),
        _ => Err(Refusal::bad(format!("A request has at most {MOST_MESSAGES} messages."))),
    }
}

impl Request<'_> {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    fn cloud_events(&self) -> Result<Vec<DeviceMessage>, Refusal> {
        let text = |value: &axum::http::HeaderValue| value.to_str().unwrap_or_default().to_owned();
        let headers = self.headers.iter().map(|(name, value)| (name.to_string(), text(value)));
        let headers: Vec<_> = headers.collect();
        let schema = InputSchema::CloudEventSchemaV1_0;
        let events =
            read_events(schema, "", &headers, self.body, 0).map_err(|error| match error {
                PublishError::Invalid(message) => Refusal::bad(message),
                PublishError::TooLarge => Refusal::bad("There are too many events in it."),
            })?;
        events.into_iter().map(|event| self.of_cloud_event(&event.json)).collect()
    }

    fn of_cloud_event(&self, event: &Attributes) -> Result<DeviceMessage, Refusal> {
        let body = event.value("data").ok_or_else(|| {
            Refusal::bad("The event has no «data» that is JSON. Let it say datacontenttype: application/json.")
        })?;
        let body = body.map_err(|error| Refusal::bad(format!("The event's «data»: {error}.")))?;
        let text = |name: &str| event.text(name);
        let device = self.device_of(&body, text("subject").as_deref())?;
        let trace = text("traceparent").and_then(|text| text.parse().ok());
        let time = text("time").and_then(|time| time.parse().ok());
        let hops = hops_of(text("tracestate").as_deref());
        let id = text("id").unwrap_or_default().into_owned();
        Ok(message(id, device, time, trace, hops, body))
    }

    /// By the source's pointer, else the query, else a CloudEvent's subject.
    fn device_of(&self, body: &Value, subject: Option<&str>) -> Result<Arc<str>, Refusal> {
        if let Some(pointer) = self.pointer {
            return Ok(device_in(body, pointer)?);
        }
        let device = self.device.or(subject).filter(|device| !device.is_empty());
        device.map(Into::into).ok_or_else(|| {
            Refusal::bad("It says not which device it is of. Add «?device=ID» to the address, a CloudEvent's «subject», or «device» to the source.")
        })
    }
}

fn message(
    id: String,
    device: Arc<str>,
    time: Option<Timestamp>,
    trace: Option<TraceContext>,
    hops: u64,
    body: Value,
) -> DeviceMessage {
    DeviceMessage {
        id: id.into(),
        device,
        time: time.unwrap_or_else(|| Timestamp::from(SystemTime::now())),
        trace: trace.unwrap_or_else(|| Call::new(Origin::Remote).trace),
        hops,
        body,
    }
}
