//! What opening a journal does before anybody may use it: read the catalogue, check what is
//! kept, give up what the caller has accepted to lose, clamp the cursors.

use std::path::Path;

use rusqlite::{Connection, params};

use crate::{
    Damage, JournalError, Options, StreamId,
    log::{self, Broken},
    part::Part,
    queue::{Cursor, Cursors},
    read::{Fault, checked_record, value},
    snapshot::{check_snapshot, snapshots},
    sqlite::{
        Database, Moved, crc, create_records, drop_snapshot, moved, records_table, set_moved,
        stream_crc, unless_damaged,
    },
    store::Extent,
    streams::Stream,
    verify::verify_records,
};

/// What [`crate::Journal::open`] found. All empty after a clean close.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recovery {
    /// Bytes cut from the log's end, at the most: commits that a crash interrupted. Nobody had been told that
    /// they were durable.
    pub torn_tail: Option<u64>,
    /// Bytes of the damaged file of the log given up with `accept_loss`, acknowledged commits among
    /// them; what the other file held behind those is given up, too.
    pub log_lost: Option<u64>,
    /// Damage found by this open. Without `accept_loss` a stream with damaged records is not
    /// handed out; with it these are now in `lost`.
    pub damaged: Vec<Damage>,
    /// Records given up, by this open or an earlier one: reads skip them.
    pub lost: Vec<LostRecords>,
    /// Cursors that pointed outside of what their stream holds.
    pub cursors_clamped: Vec<ClampedCursor>,
}

/// Records `first..=last` of a stream, given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostRecords {
    /// The stream's name.
    pub stream: String,
    /// The first position.
    pub first: u64,
    /// The last position.
    pub last: u64,
}

/// A cursor that was moved to the nearest position that its stream holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClampedCursor {
    /// Its name.
    pub name: String,
    /// The stream's name.
    pub stream: String,
    /// Where it was.
    pub from: u64,
    /// Where it is now.
    pub to: u64,
}

/// The journal as opening it leaves it.
pub(crate) struct Recovered {
    pub(crate) recovery: Recovery,
    pub(crate) streams: Vec<(Stream, Extent)>,
    pub(crate) cursors: Cursors,
    /// Those of the cursors that were clamped and are not saved yet.
    pub(crate) clamped: Cursors,
    pub(crate) next_snapshot: u64,
}

/// What moving the log into the database, before anything else, found.
pub(crate) struct Replayed {
    pub(crate) connection: Connection,
    pub(crate) recovery: Recovery,
    /// The number of the last commit, and what tells those that follow from all before.
    pub(crate) moved: Moved,
}

/// Moves into the database what the log holds beyond it.
pub(crate) fn replay(
    connection: Connection,
    folder: &Path,
    options: &Options,
) -> Result<Replayed, JournalError> {
    let unreadable = |fault: Fault| fault.into_unreadable(folder);
    let moved = moved(&connection).map_err(|error| unreadable(error.into()))?;
    let found = log::scan(folder, moved).map_err(|error| JournalError::Refused {
        folder: folder.to_owned(),
        doing: "read its log",
        reason: error.to_string(),
    })?;
    let torn_tail = (found.torn > 0).then_some(found.torn);
    let mut recovery = Recovery { torn_tail, ..Recovery::default() };
    if let Some(Broken { file, intact, lost }) = found.damage {
        if !options.accept_loss {
            return Err(JournalError::DamagedLog { file, intact });
        }
        recovery.log_lost = Some(lost);
    }
    // Whole commits behind the damage are never to be taken for new ones.
    let next = Moved { number: found.last, salt: rand::random() };
    let mut replayed = Replayed { connection, recovery, moved: next };
    let mut part = Part::default();
    for (number, body) in found.commits {
        part.add(number, body).map_err(|error| unreadable(Fault::Damaged(error.to_string())))?;
    }
    if part.last > 0 {
        replayed = replayed.apply(&part, options).map_err(unreadable)?;
    }
    set_moved(&replayed.connection, next).map_err(|error| unreadable(error.into()))?;
    Ok(replayed)
}

impl Replayed {
    /// Where the database is damaged, what is damaged is given up first, if that is accepted.
    fn apply(mut self, part: &Part, options: &Options) -> Result<Self, Fault> {
        let (returned, applied) = apply(self.connection, part)?;
        self.connection = returned;
        match applied.map_err(Fault::from) {
            Err(Fault::Damaged(_)) if options.accept_loss => {
                self.recovery =
                    recover_or_fault(&mut self.connection, options, self.recovery)?.recovery;
                let (returned, applied) = apply(self.connection, part)?;
                self.connection = returned;
                applied?;
            }
            applied => applied?,
        }
        Ok(self)
    }
}

fn apply(connection: Connection, part: &Part) -> Result<(Connection, rusqlite::Result<()>), Fault> {
    let streams = streams(&connection)?;
    let named = streams.iter().map(|(stream, _)| (stream.id, &*stream.name, stream.generation));
    let mut database = Database::new(connection, named);
    let applied = database.apply(part);
    if applied.is_ok() {
        database.clean(part);
    }
    Ok((database.into_connection(), applied))
}

pub(crate) fn recover(
    connection: &mut Connection,
    folder: &Path,
    options: &Options,
    recovery: Recovery,
) -> Result<Recovered, JournalError> {
    recover_or_fault(connection, options, recovery).map_err(|fault| fault.into_unreadable(folder))
}

fn recover_or_fault(
    connection: &mut Connection,
    options: &Options,
    recovery: Recovery,
) -> Result<Recovered, Fault> {
    let next_snapshot = next_snapshot(connection)?;
    let mut recovered = Recovered {
        recovery,
        streams: streams(connection)?,
        cursors: Cursors::new(),
        clamped: Cursors::new(),
        next_snapshot,
    };
    recovered.check_records(connection, options)?;
    recovered.check_snapshots(connection, options)?;
    recovered.check_values(connection, options)?;
    recovered.check_cursors(connection, options)?;
    let lost = recovered.streams.iter().flat_map(|(stream, _)| {
        let name = &stream.name;
        stream.lost.iter().map(|&(first, last)| LostRecords { stream: name.clone(), first, last })
    });
    recovered.recovery.lost = lost.collect();
    Ok(recovered)
}

fn streams(connection: &Connection) -> Result<Vec<(Stream, Extent)>, Fault> {
    let mut select = connection
        .prepare("SELECT id, name, generation, first, head, bytes, crc FROM stream ORDER BY id")?;
    let mut rows = select.query([])?;
    let mut streams = Vec::new();
    while let Some(row) = rows.next()? {
        let (id, name, generation) =
            (StreamId(row.get(0)?), row.get::<_, String>(1)?, row.get::<_, u32>(2)?);
        let [first, head, bytes] =
            [row.get::<_, i64>(3)?, row.get(4)?, row.get(5)?].map(|n| n as u64);
        let extent = Extent { first, head, bytes };
        let whole = row.get::<_, u32>(6)? == stream_crc(id, &name, generation, extent);
        if !whole || id.0 as usize != streams.len() + 1 {
            return Err(Fault::Damaged(format!(
                "the list of streams is damaged at number {}",
                id.0
            )));
        }
        let mut stream = Stream::new(id, name, generation, extent);
        stream.lost = lost(connection, id)?;
        streams.push((stream, extent));
    }
    Ok(streams)
}

fn lost(connection: &Connection, stream: StreamId) -> Result<Vec<(u64, u64)>, Fault> {
    let mut select =
        connection.prepare_cached("SELECT first, last FROM lost WHERE stream=?1 ORDER BY first")?;
    let rows = select.query_map([stream.0], |row| {
        Ok((row.get::<_, i64>(0)? as u64, row.get::<_, i64>(1)? as u64))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The number of the next snapshot, after dropping the pieces of those that were never completed.
fn next_snapshot(connection: &Connection) -> Result<u64, Fault> {
    let pieces = "DELETE FROM snapshot_chunk WHERE id >> 20 NOT IN (SELECT id FROM snapshot)";
    unless_damaged(connection, pieces, [])?;
    let last: i64 =
        connection.query_row("SELECT ifnull(max(id), 0) FROM snapshot", [], |row| row.get(0))?;
    Ok(last as u64 + 1)
}

impl Recovered {
    fn check_records(
        &mut self,
        connection: &mut Connection,
        options: &Options,
    ) -> Result<(), Fault> {
        let budget = if options.accept_loss { u64::MAX } else { options.verify_bytes };
        for (stream, extent) in &mut self.streams {
            let bad = verify_records(connection, stream, *extent, budget)?;
            let damage = bad.into_iter().map(|span| Damage::Records {
                stream: stream.name.clone(),
                first: span.first,
                last: span.last,
                reason: span.reason,
            });
            let damage: Vec<_> = damage.collect();
            if damage.is_empty() {
                continue;
            }
            if options.accept_loss {
                repair(connection, stream, extent)?;
            } else {
                stream.damage = damage.last().cloned();
            }
            self.recovery.damaged.extend(damage);
        }
        Ok(())
    }

    fn check_snapshots(&mut self, connection: &Connection, options: &Options) -> Result<(), Fault> {
        for row in snapshots(connection)? {
            match check_snapshot(connection, row) {
                Ok(()) => {}
                Err(Fault::Damaged(reason)) => {
                    let named = self.streams.iter().find(|(stream, _)| stream.id.0 == row.stream);
                    let stream = named
                        .map_or_else(|| format!("number {}", row.stream), |(s, _)| s.name.clone());
                    self.recovery.damaged.push(Damage::Snapshot {
                        stream,
                        position: row.position,
                        reason,
                    });
                    if options.accept_loss {
                        drop_snapshot(connection, row.id as i64)?;
                    }
                }
                Err(failed) => return Err(failed),
            }
        }
        Ok(())
    }

    fn check_values(&mut self, connection: &Connection, options: &Options) -> Result<(), Fault> {
        let mut select = connection.prepare("SELECT key FROM value")?;
        let keys =
            select.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
        for key in keys {
            match value(connection, &key) {
                Ok(_) => {}
                Err(Fault::Damaged(reason)) => {
                    if options.accept_loss {
                        connection.execute("DELETE FROM value WHERE key=?1", [&key])?;
                    }
                    self.recovery.damaged.push(Damage::Value { key, reason });
                }
                Err(failed) => return Err(failed),
            }
        }
        Ok(())
    }

    fn check_cursors(&mut self, connection: &Connection, options: &Options) -> Result<(), Fault> {
        let mut select = connection.prepare("SELECT name, stream, position, crc FROM cursor")?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let (name, stream, from): (String, u32, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let from = from as u64;
            let whole = row.get::<_, u32>(3)? == crc(&name, &[u64::from(stream), from], &[]);
            let over = self.streams.iter().find(|(known, _)| known.id.0 == stream);
            let Some((over, extent)) = over.filter(|_| whole) else {
                let reason = if whole { "its stream is not there" } else { "its checksum differs" };
                if options.accept_loss {
                    connection.execute("DELETE FROM cursor WHERE name=?1", [&name])?;
                }
                self.recovery.damaged.push(Damage::Cursor { name, reason: reason.into() });
                continue;
            };
            let to = from.clamp(extent.first - 1, extent.head);
            let cursor = Cursor { stream: over.id, position: to };
            if to != from {
                self.clamped.insert(name.clone(), cursor);
                let (name, stream) = (name.clone(), over.name.clone());
                self.recovery.cursors_clamped.push(ClampedCursor { name, stream, from, to });
            }
            self.cursors.insert(name, cursor);
        }
        Ok(())
    }
}

/// Copies what is whole of a damaged stream into a new table and notes the rest as lost, in one
/// transaction. The old table stays as it is: freeing damaged pages could take whole ones along.
fn repair(
    connection: &mut Connection,
    stream: &mut Stream,
    extent: &mut Extent,
) -> Result<(), Fault> {
    let transaction = connection.transaction()?;
    let old = records_table(stream.id, stream.generation);
    let new = records_table(stream.id, stream.generation + 1);
    transaction.execute_batch(&create_records(&new))?;
    let mut bytes = 0;
    let mut lost: Vec<(u64, u64)> = Vec::new();
    {
        let mut select = transaction
            .prepare(&format!("SELECT position, at, crc, payload FROM {old} WHERE position=?1"))?;
        let mut copy = transaction
            .prepare(&format!("INSERT INTO {new} SELECT * FROM {old} WHERE position=?1"))?;
        for position in extent.first..=extent.head {
            let whole =
                select.query([position as i64]).map_err(Fault::from).and_then(|mut rows| {
                    let row = rows.next()?.ok_or_else(Fault::missing)?;
                    Ok(checked_record(row, stream)?.1.len() as u64)
                });
            match whole {
                Ok(length) => {
                    copy.execute([position as i64])?;
                    bytes += length;
                }
                Err(Fault::Damaged(_)) => match lost.last_mut() {
                    Some((_, last)) if *last + 1 == position => *last = position,
                    _ => lost.push((position, position)),
                },
                Err(failed) => return Err(failed),
            }
        }
    }
    extent.bytes = bytes;
    stream.generation += 1;
    transaction.execute("DELETE FROM lost WHERE stream=?1", [stream.id.0])?;
    for &(first, last) in &lost {
        transaction.execute(
            "INSERT INTO lost(stream, first, last) VALUES (?1, ?2, ?3)",
            params![stream.id.0, first as i64, last as i64],
        )?;
    }
    let crc = stream_crc(stream.id, &stream.name, stream.generation, *extent);
    transaction.execute(
        "UPDATE stream SET generation=?2, bytes=?3, crc=?4 WHERE id=?1",
        params![stream.id.0, stream.generation, bytes as i64, crc],
    )?;
    transaction.commit()?;
    stream.lost = lost;
    Ok(())
}
