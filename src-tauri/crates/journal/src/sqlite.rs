//! The database: schema, connections, and what moves a part of the log into it.
//!
//! Each stream has its own table, so that appends go to the end of a B-tree and damage to one
//! stream's pages stays there. Every row carries a checksum over what it says and what it is
//! called, because SQLite itself has none on its pages.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, params};

use crate::{
    JournalError, StoreError, StreamId,
    part::{Completed, Part},
    store::Extent,
};

const PAGE_BYTES: usize = 16 << 10;
pub(crate) const CHUNK_BYTES: usize = 256 << 10;
const FORMAT: u32 = 2;
const APPLICATION: u32 = 0x5457_4a4c; // "TWJL"
pub(crate) const SNAPSHOTS_KEPT: usize = 2;

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS stream(id INTEGER PRIMARY KEY, name TEXT NOT NULL, generation INTEGER NOT NULL,
        first INTEGER NOT NULL, head INTEGER NOT NULL, bytes INTEGER NOT NULL, crc INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS lost(stream INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS cursor(name TEXT PRIMARY KEY, stream INTEGER NOT NULL, position INTEGER NOT NULL,
        crc INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS value(key TEXT PRIMARY KEY, crc INTEGER NOT NULL, payload BLOB NOT NULL);
    CREATE TABLE IF NOT EXISTS snapshot(id INTEGER PRIMARY KEY, stream INTEGER NOT NULL, position INTEGER NOT NULL,
        bytes INTEGER NOT NULL, crc INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS snapshot_chunk(id INTEGER PRIMARY KEY, crc INTEGER NOT NULL, payload BLOB NOT NULL);
    CREATE TABLE IF NOT EXISTS moved(id INTEGER PRIMARY KEY, number INTEGER NOT NULL, salt INTEGER NOT NULL,
        crc INTEGER NOT NULL);";

pub(crate) fn database(folder: &Path) -> PathBuf {
    folder.join("journal.db")
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

/// How long a reader waits for the writer to have written its pages, and that for the readers.
const BUSY: Duration = Duration::from_secs(10);

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
    // TRUNCATE, because the end of a deleted journal is not synced: after a power failure it would
    // undo a move whose commits the log has written over meanwhile.
    // A rollback journal holds only the pages that were there before, and what comes in is mostly
    // new: SQLite's write-ahead log would write all of it twice. fullfsync: on macOS plain fsync
    // leaves the data in the drive's cache.
    let settings = "PRAGMA journal_mode=TRUNCATE; PRAGMA synchronous=FULL; PRAGMA fullfsync=1;
        PRAGMA cell_size_check=1; PRAGMA cache_size=-16000; PRAGMA cache_spill=0;";
    connection.execute_batch(settings).map_err(unreadable)?;
    connection.busy_timeout(BUSY).map_err(unreadable)?;
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

/// Opens a connection that only reads.
pub(crate) fn open_reader(folder: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = open_file(folder, flags)?;
    connection
        .execute_batch("PRAGMA query_only=1; PRAGMA cell_size_check=1; PRAGMA cache_size=-2000;")?;
    connection.busy_timeout(BUSY)?;
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
        let insert = format!(
            "INSERT OR REPLACE INTO {records}(position, at, crc, payload) VALUES (?1, ?2, ?3, ?4)"
        );
        Self { name: name.to_owned(), generation, insert }
    }
}

/// The writing connection.
pub(crate) struct Database {
    connection: Connection,
    tables: Vec<Table>,
}

impl Database {
    /// `streams`: names and generations, in the order of their numbers from 1.
    pub(crate) fn new<'a>(
        connection: Connection,
        streams: impl Iterator<Item = (StreamId, &'a str, u32)>,
    ) -> Self {
        let tables =
            streams.map(|(id, name, generation)| Table::new(id, name, generation)).collect();
        Self { connection, tables }
    }

    pub(crate) fn into_connection(self) -> Connection {
        self.connection
    }

    /// Writes a part of the log in one transaction, and syncs it.
    ///
    /// # Errors
    /// When SQLite refuses; nothing of it is then there.
    pub(crate) fn apply(&mut self, part: &Part) -> rusqlite::Result<()> {
        let known = self.tables.len();
        let applied = self.begin().and_then(|()| self.write(part)).and_then(|()| self.commit());
        if applied.is_err() {
            self.tables.truncate(known);
            self.rollback();
        }
        applied
    }

    /// Deletes what is not needed any more behind a part that was applied: records that were trimmed,
    /// all but the newest two snapshots. By itself, so that damage under it holds up nothing else;
    /// what could not be deleted is not read, and is tried again with the next of its kind.
    pub(crate) fn clean(&self, part: &Part) {
        let together =
            self.begin().and_then(|()| self.delete_old(part)).and_then(|()| self.commit());
        let deleted = together.or_else(|_| {
            self.rollback();
            self.delete_old(part)
        });
        if let Err(error) = deleted {
            tracing::warn!(%error, "what is not needed any more could not be deleted");
        }
    }

    fn delete_old(&self, part: &Part) -> rusqlite::Result<()> {
        for (&stream, &before) in &part.trims {
            let records = records_table(stream, self.table(stream)?.generation);
            let sql = format!("DELETE FROM {records} WHERE position < ?1");
            unless_damaged(&self.connection, &sql, [before as i64])?;
        }
        for stream in part.snapshots.iter().map(|completed| completed.stream) {
            let old = self
                .connection
                .prepare_cached(
                    "SELECT id FROM snapshot WHERE stream=?1 ORDER BY id DESC LIMIT -1 OFFSET ?2",
                )?
                .query_map(params![stream.0, SNAPSHOTS_KEPT as i64], |row| row.get::<_, i64>(0))?
                .collect::<Result<Vec<_>, _>>()?;
            for id in old {
                drop_snapshot(&self.connection, id)?;
            }
        }
        Ok(())
    }

    fn begin(&self) -> rusqlite::Result<()> {
        self.rollback();
        self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([]).map(drop)
    }

    fn commit(&self) -> rusqlite::Result<()> {
        self.connection.prepare_cached("COMMIT")?.execute([]).map(drop)
    }

    fn rollback(&self) {
        if !self.connection.is_autocommit()
            && let Err(error) = self.connection.execute_batch("ROLLBACK")
        {
            tracing::warn!(%error, "rolling a refused move back failed; the next one tries again");
        }
    }

    fn write(&mut self, part: &Part) -> rusqlite::Result<()> {
        let Moved { number, salt } = moved(&self.connection)?;
        if number >= part.last {
            // It was committed, and only that could not be told.
            let made = part.streams.iter().map(|(stream, name)| Table::new(*stream, name, 0));
            self.tables.extend(made);
            return Ok(());
        }
        for (stream, name) in &part.streams {
            self.create(*stream, name)?;
        }
        for (stream, records) in part.kept() {
            let mut insert = self.connection.prepare_cached(&self.table(stream)?.insert)?;
            for record in records {
                let crc = record_crc(stream, record.position, record.at, record.payload);
                insert.execute(params![record.position as i64, record.at, crc, record.payload])?;
            }
        }
        for (&stream, &extent) in &part.extents {
            self.extent(stream, extent)?;
        }
        for (name, &(stream, position)) in &part.cursors {
            let crc = crc(name, &[u64::from(stream.0), position], &[]);
            self.connection
                .prepare_cached("INSERT OR REPLACE INTO cursor(name, stream, position, crc) VALUES (?1, ?2, ?3, ?4)")?
                .execute(params![name, stream.0, position as i64, crc])?;
        }
        for (key, payload) in part.values() {
            self.connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO value(key, crc, payload) VALUES (?1, ?2, ?3)",
                )?
                .execute(params![key, crc(key, &[], payload), payload])?;
        }
        for (snapshot, index, payload) in part.chunks() {
            let id = chunk_id(snapshot, index);
            self.connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO snapshot_chunk(id, crc, payload) VALUES (?1, ?2, ?3)",
                )?
                .execute(params![id, crc("", &[id as u64], payload), payload])?;
        }
        for completed in &part.snapshots {
            self.snapshot(*completed)?;
        }
        set_moved(&self.connection, Moved { number: part.last, salt })
    }

    fn table(&self, stream: StreamId) -> rusqlite::Result<&Table> {
        self.tables
            .get(stream.0.wrapping_sub(1) as usize)
            .ok_or_else(|| rusqlite::Error::InvalidParameterName(format!("stream {}", stream.0)))
    }

    fn create(&mut self, stream: StreamId, name: &str) -> rusqlite::Result<()> {
        self.connection.execute_batch(&create_records(&records_table(stream, 0)))?;
        let extent = Extent::EMPTY;
        self.connection.execute(
            "INSERT INTO stream(id, name, generation, first, head, bytes, crc) VALUES (?1, ?2, 0, ?3, ?4, 0, ?5)",
            params![stream.0, name, extent.first as i64, extent.head as i64, stream_crc(stream, name, 0, extent)],
        )?;
        self.tables.push(Table::new(stream, name, 0));
        Ok(())
    }

    fn extent(&self, stream: StreamId, extent: Extent) -> rusqlite::Result<()> {
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

    fn snapshot(&self, completed: Completed) -> rusqlite::Result<()> {
        let Completed { snapshot: id, stream, position, bytes } = completed;
        let crc = crc("", &[id, u64::from(stream.0), position, bytes], &[]);
        self.connection.execute(
            "INSERT INTO snapshot(id, stream, position, bytes, crc) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![id as i64, stream.0, position as i64, bytes as i64, crc],
        )?;
        Ok(())
    }
}

/// How far the log is in the database.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Moved {
    /// Of the last commit that is.
    pub(crate) number: u64,
    /// What tells the log's commits from everything else.
    pub(crate) salt: u64,
}

/// # Errors
/// [`rusqlite::Error::FromSqlConversionFailure`] where it is damaged.
pub(crate) fn moved(connection: &Connection) -> rusqlite::Result<Moved> {
    let row = connection
        .prepare_cached("SELECT number, salt, crc FROM moved")?
        .query_row([], |row| {
            let [number, salt] = [row.get::<_, i64>(0)?, row.get(1)?].map(|n| n as u64);
            let is_whole = row.get::<_, u32>(2)? == crc("moved", &[number, salt], &[]);
            if is_whole { Ok(Moved { number, salt }) } else { Err(damaged()) }
        })
        .optional()?;
    Ok(row.unwrap_or_default())
}

fn damaged() -> rusqlite::Error {
    let reason = "how far its log was moved is damaged".into();
    rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Integer, reason)
}

pub(crate) fn set_moved(connection: &Connection, moved: Moved) -> rusqlite::Result<()> {
    let Moved { number, salt } = moved;
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO moved(id, number, salt, crc) VALUES (1, ?1, ?2, ?3)",
        )?
        .execute(params![number as i64, salt as i64, crc("moved", &[number, salt], &[])])
        .map(drop)
}

pub(crate) fn create_records(table: &str) -> String {
    format!(
        "CREATE TABLE {table}(position INTEGER PRIMARY KEY, at INTEGER NOT NULL, crc INTEGER NOT NULL, \
         payload BLOB NOT NULL)"
    )
}

pub(crate) fn drop_snapshot(connection: &Connection, id: i64) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM snapshot WHERE id=?1", [id])?;
    let chunks = [chunk_id(id as u64, 0), chunk_id(id as u64 + 1, 0)];
    unless_damaged(connection, "DELETE FROM snapshot_chunk WHERE id >= ?1 AND id < ?2", chunks)
}

/// Deletes something alone, unless the pages under it are damaged: then it stays. Within a
/// transaction damage is an error, because it cannot go on.
pub(crate) fn unless_damaged(
    connection: &Connection,
    delete: &str,
    params: impl rusqlite::Params,
) -> rusqlite::Result<()> {
    match connection.prepare_cached(delete).and_then(|mut sql| sql.execute(params)) {
        Err(error)
            if connection.is_autocommit()
                && error.sqlite_error_code() == Some(ErrorCode::DatabaseCorrupt) =>
        {
            tracing::warn!(%error, delete, "what is not needed any more is damaged and stays");
            Ok(())
        }
        deleted => deleted.map(drop),
    }
}
