//! What every call of a function has: it is counted and timed, and ends a trace that goes round.

use super::{Event, Function, FunctionError};
use crate::flow::{Meter, NodeState, node_id};
use crate::{MOST_HOPS, PipelineParts};
use adt_service::Call;
use async_trait::async_trait;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use twin_graph::Origin;

/// What one kind of function does with an event.
pub(super) trait Work: Send + Sync + 'static {
    /// Does it. `call` is what it changes the instance with.
    fn run(
        &self,
        event: &Event,
        call: &Call,
    ) -> impl Future<Output = Result<(), FunctionError>> + Send;

    /// Why it can never work as it is.
    fn defect(&self) -> Option<&FunctionError> {
        None
    }
}

/// A function at work.
pub(super) struct Called<W> {
    name: Arc<str>,
    place: String,
    meter: Arc<Meter>,
    work: W,
}

impl<W: Work> Called<W> {
    pub(super) fn at_work(name: &str, work: W, parts: &PipelineParts) -> Arc<dyn Function> {
        let meter = parts.flow.node(&node_id("functions", name));
        match work.defect() {
            Some(error) => meter.set_state(NodeState::Failed, Some(error.to_string())),
            // What was wrong with the one before it.
            None => meter.set_state(NodeState::Idle, None),
        }
        Arc::new(Self { name: name.into(), place: place(name), meter, work })
    }
}

/// Where a function is in the topology.
pub(super) fn place(name: &str) -> String {
    crate::topology::pointer(&["functions", name])
}

#[async_trait]
impl<W: Work> Function for Called<W> {
    fn name(&self) -> &Arc<str> {
        &self.name
    }

    async fn call(&self, event: Event) -> Result<(), FunctionError> {
        self.meter.taken.add(1);
        let hops = event.hops() + 1;
        if hops > MOST_HOPS {
            Meter::drop(&self.meter, "a trace went through too many functions", 1);
            let message = format!(
                "it was not called: {MOST_HOPS} functions were called one after another in this trace already. Let no function set off itself, or filter the route that leads back to it."
            );
            return Err(FunctionError::lasting(self.place.as_str(), message));
        }
        let origin = Origin::Function { name: self.name.clone(), after: event.subject(), hops };
        let call = Call::within(event.trace(), origin);
        let (result, busy) = timed(self.work.run(&event, &call)).await;
        self.meter.busy.add(u64::try_from(busy.as_nanos()).unwrap_or(u64::MAX));
        match &result {
            Ok(()) => self.meter.done.add(1),
            Err(_) => self.meter.failures.add(1),
        }
        self.tell(&result);
        result
    }
}

impl<W> Called<W> {
    /// The node's state, where it is another than it was.
    fn tell(&self, result: &Result<(), FunctionError>) {
        match (result, self.meter.state()) {
            (Ok(()), NodeState::Healthy) => {}
            (Ok(()), _) => self.meter.set_state(NodeState::Healthy, None),
            // The sentence stays until a call works.
            (Err(error), _) => self.meter.set_state(NodeState::Failed, Some(error.to_string())),
        }
    }
}

/// How long work kept a thread, without what it waited for.
async fn timed<T>(work: impl Future<Output = T>) -> (T, Duration) {
    let mut work = pin!(work);
    let mut busy = Duration::ZERO;
    let result = poll_fn(|context| {
        let start = Instant::now();
        let polled = work.as_mut().poll(context);
        busy += start.elapsed();
        polled
    });
    let result = result.await;
    (result, busy)
}
