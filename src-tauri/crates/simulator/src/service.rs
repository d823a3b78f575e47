//! The instance as a `TwinService`.

use crate::{Instance, Mutation, token};
use adt_limits::{Admitted, Limit, Limiter};
use adt_service::{
    Call, Code, Document, IfMatch, ListModels, ModelData, Page, PageRequest, QueryPage,
    QueryRequest, RelationshipWrite, ServiceError, Telemetry, TwinService,
};
use async_trait::async_trait;
use serde_json::{Value, json};
use smallvec::smallvec;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;
use twin_graph::{
    Change, ChangeKind, Contents, EventRoute, Operation, OperationKind, Origin, PatchError,
    Relationship, StoredModel, TwinGraph,
};

/// The twins that a call writes to.
type Ends<'a> = [Option<&'a str>; 2];
const NONE: Ends<'static> = [None, None];

impl Instance {
    /// Lets a client's request in, or refuses it for coming too fast. What runs in this process
    /// (the window, functions, devices, a workspace, jobs) is no client.
    pub(crate) fn admit(
        &self,
        call: &Call,
        rate: Limit,
        twins: Ends<'_>,
    ) -> Result<Option<Admitted>, ServiceError> {
        if call.origin != Origin::Rest {
            return Ok(None);
        }
        Ok(Some(self.limiter().admit(rate, twins, Instant::now())?))
    }

    /// Where a relationship ends, if it is there.
    fn target_of(&self, source: &str, id: &str) -> Option<Arc<str>> {
        self.view().read().relationship(source, id).map(|found| found.target.clone())
    }

    fn component(&self, twin: &str, component: &str) -> Result<Document, ServiceError> {
        let found = self.view().read().twin(twin).cloned();
        let found = found.ok_or_else(|| ServiceError::twin_not_found(twin))?;
        let body = found.components.get(component).map(Contents::to_component_json);
        let body = body.ok_or_else(|| ServiceError::component_not_found(twin, component))?;
        Ok(Document { etag: found.etag.clone(), body })
    }

    async fn write(&self, call: &Call, mutation: Mutation) -> Result<Arc<Change>, ServiceError> {
        let changes = self.carry_out(call, smallvec![mutation]).await?;
        changes.into_iter().next().ok_or_else(unexpected)
    }
}

impl Instance {
    /// A patch of a component that the twin does not have: the service finds that its paths lead
    /// nowhere (recorded traffic).
    fn check_component(
        &self,
        twin: &str,
        component: &str,
        patch: &[Operation],
    ) -> Result<(), ServiceError> {
        let graph = self.view().read();
        let found = graph.twin(twin).ok_or_else(|| ServiceError::twin_not_found(twin))?;
        match patch.first() {
            _ if found.components.contains_key(component) => Ok(()),
            None => Err(ServiceError::component_not_found(twin, component)),
            Some(operation) => {
                let path = format!("/{component}{}", operation.path);
                let unresolved = PatchError::Unresolved(path.chars().take(200).collect());
                Err(ServiceError::new(Code::JsonPatchInvalid, unresolved.to_string()))
            }
        }
    }
}

fn unexpected() -> ServiceError {
    ServiceError::new(
        Code::InternalServerError,
        "This is a fault of Twinscope: a write made a change of another kind.",
    )
}

fn etag_of(change: &Change) -> Result<Arc<str>, ServiceError> {
    match &change.kind {
        ChangeKind::TwinPatched { etag, .. } | ChangeKind::RelationshipPatched { etag, .. } => {
            Ok(etag.clone())
        }
        _ => Err(unexpected()),
    }
}

#[async_trait]
impl TwinService for Instance {
    async fn create_models(
        &self,
        call: &Call,
        models: Vec<Value>,
    ) -> Result<Vec<ModelData>, ServiceError> {
        let _admitted = self.admit(call, Limit::ModelRequests, NONE)?;
        if models.is_empty() {
            return Err(ServiceError::no_models());
        }
        self.limiter().check(Limit::ModelsPerCall, models.len() as u64)?;
        let change = self.write(call, Mutation::CreateModels { documents: models }).await?;
        let ChangeKind::ModelsPut { models } = &change.kind else { return Err(unexpected()) };
        let graph = self.view().read();
        Ok(models.iter().map(|stored| model_data(&graph, stored)).collect())
    }

    async fn list_models(
        &self,
        call: &Call,
        list: ListModels,
    ) -> Result<Page<ModelData>, ServiceError> {
        let _admitted = self.admit(call, Limit::ModelRequests, NONE)?;
        let graph = self.view().read();
        let wanted = dependencies(&graph, &list.dependencies_for)?;
        let of = format!("models {:?}", list.dependencies_for);
        let models = graph
            .stored_models()
            .filter(|(id, _)| wanted.as_ref().is_none_or(|wanted| wanted.contains(*id)))
            .map(|(id, stored)| (id.to_string(), stored));
        let page = paged(self.limiter(), &of, &list.page, models)?;
        let items = page.items.into_iter().map(|stored| model_data(&graph, stored)).collect();
        Ok(Page { items, continuation: page.continuation })
    }

    async fn get_model(&self, call: &Call, id: &str) -> Result<ModelData, ServiceError> {
        let _admitted = self.admit(call, Limit::ModelRequests, NONE)?;
        check_model_id(id)?;
        let graph = self.view().read();
        let stored = graph.stored_model(id).ok_or_else(|| ServiceError::model_not_found(id))?;
        Ok(model_data(&graph, stored))
    }

    async fn patch_model(
        &self,
        call: &Call,
        id: &str,
        patch: Vec<Operation>,
    ) -> Result<(), ServiceError> {
        let _admitted = self.admit(call, Limit::ModelRequests, NONE)?;
        check_model_id(id)?;
        let decommissions = |operation: &Operation| {
            operation.op == OperationKind::Replace
                && operation.path == "/decommissioned"
                && operation.value == Some(Value::Bool(true))
        };
        if patch.is_empty() || !patch.iter().all(decommissions) {
            return Err(ServiceError::new(
                Code::JsonPatchInvalid,
                "The JSON Patch provided is invalid. Only the decommissioned property can be replaced, and only by true: a decommissioned model stays so.",
            ));
        }
        self.write(call, Mutation::DecommissionModel { id: id.to_owned() }).await.map(drop)
    }

    async fn delete_model(&self, call: &Call, id: &str) -> Result<(), ServiceError> {
        let _admitted = self.admit(call, Limit::ModelRequests, NONE)?;
        check_model_id(id)?;
        self.write(call, Mutation::DeleteModel { id: id.to_owned() }).await.map(drop)
    }

    async fn get_twin(&self, call: &Call, id: &str) -> Result<Document, ServiceError> {
        let _admitted = self.admit(call, Limit::TwinReads, NONE)?;
        let twin = self.view().read().twin(id).cloned();
        let twin = twin.ok_or_else(|| ServiceError::twin_not_found(id))?;
        Ok(Document { etag: twin.etag.clone(), body: twin.to_json() })
    }

    async fn put_twin(
        &self,
        call: &Call,
        id: &str,
        body: Value,
        if_none_match: bool,
    ) -> Result<Document, ServiceError> {
        let _admitted = self.admit(call, Limit::TwinCreatesAndDeletes, [Some(id), None])?;
        let mutation = Mutation::PutTwin { id: id.to_owned(), body, if_none_match };
        match &self.write(call, mutation).await?.kind {
            ChangeKind::TwinPut { twin, .. } => {
                Ok(Document { etag: twin.etag.clone(), body: twin.to_json() })
            }
            _ => Err(unexpected()),
        }
    }

    async fn patch_twin(
        &self,
        call: &Call,
        id: &str,
        patch: Vec<Operation>,
        if_match: Option<IfMatch>,
    ) -> Result<Arc<str>, ServiceError> {
        let _admitted = self.admit(call, Limit::TwinPatches, [Some(id), None])?;
        let mutation = Mutation::PatchTwin { id: id.to_owned(), patch, if_match };
        etag_of(&*self.write(call, mutation).await?)
    }

    async fn delete_twin(
        &self,
        call: &Call,
        id: &str,
        if_match: Option<IfMatch>,
    ) -> Result<(), ServiceError> {
        let _admitted = self.admit(call, Limit::TwinCreatesAndDeletes, [Some(id), None])?;
        self.write(call, Mutation::DeleteTwin { id: id.to_owned(), if_match }).await.map(drop)
    }

    async fn get_component(
        &self,
        call: &Call,
        twin: &str,
        component: &str,
    ) -> Result<Document, ServiceError> {
        let _admitted = self.admit(call, Limit::TwinReads, NONE)?;
        self.component(twin, component)
    }

    async fn patch_component(
        &self,
        call: &Call,
        twin: &str,
        component: &str,
        patch: Vec<Operation>,
        if_match: Option<IfMatch>,
    ) -> Result<Arc<str>, ServiceError> {
        let _admitted = self.admit(call, Limit::TwinPatches, [Some(twin), None])?;
        self.check_component(twin, component, &patch)?;
        let within = patch.into_iter().map(|operation| {
            if operation.path.len() < 2 || !operation.path.starts_with('/') {
                let unresolved = PatchError::Unresolved(operation.path);
                return Err(ServiceError::new(Code::JsonPatchInvalid, unresolved.to_string()));
            }
            Ok(Operation { path: format!("/{component}{}", operation.path), ..operation })
        });
        let (id, patch) = (twin.to_owned(), within.collect::<Result<_, _>>()?);
        etag_of(&*self.write(call, Mutation::PatchTwin { id, patch, if_match }).await?)
    }

    async fn get_relationship(
        &self,
        call: &Call,
        source: &str,
        id: &str,
    ) -> Result<Document, ServiceError> {
        let _admitted = self.admit(call, Limit::TwinReads, NONE)?;
        let graph = self.view().read();
        if graph.twin(source).is_none() {
            return Err(ServiceError::twin_not_found(source));
        }
        let found = graph.relationship(source, id);
        found
            .map(|found| document(found))
            .ok_or_else(|| ServiceError::relationship_not_found(source, id))
    }

    async fn put_relationship(
        &self,
        call: &Call,
        write: RelationshipWrite,
        if_none_match: bool,
    ) -> Result<Document, ServiceError> {
        let ends = [Some(write.source.as_str()), write.body["$targetId"].as_str()];
        let _admitted = self.admit(call, Limit::TwinCreatesAndDeletes, ends)?;
        let mutation = Mutation::PutRelationship { write, if_none_match };
        match &self.write(call, mutation).await?.kind {
            ChangeKind::RelationshipPut { relationship, .. } => Ok(document(relationship)),
            _ => Err(unexpected()),
        }
    }

    async fn patch_relationship(
        &self,
        call: &Call,
        source: &str,
        id: &str,
        patch: Vec<Operation>,
        if_match: Option<IfMatch>,
    ) -> Result<Arc<str>, ServiceError> {
        let target = self.target_of(source, id);
        let _admitted = self.admit(call, Limit::TwinPatches, [Some(source), target.as_deref()])?;
        let (source, id) = (source.to_owned(), id.to_owned());
        let mutation = Mutation::PatchRelationship { source, id, patch, if_match };
        etag_of(&*self.write(call, mutation).await?)
    }

    async fn delete_relationship(
        &self,
        call: &Call,
        source: &str,
        id: &str,
        if_match: Option<IfMatch>,
    ) -> Result<(), ServiceError> {
        let ends = self.target_of(source, id);
        let ends = [Some(source), ends.as_deref()];
        let _admitted = self.admit(call, Limit::TwinCreatesAndDeletes, ends)?;
        let (source, id) = (source.to_owned(), id.to_owned());
        self.write(call, Mutation::DeleteRelationship { source, id, if_match }).await.map(drop)
    }

    async fn list_relationships(
        &self,
        call: &Call,
        source: &str,
        name: Option<&str>,
        page: PageRequest,
    ) -> Result<Page<Value>, ServiceError> {
        let _admitted = self.admit(call, Limit::TwinReads, NONE)?;
        let graph = self.view().read();
        if graph.twin(source).is_none() {
            return Err(ServiceError::twin_not_found(source));
        }
        let mut found: Vec<_> = graph
            .outgoing(source)
            .filter(|relationship| name.is_none_or(|name| *relationship.name == *name))
            .map(|relationship| (relationship.id.to_string(), relationship))
            .collect();
        found.sort_by(|one, other| one.0.cmp(&other.0));
        let of = format!("relationships of {source} {name:?}");
        let page = of_relationships(self.limiter(), page);
        let page = paged(self.limiter(), &of, &page, found.into_iter())?;
        let items = page.items.into_iter().map(|found| found.to_json()).collect();
        Ok(Page { items, continuation: page.continuation })
    }

    async fn list_incoming(
        &self,
        call: &Call,
        target: &str,
        page: PageRequest,
    ) -> Result<Page<Value>, ServiceError> {
        let _admitted = self.admit(call, Limit::TwinReads, NONE)?;
        let graph = self.view().read();
        if graph.twin(target).is_none() {
            return Err(ServiceError::twin_not_found(target));
        }
        let mut found: Vec<_> = graph
            .incoming(target)
            .map(|relationship| {
                (format!("{}\n{}", relationship.source, relationship.id), relationship)
            })
            .collect();
        found.sort_by(|one, other| one.0.cmp(&other.0));
        let page = of_relationships(self.limiter(), page);
        let page =
            paged(self.limiter(), &format!("incoming of {target}"), &page, found.into_iter())?;
        let items = page.items.into_iter().map(|found| incoming(found)).collect();
        Ok(Page { items, continuation: page.continuation })
    }

    async fn query(&self, call: &Call, request: QueryRequest) -> Result<QueryPage, ServiceError> {
        let admitted = self.admit(call, Limit::Queries, NONE)?;
        let limiter = self.limiter().clone();
        let page = crate::query::run(self.queries(), self.queried(), limiter, request).await?;
        if admitted.is_some() {
            self.limiter().charge(page.charge, Instant::now());
        }
        Ok(page)
    }

    async fn send_telemetry(&self, call: &Call, telemetry: Telemetry) -> Result<(), ServiceError> {
        self.write(call, Mutation::SendTelemetry { telemetry }).await.map(drop)
    }

    async fn list_event_routes(
        &self,
        call: &Call,
        page: PageRequest,
    ) -> Result<Page<EventRoute>, ServiceError> {
        let _admitted = self.admit(call, Limit::EventRouteRequests, NONE)?;
        let graph = self.view().read();
        let routes = graph.routes().map(|route| (route.id.to_string(), EventRoute::clone(route)));
        paged(self.limiter(), "event routes", &page, routes)
    }

    async fn get_event_route(&self, call: &Call, id: &str) -> Result<EventRoute, ServiceError> {
        let _admitted = self.admit(call, Limit::EventRouteRequests, NONE)?;
        let route = self.view().read().route(id).map(|route| EventRoute::clone(route));
        route.ok_or_else(ServiceError::event_route_not_found)
    }

    async fn put_event_route(&self, call: &Call, route: EventRoute) -> Result<(), ServiceError> {
        let _admitted = self.admit(call, Limit::EventRouteRequests, NONE)?;
        if !self.has_endpoint(&route.endpoint) {
            return Err(ServiceError::new(
                Code::EventRouteEndpointInvalid,
                "The endpoint provided does not exist or is not active. See event route documentation for supported values https://aka.ms/ADTv2Routes.",
            ));
        }
        self.write(call, Mutation::PutEventRoute { route }).await.map(drop)
    }

    async fn delete_event_route(&self, call: &Call, id: &str) -> Result<(), ServiceError> {
        let _admitted = self.admit(call, Limit::EventRouteRequests, NONE)?;
        self.write(call, Mutation::DeleteEventRoute { id: id.to_owned() }).await.map(drop)
    }
}

/// The service tells what is no DTMI from what is none of its models.
fn check_model_id(id: &str) -> Result<(), ServiceError> {
    if dtdl::Dtmi::parse(id).is_some() {
        return Ok(());
    }
    let id: String = id.chars().take(200).collect();
    Err(ServiceError::new(
        Code::InvalidArgument,
        format!(
            "The format of the Model ID {id} provided is not supported. See model documentation(https://aka.ms/ADTv2Models) for supported format."
        ),
    ))
}

fn document(relationship: &Relationship) -> Document {
    Document { etag: relationship.etag.clone(), body: relationship.to_json() }
}

fn incoming(relationship: &Relationship) -> Value {
    json!({
        "$relationshipId": relationship.id,
        "$sourceId": relationship.source,
        "$relationshipName": relationship.name,
        "$relationshipLink":
            format!("/digitaltwins/{}/relationships/{}", relationship.source, relationship.id),
    })
}

fn model_data(graph: &TwinGraph, stored: &StoredModel) -> ModelData {
    let interface = graph.models().get(stored.id());
    let text = |text: &dtdl::LocalizedText| json!(text.0);
    ModelData {
        stored: stored.clone(),
        display_name: interface.map_or_else(|| json!({}), |model| text(&model.display_name)),
        description: interface.map_or_else(|| json!({}), |model| text(&model.description)),
    }
}

/// The models that the named ones need, with them; `None` for all.
fn dependencies(
    graph: &TwinGraph,
    roots: &[String],
) -> Result<Option<BTreeSet<Arc<str>>>, ServiceError> {
    if roots.is_empty() {
        return Ok(None);
    }
    let mut wanted = BTreeSet::new();
    for root in roots {
        check_model_id(root)?;
        if graph.models().get(root).is_none() {
            return Err(ServiceError::model_not_found(root));
        }
        wanted.extend(graph.models().dependencies(root));
    }
    Ok(Some(wanted))
}

/// One page of items that come in the order of their keys.
pub(crate) fn paged<T>(
    limiter: &Limiter,
    of: &str,
    page: &PageRequest,
    items: impl Iterator<Item = (String, T)>,
) -> Result<Page<T>, ServiceError> {
    let after = page.continuation.as_deref().map(|text| token::read(of, text)).transpose()?;
    let size = page_size(limiter, page);
    let mut rest = items.skip_while(|(key, _)| after.as_ref().is_some_and(|after| key <= after));
    let mut taken = Vec::with_capacity(size.min(64));
    let mut last = None;
    for (key, item) in rest.by_ref().take(size) {
        last = Some(key);
        taken.push(item);
    }
    let more = rest.next().is_some();
    let continuation = last.filter(|_| more).map(|key| token::make(of, &key));
    Ok(Page { items: taken, continuation })
}

/// Lists of relationships have pages of their own size.
fn of_relationships(limiter: &Limiter, page: PageRequest) -> PageRequest {
    let usual = usize::try_from(limiter.most(Limit::RelationshipPage)).unwrap_or(usize::MAX);
    PageRequest { max_items: page.max_items.or(Some(usual)), ..page }
}

/// Items of a page; more than the largest is cut to it.
pub(crate) fn page_size(limiter: &Limiter, page: &PageRequest) -> usize {
    let most = |limit| usize::try_from(limiter.most(limit)).unwrap_or(usize::MAX);
    let items = page.max_items.unwrap_or_else(|| most(Limit::ListPage));
    items.clamp(1, most(Limit::LargestPage))
}
