//! Relationships: put, patch, delete.

use super::{Stamp, check_id, check_match, invalid, patch_refused};
use adt_service::{Code, IfMatch, RelationshipWrite, ServiceError};
use serde_json::{Map, Value};
use std::sync::Arc;
use twin_graph::{ChangeKind, Operation, Relationship, TwinGraph, check_relationship};

pub(super) fn put(
    graph: &TwinGraph,
    write: &RelationshipWrite,
    if_none_match: bool,
    stamp: &Stamp,
) -> Result<ChangeKind, ServiceError> {
    check_id(&write.id)?;
    if graph.twin(&write.source).is_none() {
        return Err(ServiceError::twin_not_found(&write.source));
    }
    let current = graph.relationship(&write.source, &write.id);
    if current.is_some() && if_none_match {
        return Err(ServiceError::new(
            Code::PreconditionFailed,
            format!(
                "If-None-Match: * header was specified but a relationship with the id {} was found on the twin {}. Please specify a different relationship id.",
                write.id, write.source
            ),
        ));
    }
    let relationship = read_relationship(write, stamp)?;
    if graph.twin(&relationship.target).is_none() {
        return Err(ServiceError::new(
            Code::TargetTwinNotFound,
            format!(
                "There is no digital twin instance that exists with the ID {}, the target of the relationship. Please verify that the target twin id is valid.",
                relationship.target
            ),
        ));
    }
    check(graph, &relationship, "Invalid relationship specified")?;
    let replaced = current.is_some();
    Ok(ChangeKind::RelationshipPut { relationship: Arc::new(relationship), replaced })
}

fn read_relationship(
    write: &RelationshipWrite,
    stamp: &Stamp,
) -> Result<Relationship, ServiceError> {
    let missing = |name: &str| {
        ServiceError::new(
            Code::InvalidRelationship,
            format!("Invalid relationship specified: «{name}» is missing or not a string."),
        )
    };
    let text = |name: &str| {
        write.body.get(name).and_then(Value::as_str).map(Arc::from).ok_or_else(|| missing(name))
    };
    let members = write.body.as_object().into_iter().flatten();
    let properties: Map<_, _> = members
        .filter(|(name, _)| !name.starts_with('$'))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    Ok(Relationship {
        id: write.id.as_str().into(),
        source: write.source.as_str().into(),
        target: text("$targetId")?,
        name: text("$relationshipName")?,
        etag: stamp.etag.clone(),
        properties,
    })
}

fn check(
    graph: &TwinGraph,
    relationship: &Relationship,
    summary: &str,
) -> Result<(), ServiceError> {
    let model = |id: &str| graph.twin(id).map(|twin| twin.model.clone()).unwrap_or_default();
    let (source, target) = (model(&relationship.source), model(&relationship.target));
    let faults = check_relationship(graph.models(), &source, &target, relationship);
    if faults.is_empty() { Ok(()) } else { Err(invalid(summary, &faults)) }
}

pub(super) fn patch(
    graph: &TwinGraph,
    source: &str,
    id: &str,
    patch: &[Operation],
    if_match: Option<&IfMatch>,
    stamp: &Stamp,
) -> Result<ChangeKind, ServiceError> {
    let current = find(graph, source, id)?;
    check_match(if_match, &current.etag, &format!("the relationship {id}"))?;
    let (after, applied) = current.patched(patch).map_err(|error| patch_refused(&error))?;
    check(graph, &after, "Invalid patch specified")?;
    Ok(ChangeKind::RelationshipPatched {
        source: current.source.clone(),
        id: current.id.clone(),
        patch: applied,
        etag: stamp.etag.clone(),
    })
}

pub(super) fn delete(
    graph: &TwinGraph,
    source: &str,
    id: &str,
    if_match: Option<&IfMatch>,
) -> Result<ChangeKind, ServiceError> {
    let current = find(graph, source, id)?;
    check_match(if_match, &current.etag, &format!("the relationship {id}"))?;
    Ok(ChangeKind::RelationshipDeleted { relationship: current.clone() })
}

fn find<'a>(
    graph: &'a TwinGraph,
    source: &str,
    id: &str,
) -> Result<&'a Arc<Relationship>, ServiceError> {
    if graph.twin(source).is_none() {
        return Err(ServiceError::twin_not_found(source));
    }
    graph.relationship(source, id).ok_or_else(|| ServiceError::relationship_not_found(source, id))
}
