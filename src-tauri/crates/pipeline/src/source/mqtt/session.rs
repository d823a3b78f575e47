//! The session that a broker keeps for a source over cuts and starts.

use crate::{Kept, Memory};
use messaging::client::{MqttClient, MqttError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use uuid::Uuid;

/// What is known of the session: under which id the broker keeps it, and what it is subscribed to.
/// A source that is killed in its first second may not know it any more, and begins another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Session {
    /// Another client of the same id would be put out, so it is by chance.
    pub(super) client_id: String,
    url: String,
    topics: BTreeSet<String>,
}

/// Whether the broker has what came since the last connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Since {
    /// It had the session, or there was none before.
    Kept,
    /// It had the session once, and no more.
    Lost,
}

impl Session {
    /// The session of a node at a broker: the one that is kept, or a new one.
    pub(super) fn of(node: &str, url: &str, memory: &dyn Memory) -> Self {
        Self::kept(node, url, memory).unwrap_or_else(|| {
            let client_id = format!("twinscope-{}", Uuid::new_v4().simple());
            let session = Self { client_id, url: url.to_owned(), topics: BTreeSet::new() };
            session.keep(node, memory);
            session
        })
    }

    /// The session of a node at a broker that is kept.
    pub(super) fn kept(node: &str, url: &str, memory: &dyn Memory) -> Option<Self> {
        let known = serde_json::from_slice::<Self>(&memory.load(node)?.state).ok();
        known.filter(|session| session.url == url)
    }

    /// Subscribes to what the session is not subscribed to yet, and ends what is not wanted any
    /// more. What the broker keeps for is left alone: to subscribe again would bring its retained
    /// messages again.
    pub(super) async fn subscribe(
        &mut self,
        client: &MqttClient,
        topics: &[String],
        (node, memory): (&str, &dyn Memory),
    ) -> Result<Since, MqttError> {
        let mut since = Since::Kept;
        if !client.session_present && !self.topics.is_empty() {
            since = Since::Lost;
            self.topics.clear();
        }
        let others = self.topics.iter().filter(|topic| !topics.contains(*topic));
        for topic in others.cloned().collect::<Vec<_>>() {
            client.unsubscribe(&topic).await?;
            self.topics.remove(&topic);
        }
        for topic in topics {
            if !self.topics.contains(topic) {
                client.subscribe(topic).await?;
                self.topics.insert(topic.clone());
            }
        }
        self.keep(node, memory);
        Ok(since)
    }

    fn keep(&self, node: &str, memory: &dyn Memory) {
        let state = serde_json::to_vec(self).unwrap_or_default();
        // Not the default, which stands for nothing.
        memory.keep(node, Kept { position: 1, state });
    }
}
