use crate::served::{RETRY, Served};
use async_trait::async_trait;
use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use azure_core::time::{Duration as AzureDuration, OffsetDateTime};
use messaging::client::{
    Access, Body, ClientError, Code, Endpoint, EventData, EventHubClient, FileCheckpoints, Owner,
    ReceiveOptions, Retry, StartPosition, Target, Trust, Value, WebSockets,
};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

const SOON: Duration = Duration::from_millis(300);
const WAIT: Duration = Duration::from_secs(20);

async fn served() -> Served {
    let hub = json!({"partitions": 2, "consumerGroups": ["dashboard"]});
    Served::start(json!({"eventHubs": {"telemetry": hub}})).await
}

fn client(endpoint: Endpoint) -> EventHubClient {
    EventHubClient::new(endpoint, None, RETRY).unwrap()
}

fn partition(id: &str) -> Target {
    Target::Partition(id.into())
}

async fn send(client: &EventHubClient, bodies: &[&str]) {
    for body in bodies {
        let event = EventData::new(body.as_bytes().to_vec());
        client.send(&event, &partition("0")).await.unwrap();
    }
}

/// The bodies of what comes, until nothing more does.
async fn received(client: &EventHubClient, from: StartPosition) -> Vec<String> {
    let mut receiver = client.receive(ReceiveOptions::new("0", from));
    let mut bodies = Vec::new();
    while let Some(event) = receiver.next_within(SOON).await.unwrap() {
        bodies.push(String::from_utf8_lossy(event.data.body.data()).into_owned());
    }
    bodies
}

#[tokio::test(flavor = "multi_thread")]
async fn over_every_transport() {
    let served = served().await;
    for (n, endpoint) in served.ways("telemetry").into_iter().enumerate() {
        let client = client(endpoint);
        let hub = client.properties().await.unwrap();
        assert_eq!(
            (hub.name.as_str(), hub.partitions),
            ("telemetry", vec!["0".into(), "1".into()])
        );
        let mut event = EventData::new(format!("event {n}"));
        event.properties.insert("room".into(), Value::String("Room_11".into()));
        event.content_type = Some("text/plain".into());
        event.message_id = Some(format!("m{n}"));
        client.send(&event, &partition("0")).await.unwrap();
        let from = StartPosition::SequenceNumber { number: n as i64, inclusive: true };
        let mut receiver = client.receive(ReceiveOptions::new("0", from));
        let came = receiver.next_within(WAIT).await.unwrap().unwrap();
        assert_eq!((came.sequence_number, &came.data), (n as i64, &event));
        // More than a frame and more than a window of WebSockets: in parts, both ways.
        let large = EventData::new(vec![b'x'; 900_000]);
        client.send(&large, &partition("1")).await.unwrap();
        let from = StartPosition::SequenceNumber { number: n as i64, inclusive: true };
        let mut receiver = client.receive(ReceiveOptions::new("1", from));
        assert_eq!(receiver.next_within(WAIT).await.unwrap().unwrap().data, large);
        client.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_keep_to_their_size_and_their_key() {
    let served = served().await;
    let client = client(served.endpoint("telemetry"));
    let mut batch = client.batch(Target::Key("room 11".into())).await.unwrap();
    let event = EventData::new(vec![b'x'; 10_000]);
    let taken = (0..1_000).take_while(|_| batch.add(&event)).count();
    assert!((90..=105).contains(&taken), "{taken} events of 10 kB in a batch of 1 MiB");
    client.send_batch(&batch).await.unwrap();
    client.send(&event, &Target::Key("room 11".into())).await.unwrap();
    let mut counts = Vec::new();
    for id in ["0", "1"] {
        let properties = client.partition_properties(id).await.unwrap();
        assert_eq!(properties.is_empty, properties.last_sequence_number == -1);
        counts.push(properties.last_sequence_number + 1);
    }
    counts.sort_unstable();
    assert_eq!(counts, [0, taken as i64 + 1], "one key, one partition");
    let id = if client.partition_properties("0").await.unwrap().is_empty { "1" } else { "0" };
    let mut receiver = client.receive(ReceiveOptions::new(id, StartPosition::Earliest));
    for n in 0..=taken {
        let event = receiver.next_within(WAIT).await.unwrap().unwrap();
        let key = event.partition_key.as_deref();
        assert_eq!((event.sequence_number, key), (n as i64, Some("room 11")));
    }
    let large = EventData::new(vec![b'x'; 1_100_000]);
    assert_eq!(client.send(&large, &Target::Any).await.unwrap_err().code, Code::TooLarge);
    let empty = client.batch(Target::Any).await.unwrap();
    client.send_batch(&empty).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn from_each_position_of_each_group() {
    let served = served().await;
    let client = client(served.endpoint("telemetry"));
    send(&client, &["one", "two"]).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    let before = jiff::Timestamp::now().as_millisecond();
    tokio::time::sleep(Duration::from_millis(20)).await;
    send(&client, &["three"]).await;
    let first = ReceiveOptions::new("0", StartPosition::Earliest);
    let mut receiver = client.receive(ReceiveOptions { group: "dashboard".into(), ..first });
    let one = receiver.next_within(WAIT).await.unwrap().unwrap();
    let offset = |inclusive| StartPosition::Offset { offset: one.offset.clone(), inclusive };
    let number = |number, inclusive| StartPosition::SequenceNumber { number, inclusive };
    let cases = [
        (StartPosition::Earliest, vec!["one", "two", "three"]),
        (StartPosition::Latest, vec![]),
        (offset(false), vec!["two", "three"]),
        (offset(true), vec!["one", "two", "three"]),
        (number(1, false), vec!["three"]),
        (number(1, true), vec!["two", "three"]),
        (StartPosition::EnqueuedAfter(before), vec!["three"]),
    ];
    for (from, expected) in cases {
        assert_eq!(received(&client, from.clone()).await, expected, "{from:?}");
    }
    let unknown = ReceiveOptions::new("0", StartPosition::Earliest);
    let mut unknown = client.receive(ReceiveOptions { group: "nobody".into(), ..unknown });
    assert_eq!(unknown.next().await.unwrap_err().code, Code::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_higher_level_displaces_a_lower_one() {
    let served = served().await;
    let client = client(served.endpoint("telemetry"));
    let level = |level| {
        let options = ReceiveOptions::new("0", StartPosition::Earliest);
        client.receive(ReceiveOptions { owner: Owner::Level(level), ..options })
    };
    send(&client, &["one"]).await;
    let mut first = level(1);
    first.next_within(WAIT).await.unwrap().unwrap();
    let mut second = level(2);
    second.next_within(WAIT).await.unwrap().unwrap();
    let error = first.next().await.unwrap_err();
    assert_eq!(error.code, Code::Displaced, "{error}");
    assert!(error.to_string().contains("telemetry/ConsumerGroups/$Default/Partitions/0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_of_the_server_loses_and_doubles_nothing() {
    let mut served = served().await;
    let client = client(served.secure("telemetry"));
    send(&client, &["one", "two"]).await;
    let mut receiver = client.receive(ReceiveOptions::new("0", StartPosition::Earliest));
    for expected in ["one", "two"] {
        let event = receiver.next_within(WAIT).await.unwrap().unwrap();
        assert_eq!(event.data.body, Body::from(expected));
    }
    let waiting = tokio::spawn(async move { receiver.next().await });
    served.stop().await;
    let sending = {
        let client = client.clone();
        tokio::spawn(async move { send(&client, &["three"]).await })
    };
    tokio::time::sleep(Duration::from_millis(100)).await;
    served.listen().await;
    sending.await.unwrap();
    assert_eq!(waiting.await.unwrap().unwrap().data.body, Body::from("three"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_goes_on_after_its_checkpoint() {
    let served = served().await;
    let client = client(served.endpoint("telemetry"));
    send(&client, &["one", "two", "three"]).await;
    let folder = tempfile::tempdir().unwrap();
    let store = FileCheckpoints::new(folder.path().join("checkpoints.json"));
    let options = ReceiveOptions::new("0", StartPosition::Earliest);
    let mut receiver = client.resume(&store, options.clone()).await.unwrap();
    let one = receiver.next_within(WAIT).await.unwrap().unwrap();
    receiver.next_within(WAIT).await.unwrap().unwrap();
    receiver.checkpoint(&store, &one).await.unwrap();
    let mut receiver = client.resume(&store, options).await.unwrap();
    assert_eq!(receiver.next_within(WAIT).await.unwrap().unwrap().sequence_number, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_says_why_and_no_secret() {
    let served = served().await;
    let event = EventData::new("x");
    let good = served.endpoint("telemetry");
    let key =
        |key: &str| Access::Key { policy: "RootManageSharedAccessKey".into(), key: key.to_owned() };
    let with = |access| Endpoint { access, ..good.clone() };
    let port = |port| Endpoint { port: Some(port), ..good.clone() };
    let hub = |hub: &str| Endpoint { entity: Some(hub.into()), ..good.clone() };
    let secure = served.secure("telemetry");
    let cases = [
        (with(key("geheim")), Code::Unauthorized),
        (with(Access::Signature(served.signature("other", 60))), Code::Unauthorized),
        (with(Access::Signature("geheim".into())), Code::Settings),
        (hub("nothing"), Code::NotFound),
        (port(1), Code::Unreachable),
        (secure.clone().trusting(Trust::System), Code::Untrusted),
        (secure.clone().trusting(Trust::Pem("geheim".into())), Code::Settings),
        (Endpoint { host: "127.0.0.1".into(), ..secure }, Code::Untrusted),
    ];
    for (endpoint, code) in cases {
        let retry = Retry { attempts: 1, ..RETRY };
        let client = EventHubClient::new(endpoint, None, retry).unwrap();
        let error: ClientError = client.send(&event, &Target::Any).await.unwrap_err();
        assert_eq!(error.code, code, "{error}");
        assert!(!format!("{error} {error:?}").contains("geheim"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_that_expires_ends_its_links() {
    let served = served().await;
    let signature = served.signature("telemetry", 2);
    let access = Access::Signature(signature);
    let client = client(Endpoint { access, ..served.endpoint("telemetry") });
    let mut receiver = client.receive(ReceiveOptions::new("0", StartPosition::Earliest));
    let error = receiver.next_within(WAIT).await.unwrap_err();
    assert_eq!(error.code, Code::Unauthorized, "{error}");
}

/// An identity whose tokens the embedded namespace takes: those of its own key.
#[derive(Debug)]
struct Identity(String);

#[async_trait]
impl TokenCredential for Identity {
    async fn get_token(
        &self,
        scopes: &[&str],
        _options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        assert_eq!(scopes, ["https://eventhubs.azure.net/.default"]);
        let expires = OffsetDateTime::now_utc() + AzureDuration::hours(1);
        Ok(AccessToken::new(self.0.clone(), expires))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identity_brings_its_own_token() {
    let served = served().await;
    let identity = Arc::new(Identity(served.signature("telemetry", 60)));
    let endpoint = Endpoint {
        port: Some(served.port),
        entity: Some("telemetry".into()),
        ..Endpoint::with_identity("localhost", identity)
    };
    let trust = Trust::Pem(served.pem.clone());
    let client = client(endpoint.trusting(trust).over(WebSockets::Always));
    send(&client, &["by identity"]).await;
    assert_eq!(received(&client, StartPosition::Earliest).await, ["by identity"]);
}
