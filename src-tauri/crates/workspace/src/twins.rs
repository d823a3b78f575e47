//! `twins.ndjson`: one JSON object a line, in sections, as the service's import job has it.
//!
//! ```text
//! {"Section":"Header"}
//! {"fileVersion":"1.0.0","author":"…","organization":"…"}
//! {"Section":"Twins"}
//! {"$dtId":"Room_01","$metadata":{"$model":"dtmi:com:example:Room;1"},"area":72.0}
//! {"Section":"Relationships"}
//! {"$dtId":"Floor_1","$relationshipId":"r1","$targetId":"Room_01","$relationshipName":"contains"}
//! ```

use crate::load::json_error;
use crate::problem::Problems;
use crate::source::TWINS;
use crate::{RelationshipSeed, TwinSeed};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

pub(crate) type Twins = BTreeMap<String, TwinSeed>;
pub(crate) type Relationships = BTreeMap<(String, String), RelationshipSeed>;

/// Where in the file a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    Header,
    Twins,
    Relationships,
}

/// What a line holds.
pub(crate) enum Line {
    /// The begin of a section, the header's content, or nothing.
    Frame,
    Twin(TwinSeed),
    Relationship(RelationshipSeed),
}

/// A problem of a line: the place after the line, and the sentence.
type Wrong = (String, String);

pub(crate) fn read(text: &str, problems: &mut Problems) -> (Twins, Relationships) {
    let (mut twins, mut relationships) = (Twins::new(), Relationships::new());
    let mut section = None;
    for (index, text) in text.lines().enumerate() {
        let number = index + 1;
        let again = match read_line(text, number, &mut section) {
            Ok(Line::Frame) => continue,
            Ok(Line::Twin(twin)) => match twins.get(&twin.id) {
                None => {
                    twins.insert(twin.id.clone(), twin);
                    continue;
                }
                Some(first) => format!("The twin «{}» is on line {} already", twin.id, first.line),
            },
            Ok(Line::Relationship(edge)) => {
                let key = (edge.source.clone(), edge.id.clone());
                match relationships.get(&key) {
                    None => {
                        relationships.insert(key, edge);
                        continue;
                    }
                    Some(first) => format!(
                        "The relationship «{}» of «{}» is on line {} already",
                        edge.id, edge.source, first.line
                    ),
                }
            }
            Err(found) => {
                for (place, message) in found {
                    problems.add(TWINS, format!("line {number}{place}"), message);
                }
                continue;
            }
        };
        problems.add(TWINS, format!("line {number}"), format!("{again}. Keep one of them."));
    }
    (twins, relationships)
}

/// Reads one line; `section` is the one that it is in, and the next one's after it.
pub(crate) fn read_line(
    text: &str,
    number: usize,
    section: &mut Option<Section>,
) -> Result<Line, Vec<Wrong>> {
    if text.trim().is_empty() {
        return Ok(Line::Frame);
    }
    let object = match serde_json::from_str(text) {
        Ok(Value::Object(object)) => object,
        Ok(_) => {
            return Err(vec![wrong("", "Each line is a JSON object. Make it one, or delete it.")]);
        }
        Err(error) => {
            let (place, message) = json_error(&error);
            let column = place.split_once(", ").map_or("", |(_, column)| column);
            return Err(vec![(format!(", {column}"), message)]);
        }
    };
    if let Some(name) = object.get("Section") {
        *section = Some(read_section(name)?);
        return Ok(Line::Frame);
    }
    match section {
        Some(Section::Header) => read_header(&object).map(|()| Line::Frame),
        Some(Section::Twins) => read_twin(object, number).map(Line::Twin),
        Some(Section::Relationships) => read_relationship(object, number).map(Line::Relationship),
        None => Err(vec![wrong(
            "",
            "This line is in no section. Put {\"Section\":\"Twins\"} before the twins and \
             {\"Section\":\"Relationships\"} before the relationships.",
        )]),
    }
}

fn wrong(place: &str, message: impl Into<String>) -> Wrong {
    let place = if place.is_empty() { String::new() } else { format!(", {place}") };
    (place, message.into())
}

fn read_section(name: &Value) -> Result<Section, Vec<Wrong>> {
    match name.as_str() {
        Some("Header") => Ok(Section::Header),
        Some("Twins") => Ok(Section::Twins),
        Some("Relationships") => Ok(Section::Relationships),
        Some("Models") => Err(vec![wrong(
            "/Section",
            "A workspace has its models in the folder «models», one in a file. Move them there and \
             delete this section.",
        )]),
        _ => Err(vec![wrong(
            "/Section",
            format!("{name} is not a section. There are Header, Twins and Relationships."),
        )]),
    }
}

fn read_header(header: &Map<String, Value>) -> Result<(), Vec<Wrong>> {
    match header.get("fileVersion").and_then(Value::as_str) {
        Some("1.0.0") => Ok(()),
        _ => Err(vec![wrong(
            "/fileVersion",
            "The header's fileVersion must be \"1.0.0\". Write it so.",
        )]),
    }
}

/// A member that must be there as a text; an id must be one that the service takes.
fn text(object: &Map<String, Value>, name: &str, path: &str, found: &mut Vec<Wrong>) -> String {
    match object.get(name) {
        Some(Value::String(text)) => {
            let is_id = name != "$model" && name != "$relationshipName";
            if let Some(message) = twin_graph::check_id(text).filter(|_| is_id) {
                found.push(wrong(&format!("{path}/{name}"), message));
            }
            text.clone()
        }
        Some(_) => {
            let message = format!("{name} must be a text.");
            found.push(wrong(&format!("{path}/{name}"), message));
            String::new()
        }
        None => {
            found.push(wrong(&format!("{path}/{name}"), format!("{name} is missing. Add it.")));
            String::new()
        }
    }
}

fn read_twin(mut object: Map<String, Value>, line: usize) -> Result<TwinSeed, Vec<Wrong>> {
    let mut found = Vec::new();
    let id = text(&object, "$dtId", "", &mut found);
    let metadata = object.get("$metadata").and_then(Value::as_object).cloned().unwrap_or_default();
    let model = text(&metadata, "$model", "/$metadata", &mut found);
    if !found.is_empty() {
        return Err(found);
    }
    let mut body = Map::new();
    body.insert("$dtId".into(), json!(id));
    body.insert("$metadata".into(), json!({"$model": model}));
    object.retain(|name, _| !name.starts_with('$'));
    for value in object.values_mut() {
        // Times and the like in a component's metadata are the instance's, not the file's.
        if let Some(metadata) = value.get_mut("$metadata") {
            *metadata = json!({});
        }
    }
    body.extend(object);
    Ok(TwinSeed { id, model, body: Value::Object(body), line })
}

fn read_relationship(
    mut object: Map<String, Value>,
    line: usize,
) -> Result<RelationshipSeed, Vec<Wrong>> {
    let mut found = Vec::new();
    let mut member = |name| text(&object, name, "", &mut found);
    let (source, id) = (member("$dtId"), member("$relationshipId"));
    let (target, name) = (member("$targetId"), member("$relationshipName"));
    if !found.is_empty() {
        return Err(found);
    }
    object.retain(|name, _| !name.starts_with('$'));
    Ok(RelationshipSeed { source, id, target, name, properties: object, line })
}
