//! Moves the write-ahead log into the database while commits go on.
//!
//! 16 MiB take 10 to 30 ms, which every commit behind them would wait for. So a thread of its own
//! moves what is there, and the writer then only what came meanwhile, before it empties the log.
//! What is moved is durable in the log already: a process that dies half-way replays it.

use std::{
    sync::mpsc::{Receiver, Sender, TryRecvError, channel},
    thread::JoinHandle,
};

use crate::StoreError;

/// Moves into the database what the log holds when it is called.
pub type Mover = Box<dyn FnMut() -> Result<(), StoreError> + Send>;

/// The thread that moves, where the store has a way beside its writes.
pub(crate) struct Backfill {
    thread: Option<Thread>,
    under_way: bool,
}

struct Thread {
    begin: Sender<()>,
    ended: Receiver<Result<(), StoreError>>,
    handle: JoinHandle<()>,
}

impl Backfill {
    pub(crate) fn new(mover: Option<Mover>) -> Self {
        Self { thread: mover.and_then(spawn), under_way: false }
    }

    /// Begins, and answers whether there is anybody who does it.
    pub(crate) fn begin(&mut self) -> bool {
        self.under_way = self.thread.as_ref().is_some_and(|thread| thread.begin.send(()).is_ok());
        self.under_way
    }

    pub(crate) fn is_under_way(&self) -> bool {
        self.under_way
    }

    /// What became of it, once, when it has ended.
    pub(crate) fn ended(&mut self) -> Option<Result<(), StoreError>> {
        let ended = match self.thread.as_ref()?.ended.try_recv() {
            Ok(result) => result,
            Err(TryRecvError::Empty) => return None,
            Err(TryRecvError::Disconnected) => {
                self.thread = None;
                return None;
            }
        };
        self.under_way = false;
        Some(ended)
    }
}

impl Drop for Backfill {
    /// Waits, so that nothing has the database open when the folder is let go.
    fn drop(&mut self) {
        let Some(Thread { begin, handle, .. }) = self.thread.take() else { return };
        drop(begin);
        if handle.join().is_err() {
            tracing::error!("the thread that moves the log panicked");
        }
    }
}

fn spawn(mut mover: Mover) -> Option<Thread> {
    let (begin, begins) = channel();
    let (ends, ended) = channel();
    let work = move || {
        while begins.recv().is_ok() {
            if ends.send(mover()).is_err() {
                return;
            }
        }
    };
    match std::thread::Builder::new().name("journal-backfill".into()).spawn(work) {
        Ok(handle) => Some(Thread { begin, ended, handle }),
        Err(error) => {
            tracing::warn!(%error, "no thread to move the log; the writer does it");
            None
        }
    }
}
