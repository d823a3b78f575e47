//! Reading: own connections, and every row checked before it is handed out.

use std::path::PathBuf;

use parking_lot::Mutex;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::{
    Damage, JournalError, Record, StoreError,
    sqlite::{crc, open_reader, record_crc, records_table, stream_crc},
    store::Extent,
    streams::Stream,
};

/// A read ends after this many payload bytes, so that a caller's memory is bounded.
pub(crate) const READ_BYTES: usize = 16 << 20;
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
    readers: &Readers,
    stream: &Stream,
    from: u64,
    max_records: usize,
    folder: &std::path::Path,
) -> Result<Vec<Record>, JournalError> {
    let head = stream.head();
    let mut expected = from;
    let mut records = Vec::new();
    let result = readers.with(|connection| {
        // One transaction, so that the extent and the records are of one moment.
        let snapshot = connection.transaction()?;
        let extent = extent(&snapshot, stream)?;
        let last = head.min(extent.head);
        expected = stream.skip_lost(from.max(extent.first));
        let sql = format!(
            "SELECT position, at, crc, payload FROM {} WHERE position BETWEEN ?1 AND ?2 ORDER BY position LIMIT ?3",
            records_table(stream.id, stream.generation)
        );
        let mut select = snapshot.prepare_cached(&sql)?;
        let limit = i64::try_from(max_records).unwrap_or(i64::MAX);
        let mut rows = select.query(params![expected as i64, last as i64, limit])?;
        let mut bytes = 0;
        while records.len() < max_records && bytes < READ_BYTES && expected <= last {
            let row = rows.next()?.ok_or_else(Fault::missing)?;
            let (position, payload) = checked_record(row, stream)?;
            if position != expected {
                return Err(Fault::missing());
            }
            bytes += payload.len();
            records.push(Record { position, payload: payload.to_vec() });
            expected = stream.skip_lost(position + 1);
        }
        Ok(())
    });
    match result {
        Ok(()) => Ok(records),
        Err(Fault::Damaged(_)) if !records.is_empty() => Ok(records),
        Err(Fault::Damaged(reason)) => {
            let stream = stream.name.clone();
            Err(JournalError::Damaged(Damage::Records {
                stream,
                first: expected,
                last: expected,
                reason,
            }))
        }
        Err(Fault::Failed(error)) => Err(error.into_journal(folder, "read")),
    }
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
