//! One device, as the hub knows it: what is kept, and who is connected.

use super::command::{CloudMessage, Queue};
use super::topic::Feed;
use super::twin::Twin;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tokio::sync::mpsc;

/// A device of the hub's registry.
pub(super) struct Device {
    pub(super) id: Arc<str>,
    /// Held while something of the device is made durable, so that its entries are in order.
    pub(super) writing: tokio::sync::Mutex<()>,
    pub(super) state: Mutex<State>,
}

/// What is known of a device.
pub(super) struct State {
    pub(super) kept: Kept,
    pub(super) queue: Queue,
    pub(super) connection: Option<Connected>,
    /// Connections that it has had since the hub started.
    pub(super) connections: u64,
    /// When it last connected, disconnected or sent, in milliseconds since 1970.
    pub(super) last_activity: i64,
}

/// What of a device is in the journal.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Kept {
    /// When it was made, in milliseconds: tells it from an earlier device of the same id.
    pub(super) generation: u64,
    pub(super) enabled: bool,
    /// Whether the topology names it, and takes it away when it no longer does.
    pub(super) declared: bool,
    pub(super) twin: Twin,
    pub(super) messages: Vec<CloudMessage>,
    /// What it is subscribed to in its persistent session.
    pub(super) session: Option<Vec<Feed>>,
}

/// Who is connected as a device.
#[derive(Clone)]
pub(super) struct Connected {
    /// Which of the device's connections.
    pub(super) number: u64,
    pub(super) orders: mpsc::Sender<Order>,
    pub(super) methods: bool,
    pub(super) desired: bool,
}

/// What the hub asks a connection to do.
#[derive(Debug)]
pub(super) enum Order {
    /// Look into the device's queue.
    MessagesWait,
    /// Publish this.
    Publish { topic: String, payload: Vec<u8> },
    /// End, and why.
    End(&'static str),
}

impl Device {
    pub(super) fn new(id: Arc<str>, kept: Kept) -> Arc<Self> {
        let queue = Queue::new(kept.messages.clone());
        let state = State { kept, queue, connection: None, connections: 0, last_activity: 0 };
        Arc::new(Self { id, writing: tokio::sync::Mutex::default(), state: Mutex::new(state) })
    }

    /// Gives the connected device an order; `false` where none is connected, or it does not take
    /// orders any more because its client reads nothing.
    pub(super) fn order(&self, order: Order) -> bool {
        let connection = self.state.lock().connection.clone();
        connection.is_some_and(|connection| connection.orders.try_send(order).is_ok())
    }

    /// Ends the connection there is, for `reason`.
    pub(super) fn end_connection(&self, reason: &'static str) {
        // Taking its sender away ends even one whose orders are full.
        let taken = self.state.lock().connection.take();
        if let Some(connection) = taken {
            let _ = connection.orders.try_send(Order::End(reason));
        }
    }
}
