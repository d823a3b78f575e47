//! To an Event Grid custom topic: one request after another.

use super::outgoing::{Outgoing, Spans};
use super::sender::{Lot, Sender, Trouble};
use async_trait::async_trait;
use messaging::client::{ClientError, Code, EventGridClient, Retry, TopicAccess, Trust};
use messaging::event_grid::Schema;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// A request has at most 1 MiB, of which this is left for what goes around the events.
const MOST_BYTES: usize = 1_000_000;
/// And so many events; the service says nothing of it.
const MOST_EVENTS: usize = 1_000;

pub(super) struct GridSender {
    client: EventGridClient,
    /// The topic takes Event Grid's own schema only: it said so.
    own_schema: AtomicBool,
    spans: Spans,
}

impl GridSender {
    pub(super) fn new(
        address: &str,
        key: String,
        trust: &Trust,
        retry: Retry,
    ) -> Result<Self, ClientError> {
        Ok(Self {
            client: EventGridClient::new(address, TopicAccess::Key(key), trust, retry)?,
            own_schema: AtomicBool::new(false),
            spans: Spans::new(),
        })
    }

    fn schema(&self, events: &[&Outgoing]) -> Schema {
        match events.first() {
            Some(event) if !self.own_schema.load(Relaxed) => event.schema(),
            _ => Schema::EventGridSchema,
        }
    }

    /// One request's events from `from` on, and where the next begins.
    fn write(&self, schema: Schema, events: &[&Outgoing], from: usize) -> (Vec<u8>, usize) {
        let mut body = vec![b'['];
        let mut next = from;
        while next < events.len() && next - from < MOST_EVENTS {
            let before = body.len();
            if next > from {
                body.push(b',');
            }
            events[next].write_grid_event(schema, self.spans.next(), &mut body);
            if next > from && body.len() > MOST_BYTES {
                body.truncate(before);
                break;
            }
            next += 1;
        }
        body.push(b']');
        (body, next)
    }
}

#[async_trait]
impl Sender for GridSender {
    async fn send(&self, events: &[&Outgoing]) -> Vec<Lot> {
        let mut lots = Vec::new();
        let mut from = 0;
        while from < events.len() {
            let schema = self.schema(events);
            let (body, next) = self.write(schema, events, from);
            let bytes = body.len();
            match self.client.publish_json(schema, body.into()).await {
                Ok(()) => lots.push(Lot { events: (from..next).collect(), bytes, result: Ok(()) }),
                Err(error) if wants_own_schema(schema, &error) => {
                    self.own_schema.store(true, Relaxed);
                    continue;
                }
                Err(error) => {
                    lots.extend(Lot::held_back((next..events.len()).collect(), &error));
                    lots.push(Lot::failed((from..next).collect(), Trouble::when_sent(error)));
                    break;
                }
            }
            from = next;
        }
        lots
    }
}

/// Topics are made for one schema, and nothing tells which but the refusal of the other.
fn wants_own_schema(sent: Schema, error: &ClientError) -> bool {
    let told = || error.message.contains("'EventGridEvent' schema");
    sent == Schema::CloudEventSchemaV1_0 && error.code == Code::Refused && told()
}
