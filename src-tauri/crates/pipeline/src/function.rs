//! Functions: what handles device messages and notifications.

mod called;
mod error;
mod event;
mod ingest;
mod instance;
mod propagate;
mod script;
mod sink;
mod time_series;
pub(crate) mod units;
mod webhook;

use crate::{FunctionSpec, PipelineParts, Topology};
use async_trait::async_trait;
use called::Called;
use std::sync::Arc;

pub use error::FunctionError;
pub use event::{Event, EventOf2019};
pub use script::{ScriptProblem, ScriptTest, check_script, check_scripts, test_script};

/// Handles device messages or notifications.
#[async_trait]
pub trait Function: Send + Sync {
    /// Its name in the topology.
    fn name(&self) -> &Arc<str>;

    /// Handles one event. What it changes belongs to the event's trace. It counts the call.
    ///
    /// # Errors
    /// Where the event does not fit, the instance refuses, a trace went through too many
    /// functions; nothing is tried again here.
    async fn call(&self, event: Event) -> Result<(), FunctionError>;
}

/// Builds a function of a topology. `script` is the text of its file, where it has one. One that
/// cannot work says so at each call, and in its node's state.
pub fn build_function(
    name: &str,
    spec: &FunctionSpec,
    topology: &Topology,
    script: Option<&str>,
    parts: &PipelineParts,
) -> Arc<dyn Function> {
    match spec {
        FunctionSpec::Ingest { twins, map } => {
            Called::at_work(name, ingest::Ingest::new(name, twins, map, parts), parts)
        }
        FunctionSpec::PropagateToParent { property, relationship, parent_property } => {
            Called::at_work(
                name,
                propagate::PropagateToParent::new(
                    name,
                    property,
                    relationship,
                    parent_property,
                    parts,
                ),
                parts,
            )
        }
        FunctionSpec::ToTimeSeries { values, sink } => Called::at_work(
            name,
            time_series::ToTimeSeries::new(name, values, sink, topology, parts),
            parts,
        ),
        FunctionSpec::Rhai { sinks, .. } => {
            let script = script::Script::new(name, spec, sinks, topology, script, parts);
            Called::at_work(name, script, parts)
        }
        FunctionSpec::Webhook { .. } => Called::at_work(name, webhook::Webhook::new(name), parts),
    }
}
