//! What is wrong with a file of the workspace.

use std::fmt;
use thiserror::Error;

/// One thing that is wrong, with its place.
#[derive(Clone, Debug, Error, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileProblem {
    /// The file, from the workspace's folder on: `models/Room.json`; or the folder itself.
    pub file: String,
    /// `line 3, column 5` where it is not JSON, a JSON Pointer in a JSON file, `line 12` or
    /// `line 12, /temperature` in `twins.ndjson`; empty for the whole file.
    pub place: String,
    /// What is wrong, and what to do.
    pub message: String,
}

impl fmt::Display for FileProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place.as_str() {
            "" => write!(f, "{}: {}", self.file, self.message),
            place => write!(f, "{}, {place}: {}", self.file, self.message),
        }
    }
}

/// Collects problems; a hopeless file must not fill the memory with its own.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    found: Vec<FileProblem>,
    left_out: usize,
}

const MOST: usize = 1_000;

impl Problems {
    pub(crate) fn add(
        &mut self,
        file: impl Into<String>,
        place: impl Into<String>,
        message: impl Into<String>,
    ) {
        if self.found.len() < MOST {
            let (file, place, message) = (file.into(), place.into(), message.into());
            self.found.push(FileProblem { file, place, message });
        } else {
            self.left_out += 1;
        }
    }

    /// Counts problems that were found elsewhere and not kept.
    pub(crate) fn leave_out(&mut self, count: usize) {
        self.left_out += count;
    }

    pub(crate) fn into_result(mut self) -> Result<(), Vec<FileProblem>> {
        if self.left_out > 0 {
            let message =
                format!("{} more problems are not shown; mend these first.", self.left_out);
            let file = self.found.last().map(|last| last.file.clone()).unwrap_or_default();
            self.found.push(FileProblem { file, place: String::new(), message });
        }
        if self.found.is_empty() { Ok(()) } else { Err(self.found) }
    }
}

/// Takes the position out of a JSON error: `expected value at line 1 column 2` becomes
/// (`line 1, column 2`, `expected value`).
pub(crate) fn split_position(error: &str) -> Option<(String, String)> {
    let (before, after) = error.rsplit_once(" at line ")?;
    let (line, after) = after.split_once(" column ")?;
    let line: usize = line.parse().ok()?;
    let digits = after.bytes().take_while(u8::is_ascii_digit).count();
    let (column, rest) = after.split_at(digits);
    let column: usize = column.parse().ok()?;
    Some((format!("line {line}, column {column}"), format!("{before}{rest}")))
}
