//! A partition: a stream of the journal, and its newest events in memory for who reads along.

use super::event::{Event, LastEnqueued, NewEvent};
use crate::clock::now_millis;
use bytes::Bytes;
use journal::{Batch, Journal, JournalError, StreamId};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Newest events kept in memory, in bytes and in number.
const RECENT_BYTES: usize = 1 << 20;
const RECENT: usize = 4_096;
/// What a reader gets at once.
const AT_ONCE_BYTES: usize = 256 << 10;

/// One partition of an event hub.
pub struct Partition {
    journal: Journal,
    stream: StreamId,
    /// What the next event gets. Held while events are queued, so that they stand in its order.
    next: Mutex<Next>,
    /// Never held while the journal is waited for: its thread takes it too.
    recent: Mutex<Recent>,
    /// How many events there have been, which is the next one's sequence number.
    count: watch::Sender<u64>,
}

#[derive(Clone, Copy)]
struct Next {
    offset: i64,
    enqueued: i64,
}

#[derive(Default)]
struct Recent {
    events: VecDeque<Event>,
    bytes: usize,
    last: Option<(i64, i64, i64)>,
}

/// What `$management` says of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartitionProperties {
    /// Of the oldest event kept; -1 where there is none.
    pub begin_sequence_number: i64,
    /// Of the newest event ever; -1 before the first.
    pub last_sequence_number: i64,
    /// Of the newest event; -1 before the first.
    pub last_offset: i64,
    /// Of the newest event, in milliseconds since 1970.
    pub last_enqueued: i64,
    /// Whether nothing is kept.
    pub is_empty: bool,
}

/// Where to begin reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// With the oldest event kept.
    Earliest,
    /// With the next event to come.
    Latest,
    /// At or after an offset.
    Offset {
        /// The offset.
        offset: i64,
        /// At it, rather than after it.
        inclusive: bool,
    },
    /// At or after a sequence number.
    SequenceNumber {
        /// The number.
        number: i64,
        /// At it, rather than after it.
        inclusive: bool,
    },
    /// After (or at) a time in milliseconds since 1970.
    Enqueued {
        /// The time.
        at: i64,
        /// At it, rather than after it.
        inclusive: bool,
    },
}

impl Partition {
    /// Opens its stream. **Blocks.**
    pub(crate) fn open(journal: &Journal, name: &str) -> Result<Self, JournalError> {
        let stream = journal.stream(name)?;
        let head = journal.head(stream);
        let last = journal.read(stream, head, 1)?.pop();
        let last = last.and_then(|record| Event::read(record.position, record.payload.into()));
        let next = last.as_ref().map_or(Next { offset: 0, enqueued: 0 }, |event| Next {
            offset: event.offset + i64::try_from(event.size()).unwrap_or_default(),
            enqueued: event.enqueued,
        });
        let recent = Recent { last: last.as_ref().map(place), ..Recent::default() };
        Ok(Self {
            journal: journal.clone(),
            stream,
            next: Mutex::new(next),
            recent: Mutex::new(recent),
            count: watch::Sender::new(head),
        })
    }

    /// Keeps events, all or none. `done` is called on the journal's thread, with the first one's
    /// sequence number. **Blocks** while the journal's queue is full.
    pub fn append(
        self: &Arc<Self>,
        events: &[NewEvent],
        done: impl FnOnce(Result<i64, JournalError>) + Send + 'static,
    ) {
        self.append_with(events, None, done);
    }

    /// As [`Partition::append`], and in the same commit records of another stream.
    pub(crate) fn append_with(
        self: &Arc<Self>,
        events: &[NewEvent],
        beside: Option<(StreamId, Vec<Vec<u8>>)>,
        done: impl FnOnce(Result<i64, JournalError>) + Send + 'static,
    ) {
        let mut next = self.next.lock();
        let enqueued = now_millis().max(next.enqueued);
        next.enqueued = enqueued;
        let record = |event: &NewEvent| {
            let record = event.record(next.offset, enqueued);
            next.offset += i64::try_from(record.len()).unwrap_or_default();
            record
        };
        let records: Vec<Vec<u8>> = events.iter().map(record).collect();
        let copies: Vec<Bytes> = records.iter().map(|r| Bytes::copy_from_slice(r)).collect();
        // The first append of a batch is the one that is answered.
        let mut batch = Batch::new().append(self.stream, records);
        if let Some((stream, records)) = beside {
            batch = batch.append(stream, records);
        }
        let partition = self.clone();
        self.journal.commit(batch).on_done(move |appended| {
            done(appended.map(|positions| {
                partition.arrived(positions.start, copies);
                i64::try_from(positions.start).unwrap_or_default() - 1
            }));
        });
        // Only now: what comes next must not arrive before these.
        drop(next);
    }

    fn arrived(&self, first: u64, records: Vec<Bytes>) {
        let count = first + records.len() as u64 - 1;
        let mut recent = self.recent.lock();
        for (position, record) in (first..).zip(records) {
            let Some(event) = Event::read(position, record) else { continue };
            recent.last = Some(place(&event));
            recent.bytes += event.size();
            recent.events.push_back(event);
        }
        while recent.bytes > RECENT_BYTES || recent.events.len() > RECENT {
            let Some(oldest) = recent.events.pop_front() else { break };
            recent.bytes -= oldest.size();
        }
        drop(recent);
        self.count.send_replace(count);
    }

    /// How many events there have been.
    #[must_use]
    pub fn count(&self) -> u64 {
        *self.count.borrow()
    }

    /// Waits until there have been more than `count` events.
    pub async fn more_than(&self, count: u64) {
        // The sender lives as long as this partition.
        let _ = self.count.subscribe().wait_for(|now| *now > count).await;
    }

    /// Events from a sequence number on: about 256 KiB, at most `most`, and none where there are
    /// none yet. Where they have been trimmed, it goes on with the oldest one kept.
    ///
    /// # Errors
    /// Those of the journal.
    pub async fn read(
        self: &Arc<Self>,
        from: u64,
        most: usize,
    ) -> Result<Vec<Event>, JournalError> {
        if from >= self.count() {
            return Ok(Vec::new());
        }
        if let Some(events) = self.recent.lock().from(from, most) {
            return Ok(events);
        }
        let partition = self.clone();
        let read = tokio::task::spawn_blocking(move || partition.read_kept(from, most)).await;
        read.map_err(|_| JournalError::Closed)?
    }

    /// The same from the journal alone. **Blocks.**
    ///
    /// # Errors
    /// Those of the journal.
    pub fn read_kept(&self, from: u64, most: usize) -> Result<Vec<Event>, JournalError> {
        let records = self.journal.read(self.stream, from + 1, most.min(512))?;
        let events = records
            .into_iter()
            .filter_map(|record| Event::read(record.position, record.payload.into()));
        Ok(events.scan(0, within).collect())
    }

    /// The sequence number with which to begin reading at a position. **Blocks**: it may read.
    ///
    /// # Errors
    /// Those of the journal.
    pub fn find(&self, position: Position) -> Result<u64, JournalError> {
        let first = self.journal.first(self.stream) - 1;
        let count = self.count();
        let after = |n: i64, inclusive: bool| {
            u64::try_from(n.saturating_add(i64::from(!inclusive))).unwrap_or_default()
        };
        Ok(match position {
            Position::Earliest => first,
            Position::Latest => count,
            Position::SequenceNumber { number, inclusive } => after(number, inclusive).max(first),
            Position::Offset { offset, inclusive } => {
                let from = offset.saturating_add(i64::from(!inclusive));
                self.search(first, count, |event| event.offset >= from)?
            }
            Position::Enqueued { at, inclusive } => {
                let from = at.saturating_add(i64::from(!inclusive));
                self.search(first, count, |event| event.enqueued >= from)?
            }
        })
    }

    /// The first of the events `low..high` for which it holds, as it does for all behind.
    fn search(
        &self,
        mut low: u64,
        mut high: u64,
        holds: impl Fn(&Event) -> bool,
    ) -> Result<u64, JournalError> {
        while low < high {
            let middle = low + (high - low) / 2;
            // A trim may have gone past it meanwhile: then the record is one behind it.
            let record = self.journal.read(self.stream, middle + 1, 1)?.pop();
            let event = record.and_then(|r| Event::read(r.position, r.payload.into()));
            if event.is_none_or(|event| holds(&event)) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        Ok(low)
    }

    /// What `$management` says of it.
    #[must_use]
    pub fn properties(&self) -> PartitionProperties {
        let (first, count) = (self.journal.first(self.stream) - 1, self.count());
        let is_empty = first >= count;
        let (last_sequence_number, last_offset, last_enqueued) =
            self.recent.lock().last.unwrap_or((-1, -1, 0));
        let begin = if is_empty { -1 } else { i64::try_from(first).unwrap_or_default() };
        PartitionProperties {
            begin_sequence_number: begin,
            last_sequence_number,
            last_offset,
            last_enqueued,
            is_empty,
        }
    }

    pub(crate) fn last_enqueued(&self) -> Option<LastEnqueued> {
        let (sequence_number, offset, enqueued) = self.recent.lock().last?;
        Some(LastEnqueued { sequence_number, offset, enqueued, now: now_millis() })
    }

    /// Drops what is older or more than may be kept; the newest event always stays. **Blocks.**
    ///
    /// # Errors
    /// Those of the journal.
    pub(crate) fn trim(
        &self,
        max_age: Duration,
        max_bytes: Option<u64>,
    ) -> Result<(), JournalError> {
        let age = i64::try_from(max_age.as_millis()).unwrap_or(i64::MAX);
        let young = now_millis().saturating_sub(age);
        let mut from = self.find(Position::Enqueued { at: young, inclusive: true })?;
        if let Some(most) = max_bytes {
            let most = i64::try_from(most).unwrap_or(i64::MAX);
            let offset = self.next.lock().offset.saturating_sub(most);
            from = from.max(self.find(Position::Offset { offset, inclusive: true })?);
        }
        let from = from.min(self.count().saturating_sub(1));
        if from + 1 > self.journal.first(self.stream) {
            self.journal.trim(self.stream, from + 1);
            let mut recent = self.recent.lock();
            while recent.events.front().is_some_and(|e| e.sequence_number < from.cast_signed()) {
                let Some(event) = recent.events.pop_front() else { break };
                recent.bytes -= event.size();
            }
        }
        Ok(())
    }

    /// Where a reader of that name goes on: a sequence number; the oldest event's for a new one.
    pub(crate) fn cursor(&self, name: &str) -> u64 {
        // What a reader is done with ends at a position, which is the next event's number.
        self.journal.cursor(name).unwrap_or_else(|| self.journal.first(self.stream) - 1)
    }

    /// Keeps where a reader goes on, lazily.
    pub(crate) fn keep_cursor(&self, name: &str, next: u64) {
        self.journal.set_cursor(name, self.stream, next);
    }

    /// Drops everything: its hub was deleted.
    pub(crate) fn clear(&self) {
        self.journal.trim(self.stream, self.count() + 1);
    }
}

fn place(event: &Event) -> (i64, i64, i64) {
    (event.sequence_number, event.offset, event.enqueued)
}

/// Takes events while they are not too many bytes together, and the first in any case.
fn within(bytes: &mut usize, event: Event) -> Option<Event> {
    let fits = *bytes == 0 || *bytes + event.size() <= AT_ONCE_BYTES;
    *bytes += event.size();
    fits.then_some(event)
}

impl Recent {
    /// Events from a sequence number on, if that one is still here.
    fn from(&self, from: u64, most: usize) -> Option<Vec<Event>> {
        let first = u64::try_from(self.events.front()?.sequence_number).ok()?;
        let skip = usize::try_from(from.checked_sub(first)?).ok()?;
        if skip >= self.events.len() {
            return None;
        }
        Some(self.events.iter().skip(skip).take(most).cloned().scan(0, within).collect())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use journal::Options;
    use std::sync::mpsc;

    fn partition(kept: Vec<Vec<u8>>) -> (tempfile::TempDir, Journal, Arc<Partition>) {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(folder.path(), Options::default()).unwrap();
        let stream = journal.stream("hub/0").unwrap();
        if !kept.is_empty() {
            journal.append(stream, kept).wait().unwrap();
        }
        let partition = Partition::open(&journal, "hub/0").unwrap();
        (folder, journal, Arc::new(partition))
    }

    fn event(size: usize) -> NewEvent {
        NewEvent::of_data(vec![b'x'; size].into(), None)
    }

    fn append(partition: &Arc<Partition>, event: NewEvent) -> i64 {
        let (done, kept) = mpsc::channel();
        partition.append(&[event], move |number| done.send(number).unwrap());
        kept.recv().unwrap().unwrap()
    }

    /// Trims go in slices on the journal's thread.
    fn begins_at(partition: &Partition, expected: i64) {
        for _ in 0..500 {
            if partition.properties().begin_sequence_number == expected {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(partition.properties().begin_sequence_number, expected);
    }

    #[test]
    fn a_clock_that_is_set_back_changes_no_order() {
        let hour = 3_600_000;
        let ahead = now_millis() + hour;
        let (_folder, journal, partition) = partition(vec![event(1).record(0, ahead)]);
        assert_eq!([append(&partition, event(1)), append(&partition, event(1))], [1, 2]);
        let events = partition.read_kept(0, 10).unwrap();
        assert!(events.iter().all(|event| event.enqueued == ahead), "{events:?}");
        assert!(events.is_sorted_by_key(|event| (event.sequence_number, event.offset)));
        let find = |at, inclusive| partition.find(Position::Enqueued { at, inclusive }).unwrap();
        assert_eq!([find(now_millis(), true), find(ahead, true), find(ahead, false)], [0, 0, 3]);
        // They are kept until the clock is where it was and the time is over.
        partition.trim(Duration::from_secs(1), None).unwrap();
        journal.flush().unwrap();
        begins_at(&partition, 0);
    }

    #[test]
    fn what_is_too_old_goes_and_the_newest_stays() {
        let now = now_millis();
        let kept = [now - 3_000_000, now - 2_000_000, now - 1_000, now].into_iter().zip(0..);
        let kept = kept.map(|(at, n)| event(100).record(n * 123, at)).collect();
        let (_folder, _journal, partition) = partition(kept);
        partition.trim(Duration::from_secs(60), None).unwrap();
        begins_at(&partition, 2);
        assert_eq!(partition.find(Position::Earliest).unwrap(), 2);
        // Who asks for what is gone goes on with the oldest.
        assert_eq!(partition.read_kept(0, 10).unwrap()[0].sequence_number, 2);
        partition.trim(Duration::ZERO, None).unwrap();
        begins_at(&partition, 3);
        let properties = partition.properties();
        assert!(!properties.is_empty);
        assert_eq!((properties.last_sequence_number, partition.count()), (3, 4));
    }

    #[test]
    fn what_is_too_much_goes_and_reading_along_goes_on() {
        let (_folder, _journal, partition) = partition(Vec::new());
        (0..10).for_each(|number| assert_eq!(append(&partition, event(1_000)), number));
        partition.trim(Duration::from_secs(3_600), Some(3_200)).unwrap();
        begins_at(&partition, 7);
        assert!(partition.recent.lock().from(0, 100).is_none());
        assert_eq!(partition.recent.lock().from(7, 100).unwrap().len(), 3);
        assert_eq!(append(&partition, event(1)), 10);
        assert_eq!(partition.properties().last_sequence_number, 10);
    }
}
