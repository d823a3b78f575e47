//! Writing the explorer's spreadsheet.

use super::{COLUMNS, derived_id};
use crate::new_file::NewFile;
use crate::{GraphWriter, RelationshipRecord, TwinRecord, WriteError, json};
use rust_xlsxwriter::{Workbook, Worksheet, XlsxError};
use serde_json::Value;
use std::collections::BTreeMap;
use std::mem;
use std::path::{Path, PathBuf};

/// Rows of a sheet, without the header.
const MOST_ROWS: usize = 1_048_575;
/// Characters of a cell.
const MOST_CHARACTERS: usize = 32_767;

/// Writes `NAME.xlsx` and, since that form has no models, `NAME.models.json`.
///
/// A twin's row holds its first incoming relationship, so everything is gathered until the end; a sheet's rows bound it.
pub(crate) struct Writer {
    file: NewFile,
    models: json::Writer,
    twins: Vec<TwinRecord>,
    /// By target.
    relationships: BTreeMap<String, Vec<RelationshipRecord>>,
    rows: usize,
}

impl Writer {
    pub(crate) fn new(path: &Path) -> Result<Self, WriteError> {
        Ok(Self {
            file: NewFile::create(path)?,
            models: json::Writer::models_only(NewFile::create(
                &path.with_extension("models.json"),
            )?)?,
            twins: Vec::new(),
            relationships: BTreeMap::new(),
            rows: 0,
        })
    }

    fn room(&mut self) -> Result<(), WriteError> {
        self.rows += 1;
        if self.rows <= MOST_ROWS {
            return Ok(());
        }
        Err(self.does_not_fit("a sheet has 1,048,576 rows. Export NDJSON, JSON or CSV.".into()))
    }

    fn does_not_fit(&self, message: String) -> WriteError {
        WriteError::DoesNotFit { path: self.file.path().to_owned(), message }
    }

    fn sheet(&mut self) -> Result<Workbook, WriteError> {
        let path = self.file.path().to_owned();
        let broken = |error: XlsxError| WriteError::DoesNotFit {
            path: path.clone(),
            message: error.to_string(),
        };
        let mut book = Workbook::new();
        let sheet = book.add_worksheet_with_constant_memory().map_err(broken)?;
        sheet.set_freeze_panes(1, 0).map_err(broken)?;
        for (column, width) in (0..).zip([36, 24, 24, 24, 48, 32, 32]) {
            sheet.set_column_width(column, width).map_err(broken)?;
        }
        let mut row = 0;
        self.put(sheet, &mut row, &COLUMNS)?;
        for TwinRecord { id, model, contents, .. } in mem::take(&mut self.twins) {
            let mut data = object(&contents);
            let incoming = self.relationships.remove(&id).unwrap_or_default();
            for edge in &incoming {
                self.edge(sheet, &mut row, [&model, &id, &data], edge)?;
                data.clear();
            }
            if incoming.is_empty() {
                self.put(sheet, &mut row, &[&model, &id, "", "", &data])?;
            }
        }
        for (target, incoming) in mem::take(&mut self.relationships) {
            for edge in &incoming {
                self.edge(sheet, &mut row, ["", &target, ""], edge)?;
            }
        }
        Ok(book)
    }

    fn edge(
        &self,
        sheet: &mut Worksheet,
        row: &mut u32,
        [model, target, data]: [&str; 3],
        edge: &RelationshipRecord,
    ) -> Result<(), WriteError> {
        let derived = derived_id(&edge.source, &edge.name, target);
        let id = if edge.id == derived { "" } else { &edge.id };
        let properties = object(&edge.properties);
        self.put(sheet, row, &[model, target, &edge.source, &edge.name, data, &properties, id])
    }

    fn put(&self, sheet: &mut Worksheet, row: &mut u32, cells: &[&str]) -> Result<(), WriteError> {
        for (column, text) in (0..).zip(cells).filter(|(_, text)| !text.is_empty()) {
            if text.chars().count() > MOST_CHARACTERS {
                return Err(self.does_not_fit(format!("the data of «{}» has more than 32,767 characters, which no cell has room for. Export NDJSON, JSON or CSV.", cells[1])));
            }
            sheet.write_string(*row, column, *text).map_err(|error| {
                self.does_not_fit(format!("{error}. Export NDJSON, JSON or CSV."))
            })?;
        }
        *row += 1;
        Ok(())
    }
}

fn object(values: &serde_json::Map<String, Value>) -> String {
    if values.is_empty() {
        String::new()
    } else {
        serde_json::to_string(values).unwrap_or_default()
    }
}

impl GraphWriter for Writer {
    fn model(&mut self, document: &Value) -> Result<(), WriteError> {
        self.models.model(document)
    }

    fn twin(&mut self, twin: &TwinRecord) -> Result<(), WriteError> {
        self.room()?;
        self.twins.push(twin.clone());
        Ok(())
    }

    fn relationship(&mut self, edge: &RelationshipRecord) -> Result<(), WriteError> {
        if self.relationships.contains_key(&edge.target) {
            self.room()?;
        }
        self.relationships.entry(edge.target.clone()).or_default().push(edge.clone());
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<Vec<PathBuf>, WriteError> {
        let mut book = self.sheet()?;
        let Self { mut file, models, .. } = *self;
        let path = file.path().to_owned();
        book.save_to_writer(file.inner()).map_err(|error| WriteError::DoesNotFit {
            path,
            message: format!("{error}. Export NDJSON, JSON or CSV."),
        })?;
        let mut written = vec![file.finish()?];
        written.extend(Box::new(models).finish()?);
        Ok(written)
    }
}
