//! Twins and relationships as JSON objects, in NDJSON and JSON alike.

use crate::{Place, Problems, RelationshipRecord, TwinRecord};
use serde_json::{Map, Value, json};

type Object = Map<String, Value>;

/// The twin of a file's object: as [`twin`], and its id is one that the service takes.
pub(crate) fn checked_twin(
    object: Object,
    place: Place,
    problems: &mut Problems,
) -> Option<TwinRecord> {
    let twin = twin(object, place, problems)?;
    check_id(&twin.id, "/$dtId", &twin.place, problems).then_some(twin)
}

/// The relationship of a file's object: as [`relationship`], and its ids are ones that the service takes.
pub(crate) fn checked_relationship(
    object: Object,
    place: Place,
    problems: &mut Problems,
) -> Option<RelationshipRecord> {
    let edge = relationship(object, place, problems)?;
    let ids = [
        ("/$sourceId", &edge.source),
        ("/$relationshipId", &edge.id),
        ("/$targetId", &edge.target),
    ];
    let right = ids.map(|(column, id)| check_id(id, column, &edge.place, problems));
    right.iter().all(|right| *right).then_some(edge)
}

fn check_id(id: &str, column: &str, place: &Place, problems: &mut Problems) -> bool {
    let wrong = twin_graph::check_id(id);
    let right = wrong.is_none();
    if let Some(message) = wrong {
        problems.add(place, column, message);
    }
    right
}

/// The twin of an object; what the instance stamped on it is left out.
pub(crate) fn twin(
    mut object: Object,
    place: Place,
    problems: &mut Problems,
) -> Option<TwinRecord> {
    let before = problems.len();
    let id = id(&object, "$dtId", &place, problems);
    let metadata = object.get("$metadata").and_then(Value::as_object);
    let model = metadata.and_then(|metadata| metadata.get("$model")).and_then(Value::as_str);
    if model.is_none() {
        problems.add(&place, "/$metadata/$model", "The twin's model is missing. Add its DTMI.");
    }
    let model = model.unwrap_or_default().to_owned();
    keep_contents(&mut object);
    (problems.len() == before).then_some(TwinRecord {
        id,
        model,
        contents: object,
        as_text: false,
        place,
    })
}

/// The relationship of an object. The source is `$sourceId`, or `$dtId` as the import job has it.
pub(crate) fn relationship(
    mut object: Object,
    place: Place,
    problems: &mut Problems,
) -> Option<RelationshipRecord> {
    let before = problems.len();
    let source = if object.contains_key("$sourceId") { "$sourceId" } else { "$dtId" };
    let source = id(&object, source, &place, problems);
    let own = id(&object, "$relationshipId", &place, problems);
    let target = id(&object, "$targetId", &place, problems);
    let name = object.get("$relationshipName").and_then(Value::as_str);
    if name.is_none() {
        problems.add(&place, "/$relationshipName", "The relationship's name is missing. Add it.");
    }
    let name = name.unwrap_or_default().to_owned();
    object.retain(|name, _| !name.starts_with('$'));
    let properties = object;
    (problems.len() == before).then_some(RelationshipRecord {
        source,
        id: own,
        name,
        target,
        properties,
        as_text: false,
        place,
    })
}

/// Leaves properties and components. ETags and times are the instance's, not the file's.
pub(crate) fn keep_contents(object: &mut Object) {
    object.retain(|name, _| !name.starts_with('$'));
    for value in object.values_mut() {
        if let Some(metadata) = value.get_mut("$metadata") {
            *metadata = json!({});
        }
    }
}

/// A member that is an id; a whole number is taken for its digits.
fn id(object: &Object, name: &str, place: &Place, problems: &mut Problems) -> String {
    let column = || format!("/{name}");
    match object.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) if !number.is_f64() => number.to_string(),
        Some(_) => {
            problems.add(place, column(), format!("{name} must be a text."));
            String::new()
        }
        None => {
            problems.add(place, column(), format!("{name} is missing. Add it."));
            String::new()
        }
    }
}
