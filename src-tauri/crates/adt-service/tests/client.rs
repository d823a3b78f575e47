//! The client against the server, over real TLS: what goes in on one side comes out on the other.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod memory;
mod served;

use adt_service::client::{RestClient, RestOptions, StaticToken, Url};
use adt_service::server::ServerOptions;
use adt_service::{
    Call, Code, IfMatch, ListModels, PageRequest, QueryRequest, RelationshipWrite, ServiceError,
    Telemetry, TwinService,
};
use memory::{Memory, error};
use serde_json::{Value, json};
use served::Served;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use twin_graph::{EventRoute, Origin, Twin, parse_patch};

/// Ids that every layer must carry as they are.
const IDS: [&str; 6] = ["Room_01", "a/b", "50 % & more?", "étage#1", "a+b;c,d", "x\\y\"z'{}"];

async fn pair() -> (Arc<Memory>, Served, RestClient) {
    let memory = Arc::new(Memory::default());
    let served = Served::start(memory.clone(), ServerOptions::default()).await;
    let client = served.client("any");
    (memory, served, client)
}

fn call() -> Call {
    Call::new(Origin::App)
}

fn twin_body(value: i32) -> Value {
    json!({"$metadata": {"$model": "dtmi:example:Room;1"}, "temperature": value})
}

#[tokio::test]
async fn twins_live_their_life() {
    let (memory, served, client) = pair().await;
    for id in IDS {
        let call = call();
        let put = client.put_twin(&call, id, twin_body(20), true).await.unwrap();
        assert_eq!(put.body["$dtId"], id);
        assert_eq!(client.get_twin(&call, id).await.unwrap(), put);
        let again = client.put_twin(&call, id, twin_body(20), true).await.unwrap_err();
        assert_eq!(again, error(Code::PreconditionFailed));

        let patch = parse_patch(&json!([
            {"op": "replace", "path": "/temperature", "value": 21},
            {"op": "add", "path": "/a~1b", "value": null},
        ]));
        let patch = patch.unwrap();
        let stale = Some(IfMatch::Etag("W/\"0\"".into()));
        let refused = client.patch_twin(&call, id, patch.clone(), stale).await.unwrap_err();
        assert_eq!(refused.code, Code::PreconditionFailed);
        let current = Some(IfMatch::Etag(put.etag.clone()));
        let etag = client.patch_twin(&call, id, patch, current).await.unwrap();
        let after = client.get_twin(&call, id).await.unwrap();
        assert_eq!((&after.etag, &after.body["temperature"]), (&etag, &json!(21)));
        assert_eq!(after.body.get("a/b"), Some(&Value::Null));

        client.delete_twin(&call, id, Some(IfMatch::Any)).await.unwrap();
        let gone = client.get_twin(&call, id).await.unwrap_err();
        assert_eq!(gone, ServiceError::twin_not_found(id));
    }
    assert!(memory.twins.lock().is_empty());
    served.stop().await;
}

#[tokio::test]
async fn components_and_event_routes_live_their_life() {
    let (memory, served, client) = pair().await;
    for id in IDS {
        let body = json!({"$dtId": id, "$etag": "W/\"0\"", "$metadata": {"$model": "dtmi:example:Room;1"},
            "door": {"$metadata": {}, "open": true}});
        memory.twins.lock().insert(id.into(), Arc::new(Twin::from_json(&body).unwrap()));
        let door = client.get_component(&call(), id, "door").await.unwrap();
        assert_eq!((&door.body["open"], &*door.etag), (&json!(true), "W/\"0\""));
        let patch =
            parse_patch(&json!([{"op": "replace", "path": "/open", "value": false}])).unwrap();
        let current = Some(IfMatch::Etag(door.etag));
        let etag = client.patch_component(&call(), id, "door", patch, current).await.unwrap();
        let door = client.get_component(&call(), id, "door").await.unwrap();
        assert_eq!((&door.body["open"], &door.etag), (&json!(false), &etag));
        let absent = client.get_component(&call(), id, "gate").await.unwrap_err();
        assert_eq!(absent, ServiceError::component_not_found(id, "gate"));

        let route = EventRoute { id: id.into(), endpoint: "hub".into(), filter: "a = 'é'".into() };
        client.put_event_route(&call(), route.clone()).await.unwrap();
        assert_eq!(client.get_event_route(&call(), id).await.unwrap(), route);
    }
    let page = PageRequest { max_items: Some(4), ..Default::default() };
    let first = client.list_event_routes(&call(), page).await.unwrap();
    let rest = PageRequest { continuation: first.continuation, ..Default::default() };
    let rest = client.list_event_routes(&call(), rest).await.unwrap();
    assert_eq!((first.items.len(), rest.items.len()), (4, 2));
    for id in IDS {
        client.delete_event_route(&call(), id).await.unwrap();
        let gone = client.get_event_route(&call(), id).await.unwrap_err();
        assert_eq!(gone, ServiceError::event_route_not_found());
    }
    let decommission = json!([{"op": "replace", "path": "/decommissioned", "value": true}]);
    let decommission = parse_patch(&decommission).unwrap();
    let unknown = client.patch_model(&call(), "dtmi:no;1", decommission).await.unwrap_err();
    assert_eq!(unknown, ServiceError::model_not_found("dtmi:no;1"));
    served.stop().await;
}

#[tokio::test]
async fn relationships_live_their_life() {
    let (_, served, client) = pair().await;
    for id in IDS {
        let call = call();
        let body = json!({"$targetId": "t", "$relationshipName": "contains", "since": 1});
        let write = RelationshipWrite { source: id.into(), id: id.into(), body };
        let put = client.put_relationship(&call, write.clone(), true).await.unwrap();
        assert_eq!(client.get_relationship(&call, id, id).await.unwrap(), put);
        let again = client.put_relationship(&call, write, true).await.unwrap_err();
        assert_eq!(again.code, Code::PreconditionFailed);

        let patch = parse_patch(&json!([{"op": "replace", "path": "/since", "value": 2}])).unwrap();
        let etag = client.patch_relationship(&call, id, id, patch, None).await.unwrap();
        assert_ne!(etag, put.etag);

        for (name, found) in [(None, 1), (Some("contains"), 1), (Some("other"), 0)] {
            let page = PageRequest::default();
            let listed = client.list_relationships(&call, id, name, page).await.unwrap();
            assert_eq!(listed.items.len(), found, "{name:?}");
        }
        let incoming = client.list_incoming(&call, "t", PageRequest::default()).await.unwrap();
        assert_eq!(incoming.items[0]["$sourceId"], id);

        let stale = Some(IfMatch::Etag(put.etag));
        let refused = client.delete_relationship(&call, id, id, stale).await.unwrap_err();
        assert_eq!(refused.code, Code::PreconditionFailed);
        client.delete_relationship(&call, id, id, Some(IfMatch::Etag(etag))).await.unwrap();
        let gone = client.get_relationship(&call, id, id).await.unwrap_err();
        assert_eq!(gone.code, Code::RelationshipNotFound);
    }
    served.stop().await;
}

#[tokio::test]
async fn models_come_back_with_their_documents() {
    let (_, served, client) = pair().await;
    let call = call();
    let model = |n: i32| json!({"@id": format!("dtmi:example:M{n};1"), "@type": "Interface", "displayName": "M"});
    let created = client.create_models(&call, (0..5).map(model).collect()).await.unwrap();
    let listed = client.list_models(&call, ListModels::default()).await.unwrap();
    assert_eq!(created, listed.items);
    assert_eq!(*created[3].stored.document, model(3));
    assert_eq!(created[3].display_name, json!({"en": "M"}));
    assert_eq!(created[3].stored.uploaded.to_string(), "2026-11-21T09:00:00.0000000Z");

    let one = client.get_model(&call, "dtmi:example:M3;1").await.unwrap();
    assert_eq!(one, created[3]);
    let of = vec!["dtmi:example:M1;1".into(), "dtmi:example:M2;1".into()];
    let list = ListModels { dependencies_for: of, page: PageRequest::default() };
    assert_eq!(client.list_models(&call, list).await.unwrap().items, created[1..3]);

    client.delete_model(&call, "dtmi:example:M3;1").await.unwrap();
    let gone = client.get_model(&call, "dtmi:example:M3;1").await.unwrap_err();
    assert_eq!(gone, ServiceError::model_not_found("dtmi:example:M3;1"));
    served.stop().await;
}

#[tokio::test]
async fn pages_follow_each_other() {
    let (_, served, client) = pair().await;
    let call = call();
    let model = |n: i32| json!({"@id": format!("dtmi:example:M{n};1"), "@type": "Interface"});
    client.create_models(&call, (0..7).map(model).collect()).await.unwrap();
    for n in 0..7 {
        client.put_twin(&call, &format!("t{n}"), twin_body(n), false).await.unwrap();
    }
    let page = |continuation| PageRequest { continuation, max_items: Some(3) };
    let (mut models, mut twins, mut next) = (Vec::new(), Vec::new(), None);
    loop {
        let list = ListModels { dependencies_for: Vec::new(), page: page(next) };
        let listed = client.list_models(&call, list).await.unwrap();
        // The definitions come on each page, not on the first only.
        assert!(listed.items.iter().all(|model| model.stored.document.get("@type").is_some()));
        models.push(listed.items.len());
        next = listed.continuation;
        if next.is_none() {
            break;
        }
    }
    loop {
        let query = Some("SELECT * FROM DIGITALTWINS".into());
        let answer = client.query(&call, QueryRequest { query, page: page(next) }).await.unwrap();
        assert!((answer.charge - 5.66).abs() < 1e-9);
        twins.push(answer.rows.items.len());
        next = answer.rows.continuation;
        if next.is_none() {
            break;
        }
    }
    assert_eq!((models, twins), (vec![3, 3, 1], vec![3, 3, 1]));
    served.stop().await;
}

#[tokio::test]
async fn telemetry_arrives_unmodified() {
    let (memory, served, client) = pair().await;
    for component in [None, Some("battery/1")] {
        let telemetry = Telemetry {
            twin: "t 1".into(),
            component: component.map(str::to_owned),
            message_id: "m-1".into(),
            source_time: Some("2026-11-21T09:41:27.3180001Z".parse().unwrap()),
            body: json!({"temperatureReading": 21.5, "nested": [null, {"a": "é"}]}),
        };
        client.send_telemetry(&call(), telemetry.clone()).await.unwrap();
        assert_eq!(memory.telemetry.lock().pop().unwrap(), telemetry);
    }
    served.stop().await;
}

#[tokio::test]
async fn a_call_keeps_its_trace() {
    let (memory, served, client) = pair().await;
    let call = call();
    client.get_twin(&call, "none").await.unwrap_err();
    let (_, received) = memory.calls.lock().pop().unwrap();
    assert_eq!(received.trace.trace_id(), call.trace.trace_id());
    assert_ne!(received.trace.span_id(), call.trace.span_id());
    assert_eq!(received.origin, Origin::Rest);
    served.stop().await;
}

#[tokio::test]
async fn every_error_of_the_service_comes_back_as_it_was() {
    let (memory, served, client) = pair().await;
    for code in [
        Code::ModelIdAlreadyExists,
        Code::DTDLParserError,
        Code::LimitExceeded,
        Code::RelationshipsNotDeleted,
        Code::TwinLimitReached,
        Code::ValidationFailed,
        Code::OperationNotAllowed,
    ] {
        memory.fail_with(move |_| Err(error(code)));
        assert_eq!(client.get_twin(&call(), "t").await.unwrap_err(), error(code));
    }
    served.stop().await;
}

#[tokio::test]
async fn only_reads_are_tried_again_after_a_fault() {
    let (memory, served, client) = pair().await;
    let failures = Arc::new(AtomicU32::new(0));
    let left = failures.clone();
    memory.fail_with(move |_| {
        let failing = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        failing.map_or(Ok(Duration::ZERO), |_| Err(error(Code::InternalServerError)))
    });
    let query =
        || QueryRequest { query: Some("SELECT * FROM DIGITALTWINS".into()), ..Default::default() };

    failures.store(2, Ordering::SeqCst);
    client.query(&call(), query()).await.unwrap();
    failures.store(9, Ordering::SeqCst);
    let gave_up = client.query(&call(), query()).await.unwrap_err();
    assert_eq!((gave_up, failures.load(Ordering::SeqCst)), (error(Code::InternalServerError), 5));

    failures.store(1, Ordering::SeqCst);
    client.put_twin(&call(), "t", twin_body(1), false).await.unwrap_err();
    assert!(memory.twins.lock().is_empty());
    served.stop().await;
}

#[tokio::test]
async fn too_many_requests_wait_as_long_as_they_are_told() {
    let (memory, served, client) = pair().await;
    let first = AtomicU32::new(1);
    memory.fail_with(move |_| match first.swap(0, Ordering::SeqCst) {
        1 => Err(error(Code::QuotaReachedError)),
        _ => Ok(Duration::ZERO),
    });
    let began = Instant::now();
    client.put_twin(&call(), "t", twin_body(1), true).await.unwrap();
    assert!(began.elapsed() >= Duration::from_secs(1), "the server said Retry-After: 1");
    served.stop().await;
}

#[tokio::test]
async fn a_wrong_token_is_told() {
    let options = ServerOptions {
        token: Some("right".into()),
        host_names: Vec::new(),
        ..ServerOptions::default()
    };
    let served = Served::start(Arc::new(Memory::default()), options).await;
    served.client("right").put_twin(&call(), "t", twin_body(1), false).await.unwrap();
    let error = served.client("wrong-secret").get_twin(&call(), "t").await.unwrap_err();
    assert_eq!(error.code, Code::Unauthorized);
    assert!(error.message.contains("does not accept the token"), "{error}");
    assert!(!error.message.contains("secret"), "{error}");
    served.stop().await;
}

fn client_of(endpoint: &str, ca_pem: Option<&str>) -> Result<RestClient, ServiceError> {
    RestClient::new(RestOptions {
        endpoint: Url::parse(endpoint).unwrap(),
        ca_pem: ca_pem.map(|pem| pem.as_bytes().to_vec()),
        credential: Arc::new(StaticToken::new("t")),
    })
}

#[test]
fn addresses_that_are_none_are_refused() {
    for (endpoint, expected) in [
        ("http://localhost:8443", "is not https"),
        ("https://localhost/digitaltwins", "nothing behind it"),
        ("https://user:pass@localhost", "nothing behind it"),
        ("data:text/plain,x", "nothing behind it"),
    ] {
        let error = client_of(endpoint, None).unwrap_err();
        assert!(error.message.contains(expected), "{endpoint}: {error}");
        assert!(!error.message.contains("pass@"), "{error}");
    }
    let error = client_of("https://localhost", Some("no pem")).unwrap_err();
    assert!(error.message.contains("no certificate"), "{error}");
}

#[tokio::test]
async fn what_cannot_be_reached_is_told_in_a_sentence() {
    let served = Served::start(Arc::new(Memory::default()), ServerOptions::default()).await;
    let here = format!("https://localhost:{}", served.port);
    let by_address = format!("https://127.0.0.2:{}", served.port);
    let (_, other_ca) = served::tls(&["localhost"]);
    let plain = plain_server().await;
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let nobody = format!("https://localhost:{free}");
    for (endpoint, ca, expected) in [
        (nobody.as_str(), &served.ca_pem, "does not answer (Connection refused"),
        ("https://nowhere.invalid", &served.ca_pem, "The name «nowhere.invalid» does not resolve"),
        (&here, &other_ca, "is not trusted"),
        (&plain, &served.ca_pem, "not in TLS"),
    ] {
        let client = client_of(endpoint, Some(ca)).unwrap();
        let error = client.get_twin(&call(), "t").await.unwrap_err();
        assert!(error.message.contains(expected), "{endpoint}: {error}");
        assert_eq!(error.code, Code::ServiceUnavailable);
    }
    // Another name of this machine; systems without 127.0.0.2 do not answer at all.
    let error = client_of(&by_address, Some(&served.ca_pem)).unwrap().get_twin(&call(), "t").await;
    let message = error.unwrap_err().message;
    assert!(message.contains("another name") || message.contains("does not answer"), "{message}");
    served.stop().await;
}

/// A server that speaks HTTP without TLS.
async fn plain_server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut tcp, _)) = listener.accept().await {
            tcp.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.ok();
            let _any = tcp.read(&mut [0; 1024]).await;
        }
    });
    format!("https://localhost:{port}")
}

/// A TLS server that answers every request with the same bytes.
async fn answering(bytes: Vec<u8>) -> (String, String) {
    let (config, ca) = served::tls(&["localhost"]);
    let acceptor = tokio_rustls::TlsAcceptor::from(config);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let Ok(mut tls) = acceptor.accept(tcp).await else { continue };
            let _request = tls.read(&mut [0; 4096]).await;
            tls.write_all(&bytes).await.ok();
            tls.shutdown().await.ok();
        }
    });
    (format!("https://localhost:{port}"), ca)
}

#[tokio::test]
async fn answers_that_are_none_are_told() {
    let ok = "HTTP/1.1 200 OK\r\n";
    let large = 64 * 1024 * 1024 + 1;
    let cases = [
        (format!("{ok}content-type: text/html\r\ncontent-length: 6\r\n\r\n<html>"), "not JSON (text/html, 6 bytes)"),
        (format!("{ok}content-length: {large}\r\n\r\n{}", "x".repeat(large)), "more than 64 MiB"),
        (format!("{ok}content-length: 2\r\n\r\n{{}}"), "without an ETag"),
        (format!("{ok}content-length: 9\r\n\r\n{{}}"), "broke off"),
        ("HTTP/1.1 302 Found\r\nlocation: https://evil.example\r\ncontent-length: 0\r\n\r\n".into(), "answered 302"),
        ("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n".into(), "Azure Digital Twins Data Owner"),
        ("HTTP/1.1 404 Not Found\r\ncontent-length: 9\r\n\r\nno, sorry".into(), "answered 404 Not Found without saying why"),
        ("HTTP/1.1 400 Bad\r\ncontent-length: 45\r\n\r\n{\"error\":{\"code\":\"NewCode\",\"message\":\"text\"}}".into(), "NewCode: text"),
    ];
    for (answer, expected) in cases {
        let (endpoint, ca) = answering(answer.into_bytes()).await;
        let error =
            client_of(&endpoint, Some(&ca)).unwrap().get_twin(&call(), "t").await.unwrap_err();
        assert!(error.message.contains(expected), "{expected}: {error}");
    }
}
