//! From what was asked to what changes, or to the service's refusal.

mod models;
mod relationships;
mod routes;
mod sizes;
mod twins;

use crate::Mutation;
use adt_limits::Limiter;
use adt_service::{Code, IfMatch, ServiceError};
use std::sync::Arc;
use twin_graph::{ChangeKind, Fault, Operation, PatchError, Timestamp, Twin, TwinGraph};

/// Time and ids for one change.
pub(crate) struct Stamp {
    pub(crate) now: Timestamp,
    pub(crate) etag: Arc<str>,
}

/// What the limits need to know beside the graph.
#[derive(Clone, Copy)]
pub(crate) struct Bounds<'a> {
    pub(crate) limiter: &'a Limiter,
    /// What is planned and not yet in the graph.
    pub(crate) ahead: Growth,
}

/// By how much changes make a graph larger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Growth {
    pub(crate) twins: i64,
    pub(crate) relationships: i64,
}

impl Growth {
    pub(crate) fn add(&mut self, kind: &ChangeKind) {
        match kind {
            ChangeKind::TwinPut { replaced: false, .. } => self.twins += 1,
            ChangeKind::TwinDeleted { .. } => self.twins -= 1,
            ChangeKind::RelationshipPut { replaced: false, .. } => self.relationships += 1,
            ChangeKind::RelationshipDeleted { .. } => self.relationships -= 1,
            _ => {}
        }
    }
}

impl std::ops::Add for Growth {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            twins: self.twins + other.twins,
            relationships: self.relationships + other.relationships,
        }
    }
}

/// What `mutation` changes in `graph`, and the twin that a patch makes. Nothing is changed here.
pub(crate) fn plan(
    graph: &TwinGraph,
    mutation: Mutation,
    stamp: &Stamp,
    bounds: Bounds<'_>,
) -> Result<(ChangeKind, Option<Arc<Twin>>), ServiceError> {
    let kind = match mutation {
        Mutation::CreateModels { documents } => {
            models::create(graph, &documents, stamp, bounds.limiter)
        }
        Mutation::ReplaceModels { documents } => {
            models::replace(graph, &documents, stamp, bounds.limiter)
        }
        Mutation::DecommissionModel { id } => models::decommission(graph, &id),
        Mutation::DeleteModel { id } => models::delete(graph, &id),
        Mutation::PutTwin { id, body, if_none_match } => {
            twins::put(graph, &id, &body, if_none_match, stamp, bounds)
        }
        Mutation::PatchTwin { id, patch, if_match } => {
            let if_match = if_match.as_ref();
            let (kind, twin) = twins::patch(graph, &id, patch, if_match, stamp, bounds.limiter)?;
            return Ok((kind, Some(twin)));
        }
        Mutation::DeleteTwin { id, if_match } => twins::delete(graph, &id, if_match.as_ref()),
        Mutation::PutRelationship { write, if_none_match } => {
            relationships::put(graph, &write, if_none_match, stamp, bounds)
        }
        Mutation::PatchRelationship { source, id, patch, if_match } => relationships::patch(
            graph,
            (&source, &id),
            patch,
            if_match.as_ref(),
            stamp,
            bounds.limiter,
        ),
        Mutation::DeleteRelationship { source, id, if_match } => {
            relationships::delete(graph, &source, &id, if_match.as_ref())
        }
        Mutation::SendTelemetry { telemetry } => twins::telemetry(graph, telemetry, bounds.limiter),
        Mutation::PutEventRoute { route } => routes::put(graph, &route, bounds.limiter),
        Mutation::DeleteEventRoute { id } => routes::delete(graph, &id),
    };
    Ok((kind?, None))
}

/// 412 where the condition does not hold, in the service's words.
fn check_match(if_match: Option<&IfMatch>, etag: &str) -> Result<(), ServiceError> {
    match if_match {
        Some(IfMatch::Etag(given)) if **given != *etag => Err(ServiceError::new(
            Code::PreconditionFailed,
            format!(
                "The provided etag {given} doesn't match the current etag for the resource. Please obtain and provide the latest etag by getting the resource. See section on get apis in the documentation https://aka.ms/adtv2twins."
            ),
        )),
        _ => Ok(()),
    }
}

/// Whether a patch is of a size that the service takes.
fn check_patch(limiter: &Limiter, patch: &[Operation], summary: &str) -> Result<(), ServiceError> {
    sizes::check_patch(limiter, patch)?;
    let values = patch.iter().filter_map(|each| Some((&each.path, each.value.as_ref()?)));
    let faults: Vec<_> =
        values.filter_map(|(path, value)| sizes::check_strings(limiter, path, value)).collect();
    if faults.is_empty() { Ok(()) } else { Err(invalid(summary, &faults)) }
}

fn patch_refused(error: &PatchError) -> ServiceError {
    ServiceError::new(Code::JsonPatchInvalid, error.to_string())
}

/// The service's `ValidationFailed`, with each fault as a detail.
fn invalid(summary: &str, faults: &[Fault]) -> ServiceError {
    let error = ServiceError::new(Code::ValidationFailed, summary);
    faults
        .iter()
        .take(20)
        .fold(error, |error, fault| error.with_detail(Code::ValidationFailed, fault.to_string()))
}

fn check_id(id: &str) -> Result<(), ServiceError> {
    match twin_graph::check_id(id) {
        None => Ok(()),
        Some(message) => Err(ServiceError::new(Code::InvalidArgument, message)),
    }
}
