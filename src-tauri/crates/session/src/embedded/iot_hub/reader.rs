//! A reader of the hub's endpoint: what devices sent reaches the topology's functions.

use adt_service::Call;
use futures::FutureExt;
use futures::stream::{FuturesUnordered, StreamExt};
use messaging::event_hubs::Event;
use messaging::iot_hub::{IotHub, Telemetry};
use pipeline::{DeviceHub, DeviceMessage, Pipeline};
use simulator::Simulation;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};
use twin_graph::{Origin, Timestamp, TraceContext};

/// Its name, under which the endpoint keeps where it is.
const NAME: &str = "functions";
/// Messages taken and not done with, and their bodies' bytes; past that no new ones are read.
const MOST: usize = 256;
const MOST_BYTES: usize = 1 << 20;
const READ_AGAIN: Duration = Duration::from_secs(1);

/// Follows one partition of the hub's endpoint.
pub(super) struct Reader {
    pub(super) hub: Arc<IotHub>,
    pub(super) partition: usize,
    pub(super) pipeline: Arc<Pipeline>,
    pub(super) simulation: Arc<Simulation>,
}

impl Reader {
    /// Messages of a device one after another; devices side by side, so that their writes share a
    /// commit and none waits for another's function. The cursor moves only past what functions
    /// were called with.
    pub(super) async fn run(self) {
        let endpoint = self.hub.endpoint();
        let Some(partition) = endpoint.partitions().get(self.partition) else { return };
        let mut kept = endpoint.cursor(NAME, self.partition);
        let mut taken = Taken::new(kept);
        let mut under_way = FuturesUnordered::new();
        loop {
            tokio::select! {
                Some(first) = under_way.next() => {
                    let mut done = Some(first);
                    // Those that ended at the same time, too.
                    while let Some((number, device)) = done {
                        let behind = taken.done(number, &device);
                        under_way.extend(behind.map(|(number, message)| self.call(number, message)));
                        done = under_way.next().now_or_never().flatten();
                    }
                }
                () = partition.more_than(taken.next), if taken.room() > 0 => {
                    match partition.read(taken.next, taken.room()).await {
                        Ok(events) => for event in events {
                            let first = self.take(&mut taken, &event);
                            under_way.extend(first.map(|(number, message)| self.call(number, message)));
                        },
                        Err(error) => {
                            tracing::error!(%error, "the IoT hub's messages cannot be read");
                            tokio::time::sleep(READ_AGAIN).await;
                        }
                    }
                }
            }
            if taken.until() > kept {
                kept = taken.until();
                endpoint.keep_cursor(NAME, self.partition, kept);
            }
        }
    }

    /// Takes a message in; answers with it where none of its device is under way.
    fn take(
        &self,
        taken: &mut Taken<DeviceMessage>,
        event: &Event,
    ) -> Option<(u64, DeviceMessage)> {
        let number = event.sequence_number.unsigned_abs();
        taken.next = number + 1;
        let Some(telemetry) = Telemetry::of_event(event) else {
            tracing::error!(number, partition = self.partition, "a message is not readable");
            return None;
        };
        let bytes = telemetry.body.len();
        let message = self.message(number, telemetry);
        let device = message.device.clone();
        taken.take(number, &device, bytes, message)
    }

    /// Answers with the message's number and its device when its function has handled it.
    async fn call(&self, number: u64, message: DeviceMessage) -> (u64, Arc<str>) {
        let device = message.device.clone();
        // The real one is there: the simulated one would only talk over it.
        self.simulation.silence(&device);
        self.pipeline.send(message).await;
        (number, device)
    }

    fn message(&self, number: u64, telemetry: Telemetry) -> DeviceMessage {
        let since = u64::try_from(telemetry.enqueued).unwrap_or_default();
        // Functions parse what they get; they need no content type for that.
        let body = serde_json::from_slice(&telemetry.body);
        DeviceMessage {
            // The same whenever it is read again, so that a repeated one can be told.
            id: format!("{}/{}/{number}", self.hub.name(), self.partition).into(),
            time: Timestamp::from(UNIX_EPOCH + Duration::from_millis(since)),
            trace: trace_of(&telemetry),
            hops: 0,
            body: body.unwrap_or_else(|_| telemetry.body_value()),
            device: telemetry.device,
        }
    }
}

/// A device may say in which trace its message is, as it would in HTTP; else one begins with it.
fn trace_of(telemetry: &Telemetry) -> TraceContext {
    let told = telemetry.properties.application.iter().find(|(name, _)| name == "traceparent");
    let told = told.and_then(|(_, value)| value.as_deref()?.parse().ok());
    told.unwrap_or_else(|| Call::new(Origin::Remote).trace)
}

/// What was taken from a partition and is not done with, in order for each device.
struct Taken<M> {
    /// The number of the message to be read next.
    next: u64,
    /// Numbers and bodies' bytes of those not done with.
    unfinished: BTreeMap<u64, usize>,
    bytes: usize,
    /// Of each device with a message under way those behind it.
    behind: HashMap<Arc<str>, VecDeque<(u64, M)>>,
}

impl<M> Taken<M> {
    fn new(next: u64) -> Self {
        Self { next, unfinished: BTreeMap::new(), bytes: 0, behind: HashMap::new() }
    }

    /// Answers with the message where none of its device is under way; else it waits behind those.
    fn take(
        &mut self,
        number: u64,
        device: &Arc<str>,
        bytes: usize,
        message: M,
    ) -> Option<(u64, M)> {
        self.unfinished.insert(number, bytes);
        self.bytes += bytes;
        match self.behind.get_mut(device) {
            Some(behind) => {
                behind.push_back((number, message));
                None
            }
            None => {
                self.behind.insert(device.clone(), VecDeque::new());
                Some((number, message))
            }
        }
    }

    /// A device's message is done with; answers with the one behind it.
    fn done(&mut self, number: u64, device: &Arc<str>) -> Option<(u64, M)> {
        self.bytes -= self.unfinished.remove(&number).unwrap_or_default();
        let next = self.behind.get_mut(device)?.pop_front();
        if next.is_none() {
            self.behind.remove(device);
        }
        next
    }

    /// All before this number is done with.
    fn until(&self) -> u64 {
        self.unfinished.first_key_value().map_or(self.next, |(number, _)| *number)
    }

    /// How many more may be taken.
    fn room(&self) -> usize {
        if self.bytes < MOST_BYTES { MOST.saturating_sub(self.unfinished.len()) } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(taken: &mut Taken<&'static str>, device: &str, message: &'static str) -> bool {
        let number = taken.next;
        taken.next += 1;
        taken.take(number, &device.into(), 1, message).is_some()
    }

    #[test]
    fn a_devices_messages_follow_each_other_and_hold_nobody_else_up() {
        let mut taken = Taken::new(5);
        let [a, b]: [Arc<str>; 2] = ["a".into(), "b".into()];
        assert!(take(&mut taken, "a", "a5"));
        assert!(!take(&mut taken, "a", "a6"));
        assert!(take(&mut taken, "b", "b7"));
        assert!(!take(&mut taken, "a", "a8"));
        assert_eq!(taken.until(), 5, "nothing is done with");

        assert_eq!(taken.done(7, &b), None);
        assert!(take(&mut taken, "b", "b9"), "it has none under way any more");
        assert_eq!(taken.until(), 5, "the first is not done with");
        assert_eq!(taken.done(5, &a), Some((6, "a6")));
        assert_eq!(taken.until(), 6);
        assert_eq!(taken.done(6, &a), Some((8, "a8")));
        assert_eq!(taken.until(), 8);
        assert_eq!(taken.done(9, &b), None);
        assert_eq!(taken.done(8, &a), None);
        assert_eq!(taken.until(), 10, "all that was taken");
        assert!(taken.behind.is_empty() && taken.unfinished.is_empty());
    }

    #[test]
    fn what_is_taken_is_bounded_in_number_and_in_bytes() {
        let device: Arc<str> = "a".into();
        let mut taken = Taken::new(0);
        for number in 0..MOST as u64 {
            assert_eq!(taken.room(), MOST - number as usize);
            taken.take(number, &device, 1, ());
        }
        assert_eq!(taken.room(), 0);
        taken.done(0, &device);
        assert_eq!(taken.room(), 1);
        let mut taken = Taken::new(0);
        taken.take(0, &device, MOST_BYTES, ());
        assert_eq!(taken.room(), 0);
        taken.done(0, &device);
        assert_eq!(taken.room(), MOST);
    }
}
