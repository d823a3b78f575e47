//! Events of 2019 that no change of the graph makes: messages of devices, and what functions send.
//!
//! They wait in a queue in memory for each endpoint that takes their type. A queue never makes
//! anybody wait: what does not fit is dropped and counted, as what comes in a pause is. Each event
//! has a number at an endpoint, by which its fate is known.

use crate::delivery::Fate;
use crate::{DeviceMessage, Flow, Meter, node_id};
use adt_events::{Event2019, EventType2019};
use parking_lot::{Mutex, RwLock};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use tokio::sync::Notify;

/// So many events wait for an endpoint at most.
const MOST_WAITING: usize = 8_192;
const QUEUE_FULL: &str = "more came than the endpoint took; its queue was full";
const ENDPOINT_GONE: &str = "the endpoint was taken away while they waited";

/// An event that is sent, not made of a change.
#[derive(Clone, Debug)]
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

/// The queues of all endpoints of 2019. They outlast a deploy, so that nothing is lost by one.
#[derive(Default)]
pub struct DirectEvents {
    queues: RwLock<BTreeMap<String, Arc<Queue>>>,
    /// The last number that an event got. All queues share them, so that a new endpoint under the
    /// name of an old one has others.
    numbers: AtomicU64,
}

impl DirectEvents {
    /// Gives an event to all endpoints that take its type. Never waits.
    pub fn send(&self, event: DirectEvent) -> Handed {
        self.give(&event, |_| {})
    }

    /// The same, counted on the wires that lead from a node to those endpoints.
    pub fn send_from(&self, node: &str, flow: &Flow, event: DirectEvent) -> Handed {
        self.give(&event, |to| flow.wire(node, to).events.add(1))
    }

    fn give(&self, event: &DirectEvent, count: impl Fn(&str)) -> Handed {
        let of_type = event.event_type();
        let queues = self.queues.read();
        let takers = queues.values().filter(|queue| queue.types.lock().contains(&of_type));
        let hand = |queue: &Arc<Queue>| {
            count(&queue.node);
            (queue.node.clone(), queue.push(event.clone(), &self.numbers))
        };
        takers.map(hand).collect()
    }

    /// Forgets the queues of endpoints that are no longer there; what waits in them is counted as
    /// dropped.
    pub fn retain(&self, endpoints: impl Fn(&str) -> bool) {
        self.queues.write().retain(|name, queue| {
            let stays = endpoints(name);
            if !stays {
                queue.give_up(ENDPOINT_GONE);
            }
            stays
        });
    }

    /// The program ends: drops what waits in all queues, with this reason. Answers the endpoints'
    /// nodes where something did.
    pub(crate) fn end(&self, reason: &'static str) -> Vec<Arc<str>> {
        let queues = self.queues.read();
        let lost = queues.values().filter(|queue| queue.give_up(reason) > 0);
        lost.map(|queue| queue.node.clone()).collect()
    }

    /// The queue of an endpoint, which from now on takes these types.
    pub(crate) fn queue(
        &self,
        endpoint: &str,
        types: &[EventType2019],
        meter: &Arc<Meter>,
    ) -> Arc<Queue> {
        let mut queues = self.queues.write();
        let queue = queues.entry(endpoint.to_owned()).or_insert_with(|| {
            meter.direct_fates.begin(self.numbers.load(Relaxed));
            Queue::new(&node_id("endpoints2019", endpoint), meter.clone())
        });
        *queue.types.lock() = types.to_vec();
        queue.clone()
    }
}

/// What waits for one endpoint.
pub(crate) struct Queue {
    node: Arc<str>,
    types: Mutex<Vec<EventType2019>>,
    /// In the order of their numbers.
    waiting: Mutex<VecDeque<(u64, DirectEvent)>>,
    meter: Arc<Meter>,
    came: Notify,
}

impl Queue {
    fn new(node: &str, meter: Arc<Meter>) -> Arc<Self> {
        Arc::new(Self {
            node: node.into(),
            types: Mutex::default(),
            waiting: Mutex::default(),
            meter,
            came: Notify::new(),
        })
    }

    fn push(&self, event: DirectEvent, numbers: &AtomicU64) -> u64 {
        let mut waiting = self.waiting.lock();
        let number = numbers.fetch_add(1, Relaxed) + 1;
        if waiting.len() < MOST_WAITING {
            waiting.push_back((number, event));
            drop(waiting);
            self.came.notify_one();
        } else {
            drop(waiting);
            self.meter.direct_fates.except([(number, Fate::Dropped(QUEUE_FULL))]);
            self.meter.give_up(QUEUE_FULL, 1);
        }
        number
    }

    /// The oldest events, at most so many.
    pub(crate) fn take(&self, most: usize) -> Vec<(u64, DirectEvent)> {
        let mut waiting = self.waiting.lock();
        let some = waiting.len().min(most);
        waiting.drain(..some).collect()
    }

    /// Drops what waits, and answers how much that was.
    pub(crate) fn give_up(&self, reason: &'static str) -> usize {
        let gone = std::mem::take(&mut *self.waiting.lock());
        let numbers = gone.iter().map(|(number, _)| (*number, Fate::Dropped(reason)));
        self.meter.direct_fates.except(numbers);
        self.meter.give_up(reason, gone.len() as u64);
        gone.len()
    }

    /// Returns when an event may have come.
    pub(crate) async fn came(&self) {
        self.came.notified().await;
    }
}
