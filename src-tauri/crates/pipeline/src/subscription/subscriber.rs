//! What all subscriptions do with an event: call the function, try again where that may help.

use super::tally::{Reason, Tally};
use crate::flow::{Meter, NodeState, Wire, node_id};
use crate::{Event, Function, FunctionError, PipelineParts};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use twin_graph::Timestamp;

/// How often a function is called with one event.
const ATTEMPTS: u32 = 5;
/// After the first attempt; each further pause is twice as long.
const PAUSE: Duration = Duration::from_millis(500);

/// A subscription, without the way in which events come.
pub(super) struct Subscriber {
    /// `subscriptions/NAME`.
    pub(super) node: String,
    pub(super) function: Arc<dyn Function>,
    pub(super) parts: PipelineParts,
    pub(super) meter: Arc<Meter>,
    /// From the endpoint.
    came: Arc<Wire>,
    /// To the function.
    went: Arc<Wire>,
    /// Whether what was counted before a start is still to be shown.
    pub(super) shows_kept: bool,
}

/// What became of an event.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The function took it.
    Done,
    /// It is given up.
    Dropped(Reason, FunctionError),
    /// It was not done with when all was to end.
    Interrupted,
}

impl Subscriber {
    pub(super) fn new(
        name: &str,
        endpoint: String,
        function: Arc<dyn Function>,
        parts: &PipelineParts,
    ) -> Arc<Self> {
        let node = node_id("subscriptions", name);
        let meter = parts.flow.node(&node);
        // A meter that has counted went on through a deploy.
        let shows_kept = meter.taken.get() == 0;
        Arc::new(Self {
            came: parts.flow.wire(&endpoint, &node),
            went: parts.flow.wire(&node, &node_id("functions", function.name())),
            parts: parts.clone(),
            function,
            meter,
            node,
            shows_kept,
        })
    }

    /// What was kept before the last end, shown where the meter is new.
    pub(super) fn kept(&self, state: Option<&[u8]>) -> Tally {
        let tally = Tally::read(state);
        if self.shows_kept {
            tally.show(&self.meter);
        }
        tally
    }

    /// Counts an event that came, by its bytes.
    pub(super) fn came(&self, bytes: usize) {
        self.came.events.add(1);
        self.came.bytes.add(bytes as u64);
        self.meter.bytes.add(bytes as u64);
    }

    /// Counts events that came and went without us.
    pub(super) fn passed(&self, came: u64, went: u64) {
        self.came.events.add(came);
        self.went.events.add(went);
    }

    /// Calls the function once.
    pub(super) async fn call(&self, event: Event) -> Result<(), FunctionError> {
        self.went.events.add(1);
        self.function.call(event).await
    }

    /// Calls the function until it takes the event, or nothing more is to be hoped for.
    pub(super) async fn handle(&self, event: Event) -> Outcome {
        let mut pause = PAUSE.mul_f64(self.parts.time_factor.clamp(0.000_1, 100.0));
        let mut attempt = 1;
        loop {
            match self.call(event.clone()).await {
                Ok(()) => {
                    if attempt > 1 {
                        self.meter.set_state(NodeState::Healthy, None);
                    }
                    return Outcome::Done;
                }
                Err(error) if error.is_transient && attempt < ATTEMPTS => {
                    let at = Timestamp::from(SystemTime::now() + pause);
                    attempt += 1;
                    let state = NodeState::Retrying { attempt, at };
                    self.meter.set_state(state, Some(error.to_string()));
                    tokio::select! {
                        () = self.parts.stop.cancelled() => return Outcome::Interrupted,
                        () = tokio::time::sleep(pause) => {}
                    }
                    self.meter.retries.add(1);
                    pause *= 2;
                }
                Err(error) => return self.give_up(&event, error),
            }
        }
    }

    fn give_up(&self, event: &Event, error: FunctionError) -> Outcome {
        self.tell(event, &error);
        if matches!(self.meter.state(), NodeState::Retrying { .. }) {
            self.meter.set_state(NodeState::Healthy, None);
        }
        Outcome::Dropped(Reason::Refused, error)
    }

    /// Says that a function did not take an event.
    pub(super) fn tell(&self, event: &Event, error: &FunctionError) {
        self.parts.observer.failed(&event.subject(), event.trace(), &error.to_string());
    }
}

impl Outcome {
    /// Counts it.
    pub(super) fn count(&self, tally: &mut Tally) {
        match self {
            Self::Done => tally.done += 1,
            Self::Dropped(reason, _) => tally.drop(*reason, 1),
            Self::Interrupted => {}
        }
    }
}
