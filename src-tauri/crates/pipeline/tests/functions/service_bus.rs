use crate::around::{Around, RETRY, Scripted, refused, soon, topology, until, update};
use messaging::client::{
    Endpoint, ReceiveMode, ServiceBusClient, ServiceBusMessage, SubQueue, Value as AmqpValue,
};
use pipeline::{Event, Surroundings, subscription};
use serde_json::json;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_completed_given_back_or_dead_lettered() {
    let around = Around::new().await;
    let topology = topology(json!({
        "functions": {"ff": {"kind": "toTimeSeries", "sink": "series"}},
        "endpoints": {"bus": {"kind": "serviceBus"}},
        "routes": {"r1": {"endpoint": "bus", "filter": "true"}},
        "subscriptions": {"s1": {"endpoint": "bus", "function": "ff"}},
        "sinks": {"series": {"kind": "eventHub"}},
    }));
    let text = around.services.topic("bus", &[("s1".into(), None)]).await.unwrap();
    let client = ServiceBusClient::new(Endpoint::parse(&text).unwrap(), RETRY);
    let sender = client.sender(None).unwrap();
    for id in 1..=4 {
        let notification = update("a", id, 1.0);
        let mut message = ServiceBusMessage::new(serde_json::to_vec(&notification.data).unwrap());
        for (name, value) in notification.delivered(1).amqp_properties() {
            message.properties.insert(name.into(), AmqpValue::String(value));
        }
        if id == 4 {
            message.properties.clear();
        }
        sender.send(&message).await.unwrap();
    }
    // The second is refused for good; the third at first, and beyond the tries in place.
    let function = Scripted::new(|number, event| {
        let Event::Notification(event) = event else { panic!() };
        match event.id.as_str() {
            "2" => Err(refused(false)),
            "3" if number < 10 => Err(refused(true)),
            _ => Ok(()),
        }
    });
    let spec = &topology.subscriptions["s1"];
    let parts = around.parts();
    let mut tasks = subscription::start("s1", spec, &topology, function.clone(), &parts);
    until("all are settled", || around.counts("subscriptions/s1").taken == 4).await;
    let counts = around.counts("subscriptions/s1");
    assert_eq!((counts.done, counts.dead_lettered), (2, 2));
    let path = SubQueue::DeadLetter.of(&ServiceBusClient::subscription("bus", "s1"));
    let mut dead = client.receiver(Some(&path), ReceiveMode::PeekLock).unwrap();
    let dead = soon(dead.receive(2, Duration::from_secs(10))).await.unwrap();
    let mut reasons: Vec<_> = dead.iter().map(|own| own.dead_letter_reason().unwrap()).collect();
    reasons.sort_unstable();
    assert_eq!(reasons, ["FunctionFailed", "NotReadable"]);
    let told = dead.iter().find(|own| own.dead_letter_reason() == Some("FunctionFailed")).unwrap();
    assert_eq!(told.dead_letter_description(), Some("/functions/ff: on purpose."));
    parts.stop.cancel();
    soon(async { while tasks.join_next().await.is_some() {} }).await;
    let kept = parts.memory.load("subscriptions/s1").unwrap();
    assert_eq!(kept.position, 4);
}
