//! The log itself.

use crate::entry::verdict_bytes;
use crate::filter::{Matches, Words, searchable};
use crate::rate::Rate;
use crate::traces::{TraceId, Traces};
use crate::{Body, Entry, RouteVerdict, Row};
use std::collections::VecDeque;
use std::sync::Arc;
use twin_graph::Timestamp;

/// What an entry takes beside its texts and values: places in the log, in its trace and in the
/// matches of the last filter, and what the allocator adds. Measured, so that the memory of a log
/// that has long been full stays near its bound (64 MiB counted were 71 MiB resident when it was
/// first full, 77 MiB a million entries later).
const OVERHEAD_BYTES: usize = 600;

const TICKS_PER_MILLISECOND: f64 = 10_000.0;

/// How much a log keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Bytes of memory, about. The newest entry is kept whatever its size.
    pub max_bytes: usize,
}

impl Default for Options {
    /// 64 MiB.
    fn default() -> Self {
        Self { max_bytes: 64 << 20 }
    }
}

/// The newest entries, bounded by bytes.
pub struct EventLog {
    options: Options,
    pub(crate) kept: VecDeque<Kept>,
    /// The position of the front of `kept`.
    pub(crate) oldest: u64,
    bytes: usize,
    pub(crate) dropped: u64,
    traces: Traces,
    rate: Rate,
    /// What the last filter took; `None` where it took everything.
    pub(crate) matches: Option<Matches>,
}

pub(crate) struct Kept {
    /// The entry without its body.
    pub(crate) entry: Arc<Entry>,
    body: Body,
    trace: Option<TraceId>,
    searchable: Box<str>,
    bytes: usize,
}

impl EventLog {
    /// An empty log.
    pub fn new(options: Options) -> Self {
        Self {
            options,
            kept: VecDeque::new(),
            oldest: 1,
            bytes: 0,
            dropped: 0,
            traces: Traces::default(),
            rate: Rate::default(),
            matches: None,
        }
    }

    /// Takes an entry, and lets go of the oldest ones where it would be too much; answers its
    /// position.
    pub fn record(&mut self, mut entry: Entry) -> u64 {
        let position = self.next();
        let body = std::mem::take(&mut entry.body);
        let trace_id = entry.trace.trace_id();
        let searchable = searchable(&entry, &trace_id);
        let trace = TraceId::of_hex(&trace_id);
        let bytes = entry.bytes() + body.bytes() + searchable.len() + OVERHEAD_BYTES;
        self.rate.count(entry.time);
        if let Some(trace) = trace {
            self.traces.add(trace, position, entry.time);
        }
        self.bytes += bytes;
        self.kept.push_back(Kept { entry: Arc::new(entry), body, trace, searchable, bytes });
        self.evict();
        position
    }

    /// Counts observations that could not be kept because they came too fast.
    pub fn dropped(&mut self, count: u64) {
        self.dropped += count;
    }

    /// Says later what the routes did with an entry. `false` where it is no longer kept.
    pub fn set_verdicts(&mut self, position: u64, verdicts: Vec<RouteVerdict>) -> bool {
        let Some(index) = self.index(position) else { return false };
        let kept = &mut self.kept[index];
        let grown = verdict_bytes(&verdicts);
        let entry = Arc::make_mut(&mut kept.entry);
        let shrunk = verdict_bytes(&entry.verdicts);
        entry.verdicts = verdicts;
        kept.bytes = kept.bytes + grown - shrunk;
        self.bytes = self.bytes + grown - shrunk;
        self.evict();
        true
    }

    /// One entry with its body, while it is kept.
    pub fn event(&self, position: u64) -> Option<Row> {
        let index = self.index(position)?;
        let mut row = self.row(index);
        Arc::make_mut(&mut row.entry).body = self.kept[index].body.clone();
        Some(row)
    }

    /// What is kept of a trace (32 lower-case hex digits), oldest first and without
    /// bodies.
    pub fn trace(&self, trace_id: &str) -> Vec<Row> {
        let trace = TraceId::of_hex(trace_id).and_then(|id| self.traces.get(id));
        let positions = trace.into_iter().flat_map(|trace| &trace.positions);
        positions.filter_map(|position| self.row_at(*position)).collect()
    }

    /// How many entries happened in the last second before `now`, to 50 ms.
    pub fn rate(&self, now: Timestamp) -> f64 {
        self.rate.at(now)
    }

    /// How many bytes the log takes, about.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// An entry without its body.
    pub(crate) fn row_at(&self, position: u64) -> Option<Row> {
        self.index(position).map(|index| self.row(index))
    }

    fn row(&self, index: usize) -> Row {
        let kept = &self.kept[index];
        let position = self.oldest + index as u64;
        let first = kept.trace.and_then(|id| self.traces.get(id)).map(|trace| trace.first);
        let since = |(_, time): (u64, Timestamp)| {
            let ticks = kept.entry.time.ticks().saturating_sub(time.ticks());
            ticks.max(0) as f64 / TICKS_PER_MILLISECOND
        };
        let latency = first.filter(|(first, _)| *first != position).map(since);
        Row { position, latency, entry: kept.entry.clone() }
    }

    /// Brings the matches of the filter up to the newest entry; answers how many entries had to
    /// be compared. Another filter starts over.
    pub(crate) fn follow(&mut self, filter: &str) -> usize {
        let words = Words::new(filter);
        if words.is_empty() {
            self.matches = None;
            return 0;
        }
        let mut matches = match self.matches.take().filter(|matches| matches.words == words) {
            Some(matches) => matches,
            None => Matches::of(words),
        };
        matches.forget_before(self.oldest);
        let from = (matches.looked_at + 1).max(self.oldest);
        let new = (from - self.oldest) as usize..self.kept.len();
        for (position, kept) in (from..).zip(self.kept.range(new.clone())) {
            if matches.words.take(&kept.entry, &kept.searchable) {
                matches.positions.push_back(position);
            }
        }
        matches.looked_at = self.next() - 1;
        self.matches = Some(matches);
        new.len()
    }

    /// The position of the next entry.
    pub(crate) fn next(&self) -> u64 {
        self.oldest + self.kept.len() as u64
    }

    fn index(&self, position: u64) -> Option<usize> {
        let index = usize::try_from(position.checked_sub(self.oldest)?).ok()?;
        (index < self.kept.len()).then_some(index)
    }

    fn evict(&mut self) {
        while self.bytes > self.options.max_bytes && self.kept.len() > 1 {
            let Some(kept) = self.kept.pop_front() else { return };
            if let Some(trace) = kept.trace {
                self.traces.forget_oldest(trace);
            }
            self.bytes -= kept.bytes;
            self.oldest += 1;
        }
    }
}
