//! The topology: its model and checks, its functions, routing and delivery.
//!
//! Sources send device messages to functions; functions write to the instance; what changes there
//! runs through event routes to endpoints, from their event subscriptions to functions again. In
//! this crate the hops are in process, behind [`Endpoint`] and [`DeviceHub`]; the same traits will
//! carry the real protocols.

mod delivery;
mod function;
mod routing;
mod running;
mod topology;

pub use delivery::{Cursors, Endpoint, EventGridTopic};
pub use function::{Event, Function, FunctionError, build_function};
pub use routing::{RouteVerdict, Routes};
pub use running::{DeviceHub, DeviceMessage, Observer, Pipeline, PipelineParts};
pub use topology::{
    EndpointKind, EndpointSpec, FunctionSpec, Mapping, RouteSpec, SourceSpec, SubscriptionSpec,
    Topology, TopologyProblem,
};
