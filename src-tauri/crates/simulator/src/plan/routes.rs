//! Event routes: put, delete.

use super::check_id;
use adt_events::Filter;
use adt_service::{Code, ServiceError};
use std::sync::Arc;
use twin_graph::{ChangeKind, EventRoute, TwinGraph};

/// Event routes of an instance (documentation of 01/2025).
const MOST: usize = 6;

/// Whether the endpoint is there is for the caller to check: the graph knows no endpoints.
pub(super) fn put(graph: &TwinGraph, route: &EventRoute) -> Result<ChangeKind, ServiceError> {
    check_id(&route.id)
        .map_err(|error| ServiceError::new(Code::EventRouteIdInvalid, error.message))?;
    Filter::parse(&route.filter).map_err(|error| {
        ServiceError::new(
            Code::EventRouteFilterInvalid,
            format!(
                "The provided filter is invalid. {error}. See event route documentation for supported values https://aka.ms/ADTv2Routes."
            ),
        )
    })?;
    let replaced = graph.route(&route.id).is_some();
    if !replaced && graph.routes().count() >= MOST {
        return Err(ServiceError::new(
            Code::LimitExceeded,
            format!(
                "The instance has {MOST} event routes, the most there may be. Delete one first."
            ),
        ));
    }
    Ok(ChangeKind::EventRoutePut { route: Arc::new(route.clone()), replaced })
}

pub(super) fn delete(graph: &TwinGraph, id: &str) -> Result<ChangeKind, ServiceError> {
    let route = graph.route(id).ok_or_else(ServiceError::event_route_not_found)?;
    Ok(ChangeKind::EventRouteDeleted { route: route.clone() })
}
