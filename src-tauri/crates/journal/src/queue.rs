//! What waits for the I/O thread, bounded by bytes.

use std::{
    collections::HashMap,
    sync::mpsc::Receiver,
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};

use crate::{
    Retention, StreamId,
    append::{Answer, on_io_thread},
    batch::Batch,
};

/// How long lazily moved cursors wait: saved with each commit they would be a good part of it.
const LAZY: Duration = Duration::from_millis(200);
/// Snapshots are big; two may wait.
const SNAPSHOTS_QUEUED: usize = 2;

pub(crate) enum Job {
    Batch(Batch, Answer),
    Stream(String, Answer),
    Snapshot(Snapshot),
    Flush(Answer),
    Trim(StreamId, u64),
    Retain(StreamId, Retention),
}

pub(crate) struct Snapshot {
    pub(crate) stream: StreamId,
    pub(crate) position: u64,
    /// Chunks of equal length (the last one may be shorter), then `None`. Without that `None` it
    /// was given up, and is not there.
    pub(crate) chunks: Receiver<Option<Vec<u8>>>,
    pub(crate) answer: Answer,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) stream: StreamId,
    pub(crate) position: u64,
}

pub(crate) type Cursors = HashMap<String, Cursor>;

/// Everything that was queued, taken at once.
pub(crate) struct Drained {
    pub(crate) jobs: Vec<Job>,
    /// What the jobs take of the bound; the I/O thread gives it back with [`Queue::release`].
    pub(crate) cost: usize,
    /// Cursors moved lazily, all of them after the last batch in `jobs` that moves the same one.
    pub(crate) moved: Cursors,
    pub(crate) closed: bool,
}

pub(crate) struct Queue {
    state: Mutex<State>,
    work: Condvar,
    room: Condvar,
    max_bytes: usize,
}

#[derive(Default)]
struct State {
    jobs: Vec<Job>,
    /// Of all jobs queued or being committed.
    bytes: usize,
    /// Of the jobs queued.
    waiting: usize,
    snapshots: usize,
    cursors: Cursors,
    moved: Cursors,
    /// When these are to be saved.
    moved_due: Option<Instant>,
    /// There may be more of a snapshot to write.
    nudged: bool,
    closed: bool,
}

impl Queue {
    /// `moved`: those of the cursors that recovery moved. They go with the first commit, else a
    /// stream that grows past the old position would make it look valid again.
    pub(crate) fn new(max_bytes: usize, cursors: Cursors, moved: Cursors) -> Self {
        let moved_due = (!moved.is_empty()).then(Instant::now);
        let state = State { cursors, moved, moved_due, ..State::default() };
        Self { state: Mutex::new(state), work: Condvar::new(), room: Condvar::new(), max_bytes }
    }

    /// Blocks while the queue is full. One job over the bound waits until it is alone. The I/O
    /// thread itself (a callback) never waits: it would wait for itself.
    pub(crate) fn push(&self, job: Job, cost: usize) {
        let mut state = self.state.lock();
        while !state.closed
            && state.bytes > 0
            && state.bytes + cost > self.max_bytes
            && !on_io_thread()
        {
            self.room.wait(&mut state);
        }
        if let Job::Batch(batch, _) = &job {
            for (name, ..) in &batch.cursors {
                state.moved.remove(name);
            }
        }
        state.bytes += cost;
        state.waiting += cost;
        self.put(&mut state, job);
    }

    pub(crate) fn push_snapshot(&self, snapshot: Snapshot) {
        let mut state = self.state.lock();
        while !state.closed && state.snapshots >= SNAPSHOTS_QUEUED && !on_io_thread() {
            self.room.wait(&mut state);
        }
        state.snapshots += 1;
        self.put(&mut state, Job::Snapshot(snapshot));
    }

    /// Once closed a job is dropped, which answers it with `Closed`.
    fn put(&self, state: &mut State, job: Job) {
        if !state.closed {
            state.jobs.push(job);
            self.work.notify_one();
        }
    }

    /// There is more of a snapshot to write, or it ended.
    pub(crate) fn nudge(&self) {
        self.state.lock().nudged = true;
        self.work.notify_one();
    }

    pub(crate) fn release(&self, cost: usize) {
        self.state.lock().bytes -= cost;
        self.room.notify_all();
    }

    pub(crate) fn release_snapshot(&self) {
        self.state.lock().snapshots -= 1;
        self.room.notify_all();
    }

    pub(crate) fn bytes(&self) -> usize {
        self.state.lock().bytes
    }

    pub(crate) fn cursor(&self, name: &str) -> Option<Cursor> {
        self.state.lock().cursors.get(name).copied()
    }

    pub(crate) fn move_cursor(&self, name: &str, cursor: Cursor) {
        let mut state = self.state.lock();
        set(&mut state.cursors, name, cursor);
        set(&mut state.moved, name, cursor);
        if state.moved_due.is_none() {
            state.moved_due = Some(Instant::now() + LAZY);
            self.work.notify_one();
        }
    }

    /// A batch that moved these cursors is durable. What was moved lazily meanwhile is newer.
    pub(crate) fn publish_cursors<'a>(
        &self,
        durable: impl Iterator<Item = &'a (String, StreamId, u64)>,
    ) {
        let mut state = self.state.lock();
        for (name, stream, position) in durable {
            if !state.moved.contains_key(name) {
                set(&mut state.cursors, name, Cursor { stream: *stream, position: *position });
            }
        }
    }

    /// A commit was refused: what it would have moved lazily is to be moved again.
    pub(crate) fn restore_cursors(&self, moved: Cursors, superseded: impl Iterator<Item = String>) {
        let mut state = self.state.lock();
        let state = &mut *state;
        for name in moved.into_keys().chain(superseded) {
            if let Some(cursor) = state.cursors.get(&name) {
                state.moved.entry(name).or_insert(*cursor);
            }
        }
        if !state.moved.is_empty() {
            state.moved_due.get_or_insert_with(|| Instant::now() + LAZY);
        }
    }

    pub(crate) fn close(&self) {
        self.state.lock().closed = true;
        self.work.notify_one();
        self.room.notify_all();
    }

    /// Nobody will drain any more: answers what is left with `Closed`.
    pub(crate) fn abandon(&self) {
        let left = {
            let mut state = self.state.lock();
            state.closed = true;
            std::mem::take(&mut state.jobs)
        };
        self.room.notify_all();
        drop(left);
    }

    /// Waits for work, at the latest until `wake_at`, and takes all there is; cursors that were
    /// moved lazily when they are due, or somebody waits for them.
    pub(crate) fn drain(&self, wake_at: Option<Instant>) -> Drained {
        let mut state = self.state.lock();
        while state.jobs.is_empty() && !state.closed && !state.nudged {
            let until = [state.moved_due, wake_at].into_iter().flatten().min();
            match until {
                Some(until) if until <= Instant::now() => break,
                Some(until) => {
                    self.work.wait_until(&mut state, until);
                }
                None => self.work.wait(&mut state),
            }
        }
        state.nudged = false;
        let jobs = std::mem::take(&mut state.jobs);
        Drained {
            cost: std::mem::take(&mut state.waiting),
            moved: state.take_moved(jobs.iter().any(|job| matches!(job, Job::Flush(_)))),
            closed: state.closed,
            jobs,
        }
    }
}

impl State {
    fn take_moved(&mut self, flush: bool) -> Cursors {
        let due = self.moved_due.is_some_and(|due| due <= Instant::now());
        if !(due || flush || self.closed) {
            return Cursors::default();
        }
        self.moved_due = None;
        std::mem::take(&mut self.moved)
    }
}

fn set(cursors: &mut Cursors, name: &str, cursor: Cursor) {
    match cursors.get_mut(name) {
        Some(kept) => *kept = cursor,
        None => {
            cursors.insert(name.to_owned(), cursor);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::append::Append;

    #[test]
    fn lazily_moved_cursors_ride_on_no_commit_before_they_are_due() {
        let queue = Queue::new(1 << 20, Cursors::default(), Cursors::default());
        let cursor = Cursor { stream: StreamId(1), position: 7 };
        let commit = || queue.push(Job::Batch(Batch::new(), Append::new().1), 0);
        let moved = || queue.drain(Some(Instant::now())).moved.len();
        queue.move_cursor("c", cursor);
        commit();
        assert_eq!((moved(), queue.cursor("c")), (0, Some(cursor)));
        queue.push(Job::Flush(Append::new().1), 0);
        assert_eq!(moved(), 1, "a flush waits for them");
        queue.move_cursor("c", cursor);
        std::thread::sleep(LAZY);
        commit();
        assert_eq!(moved(), 1, "they are due");
        queue.move_cursor("c", cursor);
        queue.close();
        assert_eq!(moved(), 1, "nothing comes after this");
    }

    #[test]
    fn cursors_that_recovery_moved_go_with_the_first_commit() {
        let cursor = Cursor { stream: StreamId(1), position: 7 };
        let moved = Cursors::from([("c".to_owned(), cursor)]);
        let queue = Queue::new(1 << 20, moved.clone(), moved);
        queue.push(Job::Batch(Batch::new(), Append::new().1), 0);
        assert_eq!(queue.drain(None).moved.len(), 1);
    }
}
