//! An AMQP 1.0 client that measures a server, and a server with nothing behind it.
//!
//! `messaging-peer serve` accepts whatever is sent, and prints its port.
//! `messaging-peer run HOST:PORT SEND RECEIVE MESSAGES [USER PASSWORD]` sends MESSAGES to SEND as
//! fast as they are accepted, with 1,000 on their way, and receives and settles them from RECEIVE
//! (`-` for nobody) at the same time; when all are received, it sends 1,000 a second for five seconds. It prints one
//! line of JSON: messages a second accepted and received, CPU of this process in µs a message, and
//! the paced ones' milliseconds from sent to accepted and from sent to received.

use fe2o3_amqp::acceptor::{ConnectionAcceptor, LinkAcceptor, LinkEndpoint, SessionAcceptor};
use fe2o3_amqp::connection::ConnectionHandle;
use fe2o3_amqp::link::CreditMode;
use fe2o3_amqp::sasl_profile::SaslProfile;
use fe2o3_amqp::session::SessionHandle;
use fe2o3_amqp::types::definitions::{ReceiverSettleMode, SenderSettleMode};
use fe2o3_amqp::types::messaging::{Data, Message, Outcome};
use fe2o3_amqp::types::primitives::Binary;
use fe2o3_amqp::{Connection, Receiver, Sender, Session};
use serde_json::json;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::Notify;

const ON_THEIR_WAY: usize = 1_000;
const BODY: usize = 256;
const PACE: usize = 1_000;
const PACED: usize = 5_000;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["serve"] => serve().await,
        ["run", at, send, receive, messages] => run(at, send, receive, messages, None).await,
        ["run", at, send, receive, messages, user, password] => {
            run(at, send, receive, messages, Some((user, password))).await;
        }
        _ => panic!("serve | run HOST:PORT SEND RECEIVE MESSAGES [USER PASSWORD]"),
    }
}

async fn serve() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap().port());
    let (stream, _) = listener.accept().await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut connection = ConnectionAcceptor::new("peer").accept(stream).await.unwrap();
    let mut session = SessionAcceptor::new().accept(&mut connection).await.unwrap();
    if let Ok(LinkEndpoint::Receiver(mut link)) = LinkAcceptor::new().accept(&mut session).await {
        while let Ok(delivery) = link.recv::<Data>().await {
            if link.accept(&delivery).await.is_err() {
                break;
            }
        }
    }
}

type Open = (ConnectionHandle<()>, SessionHandle<()>);

async fn open(at: &str, name: &str, key: Option<(&str, &str)>) -> Open {
    let builder = Connection::builder().container_id(name);
    let url = format!("amqp://{at}");
    let connection = match key {
        Some((user, password)) => {
            let (username, password) = (user.to_owned(), password.to_owned());
            let profile = SaslProfile::Plain { username, password };
            builder.sasl_profile(profile).open(url.as_str()).await
        }
        None => builder.open(url.as_str()).await,
    };
    let mut connection = connection.unwrap();
    let session = Session::begin(&mut connection).await.unwrap();
    (connection, session)
}

async fn run(at: &str, send: &str, receive: &str, messages: &str, key: Option<(&str, &str)>) {
    let messages: usize = messages.parse().unwrap();
    let base = Instant::now();
    let (_sends, mut session) = open(at, "sender", key).await;
    let mut sender = Sender::attach(&mut session, "sender", send).await.unwrap();
    let drained = Arc::new(Notify::new());
    let receiving = (receive != "-").then(|| {
        let drained = drained.clone();
        let (at, receive) = (at.to_owned(), receive.to_owned());
        let key = key.map(|(user, password)| (user.to_owned(), password.to_owned()));
        tokio::spawn(async move {
            let key = key.as_ref().map(|(user, password)| (user.as_str(), password.as_str()));
            received(&at, &receive, messages, key, (base, drained)).await
        })
    });
    // The receiver is there before the first message is.
    tokio::time::sleep(Duration::from_millis(300)).await;

    let (start, cpu) = (Instant::now(), cpu_seconds());
    let mut waiting = VecDeque::new();
    for _ in 0..messages {
        waiting.push_back(sender.send_batchable(message(base)).await.unwrap());
        if waiting.len() >= ON_THEIR_WAY {
            accepted(waiting.pop_front().unwrap().await.unwrap());
        }
    }
    for accept in waiting {
        accepted(accept.await.unwrap());
    }
    let accepted_in = start.elapsed().as_secs_f64();

    if receiving.is_some() {
        // Else the paced ones would wait behind what the receiver has not taken yet.
        drained.notified().await;
    }
    let mut to_accepted = Vec::with_capacity(PACED);
    let start_paced = Instant::now();
    let mut waiting = VecDeque::new();
    for number in 0..PACED {
        let due = start_paced + Duration::from_secs_f64(number as f64 / PACE as f64);
        tokio::time::sleep_until(due.into()).await;
        let sent = Instant::now();
        let accept = sender.send_batchable(message(base)).await.unwrap();
        waiting.push_back(tokio::spawn(async move {
            accepted(accept.await.unwrap());
            sent.elapsed().as_secs_f64() * 1e3
        }));
    }
    for accept in waiting {
        to_accepted.push(accept.await.unwrap());
    }
    let mut result = json!({
        "accepted_per_second": messages as f64 / accepted_in,
        "to_accepted_ms": percentiles(to_accepted),
    });
    if let Some(receiving) = receiving {
        let (last, to_received) = receiving.await.unwrap();
        result["received_per_second"] =
            json!(messages as f64 / last.duration_since(start).as_secs_f64());
        result["to_received_ms"] = percentiles(to_received);
    }
    let all = (messages + PACED) as f64;
    result["client_cpu_us"] = json!((cpu_seconds() - cpu) / all * 1e6);
    println!("{result}");
}

/// Receives and settles all messages; when the last unpaced one came, and how old the paced were.
async fn received(
    at: &str,
    from: &str,
    messages: usize,
    key: Option<(&str, &str)>,
    (base, drained): (Instant, Arc<Notify>),
) -> (Instant, Vec<f64>) {
    let (_connection, mut session) = open(at, "receiver", key).await;
    let mut receiver = Receiver::builder()
        .name("receiver")
        .source(from)
        .sender_settle_mode(SenderSettleMode::Unsettled)
        .receiver_settle_mode(ReceiverSettleMode::First)
        .credit_mode(CreditMode::Auto(1_000))
        .attach(&mut session)
        .await
        .unwrap();
    let mut last = base;
    let mut ages = Vec::with_capacity(PACED);
    for number in 0..messages + PACED {
        let delivery = receiver.recv::<Data>().await.unwrap();
        let sent = u64::from_be_bytes(delivery.body().0[..8].try_into().unwrap());
        if number < messages {
            last = Instant::now();
        } else {
            ages.push(base.elapsed().as_secs_f64() * 1e3 - sent as f64 / 1e6);
        }
        receiver.accept(&delivery).await.unwrap();
        if number + 1 == messages {
            drained.notify_one();
        }
    }
    // All is here; how the server ends a link is not what is measured.
    let _ = receiver.close().await;
    (last, ages)
}

fn message(base: Instant) -> Message<Data> {
    let mut body = vec![b'x'; BODY];
    let now = u64::try_from(base.elapsed().as_nanos()).unwrap();
    body[..8].copy_from_slice(&now.to_be_bytes());
    Message::builder().data(Binary::from(body)).build()
}

fn accepted(outcome: Outcome) {
    assert!(matches!(outcome, Outcome::Accepted(_)), "{outcome:?}");
}

fn percentiles(mut values: Vec<f64>) -> serde_json::Value {
    values.sort_by(f64::total_cmp);
    json!({"p50": values[values.len() / 2], "p99": values[values.len() * 99 / 100]})
}

/// CPU seconds of this process so far.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let fields = after_name.split_whitespace().skip(11).take(2);
    fields.filter_map(|field| field.parse::<f64>().ok()).sum::<f64>() / 100.0
}
