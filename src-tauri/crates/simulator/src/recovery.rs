//! The graph from the journal, and snapshots so that this stays quick.

use crate::InstanceError;
use crate::snapshot::{blocks, restore};
use adt_service::GraphView;
use journal::{Damage, Journal, StreamId};
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
    /// What is being read: twins, relationships, or changes.
    pub what: &'static str,
    /// How many are.
    pub done: u64,
    /// Of how many.
    pub total: u64,
}

/// Tells how far opening is, a few times a second; nothing where it takes no time.
pub(crate) struct Telling<'a> {
    tell: &'a dyn Fn(Recovering),
    last: Instant,
}

impl<'a> Telling<'a> {
    pub(crate) fn new(tell: &'a dyn Fn(Recovering)) -> Self {
        Self { tell, last: Instant::now() }
    }

    pub(crate) fn tell(&mut self, what: &'static str, done: u64, total: u64) {
        if self.last.elapsed() >= TELL_EVERY {
            (self.tell)(Recovering { what, done, total });
            self.last = Instant::now();
        }
    }
}

/// Newest snapshot, then everything after it.
pub(crate) fn recover(
    journal: &Journal,
    stream: StreamId,
    mut telling: Telling<'_>,
) -> Result<(TwinGraph, RecoveryReport), InstanceError> {
    let mut report = RecoveryReport { findings: findings(journal), ..Default::default() };
    let restored = journal.restore(stream, |reader| restore(reader, &mut telling))?;
    let mut graph = restored.unwrap_or_default();
    report.snapshot = graph.version();
    let changes = journal.head(stream).saturating_sub(report.snapshot);
    loop {
        let records = journal.read(stream, graph.version() + 1, PAGE)?;
        if records.is_empty() {
            return Ok((graph, report));
        }
        for record in records {
            graph.apply(&decode(record.position, &record.payload)?)?;
            report.replayed += 1;
        }
        telling.tell("changes", report.replayed, changes);
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
