//! Functions: what handles device messages and notifications.

mod ingest;
mod propagate;
pub(crate) mod units;

use crate::{DeviceMessage, FunctionSpec};
use adt_events::Notification;
use adt_service::{GraphView, ServiceError, TwinService};
use async_trait::async_trait;
use std::sync::Arc;
use thiserror::Error;

/// What a function is called with.
#[derive(Clone, Debug)]
pub enum Event {
    /// A message of a device.
    Message(Arc<DeviceMessage>),
    /// A notification of the instance, as an endpoint's subscription delivers it.
    Notification(Arc<Notification>),
}

/// Why a function did not do its work.
#[derive(Debug, Error)]
pub enum FunctionError {
    /// The instance refused what the function wanted.
    #[error("{function}: the instance refused to change «{twin}»: {source}")]
    Refused {
        /// The function's name.
        function: Arc<str>,
        /// The twin.
        twin: Arc<str>,
        /// The instance's answer.
        source: ServiceError,
    },
    /// The event is not what the function takes.
    #[error("{function}: {message}")]
    Unfit {
        /// The function's name.
        function: Arc<str>,
        /// What is wrong with the event, and what to do.
        message: String,
    },
}

/// Handles device messages or notifications.
#[async_trait]
pub trait Function: Send + Sync {
    /// Its name in the topology.
    fn name(&self) -> &Arc<str>;

    /// Handles one event. What it changes belongs to the event's trace.
    ///
    /// # Errors
    /// Where the event does not fit or the instance refuses; nothing is tried again here.
    async fn call(&self, event: Event) -> Result<(), FunctionError>;
}

/// What functions work with.
#[derive(Clone)]
pub struct FunctionContext {
    /// To change the instance.
    pub service: Arc<dyn TwinService>,
    /// To read it.
    pub view: Arc<GraphView>,
}

/// Builds the function that a topology names.
pub fn build_function(
    name: &str,
    spec: &FunctionSpec,
    context: FunctionContext,
) -> Arc<dyn Function> {
    match spec.clone() {
        FunctionSpec::Ingest { twins, map } => {
            Arc::new(ingest::Ingest { name: name.into(), twins, map, context })
        }
        FunctionSpec::PropagateToParent { property, relationship, parent_property } => {
            Arc::new(propagate::PropagateToParent {
                name: name.into(),
                path: format!("/{property}"),
                relationship,
                parent_path: format!("/{parent_property}"),
                context,
            })
        }
        FunctionSpec::ToTimeSeries { .. }
        | FunctionSpec::Rhai { .. }
        | FunctionSpec::Webhook { .. } => todo!("functions helper"),
    }
}
