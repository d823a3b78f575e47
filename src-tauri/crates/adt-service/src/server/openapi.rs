//! The OpenAPI document of what is served, at `/openapi.json`, and its page at `/docs`.
//!
//! Reading them needs no token, as with any API's documentation; the Host and Origin checks hold.

mod schemas;
mod table;

use super::answer::{Refusal, json_answer};
use super::docs;
use super::gate::{Door, requested_host};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header, request::Parts};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use table::{Failure, OPERATIONS, Operation};

/// Those that the gate takes, the newest last.
const API_VERSIONS: [&str; 3] = ["2020-10-31", "2022-05-31", "2023-10-31"];

/// The paths that describe the others.
pub(super) fn router(door: Arc<Door>) -> Router<Arc<Door>> {
    Router::new()
        .route("/openapi.json", get(document))
        .merge(docs::router())
        .layer(from_fn_with_state(door, readers))
}

async fn readers(State(door): State<Arc<Door>>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    match door.admit_reader(&parts) {
        Ok(()) => next.run(Request::from_parts(parts, body)).await,
        Err(refusal) => refusal.into_response(),
    }
}

async fn document(parts: Parts) -> Result<Response, Refusal> {
    let server = format!("https://{}", requested_host(&parts)?);
    let mut response = json_answer(StatusCode::OK, &describe(&server));
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-cache"));
    Ok(response)
}

/// OpenAPI 3.0, which more tools read than 3.1.
fn describe(server: &str) -> Value {
    let mut paths = Map::new();
    for operation in OPERATIONS {
        let path = paths.entry(operation.path).or_insert_with(|| json!({}));
        path[operation.method.to_ascii_lowercase()] = describe_operation(operation);
    }
    json!({
        "openapi": "3.0.3",
        "info": {
            "title": "Azure Digital Twins data plane, served by Twinscope",
            "version": API_VERSIONS[API_VERSIONS.len() - 1],
        },
        "servers": [{"url": server}],
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "schemas": schemas::all(),
        },
    })
}

fn describe_operation(operation: &Operation) -> Value {
    let ids = operation.path.split('/').filter_map(|part| {
        let name = part.strip_prefix('{')?.strip_suffix('}')?;
        Some(json!({
            "name": name, "in": "path", "required": true,
            "schema": {"type": "string", "minLength": 1},
            "example": schemas::example_id(operation.path, name),
        }))
    });
    let version = json!({
        "name": "api-version", "in": "query", "required": true,
        "schema": {"type": "string", "enum": API_VERSIONS, "default": API_VERSIONS[API_VERSIONS.len() - 1]},
    });
    let trace = json!({
        "name": "traceparent", "in": "header",
        "description": "W3C trace context, continued in traceresponse.",
        "schema": {"type": "string"},
    });
    let inputs = operation.inputs.iter().map(|input| schemas::parameter(*input));
    let parameters: Vec<_> = ids.chain([version]).chain(inputs).chain([trace]).collect();
    let mut described = json!({
        "operationId": operation.id,
        "summary": operation.summary,
        "tags": [operation.id.split('_').next()],
        "parameters": parameters,
        "responses": responses(operation),
        "x-known-by": operation.basis.name(),
    });
    if let Some(body) = operation.body {
        described["requestBody"] = json!({"required": true, "content": content(body)});
    }
    described
}

fn content(schema: &str) -> Value {
    let shape = json!({"$ref": format!("#/components/schemas/{schema}")});
    json!({schemas::media_type(schema): {"schema": shape}})
}

fn responses(operation: &Operation) -> Value {
    let answer = &operation.answer;
    let mut done = json!({"description": "Done."});
    if let Some(schema) = answer.schema {
        done["content"] = content(schema);
    }
    for name in answer.headers {
        done["headers"][name] = schemas::header(name);
    }
    let mut responses = Map::from_iter([(answer.status.to_string(), done)]);
    let mut failures: BTreeMap<u16, Vec<&Failure>> = BTreeMap::new();
    for failure in operation.all_failures() {
        failures.entry(failure.status).or_default().push(failure);
    }
    for (status, failures) in failures {
        responses.insert(status.to_string(), refusal(status, &failures));
    }
    Value::Object(responses)
}

fn refusal(status: u16, failures: &[&Failure]) -> Value {
    if status == StatusCode::UNAUTHORIZED.as_u16() {
        return json!({"description": "No bearer token, or another.", "content": content("Gateway401")});
    }
    let codes = failures.iter().map(|failure| failure.code);
    let codes: Vec<_> = codes.filter(|code| !code.is_empty()).collect();
    let throttled = codes.len() < failures.len();
    let known: Map<_, _> = failures
        .iter()
        .map(|failure| (failure.code.to_owned(), failure.basis.name().into()))
        .collect();
    let schema = match (throttled, codes.is_empty()) {
        (false, _) => schemas::error(Some(&codes)),
        (true, true) => schemas::gateway_429(),
        (true, false) => json!({"oneOf": [schemas::error(Some(&codes)), schemas::gateway_429()]}),
    };
    let named = codes.iter().copied().chain(throttled.then_some("requests come too fast"));
    let mut refusal = json!({
        "description": named.collect::<Vec<_>>().join(", "),
        "content": {"application/json": {"schema": schema}},
        "x-known-by": known,
    });
    if status == StatusCode::TOO_MANY_REQUESTS.as_u16() {
        refusal["headers"]["Retry-After"] = schemas::header("Retry-After");
    }
    refusal
}

#[cfg(test)]
mod fidelity;
