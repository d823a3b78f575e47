//! What passes through a server: counters, and a tap that sees each message.

use bytes::Bytes;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use tokio::sync::broadcast;

/// How many messages a tap may lag behind before it misses the oldest. It never holds a server up.
const TAP_HOLDS: usize = 4_096;

/// One server's counters and tap. Shared by all of its connections.
#[derive(Debug)]
pub struct Traffic {
    connections: AtomicU64,
    connections_open: AtomicU64,
    links: AtomicU64,
    links_open: AtomicU64,
    messages_in: AtomicU64,
    messages_out: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    rejections: Mutex<BTreeMap<&'static str, u64>>,
    tap: broadcast::Sender<Arc<Seen>>,
}

/// What was counted since the server started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections accepted.
    pub connections: u64,
    /// Connections open now.
    pub connections_open: u64,
    /// Links attached (AMQP), subscriptions granted (MQTT).
    pub links: u64,
    /// Those of them open now.
    pub links_open: u64,
    /// Messages that were accepted from clients.
    pub messages_in: u64,
    /// Messages that were sent to clients; one that is sent twice counts twice.
    pub messages_out: u64,
    /// Their bytes, without what the protocol puts around them.
    pub bytes_in: u64,
    /// Their bytes, without what the protocol puts around them.
    pub bytes_out: u64,
    /// What was refused, by reason.
    pub rejections: BTreeMap<&'static str, u64>,
}

/// Which way a message went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// A client's, accepted.
    In,
    /// To a client.
    Out,
}

/// A message, as a tap sees it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Which way.
    pub direction: Direction,
    /// The hub's partition, topic, subscription, queue or device, in the service's path form.
    pub entity: Arc<str>,
    /// When, in milliseconds since 1970.
    pub at: i64,
    /// The whole message in the form that its protocol has.
    pub message: Bytes,
}

impl Default for Traffic {
    fn default() -> Self {
        Self {
            connections: AtomicU64::new(0),
            connections_open: AtomicU64::new(0),
            links: AtomicU64::new(0),
            links_open: AtomicU64::new(0),
            messages_in: AtomicU64::new(0),
            messages_out: AtomicU64::new(0),
            bytes_in: AtomicU64::new(0),
            bytes_out: AtomicU64::new(0),
            rejections: Mutex::default(),
            tap: broadcast::channel(TAP_HOLDS).0,
        }
    }
}

impl Traffic {
    /// Counts a connection for as long as the answer lives.
    #[must_use]
    pub fn connection(self: &Arc<Self>) -> Open {
        self.connections.fetch_add(1, Relaxed);
        self.connections_open.fetch_add(1, Relaxed);
        Open { traffic: self.clone(), link: false }
    }

    /// Counts a link for as long as the answer lives.
    #[must_use]
    pub fn link(self: &Arc<Self>) -> Open {
        self.links.fetch_add(1, Relaxed);
        self.links_open.fetch_add(1, Relaxed);
        Open { traffic: self.clone(), link: true }
    }

    /// Counts messages, and their bytes together.
    pub fn count(&self, direction: Direction, messages: u64, bytes: u64) {
        let (counted, length) = match direction {
            Direction::In => (&self.messages_in, &self.bytes_in),
            Direction::Out => (&self.messages_out, &self.bytes_out),
        };
        counted.fetch_add(messages, Relaxed);
        length.fetch_add(bytes, Relaxed);
    }

    /// Counts something refused. `reason` is a short fixed text, never what a client sent.
    pub fn reject(&self, reason: &'static str) {
        *self.rejections.lock().entry(reason).or_default() += 1;
    }

    /// Shows a message to the taps; `seen` is only made where there is one.
    pub fn show(&self, seen: impl FnOnce() -> Seen) {
        if self.tap.receiver_count() > 0 {
            // No receiver is no error: the last one may have gone meanwhile.
            let _ = self.tap.send(Arc::new(seen()));
        }
    }

    /// Sees every message from now on. Who is slow misses some, and is told how many.
    #[must_use]
    pub fn tap(&self) -> broadcast::Receiver<Arc<Seen>> {
        self.tap.subscribe()
    }

    /// What was counted.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts {
            connections: self.connections.load(Relaxed),
            connections_open: self.connections_open.load(Relaxed),
            links: self.links.load(Relaxed),
            links_open: self.links_open.load(Relaxed),
            messages_in: self.messages_in.load(Relaxed),
            messages_out: self.messages_out.load(Relaxed),
            bytes_in: self.bytes_in.load(Relaxed),
            bytes_out: self.bytes_out.load(Relaxed),
            rejections: self.rejections.lock().clone(),
        }
    }
}

/// Something that is open, and counted as such until it is dropped.
#[derive(Debug)]
pub struct Open {
    traffic: Arc<Traffic>,
    link: bool,
}

impl Drop for Open {
    fn drop(&mut self) {
        let open =
            if self.link { &self.traffic.links_open } else { &self.traffic.connections_open };
        open.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn what_is_open_is_counted_while_it_is() {
        let traffic = Arc::new(Traffic::default());
        let connection = traffic.connection();
        let link = traffic.link();
        drop(link);
        traffic.count(Direction::In, 2, 10);
        traffic.reject("unauthorized");
        traffic.reject("unauthorized");
        let counts = traffic.counts();
        assert_eq!((counts.connections_open, counts.links_open, counts.links), (1, 0, 1));
        assert_eq!((counts.messages_in, counts.bytes_in), (2, 10));
        assert_eq!(counts.rejections, BTreeMap::from([("unauthorized", 2)]));
        drop(connection);
        assert_eq!(traffic.counts().connections_open, 0);
    }

    #[test]
    fn a_slow_tap_misses_and_is_told() {
        let traffic = Traffic::default();
        let seen = || Seen {
            direction: Direction::In,
            entity: "hub/0".into(),
            at: 0,
            message: Bytes::from_static(b"m"),
        };
        traffic.show(|| unreachable!("nobody looks"));
        let mut tap = traffic.tap();
        (0..TAP_HOLDS + 3).for_each(|_| traffic.show(seen));
        assert_eq!(tap.try_recv().unwrap_err(), broadcast::error::TryRecvError::Lagged(3));
        assert_eq!(tap.try_recv().unwrap().message, "m");
    }
}
