//! A graph that is restored is the graph that was written, or is made of something older.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::InstanceError;
use crate::recovery::{Recovering, RecoveryReport, Telling, recover, write_snapshot};
use adt_service::{Call, GraphView};
use journal::{Journal, JournalError, Options};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use twin_graph::{
    Change, ChangeKind, EventRoute, Origin, Relationship, StoredModel, Timestamp, Twin, TwinGraph,
};

const MODEL: &str = "dtmi:test:T;1";
const TWINS: usize = 4_000;

/// A journal and the graph that its changes make.
struct Kept {
    journal: Journal,
    graph: TwinGraph,
}

impl Kept {
    fn change(&mut self, kinds: impl IntoIterator<Item = ChangeKind>) {
        let mut records = Vec::new();
        for kind in kinds {
            let (version, time) = (self.graph.version() + 1, Timestamp::from_ticks(7));
            let change = Change { version, time, cause: Call::new(Origin::Rest).cause(), kind };
            self.graph.apply(&change).unwrap();
            records.push(change.to_record());
        }
        let stream = self.journal.stream("instance").unwrap();
        self.journal.append(stream, records).wait().unwrap();
    }

    fn snapshot(&self) -> u64 {
        let stream = self.journal.stream("instance").unwrap();
        let view = GraphView::new(self.graph.clone());
        write_snapshot(&view, &self.journal, stream).unwrap();
        self.graph.version()
    }
}

fn twin(number: usize, note: &str) -> ChangeKind {
    let twin = json!({"$dtId": format!("twin {number}"), "$etag": "W/\"1\"",
        "$metadata": {"$model": MODEL},
        "note": note.repeat(60), "number": number, "at": {"x": [1.5, null, "é"]}});
    ChangeKind::TwinPut { twin: Arc::new(Twin::from_json(&twin).unwrap()), replaced: false }
}

fn relationship(number: usize) -> ChangeKind {
    let relationship = json!({"$relationshipId": format!("to {number}"), "$sourceId": "twin 0",
        "$targetId": format!("twin {number}"), "$relationshipName": "to", "weight": number});
    let relationship = Relationship::from_json(&relationship).unwrap();
    ChangeKind::RelationshipPut { relationship: Arc::new(relationship), replaced: false }
}

/// Two snapshots of some MiB each, and changes after each of them.
fn kept(folder: &Path) -> (TwinGraph, [u64; 2]) {
    let journal = Journal::open(folder, Options::default()).unwrap();
    let mut kept = Kept { journal, graph: TwinGraph::new() };
    let document = json!({"@context": "dtmi:dtdl:context;3", "@id": MODEL, "@type": "Interface"});
    let model = StoredModel {
        document: Arc::new(document),
        uploaded: Timestamp::from_ticks(5),
        decommissioned: false,
    };
    let route = EventRoute { id: "r".into(), endpoint: "e".into(), filter: "true".into() };
    kept.change([
        ChangeKind::ModelsPut { models: vec![model] },
        ChangeKind::EventRoutePut { route: Arc::new(route), replaced: false },
    ]);
    kept.change((0..TWINS).map(|number| twin(number, "first")));
    kept.change((1..500).map(relationship));
    let older = kept.snapshot();
    kept.change((0..500).map(|number| twin(number, "second")));
    kept.change((500..TWINS).map(relationship));
    let newer = kept.snapshot();
    kept.change([twin(TWINS, "last"), relationship(TWINS)]);
    (kept.graph, [older, newer])
}

fn recovered(folder: &Path) -> Result<(TwinGraph, RecoveryReport), InstanceError> {
    let journal = Journal::open(folder, Options::default())?;
    let stream = journal.stream("instance")?;
    recover(&journal, stream, &|_| ControlFlow::Continue(()))
}

/// Damages a piece in the middle of a snapshot, the first being number 1.
fn damage(folder: &Path, snapshot: i64) {
    let db = rusqlite::Connection::open(folder.join("journal.db")).unwrap();
    let count = "SELECT count(*) FROM snapshot_chunk WHERE id >> 20 = ?1";
    let chunks: i64 = db.query_row(count, [snapshot], |row| row.get(0)).unwrap();
    assert!(chunks >= 4, "{chunks} pieces");
    let change = "UPDATE snapshot_chunk SET payload = zeroblob(length(payload))
        WHERE id >> 20 = ?1 AND id & 0xfffff = ?2";
    assert_eq!(db.execute(change, [snapshot, chunks / 2]).unwrap(), 1);
}

fn documents(graph: &TwinGraph) -> (Vec<Value>, Vec<Value>, Vec<Value>, Vec<StoredModel>) {
    (
        graph.twins().map(|twin| twin.to_json()).collect(),
        graph.relationships().map(|each| each.to_json()).collect(),
        graph.routes().map(|route| route.to_json()).collect(),
        graph.stored_models().map(|(_, model)| model.clone()).collect(),
    )
}

#[test]
fn a_damaged_piece_in_the_middle_is_replaced_by_something_older_never_by_wrong_data() {
    let folder = tempfile::tempdir().unwrap();
    let (graph, [older, newer]) = kept(folder.path());
    let check = |snapshot: u64, findings: usize| {
        let (again, report) = recovered(folder.path()).unwrap();
        assert_eq!((again.version(), again.models().len()), (graph.version(), 1));
        assert_eq!(documents(&again), documents(&graph));
        assert_eq!((report.snapshot, report.replayed), (snapshot, graph.version() - snapshot));
        assert_eq!(report.findings.len(), findings, "{:?}", report.findings);
        for each in again.relationships() {
            let [source, target] = [&each.source, &each.target].map(|id| again.twin(id).unwrap());
            let are_shared =
                Arc::ptr_eq(&source.id, &each.source) && Arc::ptr_eq(&target.id, &each.target);
            assert!(are_shared, "the ids of {}'s ends are kept twice", each.id);
        }
    };
    check(newer, 0);
    damage(folder.path(), 2);
    check(older, 1);
    damage(folder.path(), 1);
    check(0, 2);

    let journal = Journal::open(folder.path(), Options::default()).unwrap();
    let stream = journal.stream("instance").unwrap();
    journal.trim(stream, 100);
    while journal.first(stream) < 100 {
        std::thread::yield_now();
    }
    drop(journal);
    let refused = recovered(folder.path());
    assert!(matches!(refused, Err(InstanceError::Journal(JournalError::Damaged(_)))));
}

#[test]
fn what_takes_long_is_told_a_few_times_a_second() {
    let told = Mutex::new(Vec::new());
    let tell = |recovering: Recovering| {
        told.lock().push(recovering.done);
        ControlFlow::Continue(())
    };
    let mut telling = Telling::new(&tell, u64::MAX);
    let began = std::time::Instant::now();
    let mut done = 0;
    while began.elapsed() < Duration::from_millis(500) {
        done += 1;
        telling.restored(done).unwrap();
    }
    let told = told.lock();
    assert!((1..=2).contains(&told.len()), "{told:?}");
    assert!(told.iter().all(|told| (2..=done).contains(told)), "{told:?}");
}

#[test]
fn recovery_stops_when_nobody_waits_for_it() {
    let told = Mutex::new(Vec::new());
    let tell = |recovering: Recovering| {
        told.lock().push(recovering);
        ControlFlow::Break(())
    };
    let mut telling = Telling::new(&tell, 25);
    telling.expect(20, 100);
    std::thread::sleep(Duration::from_millis(210));
    assert!(matches!(telling.replayed(3), Err(InstanceError::Stopped)));
    assert_eq!(*told.lock(), [Recovering { done: 103, total: 105 }]);
}

/// `VmHWM` since the last call, and `VmRSS` now, in MiB.
#[cfg(target_os = "linux")]
fn memory() -> (u64, u64) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let mib = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
    };
    let found = (mib("VmHWM:"), mib("VmRSS:"));
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    found
}

/// At length: `cargo test -p simulator --lib -- --ignored --nocapture bounded_memory`.
#[cfg(target_os = "linux")]
#[test]
#[ignore = "takes some ten seconds; run it alone"]
#[allow(clippy::print_stdout)]
fn a_large_graph_is_written_and_read_in_bounded_memory() {
    const MANY: usize = 200_000;
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path(), Options::default()).unwrap();
    let mut kept = Kept { journal, graph: TwinGraph::new() };
    for from in (0..MANY).step_by(5_000) {
        kept.change((from..from + 5_000).map(|number| twin(number, "many")));
    }
    kept.journal.flush().unwrap();
    let (_, before) = memory();
    kept.snapshot();
    let (peak, _) = memory();
    let db = rusqlite::Connection::open(folder.path().join("journal.db")).unwrap();
    let bytes = "SELECT bytes / 1048576 FROM snapshot";
    let size: u32 = db.query_row(bytes, [], |row| row.get(0)).unwrap();
    println!("written: {size} MiB, with {} MiB beside the graph", peak.saturating_sub(before));
    assert!(peak < before + 40, "{before} MiB, at its peak {peak}");
    drop((kept, db));

    let journal = Journal::open(folder.path(), Options::default()).unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let telling = told.clone();
    let options = crate::InstanceOptions {
        recovering: Arc::new(move |recovering| {
            telling.lock().push(recovering);
            ControlFlow::Continue(())
        }),
        ..Default::default()
    };
    memory();
    let began = std::time::Instant::now();
    let instance = crate::Instance::open(journal, options).unwrap();
    let (took, (peak, after)) = (began.elapsed(), memory());
    assert_eq!(instance.view().read().twin_count(), MANY);
    let told = told.lock();
    println!(
        "read in {took:?}; {peak} MiB at its peak, {after} then ({before} when it was made); told {told:?}"
    );
    assert!(told.is_sorted_by_key(|told| told.done), "{told:?}");
    assert!(told.iter().all(|told| told.total == MANY as u64 && told.done <= told.total));
    assert!(peak < before.max(after) + 40, "{before} MiB when made, at its peak {peak}");
}
