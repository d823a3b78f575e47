//! The plain types of the interface.

use std::time::Duration;

/// The largest record or value, in bytes. Snapshots may be larger.
pub const MAX_RECORD_BYTES: usize = 64 << 20;

/// How a journal is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// Appends block while this many bytes are queued or being committed. 64 MiB.
    pub max_queued_bytes: usize,
    /// The log is moved into the database when it is longer than this. Twice as much, as a rule, is
    /// in memory and read again after a crash. 2 MiB: meanwhile commits wait for a busy disk and all
    /// else for the processors, so moves are to be short, and each has its syncs.
    pub log_bytes: u64,
    /// About how many bytes of each stream's newest records open checks; older ones are checked
    /// when they are read. 32 MiB.
    pub verify_bytes: u64,
    /// Check everything, give up what is damaged for good, and go on without it. What was given up
    /// is in [`crate::Recovery`]. Off.
    pub accept_loss: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_queued_bytes: 64 << 20,
            log_bytes: 2 << 20,
            verify_bytes: 32 << 20,
            accept_loss: false,
        }
    }
}

/// A record, as it was appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its position in its stream: 1, 2, 3 …
    pub position: u64,
    /// What was appended.
    pub payload: Vec<u8>,
}

/// How long a stream keeps its records. What is over either limit goes, oldest first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Retention {
    /// Records older than this go.
    pub max_age: Option<Duration>,
    /// The oldest go while the payloads are more than this many bytes.
    pub max_bytes: Option<u64>,
}
