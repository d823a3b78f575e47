//! What twins and relationships say about models and each other.

use crate::loaded::in_file_order;
use crate::problem::Problems;
use crate::source::TWINS;
use crate::{Loaded, RelationshipSeed, TwinSeed};
use dtdl::Models;
use serde_json::{Value, json};
use twin_graph::{Fault, Relationship, Twin, check_relationship, check_twin};

/// Twins whose model is in none of the files.
pub(crate) fn check_models(loaded: &Loaded, problems: &mut Problems) {
    for twin in in_file_order(loaded.twins.values()) {
        if !loaded.models.contains_key(&twin.model) {
            let message = format!(
                "There is no model {}. Add it to the folder «models», or name another one.",
                twin.model
            );
            add(problems, twin.line, "/$metadata/$model", &message);
        }
    }
}

/// Relationships from or to twins that are not there.
pub(crate) fn check_ends(loaded: &Loaded, problems: &mut Problems) {
    for edge in in_file_order(loaded.relationships.values()) {
        for (place, id) in [("/$dtId", &edge.source), ("/$targetId", &edge.target)] {
            if !loaded.twins.contains_key(id) {
                let message =
                    format!("There is no twin «{id}» in this file. Add it, or name another one.");
                add(problems, edge.line, place, &message);
            }
        }
    }
}

/// What the models do not allow.
pub(crate) fn check_values(loaded: &Loaded, models: &Models, problems: &mut Problems) {
    for twin in in_file_order(loaded.twins.values()) {
        tell(problems, twin.line, check_seed(models, twin));
    }
    for edge in in_file_order(loaded.relationships.values()) {
        tell(problems, edge.line, check_edge(loaded, models, edge));
    }
}

fn add(problems: &mut Problems, line: usize, path: &str, message: &str) {
    problems.add(TWINS, format!("line {line}, {path}"), message);
}

fn tell(problems: &mut Problems, line: usize, faults: Vec<Fault>) {
    for fault in faults {
        add(problems, line, &fault.path, &fault.message);
    }
}

fn check_seed(models: &Models, seed: &TwinSeed) -> Vec<Fault> {
    if models.get(&seed.model).is_none() {
        // Told already.
        return Vec::new();
    }
    let mut body = seed.body.clone();
    if let Value::Object(object) = &mut body {
        object.insert("$etag".into(), json!(""));
    }
    Twin::from_json(&body).map(|twin| check_twin(models, &twin)).unwrap_or_default()
}

fn check_edge(loaded: &Loaded, models: &Models, edge: &RelationshipSeed) -> Vec<Fault> {
    // A twin of an unknown model is told already, and what it may relate to is not known.
    let model = |id: &str| {
        let model = &loaded.twins.get(id)?.model;
        models.get(model).map(|_| model)
    };
    let (Some(source), Some(target)) = (model(&edge.source), model(&edge.target)) else {
        return Vec::new();
    };
    let relationship = Relationship {
        id: edge.id.as_str().into(),
        source: edge.source.as_str().into(),
        target: edge.target.as_str().into(),
        name: edge.name.as_str().into(),
        etag: "".into(),
        properties: edge.properties.clone().into(),
    };
    check_relationship(models, source, target, &relationship)
}
