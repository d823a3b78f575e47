//! Rows of documents as a table: what is one level in an object is a column.

use interchange::row_cells;
use serde_json::Value;
use std::collections::HashMap;
use std::io::{self, Write};

/// Characters of a cell at the most.
const WIDEST: usize = 40;

/// Rows by column, in the order in which columns first came.
#[derive(Default)]
pub struct Rows {
    columns: Vec<String>,
    places: HashMap<String, usize>,
    kept: Vec<Vec<Option<String>>>,
    widths: Vec<usize>,
}

impl Rows {
    /// Keeps all columns of the rows.
    fn keep<'r>(&mut self, rows: impl Iterator<Item = &'r Value>) {
        for row in rows {
            let cells = row_cells(row);
            let mut kept = vec![None; self.columns.len()];
            for (name, value) in cells {
                let next = self.columns.len();
                let place = *self.places.entry(name.clone()).or_insert(next);
                if place == next {
                    self.columns.push(name);
                    kept.push(None);
                }
                kept[place] = Some(value);
            }
            self.kept.push(kept);
        }
    }

    /// Writes a page of a table; the first page decides on columns and widths, later values are cut.
    pub fn write_page(&mut self, rows: &[Value], out: &mut impl Write) -> io::Result<()> {
        let first = self.columns.is_empty();
        let known = self.columns.len();
        self.keep(rows.iter());
        if first {
            self.drop_bookkeeping();
            self.widths = (0..self.columns.len()).map(|column| self.width(column)).collect();
            if !self.columns.is_empty() {
                let names = self.columns.iter().map(|name| Some(name.as_str()));
                write_line(names, &self.widths, out)?;
            }
        } else {
            self.forget_from(known);
        }
        for row in std::mem::take(&mut self.kept) {
            write_line(row.iter().map(Option::as_deref), &self.widths, out)?;
        }
        Ok(())
    }

    /// `$etag` and `$metadata` say little to people, but for the model.
    fn drop_bookkeeping(&mut self) {
        let dropped = |name: &str| {
            let last = name.rsplit('.').next().unwrap_or(name);
            last == "$etag" && self.columns.len() > 1
        };
        let stay: Vec<usize> =
            (0..self.columns.len()).filter(|&place| !dropped(&self.columns[place])).collect();
        self.columns = stay.iter().map(|&place| self.columns[place].clone()).collect();
        for row in &mut self.kept {
            *row = stay.iter().map(|&place| row.get(place).cloned().flatten()).collect();
        }
        let numbered = self.columns.iter().cloned().zip(0..);
        self.places = numbered.collect();
    }

    fn forget_from(&mut self, known: usize) {
        for name in self.columns.drain(known..) {
            self.places.remove(&name);
        }
        self.kept.iter_mut().for_each(|row| row.truncate(known));
    }

    fn width(&self, column: usize) -> usize {
        let cells = self.kept.iter().filter_map(|row| row.get(column)?.as_deref());
        let widest = cells.chain([self.columns[column].as_str()]).map(|text| text.chars().count());
        widest.max().unwrap_or_default().min(WIDEST)
    }
}

fn write_line<'c>(
    cells: impl Iterator<Item = Option<&'c str>>,
    widths: &[usize],
    out: &mut impl Write,
) -> io::Result<()> {
    let mut line = String::new();
    for (cell, width) in cells.chain(std::iter::repeat(None)).zip(widths) {
        let cell = cell.unwrap_or_default().replace(['\n', '\r', '\t'], " ");
        let long = cell.chars().count() > *width;
        let shown: String = match long {
            true => cell.chars().take(width.saturating_sub(1)).chain(['…']).collect(),
            false => cell,
        };
        line += &format!("{shown:width$}  ");
    }
    writeln!(out, "{}", line.trim_end())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn table(pages: &[Vec<Value>]) -> String {
        let (mut rows, mut out) = (Rows::default(), Vec::new());
        pages.iter().for_each(|page| rows.write_page(page, &mut out).unwrap());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_table_of_documents() {
        let row =
            json!({"$dtId": "a", "$etag": "1", "t": 1.5, "$metadata": {"$model": "dtmi:x;1"}});
        let later = json!({"$dtId": "b\nc", "other": 1, "t": "x".repeat(50)});
        let shown = table(&[vec![row], vec![later]]);
        assert_eq!(shown, "$dtId  t    $metadata.$model\na      1.5  dtmi:x;1\nb c    xx…\n");
    }

    #[test]
    fn a_table_of_projections() {
        let row = json!({"R": {"$dtId": "r", "$etag": "1", "n": null}, "name": {"a": 1}});
        assert_eq!(table(&[vec![row]]), "R.$dtId  R.n   name\nr        null  {\"a\":1}\n");
    }

    #[test]
    fn a_table_of_nothing() {
        assert_eq!(table(&[vec![]]), "");
    }
}
