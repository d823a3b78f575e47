use crate::around::{Around, Scripted, refused, topology, until, update};
use messaging::event_grid::{Event as GridEvent, Schema};
use pipeline::{Event, Surroundings, subscription};
use serde_json::{Value, json};
use std::time::UNIX_EPOCH;

pub fn of_grid(json: Value) -> GridEvent {
    GridEvent {
        schema: Schema::CloudEventSchemaV1_0,
        published: i64::try_from(UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap(),
        json: serde_json::from_str(&json.to_string()).unwrap(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn event_grid_calls_the_function_and_tries_again() {
    let around = Around::new().await;
    let topology = topology(json!({
        "functions": {"ff": {"kind": "toTimeSeries", "sink": "series"}},
        "endpoints": {"eg": {"kind": "eventGrid"}},
        "routes": {"r1": {"endpoint": "eg", "filter": "true"}},
        "subscriptions": {"s1": {"endpoint": "eg", "function": "ff"}},
        "sinks": {"series": {"kind": "eventHub"}},
    }));
    around.services.event_grid("eg").await.unwrap();
    let function = Scripted::new(|number, event| {
        let Event::Notification(event) = event else { panic!() };
        match event.id.as_str() {
            "1" if number < 3 => Err(refused(true)),
            "2" => Err(refused(false)),
            _ => Ok(()),
        }
    });
    let spec = &topology.subscriptions["s1"];
    let _tasks = subscription::start("s1", spec, &topology, function.clone(), &around.parts());
    until("it is subscribed", || !around.grid.subscriptions("eg").unwrap().is_empty()).await;
    let cloud = |id| of_grid(update("a", id, 1.0).to_cloud_event());
    let grid = serde_json::to_value(update("a", 3, 1.0).delivered(4).grid_event()).unwrap();
    let grid = GridEvent { schema: Schema::EventGridSchema, ..of_grid(grid) };
    let foreign = of_grid(json!({"specversion": "1.0", "id": "x", "type": "t", "source": "s"}));
    let unreadable = GridEvent {
        json: serde_json::from_str(&cloud(4).json.as_json().replace(":1.0", ":1e999")).unwrap(),
        ..cloud(4)
    };
    let events = vec![cloud(1), cloud(2), grid, foreign, unreadable];
    around.grid.topic("eg").unwrap().publish(events).await.unwrap();
    until("all are counted", || around.counts("subscriptions/s1").taken == 5).await;
    let counts = around.counts("subscriptions/s1");
    assert_eq!(counts.done, 2);
    assert!(counts.retries >= 1);
    assert_eq!(counts.dropped["its function did not take it"], 1);
    assert_eq!(counts.dropped["not an event that can be read"], 2);
    assert_eq!(function.ids().iter().filter(|id| *id == "2").count(), 1, "it is final");
    let kept = || around.parts.memory.load("subscriptions/s1");
    until("counts are kept", || kept().is_some_and(|kept| kept.position == 2)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_elsewhere_cannot_call_us() {
    let around = Around::new().await;
    // It is told by the check, too.
    let away: pipeline::Topology = serde_json::from_value(json!({
        "functions": {"ff": {"kind": "toTimeSeries", "sink": "series"}},
        "endpoints": {"eg": {"kind": "eventGrid", "address": "https://t.x.eventgrid.azure.net/api/events", "primary": {"secret": "k"}}},
        "routes": {"r1": {"endpoint": "eg", "filter": "true"}},
        "subscriptions": {"s1": {"endpoint": "eg", "function": "ff"}},
        "sinks": {"series": {"kind": "eventHub"}},
    }))
    .unwrap();
    let function = Scripted::new(|_, _| Ok(()));
    let spec = &away.subscriptions["s1"];
    let _tasks = subscription::start("s1", spec, &away, function, &around.parts());
    until("it says so", || around.failure("subscriptions/s1").contains("elsewhere")).await;
}
