//! Event routes: put, delete.

use super::check_id;
use adt_events::Filter;
use adt_limits::{Limit, Limiter};
use adt_service::{Code, ServiceError};
use std::sync::Arc;
use twin_graph::{ChangeKind, EventRoute, TwinGraph};

/// Whether the endpoint is there is for the caller to check: the graph knows no endpoints.
pub(super) fn put(
    graph: &TwinGraph,
    route: &EventRoute,
    limiter: &Limiter,
) -> Result<ChangeKind, ServiceError> {
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
    if !replaced {
        limiter.check(Limit::EventRoutes, graph.routes().count() as u64 + 1)?;
    }
    Ok(ChangeKind::EventRoutePut { route: Arc::new(route.clone()), replaced })
}

pub(super) fn delete(graph: &TwinGraph, id: &str) -> Result<ChangeKind, ServiceError> {
    let route = graph.route(id).ok_or_else(ServiceError::event_route_not_found)?;
    Ok(ChangeKind::EventRouteDeleted { route: route.clone() })
}
