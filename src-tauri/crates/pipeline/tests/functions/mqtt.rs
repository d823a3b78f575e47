use crate::around::{Around, soon, topology, until};
use crate::event_hub::Taken;
use bytes::BytesMut;
use pipeline::{NodeState, source};
use rmqtt_codec::types::{Publish, QoS};
use rmqtt_codec::v3::{Codec, ConnectAck, ConnectAckReason, Packet, SubscribeReturnCode};
use serde_json::json;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
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
        assert!(connect.clean_session);
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
    let mut devices: Vec<_> = taken.0.lock().iter().map(|own| own.1.device.to_string()).collect();
    devices.sort_unstable();
    assert_eq!(devices, ["d1", "d2", "d3"]);
    assert_eq!(around.parts.flow.node("sources/broker").state(), NodeState::Healthy);
    parts.stop.cancel();
    assert!(matches!(soon(broker.next()).await, Some(Packet::Disconnect)));
    soon(async { while tasks.join_next().await.is_some() {} }).await;
    assert!(!around.heard.0.lock().join("").contains("hush"));
}
