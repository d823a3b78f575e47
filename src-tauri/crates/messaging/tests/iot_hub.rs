//! The IoT hub under load and under attack, with our own client.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

#[path = "support/disk.rs"]
mod disk;
mod support;

use bytes::Bytes;
use journal::{Journal, Options};
use messaging::client::{MqttClient, MqttError, MqttOptions};
use messaging::iot_hub::{NoEvents, Properties};
use proptest::prelude::*;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;
use support::mosquitto::Mosquitto;
use support::{Hub, device, eventually, telemetry_topic};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;

async fn raw(hub: &Hub) -> TlsStream<TcpStream> {
    let tcp = TcpStream::connect(hub.address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(hub.tls.clone()).connect(name, tcp).await.unwrap()
}

/// A CONNECT packet as bytes.
fn connect_packet(hub: &Hub, number: usize) -> Vec<u8> {
    let options = hub.options(number);
    let mut body = b"\x00\x04MQTT\x04\xc2\x00\x3c".to_vec();
    for text in [&options.client_id, &options.username.unwrap(), &options.password.unwrap()] {
        body.extend(u16::try_from(text.len()).unwrap().to_be_bytes());
        body.extend(text.as_bytes());
    }
    let length = body.len();
    let head = [0x10, (length % 128) as u8 | 0x80, (length / 128) as u8];
    [&head[..], &body].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_acknowledged_is_kept_in_each_devices_order() {
    let hub = Hub::start(200).await;
    let devices = (0..200).map(|number| {
        let hub = &hub;
        async move {
            let client = hub.connect(number).await.unwrap();
            let topic = telemetry_topic(number);
            let sends = (0..10).map(|n| client.publish(&topic, format!("{n}"), true));
            futures::future::try_join_all(sends).await.unwrap();
            client.disconnect().await;
        }
    });
    futures::future::join_all(devices).await;
    let kept = hub.kept();
    assert_eq!(kept.len(), 2_000);
    for number in 0..200 {
        let own: Vec<_> = kept
            .iter()
            .filter(|(id, _)| *id == device(number))
            .map(|(_, body)| body.as_str())
            .collect();
        assert_eq!(own, ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    }
    eventually("all gone", || (hub.hub.counts().connections_open == 0).then_some(())).await;
    let counts = hub.hub.counts();
    assert_eq!((counts.messages_in, counts.connections), (2_000, 200));
    // What was acknowledged is there in a journal opened anew.
    let folder = hub.stop().await;
    let journal = Journal::open(folder.path(), Options::default());
    let journal = eventually_open(journal, folder.path()).await;
    let again = Hub::start_in(folder, &journal, 200, 10, Arc::new(NoEvents)).await;
    assert_eq!(again.kept().len(), 2_000);
}

async fn eventually_open(
    first: Result<Journal, journal::JournalError>,
    folder: &std::path::Path,
) -> Journal {
    if let Ok(journal) = first {
        return journal;
    }
    // The old one is closed by its last user, which may still be on its way out.
    eventually("the journal is free", || Journal::open(folder, Options::default()).ok()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_to_a_device_come_until_they_are_acknowledged() {
    let hub = Hub::start(1).await;
    let id = device(0);
    let send = |body: &'static str, ttl| {
        hub.hub.send_to_device(&id, Properties::default(), Bytes::from(body), ttl)
    };
    send("stays", None).await.unwrap();
    send("expires", Some(Duration::from_millis(1))).await.unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    for round in 0..12 {
        // Reads without ever acknowledging.
        let mut stream = raw(&hub).await;
        let filter = format!("devices/{}/messages/devicebound/#", device(0));
        let subscribe = [
            &[0x82, (filter.len() + 5) as u8, 0, 1, 0, filter.len() as u8],
            filter.as_bytes(),
            &[1],
        ]
        .concat();
        stream.write_all(&connect_packet(&hub, 0)).await.unwrap();
        stream.write_all(&subscribe).await.unwrap();
        let mut seen = Vec::new();
        while !seen.windows(5).any(|part| part == b"stays") {
            assert!(stream.read_buf(&mut seen).await.unwrap() > 0, "round {round}");
        }
        assert!(!seen.windows(7).any(|part| part == b"expires"));
        drop(stream);
        let gone = || (!hub.hub.device_info(&device(0)).unwrap().connected).then_some(());
        eventually("it is gone", gone).await;
    }
    // MQTT has no way to abandon a message, so nothing counts how often it came.
    send("last", None).await.unwrap();
    assert_eq!(hub.hub.device_info(&device(0)).unwrap().queued, 2);
    let mut client = hub.connect(0).await.unwrap();
    client.subscribe_device_bound(&device(0)).await.unwrap();
    for expected in ["stays", "last"] {
        assert_eq!(client.next_message().await.unwrap().payload, expected);
    }
    let empty = || (hub.hub.device_info(&device(0)).unwrap().queued == 0).then_some(());
    eventually("it is acknowledged", empty).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_never_reads_holds_up_nobody() {
    let hub = Hub::start(2).await;
    let mut deaf = raw(&hub).await;
    deaf.write_all(&connect_packet(&hub, 0)).await.unwrap();
    // Pings are answered, and the answers are never read.
    let flood = async {
        let pings = [0xc0, 0].repeat(32_000);
        for _ in 0..1_000 {
            deaf.write_all(&pings).await?;
        }
        Ok::<_, std::io::Error>(())
    };
    let flooded = tokio::time::timeout(Duration::from_secs(3), flood).await;
    assert!(flooded.is_err(), "64 MB of pings were taken from a client that reads no answers");
    let client = hub.connect(1).await.unwrap();
    client.publish(&telemetry_topic(1), "here", true).await.unwrap();
    assert_eq!(hub.kept(), [(device(1), "here".to_owned())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_connections_than_there_may_be_are_closed() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path(), Options::default()).unwrap();
    let hub = Hub::start_in(folder, &journal, 1, 50, Arc::new(NoEvents)).await;
    let mut idle = Vec::new();
    for _ in 0..200 {
        idle.push(TcpStream::connect(hub.address).await.unwrap());
    }
    eventually("they are refused", || {
        let refused = hub.hub.counts().rejections.get("too many connections").copied();
        (refused == Some(150)).then_some(())
    })
    .await;
    assert!(matches!(hub.connect(0).await, Err(MqttError::Unreachable { .. })));
    drop(idle);
    let mut connected = hub.connect(0).await;
    for _ in 0..200 {
        if connected.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        connected = hub.connect(0).await;
    }
    connected.unwrap().publish(&telemetry_topic(0), "in", true).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_acknowledges_nothing_and_is_survived() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, full) = disk::journal(folder.path());
    let hub = Hub::start_in(folder, &journal, 2, 100, Arc::new(NoEvents)).await;
    let client = hub.connect(0).await.unwrap();
    full.store(true, SeqCst);
    let refused = client.publish(&telemetry_topic(0), "lost", true).await;
    assert!(matches!(refused, Err(MqttError::Ended(_))), "{refused:?}");
    let other = device(1);
    let queued = hub.hub.send_to_device(&other, Properties::default(), Bytes::new(), None);
    assert!(queued.await.is_err());
    assert_eq!(hub.hub.counts().rejections.get("telemetry that could not be kept"), Some(&1));
    full.store(false, SeqCst);
    let client = hub.connect(0).await.unwrap();
    client.publish(&telemetry_topic(0), "kept", true).await.unwrap();
    assert_eq!(hub.kept(), [(device(0), "kept".to_owned())]);
}

#[test]
fn no_bytes_end_the_hub() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let hub = runtime.block_on(Hub::start(1));
    let packets = prop::collection::vec(any::<u8>(), 0..200);
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 48,
        ..ProptestConfig::default()
    });
    // Behind a good CONNECT, or in place of one.
    let strategy = (
        any::<bool>(),
        prop::sample::select(vec![0x10_u8, 0x30, 0x32, 0x82, 0xa2, 0x62, 0xe0]),
        packets,
    );
    let run = runner.run(&strategy, |(known, first, mut bytes)| {
        runtime.block_on(async {
            let mut stream = raw(&hub).await;
            if known {
                stream.write_all(&connect_packet(&hub, 0)).await.unwrap();
            }
            if let Some(byte) = bytes.first_mut() {
                *byte = first;
            }
            // The hub may have closed it meanwhile: that is its right.
            let _ = stream.write_all(&bytes).await;
            let _ = stream.flush().await;
        });
        Ok(())
    });
    run.unwrap();
    runtime.block_on(async {
        let client = hub.connect(0).await.unwrap();
        client.publish(&telemetry_topic(0), "still here", true).await.unwrap();
        assert!(hub.kept().iter().any(|(_, body)| body == "still here"));
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn our_client_works_with_mosquitto() {
    let Some(broker) = Mosquitto::start().await else {
        eprintln!("skipped: mosquitto is not installed");
        return;
    };
    let options = |name| MqttOptions::plain("127.0.0.1", broker.port, name);
    let mut listens = MqttClient::connect(&options("listens")).await.unwrap();
    listens.subscribe("floors/+/temperature").await.unwrap();
    let speaks = MqttClient::connect(&options("speaks")).await.unwrap();
    for (n, at_least_once) in [(1, true), (2, false)] {
        speaks.publish(&format!("floors/{n}/temperature"), "21.5", at_least_once).await.unwrap();
    }
    for n in [1, 2] {
        let message = listens.next_message().await.unwrap();
        assert_eq!(
            (message.topic.as_str(), &message.payload[..]),
            (&*format!("floors/{n}/temperature"), &b"21.5"[..])
        );
    }
    speaks.disconnect().await;
    drop(broker);
    assert_eq!(listens.next_message().await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_acknowledged_comes_again_with_the_session() {
    let Some(broker) = Mosquitto::start().await else {
        eprintln!("skipped: mosquitto is not installed");
        return;
    };
    let mut options = MqttOptions::plain("127.0.0.1", broker.port, "stays");
    options.clean_session = false;
    let mut stays = MqttClient::connect(&options).await.unwrap();
    assert!(!stays.session_present);
    stays.subscribe("some").await.unwrap();
    stays.subscribe("others").await.unwrap();
    let bodies = ["one", "two", "three", "four"];
    for body in bodies {
        stays.publish("some", body, true).await.unwrap();
    }
    for (n, body) in bodies.into_iter().enumerate() {
        let message = stays.next_unacknowledged().await.unwrap();
        assert_eq!((&message.payload[..], message.repeated), (body.as_bytes(), false));
        if n < 2 {
            stays.acknowledge(&message);
        }
    }
    stays.unsubscribe("others").await.unwrap();
    stays.disconnect().await;

    let mut stays = MqttClient::connect(&options).await.unwrap();
    assert!(stays.session_present);
    stays.publish("others", "not heard", true).await.unwrap();
    stays.publish("some", "five", true).await.unwrap();
    for (body, repeated) in [("three", true), ("four", true), ("five", false)] {
        let message = stays.next_message().await.unwrap();
        assert_eq!((&message.payload[..], message.repeated), (body.as_bytes(), repeated));
    }
    stays.disconnect().await;
}
