//! A notification out of the form in which an endpoint had it.

use crate::forms::{NO_TIME, hops_of};
use crate::{Notification, NotificationType};
use serde_json::Value;
use std::borrow::Cow;
use std::str::FromStr;
use thiserror::Error;
use twin_graph::{Timestamp, TraceContext};

/// An event that is no notification of Azure Digital Twins, or not as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NotificationError {
    /// Something is not there.
    #[error("The event is no notification of a twin graph: it has no «{0}».")]
    Missing(&'static str),
    /// Something is not what it should be.
    #[error("The event is no notification of a twin graph: «{value}» is no {field}.")]
    Wrong {
        /// Which attribute.
        field: &'static str,
        /// The beginning of what stands there.
        value: String,
    },
    /// The body is not JSON.
    #[error("The body of the event is not JSON: {0}.")]
    Body(String),
}

type Read<T> = Result<T, NotificationError>;

impl Notification {
    /// Reads structured CloudEvents 1.0: `text` answers its attributes that are text.
    ///
    /// # Errors
    /// [`NotificationError`], which names what is missing or wrong.
    pub fn from_cloud_event<'a>(
        text: impl Fn(&str) -> Option<Cow<'a, str>>,
        data: Value,
    ) -> Read<Self> {
        read(text, data)
    }

    /// Reads Event Grid's own schema: `outer` answers its fields that are text, and `data` has
    /// that of the notification within. What of a component sent telemetry, and which host, that
    /// schema does not tell.
    ///
    /// # Errors
    /// As [`Notification::from_cloud_event`].
    pub fn from_grid_event<'a>(
        outer: impl Fn(&str) -> Option<Cow<'a, str>>,
        data: Value,
    ) -> Read<Self> {
        let Value::Object(mut inner) = data else {
            return Err(NotificationError::Missing("data"));
        };
        let data = inner.remove("data").unwrap_or_default();
        let telemetry = outer("eventType").as_deref() == Some(NotificationType::Telemetry.as_str());
        let source = match (telemetry, outer("topic").unwrap_or_default()) {
            (false, topic) => topic,
            (true, topic) => {
                let subject = outer("subject").unwrap_or_default();
                format!("{topic}/digitaltwins/{subject}").into()
            }
        };
        let text = |name: &str| match name {
            "type" => outer("eventType"),
            "source" => Some(source.clone()),
            "subject" => outer("subject").filter(|_| !telemetry),
            "time" => outer("eventTime").filter(|time| *time != NO_TIME),
            "id" => outer("id"),
            _ => inner.get(name).and_then(Value::as_str).map(|text| text.to_owned().into()),
        };
        read(text, data)
    }

    /// Reads an AMQP message: `property` answers its application properties that are text, by
    /// their whole name.
    ///
    /// # Errors
    /// As [`Notification::from_cloud_event`].
    pub fn from_amqp<'a>(property: impl Fn(&str) -> Option<&'a str>, body: &[u8]) -> Read<Self> {
        let text = |name: &str| property(whole(name)).map(Cow::Borrowed);
        // What is wrong with the properties says more: without them it is another's message.
        let read = read(text, Value::Null)?;
        let data = serde_json::from_slice(body)
            .map_err(|error| NotificationError::Body(error.to_string()))?;
        Ok(Self { data, ..read })
    }
}

/// The name of an attribute among application properties; each is read once for every event.
fn whole(name: &str) -> &'static str {
    match name {
        "id" => "cloudEvents:id",
        "type" => "cloudEvents:type",
        "source" => "cloudEvents:source",
        "subject" => "cloudEvents:subject",
        "time" => "cloudEvents:time",
        "dataschema" => "cloudEvents:dataschema",
        "traceparent" => "cloudEvents:traceparent",
        _ => "cloudEvents:tracestate",
    }
}

fn read<'a>(text: impl Fn(&str) -> Option<Cow<'a, str>>, data: Value) -> Read<Notification> {
    let required = |name: &'static str| text(name).ok_or(NotificationError::Missing(name));
    let time = text("time").map(|time| parsed::<Timestamp>("time", &time)).transpose()?;
    Ok(Notification {
        kind: parsed("type", &required("type")?)?,
        id: required("id")?.into_owned(),
        source: required("source")?.into_owned(),
        subject: text("subject").map(Cow::into_owned),
        time,
        dataschema: text("dataschema").map(Cow::into_owned),
        trace: parsed::<TraceContext>("traceparent", &required("traceparent")?)?,
        hops: hops_of(text("tracestate").as_deref()),
        data,
    })
}

fn parsed<T: FromStr>(field: &'static str, text: &str) -> Read<T> {
    let wrong = |_| NotificationError::Wrong { field, value: text.chars().take(80).collect() };
    text.parse().map_err(wrong)
}
