//! What can be asked of the writer.

use adt_service::{IfMatch, RelationshipWrite, Telemetry};
use serde_json::Value;
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

/// What a mutation reads and changes, so that the writer knows which may share a commit.
pub(crate) enum Touches<'a> {
    /// Nothing that another one changes.
    Nothing,
    /// These twins and the relationships that leave them.
    Twins(&'a str, Option<&'a str>),
    /// Everything.
    All,
}

impl Mutation {
    pub(crate) fn touches(&self) -> Touches<'_> {
        match self {
            Self::CreateModels { .. }
            | Self::ReplaceModels { .. }
            | Self::DecommissionModel { .. }
            | Self::DeleteModel { .. }
            | Self::PutEventRoute { .. }
            | Self::DeleteEventRoute { .. } => Touches::All,
            Self::PutTwin { id, .. } | Self::PatchTwin { id, .. } | Self::DeleteTwin { id, .. } => {
                Touches::Twins(id, None)
            }
            Self::PutRelationship { write, .. } => {
                let target = write.body.get("$targetId").and_then(Value::as_str);
                Touches::Twins(&write.source, target)
            }
            Self::PatchRelationship { source, .. } | Self::DeleteRelationship { source, .. } => {
                Touches::Twins(source, None)
            }
            Self::SendTelemetry { .. } => Touches::Nothing,
        }
    }
}
