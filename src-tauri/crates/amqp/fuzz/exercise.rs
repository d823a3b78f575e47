//! What must hold whatever the bytes: no panic, and what they cost is bounded by their number.
//!
//! The first byte says where the rest is put: bit 0 in a connection that is open and has a session
//! and two links, bit 1 in one that is authenticating, else nowhere. All bytes are also read as
//! values, messages and frames.

use amqp::message::Sections;
use amqp::performative::Performative;
use amqp::{
    Attach, Attached, Attaching, Delivery, Error, Link, LinkControl, Message, Outcome, Outgoing,
    Peer, Role, Shared, Sink, Unsettling, Value, frame, serve,
};
use bytes::{Bytes, BytesMut};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;

/// What a peer says before: header, open, begin, attach a sender and a receiver, credit.
pub fn prelude() -> BytesMut {
    let mut out = BytesMut::from(&b"AMQP\x00\x01\x00\x00"[..]);
    for (channel, performative) in script() {
        frame::write(&mut out, frame::Kind::Amqp, channel, |out| performative.write(out));
    }
    out
}

fn script() -> Vec<(u16, Performative)> {
    use amqp::performative::{Begin, Flow, Open};
    let attach = |name: &str, handle, role| {
        Performative::Attach(Box::new(Attach {
            name: name.to_owned(),
            handle,
            role,
            snd_settle_mode: 2,
            rcv_settle_mode: 0,
            source: Value::Null,
            target: Value::Null,
            initial_delivery_count: Some(0),
            max_message_size: None,
            offered_capabilities: Value::Null,
            desired_capabilities: Value::Null,
            properties: Value::Null,
        }))
    };
    vec![
        (
            0,
            Performative::Open(Open {
                container_id: "fuzz".to_owned(),
                hostname: None,
                max_frame_size: 1_024,
                channel_max: 10,
                idle_time_out: None,
                properties: Value::Null,
            }),
        ),
        (
            1,
            Performative::Begin(Begin {
                remote_channel: None,
                next_outgoing_id: 0,
                incoming_window: 100,
                outgoing_window: 100,
                handle_max: 10,
            }),
        ),
        (1, attach("in", 0, Role::Sender)),
        (1, attach("out", 1, Role::Receiver)),
        (
            1,
            Performative::Flow(Flow {
                next_incoming_id: Some(0),
                incoming_window: 100,
                handle: Some(1),
                delivery_count: Some(0),
                link_credit: Some(10),
                ..Flow::default()
            }),
        ),
    ]
}

/// Takes every link; messages that come in are accepted, and five go out.
struct Open;

struct Accepting;

impl Sink for Accepting {
    fn deliver(&mut self, delivery: Delivery) {
        let _ = Sections::of(delivery.message);
        delivery.answer.give(Outcome::Accepted);
    }
}

impl Peer for Open {
    fn mechanisms(&self) -> &'static [&'static str] {
        &["PLAIN", "ANONYMOUS"]
    }

    fn authenticate(&mut self, _mechanism: &str, _response: &[u8]) -> bool {
        true
    }

    fn attach(&mut self, attach: &Attach, _control: LinkControl) -> Attaching {
        let link = match attach.role {
            Role::Sender => Link::Incoming { sink: Box::new(Accepting), credit: 10 },
            Role::Receiver => Link::Outgoing {
                settler: Box::new(Unsettling),
                task: Box::new(|outgoing| Box::pin(five(outgoing))),
            },
        };
        let max_message_size = 1 << 20;
        Attaching::Now(Ok(Attached {
            link,
            max_message_size,
            source: None,
            properties: Value::Null,
        }))
    }

    fn refused(&mut self, _error: &Error) {}
}

async fn five(mut outgoing: Outgoing) {
    let body = Bytes::from_static(&[0, 0x53, 0x75, 0xa0, 1, b'x']);
    for _ in 0..5 {
        outgoing.ready().await;
        let message = Message { tag: None, head: Bytes::new(), body: body.clone(), settled: false };
        outgoing.send(vec![message]).await;
    }
    std::future::pending::<()>().await;
}

pub fn exercise(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else { return };
    values(rest);
    // Messages are what their reader makes of them, or malformed.
    let _ = Sections::of(Bytes::copy_from_slice(rest));
    frames(rest);
    if kind & 1 == 1 {
        connection(&[&prelude(), rest].concat());
    } else if kind & 2 == 2 {
        connection(&[b"AMQP\x03\x01\x00\x00", rest].concat());
    } else {
        connection(rest);
    }
}

/// A value is written as it was read, and has no more parts than its bytes can pay for.
fn values(data: &[u8]) {
    let Ok(value) = Value::read(Bytes::copy_from_slice(data)) else { return };
    let parts = parts(&value);
    assert!(parts <= 2 * data.len() + 4_096, "{parts} parts of {} bytes", data.len());
    let written = value.to_bytes();
    let again = Value::read(written.clone()).map(|value| value.to_bytes());
    assert_eq!(again.as_ref(), Ok(&written), "{value:?}");
}

fn parts(value: &Value) -> usize {
    1 + match value {
        Value::List(values) | Value::Array(values) => values.iter().map(parts).sum(),
        Value::Map(pairs) => pairs.iter().map(|(key, value)| parts(key) + parts(value)).sum(),
        // A descriptor in an array is written once for all.
        Value::Described(described) => parts(&described.1),
        _ => 0,
    }
}

fn frames(data: &[u8]) {
    let mut input = BytesMut::from(data);
    while let Ok(Some(frame)) = frame::next(&mut input, 64 << 10) {
        let Ok((performative, _)) = Performative::read(frame.body) else { continue };
        let mut out = BytesMut::new();
        performative.write(&mut out);
        let again = Performative::read(out.freeze());
        assert!(again.is_ok(), "{performative:?}: {again:?}");
    }
}

/// A connection that is sent this and then nothing more ends, and soon.
fn connection(data: &[u8]) {
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    }
    RUNTIME.with(|runtime| {
        runtime.block_on(async {
            let (client, server) = tokio::io::duplex(64 << 10);
            let (mut reader, mut writer) = tokio::io::split(client);
            let says = async {
                // The server may have had enough before the end.
                let _ = writer.write_all(data).await;
                let _ = writer.shutdown().await;
            };
            let hears = async {
                let mut heard = [0; 4_096];
                while matches!(reader.read(&mut heard).await, Ok(1..)) {}
            };
            let (_stop, stopped) = watch::channel(false);
            let shared = Shared::new("fuzz", stopped);
            let mut peer = Open;
            let serves = serve(server, &mut peer, &shared);
            let all = async { tokio::join!(says, hears, serves) };
            assert!(tokio::time::timeout(Duration::from_secs(10), all).await.is_ok(), "it hangs");
        });
    });
}
