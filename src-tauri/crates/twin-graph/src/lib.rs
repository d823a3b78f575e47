//! The twin graph: digital twins, relationships, JSON Patch, ETags, versions and changes.
//!
//! A [`TwinGraph`] is a plain value, cheap to clone, on which petgraph's algorithms run. It changes only by [`TwinGraph::apply`] of a
//! [`Change`], and applying the same changes in the same order always gives the same graph; so a
//! journal of changes is all that has to be kept. Nothing here does I/O, reads a clock or makes
//! an id: times, ETags and trace ids come with the change.

mod change;
mod graph;
mod named;
mod names;
mod patch;
mod record;
mod relationship;
mod route;
mod text;
mod timestamp;
mod trace;
mod twin;
mod validate;
mod value;

pub use change::{Cause, Change, ChangeKind, Origin};
pub use graph::{
    ApplyError, Chunk, Edge, EdgeReferences, Edges, Kind, Link, Links, Neighbors, NodeIdentifiers,
    Nodes, Planned, Slot, StoredModel, TwinGraph,
};
pub use named::{Named, Properties};
pub use patch::{AppliedOperation, Operation, OperationKind, PatchError, parse_patch};
/// As petgraph names them.
pub use petgraph::Direction;
pub use record::{Bytes, FORM, Record, RecordError};
pub use relationship::Relationship;
pub use route::EventRoute;
pub use timestamp::Timestamp;
pub use trace::{TraceContext, TraceError};
pub use twin::{Contents, PropertyTimes, Twin};
pub use validate::{Fault, check_id, check_patched, check_relationship, check_twin};
pub use value::PropertyValue;
