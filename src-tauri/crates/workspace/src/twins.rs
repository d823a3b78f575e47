//! `twins.ndjson`: twins and relationships in the form of the service's import job, which
//! `interchange` reads; models have files of their own here.

use crate::problem::Problems;
use crate::source::TWINS;
use crate::{RelationshipSeed, TwinSeed};
use interchange::{At, Place, RelationshipRecord, TwinRecord};
use std::collections::BTreeMap;

pub(crate) type Twins = BTreeMap<String, TwinSeed>;
pub(crate) type Relationships = BTreeMap<(String, String), RelationshipSeed>;

pub(crate) fn read(text: &str, problems: &mut Problems) -> (Twins, Relationships) {
    let (graph, found) = interchange::read_ndjson(TWINS, text.as_bytes());
    for problem in found.found {
        let place = match problem.column.as_str() {
            "" => line(&problem.place),
            column => format!("{}, {column}", line(&problem.place)),
        };
        problems.add(TWINS, place, problem.message);
    }
    problems.leave_out(found.left_out);
    for model in &graph.models {
        let message = "A workspace has its models in the folder «models», one in a file. Move this one there.";
        problems.add(TWINS, line(&model.place), message);
    }
    let mut twins = Twins::new();
    for twin in graph.twins {
        if let Some(first) = twins.get(&twin.id) {
            let said = format!("The twin «{}» is on line {} already", twin.id, first.line);
            problems.add(TWINS, line(&twin.place), format!("{said}. Keep one of them."));
        } else {
            twins.insert(twin.id.clone(), twin_seed(twin));
        }
    }
    let mut relationships = Relationships::new();
    for edge in graph.relationships {
        let key = (edge.source.clone(), edge.id.clone());
        if let Some(first) = relationships.get(&key) {
            let (id, source, before) = (&edge.id, &edge.source, first.line);
            let said = format!("The relationship «{id}» of «{source}» is on line {before} already");
            problems.add(TWINS, line(&edge.place), format!("{said}. Keep one of them."));
        } else {
            relationships.insert(key, relationship_seed(edge));
        }
    }
    (twins, relationships)
}

fn line(place: &Place) -> String {
    format!("line {}", number(place))
}

fn number(place: &Place) -> usize {
    match place.at {
        At::Line(number) => number,
        _ => 0,
    }
}

fn twin_seed(twin: TwinRecord) -> TwinSeed {
    let (body, line) = (twin.to_json(), number(&twin.place));
    TwinSeed { id: twin.id, model: twin.model, body, line }
}

fn relationship_seed(edge: RelationshipRecord) -> RelationshipSeed {
    let line = number(&edge.place);
    let RelationshipRecord { source, id, target, name, properties, .. } = edge;
    RelationshipSeed { source, id, target, name, properties, line }
}
