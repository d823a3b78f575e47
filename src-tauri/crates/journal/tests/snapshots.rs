//! Snapshots in pieces: bounded, given up, damaged.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use journal::{Journal, JournalError, Options, StoreError, StreamId, store};
use parking_lot::{Mutex, MutexGuard};

const PIECE: usize = 100_003;
const CHUNK: usize = 256 << 10;

fn open(folder: &Path) -> (Journal, StreamId) {
    let journal = Journal::open(folder, Options::default()).unwrap();
    let stream = journal.stream("s").unwrap();
    (journal, stream)
}

fn piece(number: usize) -> Vec<u8> {
    (0..PIECE).map(|at| (at * 31 + number * 7) as u8).collect()
}

fn whole(pieces: usize) -> Vec<u8> {
    (0..pieces).flat_map(piece).collect()
}

#[test]
fn a_snapshot_in_pieces_is_read_in_pieces_as_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, stream) = open(folder.path());
    for pieces in [0, 1, 2, 50, 200] {
        journal.write_snapshot(stream, 0, (0..pieces).map(piece)).unwrap();
        assert_eq!(journal.latest_snapshot(stream).unwrap(), Some((0, whole(pieces))));
    }
    let exact = vec![vec![9; CHUNK]; 32];
    journal.write_snapshot(stream, 0, exact.clone()).unwrap();
    assert_eq!(journal.latest_snapshot(stream).unwrap(), Some((0, exact.concat())));
    let beyond = journal.write_snapshot(stream, 9, (0..500).map(piece));
    assert!(matches!(beyond, Err(JournalError::BeyondHead { position: 9, head: 0 })));
}

#[test]
fn a_damaged_piece_in_the_middle_drops_what_was_built() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, stream) = open(folder.path());
    journal.write_snapshot(stream, 0, (0..40).map(piece)).unwrap();
    journal.write_snapshot(stream, 0, (0..60).map(piece)).unwrap();
    drop(journal);
    let db = rusqlite::Connection::open(folder.path().join("journal.db")).unwrap();
    let sql = "UPDATE snapshot_chunk SET crc = crc + 1 WHERE id = (2 << 20) + 11";
    assert_eq!(db.execute(sql, []).unwrap(), 1);
    drop(db);
    let (journal, stream) = open(folder.path());
    let mut tries = Vec::new();
    let restored = journal.restore(stream, |reader| {
        tries.push(0);
        let mut bytes = Vec::new();
        // Whoever builds may overlook the error: it is not built all the same.
        while let Ok(Some(piece)) = reader.next_piece() {
            bytes.extend_from_slice(&piece);
            *tries.last_mut().unwrap() += 1;
        }
        Ok::<_, JournalError>(bytes)
    });
    assert_eq!(restored.unwrap(), Some(whole(40)));
    assert_eq!(tries, [11, (40 * PIECE).div_ceil(CHUNK)]);
}

#[test]
fn a_snapshot_that_is_given_up_is_not_there_and_holds_nobody_up() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, stream) = open(folder.path());
    journal.write_snapshot(stream, 0, (0..3).map(piece)).unwrap();
    for at in [0, 1, 70] {
        let pieces =
            (0..100).map(|number| if number == at { panic!("given up") } else { piece(number) });
        let given_up = catch_unwind(AssertUnwindSafe(|| journal.write_snapshot(stream, 0, pieces)));
        assert!(given_up.is_err());
        journal.flush().unwrap();
        assert_eq!(journal.latest_snapshot(stream).unwrap(), Some((0, whole(3))));
    }
    journal.write_snapshot(stream, 0, (0..5).map(piece)).unwrap();
    assert_eq!(journal.latest_snapshot(stream).unwrap(), Some((0, whole(5))));
}

/// A disk that can stall or be full from a piece on.
struct Faulty(Box<dyn store::Store>, Arc<Mutex<()>>, Arc<AtomicUsize>);

impl store::Store for Faulty {
    fn begin(&mut self) -> Result<(), StoreError> {
        self.0.begin()
    }
    fn write(&mut self, write: &store::Write<'_>) -> Result<(), StoreError> {
        let is_chunk = matches!(write, store::Write::SnapshotChunk { .. });
        if is_chunk && self.2.fetch_sub(1, Relaxed) == 0 {
            return Err(StoreError::Full);
        }
        self.0.write(write)
    }
    fn commit(&mut self) -> Result<(), StoreError> {
        drop(self.1.lock());
        self.0.commit()
    }
    fn rollback(&mut self) {
        self.0.rollback();
    }
    fn turn(&mut self) {
        self.0.turn();
    }
    fn close(&mut self) -> Result<(), StoreError> {
        self.0.close()
    }
    fn log_bytes(&self) -> u64 {
        self.0.log_bytes()
    }
    fn moved(&self) -> u64 {
        self.0.moved()
    }
}

#[test]
fn pieces_are_taken_only_as_fast_as_they_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let (stall, room) = (Arc::<Mutex<()>>::default(), Arc::new(AtomicUsize::new(usize::MAX)));
    let disk = (stall.clone(), room.clone());
    let journal = Journal::open_with(folder.path(), Options::default(), |store| {
        Box::new(Faulty(store, disk.0, disk.1))
    });
    let journal = journal.unwrap();
    let stream = journal.stream("s").unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = |asked: Arc<AtomicUsize>| {
        (0..1_000).map(move |_| {
            asked.fetch_add(1, Relaxed);
            vec![1; CHUNK]
        })
    };
    std::thread::scope(|scope| {
        let stalled: MutexGuard<'_, ()> = stall.lock();
        let writing = scope.spawn(|| journal.write_snapshot(stream, 0, counted(asked.clone())));
        let (mut seen, since) = (0, Instant::now());
        while since.elapsed() < Duration::from_millis(300) || seen == 0 {
            seen = asked.load(Relaxed);
            assert!(seen <= 34, "{seen} pieces are in memory");
            std::thread::yield_now();
        }
        room.store(0, Relaxed);
        drop(stalled);
        assert!(matches!(writing.join().unwrap(), Err(JournalError::DiskFull { .. })));
        assert!(asked.load(Relaxed) < 100, "the rest is not asked for");
    });
    assert_eq!(journal.latest_snapshot(stream).unwrap(), None);
}
