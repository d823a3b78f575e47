//! CSV: twins with one column a property, relationships in a second file, models in a third.
//!
//! Twins have the columns `$dtId` and `$model`, relationships `$sourceId`, `$relationshipId`, `$relationshipName` and
//! `$targetId`; which of them a file holds, its header says. A cell is a text, or JSON: which one, the model decides
//! where it is known ([`typed`]). A text that would be taken for something else is written as a JSON string.

use crate::graph::Sink;
use crate::new_file::NewFile;
use crate::{At, GraphWriter, Place, Problems, RelationshipRecord, TwinRecord, WriteError, json};
use dtdl::Schema;
use dtdl::strict;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::io::{self, BufRead, BufReader, BufWriter, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const TWIN: &[&str] = &["$dtId", "$model"];
const RELATIONSHIP: &[&str] = &["$sourceId", "$relationshipId", "$relationshipName", "$targetId"];

pub(crate) fn read(file: &Arc<str>, mut input: impl BufRead, sink: &mut Sink) -> io::Result<()> {
    let delimiter = delimiter(input.fill_buf()?);
    let mut reader = ::csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .flexible(true)
        .has_headers(false)
        .from_reader(input);
    let mut header: Option<Header> = None;
    for (index, record) in reader.byte_records().enumerate() {
        let place = Place { file: file.clone(), at: At::Row(index + 1) };
        let record = record?;
        let Some(cells) = texts(&record, &place, &mut sink.problems) else { continue };
        match &header {
            None => match Header::of(&cells, &place, &mut sink.problems) {
                Some(found) => header = Some(found),
                None => return Ok(()),
            },
            Some(header) => header.row(&cells, place, sink),
        }
    }
    if header.is_none() {
        let place = Place { file: file.clone(), at: At::File };
        sink.problems.add(&place, "", NO_HEADER);
    }
    Ok(())
}

const NO_HEADER: &str = "The first row must name the columns: $dtId and $model for twins, or $sourceId, $relationshipId, $relationshipName and $targetId for relationships.";

/// Spreadsheet programs write semicolons where the comma is the decimal point.
fn delimiter(start: &[u8]) -> u8 {
    let first = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if !first.contains(&b',') && first.contains(&b';') { b';' } else { b',' }
}

fn texts<'a>(
    record: &'a ::csv::ByteRecord,
    place: &Place,
    problems: &mut Problems,
) -> Option<Vec<&'a str>> {
    let mut cells = Vec::with_capacity(record.len());
    for cell in record {
        match std::str::from_utf8(cell) {
            Ok(text) => cells.push(text),
            Err(_) => {
                let message = "The row is not UTF-8. Save the file as «CSV UTF-8».";
                problems.add(place, "", message);
                return None;
            }
        }
    }
    Some(cells)
}

struct Header {
    columns: Vec<String>,
    /// Where the fixed columns are, in the order of [`TWIN`] or [`RELATIONSHIP`].
    fixed: Vec<usize>,
    of_twins: bool,
}

impl Header {
    fn of(cells: &[&str], place: &Place, problems: &mut Problems) -> Option<Self> {
        let columns: Vec<String> = cells.iter().map(|cell| cell.trim().to_owned()).collect();
        let at = |name: &&str| columns.iter().position(|column| column == name);
        let twins: Option<Vec<_>> = TWIN.iter().map(at).collect();
        let edges: Option<Vec<_>> = RELATIONSHIP.iter().map(at).collect();
        let of_twins = twins.is_some();
        let Some(fixed) = twins.or(edges) else {
            problems.add(place, "", NO_HEADER);
            return None;
        };
        let mut seen = BTreeSet::new();
        let doubled = columns.iter().find(|name| !name.is_empty() && !seen.insert(*name));
        if let Some(name) = doubled {
            problems.add(place, name, "The column is there twice. Keep one of them.");
            return None;
        }
        Some(Self { columns, fixed, of_twins })
    }

    fn row(&self, cells: &[&str], place: Place, sink: &mut Sink) {
        if cells.iter().all(|cell| cell.trim().is_empty()) {
            return;
        }
        if cells.len() > self.columns.len() {
            let message = format!(
                "The row has {} cells and the header {}. Put cells with commas in quotes.",
                cells.len(),
                self.columns.len()
            );
            return sink.problems.add(&place, "", message);
        }
        let before = sink.problems.len();
        let mut ids = self.fixed.iter().map(|column| {
            let name = self.columns[*column].as_str();
            let text = decode(cells.get(*column).copied().unwrap_or_default());
            let is_id = name != "$model" && name != "$relationshipName";
            if text.is_empty() {
                sink.problems.add(&place, name, format!("{name} is missing. Fill the cell."));
            } else if let Some(message) = twin_graph::check_id(&text).filter(|_| is_id) {
                sink.problems.add(&place, name, message);
            }
            text
        });
        let mut next = || ids.next().unwrap_or_default();
        let (first, second) = (next(), next());
        let (third, fourth) = (next(), next());
        let values = self.values(cells);
        if sink.problems.len() > before {
            return;
        }
        if self.of_twins {
            let (id, model) = (first, second);
            sink.twin(TwinRecord { id, model, contents: values, as_text: true, place });
        } else {
            let (source, id, name, target) = (first, second, third, fourth);
            let properties = values;
            sink.relationship(RelationshipRecord {
                source,
                id,
                name,
                target,
                properties,
                as_text: true,
                place,
            });
        }
    }

    /// The cells that have something, as they are.
    fn values(&self, cells: &[&str]) -> Map<String, Value> {
        let filled =
            self.columns.iter().zip(cells).filter(|(name, cell)| {
                !name.is_empty() && !name.starts_with('$') && !cell.is_empty()
            });
        filled.map(|(name, cell)| (name.clone(), Value::from(*cell))).collect()
    }
}

/// The value of a property's cell: a text where the schema wants one, else JSON where it is JSON.
pub(crate) fn typed(cell: &str, schema: Option<&Schema>) -> Value {
    if schema.is_some_and(wants_text) {
        return decode(cell).into();
    }
    strict::parse(cell).unwrap_or_else(|_| cell.into())
}

fn wants_text(schema: &Schema) -> bool {
    match schema {
        Schema::String | Schema::Date | Schema::DateTime | Schema::Duration | Schema::Time => true,
        Schema::Enum(of) => *of.value_schema == Schema::String,
        _ => false,
    }
}

/// The text of a cell: a JSON string stands for what it says.
fn decode(cell: &str) -> String {
    match cell.starts_with('"').then(|| serde_json::from_str(cell)) {
        Some(Ok(text)) => text,
        _ => cell.to_owned(),
    }
}

/// The cell of a text. Quoted as JSON where it would be read as something else, or where a spreadsheet program would
/// take it for a formula.
fn encode(text: &str) -> String {
    let risky = text.starts_with(['=', '+', '-', '@', '"']) || text.trim() != text;
    if text.is_empty() || risky { Value::from(text).to_string() } else { text.to_owned() }
}

fn cell(value: &Value) -> String {
    match value {
        Value::String(text) if strict::parse(text).is_ok() => value.to_string(),
        Value::String(text) => encode(text),
        other => other.to_string(),
    }
}

/// Writes `NAME.csv`, `NAME.relationships.csv` and `NAME.models.json`.
pub(crate) struct Writer {
    models: json::Writer,
    twins: Table,
    relationships: Table,
}

impl Writer {
    pub(crate) fn new(path: &Path) -> Result<Self, WriteError> {
        Ok(Self {
            models: json::Writer::models_only(NewFile::create(
                &path.with_extension("models.json"),
            )?)?,
            twins: Table::new(path, TWIN)?,
            relationships: Table::new(&path.with_extension("relationships.csv"), RELATIONSHIP)?,
        })
    }
}

impl GraphWriter for Writer {
    fn model(&mut self, document: &Value) -> Result<(), WriteError> {
        self.models.model(document)
    }

    fn twin(&mut self, twin: &TwinRecord) -> Result<(), WriteError> {
        self.twins.row(&[&twin.id, &twin.model], &twin.contents)
    }

    fn relationship(&mut self, edge: &RelationshipRecord) -> Result<(), WriteError> {
        let ids = [&*edge.source, &edge.id, &edge.name, &edge.target];
        self.relationships.row(&ids, &edge.properties)
    }

    fn finish(self: Box<Self>) -> Result<Vec<PathBuf>, WriteError> {
        let mut written = vec![self.twins.finish()?, self.relationships.finish()?];
        written.extend(Box::new(self.models).finish()?);
        Ok(written)
    }
}

/// A table whose columns are known only at its end: until then its rows wait in a file.
struct Table {
    file: NewFile,
    rows: BufWriter<std::fs::File>,
    fixed: &'static [&'static str],
    columns: BTreeSet<String>,
}

impl Table {
    fn new(path: &Path, fixed: &'static [&'static str]) -> Result<Self, WriteError> {
        let file = NewFile::create(path)?;
        let rows = tempfile::tempfile().map_err(|error| file.failed(error))?;
        Ok(Self { file, rows: BufWriter::new(rows), fixed, columns: BTreeSet::new() })
    }

    fn row(&mut self, ids: &[&str], values: &Map<String, Value>) -> Result<(), WriteError> {
        for name in values.keys() {
            if !self.columns.contains(name) {
                self.columns.insert(name.clone());
            }
        }
        let wrote = serde_json::to_writer(&mut self.rows, &(ids, values)).map_err(io::Error::from);
        wrote.and_then(|()| self.rows.write_all(b"\n")).map_err(|error| self.file.failed(error))
    }

    fn finish(mut self) -> Result<PathBuf, WriteError> {
        self.write_rows().map_err(|error| self.file.failed(error))?;
        self.file.finish()
    }

    fn write_rows(&mut self) -> io::Result<()> {
        self.rows.flush()?;
        let rows = self.rows.get_mut();
        rows.rewind()?;
        let mut writer = ::csv::Writer::from_writer(self.file.inner());
        let header = self.fixed.iter().copied().chain(self.columns.iter().map(String::as_str));
        writer.write_record(header)?;
        for line in BufReader::new(rows).lines() {
            let (ids, values): (Vec<String>, Map<String, Value>) = serde_json::from_str(&line?)?;
            let cells =
                self.columns.iter().map(|name| values.get(name).map(cell).unwrap_or_default());
            writer.write_record(ids.iter().map(|id| encode(id)).chain(cells))?;
        }
        writer.flush()
    }
}
