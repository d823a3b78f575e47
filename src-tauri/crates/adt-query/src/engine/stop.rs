//! Time limit and cancelling.

use thiserror::Error;

/// Says whether to stop, and why. It is asked often: let it be quick.
pub type Stop<'r> = &'r (dyn Fn() -> Option<Stopped> + Sync);

/// Why a query did not end.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Stopped {
    /// It took longer than it may.
    #[error(
        "The query took longer than {} seconds and was ended. Filter by $dtId, name the relationships, or ask for fewer hops.",
        crate::limits::MAX_SECONDS
    )]
    TimedOut,
    /// Whoever asked does not want the answer any more.
    #[error("The query was cancelled.")]
    Cancelled,
    /// A live query has more rows than it may keep.
    #[error("The query has too many rows to be kept live. Filter further, or ask for a COUNT().")]
    TooMany,
    /// The position is not one of this query.
    #[error("The position is not one of this query. Begin again without it.")]
    Position,
}

/// Counts the work, and asks every few thousand steps whether to go on.
pub(super) struct Budget<'r> {
    stop: Stop<'r>,
    /// Documents and relationships looked at.
    pub(super) work: u64,
    next: u64,
}

const STEPS: u64 = 4_096;

impl<'r> Budget<'r> {
    pub(super) fn new(stop: Stop<'r>) -> Self {
        Self { stop, work: 0, next: STEPS }
    }

    pub(super) fn spend(&mut self, steps: u64) -> Result<(), Stopped> {
        self.work += steps;
        if self.work < self.next {
            return Ok(());
        }
        self.next = self.work + STEPS;
        (self.stop)().map_or(Ok(()), Err)
    }
}
