//! The engine on a graph of building twins, one JSON object a line: `make bench-query` makes the
//! graph and prints these figures beside those of databases.
//!
//! `cargo bench -p adt-query --bench queries -- FOLDER`, where `FOLDER/jobs.json` says what to ask
//! and `FOLDER/workspace` holds the models and twins.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use adt_query::{Engine, Live, Query, Request, parse};
use serde_json::{Value, json};
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;
use twin_graph::{
    AppliedOperation, Cause, Change, ChangeKind, Operation, OperationKind, Origin, PropertyValue,
    Relationship, StoredModel, Timestamp, TraceContext, Twin, TwinGraph,
};

fn main() {
    let Some(folder) = std::env::args().skip(1).find(|word| !word.starts_with("--")) else {
        println!("{}", json!({"skipped": "make bench-query gives the folder of a graph"}));
        return;
    };
    let folder = PathBuf::from(folder);
    let before = resident();
    let mut graph = load(&folder.join("workspace"));
    let graph_bytes = resident() - before;
    let jobs: Value =
        serde_json::from_slice(&std::fs::read(folder.join("jobs.json")).unwrap()).unwrap();
    let engine = Engine::new();
    let version = Arc::new(graph.clone());
    for job in jobs["jobs"].as_array().unwrap() {
        let texts = job["adt"].as_array().unwrap().iter();
        let queries: Vec<Query> =
            texts.map(|text| parse(text.as_str().unwrap()).unwrap()).collect();
        measure(job["name"].as_str().unwrap(), &engine, &queries, &version);
    }
    let text = jobs["jobs"][0]["adt"][0].as_str().unwrap().to_owned();
    let (parsing, _) = median(20_000, || drop(black_box(parse(&text))));
    println!("{}", json!({"job": "parse", "us": parsing * 1e6}));
    for column in engine.columns() {
        println!("{}", json!({"column": column.path, "bytes": column.bytes}));
    }
    println!("{}", json!({"memory": "graph", "bytes": graph_bytes, "columns": engine.memory()}));
    drop(version);
    updates(&mut graph, &jobs, &engine);
    live(&mut graph, &jobs, &engine);
}

/// Asks until there is a steady figure: to the last projected id as a text, and to JSON.
fn measure(name: &str, engine: &Engine, queries: &[Query], graph: &Arc<TwinGraph>) {
    let mut rows = 0;
    let mut ask = |json: bool| {
        rows = 0;
        for query in queries {
            let answer = engine.execute(query, graph, Request::default()).unwrap();
            rows += answer.len();
            for row in 0..answer.len() {
                if json {
                    black_box(answer.row(row).to_string());
                } else {
                    black_box((answer.text(row, 0), answer.text(row, 1)));
                }
            }
        }
    };
    let first = Instant::now();
    ask(false);
    let first = first.elapsed().as_secs_f64();
    (0..3).for_each(|_| ask(false));
    let (wall, cpu) = median(2_000, || ask(false));
    let (to_json, _) = median(500, || ask(true));
    let report = engine.execute(&queries[0], graph, Request::default()).unwrap().report().clone();
    let steps: Vec<_> = report.steps.iter().map(|step| step.what.clone()).collect();
    println!(
        "{}",
        json!({"job": name, "us": wall * 1e6, "cpu_us": cpu * 1e6, "json_us": to_json * 1e6,
            "first_us": first * 1e6, "rows": rows, "steps": steps, "columns": report.columns})
    );
}

/// The median of many runs, for at most two seconds: wall and, as a mean, CPU seconds.
fn median(most: usize, mut once: impl FnMut()) -> (f64, f64) {
    let (begun, cpu) = (Instant::now(), cpu());
    let mut each = Vec::new();
    while each.len() < most && (begun.elapsed().as_secs_f64() < 2.0 || each.len() < 5) {
        let start = Instant::now();
        once();
        each.push(start.elapsed().as_secs_f64());
    }
    let cpu = (self::cpu() - cpu) / each.len() as f64;
    each.sort_by(f64::total_cmp);
    (each[each.len() / 2], cpu)
}

/// What an update costs: to the graph, and to a column that follows it at the next query.
fn updates(graph: &mut TwinGraph, jobs: &Value, engine: &Engine) {
    let thermostats: Vec<Arc<str>> = graph
        .twins()
        .filter(|twin| twin.property("temperature").is_some())
        .map(|twin| twin.id.clone())
        .collect();
    let filter = parse(jobs["filter"].as_str().unwrap()).unwrap();
    let mut next = 0;
    for count in [100, 1_000, 10_000] {
        let mut version = Arc::new(graph.clone());
        engine.execute(&filter, &version, Request::default()).unwrap();
        let (still, _) =
            median(200, || drop(engine.execute(&filter, &version, Request::default())));
        let (mut applied, mut followed) = (0.0, Vec::new());
        for _ in 0..5 {
            let start = cpu();
            for _ in 0..count {
                next = (next + 7_919) % thermostats.len();
                patch(graph, &thermostats[next], 15.0 + (next % 100) as f64 / 10.0);
            }
            applied += cpu() - start;
            version = Arc::new(graph.clone());
            let start = Instant::now();
            engine.execute(&filter, &version, Request::default()).unwrap();
            followed.push(start.elapsed().as_secs_f64());
        }
        followed.sort_by(f64::total_cmp);
        let each = (followed[2] - still).max(0.0) / f64::from(count);
        println!(
            "{}",
            json!({"updates": count, "apply_us": applied / f64::from(count * 5) * 1e6,
                "column_us": each * 1e6, "query_us": followed[2] * 1e6, "still_us": still * 1e6})
        );
    }
}

/// What a change costs a live query over all thermostats.
fn live(graph: &mut TwinGraph, jobs: &Value, engine: &Engine) {
    let query = Arc::new(parse(jobs["live"].as_str().unwrap()).unwrap());
    let version = Arc::new(graph.clone());
    let mut live = Live::open(query, engine, version, 10_000_000, &|| None).unwrap();
    let rows = live.rows().len();
    let thermostat = graph.twins().find(|twin| twin.property("temperature").is_some());
    let thermostat = thermostat.unwrap().id.clone();
    let mut times = Vec::new();
    for round in 0..500 {
        patch(graph, &thermostat, f64::from(round));
        let version = Arc::new(graph.clone());
        let start = Instant::now();
        let change = live.update(engine, version, &|| None).unwrap();
        times.push(start.elapsed().as_secs_f64());
        black_box(change);
    }
    times.sort_by(f64::total_cmp);
    println!("{}", json!({"live": rows, "update_us": times[250] * 1e6}));
}

fn patch(graph: &mut TwinGraph, id: &Arc<str>, value: f64) {
    let twin = graph.twin(id).unwrap();
    let operation = Operation {
        op: OperationKind::Replace,
        path: "/temperature".into(),
        value: Some(value.into()),
    };
    let previous = twin.property("temperature").map(PropertyValue::to_json);
    let kind = ChangeKind::TwinPatched {
        id: id.clone(),
        model: twin.model.clone(),
        patch: vec![AppliedOperation { operation, previous }],
        source_times: Vec::new(),
        etag: twin.etag.clone(),
    };
    let time = Timestamp::from_ticks(0);
    let cause = Cause { trace: TraceContext::new(1, 1), origin: Origin::Rest };
    graph.apply(&Change { version: graph.version() + 1, time, cause, kind }).unwrap();
}

fn load(workspace: &Path) -> TwinGraph {
    let mut models = Vec::new();
    for entry in std::fs::read_dir(workspace.join("models")).unwrap() {
        let text = std::fs::read(entry.unwrap().path()).unwrap();
        let document: Value = serde_json::from_slice(&text).unwrap();
        let document = Arc::new(document);
        models.push(StoredModel {
            document,
            uploaded: Timestamp::default(),
            decommissioned: false,
        });
    }
    let text = std::fs::read_to_string(workspace.join("twins.ndjson")).unwrap();
    let (mut twins, mut relationships) = (Vec::new(), Vec::new());
    for line in text.lines() {
        let mut row: Value = serde_json::from_str(line).unwrap();
        if row.get("$relationshipId").is_some() {
            row["$sourceId"] = row["$dtId"].take();
            row.as_object_mut().unwrap().remove("$dtId");
            relationships.push(Arc::new(Relationship::from_json(&row).unwrap()));
        } else if row.get("$dtId").is_some() {
            row["$etag"] = "W/\"1\"".into();
            twins.push(Arc::new(Twin::from_json(&row).unwrap()));
        }
    }
    TwinGraph::restore(1, &models, twins, relationships).unwrap()
}

/// CPU seconds of this thread.
fn cpu() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = text.split_whitespace().next().and_then(|word| word.parse::<f64>().ok());
    nanos.unwrap_or_default() / 1e9
}

/// Resident bytes of this process.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = text.split_whitespace().nth(1).and_then(|word| word.parse::<u64>().ok());
    pages.unwrap_or_default() * 4_096
}
