//! The graph of `cases.json`, made by the changes that would make it in the instance.

#![allow(dead_code)]

use serde_json::{Value, json};
use std::sync::Arc;
use twin_graph::{
    Cause, Change, ChangeKind, Origin, Relationship, StoredModel, Timestamp, TraceContext, Twin,
    TwinGraph,
};

/// The cases file.
pub struct Cases(Value);

impl Cases {
    pub fn load() -> Self {
        Self(serde_json::from_str(include_str!("../cases.json")).unwrap())
    }

    /// A graph and the queries over it, by their place in the file.
    pub fn sets(&self) -> impl Iterator<Item = (TwinGraph, &[Value])> {
        self.list("sets")
            .iter()
            .map(|set| (graph(&set["graph"]), set["answers"].as_array().unwrap().as_slice()))
    }

    /// A list of the file: `accepted` or `refusals`.
    pub fn list(&self, name: &str) -> &[Value] {
        self.0[name].as_array().unwrap()
    }

    /// The graph of the first set.
    pub fn graph(&self) -> TwinGraph {
        graph(&self.0["sets"][0]["graph"])
    }
}

fn graph(parts: &Value) -> TwinGraph {
    let mut graph = TwinGraph::new();
    let list = |name: &str| parts[name].as_array().unwrap();
    put_models(&mut graph, list("models"));
    list("twins").iter().for_each(|twin| put_twin(&mut graph, twin));
    list("relationships")
        .iter()
        .for_each(|relationship| put_relationship(&mut graph, relationship));
    graph
}

pub fn put_models(graph: &mut TwinGraph, documents: &[Value]) {
    let models = documents.iter().map(|document| StoredModel {
        document: Arc::new(document.clone()),
        uploaded: Timestamp::from_ticks(0),
        decommissioned: false,
    });
    apply(graph, ChangeKind::ModelsPut { models: models.collect() });
}

pub fn put_relationship(graph: &mut TwinGraph, relationship: &Value) {
    let relationship = Arc::new(Relationship::from_json(relationship).unwrap());
    apply(graph, ChangeKind::RelationshipPut { relationship, replaced: false });
}

pub fn bare_twin(id: &str) -> Value {
    json!({"$dtId": id, "$etag": "W/\"1\"", "$metadata": {"$model": "dtmi:t:Space;1"}})
}

pub fn put_twin(graph: &mut TwinGraph, twin: &Value) {
    let twin = Arc::new(Twin::from_json(twin).unwrap());
    apply(graph, ChangeKind::TwinPut { twin, replaced: false });
}

pub fn delete_twin(graph: &mut TwinGraph, id: &str) {
    let twin = graph.twin(id).unwrap().clone();
    apply(graph, ChangeKind::TwinDeleted { twin });
}

pub fn delete_relationship(graph: &mut TwinGraph, source: &str, id: &str) {
    let relationship = graph.relationship(source, id).unwrap().clone();
    apply(graph, ChangeKind::RelationshipDeleted { relationship });
}

fn apply(graph: &mut TwinGraph, kind: ChangeKind) {
    let change = Change {
        version: graph.version() + 1,
        time: Timestamp::from_ticks(0),
        cause: Cause { trace: TraceContext::new(1, 1), origin: Origin::Rest },
        kind,
    };
    graph.apply(&change).unwrap();
}
