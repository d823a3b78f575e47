//! What the window asks about the topology.

use crate::opened::Opened;
use crate::wire::{Failure, Request, Response};
use std::sync::Arc;

/// Answers a request about the topology of what is open.
pub(crate) async fn about_topology(_opened: &Arc<Opened>, _request: Request) -> Response {
    Response::Failed(Failure {
        code: "NotYet".into(),
        message: "The topology cannot be asked for yet.".into(),
        details: Vec::new(),
    })
}
