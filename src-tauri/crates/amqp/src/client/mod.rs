//! The client's side: a connection with one session, and links that send or receive on it.
//!
//! One task a connection reads and writes; [`Connection`], [`Sender`] and [`Receiver`] ask it.
//! A send, and a settlement in receiver-settle-mode second, is answered with what the other side
//! made of it. What waits is bounded: sends by [`MOST_WAITING`], what comes in by the credit that
//! the receiver granted. It does not connect again by itself: whoever uses it knows how.

mod engine;
mod greeting;
mod link;
mod session;

use crate::error::Error;
use crate::performative::{Attach, Open, Role};
use crate::value::Value;
use engine::{Ask, Asks, Engine};
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use thiserror::Error as ThisError;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, oneshot};

pub use link::{Event, Incoming, MOST_WAITING, Receiver, Sender};

/// How a client proves who it is.
#[derive(Clone, PartialEq, Eq)]
pub enum Sasl {
    /// Not at all here: by a token later, or not.
    Anonymous,
    /// By name and password.
    Plain {
        /// The name.
        user: String,
        /// The password, a secret.
        password: String,
    },
}

impl fmt::Debug for Sasl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Anonymous => "Anonymous",
            Self::Plain { .. } => "Plain(…)",
        })
    }
}

/// How to open a connection.
#[derive(Clone, Debug)]
pub struct ConnectOptions {
    /// The name that the client gives itself.
    pub container_id: String,
    /// The host that it means.
    pub hostname: String,
    /// Who it is.
    pub sasl: Sasl,
    /// It gives the connection up when it has heard nothing for so long.
    pub idle: Duration,
}

/// Why something did not work, or a connection or link has ended.
#[derive(Clone, Debug, PartialEq, ThisError)]
pub enum Failure {
    /// The stream broke, or the other side fell silent.
    #[error("the connection broke: {0}")]
    Broken(String),
    /// The other side speaks something else.
    #[error("the other side does not speak AMQP 1.0: {0}")]
    NotAmqp(String),
    /// The other side does not take the name or password.
    #[error("the name or password is refused")]
    NotAuthenticated,
    /// The other side closed the connection or session, and why.
    #[error("the connection was closed: {0}")]
    Closed(Error),
    /// The other side ended the link, or did not let it be, and why.
    #[error("{0}")]
    Detached(Error),
    /// The delivery is settled already.
    #[error("the delivery is settled already")]
    Settled,
    /// It was closed on this side.
    #[error("it was closed here")]
    Over,
}

/// A link to attach.
#[derive(Clone, Debug)]
pub struct LinkOptions {
    /// Its name, unique in the connection.
    pub name: String,
    /// Where messages come from: [`crate::performative::source`].
    pub source: Value,
    /// Where they go: [`crate::performative::target`].
    pub target: Value,
    /// Whether messages come settled (receive-and-delete).
    pub settled: bool,
    /// Whether the receiver waits for the sender's word on what it said of a message.
    pub second: bool,
    /// The largest message that a receiver takes, in bytes.
    pub max_message_size: u64,
    /// What else.
    pub properties: Value,
    /// What it wants the other side to do.
    pub desired_capabilities: Value,
}

impl LinkOptions {
    /// A link between two termini, with unsettled messages of at most 16 MiB.
    #[must_use]
    pub fn new(name: impl Into<String>, source: Value, target: Value) -> Self {
        Self {
            name: name.into(),
            source,
            target,
            settled: false,
            second: false,
            max_message_size: 16 << 20,
            properties: Value::Null,
            desired_capabilities: Value::Null,
        }
    }

    fn attach(self, role: Role) -> Attach {
        Attach {
            name: self.name,
            handle: 0,
            role,
            snd_settle_mode: u8::from(self.settled),
            rcv_settle_mode: u8::from(self.second),
            source: self.source,
            target: self.target,
            initial_delivery_count: (role == Role::Sender).then_some(0),
            max_message_size: (role == Role::Receiver).then_some(self.max_message_size),
            offered_capabilities: Value::Null,
            desired_capabilities: self.desired_capabilities,
            properties: self.properties,
        }
    }
}

/// An open connection. Clones share it; it is closed when the last of them and of its links is
/// dropped.
#[derive(Clone)]
pub struct Connection {
    asks: Asks,
    ended: Arc<OnceLock<Failure>>,
    /// What the other side said of itself.
    pub remote: Arc<Open>,
}

impl Connection {
    /// Opens a connection over a stream, and a session in it.
    ///
    /// # Errors
    /// [`Failure`]. It takes as long as the other side does: set a time limit.
    pub async fn open<S>(mut stream: S, options: &ConnectOptions) -> Result<Self, Failure>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let mut input = bytes::BytesMut::new();
        let greeted = greeting::greet(&mut stream, &mut input, &options.sasl);
        greeted.await?;
        let (asks, asked) = mpsc::unbounded_channel();
        let ended: Arc<OnceLock<Failure>> = Arc::default();
        let (tell, opened) = oneshot::channel();
        let engine = Engine::new(options, ended.clone(), tell);
        tokio::spawn(engine.run(stream, input, asked));
        match opened.await {
            Ok(remote) => Ok(Self { asks, ended, remote: Arc::new(remote) }),
            Err(_) => Err(why(&ended)),
        }
    }

    /// Why it has ended, where it has.
    #[must_use]
    pub fn ended(&self) -> Option<Failure> {
        self.ended.get().cloned()
    }

    /// Waits until it has ended.
    pub async fn closed(&self) {
        self.asks.closed().await;
    }

    /// Attaches a link to send over.
    ///
    /// # Errors
    /// [`Failure::Detached`] where the other side does not let it be.
    pub async fn sender(&self, options: LinkOptions) -> Result<Sender, Failure> {
        let (attached, state) = self.attach(options.attach(Role::Sender), None).await?;
        Ok(Sender::new(self.link(attached.id, state), &attached.remote))
    }

    /// Attaches a link to receive over. It has no credit yet.
    ///
    /// # Errors
    /// As [`Connection::sender`].
    pub async fn receiver(&self, options: LinkOptions) -> Result<Receiver, Failure> {
        let (tell, events) = mpsc::unbounded_channel();
        let (attached, state) = self.attach(options.attach(Role::Receiver), Some(tell)).await?;
        Ok(Receiver::new(self.link(attached.id, state), *attached.remote, events))
    }

    fn link(&self, id: session::LinkId, state: Arc<OnceLock<Failure>>) -> link::Link {
        link::Link { asks: self.asks.clone(), connection: self.ended.clone(), state, id }
    }

    async fn attach(
        &self,
        attach: Attach,
        events: Option<mpsc::UnboundedSender<Event>>,
    ) -> Result<(session::Attached, Arc<OnceLock<Failure>>), Failure> {
        let (tell, attached) = oneshot::channel();
        let state: Arc<OnceLock<Failure>> = Arc::default();
        let ask = Ask::Attach { attach: Box::new(attach), events, state: state.clone(), tell };
        // Where it has ended, the answer below says so.
        let _ = self.asks.send(ask);
        match attached.await {
            Ok(attached) => Ok((attached, state)),
            Err(_) => Err(state.get().cloned().unwrap_or_else(|| why(&self.ended))),
        }
    }

    /// Says goodbye, and waits until it is said.
    pub async fn close(&self) {
        // It may have ended already, which is as good.
        let _ = self.asks.send(Ask::Close);
        self.asks.closed().await;
    }
}

/// Why something has ended; somebody on this side closed it where nobody said.
fn why(ended: &OnceLock<Failure>) -> Failure {
    ended.get().cloned().unwrap_or(Failure::Over)
}
