//! A change of the twin graph as an entry of the log.

use crate::{Body, Entry, EntryKind, FieldChange};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use twin_graph::{AppliedOperation, Change, ChangeKind, Relationship, StoredModel, Twin};

impl Entry {
    /// The entry of a change. `model_of` answers the DTMI of the model of a twin, for
    /// relationships, whose changes do not tell it.
    pub fn of_change(change: &Change, model_of: impl Fn(&str) -> Option<Arc<str>>) -> Self {
        let (kind, model, changes, note) = describe(&change.kind, model_of);
        Self {
            time: change.time,
            kind,
            subject: change.kind.subject(),
            model,
            changes,
            note,
            trace: change.cause.trace,
            cause: change.cause.origin.to_string(),
            version: change.version,
            goes_to: None,
            handed: Box::default(),
            verdicts: Vec::new(),
            body: body(change),
        }
    }
}

/// Of models only what they are called: documents can be a megabyte each.
fn body(change: &Change) -> Body {
    match change.kind {
        ChangeKind::ModelsPut { .. } => Body::Json(change.to_json().to_string().into()),
        _ => Body::Change(change.to_record().into_boxed_slice()),
    }
}

type Description = (EntryKind, Option<Arc<str>>, Vec<FieldChange>, String);

fn describe(kind: &ChangeKind, model_of: impl Fn(&str) -> Option<Arc<str>>) -> Description {
    use EntryKind as Kind;
    let replaced = |replaced: bool| if replaced { "replaced" } else { "" }.to_owned();
    match kind {
        ChangeKind::ModelsPut { models } => (Kind::Model, None, vec![], models_note(models)),
        ChangeKind::ModelDecommissioned { .. } => {
            (Kind::Model, None, vec![], "decommissioned".to_owned())
        }
        ChangeKind::ModelDeleted { .. } => (Kind::Model, None, vec![], "deleted".to_owned()),
        ChangeKind::TwinPut { twin, replaced: again } => {
            let fields = twin_fields(twin).map(|(path, value)| appeared(path, value));
            (Kind::TwinCreate, Some(twin.model.clone()), fields.collect(), replaced(*again))
        }
        ChangeKind::TwinPatched { model, patch, .. } => {
            let changes = patch.iter().map(patched).collect();
            (Kind::TwinUpdate, Some(model.clone()), changes, String::new())
        }
        ChangeKind::TwinDeleted { twin } => {
            let fields = twin_fields(twin).map(|(path, value)| vanished(path, value));
            (Kind::TwinDelete, Some(twin.model.clone()), fields.collect(), String::new())
        }
        ChangeKind::RelationshipPut { relationship, replaced: again } => {
            let fields = relationship_fields(relationship);
            let changes = fields.map(|(path, value)| appeared(path, value)).collect();
            let model = model_of(&relationship.source);
            (Kind::RelationshipCreate, model, changes, replaced(*again))
        }
        ChangeKind::RelationshipPatched { source, patch, .. } => {
            let changes = patch.iter().map(patched).collect();
            (Kind::RelationshipUpdate, model_of(source), changes, String::new())
        }
        ChangeKind::RelationshipDeleted { relationship } => {
            let fields = relationship_fields(relationship);
            let changes = fields.map(|(path, value)| vanished(path, value)).collect();
            (Kind::RelationshipDelete, model_of(&relationship.source), changes, String::new())
        }
        ChangeKind::EventRoutePut { route, .. } => {
            (Kind::EventRoute, None, vec![], format!("to {}: {}", route.endpoint, route.filter))
        }
        ChangeKind::EventRouteDeleted { .. } => {
            (Kind::EventRoute, None, vec![], "deleted".to_owned())
        }
        ChangeKind::Telemetry { model, component, message_id, body, .. } => {
            let changes = telemetry_fields(component.as_deref(), body);
            (Kind::Telemetry, Some(model.clone()), changes, format!("message {message_id}"))
        }
    }
}

fn models_note(models: &[StoredModel]) -> String {
    match models {
        [_] => "stored".to_owned(),
        several => {
            let ids = several.iter().take(20).map(StoredModel::id).collect::<Vec<_>>().join(", ");
            if several.len() > 20 {
                format!("stored: {ids}, …")
            } else {
                format!("stored: {ids}")
            }
        }
    }
}

/// The properties of a twin and of its components, by their paths.
fn twin_fields(twin: &Twin) -> impl Iterator<Item = (String, Value)> {
    let own = twin.contents.values().map(|(name, value)| (name.to_string(), value.to_json()));
    let inner = twin.components.iter().flat_map(|(component, contents)| {
        contents.values().map(move |(name, value)| (format!("{component}/{name}"), value.to_json()))
    });
    own.chain(inner)
}

/// The target under the relationship's name, then its properties.
fn relationship_fields(relationship: &Relationship) -> impl Iterator<Item = (String, Value)> {
    let target = (relationship.name.to_string(), json!(relationship.target));
    let properties = relationship.properties.iter();
    let own = properties.map(|(name, value)| (name.to_string(), value.to_json()));
    std::iter::once(target).chain(own)
}

fn telemetry_fields(component: Option<&str>, body: &Value) -> Vec<FieldChange> {
    let path = |name: &str| match component {
        Some(component) => format!("{component}/{name}"),
        None => name.to_owned(),
    };
    let none = Map::new();
    let members = body.as_object().unwrap_or(&none).iter();
    members.map(|(name, value)| appeared(path(name), value.clone())).collect()
}

fn appeared(path: String, value: Value) -> FieldChange {
    FieldChange { path, before: None, after: Some(value) }
}

fn vanished(path: String, value: Value) -> FieldChange {
    FieldChange { path, before: Some(value), after: None }
}

fn patched(applied: &AppliedOperation) -> FieldChange {
    FieldChange {
        path: applied.operation.path.trim_start_matches('/').to_owned(),
        before: applied.previous.clone(),
        after: applied.operation.value.clone(),
    }
}
