//! IoT Hub's MQTT topics, and the properties that a message's topic carries.
//!
//! Source: "Communicate with an IoT hub using the MQTT protocol" (Microsoft Learn), and what
//! azure-iot-device 2.14.0 sends.

use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;

use crate::sas::encode_component;

/// What a device may publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Published {
    /// A device-to-cloud message.
    Telemetry(Box<Properties>),
    /// The answer to a direct method.
    MethodAnswer { status: i32, request: String },
    /// A question for the whole twin.
    TwinGet { request: String },
    /// New reported properties.
    TwinPatch { request: String },
}

//= documented: Devices publish and subscribe to the documented topics; to any other a connection
//  is closed. [iot-hub/iot-hub-mqtt-support]
/// What `topic` means when `device` publishes to it; `None` for what it may not publish to.
pub(super) fn published(topic: &str, device: &str) -> Option<Published> {
    if let Some(rest) = topic.strip_prefix("$iothub/") {
        return published_to_hub(rest);
    }
    let bag = own(topic, device)?.strip_prefix("messages/events")?;
    let bag = if bag.is_empty() { bag } else { bag.strip_prefix('/')? };
    Some(Published::Telemetry(Box::new(Properties::parse(bag)?)))
}

fn published_to_hub(topic: &str) -> Option<Published> {
    let (path, query) = topic.split_once('?')?;
    let request = request(query)?;
    match path.trim_end_matches('/') {
        "twin/GET" => Some(Published::TwinGet { request }),
        "twin/PATCH/properties/reported" => Some(Published::TwinPatch { request }),
        path => {
            let status = path.strip_prefix("methods/res/")?.parse().ok()?;
            Some(Published::MethodAnswer { status, request })
        }
    }
}

fn request(query: &str) -> Option<String> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter_map(|(key, value)| Some((decode(key)?, decode(value)?))).find_map(
        |(key, value)| {
            let fits = key == "$rid" && !value.is_empty() && value.len() <= 128;
            fits.then_some(value)
        },
    )
}

/// What comes behind `devices/DEVICE/`. The device's id stands there as it is, not encoded.
fn own<'a>(topic: &'a str, device: &str) -> Option<&'a str> {
    topic.strip_prefix("devices/")?.strip_prefix(device)?.strip_prefix('/')
}

/// What a device may subscribe to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) enum Feed {
    /// Cloud-to-device messages.
    DeviceBound,
    /// Direct methods.
    Methods,
    /// Answers to twin requests.
    TwinAnswers,
    /// Changes of desired properties.
    Desired,
}

impl Feed {
    pub(super) const ALL: [Self; 4] =
        [Self::DeviceBound, Self::Methods, Self::TwinAnswers, Self::Desired];

    /// The feed that a topic filter asks for; `None` for every other filter.
    pub(super) fn of_filter(filter: &str, device: &str) -> Option<Self> {
        match filter {
            "$iothub/methods/POST/#" => Some(Self::Methods),
            "$iothub/twin/res/#" => Some(Self::TwinAnswers),
            "$iothub/twin/PATCH/properties/desired/#" => Some(Self::Desired),
            _ => {
                matches!(own(filter, device)?, "messages/devicebound/#" | "messages/devicebound/+")
                    .then_some(Self::DeviceBound)
            }
        }
    }
}

/// The topic that asks a device to run a direct method.
pub(super) fn method(name: &str, request: u64) -> String {
    format!("$iothub/methods/POST/{}/?$rid={request}", encode_component(name))
}

/// The topic of the answer to a twin request; `version` after a patch was taken.
pub(super) fn twin_answer(status: u16, request: &str, version: Option<u64>) -> String {
    let mut topic = format!("$iothub/twin/res/{status}/?$rid={}", encode_component(request));
    if let Some(version) = version {
        // Writing to a string cannot fail.
        let _ = write!(topic, "&$version={version}");
    }
    topic
}

/// The topic of a change of desired properties.
pub(super) fn desired(version: u64) -> String {
    format!("$iothub/twin/PATCH/properties/desired/?$version={version}")
}

/// The topic of a cloud-to-device message.
pub(crate) fn device_bound(device: &str, properties: &Properties) -> String {
    format!("devices/{device}/messages/devicebound/{}", properties.to_bag())
}

/// A message's system properties, and the application's own. What is absent was not given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Properties {
    /// `$.mid`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// `$.cid`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// `$.uid`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// `$.to`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// `$.ct`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// `$.ce`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_encoding: Option<String>,
    /// `$.exp`, as it was sent
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expiry: Option<String>,
    /// `$.ctime`, as it was sent
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creation_time: Option<String>,
    /// `$.sub`: the component, of a plug-and-play device
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// `$.ifid`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interface_id: Option<String>,
    /// The application's, in the order in which they were sent. A name without `=` has no value.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub application: Vec<(String, Option<String>)>,
}

impl Properties {
    /// Reads a property bag, `name=value&name=value`, percent-encoded; a `+` is a plus sign.
    /// `None` where it is not UTF-8 behind its encoding, or names a system property that is none.
    #[must_use]
    pub fn parse(bag: &str) -> Option<Self> {
        let mut properties = Self::default();
        // Some clients end the topic with a slash.
        let bag = bag.trim_end_matches('/').trim_start_matches('?');
        for pair in bag.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = match pair.split_once('=') {
                Some((name, value)) => (decode(name)?, Some(decode(value)?)),
                None => (decode(pair)?, None),
            };
            match properties.system(&name) {
                Some(property) => *property = value,
                // `$.on`, `$.cdid`, `$.cmid` belong to modules.
                None if name.starts_with("$.") => {
                    ["$.on", "$.cdid", "$.cmid"].contains(&name.as_str()).then_some(())?;
                }
                None => properties.application.push((name, value)),
            }
        }
        Some(properties)
    }

    fn system(&mut self, name: &str) -> Option<&mut Option<String>> {
        Some(match name {
            "$.mid" => &mut self.message_id,
            "$.cid" => &mut self.correlation_id,
            "$.uid" => &mut self.user_id,
            "$.to" => &mut self.to,
            "$.ct" => &mut self.content_type,
            "$.ce" => &mut self.content_encoding,
            "$.exp" => &mut self.expiry,
            "$.ctime" => &mut self.creation_time,
            "$.sub" => &mut self.subject,
            "$.ifid" => &mut self.interface_id,
            _ => return None,
        })
    }

    /// As a property bag.
    #[must_use]
    pub fn to_bag(&self) -> String {
        let system = [
            ("$.mid", &self.message_id),
            ("$.cid", &self.correlation_id),
            ("$.uid", &self.user_id),
            ("$.to", &self.to),
            ("$.ct", &self.content_type),
            ("$.ce", &self.content_encoding),
            ("$.exp", &self.expiry),
            ("$.ctime", &self.creation_time),
            ("$.sub", &self.subject),
            ("$.ifid", &self.interface_id),
        ];
        let system =
            system.into_iter().filter_map(|(name, value)| Some((name, Some(value.as_ref()?))));
        let application =
            self.application.iter().map(|(name, value)| (name.as_str(), value.as_ref()));
        let pair = |(name, value): (&str, Option<&String>)| match value {
            Some(value) => format!("{}={}", encode_component(name), encode_component(value)),
            None => encode_component(name),
        };
        system.chain(application).map(pair).collect::<Vec<_>>().join("&")
    }

    /// Bytes that they count against a message's size: names and values, not encoded.
    #[must_use]
    pub fn size(&self) -> usize {
        let application =
            self.application.iter().map(|(k, v)| k.len() + v.as_ref().map_or(0, String::len));
        let system = [
            &self.message_id,
            &self.correlation_id,
            &self.user_id,
            &self.to,
            &self.content_type,
            &self.content_encoding,
            &self.expiry,
            &self.creation_time,
            &self.subject,
            &self.interface_id,
        ];
        application.sum::<usize>() + system.into_iter().flatten().map(String::len).sum::<usize>()
    }
}

fn decode(text: &str) -> Option<String> {
    percent_decode_str(text).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_device_publishes_to_its_own_topics_only() {
        let get = Published::TwinGet { request: "7".into() };
        let answer = Published::MethodAnswer { status: -1, request: "a b".into() };
        let telemetry = Published::Telemetry(Box::default());
        for (topic, meant) in [
            ("devices/d/messages/events/", Some(telemetry.clone())),
            ("devices/d/messages/events", Some(telemetry)),
            ("$iothub/twin/GET/?$rid=7", Some(get)),
            ("$iothub/methods/res/-1/?$rid=a%20b", Some(answer)),
            ("devices/e/messages/events/", None),
            ("devices/dd/messages/events/", None),
            ("devices/d/messages/eventsx", None),
            ("devices/d/messages/devicebound/", None),
            ("devices/d/messages/events/a=%ff", None),
            ("$iothub/twin/GET/", None),
            ("$iothub/twin/GET/?$rid=", None),
            ("$iothub/methods/res/x/?$rid=1", None),
            ("$iothub/methods/POST/x/?$rid=1", None),
            ("anything", None),
            ("", None),
        ] {
            assert_eq!(published(topic, "d"), meant, "{topic}");
        }
    }

    #[test]
    fn filters() {
        for (filter, feed) in [
            ("devices/d/messages/devicebound/#", Some(Feed::DeviceBound)),
            ("$iothub/methods/POST/#", Some(Feed::Methods)),
            ("$iothub/twin/res/#", Some(Feed::TwinAnswers)),
            ("$iothub/twin/PATCH/properties/desired/#", Some(Feed::Desired)),
            ("devices/e/messages/devicebound/#", None),
            ("devices/d/#", None),
            ("devices/+/messages/devicebound/#", None),
            ("#", None),
            ("$SYS/#", None),
        ] {
            assert_eq!(Feed::of_filter(filter, "d"), feed, "{filter}");
        }
    }

    #[test]
    fn the_official_clients_bag() {
        let bag = "%24.mid=m%201&%24.ct=application/json&%24.ce=utf-8&a=1%2B1&b=&c";
        let read = Properties::parse(bag).unwrap();
        assert_eq!(read.message_id.as_deref(), Some("m 1"));
        assert_eq!(read.content_type.as_deref(), Some("application/json"));
        let own = [("a", Some("1+1")), ("b", Some("")), ("c", None)];
        let own = own.map(|(k, v)| (k.to_owned(), v.map(str::to_owned)));
        assert_eq!(read.application, own);
        assert_eq!(Properties::parse("%24.nosuch=1"), None);
    }

    proptest! {
        #[test]
        fn bags_come_back(id in "\\PC{0,20}", names in prop::collection::vec("[^$\\pC][\\PC]{0,8}", 0..5), value in prop::option::of("\\PC{0,20}")) {
            let properties = Properties {
                message_id: Some(id),
                application: names.into_iter().map(|name| (name, value.clone())).collect(),
                ..Properties::default()
            };
            prop_assert_eq!(Properties::parse(&properties.to_bag()), Some(properties));
        }

        #[test]
        fn no_topic_panics(topic in "\\PC{0,60}", filter in "(\\$iothub/|devices/d/)?[\\PC]{0,30}") {
            let _ = published(&topic, "d");
            let _ = published(&filter, "d");
            let _ = Feed::of_filter(&filter, "d");
        }
    }
}
