//! Snapshots, written and read in pieces, so that their size does not bound what fits in memory.

use std::sync::mpsc;

use rusqlite::Connection;

use crate::{
    Append, Damage, Journal, JournalError, Shared, StreamId,
    append::on_io_thread,
    background::CHUNKS_A_SLICE,
    part::Completed,
    queue::Snapshot,
    read::Fault,
    sqlite::{CHUNK_BYTES, SNAPSHOTS_KEPT, chunk_id, crc},
    streams::Stream,
};

impl Journal {
    /// Queues a small snapshot of what the stream's records up to `position` make. It is written
    /// in pieces between other commits and there when all are; the newest two of a stream are
    /// kept. **Blocks** while two others wait. Refused with [`JournalError::BeyondHead`] when
    /// `position` is not durable then.
    pub fn put_snapshot(&self, stream: StreamId, position: u64, payload: Vec<u8>) -> Append {
        let (send, chunks) = mpsc::channel();
        let pieces = payload.chunks(CHUNK_BYTES).map(|chunk| Some(chunk.to_vec()));
        // It goes to the receiver in this very function.
        pieces.chain([None]).for_each(|chunk| drop(send.send(chunk)));
        drop(payload);
        self.queue_snapshot(stream, position, chunks)
    }

    /// Writes a snapshot of any size, as [`Journal::put_snapshot`]: takes its pieces, of any
    /// length, on this thread and only as fast as they are written, so that a few MiB of it are
    /// in memory. Waits until it is durable. Other commits go on meanwhile.
    ///
    /// # Errors
    /// As an [`Append`]; the snapshots before it are then as they were. The rest of the pieces is
    /// not asked for.
    pub fn write_snapshot(
        &self,
        stream: StreamId,
        position: u64,
        pieces: impl IntoIterator<Item = Vec<u8>>,
    ) -> Result<(), JournalError> {
        if on_io_thread() {
            return Err(JournalError::InCallback);
        }
        // Dropped behind `send`, so that a snapshot ends that a panic of the pieces gave up, too.
        let nudge = Nudge(self);
        let (send, chunks) = mpsc::sync_channel(CHUNKS_A_SLICE);
        let append = self.queue_snapshot(stream, position, chunks);
        let mut sent = 0_usize;
        let mut give = |chunk: Option<Vec<u8>>| {
            let is_taken = send.send(chunk).is_ok();
            sent += 1;
            if sent.is_multiple_of(CHUNKS_A_SLICE) {
                self.shared().queue.nudge();
            }
            is_taken
        };
        let mut rest = Vec::new();
        let mut is_taken = true;
        'pieces: for piece in pieces {
            rest.extend_from_slice(&piece);
            while rest.len() >= CHUNK_BYTES {
                let behind = rest.split_off(CHUNK_BYTES);
                is_taken = give(Some(std::mem::replace(&mut rest, behind)));
                if !is_taken {
                    break 'pieces;
                }
            }
        }
        // Where it is not taken any more, the answer says why.
        if is_taken && (rest.is_empty() || give(Some(rest))) {
            give(None);
        }
        drop(send);
        drop(nudge);
        append.wait().map(drop)
    }

    fn queue_snapshot(
        &self,
        stream: StreamId,
        position: u64,
        chunks: mpsc::Receiver<Option<Vec<u8>>>,
    ) -> Append {
        if let Err(error) = self.shared().streams.get(stream) {
            return Append::failed(error);
        }
        let (append, answer) = Append::new();
        self.shared().queue.push_snapshot(Snapshot { stream, position, chunks, answer });
        append
    }

    /// Makes something of the newest whole snapshot, read in pieces. `build` reads them to the
    /// end; where a piece turns out to be damaged, what was built is dropped and the snapshot
    /// before it is tried, and there is none when the stream still has all its records to replay.
    ///
    /// # Errors
    /// Those of `build`. [`JournalError::Damaged`] when no snapshot is whole and the first records
    /// are gone; [`JournalError::Refused`] when it cannot be read, [`JournalError::UnknownStream`].
    pub fn restore<T, E: From<JournalError>>(
        &self,
        stream: StreamId,
        mut build: impl FnMut(&mut SnapshotReader<'_>) -> Result<T, E>,
    ) -> Result<Option<T>, E> {
        let shared = self.shared();
        let stream = shared.streams.get(stream)?;
        let rows = self.newest_snapshots(&stream);
        let rows = rows.map_err(|fault| to_error(self, &stream, 0, fault))?;
        let mut damage = None;
        for row in rows {
            let mut reader = SnapshotReader {
                journal: self,
                stream: &stream,
                row,
                index: 0,
                seen: 0,
                damage: None,
            };
            let built = build(&mut reader);
            match reader.damage {
                None => return built.map(Some),
                Some(reason) => {
                    let position = row.position;
                    tracing::warn!(stream = stream.name, position, reason, "a snapshot is damaged");
                    damage.get_or_insert((position, Fault::Damaged(reason)));
                }
            }
        }
        match damage {
            Some((position, damage)) if stream.first() > 1 => {
                Err(to_error(self, &stream, position, damage).into())
            }
            _ => Ok(None),
        }
    }

    /// The newest whole snapshot and its position, at once: for small ones. Else, and for what
    /// becomes of damage, see [`Journal::restore`].
    ///
    /// # Errors
    /// As [`Journal::restore`].
    pub fn latest_snapshot(
        &self,
        stream: StreamId,
    ) -> Result<Option<(u64, Vec<u8>)>, JournalError> {
        self.restore(stream, |reader| {
            let mut payload = Vec::new();
            while let Some(piece) = reader.next_piece()? {
                payload.extend_from_slice(&piece);
            }
            Ok((reader.position(), payload))
        })
    }
}

impl Journal {
    /// Those that are kept, newest first.
    fn newest_snapshots(&self, stream: &Stream) -> Result<Vec<SnapshotRow>, Fault> {
        let shared = self.shared();
        let mut rows: Vec<_> = shared.tail.snapshots().into_iter().map(SnapshotRow::from).collect();
        rows.extend(shared.readers.with(|connection| snapshots(connection))?);
        rows.retain(|row| row.stream == stream.id.0);
        // One that was moved meanwhile is there twice.
        rows.sort_by_key(|row| std::cmp::Reverse(row.id));
        rows.dedup_by_key(|row| row.id);
        rows.truncate(SNAPSHOTS_KEPT);
        Ok(rows)
    }
}

/// Tells the I/O thread that there is more to write, when it is dropped.
struct Nudge<'a>(&'a Journal);

impl Drop for Nudge<'_> {
    fn drop(&mut self) {
        self.0.shared().queue.nudge();
    }
}

/// A snapshot, read from front to back.
pub struct SnapshotReader<'a> {
    journal: &'a Journal,
    stream: &'a Stream,
    row: SnapshotRow,
    /// Of the next piece.
    index: u32,
    /// Bytes read.
    seen: u64,
    damage: Option<String>,
}

impl SnapshotReader<'_> {
    /// The position of the last record that is in it.
    pub fn position(&self) -> u64 {
        self.row.position
    }

    /// The next piece, checked; `None` behind the last. The pieces are not those that were
    /// written, only their bytes are.
    ///
    /// # Errors
    /// [`JournalError::Damaged`], after which [`Journal::restore`] drops what was built, whatever
    /// comes of it; [`JournalError::Refused`].
    pub fn next_piece(&mut self) -> Result<Option<Vec<u8>>, JournalError> {
        let (row, index) = (self.row, self.index);
        let Shared { tail, readers, .. } = self.journal.shared();
        let held = (!row.ends_before(index)).then(|| tail.chunk(row.id, index)).flatten();
        let read = match held {
            Some(piece) => Ok(Some(piece)),
            None => readers.with(|connection| snapshot_chunk(connection, row, index)),
        };
        let read = read.and_then(|piece| {
            self.seen += piece.as_ref().map_or(0, |piece| piece.len() as u64);
            let is_whole = piece.is_some() || self.seen == self.row.bytes;
            if is_whole { Ok(piece) } else { Err(Fault::Damaged("its length differs".into())) }
        });
        self.index += 1;
        read.map_err(|fault| {
            if let Fault::Damaged(reason) = &fault {
                self.damage.get_or_insert_with(|| reason.clone());
            }
            to_error(self.journal, self.stream, self.row.position, fault)
        })
    }
}

fn to_error(journal: &Journal, stream: &Stream, position: u64, fault: Fault) -> JournalError {
    match fault {
        Fault::Damaged(reason) => {
            let stream = stream.name.clone();
            JournalError::Damaged(Damage::Snapshot { stream, position, reason })
        }
        Fault::Failed(error) => error.into_journal(&journal.shared().folder, "read"),
    }
}

/// A row of the table of snapshots.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SnapshotRow {
    pub(crate) id: u64,
    pub(crate) stream: u32,
    pub(crate) position: u64,
    pub(crate) bytes: u64,
    pub(crate) crc: u32,
}

impl SnapshotRow {
    /// Pieces of another one that was given up may lie behind its last.
    fn ends_before(&self, index: u32) -> bool {
        u64::from(index) * CHUNK_BYTES as u64 >= self.bytes
    }
}

impl From<Completed> for SnapshotRow {
    fn from(completed: Completed) -> Self {
        let Completed { snapshot: id, stream, position, bytes } = completed;
        let crc = crc("", &[id, u64::from(stream.0), position, bytes], &[]);
        Self { id, stream: stream.0, position, bytes, crc }
    }
}

/// The snapshots in the database, newest first.
pub(crate) fn snapshots(connection: &Connection) -> Result<Vec<SnapshotRow>, Fault> {
    let mut select = connection
        .prepare_cached("SELECT id, stream, position, bytes, crc FROM snapshot ORDER BY id DESC")?;
    let rows = select.query_map([], |row| {
        let [id, position, bytes] =
            [row.get::<_, i64>(0)?, row.get(2)?, row.get(3)?].map(|n| n as u64);
        Ok(SnapshotRow { id, stream: row.get(1)?, position, bytes, crc: row.get(4)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// A chunk of a snapshot, checked; `None` behind the last.
fn snapshot_chunk(
    connection: &Connection,
    row: SnapshotRow,
    index: u32,
) -> Result<Option<Vec<u8>>, Fault> {
    let SnapshotRow { id, stream, position, bytes, crc: stored } = row;
    if stored != crc("", &[id, u64::from(stream), position, bytes], &[]) {
        return Err(Fault::checksum());
    }
    if row.ends_before(index) {
        return Ok(None);
    }
    let id = chunk_id(id, index);
    let mut select =
        connection.prepare_cached("SELECT crc, payload FROM snapshot_chunk WHERE id=?1")?;
    let mut rows = select.query([id])?;
    let row = rows.next()?.ok_or_else(Fault::missing)?;
    let payload = row.get_ref(1)?.as_blob().map_err(|error| Fault::Damaged(error.to_string()))?;
    let is_whole = row.get::<_, u32>(0)? == crc("", &[id as u64], payload);
    if is_whole { Ok(Some(payload.to_vec())) } else { Err(Fault::checksum()) }
}

/// Reads a whole snapshot, to see whether it is damaged.
pub(crate) fn check_snapshot(connection: &Connection, row: SnapshotRow) -> Result<(), Fault> {
    let (mut index, mut seen) = (0, 0);
    while let Some(chunk) = snapshot_chunk(connection, row, index)? {
        seen += chunk.len() as u64;
        index += 1;
    }
    if seen == row.bytes { Ok(()) } else { Err(Fault::Damaged("its length differs".into())) }
}
