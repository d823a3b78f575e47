//! What is written is read again, in each form.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use interchange::{
    At, Format, Graph, Known, ModelRecord, Place, RelationshipRecord, TwinRecord, check, read,
    writer,
};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

const ID: &str = "[^/\\p{C}]{1,12}";

fn place() -> Place {
    Place { file: "test".into(), at: At::File }
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        "[-=+@\"0-9 ]{0,4}".prop_map(Value::from),
        Just(Value::from("true")),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{1,6}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn values() -> impl Strategy<Value = Map<String, Value>> {
    prop::collection::btree_map("[A-Za-z][A-Za-z0-9_]{0,8}", value(), 0..4)
        .prop_map(|map| map.into_iter().collect())
}

prop_compose! {
    fn graph()(
        twins in prop::collection::btree_map(ID, (values(), any::<bool>()), 1..8),
        edges in prop::collection::vec(((any::<prop::sample::Index>(), ID), (any::<prop::sample::Index>(), values(), any::<bool>())), 0..8),
    ) -> Graph {
        let ids: Vec<&String> = twins.keys().collect();
        let end = |index: &prop::sample::Index| (*index.get(&ids)).clone();
        let relationships: BTreeMap<(String, String), RelationshipRecord> = edges
            .iter()
            .map(|((source, id), (target, properties, derived))| {
                let (source, target) = (end(source), end(target));
                let id = if *derived { format!("{source}-rel-{target}") } else { id.clone() };
                ((source.clone(), id.clone()), RelationshipRecord {
                    source, id, name: "rel".into(), target, properties: properties.clone(), as_text: false, place: place(),
                })
            })
            .collect();
        Graph {
            models: vec![model("dtmi:com:example:A;1"), model("dtmi:com:example:B;1")],
            twins: twins.iter().map(|(id, (contents, with_part))| {
                let mut contents = contents.clone();
                if *with_part {
                    contents.insert("part".into(), json!({"$metadata": {}, "level": 3}));
                }
                TwinRecord { id: id.clone(), model: "dtmi:com:example:A;1".into(), contents, as_text: false, place: place() }
            }).collect(),
            relationships: relationships.into_values().collect(),
        }
    }
}

fn model(id: &str) -> ModelRecord {
    let document = json!({"@context": "dtmi:dtdl:context;3", "@id": id, "@type": "Interface"});
    ModelRecord { id: id.into(), document, place: place() }
}

/// All that matters, in an order of its own.
fn plain(graph: &Graph) -> Vec<String> {
    let models = graph.models.iter().map(|each| each.document.to_string());
    let twins = graph.twins.iter().map(|each| sorted(each.to_json()).to_string());
    let edges = graph.relationships.iter().map(|each| sorted(each.to_json()).to_string());
    let mut all: Vec<String> = models.chain(twins).chain(edges).collect();
    all.sort();
    all
}

fn sorted(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let map: BTreeMap<_, _> =
                map.into_iter().map(|(name, each)| (name, sorted(each))).collect();
            Value::Object(map.into_iter().collect())
        }
        other => other,
    }
}

fn again(graph: &Graph, format: Format, extension: &str) -> Graph {
    let folder = tempfile::tempdir().unwrap();
    let mut file = writer(format, &folder.path().join(format!("graph.{extension}"))).unwrap();
    graph.models.iter().for_each(|each| file.model(&each.document).unwrap());
    graph.twins.iter().for_each(|each| file.twin(each).unwrap());
    graph.relationships.iter().for_each(|each| file.relationship(each).unwrap());
    let files = file.finish().unwrap();
    assert!(files.iter().all(|file| file.exists()));
    assert_eq!(folder.path().read_dir().unwrap().count(), files.len(), "something is left over");
    let (mut graph, problems) = read(&files);
    assert!(problems.is_empty(), "{:?}", problems.found);
    // Cells of a table get their types; these models know none of the properties, which is not the question here.
    let _ = check(&mut graph, &Known::default());
    graph
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn ndjson(graph in graph()) {
        prop_assert_eq!(plain(&again(&graph, Format::Ndjson, "ndjson")), plain(&graph));
    }

    #[test]
    fn json(graph in graph()) {
        prop_assert_eq!(plain(&again(&graph, Format::Json, "json")), plain(&graph));
    }

    #[test]
    fn csv(graph in graph()) {
        prop_assert_eq!(plain(&again(&graph, Format::Csv, "csv")), plain(&graph));
    }

    #[test]
    fn xlsx(graph in graph()) {
        prop_assert_eq!(plain(&again(&graph, Format::Xlsx, "xlsx")), plain(&graph));
    }
}

#[test]
fn an_empty_graph_too() {
    for (format, extension) in [
        (Format::Ndjson, "ndjson"),
        (Format::Json, "json"),
        (Format::Csv, "csv"),
        (Format::Xlsx, "xlsx"),
    ] {
        assert_eq!(again(&Graph::default(), format, extension), Graph::default());
    }
}

#[test]
fn what_is_dropped_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for extension in ["ndjson", "json", "csv", "xlsx"] {
        let path = folder.path().join(format!("graph.{extension}"));
        let mut file = writer(Format::of(&path).unwrap(), &path).unwrap();
        file.model(&model("dtmi:com:example:A;1").document).unwrap();
        drop(file);
    }
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
}

/// Ids and texts that look like something else in a table.
#[test]
fn what_looks_like_something_else() {
    for text in [
        "_x0041_",
        " ",
        " a ",
        "0012",
        "12",
        "1e5",
        "=1+1",
        "@x",
        "true",
        "\"a\"",
        "a,b;c",
        "a\"b",
        "ſ\u{301}",
    ] {
        let contents = json!({"text": text, "none": null, "empty": ""});
        let Value::Object(contents) = contents else { unreachable!() };
        let twin = TwinRecord {
            id: text.into(),
            model: "dtmi:com:example:A;1".into(),
            contents,
            as_text: false,
            place: place(),
        };
        let edge = RelationshipRecord {
            source: text.into(),
            id: text.into(),
            name: "rel".into(),
            target: text.into(),
            properties: Map::new(),
            as_text: false,
            place: place(),
        };
        let graph = Graph { models: Vec::new(), twins: vec![twin], relationships: vec![edge] };
        for (format, extension) in [
            (Format::Ndjson, "ndjson"),
            (Format::Json, "json"),
            (Format::Csv, "csv"),
            (Format::Xlsx, "xlsx"),
        ] {
            assert_eq!(
                plain(&again(&graph, format, extension)),
                plain(&graph),
                "{text:?} in {extension}"
            );
        }
    }
}

#[test]
fn what_no_cell_has_room_for_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut file = writer(Format::Xlsx, &folder.path().join("graph.xlsx")).unwrap();
    let Value::Object(contents) = json!({"text": "x".repeat(40_000)}) else { unreachable!() };
    let model = "dtmi:com:example:A;1".into();
    file.twin(&TwinRecord { id: "a".into(), model, contents, as_text: false, place: place() })
        .unwrap();
    let told = file.finish().unwrap_err().to_string();
    assert!(told.contains("the data of «a» has more than 32,767 characters"), "{told}");
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
}
