//! Spreadsheets in the form of the existing explorer: the first sheet, with the columns ModelID, ID,
//! Relationship (From), Relationship Name, Init Data and, where wanted, Relationship Init Data.
//!
//! A row is a twin, and a relationship that leads to it. A further row of the same ID, or a row without a model, is a
//! further relationship. Ids of relationships are not in that form; a column Relationship ID, which others pass over,
//! keeps them.

mod cells;
mod write;

use crate::graph::Sink;
use crate::record::keep_contents;
use crate::sentence::sentence;
use crate::{At, Place, RelationshipRecord, TwinRecord};
use cells::{Cell, Row};
use dtdl::strict;
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::sync::Arc;

pub(crate) use write::Writer;

const MODEL: usize = 0;
const ID: usize = 1;
const FROM: usize = 2;
const NAME: usize = 3;
const DATA: usize = 4;
const EDGE_DATA: usize = 5;
const COLUMNS: [&str; 7] = [
    "ModelID",
    "ID",
    "Relationship (From)",
    "Relationship Name",
    "Init Data",
    "Relationship Init Data",
    "Relationship ID",
];
/// How many rows may stand above the header, a title for example.
const ABOVE: usize = 10;

pub(crate) fn read(file: &Arc<str>, input: File, sink: &mut Sink) -> io::Result<()> {
    let mut sheet = Sheet { file, header: None, above: 0, twins: HashMap::new(), sink };
    let read = cells::read(input, &mut |row| sheet.row(row));
    let missing = sheet.header.is_none();
    let place = Place { file: file.clone(), at: At::File };
    if let Err(message) = read {
        sink.problems.add(&place, "", message);
    } else if missing {
        let message = "There is no header row with ModelID and ID on the first sheet. Its columns are ModelID, ID, Relationship (From), Relationship Name, Init Data.";
        sink.problems.add(&place, "", message);
    }
    Ok(())
}

/// Where each of [`COLUMNS`] is, and its name in the file.
type Header = [Option<(usize, String)>; COLUMNS.len()];

struct Sheet<'a> {
    file: &'a Arc<str>,
    header: Option<Header>,
    above: usize,
    /// Row and index of the twins so far.
    twins: HashMap<String, (usize, usize)>,
    sink: &'a mut Sink,
}

impl Sheet<'_> {
    /// Takes one row; answers whether to go on.
    fn row(&mut self, row: &Row) -> bool {
        let place = Place { file: self.file.clone(), at: At::Row(row.number) };
        match &self.header {
            Some(header) => {
                let fields = fields(header, row, &place, self.sink);
                if let Some(fields) =
                    fields.filter(|f| f.iter().any(|field| !field.trim().is_empty()))
                {
                    self.record(fields, place, row.number);
                }
                true
            }
            None => {
                self.header = header(row);
                self.above += 1;
                self.header.is_some() || self.above < ABOVE
            }
        }
    }

    fn record(&mut self, fields: [String; COLUMNS.len()], place: Place, number: usize) {
        let before = self.sink.problems.len();
        let [model, id, from, name, data, edge_data, edge_id] = fields;
        let (model, name) = (model.trim().to_owned(), name.trim().to_owned());
        let contents = self.data(&data, DATA, &place);
        let properties = self.data(&edge_data, EDGE_DATA, &place);
        if let Some(message) = twin_graph::check_id(&id) {
            self.wrong(&place, ID, &message);
        }
        let first = self.twins.get(&id).copied();
        match first {
            Some((row, index)) => {
                let twin = &self.sink.graph.twins[index];
                let again = (model.is_empty() || twin.model == model)
                    && (contents.is_empty() || twin.contents == contents);
                if !again || from.is_empty() {
                    let message = format!(
                        "The twin «{id}» is on row {row} already. Keep one of them; a further row of it is for a further relationship."
                    );
                    self.wrong(&place, ID, &message);
                }
            }
            None if model.is_empty() && (from.is_empty() || !contents.is_empty()) => {
                self.wrong(&place, MODEL, "The twin's model is missing. Fill in its DTMI.");
            }
            None => {}
        }
        match (from.is_empty(), name.is_empty()) {
            (false, true) => {
                self.wrong(&place, NAME, "The relationship's name is missing. Fill the cell.")
            }
            (true, false) => self.wrong(
                &place,
                FROM,
                "The twin that the relationship begins at is missing. Fill the cell.",
            ),
            _ => {}
        }
        if self.sink.problems.len() > before {
            return;
        }
        if !from.is_empty() {
            let edge_id = if edge_id.is_empty() { derived_id(&from, &name, &id) } else { edge_id };
            let (source, target, place) = (from, id.clone(), place.clone());
            let id = edge_id;
            self.sink.relationship(RelationshipRecord {
                source,
                id,
                name,
                target,
                properties,
                as_text: false,
                place,
            });
        }
        if first.is_none() && !model.is_empty() {
            let index = self.sink.graph.twins.len();
            self.sink.twin(TwinRecord { id: id.clone(), model, contents, as_text: false, place });
            if self.sink.graph.twins.len() > index {
                self.twins.insert(id, (number, index));
            }
        }
    }

    /// The object in a cell of data; empty where the cell is.
    fn data(&mut self, text: &str, column: usize, place: &Place) -> Map<String, Value> {
        if text.trim().is_empty() {
            return Map::new();
        }
        match strict::parse(text) {
            Ok(Value::Object(mut object)) => {
                keep_contents(&mut object);
                return object;
            }
            Ok(_) => self.wrong(
                place,
                column,
                "The cell holds a JSON object such as {\"Temperature\": 21.5}. Make it one.",
            ),
            Err(error) => self.wrong(place, column, &sentence(&error)),
        }
        Map::new()
    }

    fn wrong(&mut self, place: &Place, column: usize, message: &str) {
        self.sink.problems.add(place, COLUMNS[column], message);
    }
}

/// The id of a relationship that has none: the same for the same ends and name.
fn derived_id(source: &str, name: &str, target: &str) -> String {
    format!("{source}-{name}-{target}")
}

fn header(row: &Row) -> Option<Header> {
    let mut found: Header = Default::default();
    for (column, cell) in &row.cells {
        let Cell::Text(text) = cell else { continue };
        if let Some(which) = which(text).filter(|which| found[*which].is_none()) {
            found[which] = Some((*column, text.trim().to_owned()));
        }
    }
    (found[MODEL].is_some() && found[ID].is_some()).then_some(found)
}

/// Which column a header cell names: case, spaces and a remark such as “(must be unique)” do not matter.
fn which(text: &str) -> Option<usize> {
    let plain = |text: &str| text.to_lowercase().replace([' ', '_', '-'], "");
    let text = plain(text).replace("(mustbeunique)", "");
    COLUMNS.iter().position(|name| plain(name) == text)
}

/// The texts of a row; `None` where a cell has none that could be read, which is told.
fn fields(
    header: &Header,
    row: &Row,
    place: &Place,
    sink: &mut Sink,
) -> Option<[String; COLUMNS.len()]> {
    let mut fields: [String; COLUMNS.len()] = Default::default();
    let mut whole = true;
    for (field, column) in fields.iter_mut().zip(header) {
        let Some((at, name)) = column else { continue };
        match row.cells.get(at) {
            Some(Cell::Text(text)) => field.clone_from(text),
            Some(Cell::Unreadable(message)) => {
                sink.problems.add(place, name, message);
                whole = false;
            }
            None => {}
        }
    }
    whole.then_some(fields)
}
