//! The answer to something queued: one allocation, waited for or called back.

use std::{
    cell::Cell,
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use parking_lot::{Condvar, Mutex};

use crate::JournalError;

type Answered = Result<Range<u64>, JournalError>;
type Callback = Box<dyn FnOnce(Answered) + Send>;

thread_local! {
    static ON_IO_THREAD: Cell<bool> = const { Cell::new(false) };
}

/// Whether the current thread is an I/O thread of a journal, which must never wait for itself.
pub(crate) fn on_io_thread() -> bool {
    ON_IO_THREAD.get()
}

pub(crate) fn this_is_the_io_thread() {
    ON_IO_THREAD.set(true);
}

enum State {
    Waiting,
    Callback(Callback),
    Done(Answered),
    Taken,
}

struct Slot {
    state: Mutex<State>,
    ready: Condvar,
}

/// What was queued and is not durable yet. Dropping it does not undo it; it only nobody hears.
///
/// The range is the positions of the (first) append in it, `start..end`; it is empty
/// for snapshots, values and flushes.
#[must_use = "until it is answered nothing is durable; `let _ =` says that nobody waits"]
pub struct Append {
    slot: Arc<Slot>,
}

/// The other end of an [`Append`]. Dropped unanswered it answers [`JournalError::Closed`].
pub(crate) struct Answer {
    slot: Option<Arc<Slot>>,
}

impl Append {
    pub(crate) fn new() -> (Self, Answer) {
        let slot = Arc::new(Slot { state: Mutex::new(State::Waiting), ready: Condvar::new() });
        (Self { slot: slot.clone() }, Answer { slot: Some(slot) })
    }

    pub(crate) fn failed(error: JournalError) -> Self {
        let (append, answer) = Self::new();
        answer.give(Err(error));
        append
    }

    /// Waits until it is durable, and gives the positions.
    ///
    /// # Errors
    /// [`JournalError::DiskFull`] and [`JournalError::Refused`] when nothing of it was kept;
    /// [`JournalError::InCallback`] when called from a callback of [`Append::on_done`].
    pub fn wait(self) -> Answered {
        let mut state = self.slot.state.lock();
        loop {
            match std::mem::replace(&mut *state, State::Taken) {
                State::Done(answered) => return answered,
                _ if on_io_thread() => return Err(JournalError::InCallback),
                waiting => *state = waiting,
            }
            self.slot.ready.wait(&mut state);
        }
    }

    /// Waits for a while, and says whether the answer is there now.
    #[must_use]
    pub fn wait_for(&self, time: Duration) -> bool {
        let mut state = self.slot.state.lock();
        if !matches!(*state, State::Done(_)) && !on_io_thread() {
            self.slot.ready.wait_for(&mut state, time);
        }
        matches!(*state, State::Done(_))
    }

    /// Calls back when it is durable or refused: on the I/O thread, so the callback must be
    /// short and hand longer work on (it delays everybody's commits), or at once on this
    /// thread when the answer is already there.
    pub fn on_done(self, callback: impl FnOnce(Answered) + Send + 'static) {
        let mut state = self.slot.state.lock();
        match std::mem::replace(&mut *state, State::Taken) {
            State::Done(answered) => {
                drop(state);
                callback(answered);
            }
            _ => *state = State::Callback(Box::new(callback)),
        }
    }
}

impl Answer {
    pub(crate) fn give(mut self, answered: Answered) {
        self.settle(answered);
    }

    fn settle(&mut self, answered: Answered) {
        let Some(slot) = self.slot.take() else { return };
        let mut state = slot.state.lock();
        match std::mem::replace(&mut *state, State::Taken) {
            State::Callback(callback) => {
                drop(state);
                // A callback's panic must not end the thread that everybody's data goes through.
                if catch_unwind(AssertUnwindSafe(|| callback(answered))).is_err() {
                    tracing::error!(
                        "a callback of the journal panicked; the commit is not affected"
                    );
                }
            }
            State::Waiting => {
                *state = State::Done(answered);
                drop(state);
                slot.ready.notify_one();
            }
            other => *state = other,
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.settle(Err(JournalError::Closed));
    }
}
