//! Which entries a text filter takes.

use crate::{Entry, EntryKind};
use serde_json::Value;
use std::collections::VecDeque;
use std::fmt::Write;
use std::sync::Arc;

/// Words that must all occur, in any order, without regard to case; `about:ID` for whole ids;
/// `route:NAME` and its like for what went through a node of the topology.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Words(Vec<Word>);

/// One of them, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Word {
    Text(String),
    About(String),
    Node(Node),
}

/// A node of the topology: part, and name.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Node {
    part: &'static str,
    name: String,
}

/// The words for nodes, and their parts of the topology.
const NODES: [(&str, &str); 6] = [
    ("route:", "routes"),
    ("endpoint:", "endpoints"),
    ("function:", "functions"),
    ("source:", "sources"),
    ("subscription:", "subscriptions"),
    ("sink:", "sinks"),
];

impl Word {
    fn new(word: &str) -> Self {
        let word = word.to_lowercase();
        if let Some(id) = word.strip_prefix("about:") {
            return Self::About(id.to_owned());
        }
        let node = |(prefix, part): &(&str, &'static str)| {
            word.strip_prefix(prefix).map(|name| Node { part, name: name.to_owned() })
        };
        NODES.iter().find_map(node).map_or_else(|| Self::Text(word.clone()), Self::Node)
    }

    fn takes(&self, entry: &Entry, text: &str) -> bool {
        match self {
            Self::Text(word) => text.contains(word.as_str()),
            Self::About(id) => is_about(id, text),
            Self::Node(node) => node.was_passed_by(entry),
        }
    }
}

impl Node {
    /// Whether an event went through the node, was made by it, or says what went wrong there.
    fn was_passed_by(&self, entry: &Entry) -> bool {
        let mut matched = entry.verdicts.iter().filter(|verdict| verdict.matched);
        let is_one_of = |ids: &[String]| ids.iter().any(|id| self.is(id));
        match entry.kind {
            EntryKind::EventRoute => self.part == "routes" && self.is_named(&entry.subject),
            EntryKind::Failure => self.failed(entry),
            _ if self.part == "routes" => matched.any(|verdict| self.is_named(&verdict.route)),
            _ => {
                self.made(entry)
                    || entry.goes_to.as_deref().is_some_and(is_one_of)
                    || self.was_handed(entry)
                    || matched.any(|verdict| is_one_of(&verdict.leads_to))
            }
        }
    }

    fn is(&self, id: &str) -> bool {
        id.split_once('/').is_some_and(|(part, name)| part == self.part && self.is_named(name))
    }

    /// Whether it is an endpoint of 2019 that was sent the event directly.
    fn was_handed(&self, entry: &Entry) -> bool {
        let name =
            |node: &Arc<str>| node.split_once('/').is_some_and(|(_, name)| self.is_named(name));
        self.part == "endpoints" && entry.handed.iter().any(|(node, _)| name(node))
    }

    fn is_named(&self, name: &str) -> bool {
        name.eq_ignore_ascii_case(&self.name)
    }

    /// Whether a function made the change.
    fn made(&self, entry: &Entry) -> bool {
        let by = || entry.cause.split_once(", after ").map(|(name, _)| name);
        self.part == "functions" && by().is_some_and(|name| self.is_named(name))
    }

    /// Failures are about an endpoint or a node's id, or begin with a place in the topology.
    fn failed(&self, entry: &Entry) -> bool {
        let place = || {
            let mut steps = entry.note.strip_prefix('/')?.split(['/', ':']);
            Some((steps.next()?, steps.next()?))
        };
        self.is(&entry.subject)
            || self.part == "endpoints" && self.is_named(&entry.subject)
            || place().is_some_and(|(part, name)| part == self.part && self.is_named(name))
    }
}

impl Words {
    pub(crate) fn new(filter: &str) -> Self {
        Self(filter.split_whitespace().map(Word::new).collect())
    }

    /// Whether it takes everything.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether an entry of that text is taken.
    pub(crate) fn take(&self, entry: &Entry, text: &str) -> bool {
        self.0.iter().all(|word| word.takes(entry, text))
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
