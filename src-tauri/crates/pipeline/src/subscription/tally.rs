//! What a subscription counted, kept with its position.

use crate::flow::Meter;
use serde::{Deserialize, Serialize};

/// Counts up to a position: they are no higher and no lower than what is done with there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Tally {
    pub(super) done: u64,
    pub(super) dead_lettered: u64,
    /// By [`REASONS`].
    pub(super) dropped: [u64; REASONS.len()],
}

/// Why a subscription drops events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    Unreadable,
    Refused,
    Lost,
    GivenUp,
}

const REASONS: [&str; 4] = [
    "not an event that can be read",
    "its function did not take it",
    "retention took it before it was read",
    "Event Grid gave it up",
];

impl Tally {
    pub(super) fn read(kept: Option<&[u8]>) -> Self {
        kept.and_then(|bytes| serde_json::from_slice(bytes).ok()).unwrap_or_default()
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    pub(super) fn drop(&mut self, reason: Reason, events: u64) {
        self.dropped[reason as usize] += events;
    }

    pub(super) fn add(&mut self, more: &Self) {
        self.done += more.done;
        self.dead_lettered += more.dead_lettered;
        for (own, more) in self.dropped.iter_mut().zip(more.dropped) {
            *own += more;
        }
    }

    /// Adds it to what a node shows.
    pub(super) fn show(&self, meter: &Meter) {
        let dropped: u64 = self.dropped.iter().sum();
        meter.done.add(self.done);
        meter.dead_lettered.add(self.dead_lettered);
        for (reason, events) in REASONS.into_iter().zip(self.dropped) {
            if events > 0 {
                meter.drop(reason, events);
            }
        }
        // Last: who sees that they were taken sees what became of them.
        meter.taken.add(self.done + self.dead_lettered + dropped);
    }
}
