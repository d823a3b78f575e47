//! Notifications, their wire forms, and the route filter language.
//!
//! A [`Notification`] is what the service tells the world about a [`twin_graph::Change`]; a
//! [`Filter`] is the condition of an event route, compiled once and then checked against each
//! notification.

mod filter;
mod notification;
mod of_2019;

pub use filter::{Filter, FilterError, Verdict};
pub use notification::{Notification, NotificationType};
pub use of_2019::EventType2019;
