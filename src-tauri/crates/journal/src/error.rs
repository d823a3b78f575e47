//! What can go wrong, said in sentences that name the place and the way out.

use std::{io, path::PathBuf, sync::Arc};

use thiserror::Error;

/// An error of the journal. Cheap to clone: one failed commit answers everybody who shared it.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum JournalError {
    /// Another program (or another `Journal` in this one) has the folder open.
    #[error("the data folder {} is in use by {}: close that program, or attach to it", folder.display(), process(*pid))]
    Locked {
        /// The process that holds the lock, where it could be read.
        pid: Option<u32>,
        /// The data folder.
        folder: PathBuf,
    },
    /// The folder cannot be created or written.
    #[error("the data folder {} cannot be created or written ({source}): choose another folder, or change its permissions", folder.display())]
    NotWritable {
        /// The data folder.
        folder: PathBuf,
        /// What the operating system said.
        source: Arc<io::Error>,
    },
    /// The journal was written by a newer program.
    #[error("the journal in {} has format {found}, this program knows up to {known}: use the newer program", folder.display())]
    Newer {
        /// The data folder.
        folder: PathBuf,
        /// The format found.
        found: u32,
        /// The newest format this program reads.
        known: u32,
    },
    /// The file's own structure, or the list of streams in it, cannot be read.
    #[error("the journal in {} cannot be read ({reason}): restore a copy of the folder", folder.display())]
    Unreadable {
        /// The data folder.
        folder: PathBuf,
        /// What was found.
        reason: String,
    },
    /// The write-ahead log is damaged before commits that were acknowledged.
    #[error(
        "the log {} is damaged after {intact} bytes and acknowledged commits follow: \
         restore a copy of the folder, or open with Options::accept_loss to go on without them", file.display()
    )]
    DamagedLog {
        /// The write-ahead log.
        file: PathBuf,
        /// Bytes before the damage, all of them whole commits.
        intact: u64,
    },
    /// Something kept is damaged; it is never handed out as data.
    #[error(
        "{0}: restore a copy of the folder, or open with Options::accept_loss to go on without it"
    )]
    Damaged(Damage),
    /// The disk is full. Nothing of the commit is kept; later ones work again when there is room.
    #[error("the disk that holds {} is full, nothing was saved: free some space and try again", folder.display())]
    DiskFull {
        /// The data folder.
        folder: PathBuf,
    },
    /// The store refused a commit or a read. Nothing of a refused commit is kept.
    #[error("the journal in {} could not {doing} ({reason}): check the disk and try again", folder.display())]
    Refused {
        /// The data folder.
        folder: PathBuf,
        /// What was being done: "save", "read".
        doing: &'static str,
        /// What the store said.
        reason: String,
    },
    /// A record, value or chunk is larger than [`crate::MAX_RECORD_BYTES`].
    #[error("a record or value of {bytes} bytes is over the limit of {limit}: split it")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The stream is not one of this journal's.
    #[error("stream number {0} is not in this journal: ask for it with Journal::stream")]
    UnknownStream(u32),
    /// A snapshot stands for records that its stream does not have.
    #[error(
        "a snapshot at position {position} of a stream that ends at {head}: append the records first"
    )]
    BeyondHead {
        /// The position it was to stand for.
        position: u64,
        /// The stream's last durable position.
        head: u64,
    },
    /// A callback of [`crate::Append::on_done`] tried to wait for the thread that it runs on.
    #[error("a callback of the journal waited for the journal: hand the work to another thread")]
    InCallback,
    /// The journal was closed before this became durable.
    #[error("the journal was closed before this was saved: open it again")]
    Closed,
}

fn process(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".into(), |pid| format!("process {pid}"))
}

/// Something damaged, with its place.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Damage {
    /// Records `first..=last` of a stream.
    #[error("records {first} to {last} of stream \"{stream}\" are damaged ({reason})")]
    Records {
        /// The stream's name.
        stream: String,
        /// The first damaged position.
        first: u64,
        /// The last damaged position.
        last: u64,
        /// What was found.
        reason: String,
    },
    /// A snapshot of a stream.
    #[error("the snapshot of stream \"{stream}\" at position {position} is damaged ({reason})")]
    Snapshot {
        /// The stream's name.
        stream: String,
        /// The position the snapshot stands for.
        position: u64,
        /// What was found.
        reason: String,
    },
    /// A named value.
    #[error("the value \"{key}\" is damaged ({reason})")]
    Value {
        /// The value's key.
        key: String,
        /// What was found.
        reason: String,
    },
    /// A cursor. It is forgotten, so its owner starts again: delivery is at least once.
    #[error("the cursor \"{name}\" is damaged ({reason})")]
    Cursor {
        /// The cursor's name.
        name: String,
        /// What was found.
        reason: String,
    },
}

/// What a [`crate::store::Store`] says when it cannot do a step.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StoreError {
    /// No room on the disk (ENOSPC, SQLITE_FULL).
    #[error("no room on the disk")]
    Full,
    /// Anything else, in the store's words.
    #[error("{0}")]
    Failed(String),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => Self::Full,
            _ => Self::Failed(error.to_string()),
        }
    }
}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Failed(error.to_string()),
        }
    }
}

impl StoreError {
    pub(crate) fn into_journal(
        self,
        folder: &std::path::Path,
        doing: &'static str,
    ) -> JournalError {
        let folder = folder.to_owned();
        match self {
            Self::Full => JournalError::DiskFull { folder },
            Self::Failed(reason) => JournalError::Refused { folder, doing, reason },
        }
    }
}
