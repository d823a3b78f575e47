//! NDJSON: one JSON object a line, in sections, as the service's import job takes it.
//!
//! ```text
//! {"Section":"Header"}
//! {"fileVersion":"1.0.0","author":"…","organization":"…"}
//! {"Section":"Models"}
//! {"@id":"dtmi:com:example:Room;1","@type":"Interface",…}
//! {"Section":"Twins"}
//! {"$dtId":"Room_01","$metadata":{"$model":"dtmi:com:example:Room;1"},"area":72.0}
//! {"Section":"Relationships"}
//! {"$dtId":"Floor_1","$relationshipId":"r1","$targetId":"Room_01","$relationshipName":"contains"}
//! ```

use crate::graph::Sink;
use crate::new_file::NewFile;
use crate::sentence::sentence;
use crate::{At, GraphWriter, Place, RelationshipRecord, TwinRecord, WriteError, record};
use dtdl::strict;
use serde_json::{Map, Value, json};
use std::io::{self, BufRead, Read};
use std::path::PathBuf;
use std::sync::Arc;

/// A model may have 1 MiB; nothing else comes near.
const LONGEST_LINE: u64 = 4 * 1024 * 1024;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Section {
    Header,
    Models,
    Twins,
    Relationships,
}

pub(crate) fn read(file: &Arc<str>, mut input: impl BufRead, sink: &mut Sink) -> io::Result<()> {
    let mut section = None;
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        if (&mut input).take(LONGEST_LINE).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        let place = Place { file: file.clone(), at: At::Line(number) };
        if line.len() as u64 == LONGEST_LINE && !line.ends_with(b"\n") {
            let message = "The line is longer than 4 MiB. A row is one JSON object a line.";
            sink.problems.add(&place, "", message);
            input.skip_until(b'\n')?;
            continue;
        }
        match std::str::from_utf8(&line) {
            Ok(text) => read_line(text.trim(), place, &mut section, sink),
            Err(_) => {
                let message = "The line is not UTF-8. Save the file as UTF-8.";
                sink.problems.add(&place, "", message);
            }
        }
    }
    Ok(())
}

fn read_line(text: &str, place: Place, section: &mut Option<Section>, sink: &mut Sink) {
    if text.is_empty() {
        return;
    }
    let object = match strict::parse(text) {
        Ok(Value::Object(object)) => object,
        Ok(_) => {
            return sink.problems.add(
                &place,
                "",
                "A row is a JSON object. Make it one, or delete it.",
            );
        }
        Err(error) => {
            let column = format!("column {}", error.column());
            return sink.problems.add(&place, column, sentence(&error));
        }
    };
    if let Some(name) = object.get("Section") {
        match section_of(name) {
            Some(next) => *section = Some(next),
            None => sink.problems.add(
                &place,
                "/Section",
                format!(
                    "{name} is not a section. There are Header, Models, Twins and Relationships."
                ),
            ),
        }
        return;
    }
    match section {
        Some(Section::Header) => read_header(&object, &place, sink),
        Some(Section::Models) => sink.model(Value::Object(object), place),
        Some(Section::Twins) => {
            if let Some(twin) = record::checked_twin(object, place, &mut sink.problems) {
                sink.twin(twin);
            }
        }
        Some(Section::Relationships) => {
            if let Some(edge) = record::checked_relationship(object, place, &mut sink.problems) {
                sink.relationship(edge);
            }
        }
        None => sink.problems.add(
            &place,
            "",
            "This row is in no section. Put {\"Section\":\"Twins\"} before the twins, and likewise before models and relationships.",
        ),
    }
}

fn section_of(name: &Value) -> Option<Section> {
    match name.as_str()? {
        "Header" => Some(Section::Header),
        "Models" => Some(Section::Models),
        "Twins" => Some(Section::Twins),
        "Relationships" => Some(Section::Relationships),
        _ => None,
    }
}

fn read_header(header: &Map<String, Value>, place: &Place, sink: &mut Sink) {
    if header.get("fileVersion").and_then(Value::as_str) != Some("1.0.0") {
        let message = "The header's fileVersion must be \"1.0.0\". Write it so.";
        sink.problems.add(place, "/fileVersion", message);
    }
}

/// Writes the same form, as the items come.
pub(crate) struct Writer {
    file: NewFile,
    section: Section,
}

impl Writer {
    pub(crate) fn new(mut file: NewFile) -> Result<Self, WriteError> {
        file.write(b"{\"Section\":\"Header\"}\n")?;
        let header = json!({"fileVersion": "1.0.0", "author": "Twinscope", "organization": ""});
        file.write(format!("{header}\n").as_bytes())?;
        Ok(Self { file, section: Section::Header })
    }

    fn line(&mut self, section: Section, item: &Value) -> Result<(), WriteError> {
        if self.section != section {
            self.section = section;
            let name = match section {
                Section::Header => "Header",
                Section::Models => "Models",
                Section::Twins => "Twins",
                Section::Relationships => "Relationships",
            };
            self.file.write(format!("{}\n", json!({"Section": name})).as_bytes())?;
        }
        self.file.write(format!("{item}\n").as_bytes())
    }
}

impl GraphWriter for Writer {
    fn model(&mut self, document: &Value) -> Result<(), WriteError> {
        self.line(Section::Models, document)
    }

    fn twin(&mut self, twin: &TwinRecord) -> Result<(), WriteError> {
        self.line(Section::Twins, &twin.to_json())
    }

    fn relationship(&mut self, edge: &RelationshipRecord) -> Result<(), WriteError> {
        let mut object = Map::new();
        object.insert("$dtId".into(), json!(edge.source));
        object.insert("$relationshipId".into(), json!(edge.id));
        object.insert("$targetId".into(), json!(edge.target));
        object.insert("$relationshipName".into(), json!(edge.name));
        object.extend(edge.properties.clone());
        self.line(Section::Relationships, &Value::Object(object))
    }

    fn finish(self: Box<Self>) -> Result<Vec<PathBuf>, WriteError> {
        Ok(vec![self.file.finish()?])
    }
}
