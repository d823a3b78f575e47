//! Device-to-cloud messages, as the hub keeps them.

use super::topic::Properties;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Map, Value, json};
use std::sync::Arc;

//= documented: A device-to-cloud message has at most 256 KiB with its properties.
//  [iot-hub/iot-hub-devguide-quotas-throttling]
/// The largest device-to-cloud message, properties and all, in bytes (quotas of IoT Hub).
pub const MAX_TELEMETRY_BYTES: usize = 256 << 10;
/// What `iothub-connection-auth-method` says of a device that came with a SAS token.
pub(super) const AUTH_METHOD: &str =
    r#"{"scope":"device","type":"sas","issuer":"iothub","acceptingIpFilterRule":null}"#;

/// A device-to-cloud message that the hub accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Telemetry {
    /// The device that sent it; the hub saw to that.
    pub device: Arc<str>,
    /// Which device of that id: `iothub-connection-auth-generation-id`.
    pub generation: u64,
    /// When the hub took it, in milliseconds since 1970.
    pub enqueued: i64,
    /// What the topic said.
    pub properties: Properties,
    /// The payload.
    pub body: Bytes,
}

impl Telemetry {
    //= documented: In Event Grid a body is JSON where the message says application/json and
    //  UTF-8, -16 or -32, else base64. [iot-hub/iot-hub-event-grid]
    /// The body as Event Grid and message routing see it: JSON where the message says that it is
    /// `application/json` in UTF-8, 16 or 32 (and is), else base64.
    #[must_use]
    pub fn body_value(&self) -> Value {
        self.json_body().unwrap_or_else(|| Value::String(STANDARD.encode(&self.body)))
    }

    fn json_body(&self) -> Option<Value> {
        let content_type = self.properties.content_type.as_deref()?;
        let media = content_type.split(';').next().unwrap_or_default().trim();
        if !media.eq_ignore_ascii_case("application/json") {
            return None;
        }
        let encoding = self.properties.content_encoding.as_deref()?;
        let text = match encoding.to_ascii_lowercase().as_str() {
            "utf-8" => return serde_json::from_slice(&self.body).ok(),
            "utf-16" => {
                let units = self.body.chunks_exact(2).map(|c| u16::from_le_bytes([c[0], c[1]]));
                String::from_utf16(&units.collect::<Vec<_>>()).ok()?
            }
            "utf-32" => {
                let points = self.body.chunks_exact(4);
                let point = |c: &[u8]| char::from_u32(u32::from_le_bytes([c[0], c[1], c[2], c[3]]));
                points.map(point).collect::<Option<String>>()?
            }
            _ => return None,
        };
        serde_json::from_str(text.trim_start_matches('\u{feff}')).ok()
    }

    /// System properties by the names that routing and Event Grid use.
    #[must_use]
    pub fn system_properties(&self) -> Map<String, Value> {
        let own = &self.properties;
        let given = [
            ("message-id", &own.message_id),
            ("correlation-id", &own.correlation_id),
            ("user-id", &own.user_id),
            ("to", &own.to),
            ("iothub-content-type", &own.content_type),
            ("iothub-content-encoding", &own.content_encoding),
            ("iothub-absolute-expiry-time", &own.expiry),
            ("iothub-creation-time-utc", &own.creation_time),
            ("dt-subject", &own.subject),
            ("iothub-interface-id", &own.interface_id),
        ];
        let given = given
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), Value::String(value.clone()?))));
        let by_hub = [
            ("iothub-connection-device-id", json!(&*self.device)),
            ("iothub-connection-auth-method", json!(AUTH_METHOD)),
            ("iothub-connection-auth-generation-id", json!(self.generation.to_string())),
            ("iothub-enqueuedtime", json!(rfc3339(self.enqueued))),
            ("iothub-message-source", json!("Telemetry")),
        ];
        given.chain(by_hub.map(|(name, value)| (name.to_owned(), value))).collect()
    }

    /// The data of a `Microsoft.Devices.DeviceTelemetry` event.
    #[must_use]
    pub fn event_data(&self) -> Value {
        let application = self.properties.application.iter();
        let application: Map<_, _> = application
            .map(|(name, value)| (name.clone(), json!(value.as_deref().unwrap_or_default())))
            .collect();
        json!({
            "body": self.body_value(),
            "properties": application,
            "systemProperties": self.system_properties(),
        })
    }
}

/// Milliseconds since 1970 as the services write times.
#[must_use]
pub fn rfc3339(millis: i64) -> String {
    jiff::Timestamp::from_millisecond(millis).unwrap_or_default().to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn telemetry(content_type: Option<&str>, encoding: Option<&str>, body: &[u8]) -> Telemetry {
        let properties = Properties {
            content_type: content_type.map(Into::into),
            content_encoding: encoding.map(Into::into),
            application: vec![("floor".into(), Some("1".into()))],
            ..Properties::default()
        };
        let body = Bytes::copy_from_slice(body);
        Telemetry {
            device: "d".into(),
            generation: 1,
            enqueued: 1_700_000_000_123,
            properties,
            body,
        }
    }

    #[test]
    fn a_body_is_json_where_it_says_so_and_else_base64() {
        let utf16: Vec<u8> = r#"{"t":1}"#.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let utf32: Vec<u8> = r#"{"t":1}"#.chars().flat_map(|c| (c as u32).to_le_bytes()).collect();
        let json = json!({"t": 1});
        let base64 = |bytes: &[u8]| Value::String(STANDARD.encode(bytes));
        let plain = br#"{"t":1}"#;
        for (content_type, encoding, body, seen) in [
            (Some("application/json"), Some("utf-8"), &plain[..], json.clone()),
            (Some("application/json; charset=utf-8"), Some("UTF-8"), plain, json.clone()),
            (Some("application/json"), Some("utf-16"), &utf16, json.clone()),
            (Some("application/json"), Some("utf-32"), &utf32, json),
            (Some("application/json"), None, plain, base64(plain)),
            (None, Some("utf-8"), plain, base64(plain)),
            (Some("application/json"), Some("utf-8"), b"{", base64(b"{")),
            (Some("text/plain"), Some("utf-8"), plain, base64(plain)),
        ] {
            assert_eq!(telemetry(content_type, encoding, body).body_value(), seen);
        }
    }

    #[test]
    fn the_events_data_is_the_services() {
        let data = telemetry(Some("application/json"), Some("utf-8"), b"21.5").event_data();
        assert_eq!(data["body"], json!(21.5));
        assert_eq!(data["properties"], json!({"floor": "1"}));
        let system = &data["systemProperties"];
        assert_eq!(system["iothub-connection-device-id"], "d");
        assert_eq!(system["iothub-enqueuedtime"], "2023-11-14T22:13:20.123Z");
        assert_eq!(system["iothub-message-source"], "Telemetry");
    }
}
