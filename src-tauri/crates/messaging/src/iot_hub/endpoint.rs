//! The hub's Event-Hub-compatible endpoint: a stream of the journal for each partition.

use super::telemetry::Telemetry;
use journal::{Batch, Journal, JournalError, StreamId};
use std::sync::Arc;
use tokio::sync::watch;

/// Where accepted telemetry is kept. A device's messages all go to one partition, in order.
pub struct Endpoint {
    hub: String,
    journal: Journal,
    partitions: Vec<Partition>,
}

struct Partition {
    stream: StreamId,
    /// The last durable position.
    head: Arc<watch::Sender<u64>>,
}

impl Endpoint {
    /// Opens the streams of a hub, which are made where there are none; waits for the disk.
    ///
    /// # Errors
    /// Those of [`Journal::stream`].
    pub fn open(journal: &Journal, hub: &str, partitions: usize) -> Result<Self, JournalError> {
        let open = |index: usize| {
            let stream = journal.stream(&format!("iot-hub/{hub}/{index}"))?;
            let head = Arc::new(watch::Sender::new(journal.head(stream)));
            Ok(Partition { stream, head })
        };
        let partitions = (0..partitions.max(1)).map(open).collect::<Result<_, JournalError>>()?;
        Ok(Self { hub: hub.to_owned(), journal: journal.clone(), partitions })
    }

    /// How many partitions there are.
    #[must_use]
    pub fn partitions(&self) -> usize {
        self.partitions.len()
    }

    /// The partition of a device: FNV-1a, so that it is the same at every start.
    #[must_use]
    pub fn partition_of(&self, device: &str) -> usize {
        let hash = device.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        (hash % self.partitions.len() as u64) as usize
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
        let Some(Partition { stream, head }) = self.partitions.get(partition) else {
            return done(Err(JournalError::Closed));
        };
        let records: Vec<_> = messages.iter().map(Telemetry::to_record).collect();
        let count = records.len() as u64;
        let head = head.clone();
        // The first append of a batch is the one that is answered.
        let mut batch = Batch::new().append(*stream, records);
        if let Some((topic, events)) = events {
            batch = batch.append(topic, events);
        }
        self.journal.commit(batch).on_done(move |answered| {
            if let Ok(positions) = &answered {
                let last = positions.start + count.saturating_sub(1);
                head.send_if_modified(|known| {
                    let newer = last > *known;
                    *known = last.max(*known);
                    newer
                });
            }
            done(answered.map(drop));
        });
    }

    /// Messages from position `from` on, with their positions. What cannot be read as one is
    /// passed over.
    ///
    /// # Errors
    /// Those of [`Journal::read`].
    pub fn read(
        &self,
        partition: usize,
        from: u64,
        most: usize,
    ) -> Result<Vec<(u64, Option<Telemetry>)>, JournalError> {
        let Some(Partition { stream, .. }) = self.partitions.get(partition) else {
            return Ok(Vec::new());
        };
        let records = self.journal.read(*stream, from, most)?;
        let message =
            |record: journal::Record| (record.position, Telemetry::from_record(&record.payload));
        Ok(records.into_iter().map(message).collect())
    }

    /// Follows the last durable position of a partition.
    #[must_use]
    pub fn watch(&self, partition: usize) -> Option<watch::Receiver<u64>> {
        self.partitions.get(partition).map(|partition| partition.head.subscribe())
    }

    /// Where a named reader of a partition is: the last position that it is done with. A new one
    /// begins with the oldest message that is kept.
    #[must_use]
    pub fn cursor(&self, reader: &str, partition: usize) -> u64 {
        let Some(Partition { stream, .. }) = self.partitions.get(partition) else { return 0 };
        let kept = self.journal.cursor(&self.cursor_name(reader, partition));
        kept.unwrap_or_else(|| self.journal.first(*stream).saturating_sub(1))
    }

    /// Keeps where a reader is, lazily.
    pub fn keep_cursor(&self, reader: &str, partition: usize, position: u64) {
        if let Some(Partition { stream, .. }) = self.partitions.get(partition) {
            self.journal.set_cursor(&self.cursor_name(reader, partition), *stream, position);
        }
    }

    fn cursor_name(&self, reader: &str, partition: usize) -> String {
        format!("iot-hub/{}/{partition}/{reader}", self.hub)
    }
}
