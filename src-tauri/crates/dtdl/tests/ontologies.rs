//! Real models: both ontologies parse whole. Skipped with a word where the files are absent.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{io::Write, path::Path};

use dtdl::{Models, ParseOptions};
use serde_json::Value;

fn load(file: &str) -> Option<Vec<Value>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/data").join(file);
    let Ok(text) = std::fs::read(&path) else {
        // Past the test harness, which keeps the words of a test that passes to itself.
        let _ = writeln!(std::io::stderr(), "skipped: there is no {}", path.display());
        return None;
    };
    match dtdl::read(&text).expect("it is JSON") {
        Value::Array(interfaces) => Some(interfaces),
        other => panic!("not an array: {other}"),
    }
}

fn check(file: &str, count: usize) {
    let Some(interfaces) = load(file) else { return };
    assert_eq!(interfaces.len(), count);
    let mut models = Models::new();
    if let Err(problems) = models.add(&interfaces, &ParseOptions::default()) {
        panic!("{problems}");
    }
    assert_eq!(models.len(), count);
    // One by one, in the order of their dependencies, they come out the same. A sample is enough.
    let mut again = Models::new();
    for model in models.iter().step_by(10) {
        for id in models.dependencies(&model.id) {
            if again.get(&id).is_none() {
                let document = Value::clone(&models.get(&id).unwrap().document);
                again.add(&[document], &ParseOptions::default()).unwrap();
            }
        }
    }
    assert!(again.len() > count / 10);
    assert!(again.iter().all(|model| models.get(&model.id) == Some(model)));
}

#[test]
fn real_estate_core_for_buildings_in_version_3() {
    check("ontology-realestatecore-building.json", 767);
}

#[test]
fn rec_in_version_2() {
    check("ontology-rec.json", 1364);
}
