//! The I/O thread's slow work, in slices that each have their own commit: pieces of snapshots,
//! trims, retention. So it neither holds appends up for long nor makes them fail.

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use crate::{
    JournalError, Retention, StoreError, StreamId,
    append::Answer,
    io_thread::{IoThread, now_ms},
    queue::Snapshot,
    sqlite::CHUNK_BYTES,
    store::{Extent, Kept, Write},
};

const CHUNKS_A_SLICE: usize = 16;
const RECORDS_A_SLICE: usize = 4_096;
const SWEEP: Duration = Duration::from_secs(1);

pub(crate) struct Background {
    lane: VecDeque<Slow>,
    trims: BTreeMap<StreamId, u64>,
    retentions: BTreeMap<StreamId, Retention>,
    next_sweep: Instant,
    next_snapshot: u64,
}

enum Slow {
    Snapshot { snapshot: Snapshot, chunks_written: usize },
    Flush(Answer),
}

impl Background {
    pub(crate) fn new(next_snapshot: u64) -> Self {
        let (lane, trims, retentions) = Default::default();
        Self { lane, trims, retentions, next_sweep: Instant::now(), next_snapshot }
    }

    pub(crate) fn add_snapshot(&mut self, snapshot: Snapshot) {
        self.lane.push_back(Slow::Snapshot { snapshot, chunks_written: 0 });
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
        if !self.lane.is_empty() || !self.trims.is_empty() {
            return Some(Instant::now());
        }
        (!self.retentions.is_empty()).then_some(self.next_sweep)
    }
}

impl IoThread {
    /// One slice of each kind of slow work there is.
    pub(crate) fn background_step(&mut self) {
        self.sweep();
        if let Some((stream, before)) = self.background.trims.pop_first() {
            match self.trim_slice(stream, before) {
                Ok(true) => {}
                Ok(false) => self.background.add_trim(stream, before),
                Err(error) => {
                    tracing::warn!(%error, stream = stream.0, "records could not be trimmed")
                }
            }
        }
        match self.background.lane.pop_front() {
            Some(Slow::Flush(answer)) => answer.give(Ok(0..0)),
            Some(Slow::Snapshot { snapshot, chunks_written }) => {
                self.snapshot_slice(snapshot, chunks_written)
            }
            None => {}
        }
    }

    /// The snapshot's number is used up only when it is complete: the pieces of a refused one are
    /// overwritten by the next.
    fn snapshot_slice(&mut self, snapshot: Snapshot, written: usize) {
        let result = self.write_slice(&snapshot, written);
        let done = match result {
            Ok(upto) if upto * CHUNK_BYTES < snapshot.payload.len() => {
                self.background.lane.push_front(Slow::Snapshot { snapshot, chunks_written: upto });
                return;
            }
            Ok(_) => {
                self.background.next_snapshot += 1;
                Ok(0..0)
            }
            Err(error) => Err(error),
        };
        self.shared.queue.release_snapshot();
        snapshot.answer.give(done);
    }

    fn write_slice(&mut self, snapshot: &Snapshot, written: usize) -> Result<usize, JournalError> {
        let (position, head) =
            (snapshot.position, self.extents[snapshot.stream.0 as usize - 1].head);
        if position > head {
            return Err(JournalError::BeyondHead { position, head });
        }
        let id = self.background.next_snapshot;
        let chunks =
            snapshot.payload.chunks(CHUNK_BYTES).enumerate().skip(written).take(CHUNKS_A_SLICE);
        let bytes = snapshot.payload.len();
        self.transaction(|io| {
            let mut upto = written;
            for (index, payload) in chunks {
                let index = u32::try_from(index)
                    .map_err(|_| StoreError::Failed("the snapshot is too large".into()))?;
                io.store.write(&Write::SnapshotChunk { snapshot: id, index, payload })?;
                upto += 1;
            }
            if upto * CHUNK_BYTES >= bytes {
                let stream = snapshot.stream;
                io.store.write(&Write::Snapshot {
                    snapshot: id,
                    stream,
                    position,
                    bytes: bytes as u64,
                })?;
            }
            Ok(upto)
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

    fn oldest(&mut self, stream: StreamId) -> Result<Vec<Kept>, JournalError> {
        let oldest = self.store.oldest(stream, RECORDS_A_SLICE);
        oldest.map_err(|error| error.into_journal(&self.shared.folder, "read"))
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
