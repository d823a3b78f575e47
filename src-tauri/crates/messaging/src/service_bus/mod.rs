//! Service Bus over AMQP 1.0: queues, topics, subscriptions and their dead letters.
//!
//! A mailbox (queue, subscription, or either's dead letters) is two streams of the journal: the
//! messages, and what became of them. A message that goes to several subscriptions, or from one to
//! its dead letters, does so in one commit.

mod bus;
mod kept;
pub(crate) mod links;
mod mailbox;
pub(crate) mod management;
mod message;
mod rules;
mod spec;
mod sql;

pub(crate) use bus::{Bus, Found};

pub use bus::MailboxStatus;
pub use mailbox::MailboxCounts;
pub use rules::{Correlation, DEFAULT_RULE, Rule};
pub use spec::{MailboxSpec, SubscriptionSpec, TopicSpec};
pub use sql::{Condition, SqlError};
