//! Durable streams: append, group commit, cursors, snapshots, retention.
//!
//! The only code of the project that makes anything durable. A folder holds one SQLite database
//! with any number of named streams of records, and a log of its own in front of it.
//!
//! ```
//! # fn main() -> Result<(), journal::JournalError> {
//! # let folder = tempfile::tempdir().unwrap();
//! use journal::{Journal, Options};
//!
//! let journal = Journal::open(folder.path(), Options::default())?;
//! let twins = journal.stream("twins")?;
//! assert_eq!(journal.append(twins, vec![b"first".to_vec(), b"second".to_vec()]).wait()?, 1..3);
//! assert_eq!(journal.read(twins, 2, 100)?[0].payload, b"second");
//! # Ok(())
//! # }
//! ```
//!
//! # What it guarantees
//!
//! - **Answered is durable.** An [`Append`] is answered after the fsync of the commit that carries
//!   it, and nothing of it is readable before. After a crash everything answered is there.
//! - **All or nothing.** The records of one append, and all of one [`Batch`], are there or not.
//! - **Positions are dense**: 1, 2, 3 … in each stream, in the order of the calls, never reused
//!   (save for what was given up with a damaged log). Trimming drops from the front only.
//! - **Refused is gone.** When the disk is full or fails, everybody who shared the commit is told;
//!   reading goes on, and later appends work when the disk does. One gap is left: when a fsync
//!   fails, overwriting the refused commit fails too, and then the process dies, it may be found
//!   again at the next open. To a client that is an unanswered request, not a lost one.
//! - **Damage is never data.** Every record, snapshot piece, value and cursor carries a CRC-32
//!   over its contents and its name, and the catalogue knows which positions there must be.
//!
//! Not guaranteed: cursors moved by [`Journal::set_cursor`] may fall back in a crash (delivery at
//! least once), trims may have to be asked for again, and the very last commit, if damaged later,
//! looks like a torn one.
//!
//! # How
//!
//! One I/O thread takes everything queued, writes it to the log as one commit, syncs, then answers
//! all. So the more wait, the more share one fsync. The queue is bounded by bytes and callers block
//! when it is full. Snapshots and trims go in slices between those commits.
//!
//! The log has two files, which take turns. When one is full, commits go on in the other, and a
//! thread beside moves what the full one holds into the database: in one transaction, each page once.
//! Until then it is in memory, too ([`Options::log_bytes`]); readers look there first, and have
//! connections of their own to the database. The log goes before SQLite's own because that writes a
//! page of 4 KiB for each stream, value and cursor that a commit touches, and syncs it.
//!
//! # What open does with damage
//!
//! | found | done |
//! |---|---|
//! | a torn tail: the log ends in a commit that never finished | cut, [`Recovery::torn_tail`] |
//! | a damaged log with acknowledged commits behind the damage | [`JournalError::DamagedLog`] |
//! | damaged or missing records, or a damaged page under them | the stream is refused ([`Journal::stream`]), all others work |
//! | the same, where a crash left more for that page in the log | [`JournalError::Unreadable`] |
//! | a damaged snapshot | the older one is used, or none while all records are there |
//! | a damaged value | [`Journal::value`] says so until it is put again |
//! | a damaged cursor, or one outside of its stream | forgotten, or clamped |
//! | a damaged catalogue or file header | [`JournalError::Unreadable`]: restore a copy |
//!
//! With [`Options::accept_loss`] the log is cut at the damage, and damaged records, snapshots,
//! values and cursors are given up for good; lost positions stay empty and reads skip them. All of
//! it is in [`Journal::recovery`]. Open checks the newest [`Options::verify_bytes`] of each stream;
//! older records are checked when they are read, and a read ends before a damaged one.

mod append;
mod background;
mod batch;
mod error;
mod io_thread;
mod lock;
mod log;
mod logged;
mod mover;
mod options;
mod part;
mod queue;
mod read;
mod recovery;
mod snapshot;
mod sqlite;
mod stats;
pub mod store;
mod streams;
mod tail;
mod verify;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    thread::JoinHandle,
};

use parking_lot::Mutex;

pub use append::Append;
pub use batch::Batch;
pub use error::{Damage, JournalError, StoreError};
pub use options::{MAX_RECORD_BYTES, Options, Record, Retention};
pub use recovery::{ClampedCursor, LostRecords, Recovery};
pub use snapshot::SnapshotReader;
pub use stats::Stats;
pub use streams::StreamId;

use crate::{
    append::on_io_thread,
    io_thread::IoThread,
    lock::Lock,
    logged::LogStore,
    queue::{Cursor, Job, Queue},
    read::{Fault, Readers},
    sqlite::Database,
    stats::Counters,
    store::Store,
    streams::Streams,
    tail::Tail,
};

/// The files that a journal keeps in its folder, some of them not always; beside them is `lock`,
/// which says who has it open.
pub const FILES: [&str; 4] = ["journal.db", "journal.db-journal", "journal.log-0", "journal.log-1"];

/// What a job without a payload counts in the queue, in bytes.
const SMALL_JOB: usize = 64;

/// An open journal. Clones are cheap and share it; the last one dropped closes it, which waits
/// until everything queued is durable.
#[derive(Clone)]
pub struct Journal {
    open: Arc<Open>,
}

struct Open {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// What callers and the I/O thread share. The lock is last: it goes when all connections have.
struct Shared {
    folder: PathBuf,
    recovery: Recovery,
    queue: Queue,
    streams: Streams,
    counters: Mutex<Counters>,
    tail: Arc<Tail>,
    readers: Readers,
    _lock: Lock,
}

impl Journal {
    /// Locks the folder (it is created when missing), recovers, and opens `folder/journal.db`.
    ///
    /// # Errors
    /// [`JournalError::Locked`], [`JournalError::NotWritable`], [`JournalError::Newer`],
    /// [`JournalError::Unreadable`], [`JournalError::DamagedLog`], and those of a full or failing disk.
    pub fn open(folder: &Path, options: Options) -> Result<Self, JournalError> {
        Self::open_with(folder, options, |store| store)
    }

    /// Opens with a store around the real one: for tests that make it refuse, stall or fill up.
    ///
    /// # Errors
    /// As [`Journal::open`].
    pub fn open_with(
        folder: &Path,
        options: Options,
        wrap: impl FnOnce(Box<dyn Store>) -> Box<dyn Store>,
    ) -> Result<Self, JournalError> {
        let lock = Lock::take(folder)?;
        let replayed = recovery::replay(sqlite::open_writer(folder)?, folder, &options)?;
        let (mut connection, moved) = (replayed.connection, replayed.moved);
        let recovered = recovery::recover(&mut connection, folder, &options, replayed.recovery)?;
        let named = recovered
            .streams
            .iter()
            .map(|(stream, _)| (stream.id, stream.name.as_str(), stream.generation));
        let database = Database::new(connection, named);
        let tail = Arc::new(Tail::default());
        let store = LogStore::new(folder, moved, tail.clone(), database, options.log_bytes);
        let store = store.map_err(|error| StoreError::from(error).into_journal(folder, "open"))?;
        let store = wrap(Box::new(store));

        let extents = recovered.streams.iter().map(|(_, extent)| *extent).collect();
        let streams = Streams::default();
        recovered.streams.into_iter().for_each(|(stream, _)| streams.add(stream));
        let shared = Arc::new(Shared {
            folder: folder.to_owned(),
            queue: Queue::new(options.max_queued_bytes, recovered.cursors, recovered.clamped),
            recovery: recovered.recovery,
            streams,
            counters: Mutex::default(),
            tail,
            readers: Readers::new(folder.to_owned()),
            _lock: lock,
        });
        let io = IoThread::new(shared.clone(), store, extents, recovered.next_snapshot);
        let thread = std::thread::Builder::new().name("journal".into()).spawn(move || io.run());
        let thread = thread.map_err(|error| JournalError::Refused {
            folder: folder.to_owned(),
            doing: "start its thread",
            reason: error.to_string(),
        })?;
        Ok(Self { open: Arc::new(Open { shared, thread: Some(thread) }) })
    }

    /// What opening it found.
    #[must_use]
    pub fn recovery(&self) -> &Recovery {
        &self.shared().recovery
    }

    /// The stream of that name, created when missing (which waits for a commit).
    ///
    /// # Errors
    /// [`JournalError::Damaged`] when open found damaged records in it: nothing of it is then
    /// handed out or appended to until it is opened with `accept_loss`, because whoever replays
    /// it would build on a hole. [`JournalError::DiskFull`], [`JournalError::Refused`] when it
    /// could not be created.
    pub fn stream(&self, name: &str) -> Result<StreamId, JournalError> {
        let shared = self.shared();
        let id = match shared.streams.named(name) {
            Some(id) => id,
            None => {
                let (append, answer) = Append::new();
                shared.queue.push(Job::Stream(name.to_owned(), answer), SMALL_JOB);
                let id = append.wait()?.start;
                StreamId(u32::try_from(id).map_err(|_| JournalError::Closed)?)
            }
        };
        match &shared.streams.get(id)?.damage {
            Some(damage) => Err(JournalError::Damaged(damage.clone())),
            None => Ok(id),
        }
    }

    /// The last durable position, 0 before the first. It stays when records are trimmed.
    #[must_use]
    pub fn head(&self, stream: StreamId) -> u64 {
        self.shared().streams.get(stream).map_or(0, |stream| stream.head())
    }

    /// The first position still kept; `head + 1` when nothing is.
    #[must_use]
    pub fn first(&self, stream: StreamId) -> u64 {
        self.shared().streams.get(stream).map_or(1, |stream| stream.first())
    }

    /// Queues records. They become durable together, in one commit shared with everybody else's.
    /// **Blocks** while the queue is full ([`Options::max_queued_bytes`]).
    pub fn append(&self, stream: StreamId, records: Vec<Vec<u8>>) -> Append {
        self.commit(Batch::new().append(stream, records))
    }

    /// Queues a batch: all of it becomes durable, or nothing. **Blocks** while the queue is full.
    pub fn commit(&self, batch: Batch) -> Append {
        let shared = self.shared();
        if let Err(error) = batch.check(shared.streams.len()) {
            return Append::failed(error);
        }
        let (append, answer) = Append::new();
        let cost = batch.cost();
        shared.queue.push(Job::Batch(batch, answer), cost);
        append
    }

    /// Durable records from position `from` on, in order, at most `max_records` and about 16 MiB:
    /// go on behind the last. Starts at [`Journal::first`] when `from` is before it; skips
    /// what was given up as lost. What is not in memory any more may wait for the thread that moves
    /// the log, a tenth of a second as a rule.
    ///
    /// # Errors
    /// [`JournalError::Damaged`] when the first record that is due is damaged (those before a
    /// damaged one are still given), [`JournalError::Refused`] when it cannot be read,
    /// [`JournalError::UnknownStream`].
    pub fn read(
        &self,
        stream: StreamId,
        from: u64,
        max_records: usize,
    ) -> Result<Vec<Record>, JournalError> {
        let shared = self.shared();
        let stream = shared.streams.get(stream)?;
        read::records(shared, &stream, from, max_records)
    }

    /// Moves a cursor lazily: it is saved within a second, together with what else was moved until
    /// then, and by [`Journal::flush`]. A crash before that leaves the older position, so what
    /// follows a cursor is delivered at least once.
    /// Use [`Batch::cursor`] where it must move together with something else.
    pub fn set_cursor(&self, name: &str, stream: StreamId, position: u64) {
        if self.shared().streams.get(stream).is_ok() {
            self.shared().queue.move_cursor(name, Cursor { stream, position });
        }
    }

    /// Where a cursor is: the last position its owner is done with.
    #[must_use]
    pub fn cursor(&self, name: &str) -> Option<u64> {
        self.shared().queue.cursor(name).map(|cursor| cursor.position)
    }

    /// Queues a small named value; it replaces the one before. **Blocks** while the queue is full.
    pub fn put_value(&self, key: &str, payload: Vec<u8>) -> Append {
        self.commit(Batch::new().value(key, payload))
    }

    /// A named value, as last made durable.
    ///
    /// # Errors
    /// [`JournalError::Damaged`] (putting it again heals it), [`JournalError::Refused`].
    pub fn value(&self, key: &str) -> Result<Option<Vec<u8>>, JournalError> {
        let shared = self.shared();
        if let Some(value) = shared.tail.value(key) {
            return Ok(Some(value));
        }
        shared.readers.with(|connection| read::value(connection, key)).map_err(
            |fault| match fault {
                Fault::Damaged(reason) => {
                    JournalError::Damaged(Damage::Value { key: key.to_owned(), reason })
                }
                Fault::Failed(error) => error.into_journal(&shared.folder, "read"),
            },
        )
    }

    /// The named values whose keys begin with `prefix`, as last made durable, by key. Those that are
    /// damaged are not among them, but in [`Journal::recovery`].
    ///
    /// # Errors
    /// [`JournalError::Refused`] when they cannot be read.
    pub fn values(&self, prefix: &str) -> Result<BTreeMap<String, Vec<u8>>, JournalError> {
        let shared = self.shared();
        // First what leaves the tail for the database, so that nothing is in neither.
        let newer = shared.tail.values(prefix);
        let kept = shared.readers.with(|connection| read::values(connection, prefix));
        let mut values = kept.map_err(|fault| fault.into_refused(&shared.folder))?;
        values.extend(newer);
        Ok(values)
    }

    /// Drops the records before position `before`, soon and in slices. It does not look at cursors
    /// or snapshots: its caller knows who still needs what. A refused trim is logged and forgotten.
    pub fn trim(&self, stream: StreamId, before: u64) {
        if let Ok(known) = self.shared().streams.get(stream) {
            // What is appended after this call is not what the caller meant.
            let before = before.min(known.head() + 1);
            self.shared().queue.push(Job::Trim(stream, before), SMALL_JOB);
        }
    }

    /// Trims a stream by age and bytes from now on, about once a second. It is not saved: say it
    /// again after each open.
    pub fn set_retention(&self, stream: StreamId, retention: Retention) {
        if self.shared().streams.get(stream).is_ok() {
            self.shared().queue.push(Job::Retain(stream, retention), SMALL_JOB);
        }
    }

    /// Counters since it was opened.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let shared = self.shared();
        let queued_bytes = shared.queue.bytes();
        Stats { queued_bytes, ..shared.counters.lock().stats() }
    }

    /// Waits until everything given before is durable: appends, values, cursors, snapshots.
    ///
    /// # Errors
    /// [`JournalError::DiskFull`], [`JournalError::Refused`] when the commit that it shared was
    /// refused; each append has its own answer.
    pub fn flush(&self) -> Result<(), JournalError> {
        let (append, answer) = Append::new();
        self.shared().queue.push(Job::Flush(answer), SMALL_JOB);
        append.wait().map(drop)
    }

    fn shared(&self) -> &Shared {
        &self.open.shared
    }
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Journal").field("folder", &self.shared().folder).finish_non_exhaustive()
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.shared.queue.close();
        // The last clone may live in a callback, which runs on that very thread.
        if let Some(thread) = self.thread.take().filter(|_| !on_io_thread())
            && thread.join().is_err()
        {
            tracing::error!("the journal's thread panicked");
        }
    }
}
