//! `twinscope serve` in a process of its own.

use crate::load::{Arrivals, DEVICES, Subject, cpu_seconds, device_id, resident};
use messaging::client::{
    Endpoint, EventHubClient, MqttClient, MqttOptions, ReceiveOptions, Retry, StartPosition, Trust,
};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

const MODELS: [&str; 2] = ["Thermostat", "Room"];
/// Messages of a stage; the first tenth is not counted.
const OF_STAGE: usize = 100_000;
const MEMORY_MINUTES: u64 = 10;
const MEMORY_PACE: f64 = 5_000.0;

/// How far a message goes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    /// To the hub, and into a function that finds nothing in it.
    Hub,
    /// The thermostat's temperature is set.
    Twin,
    /// A route leads to Event Grid, a function sets the room's.
    Parent,
    /// A second route leads to an event hub, and a subscriber takes it.
    Subscriber,
}

struct Server {
    child: Child,
    connect: Value,
    _folder: tempfile::TempDir,
}

impl Server {
    async fn start(stage: Stage) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let workspace = folder.path().join("workspace");
        write_workspace(&workspace, stage);
        let data = folder.path().join("data");
        let child = Command::new(program())
            .args(["serve", "--mqtt-port", "0", "--limits", "none", "--workspace"])
            .arg(&workspace)
            .arg("--data")
            .arg(&data)
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("`cargo build --profile dist -p twinscope` makes the program");
        let mut server = Self { child, connect: Value::Null, _folder: folder };
        for _ in 0..1_000 {
            if let Ok(text) = std::fs::read(data.join("connect.json")) {
                server.connect = serde_json::from_slice(&text).unwrap();
                return server;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("twinscope does not serve");
    }

    fn cpu(&self) -> f64 {
        cpu_seconds(self.child.id())
    }

    async fn devices(&self) -> Arc<Vec<MqttClient>> {
        let hub = &self.connect["iotHub"];
        let pem = std::fs::read_to_string(hub["ca"].as_str().unwrap()).unwrap();
        let tls = Trust::Pem(pem).tls().unwrap();
        let port = hub["port"].as_u64().unwrap() as u16;
        let connecting = (0..DEVICES).map(|device| {
            let string = hub["devices"][device_id(device)].as_str().unwrap();
            let options = MqttOptions::device(string, port, tls.clone()).unwrap();
            async move { MqttClient::connect(&options).await.unwrap() }
        });
        Arc::new(futures::future::join_all(connecting).await)
    }

    /// Takes the rooms' changes from every partition.
    async fn subscribe(&self, arrivals: &Arc<Arrivals>) {
        let string = self.connect["eventHubs"]["eh-rooms"].as_str().unwrap();
        let client = EventHubClient::new(Endpoint::parse(string).unwrap(), None, Retry::default());
        let client = client.unwrap();
        for partition in client.properties().await.unwrap().partitions {
            let mut options = ReceiveOptions::new(&partition, StartPosition::Latest);
            options.prefetch = 3_000;
            let (mut receiver, arrivals) = (client.receive(options), arrivals.clone());
            tokio::spawn(async move {
                while let Ok(event) = receiver.next().await {
                    arrivals.arrived(event.data.body.data());
                }
            });
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn program() -> PathBuf {
    // The bench is target/release/deps/pipeline-…; what it measures is what is handed out.
    let bench = std::env::current_exe().unwrap();
    bench.ancestors().nth(3).unwrap().join("dist/twinscope")
}

fn topic(device: usize) -> String {
    format!("devices/{}/messages/events/", device_id(device))
}

/// The whole chain, with a subscriber at its end.
pub async fn whole() -> Subject {
    let server = Server::start(Stage::Subscriber).await;
    let clients = server.devices().await;
    let arrivals = Arrivals::new();
    server.subscribe(&arrivals).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let pids = vec![server.child.id()];
    let name = "Twinscope: MQTT over TLS to AMQP, all fsynced";
    Subject::new(name, clients, topic, arrivals, pids, server)
}

/// What each stage adds to the CPU time of a message.
pub async fn stages() {
    println!();
    println!("| how far a message goes | server CPU µs a message | this stage |");
    println!("|---|---|---|");
    let mut before = 0.0;
    for (stage, name) in [
        (Stage::Hub, "hub: TLS, MQTT, fsync, and a function called"),
        (Stage::Twin, "thermostat: ingest, checked, fsynced"),
        (Stage::Parent, "room: route, Event Grid, fsynced, function, fsynced"),
        (Stage::Subscriber, "subscriber: route, event hub, fsynced, AMQP"),
    ] {
        let all = of_stage(stage).await;
        println!("| {name} | {all:.0} | {:.0} |", all - before);
        before = all;
    }
}

async fn of_stage(stage: Stage) -> f64 {
    let server = Server::start(stage).await;
    let clients = server.devices().await;
    let warm = OF_STAGE / 10;
    let mut cpu = 0.0;
    for (from, to) in [(0, warm), (warm, OF_STAGE)] {
        cpu = server.cpu();
        for chunk in (from..to).collect::<Vec<_>>().chunks(10_000) {
            let sends = chunk.iter().map(|number| {
                let device = number % DEVICES;
                let body = format!(r#"{{"temperature":{number}.0}}"#);
                let clients = clients.clone();
                async move { clients[device].publish(&topic(device), body, true).await.unwrap() }
            });
            futures::future::join_all(sends).await;
        }
        settle(&server).await;
    }
    (server.cpu() - cpu) / (OF_STAGE - warm) as f64 * 1e6
}

/// Until the program has nothing to do any more.
async fn settle(server: &Server) {
    loop {
        let before = server.cpu();
        tokio::time::sleep(Duration::from_secs(1)).await;
        if server.cpu() - before < 0.03 {
            return;
        }
    }
}

/// Memory over ten minutes, once a minute.
pub async fn memory() {
    let mut whole = whole().await;
    let pid = whole.pids[0];
    whole.closed(10_000).await;
    let mut line = format!("Memory in MiB, every minute at {MEMORY_PACE}/s:");
    let start = Instant::now();
    for _ in 0..MEMORY_MINUTES {
        let _ = write!(line, " {:.0}", resident(pid));
        whole.open(MEMORY_PACE, Duration::from_secs(60)).await;
    }
    let _ = write!(line, " {:.0}", resident(pid));
    println!("{line} ({:.0} s)", start.elapsed().as_secs_f64());
}

fn write_workspace(folder: &Path, stage: Stage) {
    std::fs::create_dir_all(folder.join("models")).unwrap();
    for (name, property) in MODELS.iter().zip(["temperature", "currentTemp"]) {
        let mut contents = vec![json!({"@type": "Property", "name": property, "schema": "double"})];
        if *name == "Room" {
            contents.push(json!({"@type": "Relationship", "name": "has"}));
        }
        let model = json!({
            "@id": format!("dtmi:example:{name};1"), "@type": "Interface",
            "@context": "dtmi:dtdl:context;2", "contents": contents,
        });
        let file = folder.join("models").join(format!("{name}.json"));
        std::fs::write(file, model.to_string()).unwrap();
    }
    let mut twins = String::new();
    for device in 0..DEVICES {
        let (thermostat, room) = (device_id(device), format!("Room_{device:04}"));
        for (id, model) in [(&thermostat, "Thermostat"), (&room, "Room")] {
            let twin =
                json!({"$dtId": id, "$metadata": {"$model": format!("dtmi:example:{model};1")}});
            let _ = writeln!(twins, "{twin}");
        }
    }
    for device in 0..DEVICES {
        let relationship = json!({
            "$dtId": format!("Room_{device:04}"), "$relationshipId": "has",
            "$targetId": device_id(device), "$relationshipName": "has",
        });
        let _ = writeln!(twins, "{relationship}");
    }
    std::fs::write(folder.join("twins.ndjson"), sections(&twins)).unwrap();
    std::fs::write(folder.join("topology.json"), topology(stage).to_string()).unwrap();
}

/// The import job's form: twins first, then relationships.
fn sections(lines: &str) -> String {
    let (relationships, twins): (Vec<_>, Vec<_>) =
        lines.lines().partition(|line| line.contains("$relationshipId"));
    let header = json!({"fileVersion": "1.0.0", "author": "bench", "organization": "bench"});
    format!(
        "{{\"Section\": \"Header\"}}\n{header}\n{{\"Section\": \"Twins\"}}\n{}\n{{\"Section\": \"Relationships\"}}\n{}\n",
        twins.join("\n"),
        relationships.join("\n")
    )
}

fn topology(stage: Stage) -> Value {
    let devices: Vec<_> = (0..DEVICES).map(device_id).collect();
    let from = if stage == Stage::Hub { "/nothing" } else { "/temperature" };
    let mut topology = json!({
        "sources": {"hub": {"kind": "iotHub", "devices": devices, "function": "ingest"}},
        "functions": {"ingest": {"kind": "ingest", "map": [{"from": from, "property": "/temperature"}]}},
    });
    if stage >= Stage::Parent {
        topology["functions"]["to-parent"] = json!({
            "kind": "propagateToParent", "property": "temperature", "relationship": "has",
            "parentProperty": "currentTemp",
        });
        topology["endpoints"] = json!({"eg-twins": {"kind": "eventGrid"}});
        topology["routes"] = json!({"to-parent": {
            "endpoint": "eg-twins",
            "filter": "type = 'Microsoft.DigitalTwins.Twin.Update' AND $body.modelId = 'dtmi:example:Thermostat;1'",
        }});
        topology["subscriptions"] =
            json!({"parent": {"endpoint": "eg-twins", "function": "to-parent"}});
    }
    if stage >= Stage::Subscriber {
        topology["endpoints"]["eh-rooms"] = json!({"kind": "eventHub"});
        topology["routes"]["rooms"] = json!({
            "endpoint": "eh-rooms",
            "filter": "type = 'Microsoft.DigitalTwins.Twin.Update' AND $body.modelId = 'dtmi:example:Room;1'",
        });
    }
    topology
}
