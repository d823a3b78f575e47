//! What a pipeline reaches outside itself, and what it is told about that.

use async_trait::async_trait;
use azure_core::credentials::TokenCredential;
use futures::future::BoxFuture;
use messaging::client::Trust;
use messaging::event_grid::{Destination, Failure, SubscriptionCounts};
use std::fmt;
use std::sync::Arc;

/// The embedded services, the secrets and the identity that nodes of a topology need. `session`
/// has them.
#[async_trait]
pub trait Surroundings: Send + Sync {
    /// The connection string of an embedded event hub (with `EntityPath`), made where it is not
    /// there yet.
    ///
    /// # Errors
    /// A sentence: a name that is taken, or none.
    async fn event_hub(&self, entity: &str) -> Result<String, String>;

    /// The connection string of an embedded Service Bus topic (with `EntityPath`), made where it
    /// is not there yet, with these subscriptions: name and SQL filter.
    ///
    /// # Errors
    /// As [`Surroundings::event_hub`].
    async fn topic(
        &self,
        entity: &str,
        subscriptions: &[(String, Option<String>)],
    ) -> Result<String, String>;

    /// Address and key of an embedded Event Grid topic, made where it is not there yet.
    ///
    /// # Errors
    /// As [`Surroundings::event_hub`].
    async fn event_grid(&self, topic: &str) -> Result<TopicKey, String>;

    /// Lets somebody take the events of an embedded Event Grid topic, under a name. The same
    /// again changes nothing. What fails is tried again as Event Grid does.
    ///
    /// # Errors
    /// As [`Surroundings::event_hub`]; a webhook that does not answer the handshake is tried again
    /// later and no error.
    async fn subscribe(&self, topic: &str, name: &str, to: GridSubscriber) -> Result<(), String>;

    /// How the deliveries to such a subscriber go; `None` where there is none of that name.
    fn subscribed(&self, topic: &str, name: &str) -> Option<Subscribed>;

    /// Ends that.
    async fn unsubscribe(&self, topic: &str, name: &str);

    /// A secret by its name.
    fn secret(&self, name: &str) -> Option<String>;

    /// The identity of this app, for services elsewhere.
    ///
    /// # Errors
    /// A sentence: what is to be done so that there is one.
    fn identity(&self) -> Result<Arc<dyn TokenCredential>, String>;

    /// Which certificates to trust.
    fn trust(&self) -> Trust;
}

/// Who takes the events of an Event Grid topic.
#[derive(Clone)]
pub enum GridSubscriber {
    /// Something in this process.
    Here(Arc<dyn Destination>),
    /// A webhook, by its whole address, which may have a secret in it.
    Webhook(String),
}

/// How the deliveries of an Event Grid subscription go.
#[derive(Clone, Debug, Default)]
pub struct Subscribed {
    /// Why a webhook gets no events yet: it did not agree in the handshake.
    pub refusal: Option<String>,
    /// What the deliveries came to, since Event Grid began with them.
    pub counts: SubscriptionCounts,
    /// What became of the attempt that failed last, if none worked since.
    pub last_failure: Option<Failure>,
}

/// Where a topic takes events, and what opens it.
#[derive(Clone, PartialEq, Eq)]
pub struct TopicKey {
    /// `http://…/TOPIC/api/events`.
    pub endpoint: String,
    /// An access key, a secret.
    pub key: String,
}

impl fmt::Debug for TopicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TopicKey").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

/// What nodes must not forget, kept between starts under a name each.
pub trait Memory: Send + Sync {
    /// What was kept last.
    fn load(&self, name: &str) -> Option<Kept>;

    /// Keeps position and state together, lazily: after a crash an older pair is there, and what
    /// came after it happens again.
    fn keep(&self, name: &str, kept: Kept);
}

/// A position in the change feed, and what else a node knows at it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// The version of the last change that is done with.
    pub position: u64,
    /// The node's own bytes: its counters, say.
    pub state: Vec<u8>,
}

/// Ends when something is durable, or with a sentence why it is not.
pub type Durable = BoxFuture<'static, Result<(), String>>;

/// Keeps what waits for endpoints of 2019 and is in no feed, so that a kill loses none of it. The
/// endpoint itself knows how far it is.
pub trait Backlog: Send + Sync {
    /// The newest records of an endpoint, oldest first: 64 MiB at least. Waits for the disk.
    fn load(&self, endpoint: &str) -> Vec<Vec<u8>>;

    /// Queues a record behind the others of its endpoint.
    fn append(&self, endpoint: &str, record: Vec<u8>) -> Durable;

    /// The endpoint is gone, and so is what was kept for it, soon.
    fn forget(&self, endpoint: &str);
}
