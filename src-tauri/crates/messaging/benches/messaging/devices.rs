//! Messages of 1,000 MQTT devices, beside mosquitto.
//!
//! Every acknowledged message of the hub is fsynced and came over TLS; mosquitto keeps nothing and
//! speaks plain TCP, with our client in both.

use crate::support::mosquitto::Mosquitto;
use crate::support::{Hub, telemetry_topic};
use crate::{cpu_seconds, percentiles};
use messaging::client::{MqttClient, MqttOptions};
use std::time::{Duration, Instant};

const DEVICES: usize = 1_000;
/// Messages of each device, all on their way at once.
const EACH: usize = 40;
/// Paced: messages a second of all devices together, and for how long.
const PACE: usize = 1_000;
const PACED: usize = 5;
const BODY: &str = r#"{"temperature":21.53,"humidity":44.1,"at":"2026-11-27T00:00:00Z"}"#;

pub async fn run() {
    println!(
        "| 1,000 MQTT devices, QoS 1 | connect | messages/s | CPU µs a message | p50 at 1,000/s | p99 |"
    );
    println!("|---|---|---|---|---|---|");
    let hub = Hub::start(DEVICES).await;
    measure("IoT Hub here: TLS, SAS, fsynced", |n| hub.options(n), telemetry_topic).await;
    assert_eq!(hub.kept().len(), DEVICES * EACH + PACE * PACED);
    drop(hub);
    match Mosquitto::start().await {
        Some(broker) => {
            let options = |n: usize| MqttOptions::plain("127.0.0.1", broker.port, &format!("d{n}"));
            measure("mosquitto: plain TCP, in memory", options, |n| format!("d/{n}/t")).await;
        }
        None => println!("| mosquitto is not installed | | | | | |"),
    }
}

async fn measure(
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
