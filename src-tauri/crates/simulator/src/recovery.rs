//! The graph from the journal, and snapshots so that this stays quick.

use crate::InstanceError;
use crate::snapshot::{blocks, restore};
use adt_service::GraphView;
use journal::{Damage, Journal, StreamId};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use twin_graph::{Change, TwinGraph};

/// Changes between snapshots, at the least, so that a small graph is not written all the time; a
/// large one is written less often.
const SNAPSHOT_EVERY: usize = 200_000;
/// Changes kept before the newest snapshot, for endpoints that are behind and for the event log.
const KEEP: u64 = 200_000;
/// Records read at once.
const PAGE: usize = 4_096;
/// How often it is told how far opening is, at the most.
const TELL_EVERY: Duration = Duration::from_millis(200);

/// What opening found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecoveryReport {
    /// The version of the snapshot that it began with; 0 for none.
    pub snapshot: u64,
    /// Changes replayed after it.
    pub replayed: u64,
    /// What the journal cut or found damaged, in sentences.
    pub findings: Vec<String>,
}

/// How far opening is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recovering {
    /// How many twins, relationships and changes were read.
    pub done: u64,
    /// Of how many.
    pub total: u64,
}

/// Tells how far opening is, a few times a second; nothing where it takes no time. Whoever is told
/// may answer that nobody waits for it any more.
pub(crate) struct Telling<'a> {
    tell: &'a dyn Fn(Recovering) -> ControlFlow<()>,
    last: Instant,
    /// The stream's last position: as many changes are read as it is after the snapshot.
    head: u64,
    /// What the snapshot has.
    restored: u64,
    total: u64,
}

impl<'a> Telling<'a> {
    pub(crate) fn new(tell: &'a dyn Fn(Recovering) -> ControlFlow<()>, head: u64) -> Self {
        Self { tell, last: Instant::now(), head, restored: 0, total: head }
    }

    /// There is a snapshot of a version, with so many twins and relationships.
    pub(crate) fn expect(&mut self, version: u64, restored: u64) {
        self.restored = restored;
        self.total = restored + self.head.saturating_sub(version);
    }

    /// So many twins and relationships of the snapshot are read.
    ///
    /// # Errors
    /// Where it is to stop.
    pub(crate) fn restored(&mut self, done: u64) -> Result<(), InstanceError> {
        self.tell(done)
    }

    /// So many changes after the snapshot are read.
    ///
    /// # Errors
    /// Where it is to stop.
    pub(crate) fn replayed(&mut self, done: u64) -> Result<(), InstanceError> {
        self.tell(self.restored + done)
    }

    fn tell(&mut self, done: u64) -> Result<(), InstanceError> {
        if self.last.elapsed() < TELL_EVERY {
            return Ok(());
        }
        self.last = Instant::now();
        match (self.tell)(Recovering { done, total: self.total }) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(InstanceError::Stopped),
        }
    }
}

/// Newest snapshot, then everything after it.
pub(crate) fn recover(
    journal: &Journal,
    stream: StreamId,
    tell: &dyn Fn(Recovering) -> ControlFlow<()>,
) -> Result<(TwinGraph, RecoveryReport), InstanceError> {
    let mut report = RecoveryReport { findings: findings(journal), ..Default::default() };
    let mut telling = Telling::new(tell, journal.head(stream));
    let restored = journal.restore(stream, |reader| restore(reader, &mut telling))?;
    let mut graph = restored.unwrap_or_default();
    report.snapshot = graph.version();
    loop {
        let records = journal.read(stream, graph.version() + 1, PAGE)?;
        if records.is_empty() {
            return Ok((graph, report));
        }
        for record in records {
            graph.apply(&decode(record.position, &record.payload)?)?;
            report.replayed += 1;
        }
        telling.replayed(report.replayed)?;
    }
}

/// What the journal's own recovery found, in sentences.
fn findings(journal: &Journal) -> Vec<String> {
    let found = journal.recovery();
    let torn = found.torn_tail.map(|bytes| {
        format!("{bytes} bytes of a commit that a crash interrupted were cut; nothing acknowledged was among them.")
    });
    let given_up = found.log_lost.map(|bytes| {
        format!("{bytes} bytes of the damaged log were given up; changes that were acknowledged may be lost.")
    });
    let lost = found.lost.iter().map(|lost| {
        format!("Records {} to {} of «{}» are lost.", lost.first, lost.last, lost.stream)
    });
    let clamped = found.cursors_clamped.iter().map(|cursor| {
        format!(
            "The cursor «{}» pointed at {} and was moved to {}.",
            cursor.name, cursor.from, cursor.to
        )
    });
    let snapshots = found.damaged.iter().filter(|damage| matches!(damage, Damage::Snapshot { .. }));
    let snapshots =
        snapshots.map(|damage| format!("{damage}; an older one, or all changes, stand in for it."));
    torn.into_iter().chain(given_up).chain(snapshots).chain(lost).chain(clamped).collect()
}

pub(crate) fn decode(position: u64, payload: &[u8]) -> Result<Change, InstanceError> {
    Change::from_record(payload)
        .map_err(|source| InstanceError::Unreadable { what: format!("change {position}"), source })
}

/// When to write a snapshot; it is written by a thread of its own while changes go on.
#[derive(Default)]
pub(crate) struct SnapshotSchedule {
    since: usize,
    busy: Arc<AtomicBool>,
}

impl SnapshotSchedule {
    pub(crate) fn after(
        &mut self,
        changes: usize,
        view: &Arc<GraphView>,
        journal: &Journal,
        stream: StreamId,
    ) {
        self.since += changes;
        let due = self.since >= SNAPSHOT_EVERY && self.since >= view.read().twin_count();
        if !due || self.busy.load(Ordering::Acquire) {
            return;
        }
        self.since = 0;
        self.busy.store(true, Ordering::Release);
        let (view, journal, busy) = (view.clone(), journal.clone(), self.busy.clone());
        let write = move || {
            if let Err(error) = write_snapshot(&view, &journal, stream) {
                tracing::warn!(%error, "no snapshot was written; the next start replays more");
            }
            busy.store(false, Ordering::Release);
        };
        let started = std::thread::Builder::new().name("snapshot".into()).spawn(write);
        if started.is_err() {
            self.busy.store(false, Ordering::Release);
        }
    }
}

/// Writes a snapshot and lets go of changes long before it.
pub(crate) fn write_snapshot(
    view: &GraphView,
    journal: &Journal,
    stream: StreamId,
) -> Result<(), InstanceError> {
    let graph = view.read();
    let version = graph.version();
    journal.write_snapshot(stream, version, blocks(&graph))?;
    journal.trim(stream, version.saturating_sub(KEEP));
    Ok(())
}
