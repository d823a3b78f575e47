//! To an event hub: a batch for each partition.

use super::outgoing::{Outgoing, Spans};
use super::sender::{Batches, Lot, Sender, Trouble, send_in_batches};
use async_trait::async_trait;
use futures::future::join_all;
use messaging::client::{
    Access, ClientError, Endpoint, EventBatch, EventData, EventHubClient, Retry, Target, Value,
};
use std::collections::BTreeMap;
use tokio::sync::OnceCell;

/// Events about one twin go to one partition, in order; which one is ours to choose, so that the
/// events of many twins share a batch (a batch has one partition key at most).
pub(super) struct EventHubSender {
    client: EventHubClient,
    entity: String,
    /// The hub's partitions; none where it has none to name, as other brokers.
    partitions: OnceCell<Vec<String>>,
    names_partitions: bool,
    spans: Spans,
}

impl EventHubSender {
    pub(super) fn new(
        endpoint: Endpoint,
        entity: Option<&str>,
        retry: Retry,
    ) -> Result<Self, ClientError> {
        let names_partitions =
            !matches!(endpoint.access, Access::Password { .. } | Access::Anonymous);
        let entity = entity.map(str::to_owned).or_else(|| endpoint.entity.clone());
        Ok(Self {
            client: EventHubClient::new(endpoint, entity.as_deref(), retry)?,
            entity: entity.unwrap_or_default(),
            partitions: OnceCell::new(),
            names_partitions,
            spans: Spans::new(),
        })
    }

    async fn partitions(&self) -> Result<&[String], ClientError> {
        let ask = || async {
            if !self.names_partitions {
                return Ok(Vec::new());
            }
            self.client.properties().await.map(|hub| hub.partitions)
        };
        self.partitions.get_or_try_init(ask).await.map(Vec::as_slice)
    }
}

/// One partition of the hub, or whichever the service chooses.
struct Partition<'a> {
    of: &'a EventHubSender,
    target: Target,
}

#[async_trait]
impl Batches for Partition<'_> {
    type Batch = EventBatch;

    fn entity(&self) -> &str {
        &self.of.entity
    }

    async fn open(&self) -> Result<EventBatch, ClientError> {
        self.of.client.batch(self.target.clone()).await
    }

    fn add(&self, batch: &mut EventBatch, event: &Outgoing) -> bool {
        let form = event.amqp(&self.of.entity, self.of.spans.next());
        let named = |(name, value): (&'static str, String)| (name.into(), Value::String(value));
        batch.add(&EventData {
            properties: form.properties.into_iter().map(named).collect(),
            content_type: Some("application/json".into()),
            ..EventData::new(form.body)
        })
    }

    fn bytes(batch: &EventBatch) -> usize {
        batch.bytes()
    }

    async fn send_batch(&self, batch: &EventBatch) -> Result<(), ClientError> {
        self.of.client.send_batch(batch).await
    }
}

#[async_trait]
impl Sender for EventHubSender {
    async fn send(&self, events: &[&Outgoing]) -> Vec<Lot> {
        let partitions = match self.partitions().await {
            Ok(partitions) => partitions,
            Err(error) => {
                return vec![Lot::failed((0..events.len()).collect(), Trouble::Endpoint(error))];
            }
        };
        let mut by_target: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (index, event) in events.iter().enumerate() {
            by_target.entry(place_of(event.about(), partitions.len())).or_default().push(index);
        }
        let sends = by_target.into_iter().map(|(place, which)| async move {
            let target = partitions.get(place).cloned().map_or(Target::Any, Target::Partition);
            send_in_batches(&Partition { of: self, target }, events, which).await
        });
        join_all(sends).await.into_iter().flatten().collect()
    }
}

/// FNV-1a: the same twin has the same place in every process.
fn place_of(twin: &str, places: usize) -> usize {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    let hash = twin.bytes().fold(0xcbf2_9ce4_8422_2325, step);
    usize::try_from(hash % places.max(1) as u64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twins_are_spread_over_the_partitions_and_each_has_its_own() {
        let mut counts = [0; 4];
        for twin in 0..4_000 {
            let twin = format!("thermo_{twin:04}");
            let place = place_of(&twin, 4);
            assert_eq!(place, place_of(&twin, 4));
            counts[place] += 1;
        }
        assert!(counts.iter().all(|count| *count > 800), "{counts:?}");
        assert_eq!(place_of("x", 0), 0);
    }
}
