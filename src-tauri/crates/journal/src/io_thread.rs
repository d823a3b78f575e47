//! The one thread that writes: drains everything queued, one transaction, one commit, then
//! answers all.

use std::{
    collections::BTreeMap,
    ops::Range,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use crate::{
    JournalError, Shared, StoreError, StreamId,
    append::{self, Answer},
    background::Background,
    batch::Batch,
    queue::{Cursors, Drained, Job},
    store::{Extent, Store, Write},
    streams::Stream,
};

/// After a commit that several shared, the next waits as long as that one took, at the most this
/// long, for more to share it. Those who wait in turns are then together in every second commit, as
/// fast as before; and where the processors are what is short, commits take longer and so become
/// fewer: each is a fsync and several changes of thread.
const LONGEST_PAUSE: Duration = Duration::from_millis(1);

pub(crate) struct IoThread {
    /// Before `shared`, and with it the lock, is let go.
    pub(crate) store: Box<dyn Store>,
    pub(crate) shared: Arc<Shared>,
    /// What is durable, by stream number from 1.
    pub(crate) extents: Vec<Extent>,
    pub(crate) background: Background,
}

/// What shares one commit.
#[derive(Default)]
struct Group {
    batches: Vec<(Batch, Answer)>,
    creates: Vec<(String, Answer)>,
    flushes: Vec<Answer>,
    moved: Cursors,
}

/// What a group's transaction will have changed, once it is durable.
#[derive(Default)]
struct Outcome {
    extents: BTreeMap<StreamId, Extent>,
    positions: Vec<Range<u64>>,
    created: Vec<(StreamId, String)>,
    create_ids: Vec<StreamId>,
    records: u64,
    bytes: u64,
}

impl IoThread {
    pub(crate) fn new(
        shared: Arc<Shared>,
        store: Box<dyn Store>,
        extents: Vec<Extent>,
        next_snapshot: u64,
    ) -> Self {
        Self { shared, store, extents, background: Background::new(next_snapshot) }
    }

    pub(crate) fn run(mut self) {
        append::this_is_the_io_thread();
        let shared = self.shared.clone();
        let _abandon = Abandon(shared);
        loop {
            let drained = self.shared.queue.drain(self.background.wake_at());
            let (closed, cost) = (drained.closed, drained.cost);
            let is_shared = drained.jobs.len() > 1;
            let start = Instant::now();
            self.commit(drained);
            let took = start.elapsed();
            self.shared.queue.release(cost);
            self.background_step();
            // After the answers: so everything in the log had been answered before it is moved.
            self.store.turn();
            if closed && self.background.lane_is_empty() {
                break;
            }
            if is_shared {
                std::thread::sleep(took.min(LONGEST_PAUSE));
            }
        }
        if let Err(error) = self.store.close() {
            tracing::warn!(%error, "the log could not be moved into the database; the next open does it");
        }
    }

    fn commit(&mut self, drained: Drained) {
        let Some(group) = self.sort(drained) else { return };
        let result = self.transaction(|io| io.write_group(&group));
        match result {
            Ok(outcome) => self.publish(group, outcome),
            Err(error) => self.refuse(group, &error),
        }
    }

    /// Puts slow work aside; none when nothing is left to commit.
    fn sort(&mut self, drained: Drained) -> Option<Group> {
        let mut group = Group { moved: drained.moved, ..Group::default() };
        for job in drained.jobs {
            match job {
                Job::Batch(batch, answer) => group.batches.push((batch, answer)),
                Job::Stream(name, answer) => group.creates.push((name, answer)),
                Job::Flush(answer) => group.flushes.push(answer),
                Job::Snapshot(snapshot) => self.background.add_snapshot(snapshot),
                Job::Trim(stream, before) => self.background.add_trim(stream, before),
                Job::Retain(stream, retention) => self.background.retain(stream, retention),
            }
        }
        let idle = group.batches.is_empty() && group.creates.is_empty() && group.moved.is_empty();
        if idle {
            group.flushes.drain(..).for_each(|answer| self.background.add_flush(answer));
            return None;
        }
        Some(group)
    }

    /// One transaction, one fsync. A refused one leaves nothing.
    pub(crate) fn transaction<T>(
        &mut self,
        write: impl FnOnce(&mut Self) -> Result<T, StoreError>,
    ) -> Result<T, JournalError> {
        let written = self.store.begin().and_then(|()| write(self));
        let at_commit = written.is_ok();
        let result = written.and_then(|value| {
            let start = Instant::now();
            self.store.commit()?;
            let mut counters = self.shared.counters.lock();
            counters.commit(start.elapsed());
            counters.stats.log_bytes = self.store.log_bytes();
            counters.stats.moved = self.store.moved();
            Ok(value)
        });
        result.map_err(|error| {
            self.shared.counters.lock().stats.refused += 1;
            self.store.rollback();
            if at_commit {
                self.overwrite_refused();
            }
            error.into_journal(&self.shared.folder, "save")
        })
    }

    /// A commit whose fsync failed may lie whole in the log, and would come back if the process
    /// died now. The next commit overwrites it; this is the next commit.
    fn overwrite_refused(&mut self) {
        let marked = self
            .store
            .begin()
            .and_then(|()| self.store.write(&Write::Mark))
            .and_then(|()| self.store.commit());
        if marked.is_err() {
            self.store.rollback();
        }
    }

    fn write_group(&mut self, group: &Group) -> Result<Outcome, StoreError> {
        let mut outcome = Outcome::default();
        for (name, _) in &group.creates {
            self.create(name, &mut outcome)?;
        }
        let at = now_ms();
        for (batch, _) in &group.batches {
            self.write_batch(batch, at, &mut outcome)?;
        }
        for (&stream, &extent) in &outcome.extents {
            self.store.write(&Write::Extent { stream, extent })?;
        }
        for (name, cursor) in &group.moved {
            self.store.write(&Write::Cursor {
                name,
                stream: cursor.stream,
                position: cursor.position,
            })?;
        }
        Ok(outcome)
    }

    fn create(&mut self, name: &str, outcome: &mut Outcome) -> Result<(), StoreError> {
        let in_group =
            outcome.created.iter().find(|(_, created)| created == name).map(|(id, _)| *id);
        let stream = match self.shared.streams.named(name).or(in_group) {
            Some(known) => known,
            None => {
                let number = self.extents.len() + outcome.created.len() + 1;
                let number = u32::try_from(number)
                    .map_err(|_| StoreError::Failed("too many streams".into()))?;
                self.store.write(&Write::Stream { stream: StreamId(number), name })?;
                outcome.created.push((StreamId(number), name.to_owned()));
                StreamId(number)
            }
        };
        outcome.create_ids.push(stream);
        Ok(())
    }

    fn write_batch(
        &mut self,
        batch: &Batch,
        at: i64,
        outcome: &mut Outcome,
    ) -> Result<(), StoreError> {
        let mut positions = None;
        for (stream, payloads) in &batch.appends {
            let extent =
                outcome.extents.entry(*stream).or_insert(self.extents[stream.0 as usize - 1]);
            let first = extent.head + 1;
            self.store.write(&Write::Records { stream: *stream, first, at, payloads })?;
            let bytes: u64 = payloads.iter().map(|p| p.len() as u64).sum();
            extent.head += payloads.len() as u64;
            extent.bytes += bytes;
            outcome.records += payloads.len() as u64;
            outcome.bytes += bytes;
            positions.get_or_insert(first..extent.head + 1);
        }
        for (name, stream, position) in &batch.cursors {
            self.store.write(&Write::Cursor { name, stream: *stream, position: *position })?;
        }
        for (key, payload) in &batch.values {
            self.store.write(&Write::Value { key, payload })?;
        }
        outcome.positions.push(positions.unwrap_or(0..0));
        Ok(())
    }

    /// First everything is readable, then everybody is told.
    fn publish(&mut self, group: Group, outcome: Outcome) {
        for (id, name) in outcome.created {
            self.extents.push(Extent::EMPTY);
            self.shared.streams.add(Stream::new(id, name, 0, Extent::EMPTY));
        }
        for (id, extent) in outcome.extents {
            self.set_extent(id, extent);
        }
        self.shared
            .queue
            .publish_cursors(group.batches.iter().flat_map(|(batch, _)| &batch.cursors));
        {
            let mut counters = self.shared.counters.lock();
            counters.stats.records += outcome.records;
            counters.stats.bytes += outcome.bytes;
        }
        for ((_, answer), positions) in group.batches.into_iter().zip(outcome.positions) {
            answer.give(Ok(positions));
        }
        for ((_, answer), id) in group.creates.into_iter().zip(outcome.create_ids) {
            answer.give(Ok(u64::from(id.0)..u64::from(id.0) + 1));
        }
        group.flushes.into_iter().for_each(|answer| self.background.add_flush(answer));
    }

    fn refuse(&mut self, group: Group, error: &JournalError) {
        tracing::warn!(%error, batches = group.batches.len(), "a commit was refused");
        let superseded = group
            .batches
            .iter()
            .flat_map(|(batch, _)| &batch.cursors)
            .map(|(name, ..)| name.clone());
        self.shared.queue.restore_cursors(group.moved, superseded);
        let batches = group.batches.into_iter().map(|(_, answer)| answer);
        let creates = group.creates.into_iter().map(|(_, answer)| answer);
        for answer in batches.chain(creates).chain(group.flushes) {
            answer.give(Err(error.clone()));
        }
    }

    pub(crate) fn set_extent(&mut self, id: StreamId, extent: Extent) {
        self.extents[id.0 as usize - 1] = extent;
        if let Ok(stream) = self.shared.streams.get(id) {
            stream.publish(extent);
        }
    }
}

pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// However the thread ends, nobody is left waiting for it.
struct Abandon(Arc<Shared>);

impl Drop for Abandon {
    fn drop(&mut self) {
        self.0.queue.abandon();
    }
}
