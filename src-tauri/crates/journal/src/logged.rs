//! The real [`Store`]: a commit is a frame of the log; the database follows behind.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    StoreError,
    log::{HEADER, Log},
    mover::Mover,
    part::encode,
    sqlite::{Database, Moved},
    store::{Store, Write},
    tail::Tail,
};

/// So many times the length that a file of the log has normally, it may have while the other cannot
/// be moved; then commits wait for that, or are refused with the reason.
const MOST: u64 = 4;
/// How long after a failure to move it is tried again.
const AGAIN: Duration = Duration::from_secs(1);

pub(crate) struct LogStore {
    log: Log,
    tail: Arc<Tail>,
    mover: Mover,
    state: State,
    /// Of a file of the log, in bytes.
    limit: u64,
    frame: Vec<u8>,
    moved: u64,
}

/// What is with the file that is not being written.
enum State {
    /// It may be written over.
    Free,
    UnderWay,
    Failed(StoreError, Instant),
}

impl LogStore {
    /// The log begins anew.
    pub(crate) fn new(
        folder: &Path,
        begins: Moved,
        tail: Arc<Tail>,
        database: Database,
        limit: u64,
    ) -> std::io::Result<Self> {
        let log = Log::begin(folder, begins)?;
        let mover = Mover::new(tail.clone(), database)?;
        Ok(Self { log, tail, mover, state: State::Free, limit, frame: Vec::new(), moved: 0 })
    }

    fn begin_to_move(&mut self) {
        self.mover.begin();
        self.state = State::UnderWay;
    }

    fn heard(&mut self, moved: Result<(), StoreError>) {
        self.state = match moved {
            Ok(()) => {
                self.moved += 1;
                State::Free
            }
            Err(error) => {
                tracing::warn!(%error, "the log could not be moved into the database; it is tried again");
                State::Failed(error, Instant::now())
            }
        };
    }

    /// Moves what the file that is not being written holds, if anything, and waits for it.
    fn wait_for_the_mover(&mut self) -> Result<(), StoreError> {
        if matches!(self.state, State::Failed(..)) {
            self.begin_to_move();
        }
        if matches!(self.state, State::UnderWay) {
            let moved = self.mover.wait();
            self.heard(moved);
        }
        match &self.state {
            State::Failed(error, _) => Err(error.clone()),
            _ => Ok(()),
        }
    }

    fn is_too_long(&self) -> bool {
        self.log.bytes() > self.limit.saturating_mul(MOST)
    }
}

impl Store for LogStore {
    fn begin(&mut self) -> Result<(), StoreError> {
        self.rollback();
        match &self.state {
            State::Failed(error, at) if self.is_too_long() && at.elapsed() < AGAIN => {
                Err(error.clone())
            }
            _ if self.is_too_long() => self.wait_for_the_mover(),
            _ => Ok(()),
        }
    }

    fn write(&mut self, write: &Write<'_>) -> Result<(), StoreError> {
        encode(write, &mut self.frame);
        Ok(())
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        let body = Arc::from(&self.frame[HEADER..]);
        let number = self.log.append(&mut self.frame)?;
        self.tail.add(number, body)
    }

    fn rollback(&mut self) {
        /// A frame above this is not kept for the next.
        const KEPT: usize = 4 << 20;
        if self.frame.capacity() > KEPT {
            self.frame = Vec::new();
        }
        self.frame.clear();
        self.frame.resize(HEADER, 0);
    }

    fn turn(&mut self) {
        if let Some(moved) = self.mover.ended() {
            self.heard(moved);
        }
        match &self.state {
            State::Failed(_, at) if at.elapsed() >= AGAIN => self.begin_to_move(),
            State::Free if self.log.bytes() > self.limit && self.log.turn() => {
                self.tail.seal();
                self.begin_to_move();
            }
            _ => {}
        }
    }

    fn close(&mut self) -> Result<(), StoreError> {
        self.wait_for_the_mover()?;
        if self.tail.seal() {
            self.begin_to_move();
            self.wait_for_the_mover()?;
        }
        self.log.remove();
        Ok(())
    }

    fn log_bytes(&self) -> u64 {
        self.log.bytes()
    }

    fn moved(&self) -> u64 {
        self.moved
    }
}
