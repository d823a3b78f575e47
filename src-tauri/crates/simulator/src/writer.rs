//! The one thread that changes the graph.

use crate::mutation::{Mutation, Touches};
use crate::plan::{Stamp, plan};
use crate::recovery::SnapshotSchedule;
use adt_service::{Call, Code, GraphView, ServiceError};
use journal::{Journal, StreamId};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::SystemTime;
use tokio::sync::{mpsc, oneshot};
use twin_graph::{Change, ChangeKind, Timestamp, TwinGraph};

/// The most commands that share one commit.
const BATCH: usize = 512;

type Answer = Result<Vec<Arc<Change>>, ServiceError>;

/// Mutations that are done together or not at all, and who waits for them.
pub(crate) struct Command {
    pub(crate) mutations: Vec<Mutation>,
    pub(crate) call: Call,
    pub(crate) answer: oneshot::Sender<Answer>,
}

pub(crate) struct Writer {
    pub(crate) view: Arc<GraphView>,
    pub(crate) journal: Journal,
    pub(crate) stream: StreamId,
    pub(crate) snapshots: SnapshotSchedule,
}

/// What is committed together: changes, and whom to tell.
#[derive(Default)]
struct Batch {
    changes: Vec<Arc<Change>>,
    waiting: Vec<(oneshot::Sender<Answer>, std::ops::Range<usize>)>,
    touched: HashSet<Arc<str>>,
    closed: bool,
}

impl Writer {
    /// Works until all senders are gone.
    pub(crate) fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        let mut carried = None;
        while let Some(first) = carried.take().or_else(|| commands.blocking_recv()) {
            let mut batch = Batch::default();
            self.take(first, &mut batch);
            while !batch.closed && batch.waiting.len() < BATCH {
                let Ok(command) = commands.try_recv() else { break };
                // What reads something that this batch changes waits for the next one, so that
                // every command is checked against a graph in which all earlier ones are done.
                if batch.conflicts(&command) {
                    carried = Some(command);
                    break;
                }
                self.take(command, &mut batch);
            }
            self.commit(batch);
        }
    }

    /// Checks a command and adds its changes to the batch, or refuses it.
    fn take(&self, command: Command, batch: &mut Batch) {
        let planned = match command.mutations.as_slice() {
            [mutation] => self.plan_one(mutation, &command.call, batch),
            many => self.plan_many(many, &command.call, batch),
        };
        match planned {
            Ok(changes) => batch.add(command, changes),
            Err(error) => drop(command.answer.send(Err(error))),
        }
    }

    fn plan_one(&self, mutation: &Mutation, call: &Call, batch: &Batch) -> Answer {
        let graph = self.view.read();
        let version = graph.version() + batch.changes.len() as u64 + 1;
        Ok(vec![change(&graph, mutation, call, version)?])
    }

    /// Several at once are checked one after the other on a copy, so that each sees those before.
    fn plan_many(&self, mutations: &[Mutation], call: &Call, batch: &Batch) -> Answer {
        let mut graph = self.view.read().clone();
        let ahead = batch.changes.len() as u64;
        let mut changes = Vec::with_capacity(mutations.len());
        for mutation in mutations {
            let mut next = change(&graph, mutation, call, graph.version() + 1)?;
            graph.apply(&next).map_err(|error| internal(&error))?;
            Arc::make_mut(&mut next).version += ahead;
            changes.push(next);
        }
        Ok(changes)
    }

    fn commit(&mut self, batch: Batch) {
        if batch.changes.is_empty() {
            return batch.answer(|range, changes| Ok(changes[range].to_vec()));
        }
        let durable = serialize(&batch.changes)
            .and_then(|records| {
                self.journal.append(self.stream, records).wait().map_err(|error| {
                    ServiceError::new(
                        Code::ServiceUnavailable,
                        format!("The change was not made: {error}"),
                    )
                })
            })
            .and_then(|_| {
                self.view.publish(batch.changes.clone()).map_err(|error| internal(&error))
            });
        match durable {
            Ok(()) => {
                let count = batch.changes.len();
                batch.answer(|range, changes| Ok(changes[range].to_vec()));
                self.snapshots.after(count, &self.view, &self.journal, self.stream);
            }
            Err(error) => batch.answer(|_, _| Err(error.clone())),
        }
    }
}

impl Batch {
    fn conflicts(&self, command: &Command) -> bool {
        let hits = |mutation: &Mutation| match mutation.touches() {
            Touches::Nothing => false,
            Touches::Twins(one, other) => {
                self.touched.contains(one) || other.is_some_and(|id| self.touched.contains(id))
            }
            Touches::All => !self.changes.is_empty(),
        };
        (command.mutations.len() != 1 && !self.changes.is_empty())
            || command.mutations.iter().any(hits)
    }

    fn add(&mut self, command: Command, changes: Vec<Arc<Change>>) {
        for mutation in &command.mutations {
            match mutation.touches() {
                Touches::Nothing => {}
                Touches::Twins(one, other) => {
                    self.touched.extend([Some(one), other].into_iter().flatten().map(Arc::from));
                }
                Touches::All => self.closed = true,
            }
        }
        let from = self.changes.len();
        self.changes.extend(changes);
        self.waiting.push((command.answer, from..self.changes.len()));
    }

    fn answer(self, answer: impl Fn(std::ops::Range<usize>, &[Arc<Change>]) -> Answer) {
        for (waiting, range) in self.waiting {
            // Who no longer waits does not hear of it; what was done stays done.
            drop(waiting.send(answer(range, &self.changes)));
        }
    }
}

fn change(
    graph: &TwinGraph,
    mutation: &Mutation,
    call: &Call,
    version: u64,
) -> Result<Arc<Change>, ServiceError> {
    let now = Timestamp::from(SystemTime::now());
    let etag = format!("W/\"{}\"", uuid::Uuid::new_v4()).into();
    let kind: ChangeKind = plan(graph, mutation, &Stamp { now, etag })?;
    Ok(Arc::new(Change { version, time: now, cause: call.cause(), kind }))
}

fn serialize(changes: &[Arc<Change>]) -> Result<Vec<Vec<u8>>, ServiceError> {
    let bytes = |change: &Arc<Change>| serde_json::to_vec(&**change);
    changes.iter().map(bytes).collect::<Result<_, _>>().map_err(|error| internal(&error))
}

fn internal(error: &dyn std::error::Error) -> ServiceError {
    ServiceError::new(Code::InternalServerError, format!("This is a fault of Twinscope: {error}"))
}
