use crate::around::{
    Around, RETRY, Scripted, event_data, message, refused, soon, topology, until, update,
};
use async_trait::async_trait;
use messaging::client::{Endpoint, EventData, EventHubClient, Target, Value as AmqpValue};
use parking_lot::Mutex;
use pipeline::{DeviceMessage, Event, Ingress, Surroundings, source, subscription};
use serde_json::json;
use std::sync::Arc;

fn of_hub() -> pipeline::Topology {
    topology(json!({
        "functions": {"ff": {"kind": "toTimeSeries", "sink": "series"}},
        "endpoints": {"hub": {"kind": "eventHub"}},
        "routes": {"r1": {"endpoint": "hub", "filter": "true"}},
        "subscriptions": {"s1": {"endpoint": "hub", "function": "ff"}},
        "sinks": {"series": {"kind": "eventHub"}},
    }))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_is_handled_once_in_order_and_counts_go_on_after_a_restart() {
    let around = Around::new().await;
    let topology = of_hub();
    let events: Vec<_> = (0..200).map(|id| update(["a", "b"][id % 2], id, 1.0)).collect();
    around.send_to_hub("hub", &events[..120]).await;
    let function = Scripted::new(|_, _| Ok(()));
    let spec = &topology.subscriptions["s1"];
    let parts = around.parts();
    let mut tasks = subscription::start("s1", spec, &topology, function.clone(), &parts);
    until("all came", || around.counts("subscriptions/s1").done == 120).await;
    parts.stop.cancel();
    soon(async { while tasks.join_next().await.is_some() {} }).await;
    // In order for each twin.
    for twin in 0..2 {
        let ids: Vec<usize> = function.ids().iter().map(|id| id.parse().unwrap()).collect();
        let own: Vec<_> = ids.into_iter().filter(|id| id % 2 == twin).collect();
        assert!(own.is_sorted() && own.len() == 60, "{own:?}");
    }
    let trace = function.calls.lock()[0].trace();
    assert_eq!(trace.span_id(), "0000000000000009", "that of the delivery");

    // Another process: new meters, the same memory.
    around.send_to_hub("hub", &events[120..]).await;
    let again = Scripted::new(|_, _| Ok(()));
    let flow = Arc::new(pipeline::Flow::default());
    let parts = pipeline::PipelineParts { flow: flow.clone(), ..around.parts() };
    let _tasks = subscription::start("s1", spec, &topology, again.clone(), &parts);
    until("the rest came", || flow.node("subscriptions/s1").counts().done == 200).await;
    let counts = flow.node("subscriptions/s1").counts();
    assert_eq!((counts.taken, again.ids().len()), (200, 80));
    assert_eq!(flow.wire("endpoints/hub", "subscriptions/s1").events.get(), 80);
    assert!(flow.wire("endpoints/hub", "subscriptions/s1").bytes.get() > 80 * 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_tried_again_or_dropped_and_counted() {
    let around = Around::new().await;
    let topology = of_hub();
    around
        .send_to_hub("hub", &[update("a", 1, 1.0), update("a", 2, 1.0), update("b", 3, 1.0)])
        .await;
    let text = around.services.event_hub("hub").await.unwrap();
    let client = EventHubClient::new(Endpoint::parse(&text).unwrap(), None, RETRY).unwrap();
    let foreign = EventData::new("not ours");
    client.send(&foreign, &Target::Partition("0".into())).await.unwrap();
    let mut broken = event_data(&update("a", 4, 1.0));
    broken.body = "{".into();
    client.send(&broken, &Target::Partition("0".into())).await.unwrap();
    around.send_to_hub("hub", &[update("a", 5, 1.0)]).await;
    // The second fails whenever it is tried; the third is refused for good.
    let function = Scripted::new(|_, event| {
        let Event::Notification(event) = event else { panic!() };
        match event.id.as_str() {
            "2" => Err(refused(true)),
            "3" => Err(refused(false)),
            _ => Ok(()),
        }
    });
    let spec = &topology.subscriptions["s1"];
    let _tasks = subscription::start("s1", spec, &topology, function.clone(), &around.parts());
    until("all are counted", || around.counts("subscriptions/s1").taken == 6).await;
    let counts = around.counts("subscriptions/s1");
    assert_eq!((counts.done, counts.retries), (2, 4));
    assert_eq!(counts.dropped["its function did not take it"], 2);
    assert_eq!(counts.dropped["not an event that can be read"], 2);
    assert_eq!(function.ids().iter().filter(|id| *id == "2").count(), 5);
    assert!(function.ids().contains(&"5".to_owned()), "the rest flows on");
    let heard = around.heard.0.lock().join("\n");
    assert!(heard.contains("a: /functions/ff: on purpose."), "{heard}");
    assert!(
        heard.contains("subscriptions/s1: /subscriptions/s1: An event was not used."),
        "{heard}"
    );
    assert!(heard.contains("no «id»") || heard.contains("no «type»"), "{heard}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_waits_for_another_attempt_is_not_lost_by_a_stop() {
    let around = Around::new().await;
    let topology = of_hub();
    around.send_to_hub("hub", &[update("a", 1, 1.0), update("b", 2, 1.0)]).await;
    let fails = Scripted::new(|_, event| {
        let Event::Notification(event) = event else { panic!() };
        if event.id == "1" { Err(refused(true)) } else { Ok(()) }
    });
    let spec = &topology.subscriptions["s1"];
    // Pauses as they are.
    let parts = pipeline::PipelineParts { time_factor: 1.0, ..around.parts() };
    let mut tasks = subscription::start("s1", spec, &topology, fails.clone(), &parts);
    until("it waits", || fails.calls.lock().len() >= 2).await;
    parts.stop.cancel();
    soon(async { while tasks.join_next().await.is_some() {} }).await;
    let works = Scripted::new(|_, _| Ok(()));
    let _tasks = subscription::start("s1", spec, &topology, works.clone(), &around.parts());
    until("both are there", || around.counts("subscriptions/s1").done == 2).await;
    let counts = around.counts("subscriptions/s1");
    assert_eq!((counts.taken, counts.dropped.len()), (2, 0));
    // The second was done before, and is done again, counted.
    assert_eq!((works.ids().len(), counts.repeated), (2, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_elsewhere_that_cannot_be_opened_says_so() {
    let around = Around::new().await;
    let away = topology(json!({
        "functions": {"ff": {"kind": "toTimeSeries", "sink": "series"}},
        "endpoints": {"hub": {"kind": "eventHub", "primary": {"secret": "hub"}}},
        "routes": {"r1": {"endpoint": "hub", "filter": "true"}},
        "subscriptions": {"s1": {"endpoint": "hub", "function": "ff"}},
        "sinks": {"series": {"kind": "eventHub"}},
    }));
    let spec = &away.subscriptions["s1"];
    let function = Scripted::new(|_, _| Ok(()));
    let _none = subscription::start("s1", spec, &away, function.clone(), &around.parts());
    until("it says so", || around.failure("subscriptions/s1").contains("no secret «hub»")).await;
    let wrong = around.services.connection_string("nothing");
    around.services.secrets.lock().insert("hub".into(), wrong);
    let _tasks = subscription::start("s1", spec, &away, function.clone(), &around.parts());
    until("it says which", || around.failure("subscriptions/s1").contains("nothing")).await;
    // It is there at last.
    around.services.event_hub("nothing").await.unwrap();
    around.send_to_hub("nothing", &[update("a", 1, 1.0)]).await;
    until("it works", || around.counts("subscriptions/s1").done == 1).await;
    assert_eq!(around.failure("subscriptions/s1"), "");
}

/// What a source handed on.
#[derive(Default)]
pub struct Taken(pub Mutex<Vec<(String, DeviceMessage)>>);

#[async_trait]
impl Ingress for Taken {
    async fn receive(&self, source: &str, message: DeviceMessage) {
        self.0.lock().push((source.to_owned(), message));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_hub_is_a_source_from_now_on_and_goes_on_where_it_was() {
    let around = Around::new().await;
    let (topology, client) = around.source_away().await;
    let send = async |bodies: &[&str]| {
        for body in bodies {
            let mut event = EventData::new(body.to_string());
            let trace = AmqpValue::String(message("d", json!({})).trace.to_string());
            event.properties.insert("traceparent".into(), trace);
            event
                .properties
                .insert("tracestate".into(), AmqpValue::String("a=b,twinscope=3".into()));
            client.send(&event, &Target::Partition("0".into())).await.unwrap();
        }
    };
    send(&[r#"{"id": "old", "t": 1}"#]).await;
    let taken = Arc::new(Taken::default());
    let spec = &topology.sources["away"];
    let parts = around.parts();
    let mut tasks = source::start("away", spec, taken.clone(), &parts);
    until("it is open", || parts.memory.load("sources/away/0").is_some()).await;
    send(&[r#"{"id": "d1", "t": 1}"#, "not JSON", r#"{"t": 1}"#, r#"{"id": 7}"#]).await;
    until("they came", || taken.0.lock().len() == 2).await;
    let first = taken.0.lock()[0].clone();
    assert_eq!((first.0.as_str(), &*first.1.device, first.1.hops), ("away", "d1", 3));
    assert_eq!(first.1.trace, message("d", json!({})).trace);
    assert_eq!(&*taken.0.lock()[1].1.device, "7");
    let counts = around.counts("sources/away");
    assert_eq!((counts.dropped["not JSON"], counts.dropped["of no device"]), (1, 1));
    let heard = around.heard.0.lock().join("\n");
    assert!(heard.contains("sources/away: /sources/away: a message is not JSON"), "{heard}");
    assert!(heard.contains("nothing at «/id»"), "{heard}");
    parts.stop.cancel();
    soon(async { while tasks.join_next().await.is_some() {} }).await;
    send(&[r#"{"id": "meanwhile"}"#]).await;
    let _tasks = source::start("away", spec, taken.clone(), &around.parts());
    until("it goes on", || taken.0.lock().len() == 3).await;
    assert_eq!(&*taken.0.lock()[2].1.device, "meanwhile");
}
