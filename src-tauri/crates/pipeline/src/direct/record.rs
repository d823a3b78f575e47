//! An event as the backlog keeps it: its number at the endpoint, 8 bytes, and JSON.

use super::DirectEvent;
use crate::DeviceMessage;
use adt_events::{Data2019, Event2019};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;
use twin_graph::{Timestamp, TraceContext};

#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
enum Form {
    #[serde(rename_all = "camelCase")]
    DeviceMessage {
        id: Arc<str>,
        device: Arc<str>,
        time: Timestamp,
        trace: TraceContext,
        hops: u64,
        body: Value,
    },
    #[serde(rename_all = "camelCase")]
    UdfCustom {
        id: String,
        object: Arc<str>,
        resource_type: String,
        payload: Value,
        time: Timestamp,
        trace: TraceContext,
        hops: u64,
    },
}

/// An event without its number, which each endpoint gives it.
pub(super) fn text(event: &DirectEvent) -> Vec<u8> {
    let form = match event {
        DirectEvent::DeviceMessage(message) => {
            let DeviceMessage { id, device, time, trace, hops, body } = (**message).clone();
            Form::DeviceMessage { id, device, time, trace, hops, body }
        }
        DirectEvent::UdfCustom(event) => {
            let Event2019 { id, trace, hops, object, time, data } = (**event).clone();
            let (resource_type, payload) = match data {
                Data2019::UdfCustom { resource_type, payload } => (resource_type, payload),
                _ => (String::new(), Value::Null),
            };
            Form::UdfCustom { id, object, resource_type, payload, time, trace, hops }
        }
    };
    serde_json::to_vec(&form).unwrap_or_default()
}

pub(super) fn of(number: u64, text: &[u8]) -> Vec<u8> {
    [&number.to_le_bytes(), text].concat()
}

/// Its number alone, which costs next to nothing: most of what is kept is done with.
pub(super) fn number(record: &[u8]) -> Option<u64> {
    record.first_chunk().map(|number| u64::from_le_bytes(*number))
}

/// Number, event, and bytes of its text. `None`, and a line in the program's log that says why,
/// where it cannot be read.
pub(super) fn read(record: &[u8]) -> Option<(u64, DirectEvent, usize)> {
    let (number, text) = (number(record)?, &record[8..]);
    let form = serde_json::from_slice(text)
        .inspect_err(|error| tracing::error!(%error, number, "an event of 2019 cannot be read"))
        .ok()?;
    let event = match form {
        Form::DeviceMessage { id, device, time, trace, hops, body } => {
            let message = DeviceMessage { id, device, time, trace, hops, body };
            DirectEvent::DeviceMessage(Arc::new(message))
        }
        Form::UdfCustom { id, object, resource_type, payload, time, trace, hops } => {
            let data = Data2019::UdfCustom { resource_type, payload };
            let event = Event2019 { id, trace, hops, object, time, data };
            DirectEvent::UdfCustom(Arc::new(event))
        }
    };
    Some((number, event, text.len()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;
    use std::time::SystemTime;

    #[test]
    fn what_is_kept_is_what_was_sent() {
        let (time, trace) = (Timestamp::from(SystemTime::now()), TraceContext::new(5, 6));
        let body = json!({"temperature": 21.5, "of": ["é", null]});
        let message = DeviceMessage {
            id: "m".into(),
            device: "d".into(),
            time,
            trace,
            hops: 2,
            body: body.clone(),
        };
        let data = Data2019::UdfCustom { resource_type: "Space".into(), payload: body };
        let event = Event2019 { id: "e".into(), trace, hops: 3, object: "room".into(), time, data };
        for event in
            [DirectEvent::DeviceMessage(Arc::new(message)), DirectEvent::UdfCustom(Arc::new(event))]
        {
            let text = text(&event);
            assert_eq!(read(&of(7, &text)), Some((7, event, text.len())));
        }
        assert_eq!((number(b"short"), read(b"short")), (None, None));
        assert_eq!(read(&of(7, b"{}")), None);
    }
}
