//! The paths of the data plane and what each does.

use super::answer::{Answer, Refusal, document, json_answer, no_content, page, set};
use super::ask::{Ask, Ids};
use super::body::{read_json, read_models};
use super::gate::{Door, gate, short};
use super::openapi;
use crate::{
    Code, ListModels, Page, PageRequest, QueryRequest, RelationshipWrite, ServiceError, Telemetry,
};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderName, Method, StatusCode, Uri};
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use serde_json::{Value, json};
use std::sync::Arc;
use twin_graph::{EventRoute, Operation, Timestamp, parse_patch};

pub(super) fn router(door: Arc<Door>) -> Router {
    let management = door.management.clone();
    let management = management.map(|plane| super::management::router(door.clone(), plane));
    let relationship = get(get_relationship)
        .put(put_relationship)
        .patch(patch_relationship)
        .delete(delete_relationship);
    Router::new()
        .route("/models", get(list_models).post(create_models))
        .route("/models/{id}", get(get_model).patch(patch_model).delete(delete_model))
        .route("/query", post(query))
        .route(
            "/digitaltwins/{id}",
            get(get_twin).put(put_twin).patch(patch_twin).delete(delete_twin),
        )
        .route("/digitaltwins/{id}/relationships", get(list_relationships))
        .route("/digitaltwins/{id}/relationships/{relationship}", relationship)
        .route("/digitaltwins/{id}/incomingrelationships", get(list_incoming))
        .route("/digitaltwins/{id}/telemetry", post(send_telemetry))
        .route(
            "/digitaltwins/{id}/components/{component}",
            get(get_component).patch(patch_component),
        )
        .route(
            "/digitaltwins/{id}/components/{component}/telemetry",
            post(send_component_telemetry),
        )
        .route("/eventroutes", get(list_event_routes))
        .route(
            "/eventroutes/{id}",
            get(get_event_route).put(put_event_route).delete(delete_event_route),
        )
        .merge(super::jobs::routes())
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(door.clone(), gate))
        .merge(openapi::router(door.clone()))
        .with_state(door)
        .merge(management.unwrap_or_default())
}

async fn unknown_path(uri: Uri) -> Refusal {
    let message = format!(
        "There is nothing at «{}». The paths of the service begin with /models, /digitaltwins, /query and /eventroutes.",
        short(uri.path())
    );
    Refusal::new(StatusCode::NOT_FOUND, "NotFound", message)
}

async fn wrong_method(method: Method, uri: Uri) -> Refusal {
    let message = format!(
        "{} is not a method of «{}». The Allow header says which are.",
        short(method.as_str()),
        short(uri.path())
    );
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message)
}

async fn create_models(ask: Ask, body: Body) -> Answer {
    let _place = ask.door.model_uploads.acquire().await.map_err(|_| Refusal::internal())?;
    let Value::Array(models) = read_models(body).await? else {
        return Err(ServiceError::no_models().into());
    };
    let created = ask.service().create_models(&ask.call, models).await?;
    let created = created.iter().map(|model| model.to_json(false)).collect();
    Ok(json_answer(StatusCode::CREATED, &Value::Array(created)))
}

async fn list_models(ask: Ask) -> Answer {
    let with_definition = ask.flag("includeModelDefinition")?;
    let list = ListModels { dependencies_for: ask.list("dependenciesFor"), page: ask.page()? };
    let listed = ask.service().list_models(&ask.call, list).await?;
    let items = listed.items.iter().map(|model| model.to_json(with_definition)).collect();
    Ok(next_page(&ask, Page { items, continuation: listed.continuation }))
}

async fn get_model(ask: Ask, Ids(id): Ids<String>) -> Answer {
    let with_definition = ask.flag("includeModelDefinition")?;
    let model = ask.service().get_model(&ask.call, &id).await?;
    Ok(json_answer(StatusCode::OK, &model.to_json(with_definition)))
}

async fn patch_model(ask: Ask, Ids(id): Ids<String>, body: Body) -> Answer {
    let patch = read_patch(body).await?;
    ask.service().patch_model(&ask.call, &id, patch).await?;
    Ok(no_content(None))
}

async fn delete_model(ask: Ask, Ids(id): Ids<String>) -> Answer {
    ask.service().delete_model(&ask.call, &id).await?;
    Ok(no_content(None))
}

async fn get_twin(ask: Ask, Ids(id): Ids<String>) -> Answer {
    Ok(document(ask.service().get_twin(&ask.call, &id).await?, ask.version))
}

async fn put_twin(ask: Ask, Ids(id): Ids<String>, body: Body) -> Answer {
    let only_new = ask.if_none_match()?;
    let body = read_json(body, Code::InvalidArgument).await?;
    Ok(document(ask.service().put_twin(&ask.call, &id, body, only_new).await?, ask.version))
}

async fn patch_twin(ask: Ask, Ids(id): Ids<String>, body: Body) -> Answer {
    let if_match = ask.if_match()?;
    let patch = read_patch(body).await?;
    let etag = ask.service().patch_twin(&ask.call, &id, patch, if_match).await?;
    Ok(no_content(Some(&etag)))
}

async fn delete_twin(ask: Ask, Ids(id): Ids<String>) -> Answer {
    ask.service().delete_twin(&ask.call, &id, ask.if_match()?).await?;
    Ok(no_content(None))
}

async fn get_component(ask: Ask, Ids((twin, component)): Ids<(String, String)>) -> Answer {
    Ok(document(ask.service().get_component(&ask.call, &twin, &component).await?, ask.version))
}

async fn patch_component(
    ask: Ask,
    Ids((twin, component)): Ids<(String, String)>,
    body: Body,
) -> Answer {
    let if_match = ask.if_match()?;
    let patch = read_patch(body).await?;
    let etag = ask.service().patch_component(&ask.call, &twin, &component, patch, if_match).await?;
    Ok(no_content(Some(&etag)))
}

async fn get_relationship(ask: Ask, Ids((source, id)): Ids<(String, String)>) -> Answer {
    Ok(document(ask.service().get_relationship(&ask.call, &source, &id).await?, ask.version))
}

async fn put_relationship(
    ask: Ask,
    Ids((source, id)): Ids<(String, String)>,
    body: Body,
) -> Answer {
    let only_new = ask.if_none_match()?;
    let body = read_json(body, Code::InvalidArgument).await?;
    let write = RelationshipWrite { source, id, body };
    Ok(document(ask.service().put_relationship(&ask.call, write, only_new).await?, ask.version))
}

async fn patch_relationship(
    ask: Ask,
    Ids((source, id)): Ids<(String, String)>,
    body: Body,
) -> Answer {
    let if_match = ask.if_match()?;
    let patch = read_patch(body).await?;
    let etag = ask.service().patch_relationship(&ask.call, &source, &id, patch, if_match).await?;
    Ok(no_content(Some(&etag)))
}

async fn delete_relationship(ask: Ask, Ids((source, id)): Ids<(String, String)>) -> Answer {
    ask.service().delete_relationship(&ask.call, &source, &id, ask.if_match()?).await?;
    Ok(no_content(None))
}

async fn list_relationships(ask: Ask, Ids(source): Ids<String>) -> Answer {
    let name = ask.param("relationshipName");
    let listed = ask.service().list_relationships(&ask.call, &source, name, ask.page()?).await?;
    Ok(next_page(&ask, listed))
}

async fn list_incoming(ask: Ask, Ids(target): Ids<String>) -> Answer {
    let listed = ask.service().list_incoming(&ask.call, &target, ask.page()?).await?;
    Ok(next_page(&ask, listed))
}

fn next_page(ask: &Ask, listed: Page<Value>) -> axum::response::Response {
    let next = ask.next_link(listed.continuation.as_deref());
    page(&listed, next)
}

async fn query(ask: Ask, body: Body) -> Answer {
    let body = read_json(body, Code::BadRequest).await?;
    let text = |name: &str| match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(ServiceError::new(
            Code::BadRequest,
            format!("«{name}» of the request body is not a string."),
        )),
    };
    let (query, continuation) = (text("query")?, text("continuationToken")?);
    if query.is_none() && continuation.is_none() {
        return Err(ServiceError::new(
            Code::BadRequest,
            "The request body has neither «query» nor «continuationToken». Send one of them.",
        )
        .into());
    }
    let page = PageRequest { continuation, max_items: ask.max_items()? };
    let answer = ask.service().query(&ask.call, QueryRequest { query, page }).await?;
    let Page { items, continuation } = answer.rows;
    let items: Vec<_> = items.into_iter().map(|row| ask.version.shape(row)).collect();
    let rows = json!({"value": items, "continuationToken": continuation});
    let mut response = json_answer(StatusCode::OK, &rows);
    let charge = format!("{:.2}", answer.charge);
    set(response.headers_mut(), HeaderName::from_static("query-charge"), &charge);
    Ok(response)
}

async fn send_telemetry(ask: Ask, Ids(twin): Ids<String>, body: Body) -> Answer {
    telemetry(ask, twin, None, body).await
}

async fn send_component_telemetry(
    ask: Ask,
    Ids((twin, component)): Ids<(String, String)>,
    body: Body,
) -> Answer {
    telemetry(ask, twin, Some(component), body).await
}

async fn telemetry(ask: Ask, twin: String, component: Option<String>, body: Body) -> Answer {
    let message_id = ask.header(HeaderName::from_static("message-id")).unwrap_or_default();
    if message_id.is_empty() {
        return Err(Refusal::invalid(
            "The Message-Id header is missing. Send one that is unique among the twin's messages.",
        ));
    }
    let source_time = ask.header(HeaderName::from_static("telemetry-source-time"));
    let source_time = source_time.map(|text| {
        text.parse::<Timestamp>().map_err(|_| {
            Refusal::invalid(format!(
                "Invalid Telemetry-Source-Time header value '{}'. Allowed value(s): a time as RFC 3339 writes it",
                short(text)
            ))
        })
    });
    let telemetry = Telemetry {
        twin,
        component,
        message_id: message_id.to_owned(),
        source_time: source_time.transpose()?,
        body: read_json(body, Code::InvalidArgument).await?,
    };
    ask.service().send_telemetry(&ask.call, telemetry).await?;
    Ok(no_content(None))
}

async fn list_event_routes(ask: Ask) -> Answer {
    let listed = ask.service().list_event_routes(&ask.call, ask.page()?).await?;
    let items = listed.items.iter().map(EventRoute::to_json).collect();
    Ok(next_page(&ask, Page { items, continuation: listed.continuation }))
}

async fn get_event_route(ask: Ask, Ids(id): Ids<String>) -> Answer {
    let route = ask.service().get_event_route(&ask.call, &id).await?;
    Ok(json_answer(StatusCode::OK, &route.to_json()))
}

async fn put_event_route(ask: Ask, Ids(id): Ids<String>, body: Body) -> Answer {
    let body = read_json(body, Code::InvalidArgument).await?;
    let text = |name: &str, code: Code| {
        body.get(name).and_then(Value::as_str).map(Arc::from).ok_or_else(|| {
            ServiceError::new(code, format!("«{name}» is missing or not a string. Give it."))
        })
    };
    let endpoint = text("endpointName", Code::EventRouteEndpointInvalid)?;
    let filter = text("filter", Code::EventRouteFilterInvalid)?;
    let route = EventRoute { id: id.into(), endpoint, filter };
    ask.service().put_event_route(&ask.call, route).await?;
    Ok(no_content(None))
}

async fn delete_event_route(ask: Ask, Ids(id): Ids<String>) -> Answer {
    ask.service().delete_event_route(&ask.call, &id).await?;
    Ok(no_content(None))
}

async fn read_patch(body: Body) -> Result<Vec<Operation>, Refusal> {
    let document = read_json(body, Code::JsonPatchInvalid).await?;
    parse_patch(&document)
        .map_err(|error| ServiceError::new(Code::JsonPatchInvalid, error.to_string()).into())
}
