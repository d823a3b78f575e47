//! Event Hubs over AMQP 1.0: hubs, partitions, consumer groups.
//!
//! A partition is a stream of the journal; an event's sequence number is its position there, less
//! one. A sender's message is accepted when it is durable, a consumer sees only what is.

mod event;
mod hub;
mod hubs;
pub(crate) mod links;
pub(crate) mod management;
mod partition;
mod partition_key;
mod position;
mod readers;

pub(crate) use hubs::Hubs;

pub use event::{Event, NewEvent};
pub use hub::{DEFAULT_GROUP, EventHubSpec, Hub, MAX_MESSAGE};
pub use partition::{Partition, PartitionProperties, Position};
