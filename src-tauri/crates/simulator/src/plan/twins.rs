//! Twins: put, patch, delete, telemetry.

use super::sizes::{check_body, check_strings};
use super::{Bounds, Stamp, check_id, check_match, check_patch, invalid, patch_refused};
use adt_limits::{Limit, Limiter};
use adt_service::{Code, IfMatch, ServiceError, Telemetry};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use twin_graph::{
    ChangeKind, Contents, Fault, Operation, PatchError, Timestamp, Twin, TwinGraph, check_patched,
    check_relationship, check_twin,
};

const INVALID: &str = "Invalid twin specified";

pub(super) fn put(
    graph: &TwinGraph,
    id: &str,
    body: &Value,
    if_none_match: bool,
    stamp: &Stamp,
    Bounds { limiter, ahead }: Bounds<'_>,
) -> Result<ChangeKind, ServiceError> {
    check_id(id)?;
    let current = graph.twin(id);
    if current.is_some() && if_none_match {
        return Err(ServiceError::new(
            Code::PreconditionFailed,
            format!(
                "If-None-Match: * header was specified but a twin with the id {id} was found. Please specify a different twin id."
            ),
        ));
    }
    check_body(limiter, body)?;
    let mut twin = read_twin(graph, id, body, stamp)?;
    if let Some(current) = current {
        // Its relationships share it.
        twin.id.clone_from(&current.id);
    }
    let twin = Arc::new(twin);
    // Whoever is of a decommissioned model stays of it.
    if current.is_none_or(|current| current.model != twin.model) {
        check_in_use(graph, &twin.model)?;
    }
    let mut faults = check_twin(graph.models(), &twin);
    faults.extend(check_strings(limiter, "", body));
    if !faults.is_empty() {
        return Err(invalid(INVALID, &faults));
    }
    if current.is_none() {
        let others = graph.twin_count() as u64;
        limiter.check(Limit::Twins, others.saturating_add_signed(ahead.twins) + 1)?;
    }
    Ok(ChangeKind::TwinPut { twin, replaced: current.is_some() })
}

/// Refuses what makes a twin of a decommissioned model.
fn check_in_use(graph: &TwinGraph, model: &str) -> Result<(), ServiceError> {
    if graph.stored_model(model).is_some_and(|stored| stored.decommissioned) {
        return Err(ServiceError::new(
            Code::ModelDecommissioned,
            format!(
                "The model {model} is decommissioned and takes no new twins. Use another version of it."
            ),
        ));
    }
    Ok(())
}

fn read_twin(
    graph: &TwinGraph,
    id: &str,
    body: &Value,
    stamp: &Stamp,
) -> Result<Twin, ServiceError> {
    let fault =
        |path: &str, message: String| invalid(INVALID, &[Fault { path: path.into(), message }]);
    let object = body.as_object().ok_or_else(|| {
        let message = "Payload is invalid. A twin is a JSON object with $metadata.$model.";
        ServiceError::new(Code::InvalidArgument, message)
    })?;
    let model = body.pointer("/$metadata/$model").and_then(Value::as_str).ok_or_else(|| {
        fault("/$metadata/$model", "is missing: say which model the twin is of.".into())
    })?;
    let interface = graph.models().get(model).ok_or_else(|| {
        // The text as recorded, without a path.
        ServiceError::new(Code::ValidationFailed, INVALID).with_detail(
            Code::ValidationFailed,
            format!("{model} or one of its dependencies does not exist."),
        )
    })?;
    let own = |(name, _): &(&String, &Value)| !name.starts_with('$');
    let component = |(name, value): &(&String, &Value)| {
        value.is_object() && interface.component(name).is_some()
    };
    let (components, values): (Vec<_>, Vec<_>) = object.iter().filter(own).partition(component);
    let components: BTreeMap<_, _> = components.into_iter().collect();
    let components = components.into_iter().map(|(name, value)| {
        let members = value.as_object().into_iter().flatten().filter(own);
        (name, Contents::new(members, stamp.now))
    });
    let components = components.collect();
    let mut contents = Contents::new(values, stamp.now);
    let metadata = body.pointer("/$metadata").and_then(Value::as_object);
    for (name, entry) in metadata.into_iter().flatten() {
        if let Some(source) = entry.get("sourceTime").and_then(read_time) {
            contents.set_source_time(name, source);
        }
    }
    let model = interface.id.clone();
    Ok(Twin { id: id.into(), model, etag: stamp.etag.clone(), contents, components })
}

fn read_time(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

pub(super) fn patch(
    graph: &TwinGraph,
    id: &str,
    patch: Vec<Operation>,
    if_match: Option<&IfMatch>,
    stamp: &Stamp,
    limiter: &Limiter,
) -> Result<(ChangeKind, Arc<Twin>), ServiceError> {
    let node = graph.node(id);
    let found = node.and_then(|node| graph.twin_at(node));
    let twin = found.ok_or_else(|| ServiceError::twin_not_found(id))?;
    check_match(if_match, &twin.etag)?;
    check_patch(limiter, &patch, INVALID)?;
    let timed = |operation: &Operation| timed_property(&operation.path).is_some();
    let (times, operations) = if patch.iter().any(timed) {
        patch.into_iter().partition(timed)
    } else {
        (Vec::new(), patch)
    };
    let (mut after, applied) =
        twin.patched(operations, stamp.now).map_err(|error| patch_refused(&error))?;
    let source_times =
        times.iter().map(|time| source_time(&after, time)).collect::<Result<Vec<_>, _>>()?;
    // A model that was deleted and is there again may be another one.
    let was_checked = node.and_then(|node| graph.twin_changed(node)) > Some(graph.models_version());
    let mut faults = if was_checked && after.model == twin.model {
        check_patched(graph.models(), &after, &applied)
    } else {
        check_twin(graph.models(), &after)
    };
    if after.model != twin.model {
        check_in_use(graph, &after.model)?;
        faults.extend(faults_of_relationships(graph, &after));
    }
    if !faults.is_empty() {
        return Err(invalid(INVALID, &faults));
    }
    source_times.iter().for_each(|(name, time)| after.set_source_time(name, *time));
    after.etag.clone_from(&stamp.etag);
    let kind = ChangeKind::TwinPatched {
        id: twin.id.clone(),
        model: after.model.clone(),
        patch: applied,
        source_times,
        etag: stamp.etag.clone(),
    };
    Ok((kind, Arc::new(after)))
}

/// What of a twin's relationships would not fit its other model.
fn faults_of_relationships(graph: &TwinGraph, twin: &Twin) -> Vec<Fault> {
    let model = |id: &str| match graph.twin(id) {
        Some(other) if other.id != twin.id => other.model.clone(),
        _ => twin.model.clone(),
    };
    let related = graph.outgoing(&twin.id).chain(graph.incoming(&twin.id));
    let faults = related.flat_map(|each| {
        check_relationship(graph.models(), &model(&each.source), &model(&each.target), each)
    });
    faults.take(20).collect()
}

/// `property` of `/$metadata/property/sourceTime`, or `component/property` of
/// `/component/$metadata/property/sourceTime`.
fn timed_property(path: &str) -> Option<String> {
    if !path.ends_with("/sourceTime") {
        return None;
    }
    match path.split('/').collect::<Vec<_>>()[..] {
        ["", "$metadata", property, "sourceTime"] => Some(property.to_owned()),
        ["", component, "$metadata", property, "sourceTime"] => {
            Some(format!("{component}/{property}"))
        }
        _ => None,
    }
}

/// The source time that an operation sets, of a property that `twin` has.
fn source_time(twin: &Twin, operation: &Operation) -> Result<(String, Timestamp), ServiceError> {
    let path = &operation.path;
    let name = timed_property(path).unwrap_or_default();
    let times = match name.split_once('/') {
        Some((component, property)) => {
            twin.components.get(component).and_then(|contents| contents.times(property))
        }
        None => twin.contents.times(&name),
    };
    if times.is_none() {
        return Err(patch_refused(&PatchError::Unresolved(path.clone())));
    }
    let time = operation.value.as_ref().and_then(read_time).ok_or_else(|| {
        let message = format!("«{path}» takes a time in RFC 3339, such as 2026-11-21T09:41:27Z.");
        ServiceError::new(Code::JsonPatchInvalid, message)
    })?;
    Ok((name, time))
}

pub(super) fn delete(
    graph: &TwinGraph,
    id: &str,
    if_match: Option<&IfMatch>,
) -> Result<ChangeKind, ServiceError> {
    let twin = graph.twin(id).ok_or_else(|| ServiceError::twin_not_found(id))?;
    check_match(if_match, &twin.etag)?;
    if graph.outgoing(id).chain(graph.incoming(id)).next().is_some() {
        return Err(ServiceError::new(
            Code::RelationshipsNotDeleted,
            format!(
                "Twin {id} has active relationships. Cannot delete a twin unless all the relationships are deleted. Please ensure that the active relationships on the twin are deleted. See section on retrieving relationships https://aka.ms/adtv2twins."
            ),
        ));
    }
    Ok(ChangeKind::TwinDeleted { twin: twin.clone() })
}

pub(super) fn telemetry(
    graph: &TwinGraph,
    telemetry: Telemetry,
    limiter: &Limiter,
) -> Result<ChangeKind, ServiceError> {
    let twin = graph.twin(&telemetry.twin);
    let twin = twin.ok_or_else(|| ServiceError::twin_not_found(&telemetry.twin))?;
    if let Some(component) = &telemetry.component {
        let known = graph.models().get(&twin.model).and_then(|model| model.component(component));
        if known.is_none() {
            return Err(ServiceError::component_not_found(&twin.id, component));
        }
    }
    if telemetry.message_id.is_empty() {
        return Err(ServiceError::new(
            Code::InvalidArgument,
            "The header Message-Id is missing or empty.",
        ));
    }
    check_body(limiter, &telemetry.body)?;
    Ok(ChangeKind::Telemetry {
        twin: twin.id.clone(),
        model: twin.model.clone(),
        component: telemetry.component.as_deref().map(Arc::from),
        message_id: telemetry.message_id.as_str().into(),
        source_time: telemetry.source_time,
        body: telemetry.body,
    })
}
