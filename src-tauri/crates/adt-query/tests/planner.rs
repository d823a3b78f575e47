//! The engine beside a naive evaluation: random queries on random graphs that change.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod graph;
mod naive;

use adt_query::{Engine, Live, Position, Request, parse};
use graph::{Cases, delete_relationship, delete_twin, put_models, put_relationship, put_twin};
use naive::{IDS, MODELS, NAMES, Query, properties, query, walk_query};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use twin_graph::TwinGraph;

/// A change that is made where it can be.
#[derive(Clone, Debug)]
enum Edit {
    Twin(&'static str, &'static str, Map<String, Value>),
    NoTwin(&'static str),
    Relationship(u8, &'static str, &'static str, &'static str, Map<String, Value>),
    NoRelationship(u8, &'static str),
    /// What the model Lab extends from now on.
    Model(&'static str),
}

fn edit() -> impl Strategy<Value = Edit> {
    let twin = (select(&IDS[..]), select(&MODELS[..]), properties())
        .prop_map(|(id, model, properties)| Edit::Twin(id, model, properties));
    let relationship =
        (0_u8..3, select(&IDS[..]), select(&NAMES[..]), select(&IDS[..]), properties()).prop_map(
            |(id, source, name, target, properties)| {
                Edit::Relationship(id, source, name, target, properties)
            },
        );
    prop_oneof![
        4 => twin,
        6 => relationship,
        1 => select(&IDS[..]).prop_map(Edit::NoTwin),
        2 => (0_u8..3, select(&IDS[..])).prop_map(|(id, source)| Edit::NoRelationship(id, source)),
        2 => select(&MODELS[..2]).prop_map(Edit::Model),
    ]
}

fn make(graph: &mut TwinGraph, edit: &Edit) {
    match edit {
        Edit::Twin(id, model, properties) => {
            let mut twin = properties.clone();
            twin.insert("$dtId".into(), json!(id));
            twin.insert("$etag".into(), json!(format!("W/\"{}\"", graph.version())));
            let time = ["2026-11-21T09:00:00.0000000Z", "2026-11-21T09:30:00.0000000Z"];
            let time = time[graph.version() as usize % 2];
            twin.insert("$metadata".into(), json!({"$model": model, "$lastUpdateTime": time}));
            put_twin(graph, &Value::Object(twin));
        }
        Edit::NoTwin(id) => {
            let related = graph.outgoing(id).next().or(graph.incoming(id).next()).is_some();
            if !related && graph.twin(id).is_some() {
                delete_twin(graph, id);
            }
        }
        Edit::Relationship(id, source, name, target, properties) => {
            if graph.twin(source).is_none() || graph.twin(target).is_none() {
                return;
            }
            let mut relationship = properties.clone();
            relationship.remove("part");
            relationship.insert("$relationshipId".into(), json!(id.to_string()));
            relationship.insert("$etag".into(), json!(format!("W/\"{}\"", graph.version())));
            relationship.insert("$sourceId".into(), json!(source));
            relationship.insert("$relationshipName".into(), json!(name));
            relationship.insert("$targetId".into(), json!(target));
            put_relationship(graph, &Value::Object(relationship));
        }
        Edit::NoRelationship(id, source) => {
            if graph.relationship(source, &id.to_string()).is_some() {
                delete_relationship(graph, source, &id.to_string());
            }
        }
        Edit::Model(base) => {
            let lab = json!({"@id": MODELS[2], "@type": "Interface", "@context": "dtmi:dtdl:context;3", "extends": base});
            put_models(graph, &[lab]);
        }
    }
}

fn sorted(rows: impl IntoIterator<Item = Value>) -> Vec<String> {
    let mut texts: Vec<String> = rows.into_iter().map(|row| row.to_string()).collect();
    texts.sort();
    texts
}

/// An empty graph with the models.
fn empty() -> TwinGraph {
    let mut graph = Cases::load().graph();
    let relationships: Vec<_> =
        graph.relationships().map(|it| (it.source.to_string(), it.id.to_string())).collect();
    for (source, id) in relationships {
        delete_relationship(&mut graph, &source, &id);
    }
    let twins: Vec<_> = graph.twins().map(|twin| twin.id.to_string()).collect();
    twins.iter().for_each(|id| delete_twin(&mut graph, id));
    graph
}

/// The ids of what a row binds, by alias, without its values.
fn identity(row: &Value) -> String {
    let ids = row.as_object().unwrap().iter().map(|(alias, document)| {
        let twin = &document["$dtId"];
        let relationship = (&document["$sourceId"], &document["$relationshipId"]);
        format!("{alias}={twin}{relationship:?} ")
    });
    ids.collect()
}

/// What tells a document from the others.
fn id_of(document: &Value) -> String {
    let twin = &document["$dtId"];
    format!("{twin} {} {}", document["$sourceId"], document["$relationshipId"])
}

fn documents(graph: &TwinGraph) -> BTreeSet<String> {
    let twins = graph.twins().map(|twin| id_of(&twin.to_json()));
    twins.chain(graph.relationships().map(|it| id_of(&it.to_json()))).collect()
}

/// Whether a row binds nothing that is in `touched`.
fn untouched(row: &Value, touched: &BTreeSet<String>) -> bool {
    row.as_object().unwrap().values().all(|document| {
        let ids = [&document["$dtId"], &document["$sourceId"], &document["$targetId"]];
        ids.iter().filter_map(|id| id.as_str()).all(|id| !touched.contains(id))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever plan is chosen, with columns and without, of a graph at each of its versions.
    #[test]
    fn answers_like_the_naive_evaluation(
        edits in prop::collection::vec(edit(), 5..60),
        queries in prop::collection::vec(query(), 1..6),
        more in prop::collection::vec(edit(), 1..6),
        limit in 1_usize..5,
    ) {
        let mut graph = empty();
        edits.iter().for_each(|edit| make(&mut graph, edit));
        let mut versions = vec![Arc::new(graph.clone())];
        for edit in &more {
            make(&mut graph, edit);
            versions.push(Arc::new(graph.clone()));
        }
        // Once more at the first version: a query that began before a column went on.
        versions.push(versions[0].clone());
        answers(&versions, &queries, limit)?;
    }

    /// Among many twins, those of a model that few have are gone to by themselves.
    #[test]
    fn rare_models_are_found(
        edits in prop::collection::vec(edit(), 5..30),
        queries in prop::collection::vec((query(), select(&MODELS[..]), any::<bool>()), 1..4),
        limit in 1_usize..5,
    ) {
        let mut graph = empty();
        for number in 0..100 {
            let model = json!({"$model": "dtmi:t:Thermostat;1"});
            let id = format!("other{number}");
            put_twin(&mut graph, &json!({"$dtId": id, "$etag": "", "$metadata": model}));
        }
        edits.iter().for_each(|edit| make(&mut graph, edit));
        let queries = queries.into_iter().map(|(query, model, exact)| query.of_model(model, exact));
        answers(&[Arc::new(graph)], &queries.collect::<Vec<_>>(), limit)?;
    }

    /// A graph that changes under a paging client: nothing comes twice, what no change touched
    /// comes, and what was not there at the first page does not.
    #[test]
    fn pages_of_a_changing_graph(
        edits in prop::collection::vec(edit(), 5..60),
        query in query(),
        more in prop::collection::vec(edit(), 1..30),
        limit in 1_usize..4,
    ) {
        let mut graph = empty();
        edits.iter().for_each(|edit| make(&mut graph, edit));
        let text = query.text();
        let parsed = parse(&text).unwrap();
        let first = query.rows(&graph);
        let there = documents(&graph);
        let engine = Engine::new().columns_from(1);
        let mut answered: BTreeMap<String, usize> = BTreeMap::new();
        let mut touched = BTreeSet::new();
        // A model that changes and changes back takes rows along that no edit of theirs tells of.
        let mut more = more.iter().filter(|edit| !matches!(edit, Edit::Model(_)));
        let mut after: Option<Position> = None;
        loop {
            let request = Request { after: after.as_ref(), limit: Some(limit), ..Request::default() };
            let page = engine.execute(&parsed, &Arc::new(graph.clone()), request).unwrap();
            for row in page.rows() {
                let bound = row.as_object().unwrap().values();
                prop_assert!(bound.map(id_of).all(|id| there.contains(&id)), "{}: {} is new", text, row);
                *answered.entry(identity(&row)).or_default() += 1;
            }
            let Some(next) = page.next() else { break };
            // A position goes to the client and back as text.
            let text = serde_json::to_string(next).unwrap();
            after = Some(serde_json::from_str(&text).unwrap());
            if let Some(edit) = more.next() {
                make(&mut graph, edit);
                match edit {
                    Edit::Twin(id, ..) | Edit::NoTwin(id) => drop(touched.insert((*id).to_owned())),
                    Edit::NoRelationship(_, source) => drop(touched.insert((*source).to_owned())),
                    Edit::Model(_) => {}
                    Edit::Relationship(_, source, _, target, _) => {
                        touched.extend([(*source).to_owned(), (*target).to_owned()]);
                    }
                }
            }
        }
        let last = sorted(query.rows(&graph));
        for row in first.iter().filter(|row| untouched(row, &touched)) {
            // A way of several hops may have gone while its ends are untouched.
            if last.contains(&row.to_string()) {
                let times = answered.get(&identity(row)).copied().unwrap_or_default();
                let same = first.iter().filter(|other| identity(other) == identity(row)).count();
                prop_assert!(times >= 1 && times <= same.max(1) * 2, "{}: {} came {} times", text, row, times);
            }
        }
    }

    /// A live query beside the same query run again, whatever the query and the changes.
    #[test]
    fn a_live_query_follows(
        edits in prop::collection::vec(edit(), 5..60),
        query in query(),
        more in prop::collection::vec(prop::collection::vec(edit(), 0..4), 1..12),
        top in proptest::option::weighted(0.3, 0_usize..4),
        // What a room is changes with the models.
        rooms in proptest::option::weighted(0.5, prop::bool::weighted(0.2)),
    ) {
        let mut graph = empty();
        edits.iter().for_each(|edit| make(&mut graph, edit));
        let query = match rooms {
            Some(exact) => query.of_model(MODELS[1], exact),
            None => query,
        };
        follows(&query, top, graph, &more)?;
    }

}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    /// The same of ways of several hops, in a sparse graph whose relationships come and go one by
    /// one: what is at the far end of a way hangs on one of them.
    #[test]
    fn a_live_walk_follows(
        twins in prop::collection::vec(properties(), IDS.len()),
        relationships in prop::collection::vec(sparse(), 4..16),
        query in walk_query(),
        more in prop::collection::vec(prop::collection::vec(sparse(), 1..2), 4..24),
    ) {
        let mut graph = empty();
        for (at, properties) in twins.into_iter().enumerate() {
            make(&mut graph, &Edit::Twin(IDS[at], MODELS[at % MODELS.len()], properties));
        }
        relationships.iter().for_each(|edit| make(&mut graph, edit));
        follows(&query, None, graph, &more)?;
    }
}

/// Whether engines answer queries as the naive evaluation does, whole and by pages.
fn answers(
    versions: &[Arc<TwinGraph>],
    queries: &[Query],
    limit: usize,
) -> Result<(), TestCaseError> {
    let engines = [Engine::new(), Engine::new().columns_from(1)];
    for (graph, query) in
        versions.iter().flat_map(|graph| queries.iter().map(move |it| (graph, it)))
    {
        let text = query.text();
        let parsed = parse(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let expected = sorted(query.rows(graph));
        for engine in &engines {
            let answer = engine.execute(&parsed, graph, Request::default()).unwrap();
            prop_assert_eq!(&sorted(answer.rows()), &expected, "{}", text);
            let mut paged = Vec::new();
            let mut after: Option<Position> = None;
            loop {
                let request =
                    Request { after: after.as_ref(), limit: Some(limit), ..Request::default() };
                let page = engine.execute(&parsed, graph, request).unwrap();
                prop_assert!(page.len() <= limit);
                paged.extend(page.rows());
                let Some(next) = page.next() else { break };
                after = Some(next.clone());
            }
            prop_assert_eq!(&sorted(paged), &expected, "{} by pages of {}", text, limit);
            let count = format!("SELECT COUNT() FROM{}", text.split_once("FROM").unwrap().1);
            let count = parse(&count).unwrap();
            let count = engine.execute(&count, graph, Request::default()).unwrap();
            prop_assert_eq!(count.row(0), json!({"COUNT": expected.len()}), "{}", text);
        }
    }
    Ok(())
}

/// A relationship that comes, goes or leads elsewhere; two of a twin at the most.
fn sparse() -> impl Strategy<Value = Edit> {
    let ends = (0_u8..2, select(&IDS[..]), select(&NAMES[..2]), select(&IDS[..]));
    prop_oneof![
        2 => ends.prop_map(|(id, source, name, target)| {
            Edit::Relationship(id, source, name, target, Map::new())
        }),
        1 => (0_u8..2, select(&IDS[..])).prop_map(|(id, source)| Edit::NoRelationship(id, source)),
    ]
}

/// Keeps a query open, and its COUNT, over batches of changes: what it tells makes of the rows
/// before the rows after, and they are those of the naive evaluation.
fn follows(
    query: &Query,
    top: Option<usize>,
    mut graph: TwinGraph,
    batches: &[Vec<Edit>],
) -> Result<(), TestCaseError> {
    let text = query.text();
    let text = match top {
        Some(top) => text.replacen("SELECT", &format!("SELECT TOP({top})"), 1),
        None => text,
    };
    let parsed = Arc::new(parse(&text).unwrap());
    let counting = format!("SELECT COUNT() FROM{}", text.split_once("FROM").unwrap().1);
    let counting = Arc::new(parse(&counting).unwrap());
    let engine = Engine::new();
    let version = Arc::new(graph.clone());
    let mut live = Live::open(parsed, &engine, version.clone(), 100_000, &|| None).unwrap();
    let mut count = Live::open(counting, &engine, version, 100_000, &|| None).unwrap();
    let mut seen: BTreeMap<u64, Value> =
        live.rows().into_iter().map(|row| (row.id, row.value)).collect();
    for batch in batches {
        batch.iter().for_each(|edit| make(&mut graph, edit));
        let version = Arc::new(graph.clone());
        let change = live.update(&engine, version.clone(), &|| None).unwrap();
        for id in &change.went {
            prop_assert!(seen.remove(id).is_some(), "{}: a row went that was not there", text);
        }
        for row in &change.changed {
            let before = seen.insert(row.id, row.value.clone());
            prop_assert!(before.is_some_and(|before| before != row.value), "{}", text);
        }
        for row in change.came {
            prop_assert!(seen.insert(row.id, row.value).is_none(), "{}", text);
        }
        let rows: BTreeMap<u64, Value> =
            live.rows().into_iter().map(|row| (row.id, row.value)).collect();
        prop_assert_eq!(&seen, &rows, "{}", text);
        let expected = sorted(query.rows(&version));
        let rows = sorted(rows.into_values());
        match top {
            None => prop_assert_eq!(rows, expected.clone(), "{}", text),
            Some(top) => {
                prop_assert_eq!(rows.len(), top.min(expected.len()), "{}", text);
                prop_assert!(rows.iter().all(|row| expected.contains(row)), "{}", text);
            }
        }
        count.update(&engine, version, &|| None).unwrap();
        prop_assert_eq!(&count.rows()[0].value, &json!({"COUNT": expected.len()}), "{}", text);
    }
    Ok(())
}
