//! The shapes of bodies and parameters.

use super::table::Input;
use serde_json::{Value, json};

pub(super) fn parameter(input: Input) -> Value {
    let of = |name: &str, place: &str, description: &str, schema: Value| json!({"name": name, "in": place, "description": description, "schema": schema});
    let text = || json!({"type": "string"});
    match input {
        Input::Continuation => {
            of("continuationToken", "query", "Where to go on, as a nextLink says. Opaque.", text())
        }
        Input::DependenciesFor => {
            let mut list = of(
                "dependenciesFor",
                "query",
                "Only these models and what they need. Repeated, or joined by commas.",
                json!({"type": "array", "items": {"type": "string"}}),
            );
            list["explode"] = true.into();
            list
        }
        Input::IfMatch => {
            of("If-Match", "header", "Only if the ETag is still this one; * for any.", text())
        }
        Input::IfNoneMatch => of(
            "If-None-Match",
            "header",
            "*: only if there is none yet.",
            json!({"type": "string", "enum": ["*"]}),
        ),
        Input::IncludeModelDefinition => of(
            "includeModelDefinition",
            "query",
            "With the DTDL document.",
            json!({"type": "boolean", "default": false}),
        ),
        Input::MaxItems => of(
            "max-items-per-page",
            "header",
            "The size of a page.",
            json!({"type": "integer", "minimum": 1}),
        ),
        Input::MessageId => {
            let mut id = of(
                "Message-Id",
                "header",
                "Unique among the twin's messages.",
                json!({"type": "string", "minLength": 1}),
            );
            id["required"] = true.into();
            id
        }
        Input::RelationshipName => {
            of("relationshipName", "query", "Only those of this name.", text())
        }
        Input::TelemetrySourceTime => of(
            "Telemetry-Source-Time",
            "header",
            "When it was measured, as RFC 3339 writes it.",
            json!({"type": "string", "format": "date-time"}),
        ),
    }
}

/// An id of the sample workspace, to try an operation with.
pub(super) fn example_id(path: &str, name: &str) -> &'static str {
    match (name, path.split('/').nth(1)) {
        ("relationship", _) => "has_thermo_0001",
        ("component", _) => "controls",
        (_, Some("models")) => "dtmi:com:contoso:Room;1",
        (_, Some("eventroutes")) => "to-parent",
        (_, Some("jobs")) => "job-1",
        _ => "Room_01",
    }
}

pub(super) fn header(name: &str) -> Value {
    let description = match name {
        "ETag" => "The version after this call, W/\"…\".",
        "Operation-Location" => "Where the job can be read.",
        "Retry-After" => "Seconds to wait before the same request is let in.",
        "query-charge" => "What the query cost, in query units.",
        _ => "",
    };
    json!({"description": description, "schema": {"type": "string"}})
}

/// What media type a body of this schema has.
pub(super) fn media_type(schema: &str) -> &'static str {
    if schema == "Patch" { "application/json-patch+json" } else { "application/json" }
}

fn page_of(items: Value) -> Value {
    let next =
        json!({"type": "string", "nullable": true, "description": "The address of the next page."});
    object(&["value"], json!({"value": {"type": "array", "items": items}, "nextLink": next}))
}

fn object(required: &[&str], properties: Value) -> Value {
    let mut object = json!({"type": "object", "properties": properties});
    if !required.is_empty() {
        object["required"] = json!(required);
    }
    object
}

fn named(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// All named shapes.
pub(super) fn all() -> Value {
    let text = || json!({"type": "string"});
    let any = || json!({"type": "object"});
    let metadata = object(&["$model"], json!({"$model": text()}));
    let relationship = json!({
        "$relationshipId": text(), "$sourceId": text(), "$targetId": text(),
        "$relationshipName": text(), "$etag": text(),
    });
    let route = json!({"id": text(), "endpointName": text(), "filter": text()});
    let operation = json!({
        "op": {"type": "string", "enum": ["add", "replace", "remove"]},
        "path": {"type": "string", "example": "/temperature"},
        "value": {},
    });
    let example = json!([{"op": "add", "path": "/temperature", "value": 21.5}]);
    let model = json!({
        "id": text(), "description": any(), "displayName": any(),
        "decommissioned": {"type": "boolean"},
        "uploadTime": {"type": "string", "format": "date-time"},
        "model": any(),
    });
    json!({
        "Error": error(None),
        "Gateway401": object(
            &["statusCode", "message"],
            json!({"statusCode": {"type": "integer"}, "message": text()}),
        ),
        "Models": {"type": "array", "items": any(), "minItems": 1, "description": "DTDL interfaces."},
        "Model": object(&["id", "decommissioned", "uploadTime"], model),
        "CreatedModels": {"type": "array", "items": named("Model")},
        "ModelPage": page_of(named("Model")),
        "Twin": object(
            &["$dtId", "$etag", "$metadata"],
            json!({"$dtId": text(), "$etag": text(), "$metadata": metadata}),
        ),
        "TwinWrite": {
            "type": "object",
            "required": ["$metadata"],
            "properties": {"$metadata": metadata},
            "example": {"$metadata": {"$model": "dtmi:com:contoso:Room;1"}, "name": "Attic"},
        },
        "Component": object(&["$metadata"], json!({"$metadata": any()})),
        "Relationship": object(
            &["$relationshipId", "$sourceId", "$targetId", "$relationshipName", "$etag"],
            relationship,
        ),
        "RelationshipWrite": object(
            &["$targetId", "$relationshipName"],
            json!({"$targetId": text(), "$relationshipName": text()}),
        ),
        "RelationshipPage": page_of(named("Relationship")),
        "IncomingRelationship": object(
            &["$relationshipId", "$sourceId", "$relationshipName", "$relationshipLink"],
            json!({
                "$relationshipId": text(), "$sourceId": text(), "$relationshipName": text(),
                "$relationshipLink": text(),
            }),
        ),
        "IncomingPage": page_of(named("IncomingRelationship")),
        "Patch": {
            "type": "array",
            "items": object(&["op", "path"], operation),
            "example": example,
        },
        "Telemetry": {"description": "Sent on unmodified.", "example": {"temperatureReading": 21.5}},
        "Query": {
            "type": "object",
            "properties": {"query": text(), "continuationToken": {"type": "string", "nullable": true}},
            "example": {"query": "SELECT * FROM DIGITALTWINS"},
        },
        "QueryPage": object(&["value"], json!({
            "value": {"type": "array", "items": any()},
            "continuationToken": {"type": "string", "nullable": true},
        })),
        "EventRoute": object(&["id", "endpointName", "filter"], route),
        "EventRouteWrite": object(
            &["endpointName", "filter"],
            json!({"endpointName": text(), "filter": {"type": "string", "example": "true"}}),
        ),
        "EventRoutePage": page_of(named("EventRoute")),
        "ImportJob": job(&["inputBlobUri", "outputBlobUri"]),
        "ImportJobWrite": object(
            &["inputBlobUri", "outputBlobUri"],
            json!({"inputBlobUri": text(), "outputBlobUri": text()}),
        ),
        "ImportJobPage": page_of(named("ImportJob")),
        "DeleteJob": job(&[]),
        "DeleteJobPage": page_of(named("DeleteJob")),
    })
}

fn job(addresses: &[&str]) -> Value {
    let time = || json!({"type": "string", "format": "date-time", "nullable": true});
    let status = ["notstarted", "running", "failed", "succeeded", "cancelling", "cancelled"];
    let mut job = object(
        &["id", "status", "createdDateTime"],
        json!({
            "id": {"type": "string"},
            "status": {"type": "string", "enum": status},
            "createdDateTime": time(),
            "lastActionDateTime": time(),
            "finishedDateTime": time(),
            "purgeDateTime": time(),
            "error": {"type": "object", "nullable": true},
        }),
    );
    for address in addresses {
        job["properties"][address] = json!({"type": "string"});
    }
    job
}

/// The gateway's answer to requests that come too fast.
pub(super) fn gateway_429() -> Value {
    let members =
        json!({"statusCode": {"type": "integer", "enum": [429]}, "message": {"type": "string"}});
    object(&["error"], json!({"error": object(&["statusCode", "message"], members)}))
}

/// The service's error shape; with these codes only, where they are given.
pub(super) fn error(codes: Option<&[&str]>) -> Value {
    let code = match codes {
        Some(codes) => json!({"type": "string", "enum": codes}),
        None => json!({"type": "string"}),
    };
    let error = object(
        &["code", "message"],
        json!({
            "code": code,
            "message": {"type": "string"},
            "details": {"type": "array", "items": {"type": "object"}},
            "innererror": {"type": "object"},
        }),
    );
    object(&["error"], json!({"error": error}))
}
