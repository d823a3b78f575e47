//! Which entries belong to a trace.

use std::collections::{HashMap, VecDeque};
use twin_graph::Timestamp;

/// A trace id as a number, a quarter of its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TraceId(u128);

impl TraceId {
    /// The id of 32 hex digits.
    pub(crate) fn of_hex(digits: &str) -> Option<Self> {
        u128::from_str_radix(digits, 16).ok().map(Self)
    }
}

/// Positions by trace.
#[derive(Default)]
pub(crate) struct Traces(HashMap<TraceId, Trace>);

/// The entries of one trace.
pub(crate) struct Trace {
    /// The position and the time of its first entry, which may be evicted by now.
    pub(crate) first: (u64, Timestamp),
    /// What is kept of it, ascending.
    pub(crate) positions: VecDeque<u64>,
}

impl Traces {
    pub(crate) fn get(&self, id: TraceId) -> Option<&Trace> {
        self.0.get(&id)
    }

    pub(crate) fn add(&mut self, id: TraceId, position: u64, time: Timestamp) {
        let begun = || Trace { first: (position, time), positions: VecDeque::new() };
        self.0.entry(id).or_insert_with(begun).positions.push_back(position);
    }

    /// Forgets the oldest position of a trace; with the last one the trace.
    pub(crate) fn forget_oldest(&mut self, id: TraceId) {
        if let Some(trace) = self.0.get_mut(&id) {
            trace.positions.pop_front();
            if trace.positions.is_empty() {
                self.0.remove(&id);
            }
        }
    }
}
