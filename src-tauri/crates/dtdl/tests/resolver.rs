//! A resolver hands in what is missing, round by round.
#![allow(clippy::unwrap_used)]

use dtdl::{Models, ParseOptions};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

fn interface(id: &str, extends: &[&str]) -> Value {
    json!({"@context": "dtmi:dtdl:context;3", "@id": id, "@type": "Interface", "extends": extends})
}

#[test]
fn is_asked_for_what_is_missing_and_for_what_that_misses() {
    let library: BTreeMap<&str, Value> = [
        ("dtmi:t:B;1", interface("dtmi:t:B;1", &["dtmi:t:C;1", "dtmi:t:There;1"])),
        ("dtmi:t:C;1", interface("dtmi:t:C;1", &[])),
    ]
    .into();
    let mut models = Models::new();
    models.add(&[interface("dtmi:t:There;1", &[])], &ParseOptions::default()).unwrap();
    let mut asked: Vec<Vec<String>> = Vec::new();
    let resolve = |missing: &[Arc<str>]| {
        asked.push(missing.iter().map(|id| id.to_string()).collect());
        missing.iter().filter_map(|id| library.get(&**id).cloned()).collect()
    };
    let top = interface("dtmi:t:A;1", &["dtmi:t:B;1"]);
    let added = models.add_resolving(&[top], &ParseOptions::default(), resolve).unwrap();
    let added: Vec<_> = added.iter().map(|model| &*model.id).collect();
    assert_eq!(added, ["dtmi:t:A;1", "dtmi:t:B;1", "dtmi:t:C;1"]);
    assert_eq!(asked, [["dtmi:t:B;1"], ["dtmi:t:C;1"]]);
    assert!(models.is_a("dtmi:t:A;1", "dtmi:t:There;1"));
}

#[test]
fn what_it_does_not_know_is_a_problem_and_nothing_is_added() {
    let mut models = Models::new();
    let top = interface("dtmi:t:A;1", &["dtmi:t:Nobody;1"]);
    let problems = models
        .add_resolving(&[top], &ParseOptions::default(), |_| Vec::new())
        .unwrap_err()
        .to_string();
    assert!(problems.contains("dtmi:t:Nobody;1"), "{problems}");
    assert!(models.is_empty());
}

#[test]
fn one_that_never_ends_is_stopped() {
    let mut models = Models::new();
    let mut next = 0;
    let endless = |_: &[Arc<str>]| {
        next += 1;
        vec![interface(&format!("dtmi:t:N{next};1"), &[&format!("dtmi:t:N{};1", next + 1)])]
    };
    let top = interface("dtmi:t:A;1", &["dtmi:t:N1;1"]);
    assert!(models.add_resolving(&[top], &ParseOptions::default(), endless).is_err());
    assert!(models.is_empty());
}
