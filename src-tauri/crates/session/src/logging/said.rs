//! What is said, bounded: a function that says something of every event, or fails with every one,
//! must not push all else out of the log.

use std::collections::HashMap;
use twin_graph::Timestamp;

/// Lines of one function in a second.
const MOST_LINES: u32 = 100;
/// Characters of a line.
const MOST_CHARACTERS: usize = 1_000;
const TICKS_PER_SECOND: i64 = 10_000_000;

/// How much each function said in its current second.
#[derive(Default)]
pub(super) struct Said(HashMap<String, (i64, u32)>);

impl Said {
    /// The note of a line that a function says; `None` where it said enough in this second. The
    /// first line too many says so.
    pub(super) fn note(&mut self, function: &str, now: Timestamp, text: String) -> Option<String> {
        let second = now.ticks().div_euclid(TICKS_PER_SECOND);
        let said = match self.0.get_mut(function) {
            Some(said) => said,
            None => self.0.entry(function.to_owned()).or_default(),
        };
        if said.0 != second {
            *said = (second, 0);
        }
        said.1 = said.1.saturating_add(1);
        match said.1 {
            ..=MOST_LINES => Some(text),
            line if line == MOST_LINES + 1 => Some(format!(
                "{text} (More than {MOST_LINES} lines in this second; the others are left out.)"
            )),
            _ => None,
        }
    }
}

/// A line as it is kept.
pub(super) fn shortened(text: &str) -> String {
    match text.char_indices().nth(MOST_CHARACTERS) {
        None => text.to_owned(),
        Some((end, _)) => {
            let (kept, rest) = text.split_at(end);
            format!("{kept}… ({} characters more)", rest.chars().count())
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_function_says_so_much_a_second_and_others_as_much() {
        let mut said = Said::default();
        let at = |seconds: i64| Timestamp::from_ticks(seconds * TICKS_PER_SECOND);
        let lines: Vec<_> =
            (0..250).filter_map(|n| said.note("one", at(1), n.to_string())).collect();
        assert_eq!(lines.len(), 101);
        assert_eq!(lines[99], "99");
        assert!(lines[100].starts_with("100 (More than 100 lines"), "{}", lines[100]);
        assert_eq!(said.note("two", at(1), "x".into()).unwrap(), "x");
        assert_eq!(said.note("one", at(2), "x".into()).unwrap(), "x");
    }

    #[test]
    fn long_lines_are_cut_between_characters() {
        assert_eq!(shortened("short"), "short");
        let long = shortened(&"ü".repeat(1_005));
        assert_eq!(long, format!("{}… (5 characters more)", "ü".repeat(1_000)));
    }
}
