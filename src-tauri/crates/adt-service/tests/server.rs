//! The server as any HTTP client sees it: statuses, headers, error shapes, and what it refuses.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod memory;
mod served;

use adt_service::server::ServerOptions;
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use served::{Fixture, V};

const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

/// Method, path and version; headers; body; status and code; part of the message.
type Refused<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str, u16, &'a str, &'a str);

#[tokio::test]
async fn what_is_wrong_is_refused_in_the_error_shape() {
    let fixture = Fixture::start(ServerOptions::default()).await;
    fixture.twin("t").await;
    let deep = "[".repeat(10_000);
    let long = format!("GET /digitaltwins/{}?{V}", "x".repeat(10_000));
    let v = |path: &str| format!("{path}?{V}");
    let cases: &[Refused] = &[
        ("GET /models", &[], "", 400, "MissingApiVersionParameter", "is required"),
        ("GET /models?api-version=", &[], "", 400, "MissingApiVersionParameter", "is required"),
        (
            "GET /models?api-version=2019-01-01",
            &[],
            "",
            400,
            "UnsupportedApiVersionValue",
            "2020-10-31, 2022-05-31, 2023-10-31",
        ),
        (&v("GET /"), &[], "", 404, "NotFound", "nothing at «/»"),
        (&v("GET /digitaltwins"), &[], "", 404, "NotFound", "/digitaltwins"),
        (&v("GET /digitaltwins/t/"), &[], "", 404, "NotFound", ""),
        (&v("POST /digitaltwins/t"), &[], "", 405, "MethodNotAllowed", "POST is not a method"),
        (&v("OPTIONS /query"), &[], "", 405, "MethodNotAllowed", ""),
        (
            &v("GET /digitaltwins/none"),
            &[],
            "",
            404,
            "DigitalTwinNotFound",
            "with the ID none. Please verify",
        ),
        (
            &v("GET /digitaltwins/%F0%9F%98%80%2Fx"),
            &[],
            "",
            404,
            "DigitalTwinNotFound",
            "with the ID 😀/x.",
        ),
        (&v("GET /digitaltwins/%FF"), &[], "", 400, "InvalidArgument", "not UTF-8"),
        (&long, &[], "", 404, "DigitalTwinNotFound", "xxxx"),
        (
            &v("GET /models/dtmi%3Aexample%3ANone%3B1"),
            &[],
            "",
            404,
            "ModelNotFound",
            "provided id(s) dtmi:example:None;1.",
        ),
        (
            &v("PUT /digitaltwins/t"),
            &[],
            "{\n\"a\" 1}",
            400,
            "InvalidArgument",
            "at line 2 column 5",
        ),
        (&v("PUT /digitaltwins/t"), &[], "", 400, "BadRequest", "A non-empty request body"),
        (&v("PUT /digitaltwins/t"), &[], "{\"a\": NaN}", 400, "InvalidArgument", "line 1"),
        (&v("PUT /digitaltwins/t"), &[], &deep, 400, "InvalidArgument", "recursion limit"),
        (
            &v("PUT /digitaltwins/t"),
            &[("if-none-match", "W/\"1\"")],
            "{}",
            400,
            "InvalidArgument",
            "Allowed value(s): If-None-Match: *",
        ),
        (&v("PUT /digitaltwins/t"), &[("if-none-match", "*")], "{}", 412, "PreconditionFailed", ""),
        (&v("PATCH /digitaltwins/t"), &[], "[", 400, "JsonPatchInvalid", "line 1 column 1"),
        (&v("PATCH /digitaltwins/t"), &[], "{}", 400, "JsonPatchInvalid", "not an array"),
        (
            &v("PATCH /digitaltwins/t"),
            &[],
            r#"[{"op":"move","from":"/a","path":"/b"}]"#,
            400,
            "JsonPatchInvalid",
            "Unsupported operation type move. Please provide",
        ),
        (
            &v("PATCH /digitaltwins/t"),
            &[("if-match", "nonsense")],
            "[]",
            400,
            "InvalidArgument",
            "Invalid If-Match header value. Allowed value(s): If-Match: {etag} or If-Match: *",
        ),
        (
            &v("PATCH /digitaltwins/t"),
            &[("if-match", "W/\"a\", W/\"b\"")],
            "[]",
            400,
            "InvalidArgument",
            "If-Match",
        ),
        (
            &v("PATCH /digitaltwins/t"),
            &[("if-match", "W/\"0\"")],
            "[]",
            412,
            "PreconditionFailed",
            "",
        ),
        (
            &v("DELETE /digitaltwins/t"),
            &[("if-match", "W/\"0\"")],
            "",
            412,
            "PreconditionFailed",
            "",
        ),
        (
            &v("POST /models"),
            &[],
            "{}",
            400,
            "InvalidArgument",
            "models provided was empty or of a type that is not supported",
        ),
        (&v("POST /models"), &[], "[{}]", 400, "DTDLParserError", ""),
        (
            &v("GET /models"),
            &[("max-items-per-page", "0")],
            "",
            400,
            "InvalidArgument",
            "max-items-per-page",
        ),
        (
            &v("GET /models"),
            &[("max-items-per-page", "many")],
            "",
            400,
            "InvalidArgument",
            "'many'",
        ),
        (
            "GET /models?includeModelDefinition=perhaps&api-version=2022-05-31",
            &[],
            "",
            400,
            "InvalidArgument",
            "'perhaps' of includeModelDefinition",
        ),
        (&v("POST /query"), &[], "{}", 400, "BadRequest", "neither «query» nor"),
        (&v("POST /query"), &[], r#"{"query": 1}"#, 400, "BadRequest", "«query»"),
        (&v("POST /query"), &[], r#"{"query": "foo"}"#, 400, "SqlQueryError", ""),
        (
            &v("POST /query"),
            &[],
            r#"{"query": "SELECT * FROM DIGITALTWINS", "continuationToken": "x"}"#,
            400,
            "BadRequest",
            "",
        ),
        (&v("POST /digitaltwins/t/telemetry"), &[], "{}", 400, "InvalidArgument", "Message-Id"),
        (
            &v("POST /digitaltwins/t/telemetry"),
            &[("message-id", "1"), ("telemetry-source-time", "noon")],
            "{}",
            400,
            "InvalidArgument",
            "'noon'",
        ),
        (
            &v("POST /digitaltwins/t/telemetry"),
            &[("message-id", "1")],
            "\"panic\"",
            500,
            "InternalServerError",
            "a fault in this program",
        ),
        (
            &v("GET /models"),
            &[("origin", "https://evil.example")],
            "",
            403,
            "CrossOriginRequest",
            "https://evil.example",
        ),
        (&v("GET /models"), &[("origin", "null")], "", 403, "CrossOriginRequest", "null"),
        (
            &v("GET /models"),
            &[("host", "evil.example:443")],
            "",
            421,
            "MisdirectedRequest",
            "«evil.example»",
        ),
        (
            &v("GET /models"),
            &[("host", "localhost.evil.example")],
            "",
            421,
            "MisdirectedRequest",
            "",
        ),
    ];
    for (request, headers, body, status, code, message) in cases {
        let response = fixture.send(request, headers, body).await;
        let case = format!("{request:.80} {headers:?} {body:.40}");
        assert_eq!(response.status(), *status, "{case}");
        assert_eq!(header(&response, "x-ms-error-code"), *code, "{case}");
        assert_eq!(header(&response, "content-type"), "application/json; charset=utf-8", "{case}");
        assert!(header(&response, "traceresponse").starts_with("00-"), "{case}");
        assert_eq!(header(&response, "access-control-allow-origin"), "", "{case}");
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["error"]["code"], *code, "{case}");
        let text = body["error"]["message"].as_str().unwrap();
        assert!(text.contains(message), "{case}: {text}");
    }
    // Nothing of it stopped the server or changed the twin.
    let twin = fixture.send(&v("GET /digitaltwins/t"), &[], "").await;
    assert_eq!(twin.json::<Value>().await.unwrap()["temperature"], 20);
    fixture.served.stop().await;
}

#[tokio::test]
async fn wrong_methods_are_told_the_right_ones() {
    let fixture = Fixture::start(ServerOptions::default()).await;
    for (request, allowed) in [
        ("PUT /models", vec!["GET", "HEAD", "POST"]),
        ("PUT /models/a", vec!["DELETE", "GET", "HEAD", "PATCH"]),
        ("POST /eventroutes/a", vec!["DELETE", "GET", "HEAD", "PUT"]),
        ("POST /digitaltwins/a", vec!["DELETE", "GET", "HEAD", "PATCH", "PUT"]),
    ] {
        let response = fixture.send(&format!("{request}?{V}"), &[], "").await;
        assert_eq!(response.status(), 405);
        let mut allow: Vec<_> = header(&response, "allow").split(',').map(str::trim).collect();
        allow.sort_unstable();
        assert_eq!(allow, allowed, "{request}");
    }
    fixture.served.stop().await;
}

#[tokio::test]
async fn without_a_token_the_gateway_answers() {
    let any = ServerOptions::default();
    let demanded = ServerOptions {
        token: Some("se-cret".into()),
        host_names: Vec::new(),
        ..ServerOptions::default()
    };
    for (options, authorization, allowed) in [
        (&any, None, false),
        (&any, Some("Bearer "), false),
        (&any, Some("Basic eDp5"), false),
        (&any, Some("Bearer x"), true),
        (&any, Some("bearer x"), true),
        (&demanded, Some("Bearer x"), false),
        (&demanded, Some("Bearer se-cre"), false),
        (&demanded, Some("Bearer se-crett"), false),
        (&demanded, Some("Bearer se-cret"), true),
    ] {
        let fixture = Fixture::start(options.clone()).await;
        let mut request = fixture.request("GET", &format!("/models?{V}"));
        if let Some(value) = authorization {
            request = request.header("authorization", value);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status() == StatusCode::OK, allowed, "{authorization:?}");
        if !allowed {
            assert_eq!(response.status(), 401);
            assert!(response.headers().get("x-ms-error-code").is_none());
            let body: Value = response.json().await.unwrap();
            assert_eq!(body, json!({"statusCode": 401, "message": "Unauthorized"}));
        }
        fixture.served.stop().await;
    }
    assert!(!format!("{demanded:?}").contains("se-cret"));
}

#[tokio::test]
async fn hosts_and_origins_that_are_ours_are_taken() {
    let options = ServerOptions {
        token: None,
        host_names: vec!["Twins.Example".into()],
        ..ServerOptions::default()
    };
    let fixture = Fixture::start(options).await;
    for (host, origin) in [
        ("localhost", None),
        ("LOCALHOST:1234", None),
        ("127.0.0.1:1", None),
        ("[::1]:8443", Some("https://[::1]:8443")),
        ("twins.example:1", Some("https://twins.example:1")),
    ] {
        let mut headers = vec![("host", host)];
        headers.extend(origin.map(|origin| ("origin", origin)));
        let response = fixture.send(&format!("GET /models?{V}"), &headers, "").await;
        assert_eq!(response.status(), 200, "{host} {origin:?}");
    }
    fixture.served.stop().await;
}

#[tokio::test]
async fn answers_have_the_headers_of_the_service() {
    let fixture = Fixture::start(ServerOptions::default()).await;
    let v = |path: &str| format!("{path}?{V}");
    let put = fixture
        .send(
            &v("PUT /digitaltwins/t"),
            &[("traceparent", TRACEPARENT)],
            r#"{"$metadata":{"$model":"dtmi:a;1"},"x":1}"#,
        )
        .await;
    assert_eq!(put.status(), 200, "the service answers 200, not 201");
    assert_eq!(header(&put, "etag"), "W/\"1\"");
    let trace = header(&put, "traceresponse").to_owned();
    assert_eq!(trace[..36], TRACEPARENT[..36], "the trace goes on");
    assert_ne!(trace[36..], TRACEPARENT[36..], "in a span of its own");
    let received = fixture.memory.calls.lock().pop().unwrap().1;
    assert_eq!(received.trace.to_string(), trace);

    let patch = r#"[{"op":"replace","path":"/x","value":2}]"#;
    let patched =
        fixture.send(&v("PATCH /digitaltwins/t"), &[("if-match", "W/\"1\"")], patch).await;
    assert_eq!((patched.status().as_u16(), header(&patched, "etag")), (204, "W/\"2\""));
    assert_eq!(header(&patched, "content-length"), "0");

    let query = r#"{"query": "SELECT * FROM DIGITALTWINS", "continuationToken": null}"#;
    let answer = fixture.send(&v("POST /query"), &[], query).await;
    assert_eq!(header(&answer, "query-charge"), "5.66");
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["continuationToken"], Value::Null);
    assert_eq!(answer["value"][0]["$etag"], "W/\"2\"");

    let listed = fixture.send(&v("GET /digitaltwins/t/relationships"), &[], "").await;
    assert_eq!(listed.text().await.unwrap(), r#"{"value":[],"nextLink":null}"#);

    let deleted = fixture.send(&v("DELETE /digitaltwins/t"), &[("if-match", "*")], "").await;
    assert_eq!((deleted.status().as_u16(), header(&deleted, "content-length")), (204, "0"));
    fixture.served.stop().await;
}

#[tokio::test]
async fn lists_are_paged_by_absolute_links() {
    let fixture = Fixture::start(ServerOptions::default()).await;
    let models: Vec<Value> = (0..5)
        .map(|n| json!({"@id": format!("dtmi:example:M{n};1"), "@type": "Interface"}))
        .collect();
    let created = fixture.send(&format!("POST /models?{V}"), &[], &json!(models).to_string()).await;
    assert_eq!(created.status(), 201);
    let created: Value = created.json().await.unwrap();
    let keys: Vec<_> = created[0].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["id", "description", "displayName", "decommissioned", "uploadTime"]);

    // Both forms of the list parameter, and what JavaScript appends to a link once more.
    for (filter, again) in [
        (
            "dependenciesFor=dtmi%3Aexample%3AM0%3B1&dependenciesFor=dtmi%3Aexample%3AM1%3B1&dependenciesFor=dtmi%3Aexample%3AM2%3B1",
            "",
        ),
        (
            "dependenciesFor=dtmi%3Aexample%3AM0%3B1,dtmi%3Aexample%3AM1%3B1,dtmi%3Aexample%3AM2%3B1",
            "&api-version=2023-10-31&includeModelDefinition=true",
        ),
    ] {
        let two = [("max-items-per-page", "2")];
        let path = format!("/models?{filter}&includeModelDefinition=true&{V}");
        let first: Value =
            fixture.send(&format!("GET {path}"), &two, "").await.json().await.unwrap();
        assert_eq!(first["value"].as_array().unwrap().len(), 2);
        let link = first["nextLink"].as_str().unwrap();
        let base = format!("https://localhost:{}", fixture.served.port);
        let rest = link.strip_prefix(&base).expect("an absolute address of this server");
        assert!(rest.contains(V) && rest.contains("continuationToken="), "{rest}");
        let second = fixture.send(&format!("GET {rest}{again}"), &two, "").await;
        let second: Value = second.json().await.unwrap();
        assert_eq!(second["value"][0]["model"], models[2], "{second}");
        assert_eq!(second["value"].as_array().unwrap().len(), 1, "the filter holds on");
        assert_eq!(second["nextLink"], Value::Null);
    }
    fixture.served.stop().await;
}
