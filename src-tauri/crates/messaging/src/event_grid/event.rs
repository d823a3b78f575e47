//! One event, in either schema.

use crate::iot_hub::rfc3339;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// In which form events come, or are delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Schema {
    /// Event Grid's own.
    EventGridSchema,
    /// CloudEvents 1.0.
    #[serde(rename = "CloudEventSchemaV1_0")]
    CloudEventSchemaV1_0,
}

/// An event that a topic accepted: its JSON, as it was published.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// The schema that `json` has.
    pub schema: Schema,
    /// When the topic took it, in milliseconds since 1970.
    pub published: i64,
    /// The event.
    pub json: Map<String, Value>,
}

impl Event {
    /// A field by its name in Event Grid's schema or in CloudEvents.
    fn text(&self, event_grid: &str, cloud: &str) -> &str {
        let name = match self.schema {
            Schema::EventGridSchema => event_grid,
            Schema::CloudEventSchemaV1_0 => cloud,
        };
        self.json.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        self.text("id", "id")
    }

    /// What it is about.
    #[must_use]
    pub fn subject(&self) -> &str {
        self.text("subject", "subject")
    }

    /// Its type.
    #[must_use]
    pub fn event_type(&self) -> &str {
        self.text("eventType", "type")
    }

    /// Its JSON in the schema that a subscription asks for. Event Grid's can be given as
    /// CloudEvents; the other way there is none, so those stay as they are.
    #[must_use]
    pub fn into_schema(self, schema: Schema) -> Map<String, Value> {
        match (self.schema, schema) {
            (Schema::EventGridSchema, Schema::CloudEventSchemaV1_0) => to_cloud(&self.json),
            _ => self.json,
        }
    }

    /// The same with what a dead letter says of its end; `outcome` is the last attempt's.
    #[must_use]
    pub fn into_dead_letter(self, schema: Schema, end: &End) -> Map<String, Value> {
        let published = rfc3339(self.published);
        let mut json = self.into_schema(schema);
        let cloud = json.contains_key("specversion");
        let fields = [
            ("deadLetterReason", json!(end.reason)),
            ("deliveryAttempts", json!(end.attempts)),
            ("lastDeliveryOutcome", json!(end.outcome)),
            ("publishTime", json!(published)),
            ("lastDeliveryAttemptTime", json!(end.last_attempt.map(rfc3339))),
        ];
        for (name, value) in fields {
            // CloudEvents' attributes have small letters only.
            let name = if cloud { name.to_ascii_lowercase() } else { name.to_owned() };
            json.insert(name, value);
        }
        if let Some(status) = end.status {
            let name = if cloud { "lasthttpstatuscode" } else { "lastHttpStatusCode" };
            json.insert(name.to_owned(), json!(status));
        }
        json
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

fn to_cloud(event: &Map<String, Value>) -> Map<String, Value> {
    let mut cloud = Map::new();
    for (from, to) in [
        ("id", "id"),
        ("topic", "source"),
        ("eventType", "type"),
        ("subject", "subject"),
        ("eventTime", "time"),
        ("data", "data"),
        ("dataVersion", "dataversion"),
    ] {
        match event.get(from) {
            None | Some(Value::Null) => {}
            Some(value) => drop(cloud.insert(to.to_owned(), value.clone())),
        }
    }
    cloud.insert("specversion".into(), json!("1.0"));
    if cloud.contains_key("data") {
        cloud.insert("datacontenttype".into(), json!("application/json"));
    }
    cloud
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn event(json: Value, schema: Schema) -> Event {
        Event { schema, published: 0, json: json.as_object().unwrap().clone() }
    }

    #[test]
    fn event_grid_becomes_cloud() {
        let event = event(
            json!({"id": "1", "topic": "/t", "subject": "s", "eventType": "T", "eventTime": "2026-01-01T00:00:00Z", "data": {"a": 1}, "dataVersion": "2", "metadataVersion": "1"}),
            Schema::EventGridSchema,
        );
        let expected = json!({"id": "1", "source": "/t", "subject": "s", "type": "T", "time": "2026-01-01T00:00:00Z", "data": {"a": 1}, "dataversion": "2", "specversion": "1.0", "datacontenttype": "application/json"});
        assert_eq!(Value::Object(event.into_schema(Schema::CloudEventSchemaV1_0)), expected);
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
        let letter = cloud.into_dead_letter(Schema::CloudEventSchemaV1_0, &end);
        assert_eq!(letter["deadletterreason"], "MaxDeliveryAttemptsExceeded");
        assert_eq!(letter["deliveryattempts"], 3);
        let own = event(json!({"id": "1"}), Schema::EventGridSchema);
        let letter = own.into_dead_letter(Schema::EventGridSchema, &end);
        assert_eq!(letter["lastDeliveryOutcome"], "NotFound");
        assert_eq!(letter["lastDeliveryAttemptTime"], "1970-01-01T00:00:00Z");
    }
}
