//! Follows all partitions of an event hub, each from where it was left.

use crate::backoff::Backoff;
use crate::flow::{Meter, NodeState};
use crate::{Kept, Memory, PipelineParts};
use futures::FutureExt;
use messaging::client::{
    ClientError, EventHubClient, PartitionReceiver, ReceiveOptions, ReceivedEvent, StartPosition,
};
use std::sync::Arc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Events taken at once.
const BATCH: usize = 256;
/// Events that may wait here to be taken.
const PREFETCH: u32 = 1_000;

/// Where to begin in a partition that was never read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begin {
    /// With the first event that is there.
    Earliest,
    /// With what comes from now on.
    Now,
}

/// Handles the events of one partition.
pub(crate) trait Handler: Send + 'static {
    /// Handles events; how many of them, from the first on, are done with. Fewer than all where it
    /// was told to stop.
    fn handle(&mut self, events: Vec<ReceivedEvent>) -> impl Future<Output = usize> + Send;

    /// Events are gone before they could be read.
    fn lost(&mut self, events: u64);

    /// What is to be kept with the position.
    fn state(&self) -> Vec<u8>;
}

/// What follows an event hub.
pub(crate) struct HubReader {
    /// The node whose it is: `subscriptions/NAME`.
    pub(crate) node: String,
    pub(crate) client: EventHubClient,
    pub(crate) group: String,
    pub(crate) begin: Begin,
    pub(crate) memory: Arc<dyn Memory>,
    pub(crate) meter: Arc<Meter>,
    pub(crate) stop: CancellationToken,
    pub(crate) time_factor: f64,
}

impl HubReader {
    pub(crate) fn new(
        node: &str,
        client: EventHubClient,
        group: Option<&str>,
        begin: Begin,
        parts: &PipelineParts,
    ) -> Self {
        Self {
            node: node.to_owned(),
            client,
            group: group.unwrap_or("$Default").to_owned(),
            begin,
            memory: parts.memory.clone(),
            meter: parts.flow.node(node),
            stop: parts.stop.clone(),
            time_factor: parts.time_factor,
        }
    }

    /// Follows until it is told to stop. `handler` makes a partition's handler, from what was kept
    /// with its position.
    pub(crate) async fn run<H: Handler>(self, handler: impl Fn(&str, Option<&[u8]>) -> H) {
        let this = Arc::new(self);
        let Some(hub) = this.until(|| this.client.properties()).await else { return };
        this.meter.set_state(NodeState::Healthy, None);
        let mut following = JoinSet::new();
        for partition in hub.partitions {
            let kept = this.memory.load(&this.key(&partition));
            let handler = handler(&partition, kept.as_ref().map(|kept| kept.state.as_slice()));
            following.spawn(follow(this.clone(), partition, kept, handler));
        }
        while following.join_next().await.is_some() {}
        this.client.close().await;
    }

    fn key(&self, partition: &str) -> String {
        format!("{}/{partition}", self.node)
    }

    /// Tries until it works; `None` when it is told to stop.
    async fn until<T, W>(&self, work: impl Fn() -> W) -> Option<T>
    where
        W: Future<Output = Result<T, ClientError>>,
    {
        let mut backoff = Backoff::new(self.time_factor);
        loop {
            let error = tokio::select! {
                () = self.stop.cancelled() => return None,
                worked = work() => match worked {
                    Ok(value) => return Some(value),
                    Err(error) => error,
                },
            };
            self.failed(&error, &mut backoff).await?;
        }
    }

    /// Waits after a failure; `None` when it is told to stop.
    async fn failed(&self, error: &ClientError, backoff: &mut Backoff) -> Option<()> {
        self.meter.failures.add(1);
        backoff.wait(&self.meter, error.to_string(), &self.stop).await
    }
}

async fn follow<H: Handler>(
    reader: Arc<HubReader>,
    partition: String,
    kept: Option<Kept>,
    mut handler: H,
) {
    let there = reader.until(|| reader.client.partition_properties(&partition)).await;
    let Some(there) = there else { return };
    let number = |number: i64| u64::try_from(number).unwrap_or_default();
    let (first, end) =
        (number(there.first_sequence_number), number(there.last_sequence_number + 1));
    // The position is the number of the event that is next.
    let mut next = match (&kept, reader.begin) {
        // A hub that was made anew begins anew.
        (Some(kept), _) if kept.position > end => first,
        (Some(kept), _) => kept.position,
        (None, Begin::Earliest) => first,
        (None, Begin::Now) => end,
    };
    if !there.is_empty && first > next {
        handler.lost(first - next);
        next = first;
    }
    let keep = |next: u64, handler: &H| {
        let kept = Kept { position: next, state: handler.state() };
        reader.memory.keep(&reader.key(&partition), kept);
    };
    keep(next, &handler);
    let position = i64::try_from(next).unwrap_or(i64::MAX);
    let from = StartPosition::SequenceNumber { number: position, inclusive: true };
    let mut options = ReceiveOptions::new(&partition, from);
    options.group.clone_from(&reader.group);
    options.prefetch = PREFETCH;
    let mut receiver = reader.client.receive(options);
    let mut backoff = Backoff::new(reader.time_factor);
    loop {
        let came = tokio::select! {
            () = reader.stop.cancelled() => return,
            came = batch(&mut receiver) => came,
        };
        let events = match came {
            Ok(events) => events,
            Err(error) => match reader.failed(&error, &mut backoff).await {
                Some(()) => continue,
                None => return,
            },
        };
        if backoff.is_waiting() {
            backoff.works(&reader.meter);
        }
        let numbers: Vec<_> = events.iter().map(|event| number(event.sequence_number)).collect();
        let done = handler.handle(events).await;
        if let Some(last) = numbers.get(..done).and_then(<[u64]>::last) {
            keep(last + 1, &handler);
        }
        if done < numbers.len() {
            return;
        }
    }
}

/// The next event, and those that came with it.
async fn batch(receiver: &mut PartitionReceiver) -> Result<Vec<ReceivedEvent>, ClientError> {
    let mut events = vec![receiver.next().await?];
    while events.len() < BATCH {
        match receiver.next().now_or_never() {
            Some(Ok(event)) => events.push(event),
            // An error comes again.
            Some(Err(_)) | None => break,
        }
    }
    Ok(events)
}
