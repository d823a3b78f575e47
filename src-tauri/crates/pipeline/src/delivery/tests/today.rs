//! Routes and delivery by today's rules, where all is well.

use super::super::{start, start_2019};
use super::world::{World, adds_up, unique};
use crate::{EndpointKind, NodeState};
use serde_json::json;
use std::collections::BTreeSet;
use twin_graph::Origin;

const UPDATES: &str = "type = 'Microsoft.DigitalTwins.Twin.Update'";

#[tokio::test(flavor = "multi_thread")]
async fn an_event_hub_gets_what_its_routes_take_in_the_documented_form() {
    let world = World::new(1.0).await;
    world.route("hot", "out", &format!("{UPDATES} AND $body.modelId = 'dtmi:x:Room;1'")).await;
    let _out = start("out", &world.endpoint(EndpointKind::EventHub), world.routes(), &world.parts);
    world.change(40).await;
    let patch = json!([{"op": "add", "path": "/currentTemp", "value": 20.5}]);
    world.patch("room", patch, Origin::Rest).await;
    let counts = world.settled("endpoints/out").await;
    adds_up(&counts);
    assert_eq!((counts.taken, counts.done, counts.repeated), (1, 1, 0));
    let events = world.in_hub("out").await;
    let [event] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(event.content_type.as_deref(), Some("application/json"));
    assert_eq!(event.property("cloudEvents:type"), "Microsoft.DigitalTwins.Twin.Update");
    assert_eq!(event.property("cloudEvents:source"), "localhost");
    assert_eq!(event.property("cloudEvents:subject"), "room");
    let patch = json!([{"value": 20.5, "path": "/currentTemp", "op": "add"}]);
    assert_eq!(event.body, json!({"modelId": "dtmi:x:Room;1", "patch": patch}));
    let last = world.parts.history.changes_after(world.version() - 1, 1).await;
    let trace = event.property("cloudEvents:traceparent").parse::<twin_graph::TraceContext>();
    let (trace, cause) = (trace.unwrap(), last[0].cause.trace);
    assert_eq!(trace.trace_id(), cause.trace_id());
    assert_ne!(trace.span_id(), cause.span_id());
    let route = world.report("routes/hot");
    assert_eq!((route.counts.taken, route.counts.done), (41, 1));
    assert_eq!(world.report("endpoints/out").state, NodeState::Healthy);
    let wires = world.parts.flow.report().wires;
    let wire = |from: &str, to: &str| {
        wires.iter().find(|wire| wire.from == from && wire.to == to).unwrap().events
    };
    assert_eq!((wire("instance", "routes/hot"), wire("routes/hot", "endpoints/out")), (41, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_events_come_each_twins_in_order() {
    let world = World::new(1.0).await;
    world.near.topic_of("topic");
    world.route("a", "out", UPDATES).await;
    world.route("b", "other", UPDATES).await;
    let topic = crate::EndpointSpec {
        entity: Some("topic".into()),
        ..world.endpoint(EndpointKind::ServiceBus)
    };
    // The changes are there before the endpoints look: a page of them goes at once.
    super::super::today::prepare("out", &world.parts);
    super::super::today::prepare("other", &world.parts);
    world.change(2_000).await;
    let hub = world.endpoint(EndpointKind::EventHub);
    let routes = world.routes();
    let _out = start("out", &hub, routes.clone(), &world.parts);
    let _other = start("other", &topic, routes, &world.parts);
    for node in ["endpoints/out", "endpoints/other"] {
        let counts = world.settled(node).await;
        adds_up(&counts);
        assert_eq!((counts.done, counts.repeated, counts.retries), (2_000, 0, 0), "{node}");
    }
    assert_eq!(unique(&world.in_hub("out").await), (2_000, 0));
    let messages = world.in_topic("topic").await;
    assert_eq!(unique(&messages), (2_000, 0));
    let types: BTreeSet<_> = messages.iter().map(|m| m.content_type.clone()).collect();
    assert_eq!(types, BTreeSet::from([Some("application/json".to_owned())]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_holds_from_where_it_stands_among_the_changes() {
    let world = World::new(1.0).await;
    super::super::today::prepare("out", &world.parts);
    world.change(10).await;
    world.route("late", "out", UPDATES).await;
    world.change(20).await;
    world.delete_route("late").await;
    world.change(30).await;
    world.route("late", "out", "type = 'none'").await;
    world.change(40).await;
    let _out = start("out", &world.endpoint(EndpointKind::EventHub), world.routes(), &world.parts);
    let counts = world.settled("endpoints/out").await;
    assert_eq!(counts.taken, 20);
    let route = world.report("routes/late").counts;
    assert_eq!((route.taken, route.done), (60, 20));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_function_changed_carries_its_hops() {
    let world = World::new(1.0).await;
    world.route("all", "out", UPDATES).await;
    let _out = start("out", &world.endpoint(EndpointKind::EventHub), world.routes(), &world.parts);
    let origin = Origin::Function { name: "f".into(), after: "d".into(), hops: 3 };
    let patch = json!([{"op": "add", "path": "/currentTemp", "value": 1.5}]);
    world.patch("room", patch, origin).await;
    world.settled("endpoints/out").await;
    let events = world.in_hub("out").await;
    assert_eq!(events[0].property("cloudEvents:tracestate"), "twinscope=3");
}

#[tokio::test(flavor = "multi_thread")]
async fn both_generations_side_by_side() {
    let world = World::new(1.0).await;
    world.route("all", "out", UPDATES).await;
    let _out = start("out", &world.endpoint(EndpointKind::EventHub), world.routes(), &world.parts);
    let old = crate::Endpoint2019Spec {
        kind: EndpointKind::EventHub,
        event_types: vec![adt_events::EventType2019::TopologyOperation],
        path: "old".into(),
        primary: None,
        secondary: None,
        pause_minutes: None,
        first_events_after_minutes: None,
    };
    let _old = start_2019("old", &old, &world.parts);
    world.change(100).await;
    assert_eq!(world.settled("endpoints/out").await.done, 100);
    assert_eq!(world.settled("endpoints2019/old").await.done, 100);
    assert_eq!(world.in_hub("out").await.len(), 100);
    let old = world.in_hub("old").await;
    assert!(old.iter().all(|event| event.body["eventType"] == "TopologyOperation"));
    assert_eq!(old.len(), 100);
}
