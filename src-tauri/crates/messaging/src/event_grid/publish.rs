//! What is published to a topic: read, checked, made events.
//!
//! Source: "Post to custom topic", "Event Grid event schema", "CloudEvents v1.0 schema" (Microsoft
//! Learn), CloudEvents 1.0 HTTP binding, and azure-eventgrid 4.22.1.

use super::attributes::{Draft, text};
use super::event::{Event, Schema};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use serde::de::{Deserializer as _, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use thiserror::Error;

//= documented: A publish has at most 1 MiB; the service was seen to take 1,536,000 bytes.
//  [event-grid/post-to-custom-topic, pm7y/AzureEventGridSimulator#201]
/// The largest request, in bytes.
pub const MAX_REQUEST_BYTES: usize = 1 << 20;
//= guess: A publish has at most 5,000 events.
/// Events in one request.
const MAX_EVENTS: usize = 5_000;
const NO_OBJECT: &str = "An event must be a JSON object whose names are Unicode.";

/// Which events a topic takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum InputSchema {
    /// Both, told apart by the content type. Azure's topics take one of them.
    #[default]
    Any,
    /// Event Grid's own only.
    EventGridSchema,
    /// CloudEvents 1.0 only.
    #[serde(rename = "CloudEventSchemaV1_0")]
    CloudEventSchemaV1_0,
}

/// Why a publish was refused; the message is the client's.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PublishError {
    /// Not what the topic takes: 400.
    #[error("{0}")]
    Invalid(String),
    /// 413.
    #[error("The maximum size ({MAX_REQUEST_BYTES}) has been exceeded.")]
    TooLarge,
}

/// A request's headers, as far as they matter: lower-case name and value.
pub type Headers = Vec<(String, String)>;

/// The events of a request to the topic whose resource id is `topic`.
///
/// # Errors
/// [`PublishError`]; nothing of the request is then published.
pub fn read(
    input: InputSchema,
    topic: &str,
    headers: &Headers,
    body: &[u8],
    now: i64,
) -> Result<Vec<Event>, PublishError> {
    if body.len() > MAX_REQUEST_BYTES {
        return Err(PublishError::TooLarge);
    }
    let header = |name: &str| headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
    let content_type = header("content-type").unwrap_or_default();
    let media = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let cloud = matches!(
        media.as_str(),
        "application/cloudevents+json" | "application/cloudevents-batch+json"
    );
    let binary = !cloud && header("ce-specversion").is_some();
    match input {
        InputSchema::EventGridSchema if cloud || binary => {
            return Err(wrong_schema("EventGridEvent"));
        }
        InputSchema::CloudEventSchemaV1_0 if !cloud && !binary => {
            return Err(wrong_schema("CloudEventV10"));
        }
        _ => {}
    }
    let events = match media.as_str() {
        _ if binary => vec![binary_event(headers, &media, body)?],
        "application/cloudevents+json" => vec![cloud_event(one(body)?)?],
        "application/cloudevents-batch+json" => each(body, cloud_event)?,
        _ => {
            let topic = Value::from(topic).to_string();
            each(body, |event| event_grid_event(event, &topic))?
        }
    };
    let schema =
        if cloud || binary { Schema::CloudEventSchemaV1_0 } else { Schema::EventGridSchema };
    let event = |event: Draft<'_>| Event { schema, published: now, json: event.finish() };
    Ok(events.into_iter().map(event).collect())
}

fn wrong_schema(wanted: &str) -> PublishError {
    invalid(format!(
        "This resource is configured to receive event in '{wanted}' schema. The JSON received does not conform to the expected schema."
    ))
}

fn invalid(message: impl Into<String>) -> PublishError {
    PublishError::Invalid(message.into())
}

fn no_json(error: &serde_json::Error) -> PublishError {
    invalid(format!("The body is no JSON: {error}."))
}

fn one(body: &[u8]) -> Result<Draft<'_>, PublishError> {
    serde_json::from_slice(body).map_err(|_| not_json(body).unwrap_or_else(|| invalid(NO_OBJECT)))
}

/// What is wrong with a body that is not JSON. Asked for first, because a reader may find that it
/// is not what it wants before that.
fn not_json(body: &[u8]) -> Option<PublishError> {
    serde_json::from_slice::<&RawValue>(body).err().map(|error| no_json(&error))
}

/// The events of an array, each checked.
fn each<'a>(
    body: &'a [u8],
    check: impl Fn(Draft<'a>) -> Result<Draft<'a>, PublishError>,
) -> Result<Vec<Draft<'a>>, PublishError> {
    let mut reading = Reading { check, read: Vec::new(), refused: None };
    let mut body_reader = serde_json::Deserializer::from_slice(body);
    let read = body_reader.deserialize_seq(&mut reading).and_then(|()| body_reader.end());
    let Reading { read: events, refused, .. } = reading;
    match (read, refused) {
        (Ok(()), None) => Ok(events),
        (Ok(()), Some(refused)) => Err(refused),
        (Err(_), refused) => {
            Err(not_json(body).or(refused).unwrap_or_else(|| no_events(body, events.len())))
        }
    }
}

/// Reads and checks one event after another, up to the first that is refused.
struct Reading<'a, F> {
    check: F,
    read: Vec<Draft<'a>>,
    refused: Option<PublishError>,
}

impl<'a, F: Fn(Draft<'a>) -> Result<Draft<'a>, PublishError>> Visitor<'a> for &mut Reading<'a, F> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an array of events")
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut events: A) -> Result<(), A::Error> {
        while let Some(event) = events.next_element()? {
            let checked = match self.read.len() {
                MAX_EVENTS => Err(PublishError::TooLarge),
                index => (self.check)(event).map_err(at(index)),
            };
            match checked {
                Ok(event) => self.read.push(event),
                Err(refused) => {
                    self.refused = Some(refused);
                    break;
                }
            }
        }
        // What is behind it is only to be JSON.
        while events.next_element::<&RawValue>()?.is_some() {}
        Ok(())
    }
}

fn at(index: usize) -> impl Fn(PublishError) -> PublishError {
    move |error| match error {
        PublishError::Invalid(message) => invalid(format!("Event {index}: {message}")),
        error => error,
    }
}

/// Why a body, which is JSON, is no array of objects; so many of them could be read.
fn no_events(body: &[u8], read: usize) -> PublishError {
    if body.trim_ascii_start().starts_with(b"[") {
        at(read)(invalid(NO_OBJECT))
    } else {
        invalid(
            "The body must be an array of events. Token Expected: StartArray, Actual Token Received: StartObject.",
        )
    }
}

/// What is not `data` is read by whoever routes the event.
fn readable(event: &Draft<'_>) -> Result<(), PublishError> {
    let is_unreadable = |(name, json): &(&str, &str)| {
        *name != "data" && json.starts_with('"') && text(json).is_none()
    };
    match event.iter().find(is_unreadable) {
        Some((name, _)) => Err(invalid(format!("'{name}' is no Unicode text."))),
        None => Ok(()),
    }
}

fn required(event: &Draft<'_>, names: &[&str]) -> Result<(), PublishError> {
    let lacks = |name: &&&str| event.text(name).is_none_or(|text| text.is_empty());
    match names.iter().find(lacks) {
        Some(name) => Err(invalid(format!("'{name}' must be a text that is not empty."))),
        None => Ok(()),
    }
}

/// Whether an attribute is a time, where it is there.
fn is_time(event: &Draft<'_>, name: &str) -> bool {
    event.text(name).is_some_and(|text| {
        // Some clients leave the offset out.
        text.parse::<jiff::Timestamp>().is_ok()
            || format!("{text}Z").parse::<jiff::Timestamp>().is_ok()
    })
}

/// `topic` as JSON.
fn event_grid_event<'a>(mut event: Draft<'a>, topic: &str) -> Result<Draft<'a>, PublishError> {
    readable(&event)?;
    required(&event, &["id", "subject", "eventType", "eventTime"])?;
    if event.has("dataVersion") && event.text("dataVersion").is_none() {
        return Err(invalid("'dataVersion' must be a text."));
    }
    if !is_time(&event, "eventTime") {
        return Err(invalid("'eventTime' must be a time in ISO 8601."));
    }
    if let Some(given) = event.text("topic")
        && !given.is_empty()
        && !topic.trim_matches('"').eq_ignore_ascii_case(&given)
    {
        return Err(invalid(format!("'topic' must be left out, or be {topic}.")));
    }
    event.set("topic", topic.to_owned());
    event.set_text("metadataVersion", "1");
    if !event.has("dataVersion") {
        event.set_text("dataVersion", "");
    }
    Ok(event)
}

/// Names of attributes: small letters and digits (CloudEvents 1.0, 3.1).
fn is_attribute(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

fn cloud_event(event: Draft<'_>) -> Result<Draft<'_>, PublishError> {
    readable(&event)?;
    required(&event, &["id", "source", "type", "specversion"])?;
    if event.text("specversion").as_deref() != Some("1.0") {
        return Err(invalid("'specversion' must be 1.0."));
    }
    if event.get("time").is_some_and(|time| time != "null") && !is_time(&event, "time") {
        return Err(invalid("'time' must be a time in RFC 3339."));
    }
    if let Some(name) = event
        .iter()
        .map(|(name, _)| name)
        .find(|name| !is_attribute(name) && *name != "data_base64")
    {
        return Err(invalid(format!(
            "'{name}' is no attribute name: small letters and digits only."
        )));
    }
    if event.has("data_base64") {
        if event.has("data") {
            return Err(invalid("An event has 'data' or 'data_base64', not both."));
        }
        if event.text("data_base64").is_none_or(|text| STANDARD.decode(&*text).is_err()) {
            return Err(invalid("'data_base64' must be base64."));
        }
    }
    Ok(event)
}

fn binary_event<'a>(
    headers: &Headers,
    media: &str,
    body: &'a [u8],
) -> Result<Draft<'a>, PublishError> {
    let mut event = Draft::default();
    for (name, value) in headers.iter().filter_map(|(n, v)| Some((n.strip_prefix("ce-")?, v))) {
        let value = percent_decode_str(value).decode_utf8();
        let value = value.map_err(|_| invalid(format!("The header 'ce-{name}' is no UTF-8.")))?;
        event.set_text(name.to_owned(), &value);
    }
    if !media.is_empty() {
        event.set_text("datacontenttype", media);
    }
    if media == "application/json" || media.ends_with("+json") {
        if !body.is_empty() {
            let data: &RawValue = serde_json::from_slice(body).map_err(|error| no_json(&error))?;
            event.set("data", data.get());
        }
    } else if let (true, Ok(text)) = (media.starts_with("text/"), std::str::from_utf8(body)) {
        event.set_text("data", text);
    } else if !body.is_empty() {
        event.set_text("data_base64", &STANDARD.encode(body));
    }
    cloud_event(event)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    const TOPIC: &str = "/topics/t";

    fn headers(content_type: &str) -> Headers {
        vec![("content-type".into(), content_type.into())]
    }

    fn read_json(content_type: &str, body: &Value) -> Result<Vec<Event>, PublishError> {
        read(InputSchema::Any, TOPIC, &headers(content_type), body.to_string().as_bytes(), 5)
    }

    fn own() -> Value {
        json!({"id": "1", "subject": "s", "eventType": "T", "eventTime": "2026-01-01T00:00:00.0000000Z", "data": {}, "dataVersion": "1"})
    }

    fn cloud() -> Value {
        json!({"id": "1", "source": "/s", "type": "T", "specversion": "1.0", "data": 1, "own": "x"})
    }

    #[test]
    fn both_schemas_single_batch_structured_binary() {
        let events = read_json("application/json", &json!([own(), own()])).unwrap();
        assert_eq!((events.len(), events[0].schema), (2, Schema::EventGridSchema));
        assert_eq!(events[0].json.text("topic").unwrap(), TOPIC);
        assert_eq!(events[0].json.text("metadataVersion").unwrap(), "1");
        let events = read_json("application/cloudevents+json; charset=utf-8", &cloud()).unwrap();
        assert_eq!(events[0].json.as_json(), cloud().to_string());
        let batch = json!([cloud(), cloud()]);
        assert_eq!(read_json("application/cloudevents-batch+json", &batch).unwrap().len(), 2);
        let binary = |media: &str, body: &[u8]| {
            let mut headers = headers(media);
            for (name, value) in [
                ("ce-specversion", "1.0"),
                ("ce-id", "1"),
                ("ce-source", "/s%20x"),
                ("ce-type", "T"),
            ] {
                headers.push((name.into(), value.into()));
            }
            let event = read(InputSchema::Any, TOPIC, &headers, body, 5).unwrap().remove(0);
            serde_json::from_str::<Value>(event.json.as_json()).unwrap()
        };
        assert_eq!(binary("application/json", b"{\"a\":1}")["data"], json!({"a": 1}));
        assert_eq!(binary("application/json", b"1")["source"], "/s x");
        assert_eq!(binary("text/plain", b"hello")["data"], "hello");
        assert_eq!(binary("application/octet-stream", &[0, 255])["data_base64"], "AP8=");
    }

    #[test]
    fn what_is_no_event_is_refused_whole() {
        let without = |mut event: Value, name: &str| {
            event.as_object_mut().unwrap().remove(name);
            event
        };
        let with = |mut event: Value, name: &str, value: Value| {
            event[name] = value;
            event
        };
        let own_type = "application/json";
        let one = "application/cloudevents+json";
        for (content_type, body, words) in [
            (own_type, own(), "array of events"),
            (own_type, json!([own(), 5]), "Event 1: An event must be"),
            (own_type, json!([without(own(), "id")]), "'id'"),
            (own_type, json!([with(own(), "eventTime", json!("soon"))]), "ISO 8601"),
            (own_type, json!([with(own(), "topic", json!("/other"))]), "'topic'"),
            (one, without(cloud(), "source"), "'source'"),
            (one, with(cloud(), "specversion", json!("0.3")), "1.0"),
            (one, with(cloud(), "Upper", json!(1)), "small letters"),
            (one, with(cloud(), "data_base64", json!("AA==")), "not both"),
            (one, with(without(cloud(), "data"), "data_base64", json!("?")), "base64"),
            (one, json!([cloud()]), "JSON object"),
            (own_type, json!(5), "array of events"),
        ] {
            let PublishError::Invalid(message) = read_json(content_type, &body).unwrap_err() else {
                panic!("{body}");
            };
            assert!(message.contains(words), "{message}");
        }
        let large = vec![b' '; MAX_REQUEST_BYTES + 1];
        let refused = read(InputSchema::Any, TOPIC, &headers(own_type), &large, 0);
        assert_eq!(refused, Err(PublishError::TooLarge));
        let strict = |input, content_type, body: Value| {
            read(input, TOPIC, &headers(content_type), body.to_string().as_bytes(), 0)
        };
        assert!(strict(InputSchema::EventGridSchema, one, cloud()).is_err());
        assert!(strict(InputSchema::CloudEventSchemaV1_0, own_type, json!([own()])).is_err());
    }

    #[test]
    fn bodies_as_clients_break_them() {
        let own = own().to_string();
        let many = format!("[{}]", vec![own.as_str(); MAX_EVENTS + 1].join(","));
        let escaped = own.replacen("\"id\"", "\"i\\u0064\"", 1);
        let lone = own.replacen("\"s\"", "\"\\ud800\"", 1);
        let refusal = |media: &str, body: &str| {
            read(InputSchema::Any, TOPIC, &headers(media), body.as_bytes(), 0).unwrap_err()
        };
        for (media, body, words) in [
            ("application/json", r#"{"id":"#, "no JSON"),
            ("application/json", "[5, ", "no JSON"),
            ("application/json", "[{}, 5", "no JSON"),
            ("application/json", "[{}, 5]", "Event 0: 'id'"),
            ("application/json", "[{}] x", "no JSON"),
            ("application/json", &format!("[{own}, [1]]"), "Event 1: An event must be"),
            ("application/json", &format!("[{lone}]"), "Event 0: 'subject' is no Unicode"),
            ("application/cloudevents+json", "[1,", "no JSON"),
            ("application/cloudevents+json", "7", "JSON object"),
            (
                "application/json",
                r#"[{"\ud800": 1}]"#,
                "Event 0: An event must be a JSON object whose names",
            ),
        ] {
            let refused = refusal(media, body).to_string();
            assert!(refused.contains(words), "{body}: {refused}");
        }
        assert_eq!(refusal("application/json", &many), PublishError::TooLarge);
        let body = format!("[{escaped}]");
        let events = read(InputSchema::Any, TOPIC, &headers(""), body.as_bytes(), 0).unwrap();
        assert_eq!(events[0].json.text("id").unwrap(), "1");
    }

    proptest! {
        #[test]
        fn nothing_panics(media in "(application/(json|cloudevents\\+json|cloudevents-batch\\+json)|\\PC{0,20})", extra in "\\PC{0,10}", body in prop_oneof![prop::collection::vec(any::<u8>(), 0..40), "[\\[{\"a-z0-9:,}\\] ]{0,40}".prop_map(String::into_bytes)]) {
            let mut headers = headers(&media);
            headers.push(("ce-specversion".into(), extra.clone()));
            let _ = read(InputSchema::Any, TOPIC, &headers, &body, 0);
            headers.pop();
            let _ = read(InputSchema::Any, TOPIC, &headers, &body, 0);
        }
    }
}
