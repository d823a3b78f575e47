//! The graph of `cases.json`, made by the changes that would make it in the instance.

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

    pub fn answers(&self) -> &[Value] {
        self.0["answers"].as_array().unwrap()
    }

    pub fn refusals(&self) -> &[Value] {
        self.0["refusals"].as_array().unwrap()
    }

    pub fn graph(&self) -> TwinGraph {
        let mut graph = TwinGraph::new();
        let list = |name: &str| self.0["graph"][name].as_array().unwrap();
        let models = list("models").iter().map(|document| StoredModel {
            document: Arc::new(document.clone()),
            uploaded: self.0["graph"]["time"].as_str().unwrap().parse().unwrap(),
            decommissioned: false,
        });
        apply(&mut graph, ChangeKind::ModelsPut { models: models.collect() });
        list("twins").iter().for_each(|twin| put_twin(&mut graph, twin));
        for relationship in list("relationships") {
            let relationship = Arc::new(Relationship::from_json(relationship).unwrap());
            apply(&mut graph, ChangeKind::RelationshipPut { relationship, replaced: false });
        }
        graph
    }
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

fn apply(graph: &mut TwinGraph, kind: ChangeKind) {
    let change = Change {
        version: graph.version() + 1,
        time: Timestamp::from_ticks(0),
        cause: Cause { trace: TraceContext::new(1, 1), origin: Origin::Rest },
        kind,
    };
    graph.apply(&change).unwrap();
}
