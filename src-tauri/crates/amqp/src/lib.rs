//! An AMQP 1.0 engine: frames, connections, sessions, links, of servers, and in [`client`] of
//! clients. It knows nothing of Azure.
//!
//! One task a connection reads frames, keeps the sessions, and writes. A server implements
//! [`Peer`]: it says who may come in and what a link is attached to. What a client sends goes to
//! the link's [`Sink`], which answers when it has it safe, from any thread. What a client receives
//! comes from a task of the link's own, which holds an [`Outgoing`] and sends as many messages as
//! there is credit. Everything that waits is bounded, in messages by credit and in bytes by
//! [`Shared`].
//!
//! The reader takes what clients really send, the writer writes every field in full: both are our
//! own, because `serde_amqp` leaves out trailing fields, which pyamqp reads by position, and
//! because the bounds on what a stranger's bytes may cost are to be seen in one place.

pub mod client;
mod connection;
mod error;
pub mod frame;
mod handshake;
mod link;
pub mod message;
pub mod performative;
mod session;
mod stream;
mod value;

pub use connection::{Attaching, Peer, Shared, serve};
pub use error::{Error, condition};
pub use link::{
    Answer, Attached, Begun, Delivery, Link, LinkControl, Message, Outgoing, Settler, Sink, Task,
    Unsettling,
};
pub use performative::{Attach, Outcome, Role};
pub use value::{Malformed, Reader, Value, write_string, write_symbol};
