//! The topology: its model and checks, its functions, routing and delivery.
//!
//! Sources send device messages to functions; functions write to the instance; what changes there
//! runs through event routes to endpoints, from their event subscriptions to functions again. In
//! this crate the hops are in process, behind [`Endpoint`] and [`DeviceHub`]; the same traits will
//! carry the real protocols.

mod delivery;
mod direct;
mod flow;
mod function;
mod routing;
mod running;
mod surroundings;
mod topology;

pub use delivery::{Cursors, Endpoint, EventGridTopic};
pub use direct::{DirectEvent, DirectEvents};
pub use flow::{
    Count, Counts, Flow, FlowReport, INSTANCE, Meter, NodeReport, NodeState, Wire, WireReport,
    node_id,
};
pub use function::{Event, Function, FunctionError, build_function};
pub use routing::{RouteVerdict, Routes};
pub use running::{DeviceHub, DeviceMessage, Observer, Pipeline, PipelineParts};
pub use surroundings::{GridSubscriber, Kept, Memory, Surroundings, TopicKey};
pub use topology::{
    Authentication, Conversion, DeadLetterSpec, DeviceFrom, Difference, Endpoint2019Spec,
    EndpointKind, EndpointSpec, FunctionSpec, Mapping, Node, RouteSpec, SecretRef, SinkSpec,
    SourceSpec, SubscriptionSpec, Topology, TopologyProblem, Wiring, function_file,
};

/// A trace goes through so many functions, one after another, and is then cut off: functions that
/// set each other off would never end.
pub const MOST_HOPS: u64 = 16;
