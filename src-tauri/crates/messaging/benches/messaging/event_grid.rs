//! Events published to a topic and delivered to a web hook.

use crate::{cpu_seconds, percentiles, support};
use axum::Router;
use axum::routing::post;
use journal::{Journal, Options};
use messaging::client::{EventGridClient, Retry, TopicAccess, Trust};
use messaging::event_grid::{
    EventGrid, GridOptions, InputSchema, Schema, Subscription, TimeFactor,
};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;

const EVENTS: usize = 20_000;

pub async fn run() {
    println!("| Event Grid | events/s | CPU µs an event | publish p50 | publish p99 |");
    println!("|---|---|---|---|---|");
    deliveries("publish in 100s, delivered one by one", 1).await;
    deliveries("publish in 100s, delivered in batches of 100", 100).await;
}

async fn deliveries(name: &str, batch: usize) {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path(), Options::default()).unwrap();
    let got = Arc::new(AtomicU64::new(0));
    let hook = web_hook(got.clone()).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://localhost:{}", listener.local_addr().unwrap().port());
    let options = GridOptions {
        secret: "secret".into(),
        factor: TimeFactor(1.0),
        dead_letters: folder.path().join("dead-letter"),
        base_url,
    };
    let grid = EventGrid::open(&journal, options).unwrap();
    let topic = grid.open_topic("topic", InputSchema::Any).await.unwrap();
    let (tls, _) = support::tls();
    let router = messaging::event_grid::router(grid.clone(), None);
    let traffic = grid.traffic().clone();
    let never = std::future::pending();
    let server =
        tokio::spawn(messaging::http::serve(listener, tls, router, vec![], traffic, never));
    let properties = json!({"endpointUrl": hook, "maxEventsPerBatch": batch, "preferredBatchSizeInKilobytes": 1_024});
    let spec: Subscription = serde_json::from_value(
        json!({"destination": {"endpointType": "WebHook", "properties": properties}}),
    )
    .unwrap();
    grid.put_subscription("topic", "hook", spec).await.unwrap();
    let access = TopicAccess::Key(topic.key().to_owned());
    let endpoint = grid.endpoint("topic");
    let client = EventGridClient::new(&endpoint, access, &Trust::System, Retry::default()).unwrap();
    let event = |n: usize| {
        let event = json!({"id": n.to_string(), "subject": "/floors/1/rooms/7", "eventType": "Room.Changed", "eventTime": "2026-11-27T00:00:00Z", "dataVersion": "1", "data": {"temperature": 21.53, "humidity": 44.1}});
        event.as_object().unwrap().clone()
    };
    let (start, cpu) = (Instant::now(), cpu_seconds());
    let mut published = Vec::new();
    for hundred in 0..EVENTS / 100 {
        let events: Vec<_> = (0..100).map(|n| event(hundred * 100 + n)).collect();
        let began = Instant::now();
        client.publish(Schema::EventGridSchema, &events).await.unwrap();
        published.push(began.elapsed().as_secs_f64() * 1e3);
    }
    while got.load(Relaxed) < EVENTS as u64 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let (seconds, cpu) = (start.elapsed().as_secs_f64(), cpu_seconds() - cpu);
    let (p50, p99) = percentiles(published);
    println!(
        "| {name} | {:.0} | {:.0} (publisher and hook, too) | {p50:.1} ms | {p99:.1} ms |",
        EVENTS as f64 / seconds,
        cpu / EVENTS as f64 * 1e6,
    );
    server.abort();
    grid.stop().await;
}

/// A web hook that agrees and counts.
async fn web_hook(got: Arc<AtomicU64>) -> String {
    let answer = move |axum::Json(events): axum::Json<Value>| {
        let got = got.clone();
        async move {
            let events = events.as_array().unwrap();
            let code = &events[0]["data"]["validationCode"];
            if code.is_null() {
                got.fetch_add(events.len() as u64, Relaxed);
            }
            axum::Json(json!({"validationResponse": code}))
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let app = Router::new().route("/", post(answer));
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://localhost:{port}/")
}
