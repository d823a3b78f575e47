//! The cells of a sheet, row by row, as texts.

use calamine::{DataRef, Dimensions, Reader, Xlsx, XlsxCellFormula};
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What a workbook may unpack to. Its texts are held in memory while it is read.
const MOST_UNPACKED: u64 = 1024 * 1024 * 1024;
/// The shared texts say in here how many they are.
const HEAD: u64 = 64 * 1024;
/// A text takes as many bytes at the least: `<si/>`.
const SHORTEST: u64 = 5;
/// The first whole number that a spreadsheet's numbers cannot tell from its neighbours.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A cell that has something.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell {
    Text(String),
    /// Why there is no text.
    Unreadable(String),
}

/// A row that has something, from 1 on.
pub(super) struct Row {
    pub(super) number: usize,
    pub(super) cells: BTreeMap<usize, Cell>,
}

/// Hands the rows of the first sheet to `take` until it has enough.
///
/// # Errors
/// A sentence, where the file is not a workbook or is too large.
pub(super) fn read(mut input: File, take: &mut dyn FnMut(&Row) -> bool) -> Result<(), String> {
    check_size(&mut input, MOST_UNPACKED)?;
    // The reader is a library's, and some references to cells that no spreadsheet has make it panic.
    catch_unwind(AssertUnwindSafe(|| rows(input, take))).unwrap_or_else(|_| {
        Err("This is not a readable .xlsx workbook: it is damaged inside. Save it anew in a spreadsheet program.".into())
    })
}

fn rows(input: File, take: &mut dyn FnMut(&Row) -> bool) -> Result<(), String> {
    let broken = |error: calamine::XlsxError| {
        format!(
            "This is not a readable .xlsx workbook: {error}. Save it anew in a spreadsheet program."
        )
    };
    let mut book: Xlsx<_> = Xlsx::new(BufReader::new(input)).map_err(broken)?;
    let sheet = book.sheet_names().first().cloned().ok_or("The workbook has no sheet.")?;
    let merged = book.merge_cells_by_sheet_name(&sheet).map_err(broken)?;
    let mut merged = Merged::new(merged);
    let mut reader = book.worksheet_cells_reader(&sheet).map_err(broken)?;
    let mut row = Row { number: 0, cells: BTreeMap::new() };
    while let Some(cell) = reader.next_cell_with_formula().map_err(broken)? {
        let number = cell.pos.0 as usize + 1;
        if number != row.number {
            if !finish(&mut row, &mut merged, take) {
                return Ok(());
            }
            row.number = number;
        }
        if let Some(text) = text(&cell) {
            row.cells.insert(cell.pos.1 as usize, text);
        }
    }
    finish(&mut row, &mut merged, take);
    Ok(())
}

fn finish(row: &mut Row, merged: &mut Merged, take: &mut dyn FnMut(&Row) -> bool) -> bool {
    merged.fill(row);
    let on = row.cells.is_empty() || take(row);
    row.cells.clear();
    on
}

/// Unpacks everything once and keeps nothing: what a file says about its sizes may be a lie. So may
/// be its number of texts, for which the library takes memory before it reads the first.
fn check_size(input: &mut File, most: u64) -> Result<(), String> {
    let broken = |error: &dyn std::fmt::Display| {
        format!(
            "This is not a readable .xlsx workbook: {error}. Save it anew in a spreadsheet program."
        )
    };
    let mut archive =
        zip::ZipArchive::new(BufReader::new(&*input)).map_err(|error| broken(&error))?;
    let mut left = most;
    for index in 0..archive.len() {
        let entry = archive.by_index(index).map_err(|error| broken(&error))?;
        let texts =
            entry.name().is_ok_and(|name| name.to_lowercase().ends_with("sharedstrings.xml"));
        let mut entry = entry.take(left + 1);
        let mut head = Vec::new();
        let begun = entry.by_ref().take(HEAD).read_to_end(&mut head);
        let begun = begun.map_err(|error| broken(&error))? as u64;
        let size = begun + io::copy(&mut entry, &mut io::sink()).map_err(|error| broken(&error))?;
        if texts && claimed(&head) > size / SHORTEST {
            return Err(broken(&"it says that it has more texts than fit into it"));
        }
        left = left.checked_sub(size).ok_or(
            "The workbook unpacks to more than 1 GiB. Split it, or use NDJSON for so much.",
        )?;
    }
    drop(archive);
    input.rewind().map_err(|error| broken(&error))
}

/// How many texts the head of the shared ones claims, at the most; all that can be where it does not
/// even begin.
fn claimed(head: &[u8]) -> u64 {
    let head = String::from_utf8_lossy(head);
    if !head.contains("sst") && head.len() as u64 >= HEAD {
        return u64::MAX;
    }
    let number = |after: &str| {
        let digits = after.trim_start_matches(|c: char| !c.is_ascii_digit() && c != '>');
        let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        // Longer than a number can be is more than fits.
        if end == 0 { 0 } else { digits[..end].parse().unwrap_or(u64::MAX) }
    };
    head.split("uniqueCount").skip(1).map(number).max().unwrap_or(0)
}

fn text(cell: &XlsxCellFormula<'_>) -> Option<Cell> {
    let text = match &cell.value {
        DataRef::Empty => {
            let formula = cell.formula.as_ref()?;
            return Some(Cell::Unreadable(format!(
                "The formula «={}» has no stored result. Open the workbook in a spreadsheet program and save it, or write the value there.",
                formula.chars().take(60).collect::<String>()
            )));
        }
        DataRef::String(text) => text.clone(),
        DataRef::SharedString(text) => (*text).to_owned(),
        DataRef::Int(number) => number.to_string(),
        DataRef::Float(number) => return Some(of_number(*number)),
        DataRef::Bool(value) => value.to_string(),
        DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => text.clone(),
        DataRef::DateTime(_) => {
            let message =
                "The cell is a date for the spreadsheet. Format it as text and write it anew.";
            return Some(Cell::Unreadable(message.into()));
        }
        DataRef::Error(error) => {
            let message = format!(
                "The cell shows the error {error}. Mend its formula, or write the value there."
            );
            return Some(Cell::Unreadable(message));
        }
    };
    (!text.is_empty()).then_some(Cell::Text(text))
}

/// A number as people see it: `5`, not `5.0`.
fn of_number(number: f64) -> Cell {
    if number.fract() == 0.0 && number.abs() < EXACT {
        return Cell::Text(format!("{number:.0}"));
    }
    if number.abs() >= EXACT {
        let message = "The number has more digits than a spreadsheet keeps. Format the cell as text and write it anew.";
        return Cell::Unreadable(message.into());
    }
    Cell::Text(number.to_string())
}

/// Merged cells: only the first has a value, and it is meant for every row. Sideways nothing is filled, since each
/// column means something else.
struct Merged {
    last_row: HashMap<(usize, usize), usize>,
    /// By column: the last row, and the value.
    open: BTreeMap<usize, (usize, Cell)>,
}

impl Merged {
    fn new(regions: Vec<Dimensions>) -> Self {
        let tall = regions.into_iter().filter(|region| region.end.0 > region.start.0);
        let last_row = tall.map(|region| {
            let start = (region.start.0 as usize + 1, region.start.1 as usize);
            (start, region.end.0 as usize + 1)
        });
        Self { last_row: last_row.collect(), open: BTreeMap::new() }
    }

    fn fill(&mut self, row: &mut Row) {
        if self.last_row.is_empty() {
            return;
        }
        self.open.retain(|_, (last, _)| row.number <= *last);
        for (column, (_, value)) in &self.open {
            row.cells.entry(*column).or_insert_with(|| value.clone());
        }
        for (column, value) in &row.cells {
            if let Some(last) = self.last_row.get(&(row.number, *column)) {
                self.open.insert(*column, (*last, value.clone()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::io::Write;

    #[test]
    fn what_unpacks_to_too_much_is_refused() {
        let mut file = tempfile::tempfile().unwrap();
        let mut archive = zip::ZipWriter::new(&mut file);
        for name in ["xl/a.xml", "xl/b.xml"] {
            archive.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
            archive.write_all(&vec![b' '; 100_000]).unwrap();
        }
        archive.finish().unwrap();
        assert!(file.metadata().unwrap().len() < 2_000);
        assert_eq!(check_size(&mut file, 200_000), Ok(()));
        assert!(check_size(&mut file, 199_999).unwrap_err().contains("unpacks to more"));
    }
}
