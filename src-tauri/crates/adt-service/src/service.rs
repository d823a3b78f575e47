//! The data plane as a trait.

use crate::{Call, IfMatch, ServiceError};
use async_trait::async_trait;
use serde_json::{Value, json};
use std::sync::Arc;
use twin_graph::{EventRoute, Operation, StoredModel, Timestamp};

/// A JSON document with its ETag.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// In its full form `W/"…"`.
    pub etag: Arc<str>,
    /// As the service answers it.
    pub body: Value,
}

/// A model as the service answers it.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelData {
    /// What is stored.
    pub stored: StoredModel,
    /// `displayName` by language.
    pub display_name: Value,
    /// `description` by language.
    pub description: Value,
}

impl ModelData {
    /// The service's form, with the DTDL document under `model` where it was asked for. Key order
    /// and the `+00:00` of `uploadTime` as seen in recorded traffic.
    pub fn to_json(&self, with_definition: bool) -> Value {
        let uploaded = self.stored.uploaded.to_string().replace('Z', "+00:00");
        let mut body = json!({
            "id": self.stored.id(),
            "description": self.description,
            "displayName": self.display_name,
            "decommissioned": self.stored.decommissioned,
            "uploadTime": uploaded,
        });
        if with_definition {
            body["model"] = Value::clone(&self.stored.document);
        }
        body
    }
}

/// Which page of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageRequest {
    /// Where to go on, as an earlier page said; opaque.
    pub continuation: Option<String>,
    /// `max-items-per-page`.
    pub max_items: Option<usize>,
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// The items, in a stable order.
    pub items: Vec<T>,
    /// Where the next page begins; `None` at the end.
    pub continuation: Option<String>,
}

/// Which models to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListModels {
    /// Only these and what they need; all where empty.
    pub dependencies_for: Vec<String>,
    /// Which page.
    pub page: PageRequest,
}

/// A query, or its next page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueryRequest {
    /// The query's text; may be left out where a continuation is given.
    pub query: Option<String>,
    /// Which page.
    pub page: PageRequest,
}

/// One page of a query's rows.
#[derive(Clone, Debug, PartialEq)]
pub struct QueryPage {
    /// The rows.
    pub rows: Page<Value>,
    /// What it cost in query units, the header `query-charge`.
    pub charge: f64,
}

/// A relationship to write.
#[derive(Clone, Debug, PartialEq)]
pub struct RelationshipWrite {
    /// The source twin.
    pub source: String,
    /// The relationship's id.
    pub id: String,
    /// `$targetId`, `$relationshipName` and the relationship's own properties.
    pub body: Value,
}

/// Telemetry to send.
#[derive(Clone, Debug, PartialEq)]
pub struct Telemetry {
    /// The twin.
    pub twin: String,
    /// One of its components, where it is the component's telemetry.
    pub component: Option<String>,
    /// `Message-Id`.
    pub message_id: String,
    /// `Telemetry-Source-Time`.
    pub source_time: Option<Timestamp>,
    /// The body, sent on unmodified.
    pub body: Value,
}

/// What Azure Digital Twins answers. Errors are the service's own.
///
/// A write that was answered is durable. Conditions (`if_match`, `if_none_match`) are checked in
/// the same step as the write.
#[async_trait]
pub trait TwinService: Send + Sync {
    /// `POST /models`: all of them or none.
    async fn create_models(
        &self,
        call: &Call,
        models: Vec<Value>,
    ) -> Result<Vec<ModelData>, ServiceError>;
    /// `GET /models`.
    async fn list_models(
        &self,
        call: &Call,
        list: ListModels,
    ) -> Result<Page<ModelData>, ServiceError>;
    /// `GET /models/{id}`.
    async fn get_model(&self, call: &Call, id: &str) -> Result<ModelData, ServiceError>;
    /// `PATCH /models/{id}`: only `replace /decommissioned` with `true`.
    async fn patch_model(
        &self,
        call: &Call,
        id: &str,
        patch: Vec<Operation>,
    ) -> Result<(), ServiceError>;
    /// `DELETE /models/{id}`.
    async fn delete_model(&self, call: &Call, id: &str) -> Result<(), ServiceError>;

    /// `GET /digitaltwins/{id}`.
    async fn get_twin(&self, call: &Call, id: &str) -> Result<Document, ServiceError>;
    /// `PUT /digitaltwins/{id}`; `if_none_match` is `If-None-Match: *`.
    async fn put_twin(
        &self,
        call: &Call,
        id: &str,
        body: Value,
        if_none_match: bool,
    ) -> Result<Document, ServiceError>;
    /// `PATCH /digitaltwins/{id}`; answers the new ETag.
    async fn patch_twin(
        &self,
        call: &Call,
        id: &str,
        patch: Vec<Operation>,
        if_match: Option<IfMatch>,
    ) -> Result<Arc<str>, ServiceError>;
    /// `DELETE /digitaltwins/{id}`.
    async fn delete_twin(
        &self,
        call: &Call,
        id: &str,
        if_match: Option<IfMatch>,
    ) -> Result<(), ServiceError>;

    /// `GET /digitaltwins/{id}/components/{path}`; the ETag is the twin's.
    async fn get_component(
        &self,
        call: &Call,
        twin: &str,
        component: &str,
    ) -> Result<Document, ServiceError>;
    /// `PATCH /digitaltwins/{id}/components/{path}`, paths within the component; answers the
    /// twin's new ETag.
    async fn patch_component(
        &self,
        call: &Call,
        twin: &str,
        component: &str,
        patch: Vec<Operation>,
        if_match: Option<IfMatch>,
    ) -> Result<Arc<str>, ServiceError>;

    /// `GET /digitaltwins/{id}/relationships/{rid}`.
    async fn get_relationship(
        &self,
        call: &Call,
        source: &str,
        id: &str,
    ) -> Result<Document, ServiceError>;
    /// `PUT /digitaltwins/{id}/relationships/{rid}`.
    async fn put_relationship(
        &self,
        call: &Call,
        write: RelationshipWrite,
        if_none_match: bool,
    ) -> Result<Document, ServiceError>;
    /// `PATCH /digitaltwins/{id}/relationships/{rid}`; answers the new ETag.
    async fn patch_relationship(
        &self,
        call: &Call,
        source: &str,
        id: &str,
        patch: Vec<Operation>,
        if_match: Option<IfMatch>,
    ) -> Result<Arc<str>, ServiceError>;
    /// `DELETE /digitaltwins/{id}/relationships/{rid}`.
    async fn delete_relationship(
        &self,
        call: &Call,
        source: &str,
        id: &str,
        if_match: Option<IfMatch>,
    ) -> Result<(), ServiceError>;
    /// `GET /digitaltwins/{id}/relationships`, of one name where `name` is given.
    async fn list_relationships(
        &self,
        call: &Call,
        source: &str,
        name: Option<&str>,
        page: PageRequest,
    ) -> Result<Page<Value>, ServiceError>;
    /// `GET /digitaltwins/{id}/incomingrelationships`: `$relationshipId`, `$sourceId`,
    /// `$relationshipName`, `$relationshipLink`.
    async fn list_incoming(
        &self,
        call: &Call,
        target: &str,
        page: PageRequest,
    ) -> Result<Page<Value>, ServiceError>;

    /// `POST /query`.
    async fn query(&self, call: &Call, request: QueryRequest) -> Result<QueryPage, ServiceError>;
    /// `POST /digitaltwins/{id}/telemetry` and `…/components/{path}/telemetry`.
    async fn send_telemetry(&self, call: &Call, telemetry: Telemetry) -> Result<(), ServiceError>;

    /// `GET /eventroutes`.
    async fn list_event_routes(
        &self,
        call: &Call,
        page: PageRequest,
    ) -> Result<Page<EventRoute>, ServiceError>;
    /// `GET /eventroutes/{id}`.
    async fn get_event_route(&self, call: &Call, id: &str) -> Result<EventRoute, ServiceError>;
    /// `PUT /eventroutes/{id}`.
    async fn put_event_route(&self, call: &Call, route: EventRoute) -> Result<(), ServiceError>;
    /// `DELETE /eventroutes/{id}`.
    async fn delete_event_route(&self, call: &Call, id: &str) -> Result<(), ServiceError>;
}
