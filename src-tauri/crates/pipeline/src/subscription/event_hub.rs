//! A subscription of an event hub: a consumer group.

use super::From;
use super::subscriber::{Outcome, Subscriber};
use super::tally::{Reason, Tally};
use crate::hub_reader::{Begin, Handler, HubReader};
use crate::in_order::in_order;
use crate::{Event, FunctionError};
use adt_service::Call;
use messaging::client::{EventHubClient, ReceivedEvent, Retry};
use std::sync::Arc;
use twin_graph::Origin;

/// Brings the hub's events to the function.
pub(super) async fn run(from: From, group: Option<String>, subscriber: Arc<Subscriber>) {
    let made = subscriber.parts.surroundings.event_hub(&from.entity);
    let endpoint = match from.endpoint(&subscriber, made).await {
        Ok(endpoint) => endpoint,
        Err(sentence) => return subscriber.defect(&from, &sentence),
    };
    let entity = endpoint.entity.is_none().then_some(from.entity.as_str());
    let client = match EventHubClient::new(endpoint, entity, Retry::default()) {
        Ok(client) => client,
        Err(error) => return subscriber.defect(&from, &error.to_string()),
    };
    let reader = HubReader::new(
        &subscriber.node,
        client,
        group.as_deref(),
        Begin::Earliest,
        &subscriber.parts,
    );
    let from = Arc::new(from);
    let handler = move |_: &str, kept: Option<&[u8]>| Partition {
        tally: subscriber.kept(kept),
        subscriber: subscriber.clone(),
        from: from.clone(),
    };
    reader.run(handler).await;
}

/// Handles the events of one partition.
struct Partition {
    subscriber: Arc<Subscriber>,
    from: Arc<From>,
    tally: Tally,
}

impl Partition {
    fn read(&self, event: &ReceivedEvent) -> Result<Event, FunctionError> {
        let body = event.data.body.data();
        self.subscriber.came(body.len());
        self.from.of_message(&event.data.properties, body, event.enqueued)
    }

    fn count(&mut self, more: &Tally) {
        more.show(&self.subscriber.meter);
        self.tally.add(more);
    }
}

impl Handler for Partition {
    async fn handle(&mut self, events: Vec<ReceivedEvent>) -> usize {
        let read = events.iter().map(|event| {
            let read = self.read(event);
            let key = read.as_ref().map(Event::subject).unwrap_or_default();
            (key, read)
        });
        let subscriber = &self.subscriber;
        let outcomes = in_order(read.collect::<Vec<_>>(), |read| async move {
            match read {
                Ok(event) => subscriber.handle(event).await,
                Err(error) => {
                    let trace = Call::new(Origin::Remote).trace;
                    subscriber.parts.observer.failed(&subscriber.node, trace, &error.to_string());
                    Outcome::Dropped(Reason::Unreadable, error)
                }
            }
        });
        let outcomes = outcomes.await;
        let interrupted = |outcome: &Outcome| matches!(outcome, Outcome::Interrupted);
        let done = outcomes.iter().position(interrupted).unwrap_or(outcomes.len());
        let mut more = Tally::default();
        outcomes[..done].iter().for_each(|outcome| outcome.count(&mut more));
        // What is done already beyond the first that is not, is done again by the next.
        let again = outcomes[done..].iter().filter(|outcome| !interrupted(outcome)).count();
        self.subscriber.meter.repeated.add(again as u64);
        self.count(&more);
        done
    }

    fn lost(&mut self, events: u64) {
        let mut more = Tally::default();
        more.drop(Reason::Lost, events);
        self.count(&more);
    }

    fn state(&self) -> Vec<u8> {
        self.tally.bytes()
    }
}
