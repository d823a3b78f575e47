//! What happened to the graph: the record that the journal keeps and that notifications are made of.

use crate::{
    AppliedOperation, EventRoute, Relationship, StoredModel, Timestamp, TraceContext, Twin,
};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// Who or what made a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A client of the REST data plane.
    Rest,
    /// A person in this app's window.
    App,
    /// A file of the workspace.
    Workspace,
    /// A function of the pipeline.
    Function {
        /// Its name in the topology.
        name: Arc<str>,
        /// What called it: a twin id or a device id.
        after: Arc<str>,
        /// How many functions were called one after another until this change, itself counted.
        hops: u64,
    },
    /// Seen on the remote instance; who did it is not known here.
    Remote,
}

impl Origin {
    /// How many functions led to the change, one after another.
    pub fn hops(&self) -> u64 {
        if let Self::Function { hops, .. } = self { *hops } else { 0 }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rest => f.write_str("REST"),
            Self::App => f.write_str("this app"),
            Self::Workspace => f.write_str("workspace"),
            Self::Function { name, after, .. } => write!(f, "{name}, after {after}"),
            Self::Remote => f.write_str("remote instance"),
        }
    }
}

/// Why a change happened: the trace that it belongs to, and who made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// Trace context of this very change.
    pub trace: TraceContext,
    /// Who made it.
    pub origin: Origin,
}

/// One change of the graph, at a version. The change and its notification are one record.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The graph's version after this change; versions are dense, starting at 1.
    pub version: u64,
    /// When it was accepted.
    pub time: Timestamp,
    /// Why.
    pub cause: Cause,
    /// What.
    pub kind: ChangeKind,
}

/// What changed.
#[derive(Clone, Debug, PartialEq)]
pub enum ChangeKind {
    /// Models were created (or, from the workspace, replaced under their DTMI).
    ModelsPut {
        /// The models with what the service stores about them.
        models: Vec<StoredModel>,
    },
    /// A model was decommissioned: it takes no new twins. There is no way back (documentation of
    /// the service).
    ModelDecommissioned {
        /// Its DTMI.
        id: Arc<str>,
    },
    /// A model was deleted.
    ModelDeleted {
        /// Its DTMI.
        id: Arc<str>,
    },
    /// A twin was created, or replaced as a whole.
    TwinPut {
        /// The twin as it is now.
        twin: Arc<Twin>,
        /// Whether there was one of this id before.
        replaced: bool,
    },
    /// Properties of a twin changed.
    TwinPatched {
        /// Its id.
        id: Arc<str>,
        /// Its model from now on; a patch of `/$metadata/$model` changes it.
        model: Arc<str>,
        /// What was done, with the values before.
        patch: Vec<AppliedOperation>,
        /// `sourceTime` of properties, where the writer gave them; a component's property is
        /// `component/property`.
        source_times: Vec<(String, Timestamp)>,
        /// The ETag from now on.
        etag: Arc<str>,
    },
    /// A twin was deleted.
    TwinDeleted {
        /// The twin as it was.
        twin: Arc<Twin>,
    },
    /// A relationship was created, or replaced as a whole.
    RelationshipPut {
        /// The relationship as it is now.
        relationship: Arc<Relationship>,
        /// Whether there was one of this id before.
        replaced: bool,
    },
    /// Properties of a relationship changed.
    RelationshipPatched {
        /// Its source twin.
        source: Arc<str>,
        /// Its id.
        id: Arc<str>,
        /// What was done, with the values before.
        patch: Vec<AppliedOperation>,
        /// The ETag from now on.
        etag: Arc<str>,
    },
    /// A relationship was deleted.
    RelationshipDeleted {
        /// The relationship as it was.
        relationship: Arc<Relationship>,
    },
    /// An event route was created, or replaced as a whole.
    EventRoutePut {
        /// The route as it is now.
        route: Arc<EventRoute>,
        /// Whether there was one of this id before.
        replaced: bool,
    },
    /// An event route was deleted.
    EventRouteDeleted {
        /// The route as it was.
        route: Arc<EventRoute>,
    },
    /// A twin sent telemetry. It changes nothing in the graph; it is here because the change feed
    /// is what routes read.
    Telemetry {
        /// The twin.
        twin: Arc<str>,
        /// Its model.
        model: Arc<str>,
        /// The component it was sent for, if any.
        component: Option<Arc<str>>,
        /// `Message-Id` of the request.
        message_id: Arc<str>,
        /// `Telemetry-Source-Time` of the request.
        source_time: Option<Timestamp>,
        /// The body, unmodified.
        body: Value,
    },
}

impl ChangeKind {
    /// What the change is about: a twin id, `<twin>/relationships/<id>`, a DTMI, or a route's id.
    pub fn subject(&self) -> String {
        match self {
            Self::ModelsPut { models } => match models.as_slice() {
                [model] => model.id().to_string(),
                _ => format!("{} models", models.len()),
            },
            Self::ModelDecommissioned { id } | Self::ModelDeleted { id } => id.to_string(),
            Self::TwinPut { twin, .. } | Self::TwinDeleted { twin } => twin.id.to_string(),
            Self::TwinPatched { id, .. } => id.to_string(),
            Self::RelationshipPut { relationship, .. }
            | Self::RelationshipDeleted { relationship } => {
                format!("{}/relationships/{}", relationship.source, relationship.id)
            }
            Self::RelationshipPatched { source, id, .. } => format!("{source}/relationships/{id}"),
            Self::EventRoutePut { route, .. } | Self::EventRouteDeleted { route } => {
                route.id.to_string()
            }
            Self::Telemetry { twin, .. } => twin.to_string(),
        }
    }
}

impl Change {
    /// The change for people to read: what happened, with the documents as the service answers
    /// them. Of models only the ids are told, because documents can be a megabyte each.
    pub fn to_json(&self) -> Value {
        let mut object = self.kind.to_map();
        let mut put = |name: &str, value: Value| object.insert(name.to_owned(), value);
        put("version", self.version.into());
        put("time", json!(self.time));
        put("trace", json!(self.cause.trace));
        put("by", self.cause.origin.to_string().into());
        Value::Object(object)
    }
}

impl ChangeKind {
    fn to_map(&self) -> Map<String, Value> {
        let document = match self {
            Self::ModelsPut { models } => {
                let ids: Vec<&str> = models.iter().map(StoredModel::id).collect();
                json!({"change": "modelsPut", "models": ids})
            }
            Self::ModelDecommissioned { id } => json!({"change": "modelDecommissioned", "id": id}),
            Self::ModelDeleted { id } => json!({"change": "modelDeleted", "id": id}),
            Self::TwinPut { twin, replaced } => {
                json!({"change": "twinPut", "twin": twin.to_json(), "replaced": replaced})
            }
            Self::TwinPatched { id, model, patch, source_times, etag } => json!({
                "change": "twinPatched", "id": id, "model": model, "patch": patch_json(patch),
                "sourceTimes": source_times.iter().cloned().collect::<BTreeMap<_, _>>(),
                "etag": etag,
            }),
            Self::TwinDeleted { twin } => json!({"change": "twinDeleted", "twin": twin.to_json()}),
            Self::RelationshipPut { relationship, replaced } => json!({
                "change": "relationshipPut", "relationship": relationship.to_json(),
                "replaced": replaced,
            }),
            Self::RelationshipPatched { source, id, patch, etag } => json!({
                "change": "relationshipPatched", "source": source, "id": id,
                "patch": patch_json(patch), "etag": etag,
            }),
            Self::RelationshipDeleted { relationship } => {
                json!({"change": "relationshipDeleted", "relationship": relationship.to_json()})
            }
            Self::EventRoutePut { route, replaced } => {
                json!({"change": "eventRoutePut", "route": route.to_json(), "replaced": replaced})
            }
            Self::EventRouteDeleted { route } => {
                json!({"change": "eventRouteDeleted", "route": route.to_json()})
            }
            Self::Telemetry { twin, model, component, message_id, source_time, body } => json!({
                "change": "telemetry", "twin": twin, "model": model, "component": component,
                "messageId": message_id, "sourceTime": source_time, "body": body,
            }),
        };
        match document {
            Value::Object(map) => map,
            _ => Map::new(),
        }
    }
}

fn patch_json(patch: &[AppliedOperation]) -> Value {
    let operation = |applied: &AppliedOperation| {
        let mut operation = json!(applied.operation);
        if let (Some(previous), Some(object)) = (&applied.previous, operation.as_object_mut()) {
            object.insert("previous".into(), previous.clone());
        }
        operation
    };
    patch.iter().map(operation).collect()
}
