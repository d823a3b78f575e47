//! Counters for whoever watches.

use std::time::Duration;

/// What the journal has done since it was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Transactions committed, the journal's own (snapshot pieces, trims) included.
    pub commits: u64,
    /// Commits that were refused.
    pub refused: u64,
    /// Records appended and durable.
    pub records: u64,
    /// Their payloads' bytes.
    pub bytes: u64,
    /// The median of the last 1,000 commits' commit (the log's write and fsync), in microseconds.
    pub fsync_p50_us: u32,
    /// The same, 99th percentile.
    pub fsync_p99_us: u32,
    /// Bytes queued or being committed now.
    pub queued_bytes: usize,
    /// What the log held after the last commit, since it began anew, in bytes; its file may be
    /// longer.
    pub log_bytes: u64,
    /// How often the log was moved into the database.
    pub moved: u64,
}

const WINDOW: usize = 1_000;

#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) stats: Stats,
    last: Vec<u32>,
    next: usize,
}

impl Counters {
    pub(crate) fn commit(&mut self, took: Duration) {
        let micros = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
        self.stats.commits += 1;
        if self.last.len() < WINDOW {
            self.last.push(micros);
        } else {
            self.last[self.next] = micros;
            self.next = (self.next + 1) % WINDOW;
        }
    }

    pub(crate) fn stats(&self) -> Stats {
        let mut sorted = self.last.clone();
        sorted.sort_unstable();
        let at = |percent: usize| sorted.get(sorted.len() * percent / 100).copied().unwrap_or(0);
        Stats { fsync_p50_us: at(50), fsync_p99_us: at(99), ..self.stats }
    }
}
