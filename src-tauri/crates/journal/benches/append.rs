//! What a durable append costs, beside what the disk's own fsync costs.
//!
//! The folder is `$JOURNAL_BENCH_DIR`, or a temporary one; fsync differs by orders of magnitude
//! between disks, so only the ratios of one run mean something.
#![allow(clippy::unwrap_used)]

use std::{
    fs::File,
    hint::black_box,
    io::{Seek, Write},
    path::PathBuf,
    time::Duration,
};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use journal::{Journal, Options};
use rusqlite::{Connection, params};

const RECORD_BYTES: usize = 200;
const THREADS: usize = 16;

fn folder() -> tempfile::TempDir {
    let parent =
        std::env::var_os("JOURNAL_BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    tempfile::tempdir_in(parent).unwrap()
}

fn records(count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|n| vec![n as u8; RECORD_BYTES]).collect()
}

/// In place is what a log that is written over costs, at the end what a growing one does: this
/// journal's files grow once, to their length, and are written over from then on.
fn fsync_alone(c: &mut Criterion) {
    let folder = folder();
    let mut group = c.benchmark_group("fsync of 4 KiB");
    for (name, grows) in [("in place", false), ("at the end of a growing file", true)] {
        let mut file = File::create(folder.path().join(name)).unwrap();
        group.bench_function(name, |b| {
            b.iter(|| {
                if !grows {
                    file.rewind().unwrap();
                }
                file.write_all(&[7; 4096]).unwrap();
                file.sync_data().unwrap();
            });
        });
    }
    group.finish();
}

fn journal(c: &mut Criterion) {
    let mut group = c.benchmark_group("journal, records of 200 bytes");
    for batch in [1, 100, 1_000] {
        let folder = folder();
        let journal = Journal::open(folder.path(), Options::default()).unwrap();
        let stream = journal.stream("bench").unwrap();
        let records = records(batch);
        group.throughput(Throughput::Elements(batch as u64));
        group.bench_function(BenchmarkId::new("append and wait, a batch of", batch), |b| {
            b.iter(|| journal.append(stream, records.clone()).wait().unwrap());
        });
    }
    group.throughput(Throughput::Elements(THREADS as u64 * 100));
    let folder = folder();
    let journal = Journal::open(folder.path(), Options::default()).unwrap();
    let stream = journal.stream("bench").unwrap();
    group.bench_function("16 threads, each 100 times one record and wait", |b| {
        b.iter(|| {
            std::thread::scope(|scope| {
                for _ in 0..THREADS {
                    scope.spawn(|| {
                        for _ in 0..100 {
                            journal.append(stream, records(1)).wait().unwrap();
                        }
                    });
                }
            });
        });
    });
    group.throughput(Throughput::Elements(1_000));
    group.bench_function("read 1,000", |b| {
        b.iter(|| black_box(journal.read(stream, 1, 1_000).unwrap()))
    });
    group.finish();
}

fn plain_sqlite(c: &mut Criterion) {
    let folder = folder();
    let connection = Connection::open(folder.path().join("plain.db")).unwrap();
    let setup = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE r(id INTEGER PRIMARY KEY, payload BLOB)";
    connection.execute_batch(setup).unwrap();
    let mut group = c.benchmark_group("plain rusqlite, records of 200 bytes");
    group.throughput(Throughput::Elements(1));
    group.bench_function("one a transaction", |b| {
        b.iter(|| {
            let mut insert =
                connection.prepare_cached("INSERT INTO r(payload) VALUES (?1)").unwrap();
            insert.execute(params![[7u8; RECORD_BYTES]]).unwrap();
        });
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2));
    targets = fsync_alone, journal, plain_sqlite
}
criterion_main!(benches);
