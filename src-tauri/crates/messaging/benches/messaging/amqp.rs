//! AMQP 1.0: one client, `benches/peers/messaging` with fe2o3-amqp, for every server.

use crate::cpu_seconds;
use crate::rabbitmq::RabbitMq;
use journal::{Journal, Options};
use messaging::namespace::{Declared, ListenOptions, Namespace};
use messaging::sas::ConnectionString;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;

const MESSAGES: usize = 200_000;
const PARTITION: &str = "telemetry/ConsumerGroups/$Default/Partitions/0";

pub async fn run() {
    println!(
        "| AMQP 1.0, 256 bytes, 1,000 on their way | accepted/s | received/s | server CPU µs | \
         accepted p50, p99 at 1,000/s | received p50, p99 |"
    );
    println!("|---|---|---|---|---|---|");
    for (name, send, receive) in [
        ("Event Hub here, one partition", "telemetry", PARTITION),
        ("Event Hub here, sent only", "telemetry", "-"),
        ("Service Bus here, a topic's subscription, peek-lock", "news", "news/Subscriptions/all"),
    ] {
        here(name, send, receive).await;
    }
    let mut alone = peer(&["serve"]);
    let port = first_line(&mut alone);
    row("fe2o3-amqp alone, kept nowhere", measure(&port, "any", "-", None).await, None);
    let _ = alone.wait();
    match RabbitMq::start().await {
        Some(broker) => {
            let at = broker.port.to_string();
            let queue = "/queue/bench";
            let key = Some(("guest".to_owned(), "guest".to_owned()));
            let name = "RabbitMQ's AMQP 1.0 plugin, a queue in memory";
            row(name, measure(&at, queue, queue, key).await, None);
        }
        None => println!("| RabbitMQ is not installed | | | | | |"),
    }
    println!();
}

const SETTLED_WITHIN: Duration = Duration::from_secs(10);

async fn here(name: &str, send: &str, receive: &str) {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path(), Options::default()).unwrap();
    let namespace = Namespace::open(&journal, "secret").unwrap();
    let declared: Declared = serde_json::from_value(json!({
        "eventHubs": {"telemetry": {"partitions": 1}},
        "topics": {"news": {"subscriptions": {"all": {}}}},
    }))
    .unwrap();
    namespace.declare(&declared).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let listening = namespace.listen(listener, ListenOptions::default()).unwrap();
    let string = namespace.connection_string(send, "localhost", listening.port);
    let string = ConnectionString::parse(&string).unwrap();
    let key = Some((string.policy.unwrap(), string.key.unwrap()));
    let cpu = cpu_seconds();
    let measured = measure(&listening.port.to_string(), send, receive, key).await;
    row(name, measured, Some((cpu_seconds() - cpu) / (MESSAGES + 5_000) as f64 * 1e6));
    let stats = journal.stats();
    eprintln!(
        "{} commits, {:.0} records each, fsync p50 {} µs",
        stats.commits,
        stats.records as f64 / stats.commits.max(1) as f64,
        stats.fsync_p50_us
    );
    // The client ended when it had said that it is done with the last ones, not when that was done.
    let left = || namespace.service_bus().1.iter().map(|status| status.counts.active).sum::<u64>();
    let waiting = Instant::now();
    while left() > 0 && waiting.elapsed() < SETTLED_WITHIN {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(left(), 0, "what was settled is gone");
    listening.stop().await;
}

async fn measure(port: &str, send: &str, receive: &str, key: Option<(String, String)>) -> Value {
    let (at, messages) = (format!("127.0.0.1:{port}"), MESSAGES.to_string());
    let mut arguments = vec!["run", &at, send, receive, &messages];
    if let Some((user, password)) = &key {
        arguments.extend([user.as_str(), password]);
    }
    let measuring = peer(&arguments);
    let said = tokio::task::spawn_blocking(|| measuring.wait_with_output()).await.unwrap().unwrap();
    assert!(said.status.success(), "the client failed");
    serde_json::from_slice(&said.stdout).unwrap()
}

fn row(name: &str, measured: Value, server_cpu: Option<f64>) {
    let number = |key: &str| measured[key].as_f64().map_or(String::new(), |n| format!("{n:.0}"));
    let times = |key: &str| {
        let time = |which| measured[key][which].as_f64().unwrap();
        match measured[key].is_null() {
            true => String::new(),
            false => format!("{:.1} ms, {:.1} ms", time("p50"), time("p99")),
        }
    };
    let cpu = server_cpu.map_or(String::new(), |cpu| format!("{cpu:.1}"));
    println!(
        "| {name} | {} | {} | {cpu} | {} | {} |",
        number("accepted_per_second"),
        number("received_per_second"),
        times("to_accepted_ms"),
        times("to_received_ms"),
    );
}

/// The client, which `make bench-messaging` builds.
fn peer(arguments: &[&str]) -> Child {
    let program = root().join("target/peers/release/messaging-peer");
    Command::new(&program).args(arguments).stdout(Stdio::piped()).spawn().unwrap_or_else(|error| {
        panic!("{}: {error}; make bench-messaging builds it", program.display())
    })
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..")
}

fn first_line(child: &mut Child) -> String {
    use std::io::BufRead;
    let mut line = String::new();
    let mut out = std::io::BufReader::new(child.stdout.as_mut().unwrap());
    out.read_line(&mut line).unwrap();
    line.trim().to_owned()
}
