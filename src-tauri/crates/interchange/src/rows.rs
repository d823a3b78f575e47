//! The rows of a query as a file: a JSON array, or CSV with one column a property.
//!
//! CSV needs to know the columns of all rows before it writes the first, so rows wait as lines of
//! JSON in a temporary file: memory stays bounded however many there are.

use crate::WriteError;
use crate::new_file::NewFile;
use serde_json::Value;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Seek, Write};
use std::path::{Path, PathBuf};

/// What rows are written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowForm {
    /// An array of the rows as the service answers them, one a line.
    Json,
    /// One column a property, objects as JSON.
    Csv,
}

/// Writes rows in a form.
pub struct RowWriter<W: Write> {
    out: W,
    waiting: Option<Waiting>,
    count: u64,
}

/// Rows of which the columns are not all known yet.
struct Waiting {
    rows: BufWriter<File>,
    columns: RowColumns,
}

impl<W: Write> RowWriter<W> {
    /// Begins.
    ///
    /// # Errors
    /// Where there is no room for a temporary file.
    pub fn new(form: RowForm, out: W) -> io::Result<Self> {
        let waiting = match form {
            RowForm::Json => None,
            RowForm::Csv => Some(Waiting {
                rows: BufWriter::new(tempfile::tempfile()?),
                columns: RowColumns::default(),
            }),
        };
        Ok(Self { out, waiting, count: 0 })
    }

    /// Adds a row.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn write(&mut self, row: &Value) -> io::Result<()> {
        self.count += 1;
        match &mut self.waiting {
            None => {
                let before = if self.count == 1 { "[\n" } else { ",\n" };
                write!(self.out, "{before}{row}")
            }
            Some(waiting) => {
                waiting.columns.learn(row);
                writeln!(waiting.rows, "{row}")
            }
        }
    }

    /// Brings what was written so far to its reader.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Writes what waits, and the end.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn finish(mut self) -> io::Result<W> {
        match self.waiting.take() {
            None => self.out.write_all(if self.count == 0 { b"[]\n" } else { b"\n]\n" })?,
            Some(waiting) => waiting.write_csv(&mut self.out)?,
        }
        self.out.flush()?;
        Ok(self.out)
    }
}

impl Waiting {
    fn write_csv(self, out: &mut impl Write) -> io::Result<()> {
        if self.columns.names().is_empty() {
            return Ok(());
        }
        let mut rows = self.rows.into_inner().map_err(io::IntoInnerError::into_error)?;
        rows.rewind()?;
        let mut csv = ::csv::Writer::from_writer(out);
        csv.write_record(self.columns.names()).map_err(cause)?;
        for line in BufReader::new(rows).lines() {
            let row = serde_json::from_str(&line?)?;
            csv.write_record(self.columns.record(&row)).map_err(cause)?;
        }
        csv.flush()
    }
}

/// What really went wrong: as an I/O error a CSV error does not tell.
fn cause(error: ::csv::Error) -> io::Error {
    match error.into_kind() {
        ::csv::ErrorKind::Io(error) => error,
        kind => io::Error::other(format!("{kind:?}")),
    }
}

/// Rows in a file that appears whole or not at all.
pub struct RowFile {
    path: PathBuf,
    rows: RowWriter<NewFile>,
}

impl RowFile {
    /// Begins a file beside its place.
    ///
    /// # Errors
    /// Where the folder cannot be written.
    pub fn create(path: &Path, form: RowForm) -> Result<Self, WriteError> {
        let file = NewFile::create(path)?;
        let rows = RowWriter::new(form, file);
        let rows = rows.map_err(|source| WriteError::Io { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), rows })
    }

    /// Adds a row.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn write(&mut self, row: &Value) -> Result<(), WriteError> {
        let written = self.rows.write(row);
        written.map_err(|source| WriteError::Io { path: self.path.clone(), source })
    }

    /// Puts the file in its place.
    ///
    /// # Errors
    /// Where it cannot be written; then nothing is left of it.
    pub fn finish(self) -> Result<PathBuf, WriteError> {
        let Self { path, rows } = self;
        rows.finish().map_err(|source| WriteError::Io { path, source })?.finish()
    }
}

/// The columns of rows, in the order in which they first came.
#[derive(Clone, Debug, Default)]
pub struct RowColumns {
    names: Vec<String>,
    places: HashMap<String, usize>,
}

impl RowColumns {
    /// Takes the columns of a row up.
    pub fn learn(&mut self, row: &Value) {
        for (name, _) in row_cells(row) {
            if !self.places.contains_key(&name) {
                self.places.insert(name.clone(), self.names.len());
                self.names.push(name);
            }
        }
    }

    /// Their names.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The cells of a row by column, empty where it has none.
    pub fn record(&self, row: &Value) -> Vec<String> {
        let mut record = vec![String::new(); self.names.len()];
        for (name, text) in row_cells(row) {
            if let Some(cell) = self.places.get(&name).and_then(|place| record.get_mut(*place)) {
                *cell = text;
            }
        }
        record
    }
}

/// The cells of a row, each with the name of its column. An object that is projected under an alias
/// is opened; of `$metadata` a cell is only the model.
pub fn row_cells(row: &Value) -> Vec<(String, String)> {
    let mut cells = Vec::new();
    for (name, value) in row.as_object().into_iter().flatten() {
        match value.as_object() {
            Some(document) if document.contains_key("$etag") => {
                for (inner, value) in document {
                    cells.push(cell(&format!("{name}.{inner}"), value));
                }
            }
            _ => cells.push(cell(name, value)),
        }
    }
    cells
}

fn cell(name: &str, value: &Value) -> (String, String) {
    if let (true, Some(model)) = (name.ends_with("$metadata"), value.get("$model")) {
        return (format!("{name}.$model"), text(model));
    }
    (name.to_owned(), text(value))
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn written(form: RowForm, rows: &[Value]) -> String {
        let mut writer = RowWriter::new(form, Vec::new()).unwrap();
        rows.iter().for_each(|row| writer.write(row).unwrap());
        String::from_utf8(writer.finish().unwrap()).unwrap()
    }

    #[test]
    fn csv_has_the_columns_of_all_rows() {
        let rows = [
            json!({"a": 1}),
            json!({"b": "x,y\n", "$etag": "1"}),
            json!({"R": {"$etag": "2", "$metadata": {"$model": "dtmi:x;1"}, "n": null}}),
        ];
        let csv = written(RowForm::Csv, &rows);
        assert_eq!(
            csv,
            "a,b,$etag,R.$etag,R.$metadata.$model,R.n\n1,,,,,\n,\"x,y\n\",1,,,\n,,,2,dtmi:x;1,null\n"
        );
    }

    #[test]
    fn json_is_an_array() {
        let rows = [json!({"a": 1}), json!({"b": [1.5, "ü"]})];
        for rows in [&rows[..], &rows[..1], &[]] {
            let read: Vec<Value> = serde_json::from_str(&written(RowForm::Json, rows)).unwrap();
            assert_eq!(read, rows);
        }
    }

    #[test]
    fn a_file_that_is_not_finished_is_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.csv");
        let mut file = RowFile::create(&path, RowForm::Csv).unwrap();
        file.write(&json!({"a": 1})).unwrap();
        drop(file);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        RowFile::create(&path, RowForm::Csv).unwrap().finish().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "");
    }
}
