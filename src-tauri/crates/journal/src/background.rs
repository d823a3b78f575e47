//! The I/O thread's slow work, in slices that each have their own commit: pieces of snapshots,
//! trims, retention. So it neither holds appends up for long nor makes them fail.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::mpsc::TryRecvError,
    time::{Duration, Instant},
};

use crate::{
    JournalError, Retention, StoreError, StreamId,
    append::Answer,
    io_thread::{IoThread, now_ms},
    queue::Snapshot,
    read,
    store::{Extent, Kept, Write},
};

/// Chunks of a snapshot that share a commit, and that wait for it at the most.
pub(crate) const CHUNKS_A_SLICE: usize = 16;
/// The most chunks that a snapshot may have: their numbers have 20 bits.
const MOST_CHUNKS: u32 = 1 << 20;
const RECORDS_A_SLICE: usize = 4_096;
const SWEEP: Duration = Duration::from_secs(1);
const HELD_UP: Duration = Duration::from_millis(100);

pub(crate) struct Background {
    lane: VecDeque<Slow>,
    /// The first in the lane waits for whoever writes it.
    starved: bool,
    /// Trims and retention wait while the log is moved into the database.
    held_up: bool,
    trims: BTreeMap<StreamId, u64>,
    retentions: BTreeMap<StreamId, Retention>,
    next_sweep: Instant,
    next_snapshot: u64,
}

enum Slow {
    Snapshot(Writing),
    Flush(Answer),
}

/// A snapshot on its way to the disk.
struct Writing {
    snapshot: Snapshot,
    /// Chunks taken and not written.
    taken: Vec<Vec<u8>>,
    end: End,
    chunks: u32,
    bytes: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// More will come.
    NotYet,
    /// Everything was taken.
    Complete,
    /// Whoever wrote it gave up.
    GivenUp,
}

impl Writing {
    /// Takes what there is, up to a slice; says whether it is worth a commit.
    fn take(&mut self) -> bool {
        while self.end == End::NotYet && self.taken.len() < CHUNKS_A_SLICE {
            match self.snapshot.chunks.try_recv() {
                Ok(Some(chunk)) => self.taken.push(chunk),
                Ok(None) => self.end = End::Complete,
                Err(TryRecvError::Disconnected) => self.end = End::GivenUp,
                Err(TryRecvError::Empty) => return false,
            }
        }
        true
    }
}

impl Background {
    pub(crate) fn new(next_snapshot: u64) -> Self {
        let (lane, trims, retentions) = Default::default();
        let next_sweep = Instant::now();
        Self { lane, starved: false, held_up: false, trims, retentions, next_sweep, next_snapshot }
    }

    pub(crate) fn add_snapshot(&mut self, snapshot: Snapshot) {
        let (taken, end, chunks, bytes) = (Vec::new(), End::NotYet, 0, 0);
        self.lane.push_back(Slow::Snapshot(Writing { snapshot, taken, end, chunks, bytes }));
    }

    /// Answered when the snapshots before it are done.
    pub(crate) fn add_flush(&mut self, answer: Answer) {
        self.lane.push_back(Slow::Flush(answer));
    }

    pub(crate) fn add_trim(&mut self, stream: StreamId, before: u64) {
        let kept = self.trims.entry(stream).or_insert(before);
        *kept = before.max(*kept);
    }

    pub(crate) fn retain(&mut self, stream: StreamId, retention: Retention) {
        self.retentions.insert(stream, retention);
        self.next_sweep = Instant::now();
    }

    pub(crate) fn lane_is_empty(&self) -> bool {
        self.lane.is_empty()
    }

    pub(crate) fn wake_at(&self) -> Option<Instant> {
        if !(self.lane.is_empty() || self.starved) {
            return Some(Instant::now());
        }
        let next = if self.trims.is_empty() { self.next_sweep } else { Instant::now() };
        let next = if self.held_up { next.max(Instant::now() + HELD_UP) } else { next };
        (!(self.trims.is_empty() && self.retentions.is_empty())).then_some(next)
    }
}

impl IoThread {
    /// One slice of each kind of slow work there is.
    pub(crate) fn background_step(&mut self) {
        // What is trimmed is looked up in the database, which keeps its readers waiting then.
        self.background.held_up = self.shared.tail.is_moving();
        if !self.background.held_up {
            self.sweep();
            self.trim_step();
        }
        self.background.starved = false;
        match self.background.lane.pop_front() {
            Some(Slow::Flush(answer)) => answer.give(Ok(0..0)),
            Some(Slow::Snapshot(writing)) => self.snapshot_slice(writing),
            None => {}
        }
    }

    fn trim_step(&mut self) {
        if let Some((stream, before)) = self.background.trims.pop_first() {
            match self.trim_slice(stream, before) {
                Ok(true) => {}
                Ok(false) => self.background.add_trim(stream, before),
                Err(error) => {
                    tracing::warn!(%error, stream = stream.0, "records could not be trimmed")
                }
            }
        }
    }

    /// The snapshot's number is used up only when it is complete: the pieces of a refused one, or
    /// of one that was given up, are overwritten by the next.
    fn snapshot_slice(&mut self, mut writing: Writing) {
        if !writing.take() {
            self.background.starved = true;
            self.background.lane.push_front(Slow::Snapshot(writing));
            return;
        }
        let done = match self.write_slice(&mut writing) {
            Ok(()) if writing.end == End::NotYet => {
                self.background.lane.push_front(Slow::Snapshot(writing));
                return;
            }
            Ok(()) if writing.end == End::Complete => {
                self.background.next_snapshot += 1;
                Ok(0..0)
            }
            Ok(()) => Err(JournalError::Closed),
            Err(error) => Err(error),
        };
        self.shared.queue.release_snapshot();
        writing.snapshot.answer.give(done);
    }

    fn write_slice(&mut self, writing: &mut Writing) -> Result<(), JournalError> {
        let Snapshot { stream, position, .. } = writing.snapshot;
        let head = self.extents[stream.0 as usize - 1].head;
        if position > head {
            return Err(JournalError::BeyondHead { position, head });
        }
        if writing.end == End::GivenUp {
            return Ok(());
        }
        let id = self.background.next_snapshot;
        self.transaction(|io| {
            for payload in writing.taken.drain(..) {
                if writing.chunks == MOST_CHUNKS {
                    return Err(StoreError::Failed("the snapshot is too large".into()));
                }
                let (index, payload) = (writing.chunks, payload.as_slice());
                io.store.write(&Write::SnapshotChunk { snapshot: id, index, payload })?;
                writing.chunks += 1;
                writing.bytes += payload.len() as u64;
            }
            if writing.end == End::Complete {
                let bytes = writing.bytes;
                io.store.write(&Write::Snapshot { snapshot: id, stream, position, bytes })?;
            }
            Ok(())
        })
    }

    /// Trims some; says whether that was all.
    fn trim_slice(&mut self, stream: StreamId, before: u64) -> Result<bool, JournalError> {
        let Extent { first, head, bytes } = self.extents[stream.0 as usize - 1];
        let before = before.min(head + 1);
        if before <= first {
            return Ok(true);
        }
        let oldest = self.oldest(stream)?;
        let slice_end = match oldest.last() {
            Some(last) if oldest.len() == RECORDS_A_SLICE => before.min(last.position + 1),
            _ => before,
        };
        let freed: u64 =
            oldest.iter().take_while(|kept| kept.position < slice_end).map(|kept| kept.bytes).sum();
        let extent = Extent { first: slice_end, head, bytes: bytes.saturating_sub(freed) };
        self.transaction(|io| {
            io.store.write(&Write::Trim { stream, before: slice_end })?;
            io.store.write(&Write::Extent { stream, extent })
        })?;
        self.set_extent(stream, extent);
        Ok(slice_end == before)
    }

    /// Looks once a second for what is to go by age or bytes.
    fn sweep(&mut self) {
        if self.background.retentions.is_empty() || Instant::now() < self.background.next_sweep {
            return;
        }
        self.background.next_sweep = Instant::now() + SWEEP;
        for (stream, retention) in self.background.retentions.clone() {
            let extent = self.extents[stream.0 as usize - 1];
            match self.oldest(stream) {
                Ok(oldest) => {
                    if let Some((before, more)) = expired(&oldest, extent, retention) {
                        self.background.add_trim(stream, before);
                        if more {
                            self.background.next_sweep = Instant::now();
                        }
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, stream = stream.0, "retention could not look at the records")
                }
            }
        }
    }

    fn oldest(&self, stream: StreamId) -> Result<Vec<Kept>, JournalError> {
        let stream = self.shared.streams.get(stream)?;
        read::oldest(&self.shared, &stream, RECORDS_A_SLICE)
    }
}

/// The position before which all goes, and whether more may have to.
fn expired(oldest: &[Kept], extent: Extent, retention: Retention) -> Option<(u64, bool)> {
    let too_old = retention
        .max_age
        .map(|age| now_ms().saturating_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX)));
    let mut too_many = retention.max_bytes.map_or(0, |max| extent.bytes.saturating_sub(max));
    let mut gone = 0;
    for kept in oldest {
        let over_age = too_old.is_some_and(|limit| kept.at < limit);
        if !over_age && too_many == 0 {
            break;
        }
        too_many = too_many.saturating_sub(kept.bytes);
        gone += 1;
    }
    let last = oldest[..gone].last()?;
    Some((last.position + 1, gone == RECORDS_A_SLICE))
}
