//! Every form of the language and every refusal, from `cases.json`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod graph;

use adt_query::{Page, RowKey, limits, parse, run, run_page};
use graph::Cases;
use proptest::prelude::*;
use serde_json::{Value, json};
use twin_graph::TwinGraph;

/// All rows of a query, page by page.
fn pages(query: &adt_query::Query, graph: &TwinGraph, limit: usize) -> Vec<Value> {
    let mut rows = Vec::new();
    let mut after = None;
    loop {
        let page = run_page(query, graph, after.take(), limit);
        assert!(page.rows.len() <= limit);
        rows.extend(page.rows);
        match page.next {
            // A key goes to the client and back as text.
            Some(key) => {
                let text = serde_json::to_string(&key).unwrap();
                after = Some(serde_json::from_str::<RowKey>(&text).unwrap());
            }
            None => return rows,
        }
    }
}

fn ids(rows: &[Value]) -> Vec<&str> {
    let id = |row: &Value| row.get("$dtId").or(row.get("$relationshipId")).cloned();
    assert!(rows.iter().all(|row| id(row).is_some()));
    rows.iter()
        .map(|row| row.get("$dtId").or(row.get("$relationshipId")).unwrap().as_str().unwrap())
        .collect()
}

fn sorted(rows: impl IntoIterator<Item = Value>) -> Vec<String> {
    let mut texts: Vec<String> = rows.into_iter().map(|row| row.to_string()).collect();
    texts.sort();
    texts
}

#[test]
fn answers() {
    let cases = Cases::load();
    for (graph, answers) in cases.sets() {
        for case in answers {
            let text = case["query"].as_str().unwrap();
            let query = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            let all: Vec<Value> = run(&query, &graph).collect();
            check(case, text, &all);
            for limit in [1, 2, 1_000] {
                check(case, &format!("{text}, pages of {limit}"), &pages(&query, &graph, limit));
            }
        }
    }
}

fn check(case: &Value, text: &str, rows: &[Value]) {
    if let Some(expected) = case.get("rows") {
        // As text: the order of members counts too.
        let expected = expected.as_array().unwrap().iter().cloned();
        assert_eq!(sorted(rows.iter().cloned()), sorted(expected), "{text}");
    } else if let Some(count) = case.get("count") {
        assert_eq!(json!(rows.len()), *count, "{text}");
    } else {
        let expected: Vec<Value> = case["ids"].as_array().unwrap().clone();
        let ids = ids(rows).into_iter().map(Value::from);
        assert_eq!(sorted(ids), sorted(expected), "{text}");
    }
}

#[test]
fn documented_samples_are_taken() {
    for text in Cases::load().list("accepted") {
        let text = text.as_str().unwrap();
        parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    }
}

#[test]
fn refusals() {
    let cases = Cases::load();
    let wrong = cases.list("refusals").iter().filter_map(|case| {
        let text = case["query"].as_str().unwrap();
        match parse(text) {
            Ok(_) => Some(format!("{text}: was taken")),
            Err(error) => {
                let error = error.to_string();
                let told = error.contains(case["error"].as_str().unwrap());
                (!told).then(|| format!("{text}: {error}"))
            }
        }
    });
    let wrong: Vec<String> = wrong.collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn limits_are_kept() {
    let select = "SELECT * FROM DIGITALTWINS WHERE ";
    let ors = |count: usize| format!("{select}a = 1{}", " OR a = 1".repeat(count));
    let list = |count: usize| format!("{select}a IN [1{}]", ", 1".repeat(count - 1));
    let deep = |word: &str, close: &str, count: usize| {
        format!("{select}{}a = 1{}", word.repeat(count), close.repeat(count))
    };
    let padded = |length: usize| format!("{:length$}", "SELECT * FROM DIGITALTWINS");
    for (within, beyond, error) in [
        (
            ors(limits::MAX_LOGICAL_OPERATORS),
            ors(limits::MAX_LOGICAL_OPERATORS + 1),
            "more than 50 AND and OR",
        ),
        (list(limits::MAX_LIST_ITEMS), list(limits::MAX_LIST_ITEMS + 1), "more than 50 items"),
        (deep("(", ")", limits::MAX_DEPTH), deep("(", ")", 3_900), "nested more than 100 deep"),
        (deep("NOT ", "", limits::MAX_DEPTH), deep("NOT ", "", 1_900), "nested more than 100 deep"),
        (
            padded(limits::MAX_TEXT),
            padded(limits::MAX_TEXT + 1),
            "has 8001 characters, at most 8000 are taken",
        ),
    ] {
        assert!(parse(&within).is_ok(), "{within}");
        let refused = parse(&beyond).unwrap_err().to_string();
        assert!(refused.contains(error), "{refused}");
    }
}

#[test]
fn reads_by_id_do_not_scan() {
    let graph = Cases::load().graph();
    for (text, scanned) in [
        ("SELECT * FROM DIGITALTWINS WHERE $dtId = 'room1'", 1),
        ("SELECT * FROM DIGITALTWINS T WHERE T.temperature > 0 AND T.$dtId = 'room1'", 1),
        ("SELECT * FROM DIGITALTWINS WHERE $dtId IN ['room1', 'lab1']", 2),
        ("SELECT * FROM DIGITALTWINS WHERE $dtId = 'nobody'", 0),
        ("SELECT * FROM RELATIONSHIPS WHERE $sourceId = 'floor1'", 2),
        ("SELECT * FROM RELATIONSHIPS WHERE $targetId = 'thermo1'", 1),
        ("SELECT * FROM DIGITALTWINS WHERE $dtId = 'room1' OR temperature > 0", 5),
        ("SELECT COUNT() FROM DIGITALTWINS", 0),
    ] {
        let query = parse(text).unwrap();
        let mut rows = run(&query, &graph);
        rows.by_ref().for_each(drop);
        assert_eq!(rows.scanned(), scanned, "{text}");
        assert_eq!(run_page(&query, &graph, None, 100).scanned, scanned, "{text}");
    }
}

#[test]
fn paging_survives_changes() {
    let mut graph = Cases::load().graph();
    let query = parse("SELECT * FROM DIGITALTWINS").unwrap();
    let page = run_page(&query, &graph, None, 2);
    assert_eq!(ids(&page.rows), ["floor1", "lab1"]);
    // The row that the page ended with goes, one comes before it and one behind.
    graph::delete_twin(&mut graph, "lab1");
    graph::put_twin(&mut graph, &graph::bare_twin("attic"));
    graph::put_twin(&mut graph, &graph::bare_twin("room11"));
    let page = run_page(&query, &graph, page.next, 2);
    assert_eq!(ids(&page.rows), ["room1", "room11"]);
    let page = run_page(&query, &graph, page.next, 2);
    assert_eq!(ids(&page.rows), ["room2", "thermo1"]);
    assert_eq!(page.next, None);
}

#[test]
fn top_holds_over_pages() {
    let graph = Cases::load().graph();
    let query = parse("SELECT TOP(3) FROM DIGITALTWINS").unwrap();
    let Page { rows, next, .. } = run_page(&query, &graph, None, 2);
    assert_eq!(ids(&rows), ["floor1", "lab1"]);
    let Page { rows, next, .. } = run_page(&query, &graph, next, 2);
    assert_eq!((ids(&rows), next), (vec!["room1"], None));
}

#[test]
fn a_charge_grows_with_the_work() {
    assert_eq!(adt_query::charge(0, 0), 2.9);
    assert!(adt_query::charge(1_000, 10) > adt_query::charge(100, 10));
    assert!(adt_query::charge(100, 100) > adt_query::charge(100, 10));
}

fn leaf() -> impl Strategy<Value = String> {
    let path = prop::sample::select(vec![
        "$dtId",
        "temperature",
        "T.name",
        "T.occupied",
        "empty",
        "missing",
        "battery.level",
        "$metadata.$lastUpdateTime",
        "$metadata.temperature.lastUpdateTime",
        "address",
        "tags",
    ]);
    let value = prop::sample::select(vec![
        "'room1'",
        "'lab1'",
        "21",
        "19.0",
        "'warm'",
        "true",
        "null",
        "'2026-11-21T09:10:00Z'",
    ]);
    let compare =
        (path.clone(), prop::sample::select(vec!["=", "!=", "<", "<=", ">", ">="]), value.clone())
            .prop_map(|(path, operator, value)| format!("{path} {operator} {value}"));
    let list =
        (path.clone(), prop::sample::select(vec!["IN", "NIN"]), prop::collection::vec(value, 1..4))
            .prop_map(|(path, word, values)| format!("{path} {word} [{}]", values.join(", ")));
    let function =
        (prop::sample::select(vec!["IS_DEFINED", "IS_NUMBER", "IS_STRING", "IS_NULL"]), path)
            .prop_map(|(name, path)| format!("{name}({path})"));
    prop_oneof![compare, list, function, Just("IS_OF_MODEL(T, 'dtmi:t:Room;1')".to_owned())]
}

fn condition() -> impl Strategy<Value = String> {
    leaf().prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4)
                .prop_map(|parts| format!("({})", parts.join(" AND "))),
            prop::collection::vec(inner.clone(), 1..4)
                .prop_map(|parts| format!("({})", parts.join(" OR "))),
            inner.prop_map(|part| format!("NOT {part}")),
        ]
    })
}

proptest! {
    #[test]
    fn never_panics(text in "\\PC{0,80}") {
        let _ = parse(&text);
    }

    #[test]
    fn never_panics_on_pieces_of_the_language(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "SELECT", "*", "FROM", "DIGITALTWINS", "RELATIONSHIPS", "T", ".", "WHERE", "AND", "NOT",
            "(", ")", "[", "]", "[[", "]]", "'", "'a'", "\\'", "1", "-", "1.5", "=", "!=", "<", "IN",
            "TOP", "COUNT", "IS_OF_MODEL", "IS_DEFINED", ",", "$dtId", "é", "\n", "JOIN", "MATCH",
        ]), 0..30)
    ) {
        for text in [pieces.join(" "), pieces.concat()] {
            if let Ok(query) = parse(&text) {
                run(&query, &TwinGraph::new()).for_each(drop);
            }
        }
    }

    /// The way by id, the scan and the pages answer the same; a NOT divides the known rows in two.
    #[test]
    fn every_way_answers_the_same(condition in condition(), limit in 1usize..4) {
        let graph = Cases::load().graph();
        let answer = |condition: &str| {
            let query = parse(&format!("SELECT * FROM DIGITALTWINS T WHERE {condition}")).unwrap();
            let rows = pages(&query, &graph, limit);
            prop_assert_eq!(sorted(rows.clone()), sorted(run(&query, &graph)));
            Ok(sorted(rows))
        };
        let rows = answer(&condition)?;
        // An OR hides the ids from the choice of the way and changes nothing else.
        prop_assert_eq!(&rows, &answer(&format!("({condition}) OR missing = 1"))?);
        let others = answer(&format!("NOT ({condition})"))?;
        prop_assert!(rows.iter().all(|row| !others.contains(row)));
        prop_assert_eq!(&others, &answer(&format!("NOT NOT NOT ({condition})"))?);
    }
}
