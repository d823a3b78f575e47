//! The store on SQLite: schema, connections, and the writes of [`crate::store::Write`].
//!
//! Each stream has its own table, so that appends go to the end of a B-tree and damage to one
//! stream's pages stays there. Every row carries a checksum over what it says and what it is
//! called, because SQLite itself has none on its pages.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use rusqlite::{Connection, OpenFlags, params};

use crate::{
    JournalError, StoreError, StreamId,
    backfill::Mover,
    store::{Extent, Kept, Store, Write},
    wal,
};

pub(crate) const PAGE_BYTES: usize = 4096;
pub(crate) const CHUNK_BYTES: usize = 256 << 10;
const FORMAT: u32 = 1;
const APPLICATION: u32 = 0x5457_4a4c; // "TWJL"
const SNAPSHOTS_KEPT: u32 = 2;

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS stream(id INTEGER PRIMARY KEY, name TEXT NOT NULL, generation INTEGER NOT NULL,
        first INTEGER NOT NULL, head INTEGER NOT NULL, bytes INTEGER NOT NULL, crc INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS lost(stream INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS cursor(name TEXT PRIMARY KEY, stream INTEGER NOT NULL, position INTEGER NOT NULL,
        crc INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS value(key TEXT PRIMARY KEY, crc INTEGER NOT NULL, payload BLOB NOT NULL);
    CREATE TABLE IF NOT EXISTS snapshot(id INTEGER PRIMARY KEY, stream INTEGER NOT NULL, position INTEGER NOT NULL,
        bytes INTEGER NOT NULL, crc INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS snapshot_chunk(id INTEGER PRIMARY KEY, crc INTEGER NOT NULL, payload BLOB NOT NULL);";

pub(crate) fn database(folder: &Path) -> PathBuf {
    folder.join("journal.db")
}

pub(crate) fn log(folder: &Path) -> PathBuf {
    folder.join("journal.db-wal")
}

/// The table of a stream's records. A repair writes the next generation beside the damaged one.
pub(crate) fn records_table(stream: StreamId, generation: u32) -> String {
    format!("records_{}_{generation}", stream.0)
}

pub(crate) fn chunk_id(snapshot: u64, index: u32) -> i64 {
    (snapshot << 20) as i64 | i64::from(index)
}

/// The checksum of a row: of its names and numbers, then of its payload.
pub(crate) fn crc(text: &str, numbers: &[u64], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(text.as_bytes());
    for number in numbers {
        hasher.update(&number.to_le_bytes());
    }
    hasher.update(payload);
    hasher.finalize()
}

pub(crate) fn record_crc(stream: StreamId, position: u64, at: i64, payload: &[u8]) -> u32 {
    let mut name = [0; 20];
    name[..4].copy_from_slice(&stream.0.to_le_bytes());
    name[4..12].copy_from_slice(&position.to_le_bytes());
    name[12..].copy_from_slice(&at.to_le_bytes());
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&name);
    hasher.update(payload);
    hasher.finalize()
}

pub(crate) fn stream_crc(id: StreamId, name: &str, generation: u32, extent: Extent) -> u32 {
    let Extent { first, head, bytes } = extent;
    crc(name, &[u64::from(id.0), u64::from(generation), first, head, bytes], &[])
}

/// The log's file is kept and written over, up to this length: a fsync of what is there already
/// is a flush of the disk, and one of a file that grows is a commit of the file system as well,
/// which waits for what the checkpoints have written.
const LOG_BYTES_KEPT: u64 = 64 << 20;

/// Nobody but this process has the folder ([`crate::lock`]), so connections need not ask the system
/// for each lock: six calls a transaction.
#[cfg(unix)]
fn open_file(folder: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    Connection::open_with_flags_and_vfs(database(folder), flags, c"unix-excl")
}

#[cfg(not(unix))]
fn open_file(folder: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    Connection::open_with_flags(database(folder), flags)
}

/// Opens the writing connection and makes the schema where there is none.
pub(crate) fn open_writer(folder: &Path) -> Result<Connection, JournalError> {
    let unreadable = |error: rusqlite::Error| JournalError::Unreadable {
        folder: folder.to_owned(),
        reason: error.to_string(),
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = open_file(folder, flags).map_err(unreadable)?;
    connection.execute_batch(&format!("PRAGMA page_size={PAGE_BYTES}")).map_err(unreadable)?;
    let found: u32 =
        connection.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(unreadable)?;
    if found > FORMAT {
        return Err(JournalError::Newer { folder: folder.to_owned(), found, known: FORMAT });
    }
    let mode: String = connection
        .query_row("PRAGMA journal_mode=WAL", [], |row| row.get(0))
        .map_err(unreadable)?;
    if mode != "wal" {
        let reason = format!(
            "this file system does not support a write-ahead log, SQLite offers \"{mode}\""
        );
        return Err(JournalError::Refused { folder: folder.to_owned(), doing: "open", reason });
    }
    // fullfsync: on macOS plain fsync leaves the data in the drive's cache.
    let settings = format!(
        "PRAGMA synchronous=FULL; PRAGMA fullfsync=1; PRAGMA checkpoint_fullfsync=1;
        PRAGMA wal_autocheckpoint=0; PRAGMA journal_size_limit={LOG_BYTES_KEPT};
        PRAGMA cell_size_check=1; PRAGMA cache_size=-16000;"
    );
    connection.execute_batch(&settings).map_err(unreadable)?;
    connection.busy_timeout(Duration::from_millis(20)).map_err(unreadable)?;
    connection.set_prepared_statement_cache_capacity(256);
    if found < FORMAT {
        let create = format!(
            "BEGIN; {SCHEMA} PRAGMA application_id={APPLICATION}; PRAGMA user_version={FORMAT}; COMMIT;"
        );
        connection
            .execute_batch(&create)
            .map_err(|error| StoreError::from(error).into_journal(folder, "open"))?;
    }
    Ok(connection)
}

/// Opens a connection that only reads, and waits for nobody.
pub(crate) fn open_reader(folder: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = open_file(folder, flags)?;
    connection
        .execute_batch("PRAGMA query_only=1; PRAGMA cell_size_check=1; PRAGMA cache_size=-2000;")?;
    connection.busy_timeout(Duration::from_secs(1))?;
    connection.set_prepared_statement_cache_capacity(256);
    Ok(connection)
}

struct Table {
    name: String,
    generation: u32,
    insert: String,
}

impl Table {
    fn new(stream: StreamId, name: &str, generation: u32) -> Self {
        let records = records_table(stream, generation);
        let insert =
            format!("INSERT INTO {records}(position, at, crc, payload) VALUES (?1, ?2, ?3, ?4)");
        Self { name: name.to_owned(), generation, insert }
    }
}

/// The real [`Store`].
pub(crate) struct SqliteStore {
    connection: Connection,
    folder: PathBuf,
    /// What the log holds that is not in the database yet; its file may be longer.
    log_bytes: Arc<AtomicU64>,
    tables: Vec<Table>,
}

impl SqliteStore {
    /// `streams`: names and generations, in the order of their numbers from 1.
    pub(crate) fn new<'a>(
        mut connection: Connection,
        folder: &Path,
        streams: impl Iterator<Item = (StreamId, &'a str, u32)>,
    ) -> rusqlite::Result<Self> {
        let tables =
            streams.map(|(id, name, generation)| Table::new(id, name, generation)).collect();
        let log_bytes = Arc::new(AtomicU64::new(0));
        let told = log_bytes.clone();
        connection.wal_hook(Some(move |_: &mut _, frames: i32| {
            told.store(wal::bytes_of(frames.unsigned_abs()), Relaxed);
            Ok(())
        }))?;
        Ok(Self { connection, folder: folder.to_owned(), log_bytes, tables })
    }

    fn table(&self, stream: StreamId) -> Result<&Table, StoreError> {
        self.tables
            .get(stream.0.wrapping_sub(1) as usize)
            .ok_or_else(|| StoreError::Failed(format!("there is no stream number {}", stream.0)))
    }

    fn create(&mut self, stream: StreamId, name: &str) -> Result<(), StoreError> {
        let records = records_table(stream, 0);
        self.connection.execute_batch(&create_records(&records))?;
        let extent = Extent::EMPTY;
        self.connection.execute(
            "INSERT INTO stream(id, name, generation, first, head, bytes, crc) VALUES (?1, ?2, 0, ?3, ?4, 0, ?5)",
            params![stream.0, name, extent.first as i64, extent.head as i64, stream_crc(stream, name, 0, extent)],
        )?;
        // A create that was rolled back leaves its entry; the next one takes its number.
        self.tables.truncate(stream.0 as usize - 1);
        self.tables.push(Table::new(stream, name, 0));
        Ok(())
    }

    fn append(
        &self,
        stream: StreamId,
        first: u64,
        at: i64,
        payloads: &[Vec<u8>],
    ) -> Result<(), StoreError> {
        let mut insert = self.connection.prepare_cached(&self.table(stream)?.insert)?;
        for (position, payload) in (first..).zip(payloads) {
            insert.execute(params![
                position as i64,
                at,
                record_crc(stream, position, at, payload),
                payload
            ])?;
        }
        Ok(())
    }

    fn extent(&self, stream: StreamId, extent: Extent) -> Result<(), StoreError> {
        let table = self.table(stream)?;
        let crc = stream_crc(stream, &table.name, table.generation, extent);
        self.connection
            .prepare_cached("UPDATE stream SET first=?2, head=?3, bytes=?4, crc=?5 WHERE id=?1")?
            .execute(params![
                stream.0,
                extent.first as i64,
                extent.head as i64,
                extent.bytes as i64,
                crc
            ])?;
        Ok(())
    }

    fn snapshot(
        &self,
        id: u64,
        stream: StreamId,
        position: u64,
        bytes: u64,
    ) -> Result<(), StoreError> {
        let crc = crc("", &[id, u64::from(stream.0), position, bytes], &[]);
        self.connection.execute(
            "INSERT INTO snapshot(id, stream, position, bytes, crc) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![id as i64, stream.0, position as i64, bytes as i64, crc],
        )?;
        let old = self
            .connection
            .prepare_cached(
                "SELECT id FROM snapshot WHERE stream=?1 ORDER BY id DESC LIMIT -1 OFFSET ?2",
            )?
            .query_map(params![stream.0, SNAPSHOTS_KEPT], |row| row.get::<_, i64>(0))?
            .collect::<Result<Vec<_>, _>>()?;
        for id in old {
            drop_snapshot(&self.connection, id)?;
        }
        Ok(())
    }
}

pub(crate) fn create_records(table: &str) -> String {
    format!(
        "CREATE TABLE {table}(position INTEGER PRIMARY KEY, at INTEGER NOT NULL, crc INTEGER NOT NULL, \
         payload BLOB NOT NULL)"
    )
}

pub(crate) fn drop_snapshot(connection: &Connection, id: i64) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM snapshot WHERE id=?1", [id])?;
    connection.execute(
        "DELETE FROM snapshot_chunk WHERE id >= ?1 AND id < ?2",
        [chunk_id(id as u64, 0), chunk_id(id as u64 + 1, 0)],
    )?;
    Ok(())
}

impl Store for SqliteStore {
    fn begin(&mut self) -> Result<(), StoreError> {
        self.rollback();
        Ok(self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([]).map(drop)?)
    }

    fn write(&mut self, write: &Write<'_>) -> Result<(), StoreError> {
        match *write {
            Write::Stream { stream, name } => self.create(stream, name)?,
            Write::Records { stream, first, at, payloads } => {
                self.append(stream, first, at, payloads)?
            }
            Write::Trim { stream, before } => {
                let records = records_table(stream, self.table(stream)?.generation);
                self.connection
                    .prepare_cached(&format!("DELETE FROM {records} WHERE position < ?1"))?
                    .execute([before as i64])?;
            }
            Write::Extent { stream, extent } => self.extent(stream, extent)?,
            Write::Cursor { name, stream, position } => {
                let crc = crc(name, &[u64::from(stream.0), position], &[]);
                self.connection
                    .prepare_cached("INSERT OR REPLACE INTO cursor(name, stream, position, crc) VALUES (?1, ?2, ?3, ?4)")?
                    .execute(params![name, stream.0, position as i64, crc])?;
            }
            Write::Value { key, payload } => {
                self.connection
                    .prepare_cached(
                        "INSERT OR REPLACE INTO value(key, crc, payload) VALUES (?1, ?2, ?3)",
                    )?
                    .execute(params![key, crc(key, &[], payload), payload])?;
            }
            Write::SnapshotChunk { snapshot, index, payload } => {
                let id = chunk_id(snapshot, index);
                self.connection
                    .prepare_cached("INSERT OR REPLACE INTO snapshot_chunk(id, crc, payload) VALUES (?1, ?2, ?3)")?
                    .execute(params![id, crc("", &[id as u64], payload), payload])?;
            }
            Write::Snapshot { snapshot, stream, position, bytes } => {
                self.snapshot(snapshot, stream, position, bytes)?
            }
            Write::Mark => {
                self.connection.execute_batch(&format!("PRAGMA application_id={APPLICATION}"))?
            }
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        Ok(self.connection.prepare_cached("COMMIT")?.execute([]).map(drop)?)
    }

    fn rollback(&mut self) {
        if !self.connection.is_autocommit()
            && let Err(error) = self.connection.execute_batch("ROLLBACK")
        {
            tracing::warn!(%error, "rolling a refused commit back failed; the next one tries again");
        }
    }

    fn oldest(&mut self, stream: StreamId, limit: usize) -> Result<Vec<Kept>, StoreError> {
        let records = records_table(stream, self.table(stream)?.generation);
        let sql = format!(
            "SELECT position, at, length(payload) FROM {records} ORDER BY position LIMIT ?1"
        );
        let mut select = self.connection.prepare_cached(&sql)?;
        let rows = select.query_map([limit as i64], |row| {
            Ok(Kept {
                position: row.get::<_, i64>(0)? as u64,
                at: row.get(1)?,
                bytes: row.get::<_, i64>(2)? as u64,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn checkpoint(&mut self) -> Result<bool, StoreError> {
        let busy: i64 =
            self.connection.query_row("PRAGMA wal_checkpoint(RESTART)", [], |row| row.get(0))?;
        if busy == 0 {
            self.log_bytes.store(0, Relaxed);
        }
        Ok(busy == 0)
    }

    fn mover(&self) -> Option<Mover> {
        let connection = match open_writer(&self.folder) {
            Ok(connection) => connection,
            Err(error) => {
                tracing::warn!(%error, "no connection to move the log with; the writer does it");
                return None;
            }
        };
        Some(Box::new(move || {
            // Busy only while the writer itself empties the log, which never is meanwhile.
            Ok(connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?)
        }))
    }

    fn wal_bytes(&self) -> u64 {
        self.log_bytes.load(Relaxed)
    }
}
