//! What real models cost: time and memory of both ontologies, one more model, the check of a twin's body.
//!
//! `cargo bench -p dtdl`
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

use std::{hint::black_box, path::Path, time::Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use dtdl::{Models, ParseOptions};
use serde_json::{Map, Value, json};

const ONTOLOGIES: [&str; 2] = ["ontology-rec.json", "ontology-realestatecore-building.json"];

fn load(file: &str) -> Option<Vec<Value>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/data").join(file);
    let text = std::fs::read(path).ok()?;
    dtdl::read(&text).expect("it is JSON").as_array().cloned()
}

fn parsed(documents: &[Value]) -> Models {
    let mut models = Models::new();
    models.add(documents, &ParseOptions::default()).expect("it is valid");
    models
}

/// The memory of this process in KiB, where the system tells it.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}

fn ontologies(c: &mut Criterion) {
    // All are held, so that none is put where another one was.
    let loaded: Vec<_> = ONTOLOGIES.iter().filter_map(|file| Some((file, load(file)?))).collect();
    let mut all = Vec::new();
    for (file, documents) in &loaded {
        let before = resident();
        let started = Instant::now();
        let models = parsed(documents);
        let time = started.elapsed();
        let memory = resident().zip(before).map(|(after, before)| after.saturating_sub(before));
        println!(
            "{file}: {} interfaces in {time:.1?}, {} KiB above the JSON",
            models.len(),
            memory.map_or("?".to_owned(), |memory| memory.to_string())
        );
        all.push((file, documents, models));
    }
    if all.len() < ONTOLOGIES.len() {
        println!("skipped: ontologies that are not in ../shared/data");
    }
    for (file, documents, models) in all {
        c.bench_function(&format!("parse {file}"), |b| b.iter(|| parsed(black_box(documents))));
        let one_more = json!({
            "@context": "dtmi:dtdl:context;3",
            "@id": "dtmi:bench:OneMore;1",
            "@type": "Interface",
            "contents": [{"@type": "Property", "name": "x", "schema": "double"}],
            "extends": models.iter().max_by_key(|model| model.contents.len()).unwrap().id
        });
        c.bench_function(&format!("add one model to {file}"), |b| {
            let mut models = models.clone();
            b.iter(|| {
                models
                    .add(std::slice::from_ref(&one_more), &ParseOptions::default())
                    .expect("it is valid");
                models.remove("dtmi:bench:OneMore;1").expect("it is there");
            });
        });
    }
}

/// A body of 30 properties of all sorts.
fn values(c: &mut Criterion) {
    let sorts = [
        ("double", json!(21.5)),
        ("integer", json!(42)),
        ("string", json!("on")),
        ("dateTime", json!("2024-12-31T23:59:59Z")),
        ("boolean", json!(true)),
        ("duration", json!("PT1H30M")),
    ];
    let contents: Vec<Value> = (0..30)
        .map(|n| json!({"@type": "Property", "name": format!("p{n}"), "schema": sorts[n % 6].0}))
        .collect();
    let body: Map<String, Value> =
        (0..30).map(|n| (format!("p{n}"), sorts[n % 6].1.clone())).collect();
    let models = parsed(&[json!({
        "@context": "dtmi:dtdl:context;3", "@id": "dtmi:bench:Body;1", "@type": "Interface",
        "contents": contents
    })]);
    let interface = models.get("dtmi:bench:Body;1").unwrap();
    c.bench_function("check a body of 30 properties", |b| {
        b.iter(|| {
            for (name, value) in black_box(&body) {
                let property = interface.property(name).expect("it has it");
                assert!(property.schema.check(value).is_ok());
            }
        });
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = ontologies, values
}
criterion_main!(benches);
