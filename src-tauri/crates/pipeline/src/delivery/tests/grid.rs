//! Event Grid: the embedded one, and one that plays up.

use super::super::batch::reason;
use super::super::start;
use super::world::{HOUR_IS_A_SECOND, World, adds_up};
use crate::{EndpointKind, EndpointSpec, NodeState};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use messaging::event_grid::{EventGrid, GridOptions, InputSchema, TimeFactor, router};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use twin_graph::Origin;

const UPDATES: &str = "type = 'Microsoft.DigitalTwins.Twin.Update'";
const OUT: &str = "endpoints/out";

pub async fn serve(router: Router) -> (String, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let mut task = JoinSet::new();
    task.spawn(async move { axum::serve(listener, router).await.unwrap() });
    (address, task)
}

fn by_key(world: &World, address: String, key: &str) -> EndpointSpec {
    EndpointSpec {
        address: Some(address),
        primary: Some(world.near.keep_secret("primary", key)),
        ..world.endpoint(EndpointKind::EventGrid)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_embedded_topic_takes_batches() {
    let world = World::new(1.0).await;
    let options = GridOptions {
        secret: "a secret of this test".into(),
        factor: TimeFactor(1.0),
        dead_letters: world.folder().join("letters"),
        base_url: String::new(),
    };
    let grid = EventGrid::open(&world.journal, options).unwrap();
    let topic = grid.open_topic("twins", InputSchema::Any).await.unwrap();
    let (address, _server) = serve(router(grid.clone(), None)).await;
    world.route("all", "out", UPDATES).await;
    let spec = by_key(&world, format!("{address}/twins/api/events"), topic.key());
    let _out = start("out", &spec, world.routes(), &world.parts);
    world.change(700).await;
    let counts = world.settled(OUT).await;
    adds_up(&counts);
    assert_eq!((counts.done, counts.failures), (700, 0));
    assert_eq!(grid.traffic().counts().messages_in, 700);
    drop(_server);
    grid.stop().await;
}

/// A topic that answers as it is told, and keeps what it takes.
#[derive(Default)]
struct Topic {
    keys: Vec<&'static str>,
    own_schema: bool,
    poison: &'static str,
    taken: Mutex<Vec<Value>>,
    requests: Mutex<u64>,
}

async fn take(
    State(topic): State<Arc<Topic>>,
    headers: HeaderMap,
    body: String,
) -> (StatusCode, String) {
    *topic.requests.lock() += 1;
    let key = headers.get("aeg-sas-key").and_then(|key| key.to_str().ok()).unwrap_or_default();
    let refused = |text: &str| json!({"error": {"code": "x", "message": text}}).to_string();
    if !topic.keys.contains(&key) {
        return (StatusCode::UNAUTHORIZED, refused("The key is not one of this topic's."));
    }
    let cloud = headers["content-type"].to_str().unwrap().contains("cloudevents");
    if topic.own_schema && cloud {
        let text = "This resource is configured to receive event in 'EventGridEvent' schema.";
        return (StatusCode::BAD_REQUEST, refused(text));
    }
    if !topic.poison.is_empty() && body.contains(topic.poison) {
        return (StatusCode::BAD_REQUEST, refused("It does not like one of them."));
    }
    topic.taken.lock().extend(serde_json::from_str::<Vec<Value>>(&body).unwrap());
    (StatusCode::OK, String::new())
}

async fn with(topic: Topic) -> (World, Arc<Topic>, EndpointSpec, JoinSet<()>) {
    let world = World::new(HOUR_IS_A_SECOND).await;
    world.route("all", "out", UPDATES).await;
    let topic = Arc::new(topic);
    let (address, server) =
        serve(Router::new().route("/api/events", post(take)).with_state(topic.clone())).await;
    let spec = by_key(&world, format!("{address}/api/events"), "first");
    (world, topic, spec, server)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_access_key_serves_where_the_first_is_refused() {
    let (world, topic, spec, _server) =
        with(Topic { keys: vec!["second"], ..Topic::default() }).await;
    let secondary = Some(world.near.keep_secret("secondary", "second"));
    let _out = start("out", &EndpointSpec { secondary, ..spec }, world.routes(), &world.parts);
    world.change(50).await;
    let counts = world.settled(OUT).await;
    assert_eq!((counts.done, topic.taken.lock().len()), (50, 50));
    assert_eq!(world.report(OUT).state, NodeState::SecondaryKey);
    assert!(topic.taken.lock().iter().all(|event| event["specversion"] == "1.0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_of_event_grids_own_schema_gets_that() {
    let (world, topic, spec, _server) =
        with(Topic { keys: vec!["first"], own_schema: true, ..Topic::default() }).await;
    let _out = start("out", &spec, world.routes(), &world.parts);
    world.change(50).await;
    let counts = world.settled(OUT).await;
    assert_eq!((counts.done, counts.failures), (50, 0));
    let taken = topic.taken.lock();
    assert_eq!(taken.len(), 50);
    assert!(taken.iter().all(|event| event["data"]["contenttype"] == "application/json"));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_event_that_is_refused_does_not_take_others_with_it() {
    let (world, topic, spec, _server) =
        with(Topic { keys: vec!["first"], poison: "arsenic", ..Topic::default() }).await;
    super::super::today::prepare("out", &world.parts);
    world.change(20).await;
    let patch = json!([{"op": "add", "path": "/note", "value": "arsenic"}]);
    world.patch("room", patch, Origin::Rest).await;
    world.change(20).await;
    let _out = start("out", &spec, world.routes(), &world.parts);
    let counts = world.settled(OUT).await;
    adds_up(&counts);
    assert_eq!((counts.taken, counts.done, topic.taken.lock().len()), (41, 40, 40));
    assert_eq!(counts.dropped.get(reason::REFUSED), Some(&1));
    assert_eq!(world.told.0.lock().len(), 1, "{:?}", world.told.0.lock());
}
