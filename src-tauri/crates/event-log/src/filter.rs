//! Which entries a text filter takes.

use crate::Entry;
use serde_json::Value;
use std::collections::VecDeque;
use std::fmt::Write;

/// Words that must all occur, in any order, without regard to case; `about:ID` for whole ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Words(Vec<String>);

impl Words {
    pub(crate) fn new(filter: &str) -> Self {
        Self(filter.split_whitespace().map(str::to_lowercase).collect())
    }

    /// Whether it takes everything.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether an entry of that text is taken.
    pub(crate) fn occur_in(&self, text: &str) -> bool {
        self.0.iter().all(|word| match word.strip_prefix("about:") {
            Some(id) => is_about(id, text),
            None => text.contains(word.as_str()),
        })
    }
}

/// Whether a text is of an entry about the twin or device `id`, about a relationship that leaves
/// it, or caused by it. Whole ids only: `Room_1` does not mean `Room_11`.
fn is_about(id: &str, text: &str) -> bool {
    let mut lines = text.split('\n');
    let subject = lines.nth(1).unwrap_or_default();
    let cause = lines.next_back().unwrap_or_default();
    subject.strip_prefix(id).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        || cause.strip_suffix(id).is_some_and(|before| before.ends_with(' '))
}

/// What a filter is put to, a line each: label, subject, changes, note, trace id and cause, in lower case, made
/// once for each entry.
pub(crate) fn searchable(entry: &Entry, trace_id: &str) -> Box<str> {
    let mut text = String::with_capacity(128);
    // Writing to a String cannot fail.
    let _ = write!(text, "{}\n{}\n", entry.kind.label(), entry.subject);
    for change in &entry.changes {
        text.push_str(&change.path);
        for value in change.before.iter().chain(&change.after) {
            text.push(' ');
            match value {
                Value::String(value) => text.push_str(value),
                value => {
                    let _ = write!(text, "{value}");
                }
            }
        }
        text.push('\n');
    }
    let _ = write!(text, "{}\n{trace_id}\n{}", entry.note, entry.cause);
    text.to_lowercase().into_boxed_str()
}

/// The positions that the last filter took, so that the next pull looks only at what is new.
pub(crate) struct Matches {
    pub(crate) words: Words,
    /// Ascending.
    pub(crate) positions: VecDeque<u64>,
    /// The newest position that was looked at.
    pub(crate) looked_at: u64,
}

impl Matches {
    pub(crate) fn of(words: Words) -> Self {
        Self { words, positions: VecDeque::new(), looked_at: 0 }
    }

    /// Forgets positions before `oldest`.
    pub(crate) fn forget_before(&mut self, oldest: u64) {
        while self.positions.front().is_some_and(|position| *position < oldest) {
            self.positions.pop_front();
        }
    }
}
