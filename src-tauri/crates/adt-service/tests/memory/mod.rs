//! A small TwinService in memory, for tests: what the server and the client carry, and what
//! twin-sync follows. Its rules are few: ids, ETags, conditions, JSON Patch, pages.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use adt_service::{
    Call, Code, Document, IfMatch, ListModels, ModelData, Page, PageRequest, QueryPage,
    QueryRequest, RelationshipWrite, ServiceError, Telemetry, TwinService,
};
use async_trait::async_trait;
use parking_lot::Mutex;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};
use twin_graph::{Contents, EventRoute, Operation, Relationship, StoredModel, Timestamp, Twin};

/// Decides before each call, by its name and (for queries) text, how long it takes and whether
/// it fails.
pub type Fault = Arc<dyn Fn(&str) -> Result<Duration, ServiceError> + Send + Sync>;

#[derive(Default)]
pub struct Memory {
    pub models: Mutex<BTreeMap<String, Value>>,
    pub twins: Mutex<BTreeMap<String, Arc<Twin>>>,
    pub relationships: Mutex<BTreeMap<(String, String), Relationship>>,
    pub routes: Mutex<BTreeMap<String, EventRoute>>,
    /// The calls that were made, with their traces.
    pub calls: Mutex<Vec<(String, Call)>>,
    pub telemetry: Mutex<Vec<Telemetry>>,
    pub fault: Mutex<Option<Fault>>,
    /// Pages are answered with their rows turned round.
    pub out_of_order: Mutex<bool>,
    /// Pages begin with the last rows of the page before.
    pub repeats: Mutex<bool>,
    /// Twins that queries do not show, as the service's index is behind.
    pub hidden: Mutex<BTreeSet<String>>,
    /// Lists name their own page as the next.
    pub endless: Mutex<bool>,
    etags: AtomicU64,
}

pub fn error(code: Code) -> ServiceError {
    ServiceError::new(code, format!("{code} of the test")).with_detail(code, "the detail")
}

impl Memory {
    pub fn fail_with(
        &self,
        fault: impl Fn(&str) -> Result<Duration, ServiceError> + Send + Sync + 'static,
    ) {
        *self.fault.lock() = Some(Arc::new(fault));
    }

    pub fn no_fault(&self) {
        *self.fault.lock() = None;
    }

    async fn begin(&self, call: &Call, name: &str) -> Result<(), ServiceError> {
        self.calls.lock().push((name.to_owned(), call.clone()));
        let fault = self.fault.lock().clone();
        if let Some(fault) = fault {
            tokio::time::sleep(fault(name)?).await;
        }
        Ok(())
    }

    fn etag(&self) -> Arc<str> {
        format!("W/\"{}\"", self.etags.fetch_add(1, Ordering::SeqCst) + 1).into()
    }

    fn rows(&self, query: &str) -> Result<Vec<Value>, ServiceError> {
        let twins = self.twins.lock();
        let relationships = self.relationships.lock();
        let hidden = self.hidden.lock();
        let shown = |id: &str| !hidden.contains(id);
        let Some((select, rest)) = query.split_once(" FROM ") else {
            return Err(error(Code::SqlQueryError));
        };
        let (from, condition) = rest.split_once(" WHERE ").unwrap_or((rest, ""));
        let mut rows: Vec<Value> = match from.split(' ').next() {
            Some("DIGITALTWINS") => {
                twins.values().filter(|t| shown(&t.id)).map(|twin| twin.to_json()).collect()
            }
            Some("RELATIONSHIPS") => {
                let shown = relationships.values().filter(|r| shown(&r.source));
                shown.map(Relationship::to_json).collect()
            }
            _ => return Err(error(Code::SqlQueryError)),
        };
        if let Some((_, since)) = condition.split_once("T.$metadata.$lastUpdateTime >= ") {
            let since: Timestamp = since.trim_matches('\'').parse().unwrap();
            rows.retain(|row| Twin::from_json(row).unwrap().updated() >= since);
        }
        match select {
            "SELECT *" => Ok(rows),
            "SELECT COUNT()" => Ok(vec![json!({"COUNT": rows.len()})]),
            _ => Err(error(Code::SqlQueryError)),
        }
    }

    fn page<T>(&self, mut items: Vec<T>, page: &PageRequest) -> Result<Page<T>, ServiceError> {
        let start = match &page.continuation {
            None => 0,
            Some(token) => token
                .strip_prefix("from/ &=")
                .and_then(|from| from.parse::<usize>().ok())
                .ok_or_else(|| error(Code::BadRequest))?,
        };
        let end = items.len().min(start + page.max_items.unwrap_or(100));
        let next = if *self.endless.lock() { start } else { end };
        let continuation = (next < items.len()).then(|| format!("from/ &={next}"));
        let again = if *self.repeats.lock() { 5 } else { 0 };
        let mut items: Vec<T> = items.drain(start.min(end).saturating_sub(again)..end).collect();
        if *self.out_of_order.lock() {
            items.reverse();
        }
        Ok(Page { items, continuation })
    }
}

fn model_data(document: &Value) -> ModelData {
    let language = |name: &str| match document.get(name) {
        Some(Value::String(text)) => json!({"en": text}),
        _ => json!({}),
    };
    ModelData {
        display_name: language("displayName"),
        description: language("description"),
        stored: StoredModel {
            document: Arc::new(document.clone()),
            uploaded: "2026-11-21T09:00:00Z".parse().unwrap(),
            decommissioned: false,
        },
    }
}

fn check(condition: Option<&IfMatch>, etag: &str) -> Result<(), ServiceError> {
    match condition {
        Some(condition) if !condition.allows(etag) => Err(error(Code::PreconditionFailed)),
        _ => Ok(()),
    }
}

fn own(body: &Value) -> Map<String, Value> {
    let own = body.as_object().unwrap().iter().filter(|(name, _)| !name.starts_with('$'));
    own.map(|(name, value)| (name.clone(), value.clone())).collect()
}

#[async_trait]
impl TwinService for Memory {
    async fn create_models(
        &self,
        call: &Call,
        models: Vec<Value>,
    ) -> Result<Vec<ModelData>, ServiceError> {
        self.begin(call, "create_models").await?;
        let mut known = self.models.lock();
        for model in &models {
            let id = model.get("@id").and_then(Value::as_str);
            let id = id.ok_or_else(|| error(Code::DTDLParserError))?;
            if known.contains_key(id) {
                return Err(error(Code::ModelIdAlreadyExists));
            }
        }
        known.extend(
            models.iter().map(|model| (model["@id"].as_str().unwrap().into(), model.clone())),
        );
        Ok(models.iter().map(model_data).collect())
    }

    async fn list_models(
        &self,
        call: &Call,
        list: ListModels,
    ) -> Result<Page<ModelData>, ServiceError> {
        self.begin(call, "list_models").await?;
        let wanted =
            |id: &String| list.dependencies_for.is_empty() || list.dependencies_for.contains(id);
        let models = self.models.lock();
        let models = models.iter().filter(|(id, _)| wanted(id)).map(|(_, model)| model_data(model));
        self.page(models.collect(), &list.page)
    }

    async fn get_model(&self, call: &Call, id: &str) -> Result<ModelData, ServiceError> {
        self.begin(call, "get_model").await?;
        let models = self.models.lock();
        models.get(id).map(model_data).ok_or_else(|| ServiceError::model_not_found(id))
    }

    async fn patch_model(
        &self,
        call: &Call,
        id: &str,
        _: Vec<Operation>,
    ) -> Result<(), ServiceError> {
        self.begin(call, "patch_model").await?;
        let known = self.models.lock().contains_key(id);
        known.then_some(()).ok_or_else(|| ServiceError::model_not_found(id))
    }

    async fn delete_model(&self, call: &Call, id: &str) -> Result<(), ServiceError> {
        self.begin(call, "delete_model").await?;
        let gone = self.models.lock().remove(id);
        gone.map(drop).ok_or_else(|| ServiceError::model_not_found(id))
    }

    async fn get_twin(&self, call: &Call, id: &str) -> Result<Document, ServiceError> {
        self.begin(call, "get_twin").await?;
        let twins = self.twins.lock();
        let twin = twins.get(id).ok_or_else(|| ServiceError::twin_not_found(id))?;
        Ok(Document { etag: twin.etag.clone(), body: twin.to_json() })
    }

    async fn put_twin(
        &self,
        call: &Call,
        id: &str,
        body: Value,
        if_none_match: bool,
    ) -> Result<Document, ServiceError> {
        self.begin(call, "put_twin").await?;
        if if_none_match && self.twins.lock().contains_key(id) {
            return Err(error(Code::PreconditionFailed));
        }
        let model = body.pointer("/$metadata/$model").and_then(Value::as_str);
        let model = model.ok_or_else(|| error(Code::ValidationFailed))?.into();
        let contents = Contents::new(own(&body), SystemTime::now().into());
        let components = Default::default();
        let twin = Twin { id: id.into(), model, etag: self.etag(), contents, components };
        let document = Document { etag: twin.etag.clone(), body: twin.to_json() };
        self.twins.lock().insert(id.into(), Arc::new(twin));
        Ok(document)
    }

    async fn patch_twin(
        &self,
        call: &Call,
        id: &str,
        patch: Vec<Operation>,
        if_match: Option<IfMatch>,
    ) -> Result<Arc<str>, ServiceError> {
        self.begin(call, "patch_twin").await?;
        let mut twins = self.twins.lock();
        let twin = twins.get_mut(id).ok_or_else(|| ServiceError::twin_not_found(id))?;
        check(if_match.as_ref(), &twin.etag)?;
        let patched = twin.patched(patch, SystemTime::now().into());
        let (mut after, _) = patched
            .map_err(|error| ServiceError::new(Code::JsonPatchInvalid, error.to_string()))?;
        after.etag = self.etag();
        *twin = Arc::new(after);
        Ok(twin.etag.clone())
    }

    async fn delete_twin(
        &self,
        call: &Call,
        id: &str,
        if_match: Option<IfMatch>,
    ) -> Result<(), ServiceError> {
        self.begin(call, "delete_twin").await?;
        let mut twins = self.twins.lock();
        let twin = twins.get(id).ok_or_else(|| ServiceError::twin_not_found(id))?;
        check(if_match.as_ref(), &twin.etag)?;
        if self.relationships.lock().values().any(|r| &*r.source == id || &*r.target == id) {
            return Err(error(Code::RelationshipsNotDeleted));
        }
        twins.remove(id);
        Ok(())
    }

    async fn get_component(
        &self,
        call: &Call,
        twin: &str,
        component: &str,
    ) -> Result<Document, ServiceError> {
        self.begin(call, "get_component").await?;
        let twins = self.twins.lock();
        let found = twins.get(twin).ok_or_else(|| ServiceError::twin_not_found(twin))?;
        let body = found.components.get(component).map(Contents::to_component_json);
        let body = body.ok_or_else(|| ServiceError::component_not_found(twin, component))?;
        Ok(Document { etag: found.etag.clone(), body })
    }

    async fn patch_component(
        &self,
        call: &Call,
        twin: &str,
        component: &str,
        mut patch: Vec<Operation>,
        if_match: Option<IfMatch>,
    ) -> Result<Arc<str>, ServiceError> {
        self.get_component(call, twin, component).await?;
        patch.iter_mut().for_each(|each| each.path = format!("/{component}{}", each.path));
        self.patch_twin(call, twin, patch, if_match).await
    }

    async fn get_relationship(
        &self,
        call: &Call,
        source: &str,
        id: &str,
    ) -> Result<Document, ServiceError> {
        self.begin(call, "get_relationship").await?;
        let relationships = self.relationships.lock();
        let found = relationships.get(&(source.to_owned(), id.to_owned()));
        let found = found.ok_or_else(|| ServiceError::relationship_not_found(source, id))?;
        Ok(Document { etag: found.etag.clone(), body: found.to_json() })
    }

    async fn put_relationship(
        &self,
        call: &Call,
        write: RelationshipWrite,
        if_none_match: bool,
    ) -> Result<Document, ServiceError> {
        self.begin(call, "put_relationship").await?;
        let RelationshipWrite { source, id, body } = write;
        let mut relationships = self.relationships.lock();
        let key = (source.clone(), id.clone());
        if if_none_match && relationships.contains_key(&key) {
            return Err(error(Code::PreconditionFailed));
        }
        let text = |name: &str| {
            let text = body.get(name).and_then(Value::as_str).map(Arc::<str>::from);
            text.ok_or_else(|| error(Code::InvalidRelationship))
        };
        let relationship = Relationship {
            target: text("$targetId")?,
            name: text("$relationshipName")?,
            id: id.into(),
            source: source.into(),
            etag: self.etag(),
            properties: own(&body).into(),
        };
        let document = Document { etag: relationship.etag.clone(), body: relationship.to_json() };
        relationships.insert(key, relationship);
        Ok(document)
    }

    async fn patch_relationship(
        &self,
        call: &Call,
        source: &str,
        id: &str,
        patch: Vec<Operation>,
        if_match: Option<IfMatch>,
    ) -> Result<Arc<str>, ServiceError> {
        self.begin(call, "patch_relationship").await?;
        let mut relationships = self.relationships.lock();
        let found = relationships.get_mut(&(source.to_owned(), id.to_owned()));
        let found = found.ok_or_else(|| ServiceError::relationship_not_found(source, id))?;
        check(if_match.as_ref(), &found.etag)?;
        let (mut after, _) = found
            .patched(patch)
            .map_err(|error| ServiceError::new(Code::JsonPatchInvalid, error.to_string()))?;
        after.etag = self.etag();
        *found = after;
        Ok(found.etag.clone())
    }

    async fn delete_relationship(
        &self,
        call: &Call,
        source: &str,
        id: &str,
        if_match: Option<IfMatch>,
    ) -> Result<(), ServiceError> {
        self.begin(call, "delete_relationship").await?;
        let mut relationships = self.relationships.lock();
        let key = (source.to_owned(), id.to_owned());
        let found = relationships.get(&key);
        let found = found.ok_or_else(|| ServiceError::relationship_not_found(source, id))?;
        check(if_match.as_ref(), &found.etag)?;
        relationships.remove(&key);
        Ok(())
    }

    async fn list_relationships(
        &self,
        call: &Call,
        source: &str,
        name: Option<&str>,
        page: PageRequest,
    ) -> Result<Page<Value>, ServiceError> {
        self.begin(call, "list_relationships").await?;
        let relationships = self.relationships.lock();
        let wanted =
            |r: &&Relationship| &*r.source == source && name.is_none_or(|name| &*r.name == name);
        self.page(relationships.values().filter(wanted).map(Relationship::to_json).collect(), &page)
    }

    async fn list_incoming(
        &self,
        call: &Call,
        target: &str,
        page: PageRequest,
    ) -> Result<Page<Value>, ServiceError> {
        self.begin(call, "list_incoming").await?;
        let relationships = self.relationships.lock();
        let incoming = relationships.values().filter(|r| &*r.target == target).map(|r| {
            json!({
                "$relationshipId": r.id,
                "$sourceId": r.source,
                "$relationshipName": r.name,
                "$relationshipLink": format!("/digitaltwins/{}/relationships/{}", r.source, r.id),
            })
        });
        self.page(incoming.collect(), &page)
    }

    async fn query(&self, call: &Call, request: QueryRequest) -> Result<QueryPage, ServiceError> {
        let query = request.query.unwrap_or_default();
        self.begin(call, &query).await?;
        Ok(QueryPage { rows: self.page(self.rows(&query)?, &request.page)?, charge: 5.66 })
    }

    async fn send_telemetry(&self, call: &Call, telemetry: Telemetry) -> Result<(), ServiceError> {
        self.begin(call, "send_telemetry").await?;
        assert_ne!(telemetry.body, json!("panic"), "the test asks for it");
        self.telemetry.lock().push(telemetry);
        Ok(())
    }

    async fn list_event_routes(
        &self,
        call: &Call,
        page: PageRequest,
    ) -> Result<Page<EventRoute>, ServiceError> {
        self.begin(call, "list_event_routes").await?;
        self.page(self.routes.lock().values().cloned().collect(), &page)
    }

    async fn get_event_route(&self, call: &Call, id: &str) -> Result<EventRoute, ServiceError> {
        self.begin(call, "get_event_route").await?;
        let routes = self.routes.lock();
        routes.get(id).cloned().ok_or_else(ServiceError::event_route_not_found)
    }

    async fn put_event_route(&self, call: &Call, route: EventRoute) -> Result<(), ServiceError> {
        self.begin(call, "put_event_route").await?;
        self.routes.lock().insert(route.id.to_string(), route);
        Ok(())
    }

    async fn delete_event_route(&self, call: &Call, id: &str) -> Result<(), ServiceError> {
        self.begin(call, "delete_event_route").await?;
        let gone = self.routes.lock().remove(id);
        gone.map(drop).ok_or_else(ServiceError::event_route_not_found)
    }
}
