//! To a Service Bus topic: one batch after another, in order.

use super::outgoing::{Outgoing, Spans};
use super::sender::{Batches, Lot, Sender, send_in_batches};
use async_trait::async_trait;
use messaging::client::{
    ClientError, Endpoint, MessageBatch, MessageSender, Retry, ServiceBusClient, ServiceBusMessage,
    Value,
};

pub(super) struct TopicSender {
    sender: MessageSender,
    entity: String,
    spans: Spans,
}

impl TopicSender {
    pub(super) fn new(
        endpoint: Endpoint,
        entity: Option<&str>,
        retry: Retry,
    ) -> Result<Self, ClientError> {
        let entity = entity.map(str::to_owned).or_else(|| endpoint.entity.clone());
        let sender = ServiceBusClient::new(endpoint, retry).sender(entity.as_deref())?;
        Ok(Self { sender, entity: entity.unwrap_or_default(), spans: Spans::new() })
    }
}

#[async_trait]
impl Batches for TopicSender {
    type Batch = MessageBatch;

    fn entity(&self) -> &str {
        &self.entity
    }

    async fn open(&self) -> Result<MessageBatch, ClientError> {
        self.sender.batch().await
    }

    /// With the event's id as the message's, so that a topic may see what comes twice.
    fn add(&self, batch: &mut MessageBatch, event: &Outgoing) -> bool {
        let form = event.amqp(&self.entity, self.spans.next());
        let named = |(name, value): (&'static str, String)| (name.into(), Value::String(value));
        batch.add(&ServiceBusMessage {
            properties: form.properties.into_iter().map(named).collect(),
            content_type: Some("application/json".into()),
            message_id: Some(event.id().to_owned()),
            ..ServiceBusMessage::new(form.body)
        })
    }

    fn bytes(batch: &MessageBatch) -> usize {
        batch.bytes()
    }

    async fn send_batch(&self, batch: &MessageBatch) -> Result<(), ClientError> {
        self.sender.send_batch(batch).await
    }
}

#[async_trait]
impl Sender for TopicSender {
    async fn send(&self, events: &[&Outgoing]) -> Vec<Lot> {
        send_in_batches(self, events, (0..events.len()).collect()).await
    }
}
