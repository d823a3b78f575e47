//! The rules of 2019, a test for each sentence of the seed `egress-and-endpoints.2019.fr.md` that
//! is about delivery; the sentence stands above it. An hour is a second here, and so a pause of 30
//! minutes half a second.
//!
//! Sentences about the forms of events are tested in `adt-events/tests/of_2019.rs`, those about
//! which endpoints there may be in `topology/tests.rs`, and those about the API outside.

use super::super::batch::reason;
use super::super::start_2019;
use super::proxy::Way;
use super::world::{HOUR_IS_A_SECOND, Taken, World, adds_up, withdrawn};
use crate::{
    Counts, DeviceMessage, DirectEvent, Endpoint2019Spec, EndpointKind, Fate, Handed, NodeState,
    SecretRef,
};
use adt_events::{Event2019, EventType2019};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use twin_graph::{Cause, Origin, Timestamp, TraceContext};

const OLD: &str = "endpoints2019/old";

fn spec(types: &[EventType2019]) -> Endpoint2019Spec {
    Endpoint2019Spec {
        kind: EndpointKind::EventHub,
        event_types: types.to_vec(),
        path: "old".into(),
        primary: None,
        secondary: None,
        pause_minutes: None,
        first_events_after_minutes: None,
    }
}

fn function() -> Origin {
    Origin::Function { name: "f".into(), after: "d".into(), hops: 2 }
}

/// Something of every type; a message and a function's event, too.
async fn everything(world: &World) {
    let set = |path: &str, value: f64| json!([{"op": "add", "path": path, "value": value}]);
    world.patch("thermo_0", set("/temperature", 21.5), function()).await;
    world.patch("room", set("/currentTemp", 20.5), function()).await;
    world.patch("room", set("/currentTemp", 19.5), Origin::Rest).await;
    send(world, &custom());
    send(world, &message(7));
}

/// Hands an event to the endpoints; answers to which, with its number at each.
fn send(world: &World, event: &DirectEvent) -> Handed {
    world.parts.direct.send(event).handed
}

fn custom() -> DirectEvent {
    let cause = Cause { trace: TraceContext::new(5, 6), origin: function() };
    let payload = json!("Room is not available");
    let (id, twin, of_type) = ("id".into(), "room".into(), "Space".into());
    let event = Event2019::of_function(id, twin, of_type, payload, now(), &cause);
    DirectEvent::UdfCustom(Arc::new(event))
}

fn message(number: u64) -> DirectEvent {
    DirectEvent::DeviceMessage(Arc::new(DeviceMessage {
        id: format!("m{number}").into(),
        device: "thermo_0".into(),
        time: now(),
        trace: TraceContext::new(1, number),
        hops: 0,
        body: json!({"temperature": number}),
    }))
}

fn now() -> Timestamp {
    SystemTime::now().into()
}

fn fate_of(world: &World, number: u64) -> Option<Fate> {
    world.parts.flow.direct_fate(OLD, number)
}

async fn all_taken(world: &World, taken: u64) -> Counts {
    world
        .eventually("all events", || Some(world.counts(OLD)).filter(|all| all.taken == taken))
        .await
}

/// With two keys of the hub «old», by way of a port.
fn with_keys(world: &World, primary: &str, secondary: &str) -> Endpoint2019Spec {
    world.near.hub("old");
    Endpoint2019Spec {
        primary: Some(world.near.keep_secret("primary", primary)),
        secondary: Some(world.near.keep_secret("secondary", secondary)),
        ..spec(&[EventType2019::TopologyOperation])
    }
}

fn types_of(events: &[Taken]) -> BTreeSet<String> {
    events.iter().map(|event| event.body["eventType"].as_str().unwrap().to_owned()).collect()
}

/// "Les utilisateurs spécifient les types d'événements que chaque point de terminaison peut
/// recevoir."
#[tokio::test(flavor = "multi_thread")]
async fn users_say_which_types_of_events_each_endpoint_may_receive() {
    use EventType2019::{SensorChange, SpaceChange, TopologyOperation, UdfCustom};
    for (types, count) in [
        (&[TopologyOperation][..], 1),
        (&[SensorChange], 1),
        (&[SpaceChange], 1),
        (&[UdfCustom], 1),
        (&[SensorChange, SpaceChange, TopologyOperation, UdfCustom], 4),
    ] {
        let world = World::new(HOUR_IS_A_SECOND).await;
        let _old = start_2019("old", &spec(types), &world.parts);
        everything(&world).await;
        let counts = all_taken(&world, count).await;
        adds_up(&counts);
        let events = world.in_hub("old").await;
        let wanted = types.iter().map(ToString::to_string).collect();
        assert_eq!((events.len() as u64, types_of(&events)), (count, wanted));
    }
}

/// "Les événements sont définis par la référence de schéma d'événement Azure Event Grid."
#[tokio::test(flavor = "multi_thread")]
async fn events_have_event_grids_schema() {
    let world = World::new(HOUR_IS_A_SECOND).await;
    let types = [EventType2019::SensorChange, EventType2019::SpaceChange];
    let _old = start_2019("old", &spec(&types), &world.parts);
    everything(&world).await;
    all_taken(&world, 2).await;
    for event in world.in_hub("old").await {
        let names: Vec<_> = event.body.as_object().unwrap().keys().collect();
        let expected = [
            "id",
            "subject",
            "data",
            "eventType",
            "eventTime",
            "dataVersion",
            "metadataVersion",
            "topic",
        ];
        assert_eq!(names, expected);
        assert_eq!(event.body["topic"], "/subscriptions/old");
        assert_eq!(event.property("tracestate"), "twinscope=2");
        assert!(event.property("traceparent").parse::<TraceContext>().is_ok());
    }
}

/// "Cet événement doit être explicitement envoyé par la fonction définie par l'utilisateur."
#[tokio::test(flavor = "multi_thread")]
async fn udf_custom_is_sent_by_a_function_and_by_nothing_else() {
    let world = World::new(HOUR_IS_A_SECOND).await;
    let _old = start_2019("old", &spec(&[EventType2019::UdfCustom]), &world.parts);
    world.change(50).await;
    send(&world, &message(1));
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(world.counts(OLD).taken, 0);
    send(&world, &custom());
    all_taken(&world, 1).await;
    let events = world.in_hub("old").await;
    assert_eq!(events[0].body["data"]["Payload"], "\"Room is not available\"");
    assert_eq!(events[0].body["data"]["CorrelationId"], events[0].body["id"]);
}

/// "Vous pouvez utiliser DeviceMessage pour spécifier une connexion EventHub à laquelle des
/// événements de télémétrie bruts peuvent être aussi acheminés."
#[tokio::test(flavor = "multi_thread")]
async fn device_messages_go_raw_to_an_event_hub() {
    let world = World::new(HOUR_IS_A_SECOND).await;
    let _old = start_2019("old", &spec(&[EventType2019::DeviceMessage]), &world.parts);
    for number in 0..300 {
        send(&world, &message(number));
    }
    let counts = all_taken(&world, 300).await;
    assert_eq!(counts.done, 300);
    let events = world.in_hub("old").await;
    let bodies: Vec<_> = events.iter().map(|event| event.body.clone()).collect();
    let sent: Vec<_> = (0..300).map(|number| json!({"temperature": number})).collect();
    assert_eq!(bodies, sent);
    assert_eq!(fate_of(&world, 1), Some(Fate::Delivered));
    assert_eq!(fate_of(&world, 300), Some(Fate::Delivered));
    assert_eq!(events[0].property("eventType"), "DeviceMessage");
    assert_eq!(events[0].property("subject"), "thermo_0");
}

/// "Lorsque vous créez un point de terminaison, 5 à 10 minutes peuvent être nécessaires pour que
/// celui-ci commence à recevoir des événements."
#[tokio::test(flavor = "multi_thread")]
async fn a_new_endpoint_may_need_minutes_until_it_begins_to_receive_events() {
    let world = World::new(HOUR_IS_A_SECOND * 4.0).await;
    let types = [EventType2019::TopologyOperation, EventType2019::UdfCustom];
    let slow = Endpoint2019Spec { first_events_after_minutes: Some(10), ..spec(&types) };
    let old = start_2019("old", &slow, &world.parts);
    let state = world
        .eventually("a state", || {
            Some(world.report(OLD).state).filter(|state| *state != NodeState::Idle)
        })
        .await;
    assert!(matches!(state, NodeState::Provisioning { .. }), "{state:?}");
    world.change(10).await;
    send(&world, &custom());
    // A deploy meanwhile does not make it quicker.
    drop(old);
    let _old = start_2019("old", &slow, &world.parts);
    world
        .eventually("its start", || {
            let provisioning = matches!(world.report(OLD).state, NodeState::Provisioning { .. });
            let began = world.memory.0.lock()[OLD].position >= world.version();
            (!provisioning && began).then_some(())
        })
        .await;
    assert_eq!(world.counts(OLD).taken, 0);
    world.change(20).await;
    send(&world, &custom());
    let counts = all_taken(&world, 21).await;
    assert_eq!(counts.done, 21);
}

/// "Lorsqu'une clé de connexion primaire n'est plus autorisée, le système essaie automatiquement
/// d'utiliser la clé de connexion secondaire."
#[tokio::test(flavor = "multi_thread")]
async fn when_the_primary_key_is_no_longer_authorized_the_secondary_is_tried() {
    let world = World::new(HOUR_IS_A_SECOND).await;
    let good = world.near.connection("old", world.near.port());
    let spec = with_keys(&world, &withdrawn(&good), &good);
    let _old = start_2019("old", &spec, &world.parts);
    world.change(100).await;
    let counts = all_taken(&world, 100).await;
    assert_eq!((counts.done, counts.dropped.len()), (100, 0));
    assert_eq!(world.report(OLD).state, NodeState::SecondaryKey);
    assert_eq!(world.in_hub("old").await.len(), 100);
}

/// "Si aucune des deux n'est autorisée, le système s'interrompt pendant une période de 30 minutes
/// maximum. Les événements sont supprimés à chaque période d'interruption."
#[tokio::test(flavor = "multi_thread")]
async fn if_neither_is_authorized_the_system_pauses_and_events_are_dropped() {
    let world = World::new(HOUR_IS_A_SECOND * 4.0).await;
    let good = world.near.connection("old", world.near.port());
    let spec = with_keys(&world, &withdrawn(&good), &withdrawn(&good));
    let _old = start_2019("old", &spec, &world.parts);
    world.change(10).await;
    let until = world
        .eventually("a pause", || match world.report(OLD).state {
            NodeState::Paused { until } => Some(until),
            _ => None,
        })
        .await;
    let left = (until.ticks() - now().ticks()) as f64 / 1e7;
    assert!(left <= 2.0, "at most 30 minutes: {left} s");
    world.change(100).await;
    let counts = all_taken(&world, 110).await;
    adds_up(&counts);
    assert_eq!(counts.dropped.get(reason::KEYS_REFUSED), Some(&110));
    assert!(world.in_hub("old").await.is_empty());
    assert!(!world.all_told().contains("d2l0aGRyYXdu"));
}

/// "Lorsque le système est à l'état d'interruption, la mise à jour des clés de connexion via l'API
/// Points de terminaison peut prendre jusqu'à 30 minutes."
#[tokio::test(flavor = "multi_thread")]
async fn in_a_pause_new_keys_take_effect_at_its_end_or_at_once_where_that_is_asked_for() {
    let world = World::new(HOUR_IS_A_SECOND * 4.0).await;
    let good = world.near.connection("old", world.near.port());
    let spec = with_keys(&world, &withdrawn(&good), &withdrawn(&good));
    let paused = |world: &World| matches!(world.report(OLD).state, NodeState::Paused { .. });
    let old = start_2019("old", &spec, &world.parts);
    world.change(10).await;
    let began = Instant::now();
    world.eventually("a pause", || paused(&world).then_some(())).await;
    world.near.keep_secret("primary", &good);
    // The new keys come with a deploy.
    drop(old);
    let _old = start_2019("old", &spec, &world.parts);
    world.change(20).await;
    let counts = all_taken(&world, 30).await;
    assert_eq!(counts.dropped.get(reason::KEYS_REFUSED), Some(&30));
    world.eventually("the end of the pause", || (!paused(&world)).then_some(())).await;
    assert!(began.elapsed() > Duration::from_millis(1_500), "{:?}", began.elapsed());
    world.change(30).await;
    let counts = all_taken(&world, 60).await;
    assert_eq!(counts.done, 30);

    world.near.keep_secret("primary", &withdrawn(&good));
    drop(_old);
    let _old = start_2019("old", &spec, &world.parts);
    world.change(10).await;
    let began = Instant::now();
    world.eventually("a pause", || paused(&world).then_some(())).await;
    world.near.keep_secret("secondary", &good);
    assert!(!world.parts.flow.nudge("endpoints2019/nobody") && world.parts.flow.nudge(OLD));
    world.eventually("the end of the pause", || (!paused(&world)).then_some(())).await;
    assert!(began.elapsed() < Duration::from_millis(1_500), "{:?}", began.elapsed());
    let before = world.counts(OLD);
    world.change(10).await;
    let counts = all_taken(&world, before.taken + 10).await;
    adds_up(&counts);
    assert_eq!(counts.done, before.done + 10);
}

/// "Lorsqu'un point de terminaison devient inaccessible, le système s'interrompt pendant une
/// période de 30 minutes maximum. Les événements sont supprimés à chaque période d'interruption."
#[tokio::test(flavor = "multi_thread")]
async fn when_an_endpoint_becomes_unreachable_the_system_pauses_and_events_are_dropped() {
    let world = World::new(HOUR_IS_A_SECOND).await;
    let proxy = world.proxy().await;
    let string = world.near.connection("old", proxy.port);
    let spec = with_keys(&world, &string, &string);
    let spec = Endpoint2019Spec {
        event_types: vec![EventType2019::TopologyOperation, EventType2019::UdfCustom],
        ..spec
    };
    let _old = start_2019("old", &spec, &world.parts);
    world.change(50).await;
    all_taken(&world, 50).await;
    for way in [Way::Down, Way::Silent] {
        proxy.set(way);
        let before = world.counts(OLD);
        world.change(50).await;
        world
            .eventually("a pause", || {
                matches!(world.report(OLD).state, NodeState::Paused { .. }).then_some(())
            })
            .await;
        let handed = send(&world, &custom());
        let counts = all_taken(&world, before.taken + 51).await;
        adds_up(&counts);
        let expected = Some(Fate::Dropped(reason::UNREACHABLE));
        assert_eq!(fate_of(&world, handed[0].1), expected);
        proxy.set(Way::Open);
        world
            .eventually("the end of the pause", || {
                let paused = matches!(world.report(OLD).state, NodeState::Paused { .. });
                (!paused).then_some(())
            })
            .await;
        let before = world.counts(OLD);
        world.change(50).await;
        let counts = all_taken(&world, before.taken + 50).await;
        assert_eq!(counts.done, before.done + 50, "{way:?}");
    }
    let counts = world.counts(OLD);
    adds_up(&counts);
    let dropped = counts.dropped.get(reason::UNREACHABLE).copied().unwrap_or_default();
    assert_eq!(counts.done + dropped, counts.taken);
    let came = world.in_hub("old").await.len() as u64;
    assert!(came >= counts.done && came <= counts.done + 51, "{came} came, {counts:?}");
}

/// What waits for an endpoint outlasts the program, and is neither lost nor counted twice.
#[tokio::test(flavor = "multi_thread")]
async fn what_waits_when_the_process_is_killed_is_delivered_after_the_next_start() {
    let mut world = World::new(1.0).await;
    let udf = spec(&[EventType2019::UdfCustom]);
    let old = start_2019("old", &udf, &world.parts);
    for _ in 0..20 {
        send(&world, &custom());
    }
    let kept = world
        .eventually("all are kept as delivered", || {
            let all = world.memory.0.lock().clone();
            let books: Value = serde_json::from_slice(&all.get(OLD)?.state).unwrap();
            (books["direct"] == 20).then_some(all)
        })
        .await;
    // Delivered, but that was not kept when the process ended.
    send(&world, &custom());
    all_taken(&world, 21).await;
    drop(old);
    drop(world.parts.flow.node(OLD).turn().await);
    for _ in 0..3 {
        send(&world, &custom());
    }
    world.after_a_crash(kept);
    let _old = start_2019("old", &udf, &world.parts);
    let last = send(&world, &custom())[0].1;
    assert_eq!(last, 25, "numbers go on");
    let counts = all_taken(&world, 25).await;
    adds_up(&counts);
    assert_eq!(
        (counts.done, counts.repeated),
        (25, 4),
        "one was there already, four may have been"
    );
    assert_eq!(world.in_hub("old").await.len(), 26);
    assert_eq!(fate_of(&world, last), Some(Fate::Delivered));
}

/// An endpoint that is made anew under the name of one that is gone begins anew.
#[tokio::test(flavor = "multi_thread")]
async fn what_waited_for_an_endpoint_that_is_gone_is_not_for_the_next_of_its_name() {
    let world = World::new(1.0).await;
    let udf = spec(&[EventType2019::UdfCustom]);
    drop(start_2019("old", &udf, &world.parts));
    drop(world.parts.flow.node(OLD).turn().await);
    send(&world, &custom());
    world.parts.direct.retain(|_| false);
    assert_eq!(world.counts(OLD).dropped.values().sum::<u64>(), 1);
    world.memory.0.lock().clear();
    let _old = start_2019("old", &udf, &world.parts);
    send(&world, &custom());
    let counts = all_taken(&world, 2).await;
    adds_up(&counts);
    assert_eq!(counts.done, 1);
}

/// It is killed before it is kept that the endpoint began.
#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_new_endpoint_outlasts_a_kill_in_its_first_moments() {
    let mut world = World::new(1.0).await;
    let udf = spec(&[EventType2019::UdfCustom]);
    drop(start_2019("old", &udf, &world.parts));
    drop(world.parts.flow.node(OLD).turn().await);
    send(&world, &custom());
    world.after_a_crash(std::collections::BTreeMap::new());
    let _old = start_2019("old", &udf, &world.parts);
    assert_eq!(all_taken(&world, 1).await.done, 1);
}

/// What was kept of an event is no event.
#[tokio::test(flavor = "multi_thread")]
async fn what_waited_and_cannot_be_read_is_dropped_and_counted() {
    let mut world = World::new(1.0).await;
    let udf = spec(&[EventType2019::UdfCustom]);
    drop(start_2019("old", &udf, &world.parts));
    drop(world.parts.flow.node(OLD).turn().await);
    for _ in 0..3 {
        send(&world, &custom());
    }
    for of_endpoint in world.backlog.0.lock().values_mut() {
        for kept in of_endpoint.iter_mut().skip(1) {
            kept.truncate(9);
        }
    }
    world.after_a_crash(std::collections::BTreeMap::new());
    let _old = start_2019("old", &udf, &world.parts);
    assert_eq!(send(&world, &custom())[0].1, 4, "numbers go on behind all of them");
    let counts = all_taken(&world, 4).await;
    adds_up(&counts);
    let reason = "what was kept of it cannot be read";
    assert_eq!((counts.done, counts.dropped[reason]), (2, 2), "{counts:?}");
    assert_eq!(fate_of(&world, 3), Some(Fate::Dropped(reason)));
}

/// A million drops in a pause are counted, and nothing else suffers.
#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_is_full_drops_and_counts() {
    let world = World::new(1.0).await;
    let absent = SecretRef { secret: "absent".into() };
    let broken =
        Endpoint2019Spec { primary: Some(absent), ..spec(&[EventType2019::DeviceMessage]) };
    let _old = start_2019("old", &broken, &world.parts);
    let message = message(1);
    for _ in 0..1_000_000 {
        send(&world, &message);
    }
    let last = send(&world, &message);
    let counts = all_taken(&world, 1_000_001).await;
    adds_up(&counts);
    assert_eq!(counts.done, 0);
    let (node, number) = &last[0];
    assert_eq!((&**node, *number), (OLD, 1_000_001));
    assert!(matches!(fate_of(&world, *number), Some(Fate::Dropped(_))));
    assert_eq!(fate_of(&world, 1), None, "the newest are known");
}
