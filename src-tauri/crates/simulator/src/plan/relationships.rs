//! Relationships: put, patch, delete.

use super::sizes::{check_body, check_strings};
use super::{Bounds, Stamp, check_id, check_match, check_patch, invalid, patch_refused};
use adt_limits::{Limit, Limiter};
use adt_service::{Code, IfMatch, RelationshipWrite, ServiceError};
use serde_json::Value;
use std::sync::Arc;
use twin_graph::{
    ChangeKind, Direction, Fault, Operation, Relationship, TwinGraph, check_relationship,
};

const INVALID: &str = "Invalid relationship specified";

pub(super) fn put(
    graph: &TwinGraph,
    write: &RelationshipWrite,
    if_none_match: bool,
    stamp: &Stamp,
    bounds: Bounds<'_>,
) -> Result<ChangeKind, ServiceError> {
    check_id(&write.id)?;
    let source = graph.twin(&write.source);
    let source = source.ok_or_else(|| ServiceError::twin_not_found(&write.source))?;
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
    check_body(bounds.limiter, &write.body)?;
    let mut relationship = read_relationship(write, stamp)?;
    let target = graph.twin(&relationship.target).ok_or_else(|| {
        ServiceError::new(
            Code::TargetDigitalTwinNotFound,
            "The target digital twin is invalid or does not exist. Please validate that the target twin is valid and ensure that the target twin is not deleted. See section on querying the twins https://aka.ms/adtv2query .",
        )
    })?;
    // The ids are kept once, by the twins.
    (relationship.source, relationship.target) = (source.id.clone(), target.id.clone());
    if relationship.source == relationship.target {
        return Err(ServiceError::new(
            Code::OperationNotAllowed,
            format!(
                "The relationship {} cannot connect the twin {} to itself. Choose another target.",
                write.id, write.source
            ),
        ));
    }
    check(graph, &relationship, bounds.limiter)?;
    check_multiplicity(graph, &relationship)?;
    check_counts(graph, &relationship, current, bounds)?;
    let replaced = current.is_some();
    Ok(ChangeKind::RelationshipPut { relationship: Arc::new(relationship), replaced })
}

/// How many relationships an instance and the two twins may have.
fn check_counts(
    graph: &TwinGraph,
    relationship: &Relationship,
    current: Option<&Arc<Relationship>>,
    Bounds { limiter, ahead }: Bounds<'_>,
) -> Result<(), ServiceError> {
    if current.is_none() {
        let others = graph.relationship_count() as u64;
        let all = others.saturating_add_signed(ahead.relationships) + 1;
        limiter.check(Limit::Relationships, all)?;
        let leaving = degree(graph, &relationship.source, Direction::Outgoing);
        limiter.check(Limit::OutgoingRelationships, leaving + 1)?;
    }
    // One that is replaced may get another target.
    if current.is_none_or(|current| current.target != relationship.target) {
        let arriving = degree(graph, &relationship.target, Direction::Incoming);
        limiter.check(Limit::IncomingRelationships, arriving + 1)?;
    }
    Ok(())
}

fn degree(graph: &TwinGraph, id: &str, direction: Direction) -> u64 {
    graph.node(id).map_or(0, |node| graph.degree(node, direction)) as u64
}

/// How many relationships of a name leave a twin, its model may bound.
fn check_multiplicity(graph: &TwinGraph, relationship: &Relationship) -> Result<(), ServiceError> {
    let (source, name) = (&relationship.source, &relationship.name);
    let model = graph.twin(source).and_then(|twin| graph.models().get(&twin.model));
    let declared = model.and_then(|model| model.relationship(name));
    let Some(most) = declared.and_then(|declared| declared.max_multiplicity) else { return Ok(()) };
    // A twin with fewer relationships in all has fewer of this name.
    if degree(graph, source, Direction::Outgoing) < most {
        return Ok(());
    }
    let (own, kind) = (graph.edge(source, &relationship.id), graph.name_kind(name));
    let links = graph.node(source).map(|node| graph.links_of(node, Direction::Outgoing));
    let others = links.into_iter().flatten();
    let others = others.filter(|link| Some(link.name) == kind && Some(link.edge) != own).count();
    if (others as u64) < most {
        return Ok(());
    }
    let message = format!(
        "The twin {source} has {others} relationships «{name}» already, and its model allows {most} (maxMultiplicity). Delete one first."
    );
    Err(invalid(INVALID, &[Fault { path: String::new(), message }]))
}

fn read_relationship(
    write: &RelationshipWrite,
    stamp: &Stamp,
) -> Result<Relationship, ServiceError> {
    let missing = |name: &str| {
        ServiceError::new(
            Code::InvalidArgument,
            format!(
                "Could not deserialize relationship create body. «{name}» is missing or not a string."
            ),
        )
    };
    let text = |name: &str| {
        write.body.get(name).and_then(Value::as_str).map(Arc::from).ok_or_else(|| missing(name))
    };
    let members = write.body.as_object().into_iter().flatten();
    let properties = members
        .filter(|(name, _)| !name.starts_with('$'))
        .map(|(name, value)| (name, value.into()))
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

/// The service's definition tells a relationship that may not be from one whose properties do not
/// fit; which of the two it is where both are wrong, nobody says.
fn check(
    graph: &TwinGraph,
    relationship: &Relationship,
    limiter: &Limiter,
) -> Result<(), ServiceError> {
    let model = |id: &str| graph.twin(id).map(|twin| twin.model.clone()).unwrap_or_default();
    let (source, target) = (model(&relationship.source), model(&relationship.target));
    let mut faults = check_relationship(graph.models(), &source, &target, relationship);
    let properties = relationship.properties.iter();
    faults.extend(properties.filter_map(|(name, value)| {
        let name_too_long = limiter.check(Limit::PropertyName, name.len() as u64).err();
        let name_too_long = name_too_long.map(|exceeded| Fault {
            path: name.chars().take(200).collect(),
            message: exceeded.to_string(),
        });
        name_too_long.or_else(|| check_strings(limiter, &format!("/{name}"), &value.json()))
    }));
    let Some(first) = faults.first() else { return Ok(()) };
    let may_not_be = first.path.starts_with("/$");
    let mut error = invalid(INVALID, &faults);
    if may_not_be {
        error.code = Code::InvalidRelationship;
    }
    Err(error)
}

pub(super) fn patch(
    graph: &TwinGraph,
    (source, id): (&str, &str),
    patch: Vec<Operation>,
    if_match: Option<&IfMatch>,
    stamp: &Stamp,
    limiter: &Limiter,
) -> Result<ChangeKind, ServiceError> {
    let current = find(graph, source, id)?;
    check_match(if_match, &current.etag)?;
    check_patch(limiter, &patch, INVALID)?;
    let (after, applied) = current.patched(patch).map_err(|error| patch_refused(&error))?;
    check(graph, &after, limiter)?;
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
    check_match(if_match, &current.etag)?;
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
