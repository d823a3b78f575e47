//! A remote instance is loaded and followed: against a service in memory, with faults.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../adt-service/tests/memory/mod.rs"]
mod memory;

use adt_service::{Call, Changes, Code, GraphView, RelationshipWrite, ServiceError, TwinService};
use memory::{Memory, error};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::sleep;
use twin_graph::{ChangeKind, Origin, TwinGraph, parse_patch};
use twin_sync::{Progress, RemoteGraph, SyncOptions};

const ROOM: &str = "dtmi:example:Room;1";
const HOUR: Duration = Duration::from_secs(3_600);

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn quick() -> SyncOptions {
    SyncOptions {
        changes_every: ms(10),
        everything_every: ms(40),
        models_every: ms(80),
        overlap: ms(50),
        page: 7,
    }
}

/// Nothing is asked unless it is wished for.
fn lazy() -> SyncOptions {
    SyncOptions { changes_every: HOUR, everything_every: HOUR, models_every: HOUR, ..quick() }
}

fn call() -> Call {
    Call::new(Origin::Rest)
}

fn room(value: i32) -> Value {
    json!({"$metadata": {"$model": ROOM}, "temperature": value})
}

fn model(id: &str, extends: Option<&str>) -> Value {
    let mut model = json!({
        "@id": id, "@type": "Interface", "@context": "dtmi:dtdl:context;3",
        "contents": [{"@type": "Property", "name": "temperature", "schema": "double"}],
    });
    if let Some(base) = extends {
        model["extends"] = json!(base);
        model["contents"] = json!([]);
    }
    model
}

impl Memory {
    async fn put(&self, id: &str, body: Value) {
        self.put_twin(&call(), id, body, false).await.unwrap();
    }

    async fn relate(&self, source: &str, id: &str, target: &str) {
        let body = json!({"$targetId": target, "$relationshipName": "contains", "order": 1});
        let write = RelationshipWrite { source: source.into(), id: id.into(), body };
        self.put_relationship(&call(), write, false).await.unwrap();
    }

    async fn patch(&self, id: &str, patch: Value) {
        let patch = parse_patch(&patch).unwrap();
        self.patch_twin(&call(), id, patch, None).await.unwrap();
    }
}

async fn start(memory: &Arc<Memory>, options: SyncOptions) -> Result<RemoteGraph, ServiceError> {
    RemoteGraph::start(memory.clone(), options, |_| ()).await
}

/// A chain of twins `t00` …, each related to the next.
async fn building(twins: usize) -> Arc<Memory> {
    let memory = Arc::new(Memory::default());
    memory.create_models(&call(), vec![model(ROOM, None)]).await.unwrap();
    for n in 0..twins {
        memory.put(&format!("t{n:02}"), room(20)).await;
    }
    for n in 1..twins {
        memory.relate(&format!("t{:02}", n - 1), "r", &format!("t{n:02}")).await;
    }
    memory
}

/// What differs between the copy and the service; empty where they are in step.
fn difference(graph: &TwinGraph, memory: &Memory) -> String {
    let twins = memory.twins.lock();
    let relationships = memory.relationships.lock();
    let models = memory.models.lock();
    let mut differences = Vec::new();
    for (id, twin) in twins.iter() {
        if graph.twin(id) != Some(twin) {
            differences.push(format!("{id}: {:?}, not {twin:?}", graph.twin(id)));
        }
    }
    for ((source, id), relationship) in relationships.iter() {
        if graph.relationship(source, id).map(|known| &**known) != Some(relationship) {
            differences.push(format!("{source}/{id}"));
        }
    }
    let counts = (graph.twin_count(), graph.relationship_count(), graph.stored_models().count());
    let expected = (twins.len(), relationships.len(), models.len());
    if counts != expected {
        differences.push(format!("{counts:?} twins, relationships and models, not {expected:?}"));
    }
    differences.join("; ")
}

async fn until(what: &str, mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < Duration::from_secs(10), "never: {what}");
        sleep(ms(5)).await;
    }
}

async fn in_step(view: &GraphView, memory: &Memory) {
    let began = Instant::now();
    loop {
        let difference = difference(&view.read(), memory);
        if difference.is_empty() {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(10), "not in step: {difference}");
        sleep(ms(5)).await;
    }
}

#[tokio::test]
async fn a_load_brings_all_and_tells_how_far_it_is() {
    let memory = building(23).await;
    *memory.out_of_order.lock() = true;
    let told = Arc::new(Mutex::new(Vec::new()));
    let sink = told.clone();
    let progress = move |progress: Progress| sink.lock().push(progress);
    let remote = RemoteGraph::start(memory.clone(), lazy(), progress).await.unwrap();
    assert_eq!(difference(&remote.view().read(), &memory), "");
    let of = |step| {
        let told = told.lock();
        let told = told.iter().filter(|p| p.step == step).map(|p| (p.done, p.total));
        told.collect::<Vec<_>>()
    };
    assert_eq!(of("models"), [(1, None)]);
    assert_eq!(of("twins"), [7, 14, 21, 23].map(|done| (done, Some(23))));
    assert_eq!(of("relationships"), [7, 14, 21, 22].map(|done| (done, Some(22))));
    // Who follows from here sees no load.
    let view = remote.view();
    let version = view.read().version();
    assert!(matches!(view.changes_since(version, 10), Changes::Since(none) if none.is_empty()));
    assert!(matches!(view.changes_since(0, 10), Changes::StartOver));
}

#[tokio::test]
async fn every_kind_of_change_is_followed() {
    let memory = building(5).await;
    let remote = start(&memory, quick()).await.unwrap();
    let view = remote.view();
    let loaded = TwinGraph::clone(&view.read());

    memory.patch("t01", json!([{"op": "replace", "path": "/temperature", "value": 21}])).await;
    in_step(&view, &memory).await;
    memory.patch("t01", json!([{"op": "remove", "path": "/temperature"}])).await;
    in_step(&view, &memory).await;
    memory.put("new", room(1)).await;
    in_step(&view, &memory).await;
    memory.relate("t00", "to new", "new").await;
    in_step(&view, &memory).await;
    memory.relate("new", "self", "new").await;
    in_step(&view, &memory).await;
    let order = parse_patch(&json!([{"op": "replace", "path": "/order", "value": 2}])).unwrap();
    memory.patch_relationship(&call(), "t00", "to new", order, None).await.unwrap();
    in_step(&view, &memory).await;
    memory.relate("t00", "to new", "t04").await;
    in_step(&view, &memory).await;
    memory.create_models(&call(), vec![model("dtmi:example:Hall;1", Some(ROOM))]).await.unwrap();
    memory.put("new", json!({"$metadata": {"$model": "dtmi:example:Hall;1"}})).await;
    in_step(&view, &memory).await;
    memory.relationships.lock().remove(&("new".into(), "self".into()));
    memory.delete_twin(&call(), "new", None).await.unwrap();
    memory.delete_model(&call(), "dtmi:example:Hall;1").await.unwrap();
    in_step(&view, &memory).await;

    // The changes, replayed, lead to the same graph; the log can show each before and after.
    let Changes::Since(changes) = view.changes_since(loaded.version(), 1_000) else { panic!() };
    let mut replayed = loaded;
    for change in &changes {
        assert_eq!(change.cause.origin, Origin::Remote);
        replayed.apply(change).unwrap();
    }
    assert_eq!(difference(&replayed, &memory), "");
    let ChangeKind::TwinPatched { patch, .. } = &changes[0].kind else { panic!("{changes:?}") };
    assert_eq!(patch[0].previous, Some(json!(20)));
    assert_eq!(patch[0].operation.value, Some(json!(21)));
    assert_eq!(memory.twins.lock().len(), 5);
}

#[tokio::test]
async fn a_storm_with_faults_ends_in_step() {
    let memory = building(30).await;
    let remote = start(&memory, quick()).await.unwrap();
    let view = remote.view();
    let faults = Arc::new(Mutex::new(1_u64));
    // A linear congruential generator is random enough, and the same each time.
    let random = |seed: &Mutex<u64>, below: u64| {
        let mut seed = seed.lock();
        *seed =
            seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*seed >> 33) % below
    };
    let seed = faults.clone();
    let own = Arc::new(Mutex::new(false));
    let by_test = own.clone();
    memory.fail_with(move |_| match *by_test.lock() {
        false if random(&seed, 8) == 0 => Err(error(Code::InternalServerError)),
        _ => Ok(Duration::ZERO),
    });
    let dice = Mutex::new(7);
    for n in 0..300 {
        let id = format!("t{:02}", random(&dice, 30));
        let other = format!("t{:02}", random(&dice, 30));
        *memory.out_of_order.lock() = n % 3 == 0;
        *own.lock() = true;
        match random(&dice, 6) {
            0 => {
                let touches = |r: &twin_graph::Relationship| *r.source == *id || *r.target == *id;
                memory.relationships.lock().retain(|_, r| !touches(r));
                memory.delete_twin(&call(), &id, None).await.ok();
            }
            1 if memory.twins.lock().contains_key(&other)
                && memory.twins.lock().contains_key(&id) =>
            {
                memory.relate(&id, &format!("r{n}"), &other).await;
            }
            2 => {
                memory.relationships.lock().pop_first();
            }
            _ => memory.put(&id, room(n)).await,
        }
        *own.lock() = false;
        if n % 10 == 0 {
            sleep(ms(3)).await;
        }
    }
    in_step(&view, &memory).await;
    assert!(view.read().version() > 100, "the storm was followed, not slept through");
}

#[tokio::test]
async fn a_lost_connection_is_told_and_heals() {
    let memory = building(5).await;
    let remote = start(&memory, quick()).await.unwrap();
    let view = remote.view();
    assert!(remote.state().reachable);
    memory.fail_with(|_| {
        Err(ServiceError::new(Code::ServiceUnavailable, "localhost:1 does not answer"))
    });
    until("the loss is told", || !remote.state().reachable).await;
    let lost = remote.state();
    assert_eq!(lost.error.as_deref(), Some("localhost:1 does not answer"));
    assert_eq!(view.read().twin_count(), 5, "what is known stays");
    memory.relationships.lock().clear();
    memory.twins.lock().remove("t03");
    sleep(ms(50)).await;
    assert_eq!(remote.state().last_ok, lost.last_ok, "the copy ages");
    memory.no_fault();
    in_step(&view, &memory).await;
    until("the return is told", || remote.state().reachable).await;
    assert!(remote.state().last_ok > lost.last_ok && remote.state().error.is_none());
}

#[tokio::test]
async fn an_instance_that_does_not_tell_changes_is_compared() {
    for code in [Code::SqlQueryError, Code::BadRequest] {
        let memory = building(3).await;
        memory.fail_with(move |name| match name.contains("WHERE") || name.contains("COUNT") {
            true => Err(error(code)),
            false => Ok(Duration::ZERO),
        });
        let remote = start(&memory, quick()).await.unwrap();
        memory.patch("t01", json!([{"op": "replace", "path": "/temperature", "value": 5}])).await;
        in_step(&remote.view(), &memory).await;
        assert!(remote.state().reachable);
        let calls = memory.calls.lock();
        let refused = calls.iter().filter(|(name, _)| name.contains("WHERE")).count();
        assert_eq!(refused, 1, "what is refused is not asked again");
    }
}

#[tokio::test]
async fn a_slow_instance_is_asked_one_question_after_the_other() {
    let memory = building(20).await;
    let remote = start(&memory, quick()).await.unwrap();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let times = asked.clone();
    memory.fail_with(move |name| {
        if name.starts_with("SELECT") {
            times.lock().push(Instant::now());
        }
        Ok(ms(30))
    });
    memory.twins.lock().remove("t19");
    memory.relationships.lock().retain(|_, r| &*r.target != "t19");
    for _ in 0..20 {
        remote.refresh_soon();
        sleep(ms(5)).await;
    }
    in_step(&remote.view(), &memory).await;
    let asked = asked.lock();
    assert!(asked.len() > 5);
    for pair in asked.windows(2) {
        assert!(pair[1] - pair[0] >= ms(30), "a question before the last was answered");
    }
}

#[tokio::test]
async fn what_was_written_here_is_seen_at_once() {
    let memory = building(4).await;
    let remote = start(&memory, lazy()).await.unwrap();
    let view = remote.view();
    memory.patch("t01", json!([{"op": "replace", "path": "/temperature", "value": 5}])).await;
    remote.refresh_twin("t01");
    in_step(&view, &memory).await;
    memory.relationships.lock().remove(&("t00".into(), "r".into()));
    memory.relate("t01", "other", "t03").await;
    remote.refresh_twin("t00");
    remote.refresh_twin("t01");
    in_step(&view, &memory).await;
    memory.relationships.lock().clear();
    memory.twins.lock().remove("t02");
    remote.refresh_twin("t02");
    remote.refresh_soon();
    in_step(&view, &memory).await;
    memory.put("new", room(1)).await;
    memory.create_models(&call(), vec![model("dtmi:example:Hall;1", None)]).await.unwrap();
    remote.refresh_soon();
    in_step(&view, &memory).await;
}

#[tokio::test]
async fn what_the_index_does_not_show_yet_is_not_deleted() {
    let memory = building(4).await;
    let remote = start(&memory, quick()).await.unwrap();
    memory.hidden.lock().insert("t01".into());
    memory.patch("t01", json!([{"op": "replace", "path": "/temperature", "value": 5}])).await;
    let view = remote.view();
    in_step(&view, &memory).await;
    let version = view.read().version();
    sleep(ms(200)).await;
    assert_eq!(view.read().version(), version, "it neither goes nor comes back");
}

#[tokio::test]
async fn models_that_do_not_parse_are_left_out_and_counted() {
    let memory = building(1).await;
    let broken = json!({"@id": "dtmi:example:Broken;1", "@type": "Interface", "@context": "dtmi:dtdl:context;3", "contents": 5});
    let depends = model("dtmi:example:Depends;1", Some("dtmi:example:Broken;1"));
    let good = model("dtmi:example:Good;1", Some(ROOM));
    memory.create_models(&call(), vec![broken, depends, good]).await.unwrap();
    memory.put("odd", json!({"$metadata": {"$model": "dtmi:example:Broken;1"}, "x": 1})).await;
    let remote = start(&memory, quick()).await.unwrap();
    let view = remote.view();
    let left_out = remote.state().models_left_out;
    let ids: Vec<_> = left_out.keys().collect();
    assert_eq!(ids, ["dtmi:example:Broken;1", "dtmi:example:Depends;1"]);
    assert!(left_out.values().all(|why| !why.is_empty()), "{left_out:?}");
    assert!(view.read().models().get("dtmi:example:Good;1").is_some());
    assert_eq!(view.read().twin("odd").unwrap().property("x").unwrap().as_i64(), Some(1));
    // Mended on the instance, both are taken over.
    let mended = model("dtmi:example:Broken;1", None);
    memory.models.lock().insert("dtmi:example:Broken;1".into(), mended);
    in_step(&view, &memory).await;
    until("none is left out", || remote.state().models_left_out.is_empty()).await;
}

#[tokio::test]
async fn a_load_that_fails_says_why() {
    let memory = building(9).await;
    memory.fail_with(|name| match name {
        "SELECT * FROM RELATIONSHIPS" => Err(error(Code::InternalServerError)),
        _ => Ok(Duration::ZERO),
    });
    let Err(failed) = start(&memory, quick()).await else { panic!() };
    assert_eq!(failed.to_string(), "InternalServerError of the test");
    memory.no_fault();
    *memory.endless.lock() = true;
    let Err(failed) = start(&memory, quick()).await else { panic!() };
    assert!(failed.message.contains("The list of models does not end"), "{failed}");
}

#[tokio::test]
async fn a_cancelled_load_and_a_dropped_copy_ask_no_more() {
    let memory = building(20).await;
    memory.fail_with(|_| Ok(ms(20)));
    let load = start(&memory, quick());
    assert!(tokio::time::timeout(ms(50), load).await.is_err());
    let quiet = async || {
        sleep(ms(40)).await;
        let asked = memory.calls.lock().len();
        sleep(ms(100)).await;
        assert_eq!(memory.calls.lock().len(), asked);
    };
    quiet().await;
    memory.no_fault();
    let remote = start(&memory, quick()).await.unwrap();
    remote.stop();
    quiet().await;
    let remote = start(&memory, quick()).await.unwrap();
    drop(remote);
    quiet().await;
}
