//! The one thread that changes the graph.
//!
//! While one batch is made durable the next one is planned and written down, so that neither the
//! disk nor the processor waits for the other. The two never touch the same twins.

use crate::batch::{Aside, Batch};
use crate::mutation::{Mutation, Touches};
use crate::plan::{Bounds, Growth, Stamp, plan};
use crate::recovery::SnapshotSchedule;
use adt_limits::Limiter;
use adt_service::{Call, Code, GraphView, ServiceError};
use journal::{Append, Journal, StreamId};
use smallvec::{SmallVec, smallvec};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::{mpsc, oneshot};
use twin_graph::{Change, Planned, Timestamp, TwinGraph};

/// The most commands that share one commit.
const BATCH: usize = 4_096;
/// The most commands that wait for an earlier one on the same twin before no more are taken.
const ASIDE: usize = 1_024;
/// Changes published under one lock, so that readers wait for microseconds.
const PUBLISHED_AT_ONCE: usize = 128;
/// A batch of so many is worth looking for the next commands while it is made durable; with fewer,
/// waking up to look costs more than it saves.
const MANY: usize = 256;
/// How long a batch waits for company, at the most; and how often it looks.
const LINGER: Duration = Duration::from_millis(2);
const LOOK: Duration = Duration::from_micros(80);

/// Nearly every command is one mutation, which makes one change.
pub(crate) type Mutations = SmallVec<[Mutation; 1]>;
pub(crate) type Done = SmallVec<[Arc<Change>; 1]>;
pub(crate) type Answer = Result<Done, ServiceError>;

/// Mutations that are done together or not at all, and who waits for them.
pub(crate) struct Command {
    mutations: Mutations,
    pub(crate) touches: Touches,
    call: Call,
    answer: oneshot::Sender<Answer>,
}

impl Command {
    pub(crate) fn new(mutations: Mutations, call: Call, answer: oneshot::Sender<Answer>) -> Self {
        let touches = Touches::of(&mutations);
        Self { mutations, touches, call, answer }
    }
}

pub(crate) struct Writer {
    view: Arc<GraphView>,
    journal: Journal,
    stream: StreamId,
    limiter: Arc<Limiter>,
    snapshots: SnapshotSchedule,
    commands: mpsc::Receiver<Command>,
    aside: Aside,
    etags: Etags,
    /// How long the last commit took, and how many commands shared it.
    commit: Duration,
    company: usize,
}

/// A batch that the journal is making durable.
struct Committing {
    batch: Batch,
    append: Append,
    since: Instant,
}

impl Writer {
    pub(crate) fn new(
        view: Arc<GraphView>,
        journal: Journal,
        stream: StreamId,
        limiter: Arc<Limiter>,
        commands: mpsc::Receiver<Command>,
    ) -> Self {
        Self {
            view,
            journal,
            stream,
            limiter,
            snapshots: SnapshotSchedule::default(),
            commands,
            aside: Aside::default(),
            etags: Etags::new(),
            commit: Duration::ZERO,
            company: 0,
        }
    }

    /// Works until all senders are gone.
    pub(crate) fn run(mut self) {
        let mut committing: Option<Committing> = None;
        loop {
            let mut batch = Batch::with_room(self.company);
            let Some(under_way) = committing.take() else {
                if self.aside.len() == 0 {
                    let Some(first) = self.commands.blocking_recv() else { return };
                    self.take(first, &mut batch, None);
                }
                self.gather(&mut batch, None);
                committing = self.submit(batch);
                continue;
            };
            self.gather_meanwhile(&mut batch, &under_way);
            self.company = under_way.batch.len();
            committing = match self.wait(under_way) {
                Ok(durable) => self.go_on(durable, batch),
                // Its versions would leave a gap.
                Err(error) => {
                    batch.refuse(&error);
                    None
                }
            };
        }
    }

    /// Publishes a durable batch and hands the next one to the journal: that one first where it
    /// has company already, so that the disk need not wait.
    fn go_on(&mut self, durable: Batch, mut next: Batch) -> Option<Committing> {
        if self.has_company(&next) {
            let committing = self.submit(next);
            // Where it fails, those who wait are told, and the next one finds the gap.
            drop(self.done(durable));
            return committing;
        }
        if let Err(error) = self.done(durable) {
            next.refuse(&error);
            return None;
        }
        self.linger(&mut next);
        self.submit(next)
    }

    /// Whether half as many as last time are there. All of them need not be: two batches that
    /// take turns keep disk, writer and clients busy.
    fn has_company(&self, batch: &Batch) -> bool {
        batch.closed || batch.len() >= BATCH || 2 * batch.len() >= self.company.max(2)
    }

    /// Takes what waits, up to a full batch.
    fn gather(&mut self, batch: &mut Batch, under_way: Option<&Batch>) {
        for command in self.aside.take() {
            self.take(command, batch, under_way);
        }
        self.receive(batch, under_way);
    }

    fn receive(&mut self, batch: &mut Batch, under_way: Option<&Batch>) {
        while !batch.closed && batch.len() < BATCH && self.aside.len() < ASIDE {
            let Ok(command) = self.commands.try_recv() else { return };
            self.take(command, batch, under_way);
        }
    }

    /// Takes what comes while a batch is made durable. Where few come, nobody is worth waking for.
    fn gather_meanwhile(&mut self, batch: &mut Batch, under_way: &Committing) {
        self.gather(batch, Some(&under_way.batch));
        let room = |batch: &Batch| !batch.closed && batch.len() < BATCH;
        while under_way.batch.len() >= MANY && room(batch) && !under_way.append.wait_for(LOOK) {
            self.receive(batch, Some(&under_way.batch));
        }
    }

    /// Those who were just answered ask again within microseconds: where a commit takes much
    /// longer than that, it is worth a moment to have them in this one and not in the next. One
    /// alone is waited for without looking.
    fn linger(&mut self, batch: &mut Batch) {
        let (since, limit) = (Instant::now(), LINGER.min(self.commit / 4));
        self.gather(batch, None);
        while self.company > 1 && !self.has_company(batch) && since.elapsed() + LOOK < limit {
            std::thread::sleep(LOOK);
            self.receive(batch, None);
        }
    }

    /// Checks a command and adds its changes to the batch, or refuses it. What reads something
    /// that an earlier command changes is put aside, so that every command is checked against a
    /// graph in which all those are done.
    fn take(&mut self, command: Command, batch: &mut Batch, under_way: Option<&Batch>) {
        let Some(command) = self.aside.keep(command, batch, under_way) else { return };
        let Command { mut mutations, touches, call, answer } = command;
        let planned = if mutations.len() == 1
            && let Some(mutation) = mutations.pop()
        {
            self.plan_one(mutation, &call, batch, under_way).map(|one| smallvec![one])
        } else {
            self.plan_many(mutations, &call)
        };
        match planned {
            Ok(changes) => batch.add(answer, touches, changes),
            Err(error) => drop(answer.send(Err(error))),
        }
    }

    fn plan_one(
        &mut self,
        mutation: Mutation,
        call: &Call,
        batch: &Batch,
        under_way: Option<&Batch>,
    ) -> Result<Planned, ServiceError> {
        let graph = self.view.read();
        let changes = under_way.map_or(0, |other| other.changes.len()) + batch.changes.len();
        let version = graph.version() + changes as u64 + 1;
        let ahead = under_way.map_or(Growth::default(), |other| other.growth) + batch.growth;
        let bounds = Bounds { limiter: &self.limiter, ahead };
        change(&graph, mutation, call, version, self.etags.next(), bounds)
    }

    /// Several at once are checked one after the other on a copy, so that each sees those before.
    fn plan_many(
        &mut self,
        mutations: Mutations,
        call: &Call,
    ) -> Result<SmallVec<[Planned; 1]>, ServiceError> {
        let mut graph = TwinGraph::clone(&self.view.read());
        let mut changes = SmallVec::with_capacity(mutations.len());
        for mutation in mutations {
            let (version, etag) = (graph.version() + 1, self.etags.next());
            let bounds = Bounds { limiter: &self.limiter, ahead: Growth::default() };
            let next = change(&graph, mutation, call, version, etag, bounds)?;
            graph.apply_planned(&next).map_err(|error| internal(&error))?;
            changes.push(next);
        }
        Ok(changes)
    }

    fn submit(&mut self, mut batch: Batch) -> Option<Committing> {
        if batch.changes.is_empty() {
            batch.answer();
            return None;
        }
        let records = std::mem::take(&mut batch.records);
        let append = self.journal.append(self.stream, records);
        Some(Committing { batch, append, since: Instant::now() })
    }

    /// Waits until a batch is durable; where it is refused, tells so.
    fn wait(&mut self, committing: Committing) -> Result<Batch, ServiceError> {
        let Committing { batch, append, since } = committing;
        let durable = append.wait();
        self.commit = since.elapsed();
        match durable {
            Ok(_) => Ok(batch),
            Err(error) => {
                let message = format!("The change was not made: {error}");
                let error = ServiceError::new(Code::ServiceUnavailable, message);
                batch.refuse(&error);
                Err(error)
            }
        }
    }

    /// Publishes what is durable, then answers.
    fn done(&mut self, batch: Batch) -> Result<(), ServiceError> {
        match self.publish(&batch.changes) {
            Ok(()) => {
                self.snapshots.after(batch.changes.len(), &self.view, &self.journal, self.stream);
                batch.answer();
                Ok(())
            }
            Err(error) => {
                batch.refuse(&error);
                Err(error)
            }
        }
    }

    fn publish(&self, changes: &[Planned]) -> Result<(), ServiceError> {
        changes
            .chunks(PUBLISHED_AT_ONCE)
            .try_for_each(|some| self.view.publish(some).map_err(|error| internal(&error)))
    }
}

/// Makes ETags, no two the same: a number of this writer's own, and a count.
struct Etags {
    writer: u64,
    count: u64,
}

impl Etags {
    fn new() -> Self {
        Self { writer: uuid::Uuid::new_v4().as_u64_pair().0, count: 0 }
    }

    /// `W/"…"` around a GUID, as the service's are.
    fn next(&mut self) -> Arc<str> {
        self.count += 1;
        // An odd factor maps each count to another number; it only hides that they follow.
        let mixed = self.count.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut text = *b"W/\"00000000-0000-0000-0000-000000000000\"";
        uuid::Uuid::from_u64_pair(self.writer, mixed).hyphenated().encode_lower(&mut text[3..39]);
        String::from_utf8_lossy(&text).into()
    }
}

fn change(
    graph: &TwinGraph,
    mutation: Mutation,
    call: &Call,
    version: u64,
    etag: Arc<str>,
    bounds: Bounds<'_>,
) -> Result<Planned, ServiceError> {
    let now = Timestamp::from(SystemTime::now());
    let (kind, twin) = plan(graph, mutation, &Stamp { now, etag }, bounds)?;
    let change = Change { version, time: now, cause: call.cause(), kind };
    Ok(Planned { change: Arc::new(change), twin })
}

fn internal(error: &dyn std::error::Error) -> ServiceError {
    ServiceError::new(Code::InternalServerError, format!("This is a fault of Twinscope: {error}"))
}
