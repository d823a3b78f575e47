//! Messages of 1,000 MQTT devices, beside mosquitto in the same run; Event Grid deliveries.
//!
//! `cargo bench -p messaging --bench iot`. Every acknowledged message of the hub is fsynced and
//! came over TLS; mosquitto keeps nothing and speaks plain TCP, with our client in both.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs
)]

#[path = "../tests/support/mod.rs"]
mod support;

use axum::Router;
use axum::routing::post;
use journal::{Journal, Options};
use messaging::event_grid::{
    EventGrid, GridOptions, InputSchema, Schema, Subscription, TimeFactor, TopicClient,
};
use messaging::iot_hub::{MqttClient, MqttOptions};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};
use support::{Hub, Mosquitto, telemetry_topic};
use tokio::net::TcpListener;

const DEVICES: usize = 1_000;
/// Messages of each device, all on their way at once.
const EACH: usize = 40;
/// Paced: messages a second of all devices together, and for how long.
const PACE: usize = 1_000;
const PACED: usize = 5;
const BODY: &str = r#"{"temperature":21.53,"humidity":44.1,"at":"2026-11-27T00:00:00Z"}"#;
const EVENTS: usize = 20_000;

fn main() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        println!("| 1,000 MQTT devices, QoS 1 | connect | messages/s | CPU µs a message | p50 at 1,000/s | p99 |");
        println!("|---|---|---|---|---|---|");
        let hub = Hub::start(DEVICES).await;
        devices("IoT Hub here: TLS, SAS, fsynced", |n| hub.options(n), telemetry_topic).await;
        assert_eq!(hub.kept().len(), DEVICES * EACH + PACE * PACED);
        drop(hub);
        match Mosquitto::start().await {
            Some(broker) => {
                let options = |n: usize| MqttOptions::plain("127.0.0.1", broker.port, &format!("d{n}"));
                devices("mosquitto: plain TCP, in memory", options, |n| format!("d/{n}/t")).await;
            }
            None => println!("| mosquitto is not installed | | | | | |"),
        }
        println!();
        println!("| Event Grid | events/s | CPU µs an event | publish p50 | publish p99 |");
        println!("|---|---|---|---|---|");
        deliveries("publish in 100s, delivered one by one", 1).await;
        deliveries("publish in 100s, delivered in batches of 100", 100).await;
    });
}

async fn devices(
    name: &str,
    options: impl Fn(usize) -> MqttOptions,
    topic: impl Fn(usize) -> String,
) {
    let start = Instant::now();
    let mut clients = Vec::with_capacity(DEVICES);
    for group in (0..DEVICES).collect::<Vec<_>>().chunks(50) {
        let connecting = group.iter().map(|n| {
            let options = options(*n);
            async move { MqttClient::connect(&options).await.unwrap() }
        });
        clients.extend(futures::future::join_all(connecting).await);
    }
    let connected = start.elapsed();
    let topics: Vec<_> = (0..DEVICES).map(topic).collect();
    let (start, cpu) = (Instant::now(), cpu_seconds());
    let all = clients.iter().zip(&topics).map(|(client, topic)| async move {
        let sends = (0..EACH).map(|_| client.publish(topic, BODY, true));
        futures::future::try_join_all(sends).await.unwrap();
    });
    futures::future::join_all(all).await;
    let (seconds, cpu) = (start.elapsed().as_secs_f64(), cpu_seconds() - cpu);
    let count = (DEVICES * EACH) as f64;
    let (p50, p99) = paced(&clients, &topics).await;
    println!(
        "| {name} | {:.2} s | {:.0} | {:.1} (client and, here, server) | {p50:.1} ms | {p99:.1} ms |",
        connected.as_secs_f64(),
        count / seconds,
        cpu / count * 1e6,
    );
}

/// Time from publish to acknowledgement at a steady pace.
async fn paced(clients: &[MqttClient], topics: &[String]) -> (f64, f64) {
    let start = Instant::now();
    let sends = (0..PACE * PACED).map(|n| async move {
        let due = start + Duration::from_secs_f64(n as f64 / PACE as f64);
        tokio::time::sleep_until(due.into()).await;
        let sent = Instant::now();
        clients[n % DEVICES].publish(&topics[n % DEVICES], BODY, true).await.unwrap();
        sent.elapsed().as_secs_f64() * 1e3
    });
    percentiles(futures::future::join_all(sends).await)
}

fn percentiles(mut values: Vec<f64>) -> (f64, f64) {
    values.sort_by(f64::total_cmp);
    (values[values.len() / 2], values[values.len() * 99 / 100])
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
    let http = reqwest::Client::new();
    let client = TopicClient::with_key(http, &grid.endpoint("topic"), topic.key());
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

/// CPU seconds of this process so far.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let fields: Vec<f64> =
        after_name.split_whitespace().skip(11).take(2).filter_map(|f| f.parse().ok()).collect();
    fields.iter().sum::<f64>() / 100.0
}
