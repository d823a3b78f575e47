//! Several writes that are one unit.

use crate::{JournalError, MAX_RECORD_BYTES, StreamId};

/// Appends, cursors and values that become durable together or not at all.
///
/// ```
/// # fn main() -> Result<(), journal::JournalError> {
/// # let folder = tempfile::tempdir().unwrap();
/// # let journal = journal::Journal::open(folder.path(), journal::Options::default())?;
/// let twins = journal.stream("twins")?;
/// let batch = journal::Batch::new()
///     .append(twins, vec![b"a change".to_vec()])
///     .value("workspace.version", b"17".to_vec());
/// assert_eq!(journal.commit(batch).wait()?, 1..2);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
pub struct Batch {
    pub(crate) appends: Vec<(StreamId, Vec<Vec<u8>>)>,
    pub(crate) cursors: Vec<(String, StreamId, u64)>,
    pub(crate) values: Vec<(String, Vec<u8>)>,
}

impl Batch {
    /// An empty batch.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends records to a stream. The answer carries the positions of the first append.
    #[must_use]
    pub fn append(mut self, stream: StreamId, records: Vec<Vec<u8>>) -> Self {
        self.appends.push((stream, records));
        self
    }

    /// Moves a cursor with the batch: exactly once, unlike [`crate::Journal::set_cursor`].
    #[must_use]
    pub fn cursor(mut self, name: impl Into<String>, stream: StreamId, position: u64) -> Self {
        self.cursors.push((name.into(), stream, position));
        self
    }

    /// Puts a named value.
    #[must_use]
    pub fn value(mut self, key: impl Into<String>, payload: Vec<u8>) -> Self {
        self.values.push((key.into(), payload));
        self
    }

    /// What it takes in the queue, in bytes.
    pub(crate) fn cost(&self) -> usize {
        const EACH: usize = 64;
        let records: usize = self.appends.iter().flat_map(|(_, r)| r).map(|r| r.len() + EACH).sum();
        let cursors: usize = self.cursors.iter().map(|(name, ..)| name.len() + EACH).sum();
        let values: usize = self.values.iter().map(|(key, p)| key.len() + p.len() + EACH).sum();
        EACH + records + cursors + values
    }

    pub(crate) fn check(&self, streams: u32) -> Result<(), JournalError> {
        let named =
            self.appends.iter().map(|(s, _)| s).chain(self.cursors.iter().map(|(_, s, _)| s));
        if let Some(unknown) = named.copied().find(|s| s.0 == 0 || s.0 > streams) {
            return Err(JournalError::UnknownStream(unknown.0));
        }
        let payloads =
            self.appends.iter().flat_map(|(_, r)| r).chain(self.values.iter().map(|(_, p)| p));
        match payloads.map(Vec::len).find(|&bytes| bytes > MAX_RECORD_BYTES) {
            Some(bytes) => Err(JournalError::TooLarge { bytes, limit: MAX_RECORD_BYTES }),
            None => Ok(()),
        }
    }
}
