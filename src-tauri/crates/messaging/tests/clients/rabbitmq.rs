//! RabbitMQ with its AMQP 1.0 plugin, of our own: on free ports, in a temporary folder.

use crate::served::RETRY;
use messaging::client::{
    Code, Endpoint, ReceiveMode, ReceivedMessage, Retry, ServiceBusClient, ServiceBusMessage,
    Settlement, Value,
};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Debian's place; the program in /usr/sbin insists on a user of its own.
const PROGRAM: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";
const NOW: Duration = Duration::from_millis(500);
const WAIT: Duration = Duration::from_secs(20);

struct RabbitMq {
    child: Child,
    port: u16,
    /// Where Erlang's nodes find each other; a daemon that outlives the server.
    names: u16,
    folder: tempfile::TempDir,
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl RabbitMq {
    /// `None` where it is not installed.
    async fn start() -> Option<Self> {
        if !Path::new(PROGRAM).exists() {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let (port, names) = (free_port(), free_port());
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("plugins"), "[rabbitmq_amqp1_0].").unwrap();
        let settings =
            format!("listeners.tcp.1 = 127.0.0.1:{port}\nlog.file = false\nlog.console = true\n");
        std::fs::write(at("rabbitmq.conf"), settings).unwrap();
        let log = std::fs::File::create(at("log")).unwrap();
        let child = Command::new(PROGRAM)
            .env("HOME", folder.path())
            .env("RABBITMQ_NODENAME", format!("twinscope-{port}@localhost"))
            .env("RABBITMQ_DIST_PORT", free_port().to_string())
            .env("RABBITMQ_MNESIA_BASE", at("mnesia"))
            .env("RABBITMQ_LOG_BASE", at("logs"))
            .env("RABBITMQ_PID_FILE", at("pid"))
            .env("RABBITMQ_CONFIG_FILE", at("rabbitmq.conf"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", at("plugins"))
            .env("RABBITMQ_CONF_ENV_FILE", "/dev/null")
            .env("ERL_EPMD_PORT", names.to_string())
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .process_group(0)
            .spawn()
            .unwrap();
        let mut server = Self { child, port, names, folder };
        // It starts in 4 seconds of CPU, which is long on a busy machine.
        for _ in 0..2_400 {
            if tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
                return Some(server);
            }
            if server.child.try_wait().unwrap().is_some() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let log = std::fs::read_to_string(server.folder.path().join("log")).unwrap();
        panic!("RabbitMQ does not listen: {log}");
    }

    fn client(&self, password: &str, retry: Retry) -> ServiceBusClient {
        let url = format!("amqp://guest:{password}@127.0.0.1:{}", self.port);
        ServiceBusClient::new(Endpoint::parse(&url).unwrap(), retry)
    }
}

impl Drop for RabbitMq {
    fn drop(&mut self) {
        let group = format!("-{}", self.child.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = self.child.wait();
        // It refuses as long as it has not noticed that the server is gone.
        for _ in 0..100 {
            let mut names = Command::new("epmd");
            names.args(["-port", &self.names.to_string(), "-kill"]);
            let ended = names.stdout(Stdio::null()).stderr(Stdio::null()).status();
            if ended.map_or(true, |status| status.success()) {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn bodies(received: &[ReceivedMessage]) -> Vec<&str> {
    received.iter().map(|r| std::str::from_utf8(r.message.body.data()).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn our_client_works_with_rabbitmq() {
    let Some(broker) = RabbitMq::start().await else {
        eprintln!("skipped: rabbitmq-server is not installed");
        return;
    };
    let client = broker.client("guest", RETRY);
    let sender = client.sender(Some("/queue/orders")).unwrap();
    let mut first = ServiceBusMessage::new("one");
    first.message_id = Some("m1".into());
    first.subject = Some("thermostat".into());
    first.properties.insert("room".into(), Value::String("Room_11".into()));
    sender.send(&first).await.unwrap();
    // Larger than a frame, so in parts.
    let large = "x".repeat(300_000);
    sender.send(&ServiceBusMessage::new(large.clone())).await.unwrap();
    let rest = (0..100).map(|n| ServiceBusMessage::new(format!("m{n:03}")));
    let rest: Vec<_> = rest.collect();
    futures::future::try_join_all(rest.iter().map(|message| sender.send(message))).await.unwrap();

    let mut receiver = client.receiver(Some("/queue/orders"), ReceiveMode::PeekLock).unwrap();
    let got = receiver.receive(2, WAIT).await.unwrap();
    assert_eq!(bodies(&got), ["one", &large]);
    assert_eq!(got[0].message.message_id.as_deref(), Some("m1"));
    assert_eq!(got[0].message.subject.as_deref(), Some("thermostat"));
    assert_eq!(got[0].message.properties["room"], Value::String("Room_11".into()));
    receiver.settle(&got[0], Settlement::Complete).await.unwrap();
    receiver.settle(&got[1], Settlement::Abandon(Vec::new())).await.unwrap();
    let again = receiver.receive(1, WAIT).await.unwrap();
    assert_eq!(bodies(&again), [&large], "what was abandoned comes again");
    receiver.settle(&again[0], Settlement::Complete).await.unwrap();
    let mut all = Vec::new();
    while all.len() < 100 {
        let more = receiver.receive(40, WAIT).await.unwrap();
        assert!(!more.is_empty(), "only {} of 100", all.len());
        for message in &more {
            receiver.settle(message, Settlement::Complete).await.unwrap();
        }
        all.extend(bodies(&more).into_iter().map(str::to_owned));
    }
    // Sent all at once, so in no order.
    all.sort_unstable();
    assert_eq!(all, (0..100).map(|n| format!("m{n:03}")).collect::<Vec<_>>());
    assert_eq!(receiver.receive(1, NOW).await.unwrap(), []);
    receiver.close().await;

    sender.send(&ServiceBusMessage::new("deleted")).await.unwrap();
    let mode = ReceiveMode::ReceiveAndDelete;
    let mut receiver = client.receiver(Some("/queue/orders"), mode).unwrap();
    assert_eq!(bodies(&receiver.receive(1, WAIT).await.unwrap()), ["deleted"]);
    receiver.close().await;

    let once = Retry { attempts: 1, ..RETRY };
    let wrong = broker.client("geheim", once).sender(Some("/queue/orders")).unwrap();
    let refused = wrong.send(&first).await.unwrap_err();
    assert_eq!(refused.code, Code::Unauthorized, "{refused}");
    assert!(!format!("{refused} {refused:?}").contains("geheim"));
    let unknown = client.receiver(Some("/amq/queue/nothing"), ReceiveMode::PeekLock).unwrap();
    let mut unknown = unknown;
    let missing = unknown.receive(1, WAIT).await.unwrap_err();
    assert_eq!(missing.code, Code::NotFound, "{missing}");
}
