//! Node-RED between two topics of mosquitto.

use crate::load::{Arrivals, DEVICES, Subject, device_id};
use messaging::client::{MqttClient, MqttOptions};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;

const PEER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../benches/peers/pipeline");

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn topic(device: usize) -> String {
    format!("telemetry/{}", device_id(device))
}

/// The same job, as far as Node-RED does it: in memory. `None` where it is not installed.
pub async fn whole() -> Option<Subject> {
    let broker = mosquitto().filter(|_| Path::new(PEER).join("node_modules/node-red").exists());
    let Some(broker) = broker else {
        println!("mosquitto or Node-RED is not installed: `make bench-pipeline` does it.");
        return None;
    };
    let folder = tempfile::tempdir().unwrap();
    let (broker_port, http_port) = (free_port(), free_port());
    let configuration = folder.path().join("mosquitto.conf");
    let lines = format!(
        "listener {broker_port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\nmax_inflight_messages 0\npersistence false\n"
    );
    std::fs::write(&configuration, lines).unwrap();
    let broker = run(Command::new(broker).arg("-c").arg(&configuration));
    until_listening(broker_port).await;
    let written = Command::new("node")
        .arg(format!("{PEER}/flows.mjs"))
        .arg(broker_port.to_string())
        .arg(folder.path().join("flows.json"))
        .status();
    assert!(written.unwrap().success());
    let node_red = run(Command::new("node")
        .arg(format!("{PEER}/node_modules/node-red/red.js"))
        .args(["--settings", &format!("{PEER}/settings.cjs"), "--userDir"])
        .arg(folder.path())
        .env("HTTP_PORT", http_port.to_string()));
    let arrivals = Arrivals::new();
    subscribe(broker_port, &arrivals).await;
    let connecting = (0..DEVICES).map(|device| {
        let options = MqttOptions::plain("127.0.0.1", broker_port, &device_id(device));
        async move { MqttClient::connect(&options).await.unwrap() }
    });
    let clients = Arc::new(futures::future::join_all(connecting).await);
    // It subscribes some time after it listens.
    tokio::time::sleep(Duration::from_secs(8)).await;
    let pids = vec![broker.0.id(), node_red.0.id()];
    let name = "Node-RED with mosquitto: plain MQTT, in memory";
    Some(Subject::new(name, clients, topic, arrivals, pids, (broker, node_red, folder)))
}

async fn subscribe(port: u16, arrivals: &Arc<Arrivals>) {
    let options = MqttOptions::plain("127.0.0.1", port, "subscriber");
    let mut client = MqttClient::connect(&options).await.unwrap();
    client.subscribe("twins/#").await.unwrap();
    let arrivals = arrivals.clone();
    tokio::spawn(async move {
        while let Some(message) = client.next_message().await {
            arrivals.arrived(&message.payload);
        }
    });
}

fn mosquitto() -> Option<&'static str> {
    let places = ["/usr/sbin/mosquitto", "/usr/bin/mosquitto", "/usr/local/sbin/mosquitto"];
    places.into_iter().find(|path| Path::new(path).exists())
}

fn run(command: &mut Command) -> Running {
    Running(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

async fn until_listening(port: u16) {
    for _ in 0..500 {
        if TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("nothing listens on {port}");
}
