//! What can be asked of the writer.

use adt_service::{IfMatch, RelationshipWrite, Telemetry};
use hashbrown::DefaultHashBuilder;
use serde_json::Value;
use std::hash::BuildHasher;
use std::sync::LazyLock;
use twin_graph::{EventRoute, Operation};

/// One write. Each makes exactly one change, or is refused.
#[derive(Clone, Debug)]
#[allow(missing_docs)] // the fields are those of `TwinService`'s calls
pub enum Mutation {
    /// Creates models, all or none; refused where one is there already.
    CreateModels { documents: Vec<Value> },
    /// Creates models or replaces them under their DTMI; refused where a twin would become
    /// invalid. Only a workspace does this, the service does not.
    ReplaceModels { documents: Vec<Value> },
    /// Decommissions a model.
    DecommissionModel { id: String },
    /// Deletes a model.
    DeleteModel { id: String },
    /// Creates a twin or replaces it.
    PutTwin { id: String, body: Value, if_none_match: bool },
    /// Patches a twin.
    PatchTwin { id: String, patch: Vec<Operation>, if_match: Option<IfMatch> },
    /// Deletes a twin without relationships.
    DeleteTwin { id: String, if_match: Option<IfMatch> },
    /// Creates a relationship or replaces it.
    PutRelationship { write: RelationshipWrite, if_none_match: bool },
    /// Patches a relationship.
    PatchRelationship {
        source: String,
        id: String,
        patch: Vec<Operation>,
        if_match: Option<IfMatch>,
    },
    /// Deletes a relationship.
    DeleteRelationship { source: String, id: String, if_match: Option<IfMatch> },
    /// Sends a twin's telemetry.
    SendTelemetry { telemetry: Telemetry },
    /// Creates an event route or replaces it. Whether there is such an endpoint is not checked.
    PutEventRoute { route: EventRoute },
    /// Deletes an event route.
    DeleteEventRoute { id: String },
}

/// What mutations read and change, so that the writer knows which may share a commit.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Touches {
    /// These twins, by the hashes of their ids, and the relationships that leave them. Two ids of
    /// one hash only make a command wait that need not.
    Twins([Option<u64>; 2]),
    /// Everything, or what is only known step by step.
    All,
}

impl Touches {
    /// What mutations touch that are done together.
    pub(crate) fn of(mutations: &[Mutation]) -> Self {
        match mutations {
            [mutation] => mutation.touches(),
            _ => Self::All,
        }
    }

    fn twins(one: &str, other: Option<&str>) -> Self {
        static HASH: LazyLock<DefaultHashBuilder> = LazyLock::new(DefaultHashBuilder::default);
        Self::Twins([Some(HASH.hash_one(one)), other.map(|other| HASH.hash_one(other))])
    }

    /// The hashes of the twins, where they are known.
    pub(crate) fn ids(self) -> impl Iterator<Item = u64> {
        let ids = match self {
            Self::Twins(ids) => ids,
            Self::All => [None, None],
        };
        ids.into_iter().flatten()
    }
}

impl Mutation {
    fn touches(&self) -> Touches {
        match self {
            Self::CreateModels { .. }
            | Self::ReplaceModels { .. }
            | Self::DecommissionModel { .. }
            | Self::DeleteModel { .. }
            | Self::PutEventRoute { .. }
            | Self::DeleteEventRoute { .. } => Touches::All,
            Self::PutTwin { id, .. } | Self::PatchTwin { id, .. } | Self::DeleteTwin { id, .. } => {
                Touches::twins(id, None)
            }
            Self::PutRelationship { write, .. } => {
                let target = write.body.get("$targetId").and_then(Value::as_str);
                Touches::twins(&write.source, target)
            }
            Self::PatchRelationship { source, .. } | Self::DeleteRelationship { source, .. } => {
                Touches::twins(source, None)
            }
            Self::SendTelemetry { .. } => Touches::Twins([None, None]),
        }
    }
}
