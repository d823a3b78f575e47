//! Service Bus: send, schedule, receive, peek, settle; queues, topics, subscriptions, sessions.

mod message;
mod receiver;
mod sender;

use super::connection::Connector;
use super::retry::Retry;
use super::{ClientError, Endpoint};
use amqp::Value;
use std::sync::Arc;
use std::time::Duration;

pub use message::{MessageState, ReceivedMessage, ServiceBusMessage};
pub use receiver::{MessageReceiver, ReceiveMode, Session, Settlement};
pub use sender::{MessageBatch, MessageSender};

const SCOPE: &str = "https://servicebus.azure.net/.default";

/// A client of a namespace of queues and topics. Clones share its connection.
#[derive(Clone)]
pub struct ServiceBusClient {
    pub(super) connector: Arc<Connector>,
}

/// A queue that belongs to a queue or subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubQueue {
    /// What could not be delivered or was put there.
    DeadLetter,
    /// What could not be forwarded.
    TransferDeadLetter,
}

impl SubQueue {
    /// The path of this queue of an entity.
    #[must_use]
    pub fn of(self, entity: &str) -> String {
        match self {
            Self::DeadLetter => format!("{entity}/$DeadLetterQueue"),
            Self::TransferDeadLetter => format!("{entity}/$Transfer/$DeadLetterQueue"),
        }
    }
}

impl ServiceBusClient {
    /// A client. It connects when it is used.
    #[must_use]
    pub fn new(endpoint: Endpoint, retry: Retry) -> Self {
        Self { connector: Connector::new(endpoint, retry, SCOPE) }
    }

    /// The path of a topic's subscription.
    #[must_use]
    pub fn subscription(topic: &str, name: &str) -> String {
        format!("{topic}/Subscriptions/{name}")
    }

    /// Sends to a queue or topic: the given one, or that of the endpoint.
    ///
    /// # Errors
    /// [`super::Code::Settings`] where neither names one.
    pub fn sender(&self, entity: Option<&str>) -> Result<MessageSender, ClientError> {
        let entity = self.entity(entity)?;
        Ok(MessageSender { client: self.clone(), entity })
    }

    /// Receives from a queue, a subscription or a dead-letter queue, by its path.
    ///
    /// # Errors
    /// As [`ServiceBusClient::sender`].
    pub fn receiver(
        &self,
        entity: Option<&str>,
        mode: ReceiveMode,
    ) -> Result<MessageReceiver, ClientError> {
        Ok(MessageReceiver::new(self.clone(), self.entity(entity)?, mode, None))
    }

    /// Accepts a session of a queue or subscription, and receives its messages. It waits for one
    /// to be free.
    ///
    /// # Errors
    /// [`super::Code::Timeout`] where none is free in time, or another receiver has it.
    pub async fn session(
        &self,
        entity: Option<&str>,
        session: Session,
        mode: ReceiveMode,
        wait: Duration,
    ) -> Result<MessageReceiver, ClientError> {
        let entity = self.entity(entity)?;
        let mut receiver = MessageReceiver::new(self.clone(), entity, mode, Some(session));
        receiver.accept(wait).await?;
        Ok(receiver)
    }

    /// Closes its connection; used again, it makes a new one.
    pub async fn close(&self) {
        self.connector.close().await;
    }

    /// An entity's path, as the endpoint's kind of broker has it.
    fn entity(&self, given: Option<&str>) -> Result<String, ClientError> {
        match given {
            // RabbitMQ tells `/queue/q` from `q`.
            Some(given) if !given.is_empty() && self.connector.is_foreign() => Ok(given.to_owned()),
            given => self.connector.endpoint.entity(given),
        }
    }

    /// Asks an entity's `$management` node.
    async fn ask(
        &self,
        entity: &str,
        operation: &str,
        body: Vec<(&str, Value)>,
    ) -> Result<Value, ClientError> {
        let place = self.connector.place(entity);
        let address = format!("{entity}/$management");
        let within = self.connector.retry.within;
        let millis = u32::try_from(within.as_millis()).unwrap_or(u32::MAX);
        let properties = [("com.microsoft:server-timeout", Value::Uint(millis))];
        let pairs = body.into_iter().map(|(key, value)| (Value::String(key.to_owned()), value));
        let body = Value::Map(pairs.collect());
        let operation = format!("com.microsoft:{operation}");
        let mut attempts = self.connector.retry.attempts();
        loop {
            let asked = async {
                let live = self.connector.live().await?;
                live.authorize(entity).await?;
                let node = live.node(&address, &place).await?;
                node.ask(&operation, &properties, &body, within).await?.body(&place)
            };
            match asked.await {
                Ok(answer) => return Ok(answer),
                Err(error) => attempts.pause(error).await?,
            }
        }
    }
}
