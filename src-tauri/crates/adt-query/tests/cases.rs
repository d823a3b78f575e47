//! Every form of the language and every refusal, from `cases.json`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod graph;

use adt_limits::Limit;
use adt_query::{
    Answer, Engine, Position, Query, QueryLimits, Request, Stopped, limits, parse, parse_within,
};
use graph::Cases;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use twin_graph::TwinGraph;

fn all<'q>(query: &'q Query, graph: &Arc<TwinGraph>) -> Answer<'q> {
    Engine::new().execute(query, graph, Request::default()).unwrap()
}

/// A page, and where the next one begins.
fn page(
    engine: &Engine,
    query: &Query,
    graph: &Arc<TwinGraph>,
    after: Option<Position>,
    limit: usize,
) -> (Vec<Value>, Option<Position>) {
    let request = Request { after: after.as_ref(), limit: Some(limit), ..Request::default() };
    let answer = engine.execute(query, graph, request).unwrap();
    assert!(answer.len() <= limit);
    // A position goes to the client and back as text.
    let next = answer.next().map(|next| serde_json::to_string(next).unwrap());
    (answer.rows().collect(), next.map(|next| serde_json::from_str(&next).unwrap()))
}

/// All rows of a query, page by page.
fn pages(query: &Query, graph: &Arc<TwinGraph>, limit: usize) -> Vec<Value> {
    let engine = Engine::new().columns_from(1);
    let (mut rows, mut after) = (Vec::new(), None);
    loop {
        let (page, next) = page(&engine, query, graph, after, limit);
        rows.extend(page);
        if next.is_none() {
            return rows;
        }
        after = next;
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
        let graph = Arc::new(graph);
        for case in answers {
            let text = case["query"].as_str().unwrap();
            let query = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            check(case, text, &all(&query, &graph).rows().collect::<Vec<_>>());
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
        (ors(50), ors(51), "more than 50 AND and OR"),
        (list(50), list(51), "more than 50 items"),
        (joins(5), joins(6), "more than 5 JOINs"),
        (deep("(", ")", limits::MAX_DEPTH), deep("(", ")", 3_900), "nested more than 100 deep"),
        (deep("NOT ", "", limits::MAX_DEPTH), deep("NOT ", "", 1_900), "nested more than 100 deep"),
        (padded(8_000), padded(8_001), "has 8001 characters, at most 8000 are taken"),
    ] {
        assert!(parse(&within).is_ok(), "{within}");
        let refused = parse(&beyond).unwrap_err().to_string();
        assert!(refused.contains(error), "{refused}");
    }
}

fn joins(count: usize) -> String {
    let join = |at: usize| format!(" JOIN t{at} RELATED t0.leads r{at}");
    let joins: String = (1..=count).map(join).collect();
    format!("SELECT COUNT() FROM DIGITALTWINS t0{joins} WHERE t0.$dtId = 'a'")
}

#[test]
fn an_instance_has_limits_of_its_own() {
    let few = QueryLimits { characters: 120, operators: 1, list_items: 2, joins: 1 };
    let none = QueryLimits::of(|_| u64::MAX);
    let select = "SELECT * FROM DIGITALTWINS WHERE ";
    for (limit, text, beyond) in [
        (Limit::QueryOperators, "a = 1 OR a = 2", "a = 1 OR (a = 2 AND b = 1)"),
        (Limit::QueryListItems, "a IN [1, 2]", "a NIN [1, 2, 3]"),
        (Limit::QueryText, "a = 1", &format!("a = {}", "1".repeat(100))),
    ] {
        assert!(parse_within(&format!("{select}{text}"), &few).is_ok(), "{text}");
        let refused = parse_within(&format!("{select}{beyond}"), &few).unwrap_err();
        assert_eq!(refused.limit, Some(limit), "{refused}");
    }
    assert!(parse_within(&joins(1), &few).is_ok());
    assert_eq!(parse_within(&joins(2), &few).unwrap_err().limit, Some(Limit::QueryJoins));
    assert!(parse_within(&joins(limits::MAX_LINKS), &none).is_ok());
    assert!(parse_within(&joins(limits::MAX_LINKS + 1), &none).is_err());
    let long = format!("{select}a IN [1{}]{}", ", 1".repeat(499), " OR a = 1".repeat(700));
    let taken = parse_within(&long, &none).unwrap().sizes();
    let length = long.len() as u64;
    let expected = [
        (Limit::QueryText, length),
        (Limit::QueryOperators, 700),
        (Limit::QueryListItems, 500),
        (Limit::QueryJoins, 0),
    ];
    assert_eq!(taken, expected);
    assert_eq!(parse("SELECT *").unwrap_err().limit, None);
}

#[test]
fn reads_by_id_do_not_scan() {
    let graph = Arc::new(Cases::load().graph());
    for (text, scanned) in [
        ("SELECT * FROM DIGITALTWINS WHERE $dtId = 'room1'", 1),
        ("SELECT * FROM DIGITALTWINS T WHERE T.temperature > 0 AND T.$dtId = 'room1'", 1),
        ("SELECT * FROM DIGITALTWINS WHERE $dtId IN ['room1', 'lab1']", 2),
        ("SELECT * FROM DIGITALTWINS WHERE $dtId = 'nobody'", 0),
        ("SELECT * FROM RELATIONSHIPS WHERE $sourceId = 'floor1'", 2),
        ("SELECT * FROM RELATIONSHIPS WHERE $targetId = 'thermo1'", 1),
        ("SELECT * FROM DIGITALTWINS WHERE $dtId = 'room1' OR temperature > 0", 5),
        ("SELECT COUNT() FROM DIGITALTWINS", 0),
        ("SELECT COUNT() FROM DIGITALTWINS WHERE IS_OF_MODEL('dtmi:t:Space;1')", 0),
        ("SELECT COUNT() FROM RELATIONSHIPS WHERE $relationshipName = 'contains'", 0),
        ("SELECT R FROM DIGITALTWINS F JOIN R RELATED F.contains WHERE F.$dtId = 'floor1'", 4),
        ("SELECT F FROM DIGITALTWINS F JOIN R RELATED F.contains WHERE R.$dtId = 'room2'", 3),
    ] {
        let query = parse(text).unwrap();
        assert_eq!(all(&query, &graph).report().scanned, scanned, "{text}");
    }
}

#[test]
fn a_page_looks_at_what_it_answers() {
    let graph = Arc::new(Cases::load().graph());
    let query = parse("SELECT * FROM DIGITALTWINS").unwrap();
    let request = Request { limit: Some(2), ..Request::default() };
    let answer = Engine::new().execute(&query, &graph, request).unwrap();
    assert_eq!((answer.len(), answer.report().scanned), (2, 3));
}

#[test]
fn paging_survives_changes() {
    let mut graph = Cases::load().graph();
    let query = parse("SELECT * FROM DIGITALTWINS").unwrap();
    let engine = Engine::new();
    let (rows, next) = page(&engine, &query, &Arc::new(graph.clone()), None, 2);
    assert_eq!(ids(&rows), ["floor1", "room1"]);
    // The row that the next page would begin with goes; one takes its place, one is made anew.
    graph::delete_twin(&mut graph, "lab1");
    graph::put_twin(&mut graph, &graph::bare_twin("attic"));
    graph::put_twin(&mut graph, &graph::bare_twin("lab1"));
    let (rows, next) = page(&engine, &query, &Arc::new(graph.clone()), next, 1);
    assert_eq!(ids(&rows), ["room2"]);
    let (rows, next) = page(&engine, &query, &Arc::new(graph), next, 2);
    assert_eq!(ids(&rows), ["thermo1"]);
    assert_eq!(next, None);
}

#[test]
fn top_holds_over_pages() {
    let graph = Arc::new(Cases::load().graph());
    let query = parse("SELECT TOP(3) FROM DIGITALTWINS").unwrap();
    let engine = Engine::new();
    let (rows, next) = page(&engine, &query, &graph, None, 2);
    assert_eq!(ids(&rows), ["floor1", "room1"]);
    let (rows, next) = page(&engine, &query, &graph, next, 2);
    assert_eq!((ids(&rows), next), (vec!["room2"], None));
}

#[test]
fn a_position_of_another_query_is_refused() {
    let graph = Arc::new(Cases::load().graph());
    let query = parse("SELECT * FROM DIGITALTWINS").unwrap();
    let engine = Engine::new();
    let (_, next) = page(&engine, &query, &graph, None, 2);
    let other = "SELECT F FROM DIGITALTWINS F JOIN R RELATED F.contains WHERE R.$dtId = 'room2'";
    let other = parse(other).unwrap();
    let request = Request { after: next.as_ref(), ..Request::default() };
    assert_eq!(engine.execute(&other, &graph, request).err(), Some(Stopped::Position));
}

/// A MATCH that touches everything, on a graph in which everything hangs together.
#[test]
fn stops_when_told() {
    let mut graph = TwinGraph::new();
    for index in 0..200 {
        graph::put_twin(&mut graph, &graph::bare_twin(&index.to_string()));
    }
    for index in 0..8_000 {
        let relationship = json!({
            "$relationshipId": index.to_string(), "$etag": "", "$relationshipName": "x",
            "$sourceId": (index * 7 % 200).to_string(), "$targetId": (index * 13 % 199).to_string(),
        });
        graph::put_relationship(&mut graph, &relationship);
    }
    let graph = Arc::new(graph);
    let pattern = "(a)-[*2..10]-(b)-[*2..10]-(c)-[*2..10]-(d)-[]-(e)-[]-(f)";
    let text = format!("SELECT COUNT() FROM DIGITALTWINS MATCH {pattern} WHERE a.$dtId != 'x'");
    let query = parse(&text).unwrap();
    for why in [Stopped::TimedOut, Stopped::Cancelled] {
        let asked = AtomicU64::new(0);
        let stop = || (asked.fetch_add(1, Ordering::Relaxed) == 300).then_some(why);
        let request = Request { stop: &stop, ..Request::default() };
        assert_eq!(Engine::new().execute(&query, &graph, request).err(), Some(why));
        assert_eq!(asked.load(Ordering::Relaxed), 301);
    }
}

#[test]
fn columns_come_follow_and_go() {
    let mut graph = Cases::load().graph();
    let query = parse("SELECT name FROM DIGITALTWINS T WHERE T.temperature > 20").unwrap();
    let engine = Engine::new().columns_from(1);
    let names = |graph: &TwinGraph| {
        let graph = Arc::new(graph.clone());
        let answer = engine.execute(&query, &graph, Request::default()).unwrap();
        (answer.len(), answer.report().columns.clone())
    };
    assert_eq!(names(&graph), (2, vec![]), "the first scan looks at the documents");
    assert_eq!(names(&graph), (2, vec!["temperature".to_owned()]));
    let twin = json!({"$dtId": "hot", "$etag": "", "temperature": 40, "$metadata": {"$model": "dtmi:t:Room;1"}});
    graph::put_twin(&mut graph, &twin);
    assert_eq!(names(&graph).0, 3);
    graph::delete_twin(&mut graph, "hot");
    assert_eq!(names(&graph).0, 2);
    assert!(engine.columns().iter().any(|column| column.path == "temperature"));
    assert!(engine.memory() > 0);
    let small = Engine::with_memory(100).columns_from(1);
    for _ in 0..3 {
        small.execute(&query, &Arc::new(graph.clone()), Request::default()).unwrap();
        assert!(small.memory() <= 100, "a column that does not fit is let go of");
    }
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
                all(&query, &Arc::new(TwinGraph::new())).rows().for_each(drop);
            }
        }
    }

    /// The way by id, the scan and the pages answer the same; a NOT divides the known rows in two.
    #[test]
    fn every_way_answers_the_same(condition in condition(), limit in 1usize..4) {
        let graph = Arc::new(Cases::load().graph());
        let answer = |condition: &str| {
            let query = parse(&format!("SELECT * FROM DIGITALTWINS T WHERE {condition}")).unwrap();
            let rows = pages(&query, &graph, limit);
            prop_assert_eq!(sorted(rows.clone()), sorted(all(&query, &graph).rows()));
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
