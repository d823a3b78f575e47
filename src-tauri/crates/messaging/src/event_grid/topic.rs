//! A topic: a stream of accepted events, and its subscriptions.

use super::access::TopicKeys;
use super::ahead::{Ahead, Placed};
use super::delivery::Running;
use super::event::Event;
use super::publish::InputSchema;
use super::retry::Failure;
use super::subscription::Subscription;
use journal::{Journal, JournalError, Retention, StreamId};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::sync::watch;

/// Events are kept for their longest life and a little; what subscribers are behind by more than
/// these bytes is lost, and counted.
const KEEP_FOR: Duration = Duration::from_secs(25 * 60 * 60);
const KEEP_BYTES: u64 = 512 << 20;
/// Trimming costs a commit: in steps.
const TRIM_STEP: u64 = 1_000;

/// Whether a subscription gets events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProvisioningState {
    /// It does.
    Succeeded,
    /// Not before somebody opened the validation URL.
    AwaitingManualAction,
    /// Not any more: nobody opened the validation URL in time.
    Failed,
}

/// A subscription as it is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Stored {
    pub(super) spec: Subscription,
    pub(super) state: ProvisioningState,
    /// What the validation URL must bring.
    pub(super) code: String,
    /// Until when, in milliseconds since 1970.
    pub(super) code_expires: i64,
}

/// A subscription and what works for it.
pub(super) struct Entry {
    pub(super) stored: Stored,
    pub(super) counts: Arc<SubscriptionCounters>,
    pub(super) ahead: Arc<Ahead>,
    /// `None` while it gets no events.
    pub(super) running: Option<Running>,
}

/// What a subscription's deliveries came to.
#[derive(Debug, Default)]
pub(super) struct SubscriptionCounters {
    pub(super) matched: AtomicU64,
    pub(super) delivered: AtomicU64,
    pub(super) failed_attempts: AtomicU64,
    pub(super) dead_lettered: AtomicU64,
    pub(super) dropped: AtomicU64,
    pub(super) lost: AtomicU64,
    pub(super) pending: AtomicU64,
    /// Positions before this one it is done with.
    pub(super) low: AtomicU64,
    /// What became of the attempt that failed last, if none worked since.
    pub(super) last_failure: Mutex<Option<Failure>>,
}

/// What a subscription's deliveries came to since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SubscriptionCounts {
    /// Events that its filter let through.
    pub matched: u64,
    /// Events delivered.
    pub delivered: u64,
    /// Attempts that failed.
    pub failed_attempts: u64,
    /// Events given up and kept as dead letters.
    pub dead_lettered: u64,
    /// Events given up and dropped.
    pub dropped: u64,
    /// Events that retention took, or that could not be read.
    pub lost: u64,
    /// Events under way or waiting for their next attempt.
    pub pending: u64,
}

impl SubscriptionCounters {
    pub(super) fn counts(&self) -> SubscriptionCounts {
        SubscriptionCounts {
            matched: self.matched.load(Relaxed),
            delivered: self.delivered.load(Relaxed),
            failed_attempts: self.failed_attempts.load(Relaxed),
            dead_lettered: self.dead_lettered.load(Relaxed),
            dropped: self.dropped.load(Relaxed),
            lost: self.lost.load(Relaxed),
            pending: self.pending.load(Relaxed),
        }
    }
}

/// A custom topic, or the system topic of an IoT hub.
pub struct Topic {
    pub(super) name: String,
    /// As a resource of Azure: what events have as their topic.
    pub(super) resource_id: String,
    pub(super) input: InputSchema,
    pub(super) keys: TopicKeys,
    /// Whether clients may publish.
    pub(super) custom: bool,
    pub(super) journal: Journal,
    pub(super) stream: StreamId,
    head: watch::Sender<u64>,
    trimmed: AtomicU64,
    pub(super) subscriptions: Mutex<BTreeMap<String, Entry>>,
    /// Held while the list of subscriptions is made durable.
    pub(super) writing: tokio::sync::Mutex<()>,
    unmatched: AtomicU64,
}

impl Topic {
    /// Opens a topic's stream; waits for the disk.
    pub(super) fn open(
        journal: &Journal,
        name: &str,
        resource_id: String,
        input: InputSchema,
        keys: TopicKeys,
        custom: bool,
    ) -> Result<Self, JournalError> {
        let stream = journal.stream(&format!("event-grid/{name}"))?;
        journal.set_retention(
            stream,
            Retention { max_age: Some(KEEP_FOR), max_bytes: Some(KEEP_BYTES) },
        );
        Ok(Self {
            name: name.to_owned(),
            resource_id,
            input,
            keys,
            custom,
            journal: journal.clone(),
            stream,
            head: watch::Sender::new(journal.head(stream)),
            trimmed: AtomicU64::new(0),
            subscriptions: Mutex::default(),
            writing: tokio::sync::Mutex::default(),
            unmatched: AtomicU64::new(0),
        })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether clients may publish to it: not to a system topic.
    #[must_use]
    pub fn is_custom(&self) -> bool {
        self.custom
    }

    /// Its primary key.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.keys.primary
    }

    /// Its resource id, which its events carry as their topic.
    #[must_use]
    pub fn resource_id(&self) -> &str {
        &self.resource_id
    }

    /// Events that were accepted while nobody subscribed.
    #[must_use]
    pub fn unmatched(&self) -> u64 {
        self.unmatched.load(Relaxed)
    }

    /// Whether an event of this type has a subscriber at all.
    #[must_use]
    pub fn has_subscriber(&self, event_type: &str) -> bool {
        let subscriptions = self.subscriptions.lock();
        subscriptions
            .values()
            .any(|entry| entry.running.is_some() && entry.stored.spec.filter.takes_type(event_type))
    }

    fn wanted(&self, events: Vec<Event>) -> Vec<Event> {
        let all = events.len();
        let wanted: Vec<_> =
            events.into_iter().filter(|event| self.has_subscriber(&event.event_type())).collect();
        self.unmatched.fetch_add((all - wanted.len()) as u64, Relaxed);
        wanted
    }

    /// Accepts events: they are durable when this returns, where they have subscribers. Those
    /// that have none are gone, as in the service.
    ///
    /// # Errors
    /// Those of the journal; nothing of them is then kept.
    pub async fn publish(self: &Arc<Self>, events: Vec<Event>) -> Result<(), JournalError> {
        let events = self.wanted(events);
        if events.is_empty() {
            return Ok(());
        }
        let (done, answered) = tokio::sync::oneshot::channel();
        let (topic, records) = (self.clone(), records(&events));
        let lengths: Vec<_> = records.iter().map(Vec::len).collect();
        self.journal.append(self.stream, records).on_done(move |result| {
            let arrived = result.map(|positions| topic.arrived(positions.start, events, lengths));
            // The client may have gone.
            let _ = done.send(arrived);
        });
        answered.await.unwrap_or(Err(JournalError::Closed))
    }

    /// Events are durable: hands them to the subscriptions, and wakes these.
    fn arrived(&self, first: u64, events: Vec<Event>, lengths: Vec<usize>) {
        let placed: Vec<_> = (first..)
            .zip(events)
            .zip(lengths)
            .map(|((position, event), bytes)| Placed { position, event: event.into(), bytes })
            .collect();
        for entry in self.subscriptions.lock().values() {
            if entry.running.is_some() {
                entry.ahead.push(&placed);
            }
        }
        drop(placed);
        self.appended();
    }

    /// The records of events that are appended along with something else; [`Topic::appended`] is
    /// to be called when they are durable. `None` where there is nobody to deliver them to.
    #[must_use]
    pub fn records(&self, events: Vec<Event>) -> Option<(StreamId, Vec<Vec<u8>>)> {
        let events = self.wanted(events);
        (!events.is_empty()).then(|| (self.stream, records(&events)))
    }

    /// Accepts an event without waiting; where it cannot be kept, that is logged.
    pub fn publish_soon(self: &Arc<Self>, event: Event) {
        let Some((stream, records)) = self.records(vec![event]) else { return };
        let topic = self.clone();
        self.journal.append(stream, records).on_done(move |done| match done {
            Ok(_) => topic.appended(),
            Err(error) => tracing::error!(%error, topic = topic.name, "an event was not kept"),
        });
    }

    /// Wakes the deliveries.
    pub fn appended(&self) {
        self.head.send_replace(self.journal.head(self.stream));
    }

    pub(super) fn watch(&self) -> watch::Receiver<u64> {
        self.head.subscribe()
    }

    /// Lets go of what every subscription is done with.
    pub(super) fn trim(&self) {
        let low = {
            let subscriptions = self.subscriptions.lock();
            let running = subscriptions.values().filter(|entry| entry.running.is_some());
            running.map(|entry| entry.counts.low.load(Relaxed)).min()
        };
        let Some(low) = low else { return };
        if low >= self.trimmed.load(Relaxed) + TRIM_STEP {
            self.trimmed.store(low, Relaxed);
            self.journal.trim(self.stream, low);
        }
    }
}

fn records(events: &[Event]) -> Vec<Vec<u8>> {
    events.iter().map(Event::record).collect()
}
