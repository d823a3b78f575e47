//! Device-to-cloud messages as events of the built-in endpoint, and back.
//!
//! Source: "Read device-to-cloud messages from the built-in endpoint" and "IoT Hub message format"
//! (Microsoft Learn): system properties of the sender are properties of the message, what the hub
//! says is in message annotations.

use super::telemetry::{AUTH_METHOD, Telemetry};
use super::topic::Properties;
use crate::event_hubs::{Event, NewEvent};
use amqp::message::{Sections, property, section, write_section};
use amqp::{Reader, Value, write_string, write_symbol};
use bytes::{Bytes, BytesMut};

//= documented: Telemetry is in the Event-Hub-compatible endpoint with
//  iothub-connection-device-id, -auth-method, -auth-generation-id, iothub-enqueuedtime and
//  iothub-message-source as annotations, and the sender's system properties as AMQP's; that
//  iothub-enqueuedtime is a timestamp is from the Azure CLI's output.
//  [iot-hub/iot-hub-devguide-messages-construct]
const DEVICE: &str = "iothub-connection-device-id";
const METHOD: &str = "iothub-connection-auth-method";
const GENERATION: &str = "iothub-connection-auth-generation-id";
const ENQUEUED: &str = "iothub-enqueuedtime";
const SOURCE: &str = "iothub-message-source";
const EXPIRY: &str = "iothub-absolute-expiry-time";
const CREATED: &str = "iothub-creation-time-utc";
const SUBJECT: &str = "dt-subject";
const INTERFACE: &str = "iothub-interface-id";
const CONTENT_ENCODING: usize = 7;

impl Telemetry {
    pub(super) fn to_event(&self) -> NewEvent {
        let own = &self.properties;
        let mut bare = BytesMut::with_capacity(64 + self.body.len());
        write_properties(own, &mut bare);
        if !own.application.is_empty() {
            let pairs = own.application.iter().map(|(name, value)| {
                (Value::String(name.clone()), value.clone().map_or(Value::Null, Value::String))
            });
            write_section(&mut bare, section::APPLICATION_PROPERTIES, &Value::Map(pairs.collect()));
        }
        write_section(&mut bare, section::DATA, &Value::Binary(self.body.clone()));
        let annotations = self.annotations();
        NewEvent { partition_key: None, annotations, bare: bare.freeze() }
    }

    fn annotations(&self) -> Bytes {
        let own = &self.properties;
        let mut out = BytesMut::with_capacity(320);
        put(&mut out, DEVICE, &self.device);
        put(&mut out, METHOD, AUTH_METHOD);
        put(&mut out, GENERATION, &self.generation.to_string());
        write_symbol(&mut out, ENQUEUED);
        Value::Timestamp(self.enqueued).write(&mut out);
        put(&mut out, SOURCE, "Telemetry");
        let given = [
            (EXPIRY, &own.expiry),
            (CREATED, &own.creation_time),
            (SUBJECT, &own.subject),
            (INTERFACE, &own.interface_id),
        ];
        for (name, value) in given {
            if let Some(value) = value {
                put(&mut out, name, value);
            }
        }
        out.freeze()
    }

    /// From an event of the endpoint; `None` for what the hub did not write.
    #[must_use]
    pub fn of_event(event: &Event) -> Option<Self> {
        let sections = Sections::of(event.bare.clone()).ok()?;
        let mut properties = read_properties(&sections);
        let (mut device, mut generation, mut enqueued) = (None, None, None);
        let mut annotations = event.annotations();
        while !annotations.is_empty() {
            let name = annotations.text().ok()?;
            match std::str::from_utf8(&name).ok()? {
                DEVICE => device = Some(text(&mut annotations)?.into()),
                GENERATION => generation = text(&mut annotations)?.parse().ok(),
                ENQUEUED => enqueued = annotations.value().ok()?.as_i64(),
                EXPIRY => properties.expiry = Some(text(&mut annotations)?),
                CREATED => properties.creation_time = Some(text(&mut annotations)?),
                SUBJECT => properties.subject = Some(text(&mut annotations)?),
                INTERFACE => properties.interface_id = Some(text(&mut annotations)?),
                _ => annotations.skip().ok()?,
            }
        }
        Some(Self {
            device: device?,
            generation: generation?,
            enqueued: enqueued?,
            properties,
            body: Event::data_of(&sections)?,
        })
    }
}

fn put(out: &mut BytesMut, name: &str, text: &str) {
    write_symbol(out, name);
    write_string(out, text);
}

fn text(annotations: &mut Reader) -> Option<String> {
    String::from_utf8(annotations.text().ok()?.to_vec()).ok()
}

fn write_properties(own: &Properties, out: &mut BytesMut) {
    let string = |text: &Option<String>| text.clone().map(Value::String);
    let symbol = |text: &Option<String>| text.clone().map(Value::Symbol);
    let user = own.user_id.clone().map(|user| Value::Binary(user.into_bytes().into()));
    let given = [
        (property::MESSAGE_ID, string(&own.message_id)),
        (property::USER_ID, user),
        (property::TO, string(&own.to)),
        (property::CORRELATION_ID, string(&own.correlation_id)),
        (property::CONTENT_TYPE, symbol(&own.content_type)),
        (CONTENT_ENCODING, symbol(&own.content_encoding)),
    ];
    let mut fields = Vec::new();
    for (at, value) in given {
        if let Some(value) = value {
            fields.resize(at, Value::Null);
            fields.push(value);
        }
    }
    if !fields.is_empty() {
        write_section(out, section::PROPERTIES, &Value::List(fields));
    }
}

fn read_properties(sections: &Sections) -> Properties {
    let properties = Sections::value(sections.properties.as_ref());
    let field = |at| Sections::property(&properties, at);
    let text = |at| field(at).as_text().map(str::to_owned);
    let user = match field(property::USER_ID) {
        Value::Binary(user) => Some(String::from_utf8_lossy(user).into_owned()),
        _ => None,
    };
    let application = Sections::value(sections.application_properties.as_ref());
    let pairs = application.as_map().unwrap_or_default().iter();
    let pair = |(name, value): &(Value, Value)| {
        Some((name.as_text()?.to_owned(), value.as_text().map(str::to_owned)))
    };
    Properties {
        message_id: text(property::MESSAGE_ID),
        correlation_id: text(property::CORRELATION_ID),
        user_id: user,
        to: text(property::TO),
        content_type: text(property::CONTENT_TYPE),
        content_encoding: text(CONTENT_ENCODING),
        application: pairs.filter_map(pair).collect(),
        ..Properties::default()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn sent(properties: Properties) -> Telemetry {
        Telemetry {
            device: "thermo_0001".into(),
            generation: 638_000_000_000,
            enqueued: 1_700_000_000_123,
            properties,
            body: Bytes::from_static(b"{\"temperature\":21.5}"),
        }
    }

    fn kept(telemetry: &Telemetry) -> Event {
        Event::read(1, telemetry.to_event().record(0, 1_700_000_000_200).into()).unwrap()
    }

    #[test]
    fn comes_back_from_its_event_whatever_was_given() {
        let all = Properties {
            message_id: Some("m".into()),
            correlation_id: Some("c".into()),
            user_id: Some("u".into()),
            to: Some("/devices/thermo_0001/messages/events".into()),
            content_type: Some("application/json".into()),
            content_encoding: Some("utf-8".into()),
            expiry: Some("2026-01-01T00:00:00Z".into()),
            creation_time: Some("2025-01-01T00:00:00Z".into()),
            subject: Some("thermostat1".into()),
            interface_id: Some("dtmi:x;1".into()),
            application: vec![("floor".into(), Some("1".into())), ("flag".into(), None)],
        };
        let some = Properties { correlation_id: Some("c".into()), ..Properties::default() };
        for properties in [Properties::default(), some, all] {
            let telemetry = sent(properties);
            assert_eq!(Telemetry::of_event(&kept(&telemetry)), Some(telemetry));
        }
    }

    #[test]
    fn an_event_of_another_sender_is_no_telemetry() {
        let event = NewEvent::of_data(Bytes::from_static(b"x"), None).record(0, 0);
        assert_eq!(Telemetry::of_event(&Event::read(1, event.into()).unwrap()), None);
    }
}
