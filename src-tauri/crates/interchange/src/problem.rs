//! What is wrong with a file, and where.

use std::fmt;
use std::sync::Arc;
use thiserror::Error;

/// A row of a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file, as its path was given.
    pub file: Arc<str>,
    /// Where in it.
    pub at: At,
}

/// Where in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum At {
    /// The whole file.
    File,
    /// A line of text, from 1 on.
    Line(usize),
    /// A row of a table, from 1 on, the header included.
    Row(usize),
    /// An item of a JSON list: the list's JSON Pointer, and the index from 0 on.
    Item(&'static str, usize),
}

/// Without the file; empty for the whole of it.
impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File => Ok(()),
            Self::Line(line) => write!(f, "line {line}"),
            Self::Row(row) => write!(f, "row {row}"),
            Self::Item(list, index) => write!(f, "{list}/{index}"),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at {
            At::File => f.write_str(&self.file),
            at => write!(f, "{}, {at}", self.file),
        }
    }
}

/// One thing that is wrong, with its place.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub struct Problem {
    /// File and row.
    pub place: Place,
    /// The column's name in a table, a JSON Pointer into the row elsewhere; empty for the whole row.
    pub column: String,
    /// What is wrong, and what to do.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.column.as_str() {
            "" => write!(f, "{}: {}", self.place, self.message),
            column => write!(f, "{}, {column}: {}", self.place, self.message),
        }
    }
}

/// How many problems are kept; more are counted.
const MOST: usize = 1_000;

/// All that is wrong, as far as a person can read it.
#[derive(Debug, Default)]
pub struct Problems {
    /// The first thousand.
    pub found: Vec<Problem>,
    /// How many there were beside them.
    pub left_out: usize,
}

impl Problems {
    /// Adds one.
    pub fn add(&mut self, place: &Place, column: impl Into<String>, message: impl Into<String>) {
        if self.found.len() < MOST {
            let (column, message) = (column.into(), message.into());
            self.found.push(Problem { place: place.clone(), column, message });
        } else {
            self.left_out += 1;
        }
    }

    /// Adds those of another check.
    pub fn extend(&mut self, others: Self) {
        self.left_out += others.left_out;
        for problem in others.found {
            self.add(&problem.place, problem.column, problem.message);
        }
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// How many there are, those left out included.
    pub fn len(&self) -> usize {
        self.found.len() + self.left_out
    }
}
