//! What waits for one endpoint.

use super::DirectEvent;
use crate::Meter;
use crate::delivery::Fate;
use adt_events::EventType2019;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use tokio::sync::Notify;

/// So many events wait for an endpoint at most, of so many bytes.
const MOST_WAITING: usize = 8_192;
const MOST_BYTES: usize = 24 << 20;
/// So many bytes are taken at once, but for one event that is larger. Together with those that wait
/// they are well below what [`crate::Backlog`] keeps.
const BYTES_AT_ONCE: usize = 8 << 20;
const QUEUE_FULL: &str = "more came than the endpoint took; its queue was full";

/// What waits for one endpoint.
pub(crate) struct Queue {
    node: Arc<str>,
    types: Mutex<Vec<EventType2019>>,
    waiting: Mutex<Waiting>,
    /// The last number that an earlier run of the program gave: those may be delivered already.
    earlier: u64,
    meter: Arc<Meter>,
    came: Notify,
}

#[derive(Default)]
struct Waiting {
    /// In the order of their numbers, with their bytes.
    events: VecDeque<(u64, DirectEvent, usize)>,
    bytes: usize,
    /// The endpoint pauses: what comes is dropped, for this reason.
    refuses: Option<&'static str>,
}

impl Waiting {
    /// Whether there is no room for so many bytes more. For one event there always is.
    fn is_full(&self, bytes: usize) -> bool {
        let large = !self.events.is_empty() && self.bytes + bytes > MOST_BYTES;
        large || self.events.len() >= MOST_WAITING
    }
}

impl Queue {
    /// With what an earlier run of the program left in it.
    pub(super) fn new(
        node: &str,
        meter: Arc<Meter>,
        left: Vec<(u64, DirectEvent, usize)>,
    ) -> Arc<Self> {
        let earlier = left.last().map_or(0, |(number, ..)| *number);
        let bytes = left.iter().map(|(.., bytes)| bytes).sum();
        Arc::new(Self {
            node: node.into(),
            types: Mutex::default(),
            waiting: Mutex::new(Waiting { events: left.into(), bytes, refuses: None }),
            earlier,
            meter,
            came: Notify::new(),
        })
    }

    pub(super) fn node(&self) -> &Arc<str> {
        &self.node
    }

    pub(super) fn takes(&self, of_type: EventType2019) -> bool {
        self.types.lock().contains(&of_type)
    }

    pub(crate) fn take_types(&self, types: &[EventType2019]) {
        *self.types.lock() = types.to_vec();
    }

    /// From now on drops what comes, for a reason, or does not any more.
    pub(crate) fn refuse(&self, reason: Option<&'static str>) {
        self.waiting.lock().refuses = reason;
    }

    /// Puts an event behind the others and keeps it, in this order; where it does not fit, or the
    /// endpoint pauses, it is dropped. Answers its number, and what `keep` did.
    pub(super) fn push<T>(
        &self,
        event: DirectEvent,
        bytes: usize,
        numbers: &AtomicU64,
        keep: impl FnOnce(u64) -> T,
    ) -> (u64, Option<T>) {
        let mut waiting = self.waiting.lock();
        let number = numbers.fetch_add(1, Relaxed) + 1;
        let refused = waiting.refuses.or_else(|| waiting.is_full(bytes).then_some(QUEUE_FULL));
        let kept = match refused {
            Some(reason) => {
                self.meter.direct_fates.except([(number, Fate::Dropped(reason))]);
                self.meter.give_up(reason, 1);
                None
            }
            None => {
                waiting.events.push_back((number, event, bytes));
                waiting.bytes += bytes;
                Some(keep(number))
            }
        };
        drop(waiting);
        self.came.notify_one();
        (number, kept)
    }

    /// The oldest events, at most so many.
    pub(crate) fn take(&self, most: usize) -> Vec<(u64, DirectEvent)> {
        let mut waiting = self.waiting.lock();
        let (mut some, mut bytes) = (Vec::new(), 0);
        while some.len() < most && bytes < BYTES_AT_ONCE {
            let Some((number, event, size)) = waiting.events.pop_front() else { break };
            bytes += size;
            some.push((number, event));
        }
        waiting.bytes -= bytes;
        some
    }

    /// Drops what waits, and answers the last number among it.
    pub(crate) fn give_up(&self, reason: &'static str) -> Option<u64> {
        let gone = {
            let mut waiting = self.waiting.lock();
            waiting.bytes = 0;
            std::mem::take(&mut waiting.events)
        };
        let numbers = gone.iter().map(|(number, ..)| (*number, Fate::Dropped(reason)));
        self.meter.direct_fates.except(numbers);
        self.meter.give_up(reason, gone.len() as u64);
        gone.back().map(|(number, ..)| *number)
    }

    /// How often an event may be there already: what another run took may be delivered.
    pub(crate) fn doubts(&self, number: u64) -> u64 {
        u64::from(number <= self.earlier)
    }

    /// Returns when an event may have come.
    pub(crate) async fn came(&self) {
        self.came.notified().await;
    }
}
