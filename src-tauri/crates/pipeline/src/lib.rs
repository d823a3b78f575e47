//! The topology: its model and checks, its functions, routing and delivery.
//!
//! Sources send device messages to functions; functions write to the instance; what changes there
//! runs through event routes to endpoints, from their event subscriptions to functions again, all
//! by the real protocols.

mod backoff;
mod delivery;
mod direct;
mod flow;
mod function;
mod hub_reader;
mod in_order;
mod routing;
mod running;
pub mod source;
pub mod subscription;
mod surroundings;
mod topology;

pub use delivery::Fate;
pub use direct::{DirectEvent, DirectEvents, Handed, Keeping, Sent};
pub use flow::{
    Count, Counts, Flow, FlowReport, INSTANCE, Meter, NodeReport, NodeState, Wire, WireReport,
    node_id,
};
pub use function::{
    Event, EventOf2019, Function, FunctionError, ScriptProblem, ScriptTest, build_function,
    check_script, check_scripts, test_script,
};
pub use routing::RouteVerdict;
pub use running::{DeviceHub, DeviceMessage, Ingress, Observer, Pipeline, PipelineParts, Scripts};
pub use surroundings::{
    Backlog, Durable, GridSubscriber, Kept, Memory, Subscribed, Surroundings, TopicKey,
};
pub use topology::{
    Authentication, Conversion, DeadLetterSpec, DeviceFrom, Difference, Endpoint2019Spec,
    EndpointKind, EndpointSpec, FunctionSpec, Mapping, Node, RouteSpec, SecretRef, SinkSpec,
    SourceSpec, SubscriptionSpec, Topology, TopologyProblem, Wiring, function_file,
};

/// Ids of nodes of the topology, shared.
pub type NodeIds = std::sync::Arc<[String]>;

/// A trace goes through so many functions, one after another, and is then cut off: functions that
/// set each other off would never end.
pub const MOST_HOPS: u64 = 16;

/// A secret that a node needs is not kept.
fn no_secret(name: &str) -> String {
    format!(
        "there is no secret «{name}». Keep it with `twinscope secret set {name}`, or in the window."
    )
}
