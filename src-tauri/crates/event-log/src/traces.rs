//! Which entries belong to a trace.

use std::collections::{HashMap, VecDeque};
use twin_graph::Timestamp;

/// Positions by trace id (32 lower-case hex digits).
#[derive(Default)]
pub(crate) struct Traces(HashMap<Box<str>, Trace>);

/// The entries of one trace.
pub(crate) struct Trace {
    /// The position and the time of its first entry, which may be evicted by now.
    pub(crate) first: (u64, Timestamp),
    /// What is kept of it, ascending.
    pub(crate) positions: VecDeque<u64>,
}

impl Traces {
    pub(crate) fn get(&self, id: &str) -> Option<&Trace> {
        self.0.get(id)
    }

    pub(crate) fn add(&mut self, id: &str, position: u64, time: Timestamp) {
        if let Some(trace) = self.0.get_mut(id) {
            trace.positions.push_back(position);
            return;
        }
        let trace = Trace { first: (position, time), positions: VecDeque::from([position]) };
        self.0.insert(id.into(), trace);
    }

    /// Forgets the oldest position of a trace; with the last one the trace.
    pub(crate) fn forget_oldest(&mut self, id: &str) {
        if let Some(trace) = self.0.get_mut(id) {
            trace.positions.pop_front();
            if trace.positions.is_empty() {
                self.0.remove(id);
            }
        }
    }
}
