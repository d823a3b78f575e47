//! Cloud-to-device messages: a queue for each device, peek-locked by its connection.

use super::topic::Properties;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

//= documented: 50 cloud-to-device messages wait for a device, for an hour each where nothing else
//  is said; each has at most 64 KiB. Deliveries count where a device abandons a message, which
//  MQTT has no way to: one that is not acknowledged comes again until it expires.
//  [iot-hub/iot-hub-devguide-messages-c2d, iot-hub/iot-hub-devguide-quotas-throttling]
/// Messages that may wait for a device (quotas of IoT Hub).
pub const MAX_QUEUED: usize = 50;
/// The largest cloud-to-device message in bytes, properties and all.
pub const MAX_COMMAND_BYTES: usize = 64 << 10;
/// How long a message waits where it does not say, in milliseconds.
pub const DEFAULT_TTL: i64 = 60 * 60 * 1_000;

/// A cloud-to-device message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CloudMessage {
    /// Its number in the hub's queue of the device.
    pub sequence: u64,
    /// When it was queued, in milliseconds since 1970.
    pub enqueued: i64,
    /// When it is given up, in milliseconds since 1970.
    pub expires: i64,
    /// System and application properties.
    pub properties: Properties,
    /// The payload.
    #[serde(with = "base64_bytes")]
    pub body: Bytes,
}

/// The messages that wait for one device.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: VecDeque<Waiting>,
    last: u64,
}

#[derive(Debug)]
struct Waiting {
    message: CloudMessage,
    /// The connection that has it.
    locked_by: Option<u64>,
}

impl Queue {
    pub(super) fn new(messages: Vec<CloudMessage>) -> Self {
        let mut queue = Self::default();
        messages.into_iter().for_each(|message| queue.push(message));
        queue
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// The number that the next message gets.
    pub(super) fn next_sequence(&self) -> u64 {
        self.last + 1
    }

    pub(super) fn push(&mut self, message: CloudMessage) {
        self.last = self.last.max(message.sequence);
        self.waiting.push_back(Waiting { message, locked_by: None });
    }

    /// Locks the oldest free message for a connection.
    pub(super) fn lock(&mut self, connection: u64, now: i64) -> Option<CloudMessage> {
        let free = |each: &&mut Waiting| each.locked_by.is_none() && each.message.expires > now;
        let waiting = self.waiting.iter_mut().find(free)?;
        waiting.locked_by = Some(connection);
        Some(waiting.message.clone())
    }

    /// Frees what a connection had locked, which ended without saying that it is done.
    pub(super) fn free(&mut self, connection: u64) {
        let locked = self.waiting.iter_mut().filter(|each| each.locked_by == Some(connection));
        locked.for_each(|each| each.locked_by = None);
    }

    pub(super) fn remove(&mut self, sequence: u64) -> Option<CloudMessage> {
        let at = self.waiting.iter().position(|each| each.message.sequence == sequence)?;
        self.waiting.remove(at).map(|each| each.message)
    }

    /// Messages that are not delivered any more.
    pub(super) fn expired(&self, now: i64) -> Vec<u64> {
        let over = |each: &&Waiting| each.message.expires <= now;
        self.waiting.iter().filter(over).map(|each| each.message.sequence).collect()
    }

    pub(super) fn messages(&self) -> Vec<CloudMessage> {
        self.waiting.iter().map(|each| each.message.clone()).collect()
    }
}

mod base64_bytes {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use bytes::Bytes;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(bytes: &Bytes, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Bytes, D::Error> {
        let text = String::deserialize(from)?;
        STANDARD.decode(text).map(Bytes::from).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn message(sequence: u64, expires: i64) -> CloudMessage {
        let properties = Properties::default();
        CloudMessage { sequence, enqueued: 0, expires, properties, body: Bytes::from_static(b"on") }
    }

    #[test]
    fn a_message_is_there_until_it_is_done_or_expires() {
        let mut queue = Queue::new(vec![message(1, 100), message(2, 1_000)]);
        assert_eq!(queue.next_sequence(), 3);
        assert_eq!(queue.lock(7, 0).unwrap().sequence, 1);
        assert_eq!(queue.lock(7, 0).unwrap().sequence, 2);
        assert_eq!(queue.lock(7, 0), None);
        queue.free(7);
        assert_eq!(queue.lock(8, 100).unwrap().sequence, 2, "the first has expired");
        assert_eq!(queue.expired(100), [1]);
        assert!(queue.remove(2).is_some() && queue.remove(2).is_none());
        queue.remove(1);
        queue.push(message(3, 1_000));
        for connection in 0..20 {
            queue.lock(connection, 0).unwrap();
            queue.free(connection);
        }
        assert_eq!((queue.expired(999), queue.expired(1_000)), (vec![], vec![3]));
    }
}
