//! A webhook's subscription: Event Grid calls it without us, so what is shown is what it counts.

use super::event_grid::{PERIOD, subscribe};
use super::subscriber::Subscriber;
use super::{From, Hook};
use crate::flow::{Count, Meter, NodeState, node_id};
use crate::topology::pointer;
use crate::{GridSubscriber, Subscribed};
use messaging::event_grid::{Failure, SubscriptionCounts};
use std::sync::Arc;

/// Lets Event Grid call a webhook, and shows how that goes until it is told to stop.
pub(super) async fn run(from: From, hook: Hook, subscriber: Arc<Subscriber>) {
    let url = match hook.with_query(&subscriber) {
        Ok(url) => url,
        Err(sentence) => return subscriber.defect(&from, &sentence),
    };
    if subscribe(&from, &subscriber, GridSubscriber::Webhook(url)).await.is_none() {
        return;
    }
    let name = subscriber.function.name();
    let mut shown = Shown {
        function: subscriber.parts.flow.node(&node_id("functions", name)),
        place: pointer(&["functions", name]),
        subscriber: subscriber.clone(),
        counts: SubscriptionCounts::default(),
    };
    loop {
        if let Some(now) = subscriber.parts.surroundings.subscribed(&from.entity, &from.name) {
            shown.show(&now);
        }
        tokio::select! {
            () = subscriber.parts.stop.cancelled() => return,
            () = tokio::time::sleep(PERIOD) => {}
        }
    }
}

impl Hook {
    fn with_query(&self, subscriber: &Subscriber) -> Result<String, String> {
        let Some(reference) = &self.query else { return Ok(self.url.clone()) };
        let query = subscriber.parts.surroundings.secret(&reference.secret);
        let query = query.ok_or_else(|| crate::no_secret(&reference.secret))?;
        let joint = if self.url.contains('?') { '&' } else { '?' };
        Ok(format!("{}{joint}{}", self.url, query.trim_start_matches(['?', '&'])))
    }
}

/// What the meters show already.
struct Shown {
    subscriber: Arc<Subscriber>,
    function: Arc<Meter>,
    /// Of the function.
    place: String,
    counts: SubscriptionCounts,
}

impl Shown {
    fn show(&mut self, now: &Subscribed) {
        let (before, counts) = (self.counts, now.counts);
        // Event Grid counts from its own start.
        let before = if counts.matched < before.matched { Default::default() } else { before };
        self.counts = counts;
        let more = |of: fn(&SubscriptionCounts) -> u64| of(&counts).saturating_sub(of(&before));
        let add = |count: &Count, more: u64| count.add(more);
        let delivered = more(|counts| counts.delivered);
        let failed = more(|counts| counts.failed_attempts);
        let meter = &self.subscriber.meter;
        add(&meter.done, delivered);
        add(&meter.failures, failed);
        meter.lag.set(counts.pending);
        add(&self.function.taken, delivered + failed);
        add(&self.function.done, delivered);
        add(&self.function.failures, failed);
        self.subscriber.passed(more(|counts| counts.matched), delivered + failed);
        let dead = more(|counts| counts.dead_lettered);
        add(&meter.dead_lettered, dead);
        add(&meter.taken, delivered + dead);
        meter.give_up("Event Grid gave it up", more(|counts| counts.dropped));
        meter.give_up("Event Grid lost it", more(|counts| counts.lost));
        self.show_state(now);
    }

    fn show_state(&self, now: &Subscribed) {
        let sentence = match (&now.refusal, &now.last_failure) {
            (Some(refusal), _) => Some(format!("{}: {refusal}", self.place)),
            (None, Some(failure)) => Some(format!("{}: {}", self.place, sentence(failure))),
            (None, None) => None,
        };
        let (of_function, of_subscription) = match (&sentence, now.counts.delivered) {
            (Some(_), _) => (NodeState::Failed, NodeState::Failed),
            (None, 0) => (NodeState::Idle, NodeState::Healthy),
            (None, _) => (NodeState::Healthy, NodeState::Healthy),
        };
        self.function.set_state(of_function, sentence.clone());
        self.subscriber.meter.set_state(of_subscription, sentence);
    }
}

/// What a failed delivery says to a person.
fn sentence(failure: &Failure) -> String {
    let what = match (failure.status, failure.outcome.as_str()) {
        (Some(status), "Redirected") => format!(
            "the webhook redirects ({status}), which is not followed. Give the address that it redirects to."
        ),
        (Some(status), _) => format!("the webhook answered {status}. See its own log."),
        (None, "TimedOut") => {
            "the webhook did not answer in time. Let it answer at once and work afterwards."
                .to_owned()
        }
        (None, "ResolutionError") => "there is no such host. Mend the address.".to_owned(),
        (None, _) => "the webhook cannot be reached. Start it, or mend the address.".to_owned(),
    };
    match failure.final_reason() {
        Some(_) => format!("{what} The event is given up."),
        None => format!("{what} Event Grid tries again."),
    }
}
