//! What the I/O thread asks of the store under it, one step at a time.
//!
//! The trait is there for tests: wrap the real store (see [`crate::Journal::open_with`]) and
//! refuse, stall or fill the disk at any step.

use crate::{StoreError, StreamId};

/// One transaction at a time, on one thread.
pub trait Store: Send {
    /// Starts a transaction.
    ///
    /// # Errors
    /// When the store cannot; so for every step.
    fn begin(&mut self) -> Result<(), StoreError>;
    /// Makes one write in the transaction.
    ///
    /// # Errors
    /// See [`Store::begin`]; the transaction is then rolled back.
    fn write(&mut self, write: &Write<'_>) -> Result<(), StoreError>;
    /// Makes the transaction durable: returns after the fsync.
    ///
    /// # Errors
    /// See [`Store::begin`]; nothing of the transaction may then be readable.
    fn commit(&mut self) -> Result<(), StoreError>;
    /// Forgets the transaction, if there is one.
    fn rollback(&mut self);
    /// Between commits: begins the log anew where it is long, and has what it held moved into the
    /// database beside the commits that follow.
    fn turn(&mut self);
    /// Moves everything into the database and removes the log. There is no transaction after it.
    ///
    /// # Errors
    /// See [`Store::begin`]; the log stays, for the next open.
    fn close(&mut self) -> Result<(), StoreError>;
    /// How much the log holds since it began anew, in bytes.
    fn log_bytes(&self) -> u64;
    /// How often the log was moved into the database.
    fn moved(&self) -> u64;
}

/// One write.
#[derive(Debug)]
pub enum Write<'a> {
    /// Creates a stream, empty.
    Stream {
        /// Its number: one more than the last.
        stream: StreamId,
        /// Its name.
        name: &'a str,
    },
    /// Appends records.
    Records {
        /// Where.
        stream: StreamId,
        /// The position of the first.
        first: u64,
        /// When, in milliseconds since 1970.
        at: i64,
        /// The records.
        payloads: &'a [Vec<u8>],
    },
    /// Deletes the records before a position.
    Trim {
        /// Where.
        stream: StreamId,
        /// The first position that stays.
        before: u64,
    },
    /// Says what a stream holds now.
    Extent {
        /// Which.
        stream: StreamId,
        /// What it holds.
        extent: Extent,
    },
    /// Moves a cursor.
    Cursor {
        /// Its name.
        name: &'a str,
        /// Over which stream.
        stream: StreamId,
        /// To where.
        position: u64,
    },
    /// Puts a named value.
    Value {
        /// Its key.
        key: &'a str,
        /// The value.
        payload: &'a [u8],
    },
    /// A piece of a snapshot that is not there until [`Write::Snapshot`] says so.
    SnapshotChunk {
        /// The snapshot's number.
        snapshot: u64,
        /// Which piece, from 0.
        index: u32,
        /// The piece.
        payload: &'a [u8],
    },
    /// Completes a snapshot whose chunks have all been written, and drops all but the newest two.
    Snapshot {
        /// The snapshot's number.
        snapshot: u64,
        /// Of which stream.
        stream: StreamId,
        /// The position it stands for.
        position: u64,
        /// Its length in bytes.
        bytes: u64,
    },
    /// Writes nothing new: it overwrites what a refused commit may have left in the log.
    Mark,
}

/// What a stream holds: positions `first..=head`, together `bytes` of payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// The first position kept; `head + 1` when nothing is.
    pub first: u64,
    /// The last position given, 0 before the first.
    pub head: u64,
    /// The payloads' bytes.
    pub bytes: u64,
}

impl Extent {
    pub(crate) const EMPTY: Self = Self { first: 1, head: 0, bytes: 0 };
}

/// A record without its payload.
#[derive(Debug, Clone, Copy)]
pub struct Kept {
    /// Its position.
    pub position: u64,
    /// When it was appended, in milliseconds since 1970.
    pub at: i64,
    /// Its payload's length.
    pub bytes: u64,
}
