//! What is committed together.

use crate::mutation::Touches;
use crate::plan::Growth;
use crate::writer::{Answer, Command};
use adt_service::ServiceError;
use hashbrown::HashSet;
use std::collections::VecDeque;
use std::ops::Range;
use tokio::sync::oneshot;
use twin_graph::Planned;

/// Changes, how they are written down, and whom to tell.
#[derive(Default)]
pub(crate) struct Batch {
    pub(crate) changes: Vec<Planned>,
    pub(crate) records: Vec<Vec<u8>>,
    /// By how much its changes make the graph larger.
    pub(crate) growth: Growth,
    /// Nothing more may be added.
    pub(crate) closed: bool,
    waiting: Vec<(oneshot::Sender<Answer>, Range<usize>)>,
    /// Hashes of the ids that its commands touch.
    touched: HashSet<u64>,
}

impl Batch {
    /// An empty batch with room for so many commands.
    pub(crate) fn with_room(commands: usize) -> Self {
        Self {
            changes: Vec::with_capacity(commands),
            records: Vec::with_capacity(commands),
            waiting: Vec::with_capacity(commands),
            touched: HashSet::with_capacity(commands),
            ..Self::default()
        }
    }

    /// Commands in it.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether a command has to wait until this batch is done.
    fn holds_up(&self, touches: Touches) -> bool {
        let alone = matches!(touches, Touches::All) && !self.waiting.is_empty();
        self.closed || alone || touches.ids().any(|id| self.touched.contains(&id))
    }

    /// Adds what a command changes.
    pub(crate) fn add(
        &mut self,
        answer: oneshot::Sender<Answer>,
        touches: Touches,
        changes: impl IntoIterator<Item = Planned>,
    ) {
        self.closed |= matches!(touches, Touches::All);
        self.touched.extend(touches.ids());
        let from = self.changes.len();
        for planned in changes {
            self.growth.add(&planned.change.kind);
            self.records.push(planned.change.to_record());
            self.changes.push(planned);
        }
        self.waiting.push((answer, from..self.changes.len()));
    }

    pub(crate) fn answer(self) {
        for (waiting, range) in self.waiting {
            // Who no longer waits does not hear of it; what was done stays done.
            let changes = self.changes[range].iter().map(|planned| planned.change.clone());
            drop(waiting.send(Ok(changes.collect())));
        }
    }

    pub(crate) fn refuse(self, error: &ServiceError) {
        for (waiting, _) in self.waiting {
            drop(waiting.send(Err(error.clone())));
        }
    }
}

/// Commands that wait until an earlier one on the same twin is done, in their order.
#[derive(Default)]
pub(crate) struct Aside {
    commands: VecDeque<Command>,
    /// What they touch: later commands on the same twins wait behind them.
    touched: HashSet<u64>,
    /// One of them must be alone, so nothing may overtake it.
    closed: bool,
}

impl Aside {
    /// All of them, to be looked at again one after the other.
    pub(crate) fn take(&mut self) -> VecDeque<Command> {
        std::mem::take(self).commands
    }

    pub(crate) fn len(&self) -> usize {
        self.commands.len()
    }

    /// Puts a command aside that has to wait for one of these batches or for another one aside,
    /// else gives it back.
    pub(crate) fn keep(
        &mut self,
        command: Command,
        batch: &Batch,
        under_way: Option<&Batch>,
    ) -> Option<Command> {
        let touches = command.touches;
        let waits = self.closed
            || touches.ids().any(|id| self.touched.contains(&id))
            || batch.holds_up(touches)
            || under_way.is_some_and(|other| other.holds_up(touches));
        if !waits {
            return Some(command);
        }
        self.closed |= matches!(touches, Touches::All);
        self.touched.extend(touches.ids());
        self.commands.push_back(command);
        None
    }
}
