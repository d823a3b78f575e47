use crate::around::{Around, Scripted, topology, until, update};
use crate::event_grid::of_grid;
use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use parking_lot::Mutex;
use pipeline::{Surroundings, subscription};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

/// How a webhook behaves.
#[derive(Clone, Copy, PartialEq)]
enum Hook {
    Works,
    Answers500,
    Hangs,
    Redirects,
    WrongHandshake,
}

#[derive(Default)]
struct Came(Mutex<Vec<Value>>);

async fn serve(hook: Hook, came: Arc<Came>) -> String {
    let answer = move |headers: HeaderMap, body: Bytes| {
        let came = came.clone();
        async move { answered(hook, &came, &headers, &body).await }
    };
    let router = Router::new().route("/hook", post(answer));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://127.0.0.1:{}/hook", listener.local_addr().unwrap().port());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

async fn answered(hook: Hook, came: &Came, headers: &HeaderMap, body: &Bytes) -> Response {
    let events: Value = serde_json::from_slice(body).unwrap();
    if headers["aeg-event-type"] == "SubscriptionValidation" {
        let code = &events[0]["data"]["validationCode"];
        let wrong = json!("another");
        let code = if hook == Hook::WrongHandshake { &wrong } else { code };
        return axum::Json(json!({"validationResponse": code})).into_response();
    }
    came.0.lock().push(events);
    match hook {
        Hook::Answers500 => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Hook::Redirects => {
            (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, "/elsewhere")]).into_response()
        }
        Hook::Hangs => {
            tokio::time::sleep(Duration::from_secs(3_600)).await;
            StatusCode::OK.into_response()
        }
        _ => StatusCode::OK.into_response(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_way_to_fail_has_its_sentence_and_the_others_flow_on() {
    let around = Around::new().await;
    around.services.event_grid("eg").await.unwrap();
    let hooks = [
        (Hook::Works, ""),
        (
            Hook::Answers500,
            "/functions/ff: the webhook answered 500. See its own log. Event Grid tries again.",
        ),
        (Hook::Hangs, "/functions/ff: the webhook did not answer in time."),
        (Hook::Redirects, "/functions/ff: the webhook redirects (307), which is not followed."),
        (Hook::WrongHandshake, "its validationResponse is not the validationCode that it was sent"),
    ];
    around.services.secrets.lock().insert("code".into(), "?code=hush".into());
    let mut running = Vec::new();
    for (index, (hook, sentence)) in hooks.into_iter().enumerate() {
        let came = Arc::new(Came::default());
        let url = serve(hook, came.clone()).await;
        let topology = topology(json!({
            "functions": {"ff": {"kind": "webhook", "url": url, "query": {"secret": "code"}}},
            "endpoints": {"eg": {"kind": "eventGrid"}},
            "routes": {"r1": {"endpoint": "eg", "filter": "true"}},
            "subscriptions": {(format!("s{index}-x")): {"endpoint": "eg", "function": "ff"}},
        }));
        let (name, spec) = topology.subscriptions.iter().next().unwrap();
        // Each of its own flow: they have the same function's name.
        let flow = Arc::new(pipeline::Flow::default());
        let parts = pipeline::PipelineParts { flow: flow.clone(), ..around.parts() };
        let function = Scripted::new(|_, _| panic!("Event Grid calls it, not we"));
        let tasks = subscription::start(name, spec, &topology, function, &parts);
        running.push((name.clone(), sentence, came, flow, tasks));
    }
    until("all but one are subscribed", || around.grid.subscriptions("eg").unwrap().len() == 4)
        .await;
    let event = of_grid(update("a", 1, 1.0).to_cloud_event());
    around.grid.topic("eg").unwrap().publish(vec![event]).await.unwrap();
    for (name, sentence, came, flow, _tasks) in &running {
        let node = format!("subscriptions/{name}");
        let said = |node: &str| {
            let report = flow.report();
            report.nodes.into_iter().find(|own| own.node == node).and_then(|own| own.message)
        };
        if sentence.is_empty() {
            until("it is delivered", || flow.node(&node).counts().done == 1).await;
            assert_eq!(came.0.lock()[0]["id"], "1");
            assert_eq!((said(&node), flow.node("functions/ff").counts().done), (None, 1));
            assert_eq!(flow.wire(&node, "functions/ff").events.get(), 1);
            continue;
        }
        for node in [node.as_str(), "functions/ff"] {
            let found = || said(node).unwrap_or_default();
            until(sentence, || found().contains(sentence)).await;
            assert!(
                found().starts_with("/functions/ff: ") && !found().contains("hush"),
                "{}",
                found()
            );
        }
        let counts = flow.node(&node).counts();
        assert_eq!((counts.done, counts.failures > 0), (0, !came.0.lock().is_empty()));
    }
}
