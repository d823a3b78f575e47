use crate::around::{Around, soon, topology, until};
use crate::event_hub::Taken;
use crate::mosquitto::Mosquitto;
use async_trait::async_trait;
use bytes::BytesMut;
use messaging::client::{MqttClient, MqttOptions};
use parking_lot::Mutex;
use pipeline::{DeviceMessage, Ingress, NodeState, Pipeline, PipelineParts, Topology, source};
use rmqtt_codec::types::{Publish, QoS};
use rmqtt_codec::v3::{Codec, ConnectAck, ConnectAckReason, Packet, SubscribeReturnCode};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::codec::{Decoder, Encoder};

/// A broker that does what the test says.
struct Broker {
    stream: TcpStream,
    codec: Codec,
    input: BytesMut,
}

impl Broker {
    /// The next packet; `None` where the client left.
    async fn next(&mut self) -> Option<Packet> {
        loop {
            if let Some((packet, _)) = self.codec.decode(&mut self.input).unwrap() {
                return Some(packet);
            }
            if self.stream.read_buf(&mut self.input).await.unwrap_or(0) == 0 {
                return None;
            }
        }
    }

    async fn put(&mut self, packet: Packet) -> Option<()> {
        let mut output = BytesMut::new();
        self.codec.encode(packet, &mut output).unwrap();
        self.stream.write_all(&output).await.ok()
    }

    /// Answers clients until one with the right password stays, or one with a wrong one came.
    async fn accept(listener: &TcpListener, right: bool) -> Self {
        loop {
            let (stream, _) = soon(listener.accept()).await.unwrap();
            if let Some((broker, known)) = Self::admit(stream).await
                && known == right
            {
                return broker;
            }
        }
    }

    /// Lets a client in that has the right password, and subscribes to two filters.
    async fn admit(stream: TcpStream) -> Option<(Self, bool)> {
        let mut broker = Self { stream, codec: Codec::new(1 << 20), input: BytesMut::new() };
        let Packet::Connect(connect) = broker.next().await? else { panic!("no CONNECT") };
        assert!(!connect.clean_session && connect.client_id.starts_with("twinscope-"));
        let known = connect.username.as_deref() == Some("me")
            && connect.password.as_deref() == Some(b"hush:hush".as_slice());
        let return_code = if known {
            ConnectAckReason::ConnectionAccepted
        } else {
            ConnectAckReason::NotAuthorized
        };
        broker.put(Packet::ConnectAck(ConnectAck { session_present: false, return_code })).await?;
        for expected in if known { ["a/#", "b/+"].as_slice() } else { &[] } {
            let Packet::Subscribe { packet_id, topic_filters } = broker.next().await? else {
                panic!("no SUBSCRIBE")
            };
            assert_eq!(&*topic_filters[0].0, *expected);
            let status = vec![SubscribeReturnCode::Success(QoS::AtLeastOnce)];
            broker.put(Packet::SubscribeAck { packet_id, status }).await?;
        }
        Some((broker, known))
    }

    async fn publish(&mut self, topic: &str, payload: &str) {
        self.put(Packet::Publish(Box::new(Publish {
            dup: false,
            retain: false,
            qos: QoS::AtMostOnce,
            topic: topic.into(),
            packet_id: None,
            payload: payload.to_owned().into(),
            properties: None,
        })))
        .await
        .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_of_a_broker_also_after_it_went_away() {
    let around = Around::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let topology = topology(json!({
        "sources": {"broker": {
            "kind": "mqtt", "url": format!("mqtt://127.0.0.1:{port}"), "credentials": {"secret": "broker"},
            "topics": ["a/#", "b/+"], "device": {"topicLevel": 1}, "function": "in",
        }},
        "functions": {"in": {"kind": "ingest", "map": [{"from": "/t", "property": "/temperature"}]}},
    }));
    let spec = &topology.sources["broker"];
    let taken = Arc::new(Taken::default());
    let _none = source::start("broker", spec, taken.clone(), &around.parts());
    until("it says so", || around.failure("sources/broker").contains("no secret «broker»")).await;

    around.services.secrets.lock().insert("broker".into(), "me:wrong".into());
    let parts = around.parts();
    let mut tasks = source::start("broker", spec, taken.clone(), &parts);
    let refused = Broker::accept(&listener, false).await;
    until("it says so", || around.failure("sources/broker").contains("refused")).await;
    drop(refused);
    parts.stop.cancel();
    soon(async { while tasks.join_next().await.is_some() {} }).await;

    around.services.secrets.lock().insert("broker".into(), "me:hush:hush".into());
    let parts = around.parts();
    let mut tasks = source::start("broker", spec, taken.clone(), &parts);
    let mut broker = Broker::accept(&listener, true).await;
    broker.publish("a/d1/x", r#"{"t": 1}"#).await;
    broker.publish("a", r#"{"t": 2}"#).await;
    broker.publish("b/d2", "not JSON").await;
    broker.publish("b/d2", r#"{"t": 3}"#).await;
    until("two came", || taken.0.lock().len() == 2).await;
    let counts = around.counts("sources/broker");
    assert_eq!((counts.dropped["not JSON"], counts.dropped["of no device"]), (1, 1));
    let heard = around.heard.0.lock().join("\n");
    assert!(heard.contains("the topic «a» has no level 1"), "{heard}");
    drop(broker);
    let mut broker = Broker::accept(&listener, true).await;
    broker.publish("a/d3", r#"{"t": 4}"#).await;
    until("the next came", || taken.0.lock().len() == 3).await;
    let heard = around.heard.0.lock().join("\n");
    assert!(heard.contains("the broker did not keep the session"), "{heard}");
    let mut devices: Vec<_> = taken.0.lock().iter().map(|own| own.1.device.to_string()).collect();
    devices.sort_unstable();
    assert_eq!(devices, ["d1", "d2", "d3"]);
    assert_eq!(around.parts.flow.node("sources/broker").state(), NodeState::Healthy);
    parts.stop.cancel();
    assert!(matches!(soon(broker.next()).await, Some(Packet::Disconnect)));
    soon(async { while tasks.join_next().await.is_some() {} }).await;
    assert!(!around.heard.0.lock().join("").contains("hush"));
}

/// A function that takes as many messages as it is let.
struct Gate {
    open: Semaphore,
    done: Mutex<Vec<i64>>,
}

impl Gate {
    fn distinct(&self) -> BTreeSet<i64> {
        self.done.lock().iter().copied().collect()
    }
}

#[async_trait]
impl Ingress for Gate {
    async fn receive(&self, _: &str, message: DeviceMessage) {
        self.open.acquire().await.unwrap().forget();
        self.done.lock().push(message.body["n"].as_i64().unwrap());
    }
}

/// A way to a broker that can be cut.
async fn cable(to: u16) -> (u16, Arc<Mutex<JoinSet<()>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let strands = Arc::new(Mutex::new(JoinSet::new()));
    let inside = strands.clone();
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            inside.lock().spawn(async move {
                let mut far = TcpStream::connect(("127.0.0.1", to)).await.unwrap();
                let _ = copy_bidirectional(&mut near, &mut far).await;
            });
        }
    });
    (port, strands)
}

fn of_broker(port: u16, topics: &[&str]) -> Topology {
    topology(json!({
        "sources": {"broker": {
            "kind": "mqtt", "url": format!("mqtt://127.0.0.1:{port}"), "topics": topics,
            "device": {"topicLevel": 1}, "function": "in",
        }},
        "functions": {"in": {"kind": "ingest", "map": [{"from": "/t", "property": "/temperature"}]}},
    }))
}

async fn stop(parts: &PipelineParts, mut tasks: JoinSet<()>) {
    parts.stop.cancel();
    soon(async { while tasks.join_next().await.is_some() {} }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_broker_keeps_arrives_after_a_cut_a_kill_and_a_stop() {
    let Some(broker) = Mosquitto::start().await else {
        eprintln!("skipped: mosquitto is not installed");
        return;
    };
    let around = Around::new().await;
    let (port, strands) = cable(broker.port).await;
    let both = of_broker(port, &["a/#", "b/#"]);
    let gate = Arc::new(Gate { open: Semaphore::new(100), done: Mutex::default() });
    let start = |topology: &Topology| {
        let parts = around.parts();
        let tasks = source::start("broker", &topology.sources["broker"], gate.clone(), &parts);
        (parts, tasks)
    };
    let mut options = MqttOptions::plain("127.0.0.1", broker.port, "sensor");
    options.clean_session = true;
    let sensor = MqttClient::connect(&options).await.unwrap();
    let publish = async |topic: &str, numbers: std::ops::Range<i64>| {
        for n in numbers {
            let body = json!({ "n": n }).to_string();
            sensor.publish(&format!("{topic}/d{}", n % 7), body, true).await.unwrap();
        }
    };
    let came = async |all: i64| {
        until("all came", || gate.distinct() == (0..all).collect()).await;
    };
    let healthy = || around.parts.flow.node("sources/broker").state() == NodeState::Healthy;

    let bytes = || around.counts("sources/broker").bytes;

    let (_parts, tasks) = start(&both);
    until("it is connected", healthy).await;
    publish("a", 0..100).await;
    came(100).await;

    // The connection is cut while the function is at work on some.
    let before = bytes();
    publish("a", 100..150).await;
    until("some wait", || bytes() > before).await;
    strands.lock().abort_all();
    publish("b", 150..200).await;
    gate.open.add_permits(1_000);
    came(200).await;

    // It is killed while the function holds some.
    gate.open.forget_permits(usize::MAX >> 4);
    let before = bytes();
    publish("a", 200..250).await;
    until("some wait", || bytes() > before).await;
    drop(tasks);
    strands.lock().abort_all();
    publish("b", 250..300).await;
    gate.open.add_permits(1_000);
    let (parts, tasks) = start(&both);
    came(300).await;

    // It is stopped, and what it is not to hear any more does not come.
    stop(&parts, tasks).await;
    publish("a", 300..350).await;
    let (parts, tasks) = start(&of_broker(port, &["a/#"]));
    came(350).await;
    publish("b", 900..910).await;
    publish("a", 350..360).await;
    came(360).await;
    stop(&parts, tasks).await;

    let twice = gate.done.lock().len() - 360;
    let repeated = around.counts("sources/broker").repeated;
    assert!(twice as u64 <= repeated, "{twice} came twice, {repeated} are counted");
    let heard = around.heard.0.lock().join("\n");
    assert!(!heard.contains("did not keep"), "{heard}");
}

/// What the broker keeps for a source that nobody has any more would never be taken.
#[tokio::test(flavor = "multi_thread")]
async fn the_session_of_a_source_that_is_gone_or_elsewhere_ends() {
    let Some(broker) = Mosquitto::start().await else {
        eprintln!("skipped: mosquitto is not installed");
        return;
    };
    let (elsewhere, _strands) = cable(broker.port).await;
    for after in [Topology::default(), of_broker(elsewhere, &["a/#"])] {
        let around = Around::new().await;
        let id = || {
            let kept = around.parts.memory.load("sources/broker").unwrap();
            let session: Value = serde_json::from_slice(&kept.state).unwrap();
            session["client_id"].as_str().unwrap().to_owned()
        };
        let healthy = || around.parts.flow.node("sources/broker").state() == NodeState::Healthy;
        let pipeline = Pipeline::new(around.parts());
        pipeline.apply(&of_broker(broker.port, &["a/#"]), &Default::default()).await;
        until("it is connected", healthy).await;
        let first = id();
        // With another topic it is the same.
        pipeline.apply(&of_broker(broker.port, &["b/#"]), &Default::default()).await;
        until("it is connected", healthy).await;
        assert_eq!(id(), first);
        pipeline.apply(&after, &Default::default()).await;
        soon(async { while is_kept(broker.port, &first).await {} }).await;
        pipeline.stop().await;
        assert_eq!(around.heard.0.lock().join("\n"), "");
    }
}

/// Whether a broker has a session. To look is to take it over.
async fn is_kept(port: u16, client_id: &str) -> bool {
    let mut options = MqttOptions::plain("127.0.0.1", port, client_id);
    options.clean_session = false;
    let client = MqttClient::connect(&options).await.unwrap();
    let kept = client.session_present;
    client.disconnect().await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    kept
}
