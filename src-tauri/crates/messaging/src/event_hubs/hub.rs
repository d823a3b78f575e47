//! An event hub: partitions, consumer groups, and who reads.

use super::event::NewEvent;
use super::partition::Partition;
use super::partition_key::partition_of;
use super::readers::Readers;
use journal::{Journal, JournalError};
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::oneshot;

/// The consumer group that every hub has.
pub const DEFAULT_GROUP: &str = "$Default";
//= documented: A message or batch has at most 1 MiB. [event-hubs/includes/event-hubs-tier-limits]
/// The service's limit on one message or batch, in bytes (Standard and up).
pub const MAX_MESSAGE: u64 = 1 << 20;

/// How an event hub is to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EventHubSpec {
    /// 1 to 32; it cannot be changed later.
    pub partitions: usize,
    /// Besides `$Default`.
    pub consumer_groups: Vec<String>,
    /// Events older than this go, in hours.
    pub retention_hours: u64,
    /// The oldest events of a partition go while it holds more bytes than this.
    pub retention_bytes: Option<u64>,
}

impl Default for EventHubSpec {
    fn default() -> Self {
        Self {
            partitions: 4,
            consumer_groups: Vec::new(),
            //= ours: Events are kept for a day where nothing else is said; the service has seven
            //  days at most (Standard). [event-hubs/includes/event-hubs-tier-limits]
            retention_hours: 24,
            //= ours: A partition holds at most 1 GiB; the service has no such limit.
            retention_bytes: Some(1 << 30),
        }
    }
}

/// An event hub.
pub struct Hub {
    /// As it was created.
    pub name: String,
    /// When it was created, in milliseconds since 1970.
    pub created: i64,
    /// Whether it is an IoT hub's endpoint: clients may only read from it.
    pub built_in: bool,
    pub(crate) partitions: Vec<Arc<Partition>>,
    pub(crate) readers: Readers,
    spec: RwLock<EventHubSpec>,
    /// Whether it was deleted.
    pub(crate) gone: AtomicBool,
    round: AtomicUsize,
}

impl Hub {
    /// Opens the partitions' streams. **Blocks.** `stream` is what their names begin with.
    pub(crate) fn open(
        journal: &Journal,
        name: &str,
        stream: &str,
        created: i64,
        spec: EventHubSpec,
        built_in: bool,
    ) -> Result<Self, JournalError> {
        let open = |id| Partition::open(journal, &format!("{stream}/{id}")).map(Arc::new);
        let partitions = (0..spec.partitions).map(open).collect::<Result<_, _>>()?;
        Ok(Self {
            name: name.to_owned(),
            created,
            built_in,
            partitions,
            readers: Readers::default(),
            spec: RwLock::new(spec),
            gone: AtomicBool::new(false),
            round: AtomicUsize::new(0),
        })
    }

    /// A partition by its id.
    #[must_use]
    pub fn partition(&self, id: &str) -> Option<&Arc<Partition>> {
        let at: usize = id.parse().ok()?;
        // "+1" and "01" are no ids.
        (at.to_string() == id).then(|| self.partitions.get(at)).flatten()
    }

    /// All partitions, by id.
    #[must_use]
    pub fn partitions(&self) -> &[Arc<Partition>] {
        &self.partitions
    }

    /// How it is.
    #[must_use]
    pub fn spec(&self) -> EventHubSpec {
        self.spec.read().clone()
    }

    pub(crate) fn set_spec(&self, spec: EventHubSpec) {
        *self.spec.write() = spec;
    }

    /// Whether there is such a consumer group.
    #[must_use]
    pub fn has_group(&self, group: &str) -> bool {
        let same = |own: &str| own.eq_ignore_ascii_case(group);
        same(DEFAULT_GROUP) || self.spec.read().consumer_groups.iter().any(|own| same(own))
    }

    /// Which partition an event goes to whose sender did not say.
    pub(crate) fn choose(&self, event: &NewEvent) -> usize {
        match &event.partition_key {
            Some(key) => partition_of(key, self.partitions.len()),
            None => self.round.fetch_add(1, Ordering::Relaxed) % self.partitions.len(),
        }
    }

    /// Keeps an event, from within this process; answers with its partition and sequence number
    /// once it is durable.
    ///
    /// # Errors
    /// Those of the journal.
    pub async fn send(&self, event: NewEvent) -> Result<(usize, i64), JournalError> {
        let at = self.choose(&event);
        let (done, kept) = oneshot::channel();
        // Who asked may have gone.
        self.partitions[at].append(&[event], move |sequence| drop(done.send(sequence)));
        Ok((at, kept.await.map_err(|_| JournalError::Closed)??))
    }

    /// Drops what may not be kept any longer. **Blocks.**
    pub(crate) fn trim(&self) {
        let spec = self.spec();
        let age = Duration::from_secs(spec.retention_hours.saturating_mul(3_600));
        for partition in &self.partitions {
            if let Err(error) = partition.trim(age, spec.retention_bytes) {
                tracing::warn!(%error, hub = self.name, "old events could not be dropped");
            }
        }
    }
}
