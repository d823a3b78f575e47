//! Event subscriptions, in the form that Azure Resource Manager has for them.

use super::event::Schema;
use super::filter::Filter;
use super::retry::RetryPolicy;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// An event subscription's `properties`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Subscription {
    /// Who takes the events.
    pub destination: DestinationSpec,
    /// Which events.
    #[serde(default)]
    pub filter: Filter,
    /// In which schema.
    #[serde(default = "event_grid_schema")]
    pub event_delivery_schema: Schema,
    /// How often, and for how long.
    #[serde(default)]
    pub retry_policy: RetryPolicy,
    /// Where events go that were given up; they are dropped where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead_letter_destination: Option<DeadLetterSpec>,
    /// For people.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
}

fn event_grid_schema() -> Schema {
    Schema::EventGridSchema
}

/// Who takes events.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "endpointType", content = "properties")]
pub enum DestinationSpec {
    /// An HTTP endpoint.
    WebHook(WebHook),
    /// An event hub, by name.
    EventHub(Named),
    /// A Service Bus queue, by name.
    ServiceBusQueue(Named),
    /// A Service Bus topic, by name.
    ServiceBusTopic(Named),
    /// A function of this app, by name.
    AzureFunction(Named),
}

/// An HTTP endpoint and how much it takes at once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WebHook {
    /// `http://` or `https://`; its query may hold a secret.
    pub endpoint_url: String,
    /// 1 to 5000.
    #[serde(default = "one")]
    pub max_events_per_batch: usize,
    /// 1 to 1024.
    #[serde(default = "sixty_four")]
    pub preferred_batch_size_in_kilobytes: usize,
}

fn one() -> usize {
    1
}

fn sixty_four() -> usize {
    64
}

/// Something that has a name here; in Azure, a resource id whose last part is the name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Named {
    /// The name, or a resource id.
    pub resource_id: String,
}

impl Named {
    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.resource_id.rsplit('/').next().unwrap_or_default()
    }
}

/// Where events go that were given up.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "endpointType", content = "properties")]
pub enum DeadLetterSpec {
    /// A blob container, by its URL with a SAS token.
    #[serde(rename_all = "camelCase")]
    StorageBlob {
        /// `https://ACCOUNT.blob.core.windows.net/CONTAINER?SAS`; the token is a secret.
        container_url: String,
    },
    /// A folder in the data folder.
    Folder {},
}

// URLs may hold secrets.
impl std::fmt::Debug for DestinationSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}({})", self.kind(), self.address())
    }
}

impl std::fmt::Debug for DeadLetterSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::StorageBlob { container_url } => {
                write!(f, "StorageBlob({})", base(container_url))
            }
            Self::Folder {} => f.write_str("Folder"),
        }
    }
}

fn base(url: &str) -> &str {
    url.split('?').next().unwrap_or_default()
}

impl DestinationSpec {
    /// `endpointType`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::WebHook(_) => "WebHook",
            Self::EventHub(_) => "EventHub",
            Self::ServiceBusQueue(_) => "ServiceBusQueue",
            Self::ServiceBusTopic(_) => "ServiceBusTopic",
            Self::AzureFunction(_) => "AzureFunction",
        }
    }

    /// Where that is, without secrets.
    #[must_use]
    pub fn address(&self) -> &str {
        match self {
            Self::WebHook(hook) => base(&hook.endpoint_url),
            Self::EventHub(named)
            | Self::ServiceBusQueue(named)
            | Self::ServiceBusTopic(named)
            | Self::AzureFunction(named) => named.name(),
        }
    }
}

impl Subscription {
    /// What is wrong with it, in a sentence, where something is.
    ///
    /// # Errors
    /// The service's limits.
    pub fn check(&self) -> Result<(), String> {
        self.filter.check()?;
        let policy = self.retry_policy;
        if !(1..=30).contains(&policy.max_delivery_attempts) {
            return Err("maxDeliveryAttempts is between 1 and 30.".into());
        }
        if !(1..=1_440).contains(&policy.event_time_to_live_in_minutes) {
            return Err("eventTimeToLiveInMinutes is between 1 and 1440.".into());
        }
        if let DestinationSpec::WebHook(hook) = &self.destination {
            let url = url::Url::parse(&hook.endpoint_url);
            let fits =
                url.is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
            if !fits {
                return Err("endpointUrl must be http:// or https://.".into());
            }
            if !(1..=5_000).contains(&hook.max_events_per_batch) {
                return Err("maxEventsPerBatch is between 1 and 5000.".into());
            }
            if !(1..=1_024).contains(&hook.preferred_batch_size_in_kilobytes) {
                return Err("preferredBatchSizeInKilobytes is between 1 and 1024.".into());
            }
        }
        if let Some(DeadLetterSpec::StorageBlob { container_url }) = &self.dead_letter_destination
            && !url::Url::parse(container_url).is_ok_and(|url| url.has_host())
        {
            return Err("containerUrl must be the URL of a blob container.".into());
        }
        Ok(())
    }

    /// As it may be shown: without the queries of URLs, as the service shows it.
    #[must_use]
    pub fn public_json(&self) -> Value {
        let mut shown = serde_json::to_value(self).unwrap_or_default();
        if let DestinationSpec::WebHook(hook) = &self.destination {
            shown["destination"]["properties"] = json!({
                "endpointBaseUrl": base(&hook.endpoint_url),
                "maxEventsPerBatch": hook.max_events_per_batch,
                "preferredBatchSizeInKilobytes": hook.preferred_batch_size_in_kilobytes,
            });
        }
        if let Some(DeadLetterSpec::StorageBlob { container_url }) = &self.dead_letter_destination {
            shown["deadLetterDestination"]["properties"] =
                json!({"containerUrl": base(container_url)});
        }
        shown
    }
}

/// Names of topics and subscriptions: 2 to 64 letters, digits, hyphens and low lines. The service
/// wants three; endpoints here have two.
#[must_use]
pub fn is_name(name: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    (2..=64).contains(&name.len()) && name.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn hook() -> Value {
        json!({"destination": {"endpointType": "WebHook", "properties": {"endpointUrl": "http://localhost:1/h?code=secret"}}})
    }

    #[test]
    fn reads_what_resource_manager_has() {
        let read: Subscription = serde_json::from_value(hook()).unwrap();
        read.check().unwrap();
        assert_eq!(read.event_delivery_schema, Schema::EventGridSchema);
        assert_eq!(read.retry_policy, RetryPolicy::default());
        assert!(!read.public_json().to_string().contains("secret"));
        assert!(!format!("{read:?}").contains("secret"));
        let again: Subscription =
            serde_json::from_value(serde_json::to_value(&read).unwrap()).unwrap();
        assert_eq!(again, read);
        let named = json!({"destination": {"endpointType": "EventHub", "properties": {"resourceId": "/subscriptions/x/eventhubs/hub"}}});
        let named: Subscription = serde_json::from_value(named).unwrap();
        assert_eq!(named.destination.address(), "hub");
    }

    #[test]
    fn limits_are_the_services() {
        for (path, value, words) in [
            ("/destination/properties/endpointUrl", json!("ftp://x"), "endpointUrl"),
            ("/destination/properties/maxEventsPerBatch", json!(5_001), "maxEventsPerBatch"),
            ("/destination/properties/preferredBatchSizeInKilobytes", json!(0), "preferred"),
            ("/retryPolicy", json!({"maxDeliveryAttempts": 31}), "maxDeliveryAttempts"),
            ("/retryPolicy", json!({"eventTimeToLiveInMinutes": 0}), "eventTimeToLive"),
            (
                "/deadLetterDestination",
                json!({"endpointType": "StorageBlob", "properties": {"containerUrl": "x"}}),
                "containerUrl",
            ),
        ] {
            let mut json = hook();
            let (parent, name) = path.rsplit_once('/').unwrap();
            json.pointer_mut(parent).unwrap()[name] = value;
            let read: Subscription = serde_json::from_value(json).unwrap();
            assert!(read.check().unwrap_err().contains(words), "{path}");
        }
    }
}
