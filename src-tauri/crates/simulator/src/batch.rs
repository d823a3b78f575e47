//! What is committed together.

use crate::mutation::{Mutation, Touches};
use crate::plan::Growth;
use crate::writer::{Answer, Command};
use adt_service::ServiceError;
use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::ops::Range;
use std::sync::LazyLock;
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
    /// Commands in it.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether a command has to wait until this batch is done.
    fn holds_up(&self, command: &Command) -> bool {
        let alone = needs_all(command) && !self.waiting.is_empty();
        self.closed || alone || ids(command).any(|id| self.touched.contains(&id))
    }

    pub(crate) fn add(&mut self, command: Command, changes: Vec<Planned>, records: Vec<Vec<u8>>) {
        self.closed |= needs_all(&command);
        self.touched.extend(ids(&command));
        changes.iter().for_each(|planned| self.growth.add(&planned.change.kind));
        let from = self.changes.len();
        self.changes.extend(changes);
        self.records.extend(records);
        self.waiting.push((command.answer, from..self.changes.len()));
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
        let waits = self.closed
            || ids(&command).any(|id| self.touched.contains(&id))
            || batch.holds_up(&command)
            || under_way.is_some_and(|other| other.holds_up(&command));
        if !waits {
            return Some(command);
        }
        self.closed |= needs_all(&command);
        self.touched.extend(ids(&command));
        self.commands.push_back(command);
        None
    }
}

/// Whether a command must be alone: it reads everything, or is checked step by step on a copy.
fn needs_all(command: &Command) -> bool {
    command.mutations.len() != 1
        || command.mutations.iter().any(|each| matches!(each.touches(), Touches::All))
}

/// Two ids of one hash only make a command wait that need not.
fn ids(command: &Command) -> impl Iterator<Item = u64> {
    static HASH: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    let hashes = |mutation: &Mutation| match mutation.touches() {
        Touches::Nothing | Touches::All => [None, None],
        Touches::Twins(one, other) => {
            [Some(HASH.hash_one(one)), other.map(|other| HASH.hash_one(other))]
        }
    };
    command.mutations.iter().flat_map(hashes).flatten()
}
