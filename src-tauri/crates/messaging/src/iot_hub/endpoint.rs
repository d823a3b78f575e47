//! The hub's Event-Hub-compatible endpoint: an event hub of its own, which clients of Event Hubs
//! can read and nobody but the hub writes to.

use super::telemetry::Telemetry;
use crate::event_hubs::{Hub, Partition};
use journal::{JournalError, StreamId};
use std::sync::Arc;

/// Where accepted telemetry is kept. A device's messages all go to one partition, in order.
pub struct Endpoint {
    hub: Arc<Hub>,
}

impl Endpoint {
    pub(super) fn new(hub: Arc<Hub>) -> Self {
        Self { hub }
    }

    /// The event hub that it is.
    #[must_use]
    pub fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// Its partitions, by number.
    #[must_use]
    pub fn partitions(&self) -> &[Arc<Partition>] {
        self.hub.partitions()
    }

    //= ours: Which partition a device's messages go to; the service does not say how it chooses,
    //  only that it is by the device's id. [iot-hub/iot-hub-devguide-messages-construct]
    /// The partition of a device: FNV-1a, so that it is the same at every start.
    #[must_use]
    pub fn partition_of(&self, device: &str) -> usize {
        let hash = device.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        (hash % self.partitions().len() as u64) as usize
    }

    /// Appends messages of one device, and with them the records of their events where Event Grid
    /// has a subscriber: all or nothing. `done` is called on the journal's thread when they are
    /// durable, or refused.
    pub fn append(
        &self,
        partition: usize,
        messages: &[Telemetry],
        events: Option<(StreamId, Vec<Vec<u8>>)>,
        done: impl FnOnce(Result<(), JournalError>) + Send + 'static,
    ) {
        let Some(partition) = self.partitions().get(partition) else {
            return done(Err(JournalError::Closed));
        };
        let messages: Vec<_> = messages.iter().map(Telemetry::to_event).collect();
        partition.append_with(&messages, events, move |kept| done(kept.map(drop)));
    }

    /// Where a named reader of a partition goes on: the sequence number after the last that it is
    /// done with. A new one begins with the oldest message that is kept.
    #[must_use]
    pub fn cursor(&self, reader: &str, partition: usize) -> u64 {
        let Some(found) = self.partitions().get(partition) else { return 0 };
        found.cursor(&self.cursor_name(reader, partition))
    }

    /// Keeps where a reader goes on, lazily.
    pub fn keep_cursor(&self, reader: &str, partition: usize, next: u64) {
        if let Some(found) = self.partitions().get(partition) {
            found.keep_cursor(&self.cursor_name(reader, partition), next);
        }
    }

    fn cursor_name(&self, reader: &str, partition: usize) -> String {
        format!("iot-hub/{}/{partition}/{reader}", self.hub.name)
    }
}
