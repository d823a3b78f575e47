//! Reading: own connections, and every row checked before it is handed out.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use parking_lot::Mutex;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::{
    Damage, JournalError, Record, Shared, StoreError,
    sqlite::{crc, open_reader, record_crc, records_table, stream_crc},
    store::{Extent, Kept},
    streams::Stream,
};

/// A read ends after this many payload bytes, so that a caller's memory is bounded.
pub(crate) const READ_BYTES: usize = 16 << 20;
/// So much is copied at a time from where commits wait to add to.
const LOCKED_BYTES: usize = 256 << 10;
const CONNECTIONS_KEPT: usize = 4;

/// Why a row was not handed out.
#[derive(Debug)]
pub(crate) enum Fault {
    /// It, or the page under it, is damaged.
    Damaged(String),
    /// It could not be read at all.
    Failed(StoreError),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::{Error, ErrorCode::DatabaseCorrupt, ErrorCode::NotADatabase};
        match &error {
            Error::InvalidColumnType(..)
            | Error::FromSqlConversionFailure(..)
            | Error::IntegralValueOutOfRange(..)
            | Error::Utf8Error(..) => Self::Damaged(error.to_string()),
            other if matches!(other.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase)) => {
                Self::Damaged(error.to_string())
            }
            _ => Self::Failed(error.into()),
        }
    }
}

impl Fault {
    pub(crate) fn checksum() -> Self {
        Self::Damaged("its checksum differs".into())
    }

    /// As opening tells it.
    pub(crate) fn into_unreadable(self, folder: &Path) -> JournalError {
        match self {
            Self::Damaged(reason) => JournalError::Unreadable { folder: folder.to_owned(), reason },
            Self::Failed(error) => error.into_journal(folder, "open"),
        }
    }

    /// As reading tells it, where no one thing is named as damaged.
    pub(crate) fn into_refused(self, folder: &Path) -> JournalError {
        match self {
            Self::Damaged(reason) => StoreError::Failed(reason).into_journal(folder, "read"),
            Self::Failed(error) => error.into_journal(folder, "read"),
        }
    }

    pub(crate) fn missing() -> Self {
        Self::Damaged("it is missing".into())
    }
}

/// Idle reading connections.
pub(crate) struct Readers {
    folder: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder, idle: Mutex::default() }
    }

    pub(crate) fn with<T>(
        &self,
        read: impl FnOnce(&mut Connection) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let idle = self.idle.lock().pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => open_reader(&self.folder)?,
        };
        let result = read(&mut connection);
        let mut idle = self.idle.lock();
        if idle.len() < CONNECTIONS_KEPT && connection.is_autocommit() {
            idle.push(connection);
        }
        result
    }
}

/// Records from `from` up to `head`. Damage ends the read; damage at its very start is the error.
pub(crate) fn records(
    shared: &Shared,
    stream: &Stream,
    from: u64,
    max_records: usize,
) -> Result<Vec<Record>, JournalError> {
    let (head, bytes, records) = (stream.head(), 0, Vec::new());
    let mut reading = Reading { stream, head, max_records, next: from, bytes, records };
    let result = reading.run(shared);
    let Reading { next, records, .. } = reading;
    match result {
        Ok(()) => Ok(records),
        Err(Fault::Damaged(_)) if !records.is_empty() => Ok(records),
        Err(Fault::Damaged(reason)) => {
            let stream = stream.name.clone();
            Err(JournalError::Damaged(Damage::Records { stream, first: next, last: next, reason }))
        }
        Err(Fault::Failed(error)) => Err(error.into_journal(&shared.folder, "read")),
    }
}

struct Reading<'a> {
    stream: &'a Stream,
    head: u64,
    max_records: usize,
    /// The position to read next.
    next: u64,
    bytes: usize,
    records: Vec<Record>,
}

impl Reading<'_> {
    fn is_done(&self) -> bool {
        self.next > self.head || self.records.len() >= self.max_records || self.bytes >= READ_BYTES
    }

    /// Nothing before `first` is kept any more: what was read of it is forgotten, so that there is
    /// no hole in what is given.
    fn skip_to(&mut self, first: u64) {
        if first > self.next {
            self.records.clear();
            self.bytes = 0;
        }
        self.next = self.stream.skip_lost(self.next.max(first));
    }

    fn take(&mut self, position: u64, payload: &[u8]) {
        self.bytes += payload.len();
        self.records.push(Record { position, payload: payload.to_vec() });
        self.next = position + 1;
    }

    /// The log's tail first: what is not there, or not any more, is in the database.
    fn run(&mut self, shared: &Shared) -> Result<(), Fault> {
        loop {
            self.skip_to(self.stream.first());
            if self.is_done() {
                return Ok(());
            }
            let until = self.bytes + LOCKED_BYTES;
            let is_held = shared.tail.records(self.stream.id, self.next, |record| {
                self.take(record.position, record.payload);
                !self.is_done() && self.bytes < until
            });
            if !is_held {
                shared.readers.with(|connection| self.read_database(connection))?;
            }
        }
    }

    fn read_database(&mut self, connection: &mut Connection) -> Result<(), Fault> {
        // One transaction, so that the extent and the records are of one moment.
        let snapshot = connection.transaction()?;
        let extent = extent(&snapshot, self.stream)?;
        let last = self.head.min(extent.head);
        let asked = self.next;
        self.skip_to(extent.first);
        if self.next > last {
            let is_trimmed = self.next > asked || self.stream.first() > asked;
            return if is_trimmed { Ok(()) } else { Err(Fault::missing()) };
        }
        let sql = format!(
            "SELECT position, at, crc, payload FROM {} WHERE position BETWEEN ?1 AND ?2 ORDER BY position LIMIT ?3",
            records_table(self.stream.id, self.stream.generation)
        );
        let mut select = snapshot.prepare_cached(&sql)?;
        let limit = i64::try_from(self.max_records - self.records.len()).unwrap_or(i64::MAX);
        let mut rows = select.query(params![self.next as i64, last as i64, limit])?;
        while !self.is_done() && self.next <= last {
            let row = rows.next()?.ok_or_else(Fault::missing)?;
            let (position, payload) = checked_record(row, self.stream)?;
            if position != self.next {
                return Err(Fault::missing());
            }
            self.take(position, payload);
            self.next = self.stream.skip_lost(self.next);
        }
        Ok(())
    }
}

/// The oldest records kept of a stream, at most `limit`, without their payloads.
pub(crate) fn oldest(
    shared: &Shared,
    stream: &Stream,
    limit: usize,
) -> Result<Vec<Kept>, JournalError> {
    let (mut next, head) = (stream.first(), stream.head());
    let mut oldest = Vec::new();
    while next <= head && oldest.len() < limit {
        let before = oldest.len();
        next = stream.skip_lost(next);
        let is_held = shared.tail.records(stream.id, next, |record| {
            oldest.push(record.kept());
            oldest.len() < limit
        });
        if !is_held {
            let kept = shared.readers.with(|connection| {
                oldest.extend(oldest_in_database(connection, stream, next, limit - before)?);
                Ok(())
            });
            kept.map_err(|fault| fault.into_refused(&shared.folder))?;
        }
        if oldest.len() == before {
            break;
        }
        next = oldest.last().map_or(next, |last| last.position + 1);
    }
    Ok(oldest)
}

fn oldest_in_database(
    connection: &Connection,
    stream: &Stream,
    from: u64,
    limit: usize,
) -> Result<Vec<Kept>, Fault> {
    let sql = format!(
        "SELECT position, at, length(payload) FROM {} WHERE position >= ?1 ORDER BY position LIMIT ?2",
        records_table(stream.id, stream.generation)
    );
    let mut select = connection.prepare_cached(&sql)?;
    let rows = select.query_map([from as i64, limit as i64], |row| {
        Ok(Kept {
            position: row.get::<_, i64>(0)? as u64,
            at: row.get(1)?,
            bytes: row.get::<_, i64>(2)? as u64,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn extent(connection: &Connection, stream: &Stream) -> Result<Extent, Fault> {
    let mut select =
        connection.prepare_cached("SELECT first, head, bytes, crc FROM stream WHERE id=?1")?;
    let (extent, stored) = select.query_row([stream.id.0], |row| {
        let [first, head, bytes] =
            [row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?].map(|n| n as u64);
        Ok((Extent { first, head, bytes }, row.get::<_, u32>(3)?))
    })?;
    let whole = stored == stream_crc(stream.id, &stream.name, stream.generation, extent);
    if whole { Ok(extent) } else { Err(Fault::checksum()) }
}

/// The position and payload of a row `position, at, crc, payload`.
pub(crate) fn checked_record<'a>(
    row: &'a Row<'_>,
    stream: &Stream,
) -> Result<(u64, &'a [u8]), Fault> {
    let (position, at, stored): (i64, i64, u32) = (row.get(0)?, row.get(1)?, row.get(2)?);
    let payload = row.get_ref(3)?.as_blob().map_err(|error| Fault::Damaged(error.to_string()))?;
    let position = position as u64;
    if stored == record_crc(stream.id, position, at, payload) {
        Ok((position, payload))
    } else {
        Err(Fault::checksum())
    }
}

/// A named value, checked.
pub(crate) fn value(connection: &Connection, key: &str) -> Result<Option<Vec<u8>>, Fault> {
    let mut select = connection.prepare_cached("SELECT crc, payload FROM value WHERE key=?1")?;
    let found = select
        .query_row([key], |row| Ok((row.get::<_, u32>(0)?, row.get::<_, Vec<u8>>(1)?)))
        .optional()?;
    match found {
        Some((stored, payload)) if stored == crc(key, &[], &payload) => Ok(Some(payload)),
        Some(_) => Err(Fault::checksum()),
        None => Ok(None),
    }
}

/// The named values whose keys begin with that, but for damaged ones.
pub(crate) fn values(
    connection: &Connection,
    prefix: &str,
) -> Result<BTreeMap<String, Vec<u8>>, Fault> {
    let mut select =
        connection.prepare_cached("SELECT key FROM value WHERE substr(key, 1, length(?1)) = ?1")?;
    let keys = select.query_map([prefix], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?;
    let mut values = BTreeMap::new();
    for key in keys {
        match value(connection, &key) {
            Ok(found) => values.extend(found.map(|found| (key, found))),
            Err(Fault::Damaged(_)) => {}
            Err(failed) => return Err(failed),
        }
    }
    Ok(values)
}
