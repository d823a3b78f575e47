//! Which form a file has, and the doors to all of them.

use crate::graph::Sink;
use crate::new_file::NewFile;
use crate::{
    At, Graph, Place, Problems, RelationshipRecord, TwinRecord, WriteError, csv, json, ndjson, xlsx,
};
use serde_json::Value;
use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The most bytes that one import reads, all files together.
pub const MOST_BYTES: u64 = 1024 * 1024 * 1024;

/// The form of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The import job's form.
    Ndjson,
    /// The existing explorer's form, or models.
    Json,
    /// The existing explorer's spreadsheet.
    Xlsx,
    /// Tables of twins and relationships.
    Csv,
}

impl Format {
    /// The form that a file's name says; `None` for another extension.
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "ndjson" | "jsonl" => Some(Self::Ndjson),
            "json" => Some(Self::Json),
            "xlsx" => Some(Self::Xlsx),
            "csv" => Some(Self::Csv),
            _ => None,
        }
    }
}

/// Reads files into one graph, and tells all that is wrong with their form.
pub fn read(paths: &[PathBuf]) -> (Graph, Problems) {
    read_watched(paths, &|_| true).unwrap_or_default()
}

/// As [`read`]; `go_on` is told how many bytes are read so far, of all files together (of a
/// spreadsheet once it is whole), and says whether to go on. `None` where it did not.
pub fn read_watched(paths: &[PathBuf], go_on: &dyn Fn(u64) -> bool) -> Option<(Graph, Problems)> {
    let mut sink = Sink::default();
    let mut left = MOST_BYTES;
    let watched = Watched { go_on, done: Cell::new(0), given_up: Cell::new(false) };
    for path in paths {
        let file: Arc<str> = path.to_string_lossy().into();
        if let Err(message) = read_file(&file, path, &mut left, &mut sink, &watched) {
            sink.problems.add(&Place { file, at: At::File }, "", message);
        }
        if watched.given_up.get() {
            return None;
        }
    }
    Some((sink.graph, sink.problems))
}

/// How far reading is, and whether it was given up.
struct Watched<'a> {
    go_on: &'a dyn Fn(u64) -> bool,
    done: Cell<u64>,
    given_up: Cell<bool>,
}

impl Watched<'_> {
    fn add(&self, bytes: u64) {
        self.done.set(self.done.get() + bytes);
        self.given_up.set(self.given_up.get() || !(self.go_on)(self.done.get()));
    }
}

/// An input that ends where reading is given up.
struct WatchedInput<'a, R> {
    input: R,
    watched: &'a Watched<'a>,
}

impl<R: io::Read> io::Read for WatchedInput<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.watched.given_up.get() {
            return Ok(0);
        }
        let bytes = self.input.read(buffer)?;
        self.watched.add(bytes as u64);
        Ok(bytes)
    }
}

fn read_file(
    file: &Arc<str>,
    path: &Path,
    left: &mut u64,
    sink: &mut Sink,
    watched: &Watched<'_>,
) -> Result<(), String> {
    let unreadable = |error: io::Error| format!("The file cannot be read: {error}.");
    let format = Format::of(path).ok_or(
        "The form of this file is not known: its name should end in .ndjson, .json, .xlsx or .csv.",
    )?;
    let input = File::open(path).map_err(unreadable)?;
    let about = input.metadata().map_err(unreadable)?;
    if !about.is_file() {
        return Err("This is not a file. Name the files in it.".into());
    }
    *left = left
        .checked_sub(about.len())
        .ok_or("One import reads at most 1 GiB. Import the rest by itself.")?;
    if format == Format::Xlsx {
        let done = xlsx::read(file, input, sink).map_err(unreadable);
        watched.add(about.len());
        return done;
    }
    let input = WatchedInput { input: io::Read::take(input, about.len()), watched };
    let mut input = BufReader::with_capacity(64 * 1024, input);
    pass_over_mark(&mut input).map_err(unreadable)?;
    match format {
        Format::Ndjson => ndjson::read(file, input, sink),
        Format::Json => json::read(file, input, sink),
        Format::Csv => csv::read(file, input, sink),
        Format::Xlsx => Ok(()),
    }
    .map_err(unreadable)
}

/// A byte order mark, as Windows editors write it.
fn pass_over_mark(input: &mut impl BufRead) -> io::Result<()> {
    if input.fill_buf()?.starts_with(b"\xEF\xBB\xBF") {
        input.consume(3);
    }
    Ok(())
}

/// Reads the text of a file of NDJSON; `file` is what its problems call it.
pub fn read_ndjson(file: &str, mut text: &[u8]) -> (Graph, Problems) {
    let mut sink = Sink::default();
    let file: Arc<str> = file.into();
    let done = pass_over_mark(&mut text).and_then(|()| ndjson::read(&file, text, &mut sink));
    if let Err(error) = done {
        let message = format!("The file cannot be read: {error}.");
        sink.problems.add(&Place { file, at: At::File }, "", message);
    }
    (sink.graph, sink.problems)
}

/// Takes a graph and makes files of it: first all models, then all twins, then all relationships.
///
/// The files are there after [`GraphWriter::finish`]; dropping a writer before leaves nothing.
pub trait GraphWriter: Send {
    /// Takes a model.
    ///
    /// # Errors
    /// Where the file system refuses, or the form has no room.
    fn model(&mut self, document: &Value) -> Result<(), WriteError>;
    /// Takes a twin.
    ///
    /// # Errors
    /// As [`GraphWriter::model`].
    fn twin(&mut self, twin: &TwinRecord) -> Result<(), WriteError>;
    /// Takes a relationship.
    ///
    /// # Errors
    /// As [`GraphWriter::model`].
    fn relationship(&mut self, relationship: &RelationshipRecord) -> Result<(), WriteError>;
    /// Puts the files in their places and names them.
    ///
    /// # Errors
    /// As [`GraphWriter::model`].
    fn finish(self: Box<Self>) -> Result<Vec<PathBuf>, WriteError>;
}

/// A writer of that form. Spreadsheets and CSV have no models: those go to `NAME.models.json` beside it, and CSV's
/// relationships to `NAME.relationships.csv`.
///
/// # Errors
/// Where the file cannot be made.
pub fn writer(format: Format, path: &Path) -> Result<Box<dyn GraphWriter>, WriteError> {
    Ok(match format {
        Format::Ndjson => Box::new(ndjson::Writer::new(NewFile::create(path)?)?),
        Format::Json => Box::new(json::Writer::new(NewFile::create(path)?)?),
        Format::Xlsx => Box::new(xlsx::Writer::new(path)?),
        Format::Csv => Box::new(csv::Writer::new(path)?),
    })
}
