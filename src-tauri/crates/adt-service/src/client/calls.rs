//! The calls of the data plane as requests.

use super::RestClient;
use super::answer::{Answered, event_route, model};
use super::request::Request;
use crate::{
    Call, Document, IfMatch, ListModels, ModelData, Page, PageRequest, QueryPage, QueryRequest,
    RelationshipWrite, ServiceError, Telemetry, TwinService,
};
use async_trait::async_trait;
use reqwest::Method;
use reqwest::header::HeaderName;
use serde_json::{Value, json};
use std::sync::Arc;
use twin_graph::{EventRoute, Operation};

const TWINS: &str = "digitaltwins";
const ROUTES: &str = "eventroutes";
const RELATIONSHIPS: &str = "relationships";
const MESSAGE_ID: HeaderName = HeaderName::from_static("message-id");
const SOURCE_TIME: HeaderName = HeaderName::from_static("telemetry-source-time");

impl RestClient {
    fn twin(&self, method: Method, id: &str) -> Result<Request<'_>, ServiceError> {
        self.request(method, &[TWINS, id])
    }

    fn relationship(
        &self,
        method: Method,
        source: &str,
        id: &str,
    ) -> Result<Request<'_>, ServiceError> {
        self.request(method, &[TWINS, source, RELATIONSHIPS, id])
    }

    /// A page of a list: the first of `list`, or the one that the continuation, a link, names.
    async fn page(
        &self,
        call: &Call,
        page: PageRequest,
        list: Result<Request<'_>, ServiceError>,
    ) -> Result<Page<Value>, ServiceError> {
        let request = match page.continuation {
            Some(link) => self.next_page(&link),
            None => list,
        };
        request?.max_items(page.max_items)?.send(call).await?.page("nextLink")
    }

    async fn patch(
        &self,
        call: &Call,
        request: Request<'_>,
        patch: Vec<Operation>,
        if_match: Option<IfMatch>,
    ) -> Result<Arc<str>, ServiceError> {
        request.json_patch(&json!(patch)).if_match(if_match)?.send(call).await?.etag()
    }
}

#[async_trait]
impl TwinService for RestClient {
    async fn create_models(
        &self,
        call: &Call,
        models: Vec<Value>,
    ) -> Result<Vec<ModelData>, ServiceError> {
        let sent = Value::Array(models);
        let request = self.request(Method::POST, &["models"])?.json(&sent);
        let Answered { body, .. } = request.send(call).await?;
        let Value::Array(created) = body else { return Ok(Vec::new()) };
        let document = |record: &Value| {
            let mut sent = sent.as_array().into_iter().flatten();
            sent.find(|document| document.get("@id") == record.get("id"))
        };
        created.into_iter().map(|record| model(record.clone(), document(&record))).collect()
    }

    async fn list_models(
        &self,
        call: &Call,
        list: ListModels,
    ) -> Result<Page<ModelData>, ServiceError> {
        let request = self.request(Method::GET, &["models"])?;
        let request = request.param("includeModelDefinition", "true");
        let of = list.dependencies_for.iter();
        let request = of.fold(request, |request, id| request.param("dependenciesFor", id));
        let Page { items, continuation } = self.page(call, list.page, Ok(request)).await?;
        let items =
            items.into_iter().map(|record| model(record, None)).collect::<Result<_, _>>()?;
        Ok(Page { items, continuation })
    }

    async fn get_model(&self, call: &Call, id: &str) -> Result<ModelData, ServiceError> {
        let request = self.request(Method::GET, &["models", id])?;
        let answered = request.param("includeModelDefinition", "true").send(call).await?;
        model(answered.body, None)
    }

    async fn patch_model(
        &self,
        call: &Call,
        id: &str,
        patch: Vec<Operation>,
    ) -> Result<(), ServiceError> {
        let request = self.request(Method::PATCH, &["models", id])?;
        request.json_patch(&json!(patch)).send(call).await.map(drop)
    }

    async fn delete_model(&self, call: &Call, id: &str) -> Result<(), ServiceError> {
        self.request(Method::DELETE, &["models", id])?.send(call).await.map(drop)
    }

    async fn get_twin(&self, call: &Call, id: &str) -> Result<Document, ServiceError> {
        self.twin(Method::GET, id)?.send(call).await?.document()
    }

    async fn put_twin(
        &self,
        call: &Call,
        id: &str,
        body: Value,
        if_none_match: bool,
    ) -> Result<Document, ServiceError> {
        let request = self.twin(Method::PUT, id)?.json(&body).if_none_match(if_none_match);
        request.send(call).await?.document()
    }

    async fn patch_twin(
        &self,
        call: &Call,
        id: &str,
        patch: Vec<Operation>,
        if_match: Option<IfMatch>,
    ) -> Result<Arc<str>, ServiceError> {
        self.patch(call, self.twin(Method::PATCH, id)?, patch, if_match).await
    }

    async fn delete_twin(
        &self,
        call: &Call,
        id: &str,
        if_match: Option<IfMatch>,
    ) -> Result<(), ServiceError> {
        self.twin(Method::DELETE, id)?.if_match(if_match)?.send(call).await.map(drop)
    }

    async fn get_component(
        &self,
        call: &Call,
        twin: &str,
        component: &str,
    ) -> Result<Document, ServiceError> {
        let request = self.request(Method::GET, &[TWINS, twin, "components", component])?;
        request.send(call).await?.document()
    }

    async fn patch_component(
        &self,
        call: &Call,
        twin: &str,
        component: &str,
        patch: Vec<Operation>,
        if_match: Option<IfMatch>,
    ) -> Result<Arc<str>, ServiceError> {
        let request = self.request(Method::PATCH, &[TWINS, twin, "components", component])?;
        self.patch(call, request, patch, if_match).await
    }

    async fn get_relationship(
        &self,
        call: &Call,
        source: &str,
        id: &str,
    ) -> Result<Document, ServiceError> {
        self.relationship(Method::GET, source, id)?.send(call).await?.document()
    }

    async fn put_relationship(
        &self,
        call: &Call,
        write: RelationshipWrite,
        if_none_match: bool,
    ) -> Result<Document, ServiceError> {
        let request = self.relationship(Method::PUT, &write.source, &write.id)?;
        let request = request.json(&write.body).if_none_match(if_none_match);
        request.send(call).await?.document()
    }

    async fn patch_relationship(
        &self,
        call: &Call,
        source: &str,
        id: &str,
        patch: Vec<Operation>,
        if_match: Option<IfMatch>,
    ) -> Result<Arc<str>, ServiceError> {
        self.patch(call, self.relationship(Method::PATCH, source, id)?, patch, if_match).await
    }

    async fn delete_relationship(
        &self,
        call: &Call,
        source: &str,
        id: &str,
        if_match: Option<IfMatch>,
    ) -> Result<(), ServiceError> {
        let request = self.relationship(Method::DELETE, source, id)?.if_match(if_match)?;
        request.send(call).await.map(drop)
    }

    async fn list_relationships(
        &self,
        call: &Call,
        source: &str,
        name: Option<&str>,
        page: PageRequest,
    ) -> Result<Page<Value>, ServiceError> {
        let list = self.request(Method::GET, &[TWINS, source, RELATIONSHIPS]);
        let list = list.map(|list| match name {
            Some(name) => list.param("relationshipName", name),
            None => list,
        });
        self.page(call, page, list).await
    }

    async fn list_incoming(
        &self,
        call: &Call,
        target: &str,
        page: PageRequest,
    ) -> Result<Page<Value>, ServiceError> {
        let list = self.request(Method::GET, &[TWINS, target, "incomingrelationships"]);
        self.page(call, page, list).await
    }

    async fn query(&self, call: &Call, request: QueryRequest) -> Result<QueryPage, ServiceError> {
        let QueryRequest { query, page } = request;
        let given = [("query", query), ("continuationToken", page.continuation)];
        let given =
            given.into_iter().filter_map(|(name, text)| Some((name.to_owned(), json!(text?))));
        let body = Value::Object(given.collect());
        let request = self.request(Method::POST, &["query"])?.json(&body).changing_nothing();
        let answered = request.max_items(page.max_items)?.send(call).await?;
        let charge = answered.number("query-charge");
        Ok(QueryPage { rows: answered.page("continuationToken")?, charge })
    }

    async fn send_telemetry(&self, call: &Call, telemetry: Telemetry) -> Result<(), ServiceError> {
        let Telemetry { twin, component, message_id, source_time, body } = telemetry;
        let mut path = vec![TWINS, &twin];
        if let Some(component) = &component {
            path.extend(["components", component]);
        }
        path.push("telemetry");
        let mut request = self.request(Method::POST, &path)?.json(&body);
        request = request.header(MESSAGE_ID, &message_id)?;
        if let Some(time) = source_time {
            request = request.header(SOURCE_TIME, &time.to_string())?;
        }
        request.send(call).await.map(drop)
    }

    async fn list_event_routes(
        &self,
        call: &Call,
        page: PageRequest,
    ) -> Result<Page<EventRoute>, ServiceError> {
        let list = self.request(Method::GET, &[ROUTES]);
        let Page { items, continuation } = self.page(call, page, list).await?;
        let items = items.iter().map(event_route).collect::<Result<_, _>>()?;
        Ok(Page { items, continuation })
    }

    async fn get_event_route(&self, call: &Call, id: &str) -> Result<EventRoute, ServiceError> {
        event_route(&self.request(Method::GET, &[ROUTES, id])?.send(call).await?.body)
    }

    async fn put_event_route(&self, call: &Call, route: EventRoute) -> Result<(), ServiceError> {
        let body = json!({"endpointName": route.endpoint, "filter": route.filter});
        let request = self.request(Method::PUT, &[ROUTES, &route.id])?;
        request.json(&body).send(call).await.map(drop)
    }

    async fn delete_event_route(&self, call: &Call, id: &str) -> Result<(), ServiceError> {
        self.request(Method::DELETE, &[ROUTES, id])?.send(call).await.map(drop)
    }
}
