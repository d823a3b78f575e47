//! Crashes, deploys, and what retention takes.

use super::super::batch::reason;
use super::super::start;
use super::world::{HOUR_IS_A_SECOND, World, adds_up, unique};
use crate::EndpointKind;
use adt_service::ChangeHistory;
use async_trait::async_trait;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use twin_graph::Change;

const UPDATES: &str = "type = 'Microsoft.DigitalTwins.Twin.Update'";
const OUT: &str = "endpoints/out";

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_killed_with_full_queues() {
    let mut world = World::new(HOUR_IS_A_SECOND).await;
    world.route("all", "out", UPDATES).await;
    let spec = world.endpoint(EndpointKind::EventHub);
    let routes = world.routes();
    let work = start("out", &spec, routes.clone(), &world.parts);
    world.change(600).await;
    world.eventually("some deliveries", || (world.counts(OUT).done > 0).then_some(())).await;
    // What was kept lazily is older than what was delivered when it ends.
    let kept = world.memory.0.lock().clone();
    world.change(600).await;
    world.eventually("more", || (world.counts(OUT).done > 700).then_some(())).await;
    drop(work);
    drop(world.parts.flow.node(OUT).turn().await);
    world.after_a_crash(kept);
    world.change(300).await;
    let _out = start("out", &spec, routes, &world.parts);
    let counts = world.settled(OUT).await;
    adds_up(&counts);
    assert_eq!((counts.taken, counts.done), (1_500, 1_500));
    let route = world.report("routes/all").counts;
    assert_eq!((route.taken, route.done), (1_500, 1_500));
    let (came, twice) = unique(&world.in_hub("out").await);
    assert_eq!(came, 1_500);
    assert!(twice > 0 && twice as u64 <= counts.repeated, "{twice} twice, {counts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn deploys_under_load_lose_and_double_nothing() {
    let world = World::new(1.0).await;
    world.route("all", "out", UPDATES).await;
    let spec = world.endpoint(EndpointKind::EventHub);
    let routes = world.routes();
    let changes = world.change(1_500);
    tokio::pin!(changes);
    let mut parts = world.parts.clone();
    let mut deploys = 0;
    loop {
        parts.stop = CancellationToken::new();
        let work = start("out", &spec, routes.clone(), &parts);
        let pause = tokio::time::sleep(Duration::from_millis(15 + deploys % 7));
        let done = tokio::select! { () = &mut changes => true, () = pause => false };
        // One half by being told, the other by being dropped.
        if deploys % 2 == 0 {
            parts.stop.cancel();
        }
        drop(work);
        deploys += 1;
        if done {
            break;
        }
    }
    assert!(deploys > 5, "{deploys}");
    let _out = start("out", &spec, routes, &world.parts);
    let counts = world.settled(OUT).await;
    adds_up(&counts);
    assert_eq!((counts.taken, counts.done, counts.repeated), (1_500, 1_500, 0));
    assert_eq!(unique(&world.in_hub("out").await), (1_500, 0));
    let route = world.report("routes/all").counts;
    assert_eq!((route.taken, route.done), (1_500, 1_500));
}

/// An instance whose changes up to a version are gone.
struct Forgetful(Arc<simulator::Instance>, u64);

#[async_trait]
impl ChangeHistory for Forgetful {
    async fn changes_after(&self, version: u64, limit: usize) -> Vec<Arc<Change>> {
        self.0.changes_after(version.max(self.1), limit).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_retention_takes_is_counted_and_told() {
    let mut world = World::new(1.0).await;
    world.route("all", "out", UPDATES).await;
    super::super::today::prepare("out", &world.parts);
    world.change(50).await;
    world.parts.history = Arc::new(Forgetful(world.instance.clone(), world.version() - 20));
    let _out = start("out", &world.endpoint(EndpointKind::EventHub), world.routes(), &world.parts);
    let counts = world.settled(OUT).await;
    adds_up(&counts);
    assert_eq!((counts.taken, counts.done), (50, 20));
    assert_eq!(counts.dropped.get(reason::RETENTION), Some(&30));
    assert!(world.told.0.lock().iter().any(|told| told.contains("30 changes")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_endpoint_begins_with_what_happens_from_then_on() {
    let world = World::new(1.0).await;
    world.route("all", "out", UPDATES).await;
    world.change(30).await;
    let _out = start("out", &world.endpoint(EndpointKind::EventHub), world.routes(), &world.parts);
    // Before its task ran once.
    world.change(5).await;
    assert_eq!(world.settled(OUT).await.done, 5);
}
