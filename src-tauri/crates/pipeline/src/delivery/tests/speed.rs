//! How fast an endpoint delivers what waits for it, and what an event costs: `make bench-delivery`.

use super::super::{start, today};
use super::grid::serve;
use super::world::World;
use crate::{EndpointKind, EndpointSpec};
use messaging::event_grid::{EventGrid, GridOptions, InputSchema, TimeFactor, router};
use std::time::{Duration, Instant};

const EVENTS: usize = 60_000;

/// CPU time of this process: its user and system time, from `/proc`.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<_> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn of_each_kind_of_endpoint() {
    let world = World::new(1.0).await;
    let options = GridOptions {
        secret: "a secret of this test".into(),
        factor: TimeFactor(1.0),
        dead_letters: world.folder().join("letters"),
        base_url: String::new(),
    };
    let grid = EventGrid::open(&world.journal, options).unwrap();
    let topic = grid.open_topic("twins", InputSchema::Any).await.unwrap();
    let (address, _server) = serve(router(grid.clone(), None)).await;
    world.near.topic_of("topic");
    world.route("all", "out", "type = 'Microsoft.DigitalTwins.Twin.Update'").await;
    let embedded = |kind| EndpointSpec::embedded(kind);
    let kinds = [
        ("event hub", embedded(EndpointKind::EventHub)),
        (
            "Service Bus topic",
            EndpointSpec { entity: Some("topic".into()), ..embedded(EndpointKind::ServiceBus) },
        ),
        (
            "Event Grid topic",
            EndpointSpec {
                address: Some(format!("{address}/twins/api/events")),
                primary: Some(world.near.keep_secret("key", topic.key())),
                ..embedded(EndpointKind::EventGrid)
            },
        ),
    ];
    today::prepare("out", &world.parts);
    world.change(EVENTS).await;
    for (kind, spec) in kinds {
        let kept = world.memory.0.lock()["endpoints/out"].clone();
        let before = world.counts("endpoints/out").done;
        let (began, cpu_before) = (Instant::now(), cpu());
        let work = start("out", &spec, world.routes(), &world.parts);
        world.settled("endpoints/out").await;
        let (took, worked) = (began.elapsed(), cpu() - cpu_before);
        let done = world.counts("endpoints/out").done - before;
        assert_eq!(done as usize, EVENTS);
        eprintln!(
            "{kind}: {:.0} events/s, {:.1} µs of CPU an event, server and journal with it",
            done as f64 / took.as_secs_f64(),
            worked.as_secs_f64() * 1e6 / done as f64
        );
        drop(work);
        drop(world.parts.flow.node("endpoints/out").turn().await);
        world.memory.0.lock().insert("endpoints/out".into(), kept);
    }
    grid.stop().await;
}
