//! Twins: put, patch, delete, telemetry.

use super::{Stamp, check_id, check_match, invalid, patch_refused};
use adt_service::{Code, IfMatch, ServiceError, Telemetry};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;
use twin_graph::{
    ChangeKind, Contents, Fault, Operation, PatchError, Timestamp, Twin, TwinGraph, check_twin,
};

pub(super) fn put(
    graph: &TwinGraph,
    id: &str,
    body: &Value,
    if_none_match: bool,
    stamp: &Stamp,
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
    let twin = Arc::new(read_twin(graph, id, body, stamp)?);
    let faults = check_twin(graph.models(), &twin);
    if !faults.is_empty() {
        return Err(invalid("Invalid twin specified", &faults));
    }
    Ok(ChangeKind::TwinPut { twin, replaced: current.is_some() })
}

fn read_twin(
    graph: &TwinGraph,
    id: &str,
    body: &Value,
    stamp: &Stamp,
) -> Result<Twin, ServiceError> {
    let fault = |path: &str, message: String| {
        invalid("Invalid twin specified", &[Fault { path: path.into(), message }])
    };
    let object = body
        .as_object()
        .ok_or_else(|| fault("", "A twin is a JSON object with $metadata.$model.".into()))?;
    let model = body.pointer("/$metadata/$model").and_then(Value::as_str).ok_or_else(|| {
        fault("/$metadata/$model", "is missing: say which model the twin is of.".into())
    })?;
    let interface = graph.models().get(model).ok_or_else(|| {
        // The text as recorded, without a path.
        ServiceError::new(Code::ValidationFailed, "Invalid twin specified").with_detail(
            Code::ValidationFailed,
            format!("{model} or one of its dependencies does not exist."),
        )
    })?;
    let mut values = Map::new();
    let mut components = BTreeMap::new();
    for (name, value) in object.iter().filter(|(name, _)| !name.starts_with('$')) {
        match value {
            Value::Object(members) if interface.component(name).is_some() => {
                let own = members.iter().filter(|(name, _)| !name.starts_with('$'));
                let own = own.map(|(name, value)| (name.clone(), value.clone())).collect();
                components.insert(name.clone(), Contents::new(own, stamp.now));
            }
            _ => {
                values.insert(name.clone(), value.clone());
            }
        }
    }
    let mut contents = Contents::new(values, stamp.now);
    for (name, times) in &mut contents.times {
        let path = format!("/$metadata/{name}/sourceTime");
        times.source = body.pointer(&path).and_then(read_time);
    }
    Ok(Twin { id: id.into(), model: model.into(), etag: stamp.etag.clone(), contents, components })
}

fn read_time(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

pub(super) fn patch(
    graph: &TwinGraph,
    id: &str,
    patch: &[Operation],
    if_match: Option<&IfMatch>,
    stamp: &Stamp,
) -> Result<ChangeKind, ServiceError> {
    let twin = graph.twin(id).ok_or_else(|| ServiceError::twin_not_found(id))?;
    check_match(if_match, &twin.etag, &format!("the twin {id}"))?;
    let (metadata, properties): (Vec<_>, Vec<_>) =
        patch.iter().cloned().partition(|operation| operation.path.starts_with("/$"));
    let source_times = metadata.iter().map(source_time).collect::<Result<Vec<_>, _>>()?;
    let (after, applied) =
        twin.patched(&properties, stamp.now).map_err(|error| patch_refused(&error))?;
    let faults = check_twin(graph.models(), &after);
    if !faults.is_empty() {
        return Err(invalid("Invalid patch specified", &faults));
    }
    Ok(ChangeKind::TwinPatched {
        id: twin.id.clone(),
        model: twin.model.clone(),
        patch: applied,
        source_times,
        etag: stamp.etag.clone(),
    })
}

/// `/$metadata/<property>/sourceTime` is the one thing in `$metadata` that a patch sets here.
fn source_time(operation: &Operation) -> Result<(String, Timestamp), ServiceError> {
    let unresolved = || patch_refused(&PatchError::Unresolved(operation.path.clone()));
    let name = operation
        .path
        .strip_prefix("/$metadata/")
        .and_then(|rest| rest.strip_suffix("/sourceTime"))
        .filter(|name| !name.contains('/'))
        .ok_or_else(unresolved)?;
    let time = operation.value.as_ref().and_then(read_time).ok_or_else(|| {
        let message =
            format!("«{}» takes a time in RFC 3339, such as 2026-11-21T09:41:27Z.", operation.path);
        ServiceError::new(Code::JsonPatchInvalid, message)
    })?;
    Ok((name.to_owned(), time))
}

pub(super) fn delete(
    graph: &TwinGraph,
    id: &str,
    if_match: Option<&IfMatch>,
) -> Result<ChangeKind, ServiceError> {
    let twin = graph.twin(id).ok_or_else(|| ServiceError::twin_not_found(id))?;
    check_match(if_match, &twin.etag, &format!("the twin {id}"))?;
    if graph.outgoing(id).chain(graph.incoming(id)).next().is_some() {
        return Err(ServiceError::new(
            Code::RelationshipsNotDeleted,
            format!(
                "Twin {id} has active relationships. Cannot delete a twin unless all the relationships are deleted. See section on relationships in the documentation https://aka.ms/adtv2twins."
            ),
        ));
    }
    Ok(ChangeKind::TwinDeleted { twin: twin.clone() })
}

pub(super) fn telemetry(
    graph: &TwinGraph,
    telemetry: &Telemetry,
) -> Result<ChangeKind, ServiceError> {
    let twin = graph.twin(&telemetry.twin);
    let twin = twin.ok_or_else(|| ServiceError::twin_not_found(&telemetry.twin))?;
    if let Some(component) = &telemetry.component {
        let known = graph.models().get(&twin.model).and_then(|model| model.component(component));
        if known.is_none() {
            return Err(ServiceError::new(
                Code::ComponentNotFound,
                format!(
                    "The twin {} has no component {component}. Check the component's name in its model {}.",
                    twin.id, twin.model
                ),
            ));
        }
    }
    if telemetry.message_id.is_empty() {
        return Err(ServiceError::new(
            Code::InvalidArgument,
            "The header Message-Id is missing or empty.",
        ));
    }
    Ok(ChangeKind::Telemetry {
        twin: twin.id.clone(),
        model: twin.model.clone(),
        component: telemetry.component.as_deref().map(Arc::from),
        message_id: telemetry.message_id.as_str().into(),
        source_time: telemetry.source_time,
        body: telemetry.body.clone(),
    })
}
