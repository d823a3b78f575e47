//! Links, as a server sees them: what comes in goes to a [`Sink`], what goes out comes from a task
//! that holds an [`Outgoing`].

use crate::error::Error;
use crate::performative::{Outcome, Role};
use crate::value::Value;
use bytes::Bytes;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};

/// A future that a task can run.
pub type Task<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// How many bytes may wait to be written to one connection before its links wait.
pub(crate) const MOST_QUEUED: usize = 256 << 10;
/// How many deliveries of a link may be unsettled before it waits for the client.
const MOST_UNSETTLED: usize = 5_000;

/// A link that was attached.
pub struct Attached {
    /// Which way messages go, and who handles them.
    pub link: Link,
    /// In bytes. What a client sends beyond it ends the link.
    pub max_message_size: u64,
    /// The source to answer with; the client's own where it is `None`.
    pub source: Option<Value>,
    /// The properties to answer with.
    pub properties: Value,
}

/// Which way messages go, and who handles them.
pub enum Link {
    /// The client sends.
    Incoming {
        /// Takes the messages.
        sink: Box<dyn Sink>,
        /// How many messages may be on their way or unanswered.
        credit: u32,
    },
    /// The client receives.
    Outgoing {
        /// Hears what the client did with the messages.
        settler: Box<dyn Settler>,
        /// Sends them: it is started as a task, and dropped when the link is detached.
        task: Box<dyn FnOnce(Outgoing) -> Task<()> + Send>,
    },
}

/// Takes what a client sends on one link.
pub trait Sink: Send {
    /// Takes a message. It must not block; what takes time answers later.
    fn deliver(&mut self, delivery: Delivery);

    /// Nothing more is there to read for now: time to pass on what was gathered.
    fn flush(&mut self) {}

    /// Whether it takes messages while the server stops; else they are left unanswered.
    fn takes_to_the_end(&self) -> bool {
        false
    }
}

/// Hears what a client did with messages that it was sent unsettled.
pub trait Settler: Send {
    /// Takes the client's word on one delivery. It must not block.
    fn settle(&mut self, tag: Bytes, outcome: Outcome, answer: Answer);
}

/// For links whose deliveries are all sent settled.
pub struct Unsettling;

impl Settler for Unsettling {
    fn settle(&mut self, _tag: Bytes, outcome: Outcome, answer: Answer) {
        answer.give(outcome);
    }
}

/// A whole message that a client sent.
pub struct Delivery {
    /// As it came.
    pub message: Bytes,
    /// 0 for AMQP's own format.
    pub format: u32,
    /// Says what became of it.
    pub answer: Answer,
}

/// Which link of a connection: the handle can be used again, the serial number is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LinkId {
    pub(crate) channel: u16,
    pub(crate) handle: u32,
    pub(crate) serial: u64,
}

/// What tasks and storage tell the connection's task.
pub(crate) enum Command {
    Settle {
        link: LinkId,
        role: Role,
        delivery: u32,
        outcome: Outcome,
        told: bool,
    },
    Send {
        link: LinkId,
        messages: Vec<Message>,
        room: OwnedSemaphorePermit,
    },
    Drained {
        link: LinkId,
        delivery_count: u32,
    },
    Detach {
        link: LinkId,
        error: Option<Error>,
    },
    Attached {
        link: LinkId,
        attached: Result<Attached, Error>,
    },
    /// Something that was begun has ended, and the server stops: time to look what is left.
    Look,
}

pub(crate) type Commands = UnboundedSender<Command>;

/// Says what became of a delivery: once. Dropped, it says `released`.
pub struct Answer {
    pub(crate) to: Option<AnswerTo>,
}

pub(crate) struct AnswerTo {
    pub(crate) commands: Commands,
    pub(crate) link: LinkId,
    pub(crate) role: Role,
    pub(crate) delivery: u32,
    /// The peer has settled it already and wants to hear nothing.
    pub(crate) told: bool,
    /// The memory that the delivery takes.
    pub(crate) room: Option<OwnedSemaphorePermit>,
}

impl Answer {
    /// Says it, from any thread.
    pub fn give(mut self, outcome: Outcome) {
        self.say(outcome);
    }

    fn say(&mut self, outcome: Outcome) {
        if let Some(to) = self.to.take() {
            drop(to.room);
            let AnswerTo { commands, link, role, delivery, told, room: _ } = to;
            // The connection may have ended meanwhile.
            let _ = commands.send(Command::Settle { link, role, delivery, outcome, told });
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.say(Outcome::Released);
    }
}

/// Ends a link from anywhere.
#[derive(Clone)]
pub struct LinkControl {
    pub(crate) commands: Commands,
    pub(crate) link: LinkId,
}

impl LinkControl {
    /// Detaches the link, for good, and tells the client why.
    pub fn detach(&self, error: Error) {
        // The connection may have ended meanwhile.
        let _ = self.commands.send(Command::Detach { link: self.link, error: Some(error) });
    }
}

/// A message to send.
#[derive(Clone, Debug)]
pub struct Message {
    /// The delivery's tag; one is made where it is `None`.
    pub tag: Option<Bytes>,
    /// The sections that the server puts before the message's own.
    pub head: Bytes,
    /// The message's own sections, as they once came.
    pub body: Bytes,
    /// Whether the client need not answer.
    pub settled: bool,
}

impl Message {
    pub(crate) fn len(&self) -> usize {
        self.head.len() + self.body.len()
    }
}

/// What the connection's task and the link's task share.
#[derive(Debug, Default)]
pub(crate) struct Credit {
    /// The delivery count up to which the client lets us send.
    pub(crate) limit: AtomicU32,
    pub(crate) drain: AtomicBool,
    pub(crate) unsettled: AtomicUsize,
    pub(crate) changed: Notify,
}

/// What the links of a connection have begun and a stop of the server waits for.
#[derive(Debug)]
pub(crate) struct UnderWay {
    pub(crate) count: AtomicUsize,
    pub(crate) stop: watch::Receiver<bool>,
}

impl UnderWay {
    fn is_stopping(&self) -> bool {
        *self.stop.borrow()
    }
}

/// Held while a link's task does what must not be lost between its beginning and the message that
/// it sends: a server that stops does not end the connection before.
pub struct Begun {
    under_way: Arc<UnderWay>,
    commands: Commands,
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.under_way.count.fetch_sub(1, Ordering::SeqCst);
        if self.under_way.is_stopping() {
            // The connection may have ended meanwhile.
            let _ = self.commands.send(Command::Look);
        }
    }
}

/// The sending end of a link, held by its task.
pub struct Outgoing {
    pub(crate) credit: Arc<Credit>,
    pub(crate) under_way: Arc<UnderWay>,
    pub(crate) commands: Commands,
    pub(crate) link: LinkId,
    pub(crate) room: Arc<Semaphore>,
    pub(crate) delivery_count: u32,
}

impl Outgoing {
    /// How many messages may be sent now; 0 where there is no credit, or too much is unsettled.
    #[must_use]
    pub fn credit(&self) -> u32 {
        if self.credit.unsettled.load(Ordering::Acquire) >= MOST_UNSETTLED {
            return 0;
        }
        self.granted()
    }

    fn granted(&self) -> u32 {
        let left = self.credit.limit.load(Ordering::Acquire).wrapping_sub(self.delivery_count);
        // A limit behind the count is credit that was taken back.
        if left > u32::MAX / 2 { 0 } else { left }
    }

    /// Waits until there may be more credit, or the client wants it drained. It can be used in
    /// `select!`: nothing is lost when it is dropped.
    pub async fn changed(&self) {
        self.credit.changed.notified().await;
    }

    /// Begins what is to end in a message; `None` once the server stops.
    #[must_use]
    pub fn begin(&self) -> Option<Begun> {
        self.under_way.count.fetch_add(1, Ordering::SeqCst);
        let begun = Begun { under_way: self.under_way.clone(), commands: self.commands.clone() };
        // Counted before it looks: a stop that it does not see sees the count.
        (!self.under_way.is_stopping()).then_some(begun)
    }

    /// Waits until there is credit.
    pub async fn ready(&self) -> u32 {
        loop {
            match self.credit() {
                0 => self.changed().await,
                credit => return credit,
            }
        }
    }

    /// Whether the client wants its credit used up or back.
    #[must_use]
    pub fn draining(&self) -> bool {
        self.credit.drain.load(Ordering::Acquire) && self.granted() > 0
    }

    /// Gives the credit back: there is nothing to send now.
    pub fn drained(&mut self) {
        self.credit.drain.store(false, Ordering::Release);
        self.delivery_count = self.delivery_count.wrapping_add(self.granted());
        self.tell(Command::Drained { link: self.link, delivery_count: self.delivery_count });
    }

    /// Sends messages, at most as many as there is credit for. Waits while the client is slow to
    /// read.
    pub async fn send(&mut self, messages: Vec<Message>) {
        let bytes = messages.iter().map(Message::len).sum::<usize>().clamp(1, MOST_QUEUED);
        let permits = u32::try_from(bytes).unwrap_or(u32::MAX);
        // It is only closed with the connection, which also ends this task.
        let Ok(room) = self.room.clone().acquire_many_owned(permits).await else { return };
        let unsettled = messages.iter().filter(|message| !message.settled).count();
        self.credit.unsettled.fetch_add(unsettled, Ordering::AcqRel);
        let count = u32::try_from(messages.len()).unwrap_or(u32::MAX);
        self.delivery_count = self.delivery_count.wrapping_add(count);
        self.tell(Command::Send { link: self.link, messages, room });
    }

    /// Ends the link and tells the client why.
    pub fn detach(self, error: Error) {
        self.tell(Command::Detach { link: self.link, error: Some(error) });
    }

    /// Ends this very link from elsewhere.
    #[must_use]
    pub fn control(&self) -> LinkControl {
        LinkControl { commands: self.commands.clone(), link: self.link }
    }

    fn tell(&self, command: Command) {
        // The connection may have ended meanwhile; then this task does too.
        let _ = self.commands.send(command);
    }
}
