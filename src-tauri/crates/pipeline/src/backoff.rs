//! Pauses between attempts at what does not work now.

use crate::flow::{Meter, NodeState};
use std::time::{Duration, SystemTime};
use tokio_util::sync::CancellationToken;
use twin_graph::Timestamp;

const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(30);

/// Pauses that double, and the state of the node that waits.
pub(crate) struct Backoff {
    time_factor: f64,
    attempts: u32,
}

impl Backoff {
    pub(crate) fn new(time_factor: f64) -> Self {
        Self { time_factor: time_factor.clamp(0.000_1, 100.0), attempts: 0 }
    }

    /// Whether the last attempt failed.
    pub(crate) fn is_waiting(&self) -> bool {
        self.attempts > 0
    }

    /// It works again.
    pub(crate) fn works(&mut self, meter: &Meter) {
        self.attempts = 0;
        meter.set_state(NodeState::Healthy, None);
    }

    /// Waits after a failure, and shows that; `None` when it is told to stop.
    pub(crate) async fn wait(
        &mut self,
        meter: &Meter,
        sentence: String,
        stop: &CancellationToken,
    ) -> Option<()> {
        let doubled = FIRST.saturating_mul(1 << self.attempts.min(16));
        let pause = doubled.min(LONGEST).mul_f64(self.time_factor);
        self.attempts += 1;
        let at = Timestamp::from(SystemTime::now() + pause);
        meter.set_state(NodeState::Retrying { attempt: self.attempts + 1, at }, Some(sentence));
        tokio::select! {
            () = stop.cancelled() => None,
            () = tokio::time::sleep(pause) => Some(()),
        }
    }
}
