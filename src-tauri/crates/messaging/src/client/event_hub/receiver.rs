//! Receives from one partition, and goes on where it was when the connection broke.

use super::EventHubClient;
use super::event::ReceivedEvent;
use crate::client::ClientError;
use crate::client::checkpoint::{Checkpoint, CheckpointStore};
use crate::client::connection::{link_name, within};
use amqp::client::{Event, LinkOptions, Receiver};
use amqp::{Value, performative};
use std::time::Duration;
use tokio::time::timeout;

const SELECTOR: &str = "apache.org:selector-filter:string";

/// Where to begin in a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartPosition {
    /// With the first event that is there.
    Earliest,
    /// With what comes from now on.
    Latest,
    /// After an offset, or with it.
    Offset {
        /// The offset, as the service gave it.
        offset: String,
        /// Whether the event there comes too.
        inclusive: bool,
    },
    /// After a sequence number, or with it.
    SequenceNumber {
        /// The number.
        number: i64,
        /// Whether the event of this number comes too.
        inclusive: bool,
    },
    /// With the first event taken in after a time, in milliseconds since 1970.
    EnqueuedAfter(i64),
}

impl StartPosition {
    fn selector(&self) -> String {
        let than = |inclusive: &bool| if *inclusive { ">=" } else { ">" };
        match self {
            Self::Earliest => "amqp.annotation.x-opt-offset > '-1'".into(),
            Self::Latest => "amqp.annotation.x-opt-offset > '@latest'".into(),
            Self::Offset { offset, inclusive } => {
                let offset = offset.replace('\'', "");
                format!("amqp.annotation.x-opt-offset {} '{offset}'", than(inclusive))
            }
            Self::SequenceNumber { number, inclusive } => {
                format!("amqp.annotation.x-opt-sequence-number {} '{number}'", than(inclusive))
            }
            Self::EnqueuedAfter(millis) => {
                format!("amqp.annotation.x-opt-enqueued-time > '{millis}'")
            }
        }
    }
}

/// Whether others may receive from the partition at the same time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Owner {
    /// They may.
    #[default]
    Shared,
    /// It displaces receivers of a lower level, and is displaced by those of a higher.
    Level(i64),
}

/// From where to receive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiveOptions {
    /// The consumer group.
    pub group: String,
    /// The partition's id.
    pub partition: String,
    /// Where to begin.
    pub from: StartPosition,
    /// Whether it has the partition for itself.
    pub owner: Owner,
    /// How many events may wait here to be taken.
    pub prefetch: u32,
}

impl ReceiveOptions {
    /// From a partition of the default group, shared, with 300 events that may wait.
    #[must_use]
    pub fn new(partition: &str, from: StartPosition) -> Self {
        Self {
            group: "$Default".into(),
            partition: partition.to_owned(),
            from,
            owner: Owner::Shared,
            prefetch: 300,
        }
    }
}

/// Receives the events of one partition in order. Where the connection breaks it goes on after
/// the last event that was taken.
pub struct PartitionReceiver {
    client: EventHubClient,
    address: String,
    options: ReceiveOptions,
    link: Option<Receiver>,
    /// Events taken since more were asked for.
    taken: u32,
}

impl PartitionReceiver {
    pub(super) fn new(client: EventHubClient, address: String, options: ReceiveOptions) -> Self {
        Self { client, address, options, link: None, taken: 0 }
    }

    /// The next event; waits for one to come. It can be used in `select!`: nothing is lost when it
    /// is dropped.
    ///
    /// # Errors
    /// [`ClientError`]: [`crate::client::Code::Displaced`] when another took the partition over. Asked again, it
    /// attaches again.
    pub async fn next(&mut self) -> Result<ReceivedEvent, ClientError> {
        let mut attempts = self.client.connector.retry.attempts();
        loop {
            match self.attempt().await {
                Ok(event) => return Ok(event),
                Err(error) => {
                    self.link = None;
                    attempts.pause(error).await?;
                }
            }
        }
    }

    /// The next event; `None` where none comes within a time.
    ///
    /// # Errors
    /// As [`PartitionReceiver::next`].
    pub async fn next_within(
        &mut self,
        time: Duration,
    ) -> Result<Option<ReceivedEvent>, ClientError> {
        timeout(time, self.next()).await.map_or(Ok(None), |next| next.map(Some))
    }

    async fn attempt(&mut self) -> Result<ReceivedEvent, ClientError> {
        let place = self.client.connector.place(&self.address);
        if self.link.is_none() {
            self.link = Some(self.attach(&place).await?);
            self.taken = 0;
        }
        let failed = |failure| ClientError::of_failure(&place, failure);
        loop {
            let Some(link) = &mut self.link else { return Err(ClientError::timeout(&place)) };
            let Event::Message(incoming) = link.next().await.map_err(failed)? else { continue };
            self.taken += 1;
            if self.taken > self.options.prefetch / 2 {
                link.grant(self.taken);
                self.taken = 0;
            }
            let malformed = |error: amqp::Malformed| ClientError::of_amqp(&place, error.into());
            let event = ReceivedEvent::read(incoming.message.clone()).map_err(malformed)?;
            // Where it is begun again, what was taken does not come again.
            self.options.from =
                StartPosition::Offset { offset: event.offset.clone(), inclusive: false };
            if !incoming.settled {
                link.accept(incoming.delivery);
            }
            return Ok(event);
        }
    }

    async fn attach(&self, place: &str) -> Result<Receiver, ClientError> {
        let live = self.client.connector.live().await?;
        live.authorize(&self.client.hub).await?;
        let name = link_name(&self.address);
        let text = Value::String(self.options.from.selector());
        let filter = Value::Described(Box::new((Value::symbol(SELECTOR), text)));
        let source = performative::source(&self.address, vec![(Value::symbol(SELECTOR), filter)]);
        let mut options = LinkOptions::new(name.clone(), source, performative::target(&name));
        let mut properties = vec![(
            Value::symbol("com.microsoft:receiver-name"),
            Value::String(self.client.hub.clone()),
        )];
        if let Owner::Level(level) = self.options.owner {
            properties.push((Value::symbol("com.microsoft:epoch"), Value::Long(level)));
        }
        options.properties = Value::Map(properties);
        // A hub keeps its events whatever a reader says of them; Azure.Messaging.EventHubs asks for
        // the same (`SettleMode.SettleOnSend`).
        options.settled = true;
        let attached = live.connection.receiver(options);
        let receiver = within(&self.client.connector, place, attached).await?;
        receiver.grant(self.options.prefetch.max(1));
        Ok(receiver)
    }

    /// Keeps that everything up to this event is done.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn checkpoint(
        &self,
        store: &dyn CheckpointStore,
        event: &ReceivedEvent,
    ) -> Result<(), ClientError> {
        let checkpoint = Checkpoint {
            group: self.options.group.clone(),
            partition: self.options.partition.clone(),
            offset: event.offset.clone(),
            sequence_number: event.sequence_number,
        };
        store.save(&self.client.hub, checkpoint).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_as_the_service_reads_them() {
        let offset = |inclusive| StartPosition::Offset { offset: "1'2".into(), inclusive };
        for (position, selector) in [
            (StartPosition::Earliest, "amqp.annotation.x-opt-offset > '-1'"),
            (StartPosition::Latest, "amqp.annotation.x-opt-offset > '@latest'"),
            (offset(false), "amqp.annotation.x-opt-offset > '12'"),
            (offset(true), "amqp.annotation.x-opt-offset >= '12'"),
            (
                StartPosition::SequenceNumber { number: 7, inclusive: true },
                "amqp.annotation.x-opt-sequence-number >= '7'",
            ),
            (StartPosition::EnqueuedAfter(1_000), "amqp.annotation.x-opt-enqueued-time > '1000'"),
        ] {
            assert_eq!(position.selector(), selector);
        }
    }
}
