//! A subscription of an Event Grid topic: Event Grid calls the function.

use super::subscriber::{Outcome, Subscriber};
use super::tally::{Reason, Tally};
use super::{Access, From};
use crate::backoff::Backoff;
use crate::flow::NodeState;
use crate::{FunctionError, GridSubscriber, Kept};
use async_trait::async_trait;
use messaging::event_grid::{Delivery, Destination, Failure};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

const ELSEWHERE: &str = "an Event Grid topic elsewhere cannot call a function on this machine. Let it deliver to an event hub, and make that a source.";
/// How often counts are kept, and Event Grid's own are looked at.
pub(super) const PERIOD: Duration = Duration::from_secs(1);

/// Lets Event Grid call the function, until it is told to stop.
pub(super) async fn call_function(from: From, subscriber: Arc<Subscriber>) {
    if !matches!(from.access, Access::Embedded) {
        return subscriber.defect(&from, ELSEWHERE);
    }
    let kept = subscriber.parts.memory.load(&subscriber.node);
    let tally = subscriber.kept(kept.as_ref().map(|kept| kept.state.as_slice()));
    let called = Arc::new(Called {
        from,
        subscriber,
        tally: Mutex::new(tally),
        refused: AtomicU64::new(0),
        expired: AtomicU64::new(0),
    });
    let to = GridSubscriber::Here(called.clone());
    if subscribe(&called.from, &called.subscriber, to).await.is_some() {
        called.keep_counts().await;
    }
}

/// Subscribes, and tries until that works; `None` when it is told to stop.
pub(super) async fn subscribe(
    from: &From,
    subscriber: &Subscriber,
    to: GridSubscriber,
) -> Option<()> {
    let parts = &subscriber.parts;
    let mut backoff = Backoff::new(parts.time_factor);
    loop {
        match parts.surroundings.subscribe(&from.entity, &from.name, to.clone()).await {
            Ok(()) => {
                subscriber.meter.set_state(NodeState::Healthy, None);
                return Some(());
            }
            Err(sentence) => {
                let sentence = format!("{}: {sentence}", from.place);
                backoff.wait(&subscriber.meter, sentence, &parts.stop).await?;
            }
        }
    }
}

/// What Event Grid calls.
struct Called {
    from: From,
    subscriber: Arc<Subscriber>,
    tally: Mutex<Tally>,
    /// Events that were refused here, which Event Grid counts as dropped.
    refused: AtomicU64,
    /// Events that Event Grid gave up by itself, and that are counted.
    expired: AtomicU64,
}

impl Called {
    async fn keep_counts(&self) {
        let mut kept = self.tally.lock().clone();
        loop {
            let stopped = tokio::select! {
                () = self.subscriber.parts.stop.cancelled() => true,
                () = tokio::time::sleep(PERIOD) => false,
            };
            self.see_what_expired();
            let now = self.tally.lock().clone();
            if now != kept {
                let pair = Kept { position: now.done, state: now.bytes() };
                self.subscriber.parts.memory.keep(&self.subscriber.node, pair);
                kept = now;
            }
            if stopped {
                return;
            }
        }
    }

    /// Event Grid gives up what failed for too long, without asking.
    fn see_what_expired(&self) {
        let surroundings = &self.subscriber.parts.surroundings;
        let there = surroundings.subscribed(&self.from.entity, &self.from.name);
        let Some(counts) = there.map(|there| there.counts) else { return };
        self.subscriber.meter.lag.set(counts.pending);
        let expired = counts.dropped.saturating_sub(self.refused.load(Relaxed));
        let known = self.expired.fetch_max(expired, Relaxed);
        if expired > known {
            let mut more = Tally::default();
            more.drop(Reason::GivenUp, expired - known);
            more.show(&self.subscriber.meter);
            self.tally.lock().add(&more);
        }
    }

    fn count(&self, outcome: &Outcome) {
        let mut more = Tally::default();
        outcome.count(&mut more);
        more.show(&self.subscriber.meter);
        self.tally.lock().add(&more);
    }

    fn drop(&self, reason: Reason, error: FunctionError) -> Failure {
        self.count(&Outcome::Dropped(reason, error));
        self.refused.fetch_add(1, Relaxed);
        // Event Grid gives it up after this.
        Failure::of_status(400)
    }
}

#[async_trait]
impl Destination for Called {
    /// Also after it was told to stop, until another takes its place: nothing waits meanwhile.
    async fn deliver(&self, delivery: Delivery) -> Result<(), Failure> {
        let subscriber = &self.subscriber;
        if delivery.attempts > 0 {
            subscriber.meter.retries.add(delivery.events.len() as u64);
        }
        let bytes_each = delivery.bytes / delivery.events.len().max(1);
        for event in delivery.events {
            subscriber.came(bytes_each);
            let event = match self.from.of_grid(&event) {
                Ok(event) => event,
                Err(error) => {
                    let trace = adt_service::Call::new(twin_graph::Origin::Remote).trace;
                    let sentence = error.to_string();
                    subscriber.parts.observer.failed(&subscriber.node, trace, &sentence);
                    return Err(self.drop(Reason::Unreadable, error));
                }
            };
            match subscriber.call(event.clone()).await {
                Ok(()) => self.count(&Outcome::Done),
                Err(error) => {
                    subscriber.tell(&event, &error);
                    return Err(if error.is_transient {
                        Failure::of_status(500)
                    } else {
                        self.drop(Reason::Refused, error)
                    });
                }
            }
        }
        Ok(())
    }
}
