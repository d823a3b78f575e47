//! Links as whoever uses them holds them.

use super::engine::{Ask, Asks};
use super::session::LinkId;
use super::{Failure, why};
use crate::performative::{Attach, Outcome};
use bytes::Bytes;
use std::sync::{Arc, OnceLock};
use tokio::sync::{Semaphore, mpsc, oneshot};

/// How many sends of one link may wait for credit or for their answer; more wait for these.
pub const MOST_WAITING: usize = 1_000;

/// What sender and receiver have in common. Dropped, it detaches the link.
pub(super) struct Link {
    pub(super) asks: Asks,
    pub(super) connection: Arc<OnceLock<Failure>>,
    pub(super) state: Arc<OnceLock<Failure>>,
    pub(super) id: LinkId,
}

impl Link {
    fn ended(&self) -> Option<Failure> {
        self.state.get().or_else(|| self.connection.get()).cloned()
    }

    fn why(&self) -> Failure {
        self.state.get().cloned().unwrap_or_else(|| why(&self.connection))
    }

    fn ask(&self, ask: Ask) {
        // Where the connection has ended, whoever waits for an answer hears so by its absence.
        let _ = self.asks.send(ask);
    }

    async fn detach(&self) {
        let (tell, detached) = oneshot::channel();
        self.ask(Ask::Detach { link: self.id, tell: Some(tell) });
        // Gone with its connection is detached as well.
        let _ = detached.await;
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.ask(Ask::Detach { link: self.id, tell: None });
    }
}

/// A link to send over.
pub struct Sender {
    link: Link,
    room: Semaphore,
    /// The largest message that the other side takes, in bytes; `None` for any.
    pub max_message_size: Option<u64>,
}

impl Sender {
    pub(super) fn new(link: Link, remote: &Attach) -> Self {
        let max_message_size = remote.max_message_size.filter(|most| *most > 0);
        Self { link, room: Semaphore::new(MOST_WAITING), max_message_size }
    }

    /// Sends an encoded message, and waits for what the other side made of it. `format` is 0
    /// for a message of AMQP's own.
    ///
    /// # Errors
    /// Where link or connection end before. Whether the message came through is unknown then.
    pub async fn send(&self, message: Bytes, format: u32) -> Result<Outcome, Failure> {
        let _room = self.room.acquire().await;
        let (tell, settled) = oneshot::channel();
        self.link.ask(Ask::Send { link: self.link.id, message, format, tell });
        settled.await.unwrap_or_else(|_| Err(self.link.why()))
    }

    /// Why it has ended, where it has.
    #[must_use]
    pub fn ended(&self) -> Option<Failure> {
        self.link.ended()
    }

    /// Detaches it, and waits until the other side has.
    pub async fn close(self) {
        self.link.detach().await;
    }
}

/// What comes over a receiving link.
#[derive(Debug)]
pub enum Event {
    /// A whole message.
    Message(Incoming),
    /// The credit is used up or given back: there is nothing more to come for it.
    Drained,
}

/// A message that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incoming {
    /// Its number in the session, to settle it by.
    pub delivery: u32,
    /// The sender's name for the delivery.
    pub tag: Bytes,
    /// 0 for a message of AMQP's own.
    pub format: u32,
    /// Whether the sender wants to hear nothing of it.
    pub settled: bool,
    /// As it came.
    pub message: Bytes,
}

/// A link to receive over.
pub struct Receiver {
    link: Link,
    events: mpsc::UnboundedReceiver<Event>,
    /// What the other side answered to the attach.
    pub remote: Attach,
}

impl Receiver {
    pub(super) fn new(link: Link, remote: Attach, events: mpsc::UnboundedReceiver<Event>) -> Self {
        Self { link, events, remote }
    }

    /// Lets so many more messages come.
    pub fn grant(&self, more: u32) {
        self.link.ask(Ask::Grant { link: self.link.id, more });
    }

    /// Asks for its credit to be used up or given back; [`Event::Drained`] says when.
    pub fn drain(&self) {
        self.link.ask(Ask::Drain { link: self.link.id });
    }

    /// The next event. It can be used in `select!`: nothing is lost when it is dropped.
    ///
    /// # Errors
    /// Where link or connection have ended, and all that came was taken.
    pub async fn next(&mut self) -> Result<Event, Failure> {
        self.events.recv().await.ok_or_else(|| self.link.why())
    }

    /// What is there already.
    pub fn try_next(&mut self) -> Option<Event> {
        self.events.try_recv().ok()
    }

    /// Says that a message is dealt with, and does not wait for an answer.
    pub fn accept(&self, delivery: u32) {
        let (tell, _) = oneshot::channel();
        let outcome = Outcome::Accepted;
        self.link.ask(Ask::Settle { link: self.link.id, delivery, outcome, tell });
    }

    /// Says what became of a message. In receiver-settle-mode second it waits for the other
    /// side's word on it, else it answers with the outcome at once.
    ///
    /// # Errors
    /// [`Failure::Settled`], or where link or connection end before.
    pub async fn settle(&self, delivery: u32, outcome: Outcome) -> Result<Outcome, Failure> {
        let (tell, settled) = oneshot::channel();
        self.link.ask(Ask::Settle { link: self.link.id, delivery, outcome, tell });
        settled.await.unwrap_or_else(|_| Err(self.link.why()))
    }

    /// Why it has ended, where it has.
    #[must_use]
    pub fn ended(&self) -> Option<Failure> {
        self.link.ended()
    }

    /// Detaches it, and waits until the other side has.
    pub async fn close(self) {
        self.link.detach().await;
    }
}
