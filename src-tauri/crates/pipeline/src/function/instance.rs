//! The instance, as functions read and write it.

use crate::PipelineParts;
use crate::flow::{INSTANCE, Wire, node_id};
use adt_service::{Call, GraphView, QueryPage, QueryRequest, ServiceError, Telemetry, TwinService};
use std::sync::Arc;
use twin_graph::Operation;

/// The instance, with the wire that leads to it from a function.
#[derive(Clone)]
pub(super) struct Instance {
    service: Arc<dyn TwinService>,
    pub(super) view: Arc<GraphView>,
    wire: Arc<Wire>,
}

impl Instance {
    pub(super) fn of(function: &str, parts: &PipelineParts) -> Self {
        Self {
            service: parts.service.clone(),
            view: parts.view.clone(),
            wire: parts.flow.wire(&node_id("functions", function), INSTANCE),
        }
    }

    pub(super) async fn patch(
        &self,
        call: &Call,
        twin: &str,
        patch: Vec<Operation>,
    ) -> Result<(), ServiceError> {
        self.wire.events.add(1);
        self.service.patch_twin(call, twin, patch, None).await.map(drop)
    }

    pub(super) async fn send_telemetry(
        &self,
        call: &Call,
        telemetry: Telemetry,
    ) -> Result<(), ServiceError> {
        self.wire.events.add(1);
        self.service.send_telemetry(call, telemetry).await
    }

    pub(super) async fn query(
        &self,
        call: &Call,
        request: QueryRequest,
    ) -> Result<QueryPage, ServiceError> {
        self.service.query(call, request).await
    }
}
