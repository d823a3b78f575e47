//! The control plane on the network: Azure Resource Manager's form, and the endpoints of 2019.
//!
//! Both are on the data plane's port, behind the same checks of host, origin and token. Source of
//! the first: the public API definition of `Microsoft.DigitalTwins`, 2023-01-31, and its examples;
//! of the second: "Egress and endpoints in Azure Digital Twins" (Microsoft Docs, 2019).

mod address;
mod arm;
mod body;
mod of_2019;
mod operations;

use super::answer::Refusal;
use super::gate::{Door, caller_gate};
use crate::management::{ControlPlane, ManagementError};
use axum::Router;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::routing::{any, get};
use operations::Operations;
use std::sync::Arc;

/// What all requests share.
#[derive(Clone)]
struct Management {
    plane: Arc<dyn ControlPlane>,
    operations: Arc<Operations>,
}

pub(super) fn router(door: Arc<Door>, plane: Arc<dyn ControlPlane>) -> Router {
    let endpoint = get(of_2019::read).patch(of_2019::update).delete(of_2019::delete);
    Router::new()
        .route("/subscriptions/{*path}", any(arm::answer))
        .route("/providers/{*path}", any(arm::answer))
        .route("/management/api/v1.0/endpoints", get(of_2019::list).post(of_2019::create))
        .route("/management/api/v1.0/endpoints/{id}", endpoint)
        .layer(from_fn_with_state(door, caller_gate))
        .with_state(Management { plane, operations: Arc::default() })
}

impl From<ManagementError> for Refusal {
    fn from(error: ManagementError) -> Self {
        let status = StatusCode::from_u16(error.status);
        Self::new(status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), error.code, error.message)
    }
}
