//! Sends messages to a queue or topic, now or later.

use super::ServiceBusClient;
use super::message::ServiceBusMessage;
use crate::client::connection::within;
use crate::client::message::{BATCH, envelope, in_batch};
use crate::client::{ClientError, Code};
use amqp::Value;
use bytes::Bytes;

/// The service's own limit, where a link does not say one (as RabbitMQ's do not).
const MOST_BYTES: usize = 1 << 20;

/// Messages that go together, all or none, and no larger than the service takes.
#[derive(Clone, Debug)]
pub struct MessageBatch {
    messages: Vec<Bytes>,
    bytes: usize,
    most: usize,
}

impl MessageBatch {
    fn new(most: usize) -> Self {
        Self { messages: Vec::new(), bytes: 0, most }
    }

    /// One message, however large it is: the service says what it makes of it.
    fn of(message: &ServiceBusMessage, most: usize) -> Self {
        let message = message.encode();
        Self { bytes: in_batch(&message), messages: vec![message], most }
    }

    /// Adds a message; whether there was room for it.
    #[must_use]
    pub fn add(&mut self, message: &ServiceBusMessage) -> bool {
        let encoded = message.encode();
        let bytes = in_batch(&encoded);
        let fits = self.bytes + bytes <= self.most;
        if fits {
            self.bytes += bytes;
            self.messages.push(encoded);
        }
        fits
    }

    /// How many messages are in it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// How many bytes they take.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

/// Sends to one queue or topic.
#[derive(Clone)]
pub struct MessageSender {
    pub(super) client: ServiceBusClient,
    pub(super) entity: String,
}

impl MessageSender {
    /// Sends a message. Where the connection breaks it is sent again: with an id of its own a
    /// queue that detects duplicates takes it once.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn send(&self, message: &ServiceBusMessage) -> Result<(), ClientError> {
        self.send_encoded(message.encode(), 0).await
    }

    /// Sends messages in as few batches as they need. A batch is taken as a whole or not at all.
    ///
    /// # Errors
    /// [`ClientError`]; batches before the one that failed are sent.
    pub async fn send_all(&self, messages: &[ServiceBusMessage]) -> Result<(), ClientError> {
        let mut batch = MessageBatch::new(MOST_BYTES);
        for message in messages {
            if !batch.add(message) {
                let alone = MessageBatch::of(message, MOST_BYTES);
                self.send_batch(&std::mem::replace(&mut batch, alone)).await?;
            }
        }
        self.send_batch(&batch).await
    }

    /// An empty batch, of the size that the service takes.
    ///
    /// # Errors
    /// [`ClientError`]: it connects to know the size.
    pub async fn batch(&self) -> Result<MessageBatch, ClientError> {
        let connector = &self.client.connector;
        let mut attempts = connector.retry.attempts();
        loop {
            let asked = async {
                let live = connector.live().await?;
                Ok(live.sender(&self.entity, &self.entity).await?.max_message_size)
            };
            match asked.await {
                Ok(most) => {
                    let most = most.and_then(|most| usize::try_from(most).ok());
                    return Ok(MessageBatch::new(most.unwrap_or(MOST_BYTES)));
                }
                Err(error) => attempts.pause(error).await?,
            }
        }
    }

    /// Sends the messages of a batch, all or none.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn send_batch(&self, batch: &MessageBatch) -> Result<(), ClientError> {
        match batch.messages.as_slice() {
            [] => Ok(()),
            [one] => self.send_encoded(one.clone(), 0).await,
            all => self.send_encoded(envelope(&[], all), BATCH).await,
        }
    }

    async fn send_encoded(&self, message: Bytes, format: u32) -> Result<(), ClientError> {
        let connector = &self.client.connector;
        let place = connector.place(&self.entity);
        let mut attempts = connector.retry.attempts();
        loop {
            let sent = async {
                let live = connector.live().await?;
                let sender = live.sender(&self.entity, &self.entity).await?;
                if let Some(most) = sender.max_message_size.filter(|m| message.len() as u64 > *m) {
                    let text = format!("{} bytes, where at most {most} are taken", message.len());
                    return Err(ClientError::new(Code::TooLarge, place.as_str(), text));
                }
                let outcome = within(connector, &place, sender.send(message.clone(), format));
                let outcome = outcome.await.map_err(ClientError::when_sent)?;
                ClientError::of_outcome(&place, outcome)
            };
            match sent.await {
                Ok(()) => return Ok(()),
                Err(error) => attempts.pause(error).await?,
            }
        }
    }

    /// Sends messages that are to be there at a time, in milliseconds since 1970; their numbers,
    /// by which they can be cancelled.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn schedule(
        &self,
        messages: &[ServiceBusMessage],
        at: i64,
    ) -> Result<Vec<i64>, ClientError> {
        let entry = |message: &ServiceBusMessage| {
            let id = message.message_id.clone();
            let id = id.unwrap_or_else(|| uuid::Uuid::new_v4().simple().to_string());
            let mut pairs = vec![("message-id", Value::String(id.clone()))];
            if let Some(session) = &message.session_id {
                pairs.push(("session-id", Value::String(session.clone())));
            }
            let message_id = Some(id);
            let message = ServiceBusMessage { scheduled: Some(at), message_id, ..message.clone() };
            pairs.push(("message", Value::Binary(message.encode())));
            let pairs = pairs.into_iter().map(|(key, value)| (Value::String(key.into()), value));
            Value::Map(pairs.collect())
        };
        let list = Value::List(messages.iter().map(entry).collect());
        let body = vec![("messages", list)];
        let answer = self.client.ask(&self.entity, "schedule-message", body).await?;
        let numbers = answer.get("sequence-numbers").and_then(Value::as_list).unwrap_or_default();
        Ok(numbers.iter().filter_map(Value::as_i64).collect())
    }

    /// Takes back messages that are scheduled, by their numbers.
    ///
    /// # Errors
    /// [`Code::NotFound`] where one of them is not waiting any more.
    pub async fn cancel_scheduled(&self, numbers: &[i64]) -> Result<(), ClientError> {
        let numbers = Value::Array(numbers.iter().map(|number| Value::Long(*number)).collect());
        let body = vec![("sequence-numbers", numbers)];
        self.client.ask(&self.entity, "cancel-scheduled-message", body).await.map(drop)
    }
}
