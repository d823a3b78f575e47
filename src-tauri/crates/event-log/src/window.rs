//! What a view of the log shows.

use crate::{Entry, EventLog};
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use twin_graph::Timestamp;

/// Which window of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WindowRequest {
    /// Words that must all occur in label, subject, changes, note, trace id or cause, without
    /// regard to case; `about:ID` for a whole id; `route:NAME`, `endpoint:NAME`, `function:NAME`,
    /// `source:NAME`, `subscription:NAME` and `sink:NAME` for what went through that node of the
    /// topology, or was led to it.
    /// Empty for everything.
    pub filter: String,
    /// The newest position to look at: where the view was paused. `None` for live.
    pub until: Option<u64>,
    /// How many matching rows to pass over, newest first.
    pub offset: u32,
    /// How many rows, at most.
    pub limit: u32,
}

/// A window of the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// The rows, newest first.
    pub rows: Vec<Row>,
    /// How many rows match, up to `until`.
    pub matched: u32,
    /// How many rows are kept, up to `until`: what `matched` is out of.
    pub scanned: u32,
    /// When the oldest row that is kept happened.
    pub first_time: Option<Timestamp>,
    /// The newest position there is; 0 where there never was one.
    pub newest: u64,
    /// Matching rows after `until`.
    pub newer: u32,
    /// Rows that the bounded log let go of, oldest first.
    pub evicted: u64,
    /// Observations that never reached the log.
    pub dropped: u64,
    /// How many rows this pull had to compare with the filter: after the first pull of a filter
    /// only what is new.
    pub compared: u32,
}

/// An entry in its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Its position: from 1, one more with each entry.
    pub position: u64,
    /// Milliseconds since the first entry of its trace; `None` for that first one.
    pub latency: Option<f64>,
    /// The entry; it has no body but from [`EventLog::event`].
    pub entry: Arc<Entry>,
}

impl EventLog {
    /// A window of the rows that the filter takes, newest first. The matches of the last filter
    /// are remembered, so that pulling again compares only what is new.
    pub fn window(&mut self, request: &WindowRequest) -> Window {
        let compared = self.follow(&request.filter);
        let newest = self.next() - 1;
        let until = request.until.unwrap_or(newest).min(newest);
        let taken = match &self.matches {
            Some(matches) => Taken::Some(&matches.positions),
            None => Taken::All(self.oldest..self.next()),
        };
        let matched = taken.up_to(until);
        let last = matched.saturating_sub(request.offset as usize);
        let first = last.saturating_sub(request.limit as usize);
        let rows =
            (first..last).rev().filter_map(|nth| self.row_at(taken.position(nth)?)).collect();
        Window {
            rows,
            matched: small(matched),
            scanned: small((until + 1).saturating_sub(self.oldest) as usize),
            first_time: self.kept.front().map(|kept| kept.entry.time),
            newest,
            newer: small(taken.count() - matched),
            evicted: self.oldest - 1,
            dropped: self.dropped,
            compared: small(compared),
        }
    }
}

/// The positions that a filter takes, ascending.
enum Taken<'m> {
    All(Range<u64>),
    Some(&'m VecDeque<u64>),
}

impl Taken<'_> {
    fn count(&self) -> usize {
        match self {
            Self::All(range) => (range.end - range.start) as usize,
            Self::Some(positions) => positions.len(),
        }
    }

    /// How many are at most `until`.
    fn up_to(&self, until: u64) -> usize {
        match self {
            Self::All(range) => (until + 1).saturating_sub(range.start) as usize,
            Self::Some(positions) => positions.partition_point(|position| *position <= until),
        }
    }

    fn position(&self, nth: usize) -> Option<u64> {
        match self {
            Self::All(range) => Some(range.start + nth as u64),
            Self::Some(positions) => positions.get(nth).copied(),
        }
    }
}

fn small(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
