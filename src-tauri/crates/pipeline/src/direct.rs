//! Events of 2019 that no change of the graph makes: messages of devices, and what functions send.
//!
//! They wait in a queue for each endpoint that takes their type. What is in a queue is in a backlog,
//! too, so that a kill loses none of it. A queue never makes anybody wait: what does not fit is
//! dropped and counted, as what comes in a pause is. Each event has a number at an endpoint, by
//! which its fate is known.

mod queue;
mod record;

pub(crate) use queue::Queue;

use crate::delivery::Fate;
use crate::surroundings::{Backlog, Durable};
use crate::{DeviceMessage, Flow, Meter, node_id};
use adt_events::{Event2019, EventType2019};
use parking_lot::{Mutex, RwLock};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

const ENDPOINT_GONE: &str = "the endpoint was taken away while they waited";
const UNREADABLE: &str = "what was kept of it cannot be read";

/// An event that is sent, not made of a change.
#[derive(Clone, Debug, PartialEq)]
pub enum DirectEvent {
    /// A message of a device, raw.
    DeviceMessage(Arc<DeviceMessage>),
    /// What a function sends: see [`Event2019::of_function`].
    UdfCustom(Arc<Event2019>),
}

impl DirectEvent {
    fn event_type(&self) -> EventType2019 {
        match self {
            Self::DeviceMessage(_) => EventType2019::DeviceMessage,
            Self::UdfCustom(_) => EventType2019::UdfCustom,
        }
    }
}

/// The endpoints that an event was handed to, by node and number.
pub type Handed = Box<[(Arc<str>, u64)]>;

/// An event that was handed to endpoints.
pub struct Sent {
    /// To which.
    pub handed: Handed,
    /// Whether it outlasts a kill.
    pub kept: Keeping,
}

/// An event that is being kept.
#[must_use = "whoever lets go of the event waits for this"]
pub struct Keeping(Vec<Durable>);

impl Keeping {
    /// Returns when a kill cannot take the event any more.
    ///
    /// # Errors
    /// A sentence, where it could not be kept. It waits in memory all the same.
    pub async fn done(self) -> Result<(), String> {
        for durable in self.0 {
            durable.await?;
        }
        Ok(())
    }
}

/// The queues of all endpoints of 2019. They outlast a deploy, so that nothing is lost by one.
pub struct DirectEvents {
    queues: RwLock<BTreeMap<String, Arc<Queue>>>,
    /// The last number that an event got. All queues share them, so that a new endpoint under the
    /// name of an old one has others.
    numbers: AtomicU64,
    /// The last number at the end of an endpoint that was taken away, by its name: what was kept for
    /// it is forgotten soon, and not at once.
    gone: Mutex<BTreeMap<String, u64>>,
    backlog: Arc<dyn Backlog>,
}

impl DirectEvents {
    /// Without queues, which come with their endpoints and what the backlog has for them.
    pub fn new(backlog: Arc<dyn Backlog>) -> Self {
        Self {
            queues: RwLock::default(),
            numbers: AtomicU64::new(0),
            gone: Mutex::default(),
            backlog,
        }
    }

    /// Gives an event to all endpoints that take its type. Never waits.
    pub fn send(&self, event: &DirectEvent) -> Sent {
        self.give(event, |_| {})
    }

    /// The same, counted on the wires that lead from a node to those endpoints.
    pub fn send_from(&self, node: &str, flow: &Flow, event: &DirectEvent) -> Sent {
        self.give(event, |to| flow.wire(node, to).events.add(1))
    }

    fn give(&self, event: &DirectEvent, count: impl Fn(&str)) -> Sent {
        let of_type = event.event_type();
        let queues = self.queues.read();
        let takers = queues.iter().filter(|(_, queue)| queue.takes(of_type));
        let (mut handed, mut kept, mut text) = (Vec::new(), Vec::new(), None);
        for (name, queue) in takers {
            count(queue.node());
            let text = text.get_or_insert_with(|| record::text(event));
            let keep = |number| self.backlog.append(name, record::of(number, text));
            let (number, durable) = queue.push(event.clone(), text.len(), &self.numbers, keep);
            handed.push((queue.node().clone(), number));
            kept.extend(durable);
        }
        Sent { handed: handed.into(), kept: Keeping(kept) }
    }

    /// Forgets the queues of endpoints that are no longer there; what waits in them is counted as
    /// dropped.
    pub fn retain(&self, endpoints: impl Fn(&str) -> bool) {
        self.queues.write().retain(|name, queue| {
            let stays = endpoints(name);
            if !stays {
                queue.give_up(ENDPOINT_GONE);
                self.backlog.forget(name);
                self.gone.lock().insert(name.clone(), self.numbers.load(Relaxed));
            }
            stays
        });
    }

    /// The number behind which a new endpoint of this name begins. What is kept under it by an
    /// earlier run of the program is its own: it was killed before it could say that it began.
    pub(crate) fn begins(&self, endpoint: &str) -> u64 {
        self.gone.lock().get(endpoint).copied().unwrap_or_default()
    }

    /// The queue of an endpoint, which from now on takes these types. Where it is not there yet, it
    /// is with what the backlog has behind `done`, the last number that the endpoint is done with.
    pub(crate) fn queue(
        &self,
        endpoint: &str,
        types: &[EventType2019],
        meter: &Arc<Meter>,
        done: u64,
    ) -> Arc<Queue> {
        let mut queues = self.queues.write();
        let queue = queues.entry(endpoint.to_owned()).or_insert_with(|| {
            meter.direct_fates.begin(done);
            let left = self.left(endpoint, meter, done);
            Queue::new(&node_id("endpoints2019", endpoint), meter.clone(), left)
        });
        queue.take_types(types);
        queue.clone()
    }

    /// What the backlog has for an endpoint behind `done`; what cannot be read of it is dropped.
    fn left(&self, endpoint: &str, meter: &Meter, done: u64) -> Vec<(u64, DirectEvent, usize)> {
        let mut left = Vec::new();
        for record in self.backlog.load(endpoint) {
            let Some(number) = record::number(&record).filter(|number| *number > done) else {
                continue;
            };
            self.numbers.fetch_max(number, Relaxed);
            if let Some(event) = record::read(&record) {
                left.push(event);
            } else {
                meter.direct_fates.except([(number, Fate::Dropped(UNREADABLE))]);
                meter.give_up(UNREADABLE, 1);
            }
        }
        left
    }
}
