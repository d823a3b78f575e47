//! Event Hubs: send events alone or in batches, receive from any position of a partition.

mod event;
mod receiver;

use super::checkpoint::CheckpointStore;
use super::connection::{Connector, within};
use super::message::{BATCH, envelope};
use super::retry::Retry;
use super::{ClientError, Code, Endpoint};
use amqp::Value;
use bytes::Bytes;
use std::sync::Arc;

pub use event::{EventBatch, EventData, ReceivedEvent, Target};
pub use receiver::{Owner, PartitionReceiver, ReceiveOptions, StartPosition};

const SCOPE: &str = "https://eventhubs.azure.net/.default";
/// The service's own limit, where a link does not say one.
const MOST_BYTES: usize = 1 << 20;
/// What goes around the events of a batch: annotations with a key of at most 128 bytes.
const AROUND: usize = 256;

/// What a hub is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubProperties {
    /// Its name.
    pub name: String,
    /// When it was made, in milliseconds since 1970.
    pub created: i64,
    /// The ids of its partitions.
    pub partitions: Vec<String>,
}

/// What a partition has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionProperties {
    /// Its id.
    pub id: String,
    /// The first sequence number that is still there.
    pub first_sequence_number: i64,
    /// The last; -1 where there was none yet.
    pub last_sequence_number: i64,
    /// The last event's offset.
    pub last_offset: String,
    /// When the last came, in milliseconds since 1970.
    pub last_enqueued: i64,
    /// Whether there is nothing in it.
    pub is_empty: bool,
}

/// A client of one event hub. Clones share its connection.
#[derive(Clone)]
pub struct EventHubClient {
    connector: Arc<Connector>,
    hub: String,
}

impl EventHubClient {
    /// A client of the hub that the endpoint names, or of the given one. It connects when it is
    /// used.
    ///
    /// # Errors
    /// [`Code::Settings`] where no hub is named.
    pub fn new(endpoint: Endpoint, hub: Option<&str>, retry: Retry) -> Result<Self, ClientError> {
        let hub = endpoint.entity(hub)?;
        Ok(Self { connector: Connector::new(endpoint, retry, SCOPE), hub })
    }

    /// Closes its connection; used again, it makes a new one.
    pub async fn close(&self) {
        self.connector.close().await;
    }

    /// What the hub is.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn properties(&self) -> Result<HubProperties, ClientError> {
        let read = self.read("com.microsoft:eventhub", None).await?;
        let ids = read.get("partition_ids").and_then(Value::as_list).unwrap_or_default();
        Ok(HubProperties {
            name: text(&read, "name"),
            created: number(&read, "created_at"),
            partitions: ids.iter().filter_map(|id| id.as_text().map(str::to_owned)).collect(),
        })
    }

    /// What a partition has.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn partition_properties(&self, id: &str) -> Result<PartitionProperties, ClientError> {
        let read = self.read("com.microsoft:partition", Some(id)).await?;
        Ok(PartitionProperties {
            id: text(&read, "partition"),
            first_sequence_number: number(&read, "begin_sequence_number"),
            last_sequence_number: number(&read, "last_enqueued_sequence_number"),
            last_offset: text(&read, "last_enqueued_offset"),
            last_enqueued: number(&read, "last_enqueued_time_utc"),
            is_empty: read.get("is_partition_empty").and_then(Value::as_bool).unwrap_or_default(),
        })
    }

    async fn read(&self, kind: &str, partition: Option<&str>) -> Result<Value, ClientError> {
        let text = |text: &str| Value::String(text.to_owned());
        let mut properties = vec![("name", text(&self.hub)), ("type", text(kind))];
        properties.extend(partition.map(|id| ("partition", text(id))));
        let place = self.connector.place(&self.hub);
        let mut attempts = self.connector.retry.attempts();
        loop {
            let asked = async {
                let live = self.connector.live().await?;
                live.authorize(&self.hub).await?;
                let node = live.node("$management", &place).await?;
                let within = self.connector.retry.within;
                node.ask("READ", &properties, &Value::Null, within).await?.body(&place)
            };
            match asked.await {
                Ok(read) => return Ok(read),
                Err(error) => attempts.pause(error).await?,
            }
        }
    }

    /// An empty batch, of the size that the service takes.
    ///
    /// # Errors
    /// [`ClientError`]: it connects to know the size.
    pub async fn batch(&self, target: Target) -> Result<EventBatch, ClientError> {
        let address = self.address(&target);
        let mut attempts = self.connector.retry.attempts();
        loop {
            let asked = async {
                let live = self.connector.live().await?;
                Ok(live.sender(&self.hub, &address).await?.max_message_size)
            };
            match asked.await {
                Ok(most) => {
                    let most = most.and_then(|most| usize::try_from(most).ok());
                    let most = most.unwrap_or(MOST_BYTES).saturating_sub(AROUND);
                    return Ok(EventBatch::new(target, most));
                }
                Err(error) => attempts.pause(error).await?,
            }
        }
    }

    /// Sends the events of a batch, all or none. Where the connection breaks it is sent again:
    /// events may then be there twice.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn send_batch(&self, batch: &EventBatch) -> Result<(), ClientError> {
        if batch.is_empty() {
            return Ok(());
        }
        let message = envelope(&batch.target.annotations(), &batch.events);
        self.send_message(&self.address(&batch.target), message, BATCH).await
    }

    /// Sends one event, as [`EventHubClient::send_batch`].
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn send(&self, event: &EventData, target: &Target) -> Result<(), ClientError> {
        let mut parts = event.parts();
        parts.annotations = target.annotations();
        self.send_message(&self.address(target), parts.encode(), 0).await
    }

    async fn send_message(
        &self,
        address: &str,
        message: Bytes,
        format: u32,
    ) -> Result<(), ClientError> {
        let place = self.connector.place(address);
        let mut attempts = self.connector.retry.attempts();
        loop {
            let sent = async {
                let live = self.connector.live().await?;
                let sender = live.sender(&self.hub, address).await?;
                if let Some(most) = sender.max_message_size.filter(|m| message.len() as u64 > *m) {
                    let text = format!("{} bytes, where at most {most} are taken", message.len());
                    return Err(ClientError::new(Code::TooLarge, place.as_str(), text));
                }
                let sent = sender.send(message.clone(), format);
                let outcome = within(&self.connector, &place, sent).await;
                let outcome = outcome.map_err(ClientError::when_sent)?;
                ClientError::of_outcome(&place, outcome)
            };
            match sent.await {
                Ok(()) => return Ok(()),
                Err(error) => attempts.pause(error).await?,
            }
        }
    }

    fn address(&self, target: &Target) -> String {
        match target {
            Target::Partition(id) => format!("{}/Partitions/{id}", self.hub),
            _ => self.hub.clone(),
        }
    }

    /// Receives from a partition. It connects when it is asked for an event.
    #[must_use]
    pub fn receive(&self, options: ReceiveOptions) -> PartitionReceiver {
        let address = format!(
            "{}/ConsumerGroups/{}/Partitions/{}",
            self.hub, options.group, options.partition
        );
        PartitionReceiver::new(self.clone(), address, options)
    }

    /// Receives from after the last checkpoint; from the options' position where there is none.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn resume(
        &self,
        store: &dyn CheckpointStore,
        options: ReceiveOptions,
    ) -> Result<PartitionReceiver, ClientError> {
        let kept = store.load(&self.hub, &options.group, &options.partition).await?;
        let from = kept.map_or(options.from.clone(), |checkpoint| StartPosition::Offset {
            offset: checkpoint.offset,
            inclusive: false,
        });
        Ok(self.receive(ReceiveOptions { from, ..options }))
    }
}

fn text(map: &Value, key: &str) -> String {
    map.get(key).and_then(Value::as_text).unwrap_or_default().to_owned()
}

fn number(map: &Value, key: &str) -> i64 {
    map.get(key).and_then(Value::as_i64).unwrap_or_default()
}
