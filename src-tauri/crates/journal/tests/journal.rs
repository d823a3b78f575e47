//! What the journal promises when nothing goes wrong.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    path::Path,
    sync::mpsc,
    time::{Duration, Instant},
};

use journal::{Batch, Journal, JournalError, MAX_RECORD_BYTES, Options, Retention};

fn open(folder: &Path) -> Journal {
    Journal::open(folder, Options::default()).unwrap()
}

fn payloads(journal: &Journal, stream: &str) -> Vec<Vec<u8>> {
    let stream = journal.stream(stream).unwrap();
    journal.read(stream, 1, usize::MAX).unwrap().into_iter().map(|record| record.payload).collect()
}

fn eventually(what: &str, mut check: impl FnMut() -> bool) {
    let start = Instant::now();
    while !check() {
        assert!(
            start.elapsed() < Duration::from_secs(5),
            "{what} did not happen within five seconds"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn positions_are_dense_and_survive_reopening() {
    let folder = tempfile::tempdir().unwrap();
    {
        let journal = open(folder.path());
        let stream = journal.stream("twins").unwrap();
        assert_eq!((journal.first(stream), journal.head(stream)), (1, 0));
        assert_eq!(
            journal.append(stream, vec![b"a".to_vec(), b"b".to_vec()]).wait().unwrap(),
            1..3
        );
        assert_eq!(journal.append(stream, vec![]).wait().unwrap(), 3..3);
        assert_eq!(journal.append(stream, vec![vec![]]).wait().unwrap(), 3..4);
    }
    let journal = open(folder.path());
    assert_eq!(journal.recovery(), &journal::Recovery::default());
    let stream = journal.stream("twins").unwrap();
    assert_eq!((journal.first(stream), journal.head(stream)), (1, 3));
    let records = journal.read(stream, 2, 10).unwrap();
    assert_eq!(
        records.iter().map(|r| (r.position, &r.payload[..])).collect::<Vec<_>>(),
        [(2, &b"b"[..]), (3, b"")]
    );
    assert!(journal.read(stream, 4, 10).unwrap().is_empty());
    assert!(journal.read(stream, u64::MAX, 10).unwrap().is_empty());
    assert_eq!(journal.read(stream, 0, 1).unwrap()[0].position, 1);
    assert!(journal.read(stream, 1, 0).unwrap().is_empty());
}

#[test]
fn dropping_the_last_clone_saves_what_is_queued() {
    let folder = tempfile::tempdir().unwrap();
    {
        let journal = open(folder.path());
        let stream = journal.stream("s").unwrap();
        for n in 0..100u8 {
            let _ = journal.append(stream, vec![vec![n]]);
        }
        journal.set_cursor("c", stream, 42);
        let _ = journal.put_snapshot(stream, 7, vec![1; 5 << 20]);
        let clone = journal.clone();
        drop(journal);
        drop(clone);
    }
    for log in &journal::FILES[1..] {
        let length = std::fs::metadata(folder.path().join(log)).map_or(0, |file| file.len());
        assert_eq!(length, 0, "closing leaves no log behind");
    }
    let journal = open(folder.path());
    assert_eq!(payloads(&journal, "s"), (0..100u8).map(|n| vec![n]).collect::<Vec<_>>());
    assert_eq!(journal.cursor("c"), Some(42));
    let snapshot = journal.latest_snapshot(journal.stream("s").unwrap()).unwrap().unwrap();
    assert_eq!((snapshot.0, snapshot.1.len()), (7, 5 << 20));
}

#[test]
fn many_threads_share_commits_and_streams_stay_apart() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path());
    std::thread::scope(|scope| {
        for thread in 0..8u8 {
            let journal = journal.clone();
            scope.spawn(move || {
                let own = journal.stream(&format!("own {thread}")).unwrap();
                let shared = journal.stream("shared").unwrap();
                for n in 0..200u8 {
                    let _ = journal.append(own, vec![vec![n]]);
                    let at = journal.append(shared, vec![vec![thread, n]]).wait().unwrap();
                    assert_eq!(journal.read(shared, at.start, 1).unwrap()[0].payload, [thread, n]);
                }
            });
        }
    });
    journal.flush().unwrap();
    let shared = payloads(&journal, "shared");
    assert_eq!(shared.len(), 1600);
    for thread in 0..8u8 {
        let all: Vec<_> = (0..200u8).map(|n| vec![n]).collect();
        assert_eq!(payloads(&journal, &format!("own {thread}")), all);
        let of_thread: Vec<_> =
            shared.iter().filter(|p| p[0] == thread).map(|p| vec![p[1]]).collect();
        assert_eq!(of_thread, all, "each thread's appends keep their order");
    }
    let stats = journal.stats();
    assert_eq!((stats.records, stats.bytes, stats.queued_bytes), (3200, 1600 + 3200, 0));
    assert!(stats.commits < 1700, "{} commits for 3,200 appends: they do not share", stats.commits);
    assert!(stats.fsync_p50_us > 0 && stats.fsync_p50_us <= stats.fsync_p99_us);
}

#[test]
fn a_batch_moves_records_cursors_and_values_together() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path());
    let (a, b) = (journal.stream("a").unwrap(), journal.stream("b").unwrap());
    let batch = Batch::new()
        .append(a, vec![vec![1], vec![2]])
        .append(b, vec![vec![3]])
        .append(a, vec![vec![4]])
        .cursor("route", a, 2)
        .value("version", b"17".to_vec());
    assert_eq!(journal.commit(batch).wait().unwrap(), 1..3);
    assert_eq!((journal.head(a), journal.head(b), journal.cursor("route")), (3, 1, Some(2)));
    drop(journal);
    let journal = open(folder.path());
    assert_eq!(payloads(&journal, "a"), [[1], [2], [4]]);
    assert_eq!(journal.cursor("route"), Some(2));
    assert_eq!(journal.value("version").unwrap().unwrap(), b"17");
    assert_eq!(journal.value("none").unwrap(), None);
    journal.put_value("version", b"18".to_vec()).wait().unwrap();
    assert_eq!(journal.value("version").unwrap().unwrap(), b"18");
}

#[test]
fn a_lazy_cursor_is_saved_within_a_second_and_never_goes_back() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path());
    let stream = journal.stream("s").unwrap();
    journal.append(stream, vec![vec![0]; 10]).wait().unwrap();
    let before = journal.stats().commits;
    journal.set_cursor("c", stream, 5);
    assert_eq!(journal.cursor("c"), Some(5));
    let start = Instant::now();
    eventually("the cursor's commit", || journal.stats().commits > before);
    assert!(start.elapsed() < Duration::from_secs(1));

    let batch = journal.commit(Batch::new().cursor("c", stream, 6));
    journal.set_cursor("c", stream, 7);
    batch.wait().unwrap();
    assert_eq!(journal.cursor("c"), Some(7), "a batch from before does not undo the move after it");
    drop(journal);
    assert_eq!(open(folder.path()).cursor("c"), Some(7));
}

#[test]
fn the_newest_two_snapshots_are_kept_whatever_their_size() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path());
    let stream = journal.stream("s").unwrap();
    assert_eq!(journal.latest_snapshot(stream).unwrap(), None);
    let early = journal.put_snapshot(stream, 4, vec![1]).wait();
    assert!(matches!(early, Err(JournalError::BeyondHead { position: 4, head: 0 })));
    journal.append(stream, vec![vec![]; 4]).wait().unwrap();
    for (position, bytes) in [(1, 0), (2, 1), (3, 256 << 10), (4, (9 << 20) + 1)] {
        let payload: Vec<u8> = (0..bytes).map(|n| (n % 251) as u8).collect();
        journal.put_snapshot(stream, position, payload.clone()).wait().unwrap();
        assert_eq!(journal.latest_snapshot(stream).unwrap(), Some((position, payload)));
    }
    drop(journal);
    let db = rusqlite::Connection::open(folder.path().join("journal.db")).unwrap();
    let count = |sql: &str| db.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count("SELECT count(*) FROM snapshot"), 2);
    assert_eq!(count("SELECT count(*) FROM snapshot_chunk"), 1 + 37);
}

#[test]
fn appends_are_not_held_up_by_a_large_snapshot() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path());
    let stream = journal.stream("s").unwrap();
    let (done, snapshot_done) = mpsc::channel();
    journal
        .put_snapshot(stream, 0, vec![3; 64 << 20])
        .on_done(move |result| done.send(result).unwrap());
    let mut during = 0;
    while snapshot_done.try_recv().is_err() {
        journal.append(stream, vec![vec![1; 200]]).wait().unwrap();
        during += 1;
    }
    assert!(during >= 8, "only {during} commits between the pieces of a snapshot");
}

#[test]
fn trimming_and_retention_keep_positions() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path());
    let stream = journal.stream("s").unwrap();
    journal.append(stream, vec![vec![7; 100]; 10_000]).wait().unwrap();
    journal.trim(stream, 9_001);
    eventually("the trim", || journal.first(stream) == 9_001);
    assert_eq!(journal.read(stream, 1, 1).unwrap()[0].position, 9_001);

    journal.set_retention(stream, Retention { max_bytes: Some(50_000), max_age: None });
    eventually("retention by bytes", || journal.first(stream) == 9_501);
    let last = journal.read(stream, 1, usize::MAX).unwrap();
    assert_eq!((last.len(), last[0].position, last[499].position), (500, 9_501, 10_000));

    std::thread::sleep(Duration::from_millis(20));
    journal.set_retention(
        stream,
        Retention { max_age: Some(Duration::from_millis(1)), max_bytes: None },
    );
    eventually("retention by age", || journal.first(stream) == 10_001);
    assert!(journal.read(stream, 1, 10).unwrap().is_empty());
    drop(journal);

    let journal = open(folder.path());
    let stream = journal.stream("s").unwrap();
    assert_eq!((journal.first(stream), journal.head(stream)), (10_001, 10_000));
    assert_eq!(journal.append(stream, vec![vec![]]).wait().unwrap(), 10_001..10_002);
    journal.trim(stream, u64::MAX);
    eventually("a trim beyond the head", || journal.first(stream) == 10_002);
}

#[test]
fn readers_see_dense_positions_while_the_stream_is_written_and_trimmed() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { log_bytes: 16 << 10, ..Options::default() };
    let journal = Journal::open(folder.path(), options).unwrap();
    let stream = journal.stream("s").unwrap();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for n in 0..300u64 {
                let end =
                    journal.append(stream, vec![n.to_le_bytes().to_vec(); 20]).wait().unwrap().end;
                journal.trim(stream, end.saturating_sub(500));
            }
        });
        while !writer.is_finished() {
            let head = journal.head(stream);
            let records = journal.read(stream, 1, usize::MAX).unwrap();
            let positions: Vec<_> = records.iter().map(|r| r.position).collect();
            assert!(positions.windows(2).all(|w| w[0] + 1 == w[1]));
            assert!(
                positions.last().copied().unwrap_or(0) >= head,
                "all durable records are readable"
            );
        }
    });
    assert!(journal.stats().moved > 0);
}

#[test]
fn a_full_queue_blocks_and_an_append_over_the_bound_goes_alone() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { max_queued_bytes: 10_000, ..Options::default() };
    let journal = Journal::open(folder.path(), options).unwrap();
    let stream = journal.stream("s").unwrap();
    let (most, watched) = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let _ = journal.append(stream, vec![vec![1; 1_000]]);
                    }
                })
            })
            .collect();
        let (mut most, mut watched) = (0, 0);
        while writers.iter().any(|writer| !writer.is_finished()) {
            most = most.max(journal.stats().queued_bytes);
            watched += 1;
        }
        (most, watched)
    });
    assert!(most <= 10_000 && watched > 0, "{most} bytes were queued");
    assert_eq!(journal.append(stream, vec![vec![2; 50_000]]).wait().unwrap(), 801..802);
}

#[test]
fn a_second_program_is_told_who_has_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path());
    match Journal::open(folder.path(), Options::default()) {
        Err(JournalError::Locked { pid, folder: named }) => {
            assert_eq!((pid, named.as_path()), (Some(std::process::id()), folder.path()));
        }
        other => panic!("{other:?}"),
    }
    drop(journal);
    open(folder.path());
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a file");
    std::fs::write(&file, "").unwrap();
    let error = Journal::open(&file.join("data"), Options::default()).unwrap_err();
    assert!(matches!(error, JournalError::NotWritable { .. }), "{error:?}");
    assert!(
        error.to_string().contains("a file/data")
            && error.to_string().contains("choose another folder")
    );
}

#[test]
fn bad_input_is_answered_and_changes_nothing() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (journal, other) = (open(one.path()), open(two.path()));
    let stream = journal.stream("s").unwrap();
    other.stream("x").unwrap();
    let foreign = other.stream("y").unwrap();
    assert!(matches!(
        journal.append(foreign, vec![vec![1]]).wait(),
        Err(JournalError::UnknownStream(2))
    ));
    assert!(matches!(journal.read(foreign, 1, 1), Err(JournalError::UnknownStream(2))));
    assert!(matches!(
        journal.put_snapshot(foreign, 1, vec![]).wait(),
        Err(JournalError::UnknownStream(2))
    ));
    let large = vec![vec![1], vec![0; MAX_RECORD_BYTES + 1]];
    assert!(matches!(journal.append(stream, large).wait(), Err(JournalError::TooLarge { .. })));
    journal.set_cursor("c", foreign, 1);
    journal.trim(foreign, 1);
    journal.flush().unwrap();
    assert_eq!((journal.head(stream), journal.head(foreign), journal.cursor("c")), (0, 0, None));
}

#[test]
fn an_append_can_be_looked_at_until_it_is_durable() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path());
    let stream = journal.stream("looked at").unwrap();
    let append = journal.append(stream, vec![b"one".to_vec()]);
    eventually("the append is durable", || append.wait_for(Duration::from_micros(50)));
    assert_eq!(journal.head(stream), 1);
    assert!(append.wait_for(Duration::ZERO));
    assert_eq!(append.wait().unwrap(), 1..2);
}

#[test]
fn callbacks_may_append_but_not_wait_and_may_panic() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { max_queued_bytes: 1, ..Options::default() };
    let journal = Journal::open(folder.path(), options).unwrap();
    let stream = journal.stream("s").unwrap();
    let (send, receive) = mpsc::channel();
    let inner = journal.clone();
    journal.append(stream, vec![vec![1]]).on_done(move |first| {
        let append = inner.append(stream, vec![vec![2]]);
        send.send((first.unwrap(), append.wait().unwrap_err())).unwrap();
        panic!("on purpose");
    });
    let (first, error) = receive.recv_timeout(Duration::from_secs(5)).unwrap();
    assert_eq!(first, 1..2);
    assert!(matches!(error, JournalError::InCallback));
    journal.flush().unwrap();
    assert_eq!(journal.head(stream), 2);
}

#[test]
fn the_last_clone_may_be_dropped_in_a_callback() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path());
    let stream = journal.stream("s").unwrap();
    let last = journal.clone();
    let append = journal.append(stream, vec![vec![1]]);
    drop(journal);
    append.on_done(move |_| drop(last));
    eventually("the lock's release", || Journal::open(folder.path(), Options::default()).is_ok());
    assert_eq!(payloads(&open(folder.path()), "s"), [[1]]);
}

#[test]
fn a_newer_format_and_a_foreign_file_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()));
    let file = folder.path().join("journal.db");
    rusqlite::Connection::open(&file).unwrap().execute_batch("PRAGMA user_version=3").unwrap();
    let error = Journal::open(folder.path(), Options::default()).unwrap_err();
    assert!(matches!(error, JournalError::Newer { found: 3, known: 2, .. }), "{error:?}");
    std::fs::write(&file, "this is not a database, it is a text of some length").unwrap();
    let error = Journal::open(folder.path(), Options::default()).unwrap_err();
    assert!(matches!(error, JournalError::Unreadable { .. }), "{error:?}");
}
