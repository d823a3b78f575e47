use crate::served::{RETRY, Served};
use messaging::client::{
    Code, MessageReceiver, MessageState, ReceiveMode, ReceivedMessage, ServiceBusClient,
    ServiceBusMessage, Session, Settlement, SubQueue, Value,
};
use serde_json::json;
use std::time::Duration;

const NOW: Duration = Duration::from_millis(300);
const WAIT: Duration = Duration::from_secs(20);

async fn served() -> Served {
    Served::start(json!({
        "queues": {
            "orders": {},
            "quick": {"lockSeconds": 1},
            "rooms": {"requiresSession": true},
        },
        "topics": {"twins": {"subscriptions": {
            "all": {},
            "warm": {"rules": {"warm": {"sql": "temperature > 25"}}},
        }}},
    }))
    .await
}

fn client(served: &Served) -> ServiceBusClient {
    ServiceBusClient::new(served.endpoint("orders"), RETRY)
}

fn message(body: &str) -> ServiceBusMessage {
    ServiceBusMessage::new(body.as_bytes().to_vec())
}

fn receiver(client: &ServiceBusClient, entity: &str) -> MessageReceiver {
    client.receiver(Some(entity), ReceiveMode::PeekLock).unwrap()
}

async fn send(client: &ServiceBusClient, entity: &str, bodies: &[&str]) {
    let messages: Vec<_> = bodies.iter().map(|body| message(body)).collect();
    client.sender(Some(entity)).unwrap().send_all(&messages).await.unwrap();
}

fn body(received: &ReceivedMessage) -> &str {
    std::str::from_utf8(received.message.body.data()).unwrap()
}

async fn expect(receiver: &mut MessageReceiver, bodies: &[&str]) -> Vec<ReceivedMessage> {
    let got = receiver.receive(bodies.len() as u32, WAIT).await.unwrap();
    assert_eq!(got.iter().map(body).collect::<Vec<_>>(), bodies);
    got
}

#[tokio::test(flavor = "multi_thread")]
async fn each_settlement() {
    let served = served().await;
    let client = client(&served);
    let sent = ServiceBusMessage {
        message_id: Some("m1".into()),
        subject: Some("thermostat".into()),
        correlation_id: Some("c".into()),
        content_type: Some("text/plain".into()),
        to: Some("t".into()),
        reply_to: Some("r".into()),
        time_to_live: Some(Duration::from_secs(60)),
        properties: [("room".into(), Value::String("R".into()))].into(),
        ..message("one")
    };
    client.sender(None).unwrap().send(&sent).await.unwrap();
    send(&client, "orders", &["two", "three", "four"]).await;
    let mut orders = receiver(&client, "orders");
    let mut got = expect(&mut orders, &["one", "two", "three", "four"]).await;
    assert_eq!(got[0].message, sent);
    assert_eq!(got.iter().map(|m| m.sequence_number).collect::<Vec<_>>(), [1, 2, 3, 4]);
    let until = got[0].locked_until.unwrap();
    assert!(orders.renew_lock(&mut got[0]).await.unwrap() >= until);
    orders.settle(&got[0], Settlement::Complete).await.unwrap();
    let tried = vec![("tried".to_owned(), Value::Int(1))];
    orders.settle(&got[1], Settlement::Abandon(tried)).await.unwrap();
    orders.settle(&got[2], Settlement::Defer(Vec::new())).await.unwrap();
    let (reason, description) = ("no good".to_owned(), "it is four".to_owned());
    orders.settle(&got[3], Settlement::DeadLetter { reason, description }).await.unwrap();
    let twice = orders.settle(&got[0], Settlement::Complete).await.unwrap_err();
    assert_eq!(twice.code, Code::LockLost, "{twice}");
    let again = expect(&mut orders, &["two"]).await;
    assert_eq!(again[0].delivery_count, 1);
    assert_eq!(again[0].message.properties["tried"], Value::Int(1));
    orders.settle(&again[0], Settlement::Complete).await.unwrap();
    assert_eq!(orders.receive(1, NOW).await.unwrap(), []);
    let deferred = orders.receive_deferred(&[got[2].sequence_number]).await.unwrap();
    assert_eq!((body(&deferred[0]), deferred[0].state), ("three", MessageState::Deferred));
    orders.settle(&deferred[0], Settlement::Complete).await.unwrap();
    let missing = orders.receive_deferred(&[got[2].sequence_number]).await.unwrap_err();
    assert_eq!(missing.code, Code::NotFound, "{missing}");
    let mut dead = receiver(&client, &SubQueue::DeadLetter.of("orders"));
    let letters = expect(&mut dead, &["four"]).await;
    assert_eq!(letters[0].dead_letter_reason(), Some("no good"));
    assert_eq!(letters[0].dead_letter_description(), Some("it is four"));
    assert_eq!(letters[0].dead_letter_source.as_deref(), Some("orders"));
    dead.settle(&letters[0], Settlement::Complete).await.unwrap();
    assert_eq!(dead.peek(0, 10).await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_lock_is_told_and_credit_is_given_back() {
    let served = served().await;
    let client = client(&served);
    let mut quick = receiver(&client, "quick");
    assert_eq!(quick.receive(10, NOW).await.unwrap(), []);
    // The credit for ten was taken back: else this would be locked for nobody now.
    send(&client, "quick", &["held"]).await;
    let mut other = receiver(&client, "quick");
    let held = expect(&mut other, &["held"]).await;
    tokio::time::sleep(Duration::from_millis(1_600)).await;
    let lost = other.settle(&held[0], Settlement::Complete).await.unwrap_err();
    assert_eq!(lost.code, Code::LockLost, "{lost}");
    let again = expect(&mut other, &["held"]).await;
    other.settle(&again[0], Settlement::Complete).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_outlives_the_connection() {
    let mut served = served().await;
    let client = client(&served);
    send(&client, "orders", &["one", "two"]).await;
    let mut orders = receiver(&client, "orders");
    let got = expect(&mut orders, &["one"]).await;
    served.stop().await;
    served.listen().await;
    orders.settle(&got[0], Settlement::Complete).await.unwrap();
    expect(&mut orders, &["two"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_schedules_and_looking() {
    let served = served().await;
    let client = client(&served);
    let twins = client.sender(Some("twins")).unwrap();
    for (name, temperature) in [("cold", 19.5), ("warm", 26.5)] {
        let mut event = message(name);
        event.properties.insert("temperature".into(), Value::Double(temperature));
        twins.send(&event).await.unwrap();
    }
    let mut warm = receiver(&client, &ServiceBusClient::subscription("twins", "warm"));
    expect(&mut warm, &["warm"]).await;
    let all = ServiceBusClient::subscription("twins", "all");
    let mut all = client.receiver(Some(&all), ReceiveMode::ReceiveAndDelete).unwrap();
    expect(&mut all, &["cold", "warm"]).await;
    assert_eq!(all.peek(0, 10).await.unwrap(), []);

    let orders = client.sender(None).unwrap();
    let due = jiff::Timestamp::now().as_millisecond() + 1_000;
    let numbers = orders.schedule(&[message("later"), message("never")], due).await.unwrap();
    let mut receiver = receiver(&client, "orders");
    let peeked = receiver.peek(0, 10).await.unwrap();
    assert_eq!(peeked.iter().map(body).collect::<Vec<_>>(), ["later", "never"]);
    assert_eq!(peeked[0].state, MessageState::Scheduled);
    orders.cancel_scheduled(&numbers[1..]).await.unwrap();
    let gone = orders.cancel_scheduled(&numbers[1..]).await.unwrap_err();
    assert_eq!(gone.code, Code::NotFound, "{gone}");
    assert_eq!(receiver.receive(2, NOW).await.unwrap(), []);
    let later = expect(&mut receiver, &["later"]).await;
    assert!(jiff::Timestamp::now().as_millisecond() >= due);
    assert_eq!(later[0].sequence_number, numbers[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions() {
    let served = served().await;
    let client = client(&served);
    let rooms = client.sender(Some("rooms")).unwrap();
    for (room, n) in [("a", 0), ("b", 0), ("a", 1), ("b", 1)] {
        let session_id = Some(room.to_owned());
        let message = ServiceBusMessage { session_id, ..message(&format!("{room}-{n}")) };
        rooms.send(&message).await.unwrap();
    }
    let accept =
        |session, wait| client.session(Some("rooms"), session, ReceiveMode::PeekLock, wait);
    let mut b = accept(Session::Named("b".into()), WAIT).await.unwrap();
    let got = expect(&mut b, &["b-0", "b-1"]).await;
    b.settle(&got[0], Settlement::Complete).await.unwrap();
    b.set_session_state("half way").await.unwrap();
    assert_eq!(&b.session_state().await.unwrap()[..], b"half way");
    assert!(b.renew_session_lock().await.unwrap() > jiff::Timestamp::now().as_millisecond());
    let taken = accept(Session::Named("b".into()), NOW).await.err().unwrap();
    assert!(taken.to_string().contains("rooms"), "{taken}");
    let mut a = accept(Session::Next, WAIT).await.unwrap();
    assert_eq!(a.session_id(), Some("a"));
    expect(&mut a, &["a-0", "a-1"]).await;
    let none = accept(Session::Next, NOW).await.err().unwrap();
    assert_eq!(none.code, Code::Timeout, "{none}");
    b.close().await;
    let mut b = accept(Session::Named("b".into()), WAIT).await.unwrap();
    expect(&mut b, &["b-1"]).await;
    let without = receiver(&client, "rooms").receive(1, NOW).await.unwrap_err();
    assert_eq!(without.code, Code::Refused, "{without}");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_over_every_transport() {
    let served = served().await;
    for endpoint in served.ways("orders") {
        let client = ServiceBusClient::new(endpoint, RETRY);
        let sender = client.sender(None).unwrap();
        let bodies: Vec<String> = (0..300).map(|n| format!("m{n:03}")).collect();
        let messages: Vec<_> = bodies.iter().map(|body| message(body)).collect();
        sender.send_all(&messages[..200]).await.unwrap();
        // One by one, without waiting for each.
        let sends = messages[200..].iter().map(|message| sender.send(message));
        futures::future::try_join_all(sends).await.unwrap();
        let mut orders = receiver(&client, "orders");
        let mut got = Vec::new();
        while got.len() < 300 {
            let more = orders.receive(100, WAIT).await.unwrap();
            assert!(!more.is_empty());
            let done = more.iter().map(|message| orders.settle(message, Settlement::Complete));
            futures::future::try_join_all(done).await.unwrap();
            got.extend(more.iter().map(|message| body(message).to_owned()));
        }
        assert_eq!(got[..200], bodies[..200]);
        // What is sent at once has no order.
        got.sort_unstable();
        assert_eq!(got, bodies);
        assert_eq!(orders.peek(0, 1).await.unwrap(), []);
    }
}

/// What is received and deleted is deleted first: a stop in between must not lose it.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_of_the_server_sends_what_it_has_deleted() {
    let mut served = served().await;
    let client = client(&served);
    let bodies: Vec<String> = (0..2_000).map(|n| format!("m{n:04}")).collect();
    let messages: Vec<_> = bodies.iter().map(|body| message(body)).collect();
    client.sender(None).unwrap().send_all(&messages).await.unwrap();
    let mut orders = client.receiver(None, ReceiveMode::ReceiveAndDelete).unwrap();
    let receiving = tokio::spawn(async move {
        let mut got = Vec::new();
        loop {
            let more = orders.receive(25, WAIT / 10).await.unwrap();
            got.extend(more.iter().map(|message| body(message).to_owned()));
            if more.is_empty() || got.len() == 2_000 {
                return got;
            }
        }
    });
    for stops in 0..6 {
        tokio::time::sleep(Duration::from_millis(60 + 7 * stops)).await;
        served.stop().await;
        served.listen().await;
    }
    let mut got = receiving.await.unwrap();
    got.sort_unstable();
    assert_eq!(got, bodies);
}
