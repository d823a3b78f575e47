//! What endpoints do wrong, by today's rules. An hour is a second here.

use super::super::batch::reason;
use super::super::start;
use super::proxy::Way;
use super::world::{HOUR_IS_A_SECOND, World, adds_up, unique, withdrawn};
use crate::{EndpointKind, EndpointSpec, NodeState};
use std::time::Duration;

const UPDATES: &str = "type = 'Microsoft.DigitalTwins.Twin.Update'";
const OUT: &str = "endpoints/out";

/// A hub «out» that is opened with a secret of this connection string.
fn by_key(world: &World, primary: &str, secondary: Option<&str>) -> EndpointSpec {
    world.near.hub("out");
    EndpointSpec {
        primary: Some(world.near.keep_secret("primary", primary)),
        secondary: secondary.map(|text| world.near.keep_secret("secondary", text)),
        ..world.endpoint(EndpointKind::EventHub)
    }
}

/// Sends changes through a proxy that is so for a while, and is open then; everything arrives.
async fn through(way: Way, changes: usize, pause: Duration) -> (World, u64) {
    let world = World::new(HOUR_IS_A_SECOND).await;
    let proxy = world.proxy().await;
    proxy.set(way);
    world.route("all", "out", UPDATES).await;
    let spec = by_key(&world, &world.near.connection("out", proxy.port), None);
    let _out = start("out", &spec, world.routes(), &world.parts);
    world.change(changes).await;
    tokio::time::sleep(pause).await;
    let state = world.report(OUT).state;
    if matches!(way, Way::Silent | Way::Down) {
        assert!(matches!(state, NodeState::Retrying { attempt: 2.., .. }), "{state:?}");
    }
    proxy.set(Way::Open);
    let counts = world.settled(OUT).await;
    adds_up(&counts);
    assert_eq!((counts.taken, counts.done), (changes as u64, changes as u64), "{counts:?}");
    let (came, twice) = unique(&world.in_hub("out").await);
    assert_eq!(came, changes);
    assert!(twice as u64 <= counts.repeated, "{twice} twice, {counts:?}");
    assert_eq!(world.report(OUT).state, NodeState::Healthy);
    (world, counts.failures)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_primary_key_gives_way_to_the_secondary_and_is_tried_again() {
    let world = World::new(HOUR_IS_A_SECOND).await;
    world.route("all", "out", UPDATES).await;
    let good = world.near.connection("out", world.near.port());
    let spec = by_key(&world, &withdrawn(&good), Some(&good));
    let _out = start("out", &spec, world.routes(), &world.parts);
    world.change(100).await;
    let counts = world.settled(OUT).await;
    adds_up(&counts);
    assert_eq!((counts.done, counts.repeated), (100, 0));
    assert!(counts.failures >= 1);
    assert_eq!(world.report(OUT).state, NodeState::SecondaryKey);
    world.near.keep_secret("primary", &good);
    world.near.keep_secret("secondary", &withdrawn(&good));
    // Five minutes later.
    tokio::time::sleep(Duration::from_millis(100)).await;
    world.change(101).await;
    assert_eq!(world.settled(OUT).await.done, 201);
    assert_eq!(world.report(OUT).state, NodeState::Healthy);
    assert_eq!(unique(&world.in_hub("out").await).1, 0);
    let told = world.all_told();
    assert!(!told.contains("d2l0aGRyYXdu"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_both_keys_refused_everything_waits_for_new_ones() {
    let world = World::new(HOUR_IS_A_SECOND).await;
    world.route("all", "out", UPDATES).await;
    let good = world.near.connection("out", world.near.port());
    let spec = by_key(&world, &withdrawn(&good), Some(&withdrawn(&good)));
    let _out = start("out", &spec, world.routes(), &world.parts);
    world.change(100).await;
    let message = world
        .eventually("a state", || {
            let report = world.report(OUT);
            (report.state == NodeState::Failed).then(|| report.message.unwrap())
        })
        .await;
    assert!(message.contains("Check the key"), "{message}");
    assert_eq!(world.counts(OUT).taken, 0);
    world.near.keep_secret("secondary", &good);
    let counts = world.settled(OUT).await;
    adds_up(&counts);
    assert_eq!((counts.done, counts.repeated), (100, 0));
    assert_eq!(unique(&world.in_hub("out").await), (100, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_break_at_random() {
    let (_world, failures) = through(Way::Brittle, 1_000, Duration::from_millis(300)).await;
    eprintln!("{failures} attempts failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_accepts_and_never_answers() {
    let (_world, failures) = through(Way::Silent, 100, Duration::from_millis(1_300)).await;
    assert!(failures >= 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_server() {
    let (_world, failures) =
        through(Way::Slow(Duration::from_millis(40)), 300, Duration::from_millis(500)).await;
    assert_eq!(failures, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_down_for_an_hour() {
    let (_world, failures) = through(Way::Down, 500, Duration::from_secs(1)).await;
    assert!(failures >= 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_day_old_is_dropped_and_counted_where_no_dead_letters_are_kept() {
    // A day is a second.
    let world = World::new(HOUR_IS_A_SECOND / 24.0).await;
    let proxy = world.proxy().await;
    proxy.set(Way::Down);
    world.route("all", "out", UPDATES).await;
    let spec = by_key(&world, &world.near.connection("out", proxy.port), None);
    let _out = start("out", &spec, world.routes(), &world.parts);
    world.change(300).await;
    let dropped = |world: &World| world.counts(OUT).dropped.get(reason::TOO_OLD).copied();
    world.eventually("drops", || dropped(&world).filter(|dropped| *dropped == 300)).await;
    world.change(200).await;
    proxy.set(Way::Open);
    let counts = world.settled(OUT).await;
    adds_up(&counts);
    assert_eq!(counts.taken, 500);
    assert_eq!(world.in_hub("out").await.len() as u64, counts.done);
    assert!(world.told.0.lock().iter().any(|told| told.contains("not delivered in time")));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_said_and_nothing_is_lost() {
    let world = World::new(HOUR_IS_A_SECOND).await;
    world.near.hub("out");
    world.route("all", "out", UPDATES).await;
    let kinds = [
        (
            EndpointSpec {
                primary: Some(crate::SecretRef { secret: "absent".into() }),
                ..world.endpoint(EndpointKind::EventHub)
            },
            "absent",
        ),
        (
            EndpointSpec {
                authentication: crate::Authentication::IdentityBased,
                address: Some("sb://space.example/".into()),
                ..world.endpoint(EndpointKind::EventHub)
            },
            "sign in",
        ),
        (
            by_key(&world, "Endpoint=sb://space.example/;SharedAccessKeyName=x", None),
            "SharedAccessKey",
        ),
        (world.endpoint(EndpointKind::EventGrid), "no Event Grid"),
    ];
    for (spec, sentence) in kinds {
        let work = start("out", &spec, world.routes(), &world.parts);
        world.change(10).await;
        world
            .eventually(sentence, || {
                let report = world.report(OUT);
                let said = report.message.is_some_and(|message| message.contains(sentence));
                (said && report.state == NodeState::Failed).then_some(())
            })
            .await;
        drop(work);
    }
    let _out = start("out", &world.endpoint(EndpointKind::EventHub), world.routes(), &world.parts);
    let counts = world.settled(OUT).await;
    assert_eq!((counts.taken, counts.done), (40, 40));
    assert_eq!(world.in_hub("out").await.len(), 40);
}
