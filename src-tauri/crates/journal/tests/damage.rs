//! Damage is found, named, and never handed out as data.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{fs, path::Path};

use journal::{Batch, ClampedCursor, Damage, Journal, JournalError, LostRecords, Options};
use rusqlite::Connection;

const PAGE: usize = 16 << 10;

fn open(folder: &Path) -> Result<Journal, JournalError> {
    Journal::open(folder, Options::default())
}

fn accept_loss(folder: &Path) -> Result<Journal, JournalError> {
    Journal::open(folder, Options { accept_loss: true, ..Options::default() })
}

fn payload(position: u64) -> Vec<u8> {
    format!("record {position} ").into_bytes().repeat(50)
}

/// Streams "a" and "b" of 100 records each, values, cursors and snapshots; closed.
fn journal() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path()).unwrap();
    for name in ["a", "b"] {
        let stream = journal.stream(name).unwrap();
        journal.append(stream, (1..=100).map(payload).collect()).wait().unwrap();
        journal.set_cursor(&format!("cursor {name}"), stream, 60);
        for position in [40, 80] {
            journal.put_snapshot(stream, position, payload(position)).wait().unwrap();
        }
    }
    journal.put_value("version", b"17".to_vec()).wait().unwrap();
    drop(journal);
    folder
}

fn damage(folder: &Path, sql: &str) {
    let db = Connection::open(folder.join("journal.db")).unwrap();
    db.execute_batch(sql).unwrap();
}

fn copy(from: &Path) -> tempfile::TempDir {
    let to = tempfile::tempdir().unwrap();
    for name in journal::FILES {
        if from.join(name).exists() {
            fs::copy(from.join(name), to.path().join(name)).unwrap();
        }
    }
    to
}

fn records_of(damage: &Damage) -> (&str, u64, u64) {
    match damage {
        Damage::Records { stream, first, last, .. } => (stream, *first, *last),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_stream_with_damaged_records_is_refused_until_the_loss_is_accepted() {
    for (sql, first, last) in [
        ("UPDATE records_1_0 SET payload = 'x' || payload WHERE position = 50", 50, 50),
        ("UPDATE records_1_0 SET crc = crc + 1 WHERE position IN (50, 51)", 50, 51),
        ("UPDATE records_1_0 SET at = at + 1 WHERE position = 1", 1, 1),
        ("UPDATE records_1_0 SET payload = 7 WHERE position = 100", 100, 100),
        ("DELETE FROM records_1_0 WHERE position BETWEEN 20 AND 30", 20, 30),
        ("DELETE FROM records_1_0 WHERE position > 98", 99, 100),
        ("DELETE FROM records_1_0", 1, 100),
    ] {
        let folder = journal();
        damage(folder.path(), sql);
        let journal = open(folder.path()).unwrap();
        assert_eq!(journal.recovery().damaged.len(), 1, "{sql}");
        assert_eq!(records_of(&journal.recovery().damaged[0]), ("a", first, last), "{sql}");
        let error = journal.stream("a").unwrap_err();
        assert!(matches!(&error, JournalError::Damaged(d) if records_of(d) == ("a", first, last)));
        assert!(
            error.to_string().contains("restore a copy")
                && error.to_string().contains("accept_loss")
        );
        let b = journal.stream("b").unwrap();
        assert_eq!(journal.read(b, 1, 1000).unwrap().len(), 100, "the other stream is whole");
        drop(journal);

        let journal = accept_loss(folder.path()).unwrap();
        let lost = vec![LostRecords { stream: "a".into(), first, last }];
        assert_eq!(
            (journal.recovery().damaged.len(), &journal.recovery().lost),
            (1, &lost),
            "{sql}"
        );
        drop(journal);

        let journal = open(folder.path()).unwrap();
        assert_eq!(
            (journal.recovery().damaged.len(), &journal.recovery().lost),
            (0, &lost),
            "{sql}"
        );
        let a = journal.stream("a").unwrap();
        let kept: Vec<_> = (1..=100).filter(|p| !(first..=last).contains(p)).collect();
        let read = journal.read(a, 1, 1000).unwrap();
        assert!(read.iter().all(|record| record.payload == payload(record.position)));
        assert_eq!(read.iter().map(|r| r.position).collect::<Vec<_>>(), kept, "{sql}");
        let by_one: Vec<_> = (1..=100)
            .filter(|&p| journal.read(a, p, 1).unwrap().first().is_some_and(|r| r.position == p))
            .collect();
        assert_eq!(by_one, kept);
        assert_eq!(
            journal.append(a, vec![payload(101)]).wait().unwrap(),
            101..102,
            "positions are not reused"
        );
        assert_eq!(journal.read(a, 101, 10).unwrap()[0].payload, payload(101));
    }
}

#[test]
fn damage_beyond_what_open_checks_ends_the_read_before_it() {
    let folder = journal();
    damage(folder.path(), "UPDATE records_1_0 SET crc = crc + 1 WHERE position = 50");
    let options = Options { verify_bytes: 1_000, ..Options::default() };
    let journal = Journal::open(folder.path(), options).unwrap();
    assert!(journal.recovery().damaged.is_empty());
    let a = journal.stream("a").unwrap();
    assert_eq!(journal.read(a, 1, 1000).unwrap().len(), 49);
    match journal.read(a, 50, 1000).unwrap_err() {
        JournalError::Damaged(damage) => assert_eq!(records_of(&damage), ("a", 50, 50)),
        other => panic!("{other:?}"),
    }
    assert_eq!(journal.read(a, 51, 1000).unwrap().len(), 50);
}

#[test]
fn a_damaged_snapshot_falls_back_to_the_older_one() {
    let folder = journal();
    // Snapshots 1 and 2 are of stream a, at positions 40 and 80.
    damage(folder.path(), "UPDATE snapshot_chunk SET payload = 'x' || payload WHERE id >> 20 = 2");
    let journal = open(folder.path()).unwrap();
    let found = &journal.recovery().damaged[..];
    assert!(
        matches!(found, [Damage::Snapshot { stream, position: 80, .. }] if stream == "a"),
        "{found:?}"
    );
    let a = journal.stream("a").unwrap();
    assert_eq!(journal.latest_snapshot(a).unwrap(), Some((40, payload(40))));
    drop(journal);

    damage(
        folder.path(),
        "DELETE FROM snapshot_chunk WHERE id >> 20 = 1; UPDATE snapshot SET position = 79 WHERE id = 4",
    );
    let journal = open(folder.path()).unwrap();
    // That left snapshots 1 without its piece, 2 damaged, 4 with another position.
    assert_eq!(journal.recovery().damaged.len(), 3);
    assert_eq!(
        journal.latest_snapshot(a).unwrap(),
        None,
        "all records are there to replay instead"
    );
    assert_eq!(
        journal.latest_snapshot(journal.stream("b").unwrap()).unwrap(),
        Some((40, payload(40)))
    );
    journal.trim(a, 10);
    journal.flush().unwrap();
    while journal.first(a) < 10 {
        std::thread::yield_now();
    }
    assert!(matches!(
        journal.latest_snapshot(a),
        Err(JournalError::Damaged(Damage::Snapshot { .. }))
    ));
    drop(journal);
    assert_eq!(accept_loss(folder.path()).unwrap().recovery().damaged.len(), 3);
    assert!(open(folder.path()).unwrap().recovery().damaged.is_empty());
}

/// Old snapshots and trimmed records are deleted together with everything else that is moved into
/// the database: damage under them must not keep that from it.
#[test]
fn what_is_damaged_and_not_needed_any_more_holds_nobody_up() {
    const LARGE: usize = 100_000;
    let folder = tempfile::tempdir().unwrap();
    let options = Options { log_bytes: 10_000, ..Options::default() };
    let reopen = || Journal::open(folder.path(), options.clone()).unwrap();
    let journal = reopen();
    let a = journal.stream("a").unwrap();
    journal.append(a, vec![vec![0xA7; LARGE], vec![1]]).wait().unwrap();
    journal.put_snapshot(a, 1, vec![0xB7; LARGE]).wait().unwrap();
    drop(journal);
    // A long record is a chain of pages, each of which begins with the number of the next.
    let file = folder.path().join("journal.db");
    let mut bytes = fs::read(&file).unwrap();
    for byte in [0xA7, 0xB7] {
        let links = bytes.chunks_mut(PAGE).filter(|page| page[4..].iter().all(|b| *b == byte));
        assert!(links.map(|page| page[..4].fill(0xFF)).count() > 2);
    }
    fs::write(&file, bytes).unwrap();

    let journal = Journal::open(folder.path(), Options { verify_bytes: 1, ..options.clone() });
    let journal = journal.unwrap();
    let a = journal.stream("a").unwrap();
    journal.trim(a, 2);
    for round in 0..20 {
        journal.append(a, vec![vec![2; 5_000]]).wait().unwrap();
        if round < 3 {
            journal.put_snapshot(a, 2, payload(round)).wait().unwrap();
        }
    }
    assert_eq!(journal.first(a), 2);
    drop(journal);
    let journal = reopen();
    let a = journal.stream("a").unwrap();
    assert_eq!(journal.read(a, 1, 100).unwrap().len(), 21);
    assert_eq!(journal.latest_snapshot(a).unwrap(), Some((2, payload(2))));
}

#[test]
fn damaged_values_and_cursors_are_named_and_heal_when_put_again() {
    let folder = journal();
    damage(
        folder.path(),
        "UPDATE value SET payload = '18'; UPDATE cursor SET position = 61 WHERE name = 'cursor a'",
    );
    let journal = open(folder.path()).unwrap();
    let found = &journal.recovery().damaged[..];
    assert!(
        matches!(found, [Damage::Value { key, .. }, Damage::Cursor { name, .. }] if key == "version" && name == "cursor a"),
        "{found:?}"
    );
    assert!(matches!(journal.value("version"), Err(JournalError::Damaged(Damage::Value { .. }))));
    assert_eq!((journal.cursor("cursor a"), journal.cursor("cursor b")), (None, Some(60)));
    journal.set_cursor("cursor a", journal.stream("a").unwrap(), 5);
    assert!(journal.values("ver").unwrap().is_empty(), "it is damaged");
    journal.put_value("version", b"19".to_vec()).wait().unwrap();
    assert_eq!(journal.values("ver").unwrap()["version"], b"19");
    drop(journal);
    let journal = open(folder.path()).unwrap();
    assert!(journal.recovery().damaged.is_empty());
    assert_eq!(
        (journal.value("version").unwrap().unwrap(), journal.cursor("cursor a")),
        (b"19".to_vec(), Some(5))
    );
}

#[test]
fn cursors_outside_of_their_stream_are_clamped_and_reported() {
    let folder = journal();
    let journal = open(folder.path()).unwrap();
    let (a, b) = (journal.stream("a").unwrap(), journal.stream("b").unwrap());
    journal.set_cursor("cursor a", a, 1_000);
    journal.trim(b, 71);
    journal.flush().unwrap();
    while journal.first(b) < 71 {
        std::thread::yield_now();
    }
    drop(journal);
    let journal = open(folder.path()).unwrap();
    let mut clamped = journal.recovery().cursors_clamped.clone();
    clamped.sort_by(|x, y| x.name.cmp(&y.name));
    let of = |name: &str, stream: &str, from, to| ClampedCursor {
        name: name.into(),
        stream: stream.into(),
        from,
        to,
    };
    assert_eq!(clamped, [of("cursor a", "a", 1_000, 100), of("cursor b", "b", 60, 70)]);
    assert_eq!((journal.cursor("cursor a"), journal.cursor("cursor b")), (Some(100), Some(70)));
    journal.append(a, (101..=2_000).map(payload).collect()).wait().unwrap();
    drop(journal);
    let journal = open(folder.path()).unwrap();
    assert_eq!(journal.cursor("cursor a"), Some(100), "what was appended since is not skipped");
    assert!(journal.recovery().cursors_clamped.is_empty());
}

/// Whatever is handed out is what was put in.
fn check_what_is_handed_out(journal: &Journal, what: &str) {
    for name in ["a", "b"] {
        let Ok(stream) = journal.stream(name) else { continue };
        let mut from = 1;
        while let Ok(records) = journal.read(stream, from, 1000) {
            let Some(last) = records.last() else { break };
            from = last.position + 1;
            for record in &records {
                assert_eq!(record.payload, payload(record.position), "{what}");
            }
        }
        if let Ok(Some((position, snapshot))) = journal.latest_snapshot(stream) {
            assert_eq!(snapshot, payload(position), "{what}");
        }
        assert!(matches!(journal.cursor(&format!("cursor {name}")), None | Some(60)), "{what}");
    }
    if let Ok(Some(value)) = journal.value("version") {
        assert_eq!(value, b"17", "{what}");
    }
}

/// The same, killed after ten more records of each stream, which are in the log only.
fn killed() -> tempfile::TempDir {
    let folder = journal();
    let journal = open(folder.path()).unwrap();
    for name in ["a", "b"] {
        let stream = journal.stream(name).unwrap();
        journal.append(stream, (101..=110).map(payload).collect()).wait().unwrap();
    }
    copy(folder.path())
}

#[test]
fn any_damaged_page_is_found_or_harmless() {
    for (whole, records, kinds) in [(journal(), 100, 0..4), (killed(), 110, 1..3)] {
        let (refused, reported) = damage_each_page(whole.path(), records, kinds);
        assert!(refused > 0 && reported > 10, "refused {refused}, reported {reported}");
    }
}

/// Damages one page after another in a copy; how many copies were refused, and how many opened with
/// a report.
fn damage_each_page(whole: &Path, records: usize, kinds: std::ops::Range<u8>) -> (usize, usize) {
    let file = fs::read(whole.join("journal.db")).unwrap();
    let (mut refused, mut reported) = (0, 0);
    for page in 0..file.len() / PAGE {
        for kind in kinds.clone() {
            let folder = copy(whole);
            let mut bytes = file.clone();
            let at = &mut bytes[page * PAGE..(page + 1) * PAGE];
            match kind {
                0 => at[3 + page % 8] ^= 0x01,
                1 => at.fill(0),
                2 => at[(page * 613 + 100) % PAGE] ^= 0x10,
                _ => at
                    .iter_mut()
                    .enumerate()
                    .for_each(|(n, byte)| *byte = (n * 131 + page * 17) as u8),
            }
            fs::write(folder.path().join("journal.db"), &bytes).unwrap();
            let what = format!("page {page}, kind {kind}, {records} records");
            match open(folder.path()) {
                Err(_) => refused += 1,
                Ok(journal) => {
                    check_what_is_handed_out(&journal, &what);
                    let all_there = ["a", "b"].iter().all(|name| {
                        journal.stream(name).is_ok_and(|s| {
                            journal.read(s, 1, 1000).is_ok_and(|r| r.len() == records)
                        })
                    });
                    let silent = journal.recovery().damaged.is_empty();
                    assert!(all_there || !silent, "{what}: records are gone and nobody says so");
                    reported += usize::from(!silent);
                }
            }
            if let Ok(journal) = accept_loss(folder.path()) {
                check_what_is_handed_out(&journal, &what);
                for name in ["a", "b"] {
                    let head = journal.head(journal.stream(name).unwrap());
                    assert_eq!(head, records as u64, "{what}: what the log held is there");
                }
            }
        }
    }
    (refused, reported)
}

#[test]
fn damage_in_the_log_is_told_from_a_torn_tail() {
    const COMMITS: u64 = 8;
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path()).unwrap();
    let a = journal.stream("a").unwrap();
    journal.flush().unwrap();
    let mut ends = vec![0];
    for n in 1..=COMMITS {
        let batch =
            Batch::new().append(a, vec![payload(n)]).value("last", n.to_string().into_bytes());
        journal.commit(batch).wait().unwrap();
        ends.push(journal.stats().log_bytes);
    }
    let whole = copy(folder.path());
    let log = fs::read(whole.path().join("journal.log-0")).unwrap();
    let [before_last, end] = [ends[COMMITS as usize - 1], ends[COMMITS as usize]];
    assert!((end + 1..end + 100).contains(&(log.len() as u64)), "zeros behind the last commit");
    let (mut damaged, mut torn) = (0, 0);
    for at in (0..log.len()).step_by(7) {
        let copy = copy(whole.path());
        let mut bytes = log.clone();
        bytes[at] ^= 0x40;
        fs::write(copy.path().join("journal.log-0"), &bytes).unwrap();
        match open(copy.path()) {
            Err(JournalError::DamagedLog { intact, .. }) => {
                assert!(
                    (at as u64) < before_last && intact <= at as u64,
                    "at {at}, intact {intact}"
                );
                let journal = accept_loss(copy.path()).unwrap();
                assert!(journal.recovery().log_lost.is_some());
                let kept = ends.iter().filter(|end| **end <= intact).count() as u64 - 1;
                if intact >= ends[0]
                    && let Ok(a) = journal.stream("a")
                {
                    assert_eq!(journal.read(a, 1, 100).unwrap().len() as u64, kept);
                    journal.append(a, vec![payload(kept + 1)]).wait().unwrap();
                }
                drop(journal);
                let journal = open(copy.path()).unwrap();
                assert_eq!(journal.recovery().log_lost, None, "it is given up for good");
                damaged += 1;
            }
            Ok(journal) => {
                let head = journal.head(journal.stream("a").unwrap());
                let said = journal.recovery().torn_tail.is_some();
                let kept = if at as u64 >= end { COMMITS } else { COMMITS - 1 };
                assert_eq!((head, said), (kept, true), "at {at}: only the last commit can be torn");
                drop(journal);
                assert_eq!(
                    open(copy.path()).unwrap().recovery().torn_tail,
                    None,
                    "it is cut for good"
                );
                torn += 1;
            }
            Err(other) => panic!("at {at}: {other:?}"),
        }
    }
    assert!(damaged > 50 && torn > 5, "damaged {damaged}, torn {torn}");
}
