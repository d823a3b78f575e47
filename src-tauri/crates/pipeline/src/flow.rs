//! What flows: counters and states of every node and wire, which readers may ask for at any time.

use crate::delivery::{Fate, Fates};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use ts_rs::TS;
use twin_graph::Timestamp;

/// The node that all others stand around.
pub const INSTANCE: &str = "instance";

/// The id of a node: `endpoints/eg-twins`.
pub fn node_id(part: &str, name: &str) -> String {
    format!("{part}/{name}")
}

/// How a node does.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum NodeState {
    /// Nothing came yet.
    #[default]
    Idle,
    /// As it should be.
    Healthy,
    /// New: it takes its first events then.
    Provisioning {
        /// When that ends.
        #[ts(type = "string")]
        until: Timestamp,
    },
    /// The primary key was refused, the secondary works.
    SecondaryKey,
    /// What failed is tried again.
    Retrying {
        /// Which attempt is next.
        attempt: u32,
        /// When.
        #[ts(type = "string")]
        at: Timestamp,
    },
    /// By the rules of 2019: events are dropped until then.
    Paused {
        /// When that ends.
        #[ts(type = "string")]
        until: Timestamp,
    },
    /// What cannot be delivered goes to the dead letters.
    DeadLettering,
    /// It cannot work as it is; the message says what to do.
    Failed,
}

/// Counts what passes a node. Counting costs some nanoseconds and never waits.
#[derive(Debug, Default)]
pub struct Meter {
    /// Events that came.
    pub taken: Count,
    /// Events that it handed on, delivered or handled.
    pub done: Count,
    /// Bytes of these.
    pub bytes: Count,
    /// Attempts that failed.
    pub failures: Count,
    /// Attempts after the first.
    pub retries: Count,
    /// Events that may have been delivered twice.
    pub repeated: Count,
    /// Events that went to the dead letters.
    pub dead_lettered: Count,
    /// Nanoseconds of a function's work; of an endpoint, those that its attempts took.
    pub busy: Count,
    /// Events that wait; of an endpoint, changes that it has not looked at yet, whether its
    /// routes will take them or not.
    pub lag: Count,
    dropped: Mutex<BTreeMap<Cow<'static, str>, u64>>,
    state: Mutex<(NodeState, Option<String>)>,
    turn: Arc<tokio::sync::Mutex<()>>,
    nudged: Notify,
    /// Of an endpoint by today's rules.
    pub(crate) fates: Fates,
    /// Of an endpoint by the rules of 2019, of what is sent directly, by its number.
    pub(crate) direct_fates: Fates,
}

/// A number that goes up, or is set.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// Adds to it.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Relaxed);
    }

    /// Makes it another.
    pub fn set(&self, value: u64) {
        self.0.store(value, Relaxed);
    }

    /// What it is.
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

impl Meter {
    /// Counts events that are gone, for a reason in words: "no dead letters are kept".
    pub fn drop(&self, reason: &'static str, events: u64) {
        *self.dropped.lock().entry(Cow::Borrowed(reason)).or_default() += events;
    }

    /// Counts events that came and are gone at once, as [`Meter::drop`] does.
    pub fn give_up(&self, reason: &'static str, events: u64) {
        if events > 0 {
            self.taken.add(events);
            self.drop(reason, events);
        }
    }

    /// Sets how the node does, with a sentence where there is something to say.
    pub fn set_state(&self, state: NodeState, message: Option<String>) {
        *self.state.lock() = (state, message);
    }

    /// How the node does.
    pub fn state(&self) -> NodeState {
        self.state.lock().0.clone()
    }

    /// Counts an event that was handled, and how long that took.
    pub fn handled(&self, took: Duration) {
        self.done.add(1);
        self.busy.add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Waits until nobody else works for the node: what was begun before a deploy comes to its end
    /// before what the deploy started goes on with it.
    pub async fn turn(&self) -> tokio::sync::OwnedMutexGuard<()> {
        self.turn.clone().lock_owned().await
    }

    /// Ready when the node is to try at once what it waits with.
    pub fn nudged(&self) -> Notified<'_> {
        self.nudged.notified()
    }

    /// Goes on from what was counted before this process began. A meter that counted already
    /// knows better.
    pub fn restore(&self, counts: &Counts) {
        if self.counts() != Counts::default() {
            return;
        }
        self.taken.set(counts.taken);
        self.done.set(counts.done);
        self.bytes.set(counts.bytes);
        self.failures.set(counts.failures);
        self.retries.set(counts.retries);
        self.repeated.set(counts.repeated);
        self.dead_lettered.set(counts.dead_lettered);
        self.busy.set(counts.busy_nanos);
        let dropped = counts.dropped.iter();
        *self.dropped.lock() =
            dropped.map(|(reason, count)| (Cow::Owned(reason.clone()), *count)).collect();
    }

    /// What it counted.
    pub fn counts(&self) -> Counts {
        let dropped = self.dropped.lock();
        Counts {
            taken: self.taken.get(),
            done: self.done.get(),
            bytes: self.bytes.get(),
            failures: self.failures.get(),
            retries: self.retries.get(),
            repeated: self.repeated.get(),
            dead_lettered: self.dead_lettered.get(),
            busy_nanos: self.busy.get(),
            lag: self.lag.get(),
            dropped: dropped.iter().map(|(reason, count)| (reason.to_string(), *count)).collect(),
        }
    }
}

/// What a node counted since it began.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", default)]
pub struct Counts {
    /// Events that came.
    #[ts(type = "number")]
    pub taken: u64,
    /// Events that it handed on, delivered or handled.
    #[ts(type = "number")]
    pub done: u64,
    /// Bytes of these.
    #[ts(type = "number")]
    pub bytes: u64,
    /// Attempts that failed.
    #[ts(type = "number")]
    pub failures: u64,
    /// Attempts after the first.
    #[ts(type = "number")]
    pub retries: u64,
    /// Events that may have been delivered twice.
    #[ts(type = "number")]
    pub repeated: u64,
    /// Events that went to the dead letters.
    #[ts(type = "number")]
    pub dead_lettered: u64,
    /// Nanoseconds of a function's work; of an endpoint, those that its attempts took.
    #[ts(type = "number")]
    pub busy_nanos: u64,
    /// Events that wait; of an endpoint, changes that it has not looked at yet, whether its
    /// routes will take them or not.
    #[ts(type = "number")]
    pub lag: u64,
    /// Events that are gone, by reason.
    #[ts(type = "Record<string, number>")]
    pub dropped: BTreeMap<String, u64>,
}

/// Counts what passes a wire.
#[derive(Debug, Default)]
pub struct Wire {
    /// Events.
    pub events: Count,
    /// Their bytes.
    pub bytes: Count,
}

impl Wire {
    /// Goes on from what was counted before this process began.
    pub fn restore(&self, events: u64, bytes: u64) {
        if self.events.get() == 0 {
            self.events.set(events);
            self.bytes.set(bytes);
        }
    }
}

/// All meters of a topology. Meters of nodes that stay go on counting through a deploy.
#[derive(Debug, Default)]
pub struct Flow {
    nodes: Mutex<BTreeMap<String, Arc<Meter>>>,
    wires: Mutex<BTreeMap<(String, String), Arc<Wire>>>,
}

impl Flow {
    /// The meter of a node.
    pub fn node(&self, id: &str) -> Arc<Meter> {
        let mut nodes = self.nodes.lock();
        if let Some(meter) = nodes.get(id) {
            return meter.clone();
        }
        nodes.entry(id.to_owned()).or_default().clone()
    }

    /// Has a node that waits for its next attempt, or pauses, try at once; says whether there is
    /// such a node.
    pub fn nudge(&self, id: &str) -> bool {
        let meter = self.nodes.lock().get(id).cloned();
        meter.map(|meter| meter.nudged.notify_waiters()).is_some()
    }

    /// What became of the change of this version that an endpoint was handed; `None` where that is
    /// not known.
    pub fn fate(&self, endpoint: &str, version: u64) -> Option<Fate> {
        let meter = self.nodes.lock().get(endpoint).cloned();
        meter.and_then(|meter| meter.fates.of(version))
    }

    /// What became of what was sent directly to an endpoint of 2019 under this number; `None` where
    /// that is not known.
    pub fn direct_fate(&self, endpoint: &str, number: u64) -> Option<Fate> {
        let meter = self.nodes.lock().get(endpoint).cloned();
        meter.and_then(|meter| meter.direct_fates.of(number))
    }

    /// The meter of a wire between two nodes.
    pub fn wire(&self, from: &str, to: &str) -> Arc<Wire> {
        self.wires.lock().entry((from.to_owned(), to.to_owned())).or_default().clone()
    }

    /// Forgets what is no longer there.
    pub fn retain(&self, nodes: impl Fn(&str) -> bool) {
        self.nodes.lock().retain(|id, _| nodes(id));
        self.wires.lock().retain(|(from, to), _| nodes(from) && nodes(to));
    }

    /// What was counted so far.
    pub fn report(&self) -> FlowReport {
        let node = |(id, meter): (&String, &Arc<Meter>)| {
            let (mut state, message) = meter.state.lock().clone();
            let counts = meter.counts();
            // A node with nothing else to say of itself does what it is for.
            if state == NodeState::Idle && counts.taken > 0 {
                state = NodeState::Healthy;
            }
            NodeReport { node: id.clone(), state, message, counts }
        };
        let wire = |((from, to), wire): (&(String, String), &Arc<Wire>)| WireReport {
            from: from.clone(),
            to: to.clone(),
            events: wire.events.get(),
            bytes: wire.bytes.get(),
        };
        FlowReport {
            nodes: self.nodes.lock().iter().map(node).collect(),
            wires: self.wires.lock().iter().map(wire).collect(),
        }
    }
}

/// What all nodes and wires counted, at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, TS)]
pub struct FlowReport {
    /// The nodes, by id.
    pub nodes: Vec<NodeReport>,
    /// The wires.
    pub wires: Vec<WireReport>,
}

/// What a node counted, and how it does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct NodeReport {
    /// Its id: `endpoints/eg-twins`, or `instance`.
    pub node: String,
    /// How it does.
    pub state: NodeState,
    /// What there is to say about that.
    pub message: Option<String>,
    /// What it counted.
    pub counts: Counts,
}

/// What passed a wire.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct WireReport {
    /// Where it begins.
    pub from: String,
    /// Where it ends.
    pub to: String,
    /// Events.
    #[ts(type = "number")]
    pub events: u64,
    /// Their bytes.
    #[ts(type = "number")]
    pub bytes: u64,
}
