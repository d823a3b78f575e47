//! The client against our server engine, and against others that are broken, silent or hostile.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use amqp::client::{ConnectOptions, Connection, Event, Failure, LinkOptions, Sasl};
use amqp::message::{section, write_section};
use amqp::{
    Attach, Attached, Attaching, Delivery, Error, Link, LinkControl, Message, Outcome, Outgoing,
    Peer, Role, Settler, Shared, Sink, Value, performative,
};
use bytes::{Bytes, BytesMut};
use proptest::prelude::*;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::watch;
use tokio::time::timeout;

const SOON: Duration = Duration::from_secs(20);
/// What a server says until the session has begun: headers, mechanisms, outcome, open, begin.
const MECHANISMS: &[u8] = b"AMQP\x03\x01\x00\x00\
    \x00\x00\x00\x1c\x02\x01\x00\x00\x00\x53\x40\xc0\x0f\x01\xe0\x0c\x01\xa3\x09ANONYMOUS";
const BEGUN: &[u8] = b"\x00\x00\x00\x10\x02\x01\x00\x00\x00\x53\x44\xc0\x03\x01\x50\x00\
    AMQP\x00\x01\x00\x00\
    \x00\x00\x00\x11\x02\x00\x00\x00\x00\x53\x10\xc0\x04\x01\xa1\x01s\
    \x00\x00\x00\x19\x02\x00\x00\x00\x00\x53\x11\xc0\x0c\x04\x60\x00\x00\x43\x70\x00\x00\x08\x00\x52\xff";

fn options(idle: Duration) -> ConnectOptions {
    ConnectOptions {
        container_id: "test".into(),
        hostname: "localhost".into(),
        sasl: Sasl::Anonymous,
        idle,
    }
}

/// A server with a node that gives back the message that was sent last, and takes no "poison".
struct Echo {
    last: watch::Sender<Bytes>,
}

struct Take(watch::Sender<Bytes>);

impl Sink for Take {
    fn deliver(&mut self, delivery: Delivery) {
        if delivery.message.ends_with(b"poison") {
            let error = Error::new("test:poison", "it is poison");
            return delivery.answer.give(Outcome::Rejected(Some(error)));
        }
        self.0.send_replace(delivery.message);
        delivery.answer.give(Outcome::Accepted);
    }
}

/// Refuses what is not accepted.
struct Strict;

impl Settler for Strict {
    fn settle(&mut self, _tag: Bytes, outcome: Outcome, answer: amqp::Answer) {
        match outcome {
            Outcome::Accepted => answer.give(Outcome::Accepted),
            _ => answer.give(Outcome::Rejected(Some(Error::new("test:lost", "it is lost")))),
        }
    }
}

impl Peer for Echo {
    fn authenticate(&mut self, _mechanism: &str, _response: &[u8]) -> bool {
        true
    }

    fn attach(&mut self, attach: &Attach, _control: LinkControl) -> Attaching {
        let terminus = if attach.role == Role::Sender { &attach.target } else { &attach.source };
        if performative::address(terminus) != Some("node") {
            return Attaching::Now(Err(Error::new("amqp:not-found", "there is only «node»")));
        }
        let link = match attach.role {
            Role::Sender => Link::Incoming { sink: Box::new(Take(self.last.clone())), credit: 10 },
            Role::Receiver => {
                let last = self.last.clone();
                let run = |mut outgoing: Outgoing| async move {
                    loop {
                        outgoing.ready().await;
                        let body = last.borrow().clone();
                        if body.is_empty() && outgoing.draining() {
                            outgoing.drained();
                        } else if body.is_empty() {
                            outgoing.changed().await;
                        } else {
                            last.send_replace(Bytes::new());
                            let head = Bytes::new();
                            let message = Message { tag: None, head, body, settled: false };
                            outgoing.send(vec![message]).await;
                        }
                    }
                };
                Link::Outgoing {
                    settler: Box::new(Strict),
                    task: Box::new(move |outgoing| Box::pin(run(outgoing))),
                }
            }
        };
        Attaching::Now(Ok(Attached {
            link,
            max_message_size: 10 << 20,
            source: None,
            properties: Value::Null,
        }))
    }

    fn refused(&mut self, _error: &Error) {}
}

async fn connected() -> Connection {
    let (client, server) = duplex(4_096);
    tokio::spawn(async move {
        let (_stop, stopped) = watch::channel(false);
        let shared = Shared::new("echo", stopped);
        amqp::serve(server, &mut Echo { last: watch::Sender::default() }, &shared).await;
    });
    Connection::open(client, &options(SOON)).await.unwrap()
}

fn node(name: &str) -> LinkOptions {
    let (source, target) = (performative::source("node", Vec::new()), performative::target("node"));
    LinkOptions { second: true, ..LinkOptions::new(name, source, target) }
}

fn message(body: Bytes) -> Bytes {
    let mut out = BytesMut::new();
    write_section(&mut out, section::DATA, &Value::Binary(body));
    out.freeze()
}

#[tokio::test]
async fn messages_of_all_sizes_there_and_back_and_what_is_made_of_them() {
    let connection = connected().await;
    let sender = connection.sender(node("to")).await.unwrap();
    let mut receiver = connection.receiver(node("from")).await.unwrap();
    for size in [0, 1, 255, 256, 70_000, 3_000_000] {
        let sent = message(Bytes::from(vec![b'x'; size]));
        assert_eq!(sender.send(sent.clone(), 0).await, Ok(Outcome::Accepted));
        receiver.grant(1);
        let Event::Message(came) = receiver.next().await.unwrap() else { panic!("drained") };
        assert_eq!(came.message, sent, "{size}");
        let settled = receiver.settle(came.delivery, Outcome::Accepted).await;
        assert_eq!(settled, Ok(Outcome::Accepted));
        let again = receiver.settle(came.delivery, Outcome::Accepted).await;
        assert_eq!(again, Err(Failure::Settled));
    }
    let poison = sender.send(message(Bytes::from_static(b"poison")), 0).await.unwrap();
    assert!(matches!(poison, Outcome::Rejected(Some(error)) if error.condition == "test:poison"));
    sender.send(message(Bytes::from_static(b"x")), 0).await.unwrap();
    receiver.grant(1);
    let Event::Message(came) = receiver.next().await.unwrap() else { panic!("drained") };
    let lost = receiver.settle(came.delivery, Outcome::Released).await.unwrap();
    assert!(matches!(lost, Outcome::Rejected(Some(error)) if error.condition == "test:lost"));
    receiver.grant(5);
    receiver.drain();
    assert!(matches!(receiver.next().await.unwrap(), Event::Drained));
    assert!(receiver.try_next().is_none());

    let unknown = LinkOptions { target: performative::target("other"), ..node("unknown") };
    let refused = connection.sender(unknown).await.err().unwrap();
    assert!(
        matches!(&refused, Failure::Detached(e) if e.condition == "amqp:not-found"),
        "{refused}"
    );
    let small = LinkOptions { max_message_size: 1_000, ..node("small") };
    let mut small = connection.receiver(small).await.unwrap();
    sender.send(message(Bytes::from(vec![b'x'; 2_000])), 0).await.unwrap();
    small.grant(1);
    let large = small.next().await.unwrap_err();
    assert!(
        matches!(large, Failure::Detached(e) if e.condition == "amqp:link:message-size-exceeded")
    );
    sender.close().await;
    connection.close().await;
    assert!(receiver.next().await.is_err());
    assert!(connection.sender(node("late")).await.is_err());
}

/// A server that says these bytes, and then nothing.
fn says(bytes: &[u8]) -> (DuplexStream, DuplexStream) {
    let (client, mut server) = duplex(1 << 20);
    let bytes = bytes.to_vec();
    write_now(&mut server, &bytes);
    (client, server)
}

/// The pipe takes it all at once.
fn write_now(server: &mut DuplexStream, bytes: &[u8]) {
    let mut write = std::pin::pin!(server.write_all(bytes));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(write.as_mut().poll(&mut context).is_ready());
}

#[tokio::test]
async fn servers_that_are_none() {
    let unknown = b"AMQP\x03\x01\x00\x00\x00\x00\x00\x1c\x02\x01\x00\x00\x00\x53\x40\xc0\x0f\x01\xe0\x0c\x01\xa3\x09SCRAM-SHA";
    for bytes in [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], b"AMQP\x00\x00\x09\x01", unknown] {
        let (client, _server) = says(bytes);
        let opened = timeout(SOON, Connection::open(client, &options(SOON))).await.unwrap();
        assert!(matches!(opened, Err(Failure::NotAmqp(_))));
    }
    let (client, server) = says(MECHANISMS);
    drop(server);
    let opened = timeout(SOON, Connection::open(client, &options(SOON))).await.unwrap();
    assert!(matches!(opened, Err(Failure::Broken(_))));
    let denied = [MECHANISMS, b"\x00\x00\x00\x10\x02\x01\x00\x00\x00\x53\x44\xc0\x03\x01\x50\x01"];
    let (client, _server) = says(&denied.concat());
    let opened = timeout(SOON, Connection::open(client, &options(SOON))).await.unwrap();
    assert!(matches!(opened, Err(Failure::NotAuthenticated)));
}

#[tokio::test]
async fn a_server_that_falls_silent_is_given_up() {
    let (client, _server) = says(&[MECHANISMS, BEGUN].concat());
    let idle = Duration::from_millis(200);
    let connection = Connection::open(client, &options(idle)).await.unwrap();
    timeout(SOON, connection.closed()).await.unwrap();
    assert!(matches!(connection.ended(), Some(Failure::Broken(_))), "{:?}", connection.ended());
}

#[tokio::test]
async fn a_connection_that_is_dropped_closes() {
    let (client, mut server) = says(&[MECHANISMS, BEGUN].concat());
    drop(Connection::open(client, &options(SOON)).await.unwrap());
    let mut said = Vec::new();
    timeout(SOON, server.read_to_end(&mut said)).await.unwrap().unwrap();
    let close = [0, 0x53, 0x18];
    assert!(said.windows(3).any(|bytes| bytes == close), "{said:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever a server says, the client ends or waits; it does not panic, and drops nothing on
    /// the floor: who waits for an answer hears that there will be none.
    #[test]
    fn whatever_a_server_says(
        codes in prop::collection::vec((0x10u8..0x19, prop::collection::vec(any::<u8>(), 0..40)), 0..8),
        noise in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        let mut bytes = [MECHANISMS, BEGUN].concat();
        for (code, fields) in codes {
            let length = u8::try_from(fields.len()).unwrap();
            let size = 8 + 3 + 3 + u32::from(length);
            bytes.extend_from_slice(&size.to_be_bytes());
            bytes.extend_from_slice(&[2, 0, 0, 0, 0, 0x53, code, 0xc0, length + 1, length]);
            bytes.extend_from_slice(&fields);
        }
        bytes.extend_from_slice(&noise);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (client, server) = says(&bytes);
            let Ok(connection) = Connection::open(client, &options(SOON)).await else { return };
            let attaching = connection.clone();
            let attached = tokio::spawn(async move { attaching.sender(node("n")).await.is_ok() });
            tokio::task::yield_now().await;
            drop(server);
            timeout(SOON, connection.closed()).await.unwrap();
            let _ = timeout(SOON, attached).await.unwrap().unwrap();
        });
    }
}
