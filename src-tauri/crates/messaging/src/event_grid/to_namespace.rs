//! Deliveries to event hubs, queues and topics of a namespace.
//!
//! Source: "Event hub as an event handler", "Service Bus queues and topics as event handlers"
//! (Microsoft Learn) for the properties. That an event hub gets Event Grid's schema as an array of
//! one and Service Bus the event alone is a guess.

use super::attributes::Attributes;
use super::destination::Delivery;
use super::event::Schema;
use super::retry::Failure;
use super::subscription::DestinationSpec;
use crate::event_hubs::{MAX_MESSAGE, NewEvent};
use crate::namespace::Namespace;
use crate::service_bus::Found;
use amqp::message::{Sections, property, section, write_section};
use amqp::{Value, condition};
use bytes::{Bytes, BytesMut};
use journal::JournalError;
use tokio::sync::oneshot;

/// Delivers to what a subscription names: an event hub, a queue or a topic.
pub(super) async fn deliver(
    namespace: &Namespace,
    to: &DestinationSpec,
    delivery: &Delivery,
) -> Result<(), Failure> {
    for event in &delivery.events {
        match to {
            DestinationSpec::EventHub(named) => {
                send(namespace, named.name(), delivery, event).await
            }
            DestinationSpec::ServiceBusQueue(named) => {
                put(namespace, named.name(), true, delivery, event).await
            }
            DestinationSpec::ServiceBusTopic(named) => {
                put(namespace, named.name(), false, delivery, event).await
            }
            DestinationSpec::WebHook(_) | DestinationSpec::AzureFunction(_) => {
                Err(Failure::of_status(404))
            }
        }?;
    }
    Ok(())
}

async fn send(
    namespace: &Namespace,
    hub: &str,
    delivery: &Delivery,
    event: &Attributes,
) -> Result<(), Failure> {
    let hub = namespace.event_hub(hub).filter(|hub| !hub.built_in);
    let hub = hub.ok_or_else(|| Failure::of_status(404))?;
    //= guess: An event hub gets an event in Event Grid's schema as an array of one.
    let body = match delivery.schema {
        Schema::EventGridSchema => Attributes::array(std::slice::from_ref(event)),
        Schema::CloudEventSchemaV1_0 => event.as_json().as_bytes().to_vec(),
    };
    let message = message(delivery, event, body)?;
    let sections = Sections::of(message).map_err(|_| Failure::of_status(400))?;
    let event = NewEvent::of(&sections, None).map_err(|_| Failure::of_status(400))?;
    hub.send(event).await.map(drop).map_err(|error| of_journal(&error))
}

async fn put(
    namespace: &Namespace,
    name: &str,
    queue: bool,
    delivery: &Delivery,
    event: &Attributes,
) -> Result<(), Failure> {
    let found = namespace.bus().find(name).filter(|found| match found {
        Found::Mailbox(_, None) => queue && !name.contains('/'),
        Found::Topic(_) => !queue,
        Found::Mailbox(..) => false,
    });
    let found = found.ok_or_else(|| Failure::of_status(404))?;
    //= recorded: A queue or topic gets the event alone, not an array of one.
    //  [pm7y/AzureEventGridSimulator#259]
    let message = message(delivery, event, event.as_json().as_bytes().to_vec())?;
    let messages = found.read(message, 0).map_err(|error| {
        Failure::of_status(if error.condition == condition::RESOURCE_LIMIT_EXCEEDED {
            503
        } else {
            400
        })
    })?;
    let (done, kept) = oneshot::channel();
    // Who delivers may have been stopped.
    namespace.bus().send(&found, messages, move |kept| drop(done.send(kept)));
    match kept.await {
        Ok(kept) => kept.map(drop).map_err(|error| of_journal(&error)),
        Err(_) => Err(Failure::of("ServerStopping")),
    }
}

fn of_journal(error: &JournalError) -> Failure {
    Failure::of_status(if matches!(error, JournalError::TooLarge { .. }) { 413 } else { 503 })
}

//= documented: Event hubs, queues and topics get aeg-event-type, aeg-subscription-name,
//  aeg-delivery-count, aeg-metadata-version, aeg-data-version and aeg-output-event-id as
//  application properties; that they are all text is a guess.
//  [event-grid/includes/message-headers]
/// The event as a message, with what Event Grid says of it in application properties.
fn message(delivery: &Delivery, event: &Attributes, body: Vec<u8>) -> Result<Bytes, Failure> {
    let text = |name: &str| event.text(name).unwrap_or_default().into_owned();
    let cloud = delivery.schema == Schema::CloudEventSchemaV1_0;
    let content_type = match cloud {
        true => "application/cloudevents+json; charset=utf-8",
        false => "application/json; charset=utf-8",
    };
    let version = if cloud { text("specversion") } else { "1".to_owned() };
    let mut pairs = vec![
        ("aeg-event-type", "Notification".to_owned()),
        ("aeg-subscription-name", delivery.subscription.to_uppercase()),
        ("aeg-delivery-count", delivery.attempts.to_string()),
        ("aeg-metadata-version", version),
        ("aeg-output-event-id", text("id")),
    ];
    if !cloud {
        pairs.push(("aeg-data-version", text("dataVersion")));
    }
    let mut properties = vec![Value::Null; property::CONTENT_TYPE + 1];
    properties[property::MESSAGE_ID] = Value::String(text("id"));
    properties[property::CONTENT_TYPE] = Value::symbol(content_type);
    let pairs =
        pairs.into_iter().map(|(key, value)| (Value::String(key.to_owned()), Value::String(value)));
    let mut out = BytesMut::with_capacity(512 + body.len());
    write_section(&mut out, section::PROPERTIES, &Value::List(properties));
    write_section(&mut out, section::APPLICATION_PROPERTIES, &Value::Map(pairs.collect()));
    write_section(&mut out, section::DATA, &Value::Binary(body.into()));
    if out.len() as u64 > MAX_MESSAGE { Err(Failure::of_status(413)) } else { Ok(out.freeze()) }
}
