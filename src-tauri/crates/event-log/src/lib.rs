//! An index over the journal and the observations: filter, window, trace.
//!
//! An [`EventLog`] holds the newest [`Entry`]s in memory, bounded by bytes: changes of the twin
//! graph, which the journal keeps for good, and what was observed beside it. What it lets go of
//! and what never reached it is counted. It reads no clock: times come with the entries.

mod entry;
mod filter;
mod log;
mod of_change;
mod rate;
mod traces;
mod window;

pub use entry::{Body, Entry, EntryKind, FieldChange, RouteVerdict};
pub use log::{EventLog, Options};
pub use window::{Row, Window, WindowRequest};
