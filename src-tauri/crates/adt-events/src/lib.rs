//! Notifications, their wire forms, and the route filter language.
//!
//! A [`Notification`] is what the service tells the world about a [`twin_graph::Change`]; a
//! [`Filter`] is the condition of an event route, compiled once and then checked against each
//! notification. An [`Event2019`] is what the service of 2019 told.

mod filter;
mod forms;
mod notification;
mod of_2019;
mod read;

pub use filter::{Filter, FilterError, Verdict};
pub use forms::{CloudEvent, Delivered, GridEvent, hops_of, trace_state};
pub use notification::{Notification, NotificationType};
pub use of_2019::{
    AccessType, Classes, Data2019, Event2019, EventType2019, ObjectClass, SUBJECT_KINDS,
    SubjectKind,
};
pub use read::NotificationError;
