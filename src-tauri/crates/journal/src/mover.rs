//! Moves what the log holds into the database while commits go on.
//!
//! 8 MiB took 30 to 100 ms, which every commit behind them would have waited for, so a thread of its
//! own does it, a little at a time ([`crate::Options::log_bytes`]). What it moves is durable in the
//! log until it is in the database: a process that dies half-way does it again.

use std::{
    io,
    sync::{
        Arc,
        mpsc::{Receiver, Sender, TryRecvError, channel},
    },
    thread::JoinHandle,
};

use crate::{StoreError, sqlite::Database, tail::Tail};

/// The thread that moves.
pub(crate) struct Mover {
    /// None when it has been told to end.
    begin: Option<Sender<()>>,
    ended: Receiver<Result<(), StoreError>>,
    thread: Option<JoinHandle<()>>,
}

impl Mover {
    pub(crate) fn new(tail: Arc<Tail>, mut database: Database) -> io::Result<Self> {
        let (begin, begins) = channel();
        let (ends, ended) = channel();
        let work = move || {
            while begins.recv().is_ok() {
                if ends.send(move_sealed(&tail, &mut database)).is_err() {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("journal-mover".into()).spawn(work)?;
        Ok(Self { begin: Some(begin), ended, thread: Some(thread) })
    }

    /// Begins to move what is sealed. Once, until it has ended.
    pub(crate) fn begin(&self) {
        // Where the thread is gone, whoever asks how it ended is told.
        let _ = self.begin.as_ref().map(|begin| begin.send(()));
    }

    /// What became of it, once, when it has ended.
    pub(crate) fn ended(&self) -> Option<Result<(), StoreError>> {
        match self.ended.try_recv() {
            Ok(result) => Some(result),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(Err(gone())),
        }
    }

    /// Waits until it has ended.
    pub(crate) fn wait(&self) -> Result<(), StoreError> {
        self.ended.recv().unwrap_or_else(|_| Err(gone()))
    }
}

fn gone() -> StoreError {
    StoreError::Failed("the thread that moves the log has ended".into())
}

fn move_sealed(tail: &Tail, database: &mut Database) -> Result<(), StoreError> {
    if let Some(part) = tail.sealed() {
        database.apply(&part)?;
        tail.moved();
        database.clean(&part);
    }
    Ok(())
}

impl Drop for Mover {
    /// Waits, so that nothing has the database open when the folder is let go.
    fn drop(&mut self) {
        self.begin = None;
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that moves the log panicked");
        }
    }
}
