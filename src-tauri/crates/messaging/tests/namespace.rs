//! What strangers and bad luck do to a namespace: the protocol's own error, bounded memory, and
//! the others go on.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

#[path = "support/disk.rs"]
mod disk;
#[path = "support/raw.rs"]
mod raw;

use amqp::performative::Performative;
use amqp::{Error, Outcome, Role, condition, frame};
use messaging::namespace::{Declared, ListenOptions, Listening, Namespace};
use messaging::sas::{ConnectionString, Key, sign};
use raw::Raw;
use serde_json::json;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const PARTITION: &str = "telemetry/ConsumerGroups/$Default/Partitions/0";

/// A namespace that listens, and a disk that can be full.
struct Served {
    namespace: Namespace,
    _listening: Listening,
    port: u16,
    policy: String,
    key: String,
    full: Arc<AtomicBool>,
    _folder: tempfile::TempDir,
}

impl Served {
    async fn start() -> Self {
        Self::with_room(5_000).await
    }

    async fn with_room(most_connections: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (journal, full) = disk::journal(folder.path());
        let namespace = Namespace::open(&journal, "secret").unwrap();
        let declared: Declared = serde_json::from_value(json!({
            "eventHubs": {"telemetry": {"partitions": 1}},
            "queues": {"orders": {}},
            "topics": {"news": {"subscriptions": {"all": {}}}},
        }))
        .unwrap();
        namespace.declare(&declared).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let options = ListenOptions { most_connections, ..ListenOptions::default() };
        let listening = namespace.listen(listener, options).unwrap();
        let port = listening.port;
        let string = namespace.connection_string("telemetry", "localhost", port);
        let string = ConnectionString::parse(&string).unwrap();
        let (policy, key) = (string.policy.unwrap(), string.key.unwrap());
        Self { namespace, _listening: listening, port, policy, key, full, _folder: folder }
    }

    async fn client(&self) -> Raw {
        Raw::with_key(self.port, &self.policy, &self.key).await.unwrap()
    }

    fn token(&self, path: &str, seconds: i64) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let expires = now.saturating_add_signed(seconds);
        sign(&format!("sb://localhost/{path}"), Some(&self.policy), &Key::plain(&self.key), expires)
    }

    /// Somebody else sends and receives, quickly.
    async fn others_go_on(&self) {
        let begun = Instant::now();
        let mut other = self.client().await;
        other.attach(1, Role::Sender, "telemetry").await.unwrap();
        assert_eq!(other.send(1, "still here").await, Outcome::Accepted);
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    }

    fn refused(&self, reason: &str) -> u64 {
        self.namespace.traffic().counts().rejections.get(reason).copied().unwrap_or_default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_to_what_is_not_there_ends_and_the_connection_goes_on() {
    let served = Served::start().await;
    let mut client = served.client().await;
    for (handle, (role, address, expected)) in (0..).zip([
        (Role::Sender, "nothing", condition::NOT_FOUND),
        (Role::Receiver, "nothing", condition::NOT_FOUND),
        (Role::Receiver, "news/Subscriptions/none", condition::NOT_FOUND),
        (Role::Receiver, "news", condition::NOT_ALLOWED),
        (Role::Receiver, "telemetry", condition::NOT_FOUND),
        (Role::Receiver, "telemetry/ConsumerGroups/none/Partitions/0", condition::NOT_FOUND),
        (Role::Sender, "telemetry/Partitions/9", "com.microsoft:argument-out-of-range"),
        (Role::Sender, "", condition::NOT_FOUND),
        (Role::Sender, &"x".repeat(20_000), condition::NOT_FOUND),
    ]) {
        let refused = client.attach(handle, role, address).await.unwrap_err();
        assert_eq!(refused.condition, expected, "{address:.40}: {refused}");
    }
    client.attach(50, Role::Sender, "telemetry").await.unwrap();
    assert_eq!(client.send(50, "well").await, Outcome::Accepted);
    assert!(served.refused(condition::NOT_FOUND) >= 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_that_cannot_be_end_their_connection_only() {
    let served = Served::start().await;
    let oversized = [0, 0x10, 0, 0, 2, 0, 0, 0];
    let short = [0, 0, 0, 3, 2, 0, 0, 0];
    let kind = [0, 0, 0, 8, 2, 9, 0, 0];
    let garbage = [0, 0, 0, 12, 2, 0, 0, 0, 0xff, 0xff, 0xff, 0xff];
    for (bytes, expected) in [
        (&oversized[..], condition::FRAMING_ERROR),
        (&short, condition::FRAMING_ERROR),
        (&kind, condition::FRAMING_ERROR),
        (&garbage, condition::DECODE_ERROR),
    ] {
        let mut client = served.client().await;
        client.stream.write_all(bytes).await.unwrap();
        let error: Error = client
            .until(|said, _| match said {
                Performative::Close(error) => error.clone(),
                _ => None,
            })
            .await;
        assert_eq!(error.condition, expected, "{bytes:?}");
        assert!(client.hear().await.is_none(), "it closes");
    }
    // What speaks something else is told what is spoken here.
    let mut stranger = tokio::net::TcpStream::connect(("127.0.0.1", served.port)).await.unwrap();
    stranger.write_all(b"SSH-2.0-stranger\r\n").await.unwrap();
    let mut answer = Vec::new();
    stranger.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer, b"AMQP\x00\x01\x00\x00");
    served.others_go_on().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_is_too_large_ends_its_link_only() {
    let served = Served::start().await;
    let mut client = served.client().await;
    client.attach(0, Role::Sender, "orders").await.unwrap();
    client.attach(1, Role::Sender, "telemetry").await.unwrap();
    let part = vec![b'x'; 60_000];
    for _ in 0..18 {
        client.transfer(0, &part, true).await;
    }
    let error = client.detached(0).await;
    assert_eq!(error.condition, condition::MESSAGE_SIZE_EXCEEDED);
    // A message that is none is refused, and the link stays.
    let delivery = client.transfer(1, b"no message", false).await;
    let refused = client.outcome(delivery).await;
    assert!(matches!(refused, Outcome::Rejected(Some(_))), "{refused:?}");
    assert_eq!(client.send(1, "a message").await, Outcome::Accepted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_and_expired_tokens_open_nothing() {
    let served = Served::start().await;
    assert_eq!(Raw::with_key(served.port, &served.policy, "wrong").await.err(), Some(1));
    let mut client = Raw::connect(served.port).await;
    let refused = client.attach(0, Role::Sender, "telemetry").await.unwrap_err();
    assert_eq!(refused.condition, condition::UNAUTHORIZED_ACCESS);
    let resource = "sb://localhost/telemetry";
    let good = served.token("telemetry", 60);
    let forged = sign(resource, Some(&served.policy), &Key::plain("wrong"), 4_000_000_000);
    for (token, status) in [
        (served.token("telemetry", -10), 401),
        (served.token("orders", 60), 401),
        (forged, 401),
        ("no token".to_owned(), 401),
        (good, 202),
    ] {
        assert_eq!(client.put_token(resource, &token).await, status, "{token:.60}");
    }
    client.attach(2, Role::Sender, "telemetry").await.unwrap();
    assert_eq!(client.send(2, "with a token").await, Outcome::Accepted);
    let refused = client.attach(3, Role::Sender, "orders").await.unwrap_err();
    assert_eq!(refused.condition, condition::UNAUTHORIZED_ACCESS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_expires_ends_its_links_and_no_others() {
    let served = Served::start().await;
    let mut client = Raw::connect(served.port).await;
    let put = client.put_token("sb://localhost/orders", &served.token("orders", 600)).await;
    assert_eq!(put, 202);
    let put = client.put_token("sb://localhost/telemetry", &served.token("telemetry", 2)).await;
    assert_eq!(put, 202);
    client.attach(0, Role::Sender, "orders").await.unwrap();
    client.attach(1, Role::Sender, "telemetry").await.unwrap();
    let error = client.detached(1).await;
    assert_eq!(error.condition, condition::UNAUTHORIZED_ACCESS);
    assert!(error.description.contains("ExpiredToken"), "{error}");
    assert_eq!(client.send(0, "on another token").await, Outcome::Accepted);
    // A token that is put again in time keeps its links.
    let put = client.put_token("sb://localhost/telemetry", &served.token("telemetry", 60)).await;
    assert_eq!(put, 202);
    client.attach(2, Role::Sender, "telemetry").await.unwrap();
    assert_eq!(client.send(2, "again").await, Outcome::Accepted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_grants_no_credit_or_reads_nothing_holds_nobody_up() {
    let served = Served::start().await;
    let mut silent = served.client().await;
    silent.attach(0, Role::Receiver, PARTITION).await.unwrap();
    silent.attach(1, Role::Receiver, "orders").await.unwrap();
    let mut deaf = served.client().await;
    deaf.attach(0, Role::Receiver, PARTITION).await.unwrap();
    deaf.grant(0, 1_000_000).await;
    let mut busy = served.client().await;
    busy.attach(0, Role::Sender, "telemetry").await.unwrap();
    busy.attach(1, Role::Sender, "orders").await.unwrap();
    let large = "x".repeat(50_000);
    let mut last = 0;
    for _ in 0..500 {
        last = busy.transfer(0, &raw::message(&large), false).await;
    }
    assert_eq!(busy.outcome(last).await, Outcome::Accepted);
    assert_eq!(busy.send(1, "an order").await, Outcome::Accepted);
    // Nothing came to the one without credit; with credit it all does.
    silent.grant(1, 1).await;
    assert_eq!(silent.receive().await.1, "an order");
    let counts = served.namespace.traffic().counts();
    // What waits for the deaf one is bounded: 256 KiB queued, and what the sockets hold.
    assert!(counts.messages_out < 450, "{counts:?}");
    served.others_go_on().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_never_settles_holds_what_it_may_and_its_locks_run_out_with_it() {
    let served = Served::start().await;
    let mut sender = served.client().await;
    sender.attach(0, Role::Sender, "orders").await.unwrap();
    let mut last = 0;
    for number in 0..5_300 {
        last = sender.transfer(0, &raw::message(&number.to_string()), false).await;
        // The link's credit.
        if number % 500 == 499 {
            assert_eq!(sender.outcome(last).await, Outcome::Accepted);
        }
    }
    assert_eq!(sender.outcome(last).await, Outcome::Accepted);
    let mut hoarder = served.client().await;
    hoarder.attach(0, Role::Receiver, "orders").await.unwrap();
    hoarder.grant(0, 1_000_000).await;
    let mut first = None;
    for number in 0..5_000 {
        let (delivery, body) = hoarder.receive().await;
        assert_eq!(body, number.to_string());
        first.get_or_insert(delivery);
    }
    // A hundred more may be on their way: what was taken together is sent together.
    let mut other = served.client().await;
    other.attach(0, Role::Receiver, "orders").await.unwrap();
    other.grant(0, 1).await;
    let (delivery, body) = other.receive().await;
    assert!((5_000..=5_100).contains(&body.parse::<u32>().unwrap()), "{body}");
    assert_eq!(other.settle(delivery, Outcome::Accepted).await, Outcome::Accepted);
    // The first that it settles makes room for more.
    let settled = hoarder.settle(first.unwrap(), Outcome::Accepted).await;
    assert_eq!(settled, Outcome::Accepted);
    let status = served.namespace.service_bus().1;
    assert_eq!(status.iter().find(|s| s.path == "orders").unwrap().counts.active, 5_298);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_what_it_cannot_keep_and_nothing_else() {
    let served = Served::start().await;
    let mut client = served.client().await;
    client.attach(0, Role::Sender, "telemetry").await.unwrap();
    client.attach(1, Role::Sender, "orders").await.unwrap();
    assert_eq!(client.send(0, "before").await, Outcome::Accepted);
    assert_eq!(client.send(1, "an order").await, Outcome::Accepted);
    let mut receiver = served.client().await;
    receiver.attach(0, Role::Receiver, "orders").await.unwrap();
    receiver.grant(0, 5).await;
    let (delivery, body) = receiver.receive().await;
    assert_eq!(body, "an order");

    served.full.store(true, SeqCst);
    for handle in [0, 1] {
        match client.send(handle, "too much").await {
            Outcome::Rejected(Some(error)) => {
                assert_eq!(error.condition, condition::RESOURCE_LIMIT_EXCEEDED, "{error}");
            }
            other => panic!("{other:?}"),
        }
    }
    let settled = receiver.settle(delivery, Outcome::Accepted).await;
    assert!(matches!(settled, Outcome::Rejected(Some(_))), "{settled:?}");
    // Reading goes on.
    let mut reader = served.client().await;
    reader.attach(0, Role::Receiver, PARTITION).await.unwrap();
    reader.grant(0, 5).await;
    assert_eq!(reader.receive().await.1, "before");
    assert!(served.refused(condition::RESOURCE_LIMIT_EXCEEDED) >= 2);

    served.full.store(false, SeqCst);
    assert_eq!(client.send(0, "after").await, Outcome::Accepted);
    assert_eq!(reader.receive().await.1, "after");
    // What was refused left no trace: the order is still there, once.
    let orders = || {
        let status = served.namespace.service_bus().1;
        status.iter().find(|s| s.path == "orders").unwrap().counts.active
    };
    assert_eq!(orders(), 1);
}

/// Opens `count` connections that stay idle, and looks that one more client is served.
async fn idle_connections(served: &Served, count: usize) -> Vec<Raw> {
    let mut open = Vec::with_capacity(count);
    for _ in 0..count.div_ceil(100) {
        let connecting = (0..100.min(count - open.len())).map(|_| Raw::connect(served.port));
        open.extend(futures::future::join_all(connecting).await);
    }
    assert_eq!(served.namespace.traffic().counts().connections_open, count as u64);
    served.others_go_on().await;
    while served.namespace.traffic().counts().connections_open > count as u64 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    open
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_connection_that_is_one_too_many_is_told_so() {
    let served = Served::with_room(301).await;
    let _open = idle_connections(&served, 300).await;
    let _last = served.client().await;
    let mut refused = Raw::connect(served.port).await;
    let error = refused
        .until(|said, _| match said {
            Performative::Close(error) => error.clone(),
            _ => None,
        })
        .await;
    assert_eq!(error.condition, condition::RESOURCE_LIMIT_EXCEEDED);
    assert!(error.description.contains("ConnectionsQuotaExceeded"), "{error}");
    assert!(served.refused(condition::RESOURCE_LIMIT_EXCEEDED) >= 1);
}

const CLIENTS: &str = "TWINSCOPE_TEN_THOUSAND_CLIENTS";

/// `cargo test -p messaging --test namespace ten_thousand -- --ignored --nocapture`. The clients
/// are in a process of their own: each end is an open file.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a long one, run by name"]
async fn ten_thousand_connections() {
    let most = rlimit::increase_nofile_limit(u64::MAX).unwrap();
    if let Ok(port) = std::env::var(CLIENTS) {
        return clients_until_told(port.parse().unwrap()).await;
    }
    assert!(most > 10_200, "this system lets a process open {most} files only");
    let served = Served::with_room(10_100).await;
    let (before, begun) = (resident(), Instant::now());
    let mut clients = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "ten_thousand_connections", "--ignored", "--nocapture"])
        .env(CLIENTS, served.port.to_string())
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    while served.namespace.traffic().counts().connections < 10_000 {
        assert!(
            begun.elapsed() < Duration::from_secs(300),
            "{:?}",
            served.namespace.traffic().counts()
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    served.others_go_on().await;
    let open = served.namespace.traffic().counts().connections_open;
    assert!(open >= 10_000, "{open} are open");
    let each = (resident() - before) / 10_000;
    println!("10,000 connections in {:.1} s, {each} bytes each", begun.elapsed().as_secs_f64());
    drop(clients.stdin.take());
    clients.wait().unwrap();
    served.others_go_on().await;
}

async fn clients_until_told(port: u16) {
    let mut open = Vec::with_capacity(10_000);
    while open.len() < 10_000 {
        open.extend(futures::future::join_all((0..100).map(|_| Raw::connect(port))).await);
    }
    // Until the server's end closes it.
    let told = tokio::task::spawn_blocking(|| std::io::stdin().read(&mut [0]));
    let _ = told.await;
}

fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1_024
}

/// The corpus of the AMQP engine's fuzz target, thrown at a whole server.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fuzzing_found_does_not_disturb_a_server() {
    let served = Served::start().await;
    let folder =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../amqp/fuzz/corpus/frames");
    for entry in std::fs::read_dir(folder).unwrap() {
        let input = std::fs::read(entry.unwrap().path()).unwrap();
        let mut client = served.client().await;
        client.attach(0, Role::Sender, "telemetry").await.unwrap();
        client.attach(1, Role::Receiver, PARTITION).await.unwrap();
        client.grant(1, 100).await;
        // It may have ended the connection before the last byte.
        let _ = client.stream.write_all(&input[1..]).await;
        let mut sign_of_life = bytes::BytesMut::new();
        frame::write(&mut sign_of_life, frame::Kind::Amqp, 0, |_| {});
        let _ = client.stream.write_all(&sign_of_life).await;
    }
    served.others_go_on().await;
}
