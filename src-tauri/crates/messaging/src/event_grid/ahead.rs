//! The newest events of a topic, for a subscription that keeps up with it.

use super::event::Event;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;

/// Past these the oldest go; they are in the journal.
const MOST_EVENTS: usize = 4_096;
const MOST_BYTES: usize = 4 << 20;

/// An event at its position in the topic's stream.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    pub(super) position: u64,
    pub(super) event: Arc<Event>,
    /// How long its record is.
    pub(super) bytes: usize,
}

/// What was made durable a moment ago: whoever keeps up need not read it back and parse it again.
#[derive(Debug, Default)]
pub(super) struct Ahead(Mutex<Queue>);

#[derive(Debug, Default)]
struct Queue {
    events: VecDeque<Placed>,
    bytes: usize,
}

impl Ahead {
    /// Takes events that are durable now.
    pub(super) fn push(&self, events: &[Placed]) {
        let mut queue = self.0.lock();
        queue.bytes += events.iter().map(|placed| placed.bytes).sum::<usize>();
        queue.events.extend(events.iter().cloned());
        while queue.events.len() > MOST_EVENTS || queue.bytes > MOST_BYTES {
            if queue.pop().is_none() {
                break;
            }
        }
    }

    /// The events from a position on, without a gap and at most `most`; `None` where they are not
    /// here. What stands before them is forgotten.
    pub(super) fn take(&self, from: u64, most: usize) -> Option<Vec<Placed>> {
        let mut queue = self.0.lock();
        while queue.next_position().is_some_and(|position| position < from) {
            queue.pop();
        }
        let mut taken = Vec::new();
        while taken.len() < most && queue.next_position() == Some(from + taken.len() as u64) {
            taken.extend(queue.pop());
        }
        (!taken.is_empty()).then_some(taken)
    }
}

impl Queue {
    fn next_position(&self) -> Option<u64> {
        self.events.front().map(|placed| placed.position)
    }

    fn pop(&mut self) -> Option<Placed> {
        let placed = self.events.pop_front()?;
        self.bytes -= placed.bytes;
        Some(placed)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::event_grid::Schema;
    use proptest::prelude::*;

    fn placed(positions: impl IntoIterator<Item = u64>, bytes: usize) -> Vec<Placed> {
        let event = Event {
            schema: Schema::EventGridSchema,
            published: 0,
            json: serde_json::from_str("{}").unwrap(),
        };
        let event = Arc::new(event);
        let place = |position| Placed { position, event: event.clone(), bytes };
        positions.into_iter().map(place).collect()
    }

    fn positions(taken: Option<Vec<Placed>>) -> Option<Vec<u64>> {
        taken.map(|taken| taken.iter().map(|placed| placed.position).collect())
    }

    #[test]
    fn it_gives_what_follows_without_a_gap() {
        let ahead = Ahead::default();
        assert_eq!(positions(ahead.take(1, 10)), None);
        ahead.push(&placed([3, 4, 5, 7], 1));
        assert_eq!(positions(ahead.take(2, 10)), None, "the first is to be read elsewhere");
        assert_eq!(positions(ahead.take(3, 2)), Some(vec![3, 4]));
        assert_eq!(positions(ahead.take(5, 10)), Some(vec![5]));
        assert_eq!(positions(ahead.take(6, 10)), None);
        assert_eq!(positions(ahead.take(7, 10)), Some(vec![7]));
    }

    #[test]
    fn what_is_too_much_goes_from_the_front() {
        let ahead = Ahead::default();
        ahead.push(&placed(1..=3, MOST_BYTES / 2));
        assert_eq!(positions(ahead.take(1, 10)), None);
        assert_eq!(positions(ahead.take(2, 10)), Some(vec![2, 3]));
        ahead.push(&placed(4..4 + MOST_EVENTS as u64 + 1, 1));
        assert_eq!(positions(ahead.take(4, 1)), None);
        assert_eq!(positions(ahead.take(5, 1)), Some(vec![5]));
    }

    proptest! {
        /// In whatever order they come: a reader that reads the rest elsewhere gets each once.
        #[test]
        fn nothing_is_given_twice_or_out_of_order(
            lots in prop::collection::vec((1_u64..40, 0_u64..6), 0..20),
            reads in prop::collection::vec(1_usize..8, 0..20),
        ) {
            let ahead = Ahead::default();
            for (first, count) in lots {
                ahead.push(&placed(first..first + count, 1));
            }
            let mut next = 1;
            for most in reads {
                for position in positions(ahead.take(next, most)).unwrap_or(vec![next]) {
                    prop_assert_eq!(position, next);
                    next += 1;
                }
            }
        }
    }
}
