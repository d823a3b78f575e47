//! One event, in either schema.

use super::attributes::{Attributes, Draft};
use crate::iot_hub::rfc3339;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::io::Write as _;

/// In which form events come, or are delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Schema {
    /// Event Grid's own.
    EventGridSchema,
    /// CloudEvents 1.0.
    #[serde(rename = "CloudEventSchemaV1_0")]
    CloudEventSchemaV1_0,
}

/// An event that a topic accepted, as it was published.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Event {
    /// The schema that `json` has.
    pub schema: Schema,
    /// When the topic took it, in milliseconds since 1970.
    pub published: i64,
    /// The event.
    pub json: Attributes,
}

impl Event {
    /// A field by its name in Event Grid's schema or in CloudEvents.
    fn text(&self, event_grid: &str, cloud: &str) -> Cow<'_, str> {
        let name = match self.schema {
            Schema::EventGridSchema => event_grid,
            Schema::CloudEventSchemaV1_0 => cloud,
        };
        self.json.text(name).unwrap_or_default()
    }

    /// What it is about.
    #[must_use]
    pub fn subject(&self) -> Cow<'_, str> {
        self.text("subject", "subject")
    }

    /// Its type.
    #[must_use]
    pub fn event_type(&self) -> Cow<'_, str> {
        self.text("eventType", "type")
    }

    /// It as the topic's stream keeps it: JSON of its fields.
    pub(super) fn record(&self) -> Vec<u8> {
        let json = self.json.as_json();
        let schema = match self.schema {
            Schema::EventGridSchema => "EventGridSchema",
            Schema::CloudEventSchemaV1_0 => "CloudEventSchemaV1_0",
        };
        let mut record = Vec::with_capacity(json.len() + 80);
        // A vector takes everything.
        let _ = write!(
            record,
            r#"{{"schema":"{schema}","published":{},"json":{json}}}"#,
            self.published
        );
        record
    }

    /// Its JSON in the schema that a subscription asks for. Event Grid's can be given as
    /// CloudEvents; the other way there is none, so those stay as they are.
    #[must_use]
    pub fn into_schema(self, schema: Schema) -> Attributes {
        match (self.schema, schema) {
            (Schema::EventGridSchema, Schema::CloudEventSchemaV1_0) => to_cloud(&self.json),
            _ => self.json,
        }
    }

    /// The same with what a dead letter says of its end; `outcome` is the last attempt's.
    #[must_use]
    pub fn into_dead_letter(self, schema: Schema, end: &End) -> Attributes {
        let published = rfc3339(self.published);
        let json = self.into_schema(schema);
        let mut letter = json.draft();
        // CloudEvents' attributes have small letters only.
        let cloud = letter.has("specversion");
        let name = |name: &str| if cloud { name.to_ascii_lowercase() } else { name.to_owned() };
        letter.set_text(name("deadLetterReason"), end.reason);
        letter.set(name("deliveryAttempts"), end.attempts.to_string());
        letter.set_text(name("lastDeliveryOutcome"), &end.outcome);
        letter.set_text(name("publishTime"), &published);
        match end.last_attempt {
            Some(at) => letter.set_text(name("lastDeliveryAttemptTime"), &rfc3339(at)),
            None => letter.set(name("lastDeliveryAttemptTime"), "null"),
        }
        if let Some(status) = end.status {
            letter.set(name("lastHttpStatusCode"), status.to_string());
        }
        letter.finish()
    }
}

/// How an event ended that was not delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// Why it is given up.
    pub reason: &'static str,
    /// How often it was tried.
    pub attempts: u32,
    /// What became of the last attempt.
    pub outcome: String,
    /// Its HTTP status, where there was one.
    pub status: Option<u16>,
    /// When that was, in milliseconds since 1970.
    pub last_attempt: Option<i64>,
}

fn to_cloud(event: &Attributes) -> Attributes {
    let mut cloud = Draft::default();
    for (from, to) in [
        ("id", "id"),
        ("topic", "source"),
        ("eventType", "type"),
        ("subject", "subject"),
        ("eventTime", "time"),
        ("data", "data"),
        ("dataVersion", "dataversion"),
    ] {
        if let Some(value) = event.get(from).filter(|value| *value != "null") {
            cloud.set(to, value);
        }
    }
    cloud.set_text("specversion", "1.0");
    if cloud.has("data") {
        cloud.set_text("datacontenttype", "application/json");
    }
    cloud.finish()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::{Value, json};

    fn event(json: Value, schema: Schema) -> Event {
        Event { schema, published: 5, json: serde_json::from_str(&json.to_string()).unwrap() }
    }

    fn value(event: &Attributes) -> Value {
        serde_json::from_str(event.as_json()).unwrap()
    }

    #[test]
    fn a_record_is_the_event() {
        for schema in [Schema::EventGridSchema, Schema::CloudEventSchemaV1_0] {
            let event = event(json!({"id": "1", "data": ["\"", null]}), schema);
            assert_eq!(serde_json::from_slice::<Event>(&event.record()).unwrap(), event);
        }
    }

    #[test]
    fn event_grid_becomes_cloud() {
        let event = event(
            json!({"id": "1", "topic": "/t", "subject": "s", "eventType": "T", "eventTime": "2026-01-01T00:00:00Z", "data": {"a": 1}, "dataVersion": "2", "metadataVersion": "1"}),
            Schema::EventGridSchema,
        );
        let expected = json!({"id": "1", "source": "/t", "subject": "s", "type": "T", "time": "2026-01-01T00:00:00Z", "data": {"a": 1}, "dataversion": "2", "specversion": "1.0", "datacontenttype": "application/json"});
        assert_eq!(value(&event.into_schema(Schema::CloudEventSchemaV1_0)), expected);
    }

    #[test]
    fn what_is_null_is_no_attribute_of_cloud_events() {
        let event = event(json!({"id": "1", "data": null}), Schema::EventGridSchema);
        let cloud = event.into_schema(Schema::CloudEventSchemaV1_0);
        assert_eq!(cloud.as_json(), r#"{"id":"1","specversion":"1.0"}"#);
    }

    #[test]
    fn a_dead_letter_says_how_it_ended() {
        let end = End {
            reason: "MaxDeliveryAttemptsExceeded",
            attempts: 3,
            outcome: "NotFound".into(),
            status: Some(404),
            last_attempt: Some(0),
        };
        let cloud = event(json!({"specversion": "1.0", "id": "1"}), Schema::CloudEventSchemaV1_0);
        let letter = value(&cloud.into_dead_letter(Schema::CloudEventSchemaV1_0, &end));
        assert_eq!(letter["deadletterreason"], "MaxDeliveryAttemptsExceeded");
        assert_eq!(letter["deliveryattempts"], 3);
        assert_eq!(letter["lasthttpstatuscode"], 404);
        let own = event(json!({"id": "1"}), Schema::EventGridSchema);
        let letter = value(&own.into_dead_letter(Schema::EventGridSchema, &end));
        assert_eq!(letter["lastDeliveryOutcome"], "NotFound");
        assert_eq!(letter["lastDeliveryAttemptTime"], "1970-01-01T00:00:00Z");
    }
}
