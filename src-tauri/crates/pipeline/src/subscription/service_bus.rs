//! A subscription of a Service Bus topic: messages under lock.

use super::From;
use super::subscriber::{Outcome, Subscriber};
use super::tally::{Reason, Tally};
use crate::backoff::Backoff;
use crate::flow::NodeState;
use crate::in_order::in_order;
use crate::{Event, FunctionError, Kept};
use messaging::client::{
    MessageReceiver, ReceiveMode, ReceivedMessage, Retry, ServiceBusClient, Settlement,
};
use std::sync::Arc;
use std::time::Duration;

/// Messages taken at once.
const BATCH: u32 = 128;
/// How long one call waits for a message, and so an end for the call.
const WAIT: Duration = Duration::from_secs(2);
/// A message that was delivered so often goes to the dead letters (the service's default).
const MOST_DELIVERIES: u32 = 10;

/// Brings the topic's messages to the function.
pub(super) async fn run(from: From, filter: Option<String>, subscriber: Arc<Subscriber>) {
    let own = [(from.name.clone(), filter)];
    let made = subscriber.parts.surroundings.topic(&from.entity, &own);
    let endpoint = match from.endpoint(&subscriber, made).await {
        Ok(endpoint) => endpoint,
        Err(sentence) => return subscriber.defect(&from, &sentence),
    };
    let client = ServiceBusClient::new(endpoint, Retry::default());
    let path = ServiceBusClient::subscription(&from.entity, &from.name);
    let receiver = match client.receiver(Some(&path), ReceiveMode::PeekLock) {
        Ok(receiver) => receiver,
        Err(error) => return subscriber.defect(&from, &error.to_string()),
    };
    subscriber.meter.set_state(NodeState::Healthy, None);
    let kept = subscriber.parts.memory.load(&subscriber.node);
    let tally = subscriber.kept(kept.as_ref().map(|kept| kept.state.as_slice()));
    Topic { from, subscriber, receiver, tally, settled: kept.map_or(0, |kept| kept.position) }
        .run()
        .await;
    client.close().await;
}

struct Topic {
    from: From,
    subscriber: Arc<Subscriber>,
    receiver: MessageReceiver,
    tally: Tally,
    /// How many messages were settled for good.
    settled: u64,
}

impl Topic {
    async fn run(mut self) {
        let stop = self.subscriber.parts.stop.clone();
        let mut backoff = Backoff::new(self.subscriber.parts.time_factor);
        while !stop.is_cancelled() {
            match self.receiver.receive(BATCH, WAIT).await {
                Ok(messages) => {
                    if backoff.is_waiting() {
                        backoff.works(&self.subscriber.meter);
                    }
                    if !messages.is_empty() {
                        self.handle(messages).await;
                    }
                }
                Err(error) => {
                    let meter = self.subscriber.meter.clone();
                    meter.failures.add(1);
                    let waited = backoff.wait(&meter, error.to_string(), &stop).await;
                    if waited.is_none() {
                        return;
                    }
                }
            }
        }
    }

    async fn handle(&mut self, messages: Vec<ReceivedMessage>) {
        let this = &*self;
        let read = messages.into_iter().map(|message| {
            let read = this.read(&message);
            let key = read.as_ref().map(Event::subject).unwrap_or_default();
            (key, (message, read))
        });
        let settled = in_order(read.collect::<Vec<_>>(), |(message, read)| async move {
            this.settle(message, read).await
        });
        let mut more = Tally::default();
        settled.await.iter().for_each(|tally| more.add(tally));
        more.show(&self.subscriber.meter);
        self.settled += more.done + more.dead_lettered;
        self.tally.add(&more);
        let kept = Kept { position: self.settled, state: self.tally.bytes() };
        self.subscriber.parts.memory.keep(&self.subscriber.node, kept);
    }

    fn read(&self, message: &ReceivedMessage) -> Result<Event, FunctionError> {
        let body = message.message.body.data();
        self.subscriber.came(body.len());
        self.from.of_message(&message.message.properties, body, message.enqueued)
    }

    /// Handles one message; what is to be counted.
    async fn settle(&self, message: ReceivedMessage, read: Result<Event, FunctionError>) -> Tally {
        let outcome = match read {
            Ok(event) => self.subscriber.handle(event).await,
            Err(error) => Outcome::Dropped(Reason::Unreadable, error),
        };
        let mut more = Tally::default();
        let settlement = match outcome {
            Outcome::Done => {
                more.done = 1;
                Settlement::Complete
            }
            Outcome::Dropped(_, error)
                if error.is_transient && message.delivery_count + 1 < MOST_DELIVERIES =>
            {
                Settlement::Abandon(Vec::new())
            }
            Outcome::Dropped(reason, error) => {
                more.dead_lettered = 1;
                let reason = match reason {
                    Reason::Unreadable => "NotReadable",
                    _ => "FunctionFailed",
                };
                Settlement::DeadLetter {
                    reason: reason.into(),
                    description: error.to_string().chars().take(1_024).collect(),
                }
            }
            Outcome::Interrupted => Settlement::Abandon(Vec::new()),
        };
        if let Err(error) = self.receiver.settle(&message, settlement).await {
            // Its lock was over, or the connection broke: it comes again.
            tracing::warn!(%error, node = self.subscriber.node, "a message was not settled");
            self.subscriber.meter.repeated.add(more.done);
            return Tally::default();
        }
        more
    }
}
