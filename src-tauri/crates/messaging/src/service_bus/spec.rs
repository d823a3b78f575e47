//! How queues, topics and subscriptions are to be.

use super::rules::Rule;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How a queue or subscription treats its messages.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MailboxSpec {
    /// How long a received message is locked, in seconds; the service has at most 300.
    pub lock_seconds: u64,
    /// After so many failed deliveries a message is dead-lettered.
    pub max_delivery_count: u32,
    /// How long messages live that do not say, in milliseconds.
    pub default_ttl_millis: Option<i64>,
    /// Whether expired messages are dead-lettered, rather than dropped.
    pub dead_letter_expired: bool,
    /// Whether it takes messages with a session id only, and gives them by session.
    pub requires_session: bool,
    /// Messages whose id was seen within so many seconds are accepted and dropped.
    /// Queues; of a topic's subscriptions it is the topic's that counts.
    pub duplicate_seconds: Option<u64>,
}

impl Default for MailboxSpec {
    fn default() -> Self {
        Self {
            //= documented: Locks last a minute where nothing else is said, and five at most.
            //  [service-bus-messaging/message-transfers-locks-settlement]
            lock_seconds: 60,
            //= documented: After ten failed deliveries a message is dead-lettered where nothing
            //  else is said. [service-bus-messaging/service-bus-dead-letter-queues]
            max_delivery_count: 10,
            default_ttl_millis: None,
            dead_letter_expired: false,
            requires_session: false,
            duplicate_seconds: None,
        }
    }
}

/// How a topic is to be.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TopicSpec {
    /// Messages whose id was seen within so many seconds are accepted and dropped.
    pub duplicate_seconds: Option<u64>,
    /// By name.
    pub subscriptions: BTreeMap<String, SubscriptionSpec>,
}

/// How a subscription is to be.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SubscriptionSpec {
    /// How it treats its messages.
    #[serde(flatten)]
    pub mailbox: MailboxSpec,
    /// Which messages it takes: those that any rule matches. `None` is the rule `$Default`, which
    /// takes all.
    pub rules: Option<BTreeMap<String, Rule>>,
}
