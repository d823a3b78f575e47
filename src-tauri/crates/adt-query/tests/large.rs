//! What is asked of a million twins at once, or of `TWINS`: answered, or ended when its time is
//! over, in bounded memory.
//! `cargo test --release -p adt-query --test large -- --ignored --nocapture --test-threads 1`
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod graph;

use adt_query::{Engine, Live, Request, Stopped, limits, parse};
use graph::{put_relationship, put_twin};
use serde_json::json;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};
use twin_graph::TwinGraph;

/// Memory that a query may take besides the graph and the engine's columns.
const MOST_MEMORY: usize = 64 << 20;

/// A campus of buildings, floors of 40 rooms, and a thermostat or two in each room.
static CAMPUS: LazyLock<Arc<TwinGraph>> = LazyLock::new(|| {
    let mut graph = TwinGraph::new();
    let twins = std::env::var("TWINS").map_or(1_000_000, |twins| twins.parse().unwrap());
    let mut related = 0;
    twin(&mut graph, "Campus", 0);
    for room in 0.. {
        if graph.twin_count() >= twins {
            break;
        }
        let (floor, building) = (room / 40, room / 400);
        if room % 400 == 0 {
            twin(&mut graph, &format!("Building_{building}"), building);
            relate(&mut graph, &mut related, "Campus", &format!("Building_{building}"));
        }
        if room % 40 == 0 {
            twin(&mut graph, &format!("Floor_{floor}"), floor);
            let of = format!("Building_{building}");
            relate(&mut graph, &mut related, &of, &format!("Floor_{floor}"));
        }
        let name = format!("Room_{room}");
        twin(&mut graph, &name, room);
        relate(&mut graph, &mut related, &format!("Floor_{floor}"), &name);
        if room % 40 != 0 {
            relate(&mut graph, &mut related, &format!("Room_{}", room - 1), &name);
        }
        for each in 0..1 + room % 2 {
            twin(&mut graph, &format!("thermo_{room}_{each}"), room);
            relate(&mut graph, &mut related, &name, &format!("thermo_{room}_{each}"));
        }
    }
    Arc::new(graph)
});

fn twin(graph: &mut TwinGraph, id: &str, number: usize) {
    let name = format!("aaaaaaaaaaaaaaaa of {number}");
    let model = json!({"$model": "dtmi:t:Space;1"});
    put_twin(graph, &json!({"$dtId": id, "$etag": "", "name": name, "$metadata": model}));
}

fn relate(graph: &mut TwinGraph, count: &mut usize, source: &str, target: &str) {
    *count += 1;
    let relationship = json!({
        "$relationshipId": format!("r{count}"), "$etag": "", "$relationshipName": "has",
        "$sourceId": source, "$targetId": target,
    });
    put_relationship(graph, &relationship);
}

/// The most that the process had in memory so far.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() << 10
}

/// Nearly matches everywhere in each name: what makes a careless search slow.
#[test]
#[ignore = "takes some ten seconds with optimizations"]
fn contains_over_a_million_twins() {
    let engine = Engine::new();
    let part = "a".repeat(16) + " of 1234";
    let text = format!("SELECT T.$dtId FROM DIGITALTWINS T WHERE CONTAINS(T.name, '{part}')");
    let query = parse(&text).unwrap();
    let expected = CAMPUS.twins().filter(|twin| {
        twin.property("name").is_some_and(|name| name.to_json().as_str().unwrap().contains(&part))
    });
    let expected = expected.count();
    assert!(expected > 1);
    for run in ["documents", "column made", "column"] {
        let start = Instant::now();
        let answer = engine.execute(&query, &CAMPUS, Request::default()).unwrap();
        eprintln!("CONTAINS, {run}: {} rows in {:?}", answer.len(), start.elapsed());
        assert_eq!(answer.len(), expected);
    }
}

/// The time is the service's, measured by the clock.
#[test]
#[ignore = "takes a minute"]
fn a_match_of_everything_ends_with_its_time() {
    let query = parse("SELECT COUNT() FROM DIGITALTWINS MATCH (a)-[*1..4]-(b) WHERE a.$dtId != ''");
    let graph = &*CAMPUS;
    let (before, start) = (peak(), Instant::now());
    let (longest, last) = (AtomicU64::new(0), AtomicU64::new(0));
    let stop = || {
        let now = start.elapsed().as_micros() as u64;
        longest.fetch_max(now - last.swap(now, Ordering::Relaxed), Ordering::Relaxed);
        (start.elapsed().as_secs() >= limits::MAX_SECONDS).then_some(Stopped::TimedOut)
    };
    let request = Request { stop: &stop, ..Request::default() };
    let ended = Engine::new().execute(&query.unwrap(), graph, request).err();
    let took = start.elapsed();
    let grown = peak() - before;
    eprintln!(
        "MATCH: {ended:?} after {took:?}, asked at least every {longest:?} us, {grown} bytes"
    );
    assert!(matches!(ended, None | Some(Stopped::TimedOut)));
    assert!(grown < MOST_MEMORY, "took {grown} bytes");
}

/// Pages of the same come at once, in the memory of a page.
#[test]
#[ignore = "takes some ten seconds with optimizations"]
fn pages_of_a_match_of_everything() {
    let text = "SELECT a.$dtId AS a, b.$dtId AS b FROM DIGITALTWINS MATCH (a)-[*1..4]-(b) WHERE a.$dtId != ''";
    let query = parse(text).unwrap();
    let engine = Engine::new();
    let graph = &*CAMPUS;
    let before = peak();
    let mut after = None;
    for page in 0..20 {
        let start = Instant::now();
        let request = Request { after: after.as_ref(), limit: Some(1_000), ..Request::default() };
        let answer = engine.execute(&query, graph, request).unwrap();
        eprintln!("page {page}: {} rows in {:?}", answer.len(), start.elapsed());
        assert_eq!(answer.len(), 1_000);
        after = Some(answer.next().unwrap().clone());
    }
    let grown = peak() - before;
    assert!(grown < MOST_MEMORY, "took {grown} bytes");
}

/// A live query of too much is refused before it takes memory, and one that is cancelled ends.
#[test]
#[ignore = "takes some ten seconds with optimizations"]
fn what_is_cancelled_ends() {
    let text = "SELECT a, b FROM DIGITALTWINS MATCH (a)-[*1..4]-(b) WHERE a.$dtId != ''";
    let query = Arc::new(parse(text).unwrap());
    let (engine, graph) = (Engine::new(), &*CAMPUS);
    let before = peak();
    let live = Live::open(query.clone(), &engine, graph.clone(), 10_000, &|| None);
    assert_eq!(live.err(), Some(Stopped::TooMany));
    assert!(peak() - before < MOST_MEMORY);
    let cancelled = AtomicBool::new(false);
    let at = std::thread::scope(|scope| {
        let run = scope.spawn(|| {
            let stop = || cancelled.load(Ordering::Relaxed).then_some(Stopped::Cancelled);
            let text = text.replace("a, b", "COUNT()");
            let request = Request { stop: &stop, ..Request::default() };
            let ended = engine.execute(&parse(&text).unwrap(), graph, request).err();
            (ended, Instant::now())
        });
        std::thread::sleep(Duration::from_millis(500));
        cancelled.store(true, Ordering::Relaxed);
        let at = Instant::now();
        let (ended, end) = run.join().unwrap();
        assert_eq!(ended, Some(Stopped::Cancelled));
        end - at
    });
    eprintln!("ended {at:?} after it was cancelled");
}
