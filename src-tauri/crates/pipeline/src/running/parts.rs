//! What a pipeline is made of beside its topology.

use super::DeviceMessage;
use crate::{DirectEvents, Flow, Handed, Memory, NodeIds, Surroundings};
use adt_events::Event2019;
use adt_service::{Call, ChangeHistory, GraphView, TwinService};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use twin_graph::TraceContext;

/// Is told what happens beside the graph's own changes. Must not block. Of what flows it need hear
/// nothing; what fails somebody must hear.
pub trait Observer: Send + Sync {
    /// A device sent a message, which goes to these nodes: the source, its function and the sinks of
    /// this one. None where no source takes it. It was handed to endpoints of 2019, too.
    fn device_message(&self, _: &DeviceMessage, _: Option<&NodeIds>, _: Handed) {}
    /// A function sent an event of 2019, in a call, which was handed to these endpoints.
    fn udf_custom(&self, _: &Event2019, _: &Call, _: Handed) {}
    /// A function of one's own said something for people to read, in a call.
    fn said(&self, _function: &str, _: &Call, _text: &str) {}
    /// Something could not be done: what it was about, in which trace, and a sentence.
    fn failed(&self, subject: &str, trace: TraceContext, message: &str);
}

/// What a pipeline is made of beside its topology.
#[derive(Clone)]
pub struct PipelineParts {
    /// The instance's host name, the `source` of its notifications.
    pub host: Arc<str>,
    /// To change the instance.
    pub service: Arc<dyn TwinService>,
    /// To read it.
    pub view: Arc<GraphView>,
    /// What happens to it.
    pub history: Arc<dyn ChangeHistory>,
    /// Where each node is.
    pub memory: Arc<dyn Memory>,
    /// What is reached outside.
    pub surroundings: Arc<dyn Surroundings>,
    /// Who is told.
    pub observer: Arc<dyn Observer>,
    /// Where everything is counted.
    pub flow: Arc<Flow>,
    /// What goes to endpoints of 2019 without being a change.
    pub direct: Arc<DirectEvents>,
    /// Scales backoffs and pauses: 1 for the service's, less for tests.
    pub time_factor: f64,
    /// Cancelled when the node that has these parts is to end: what is under way is finished,
    /// nothing new is begun.
    pub stop: CancellationToken,
}
