//! One property of every twin, for colouring by it.

use super::rows::TwinRows;
use crate::wire::{NO_ROW, PropertyHead, PropertyMessage};
use std::collections::HashMap;
use twin_graph::{PropertyValue, TwinGraph};

/// Values that are no numbers, told apart; the rest is one.
const MOST_LABELS: usize = 256;
const OTHERS: &str = "others";

/// A property by name, of the twins that have it set.
pub(super) fn property(graph: &TwinGraph, rows: &TwinRows, name: &str) -> PropertyMessage {
    let mut message =
        PropertyMessage { head: PropertyHead { labels: Vec::new() }, ..PropertyMessage::default() };
    let mut labels = HashMap::new();
    for (row, twin) in rows.iter() {
        let Some(value) = graph.twin(&twin.id).and_then(|twin| twin.property(name)) else {
            continue;
        };
        let number = value.as_f64();
        let text = match value {
            PropertyValue::Text(text) => Some(text.to_string()),
            PropertyValue::Bool(is) => Some(is.to_string()),
            _ => None,
        };
        if number.is_none() && text.is_none() {
            continue;
        }
        message.row.push(row);
        message.number.push(number.unwrap_or(f64::NAN));
        let list = &mut message.head.labels;
        let label = text.map_or(NO_ROW, |text| label_of(text, &mut labels, list));
        message.label.push(label);
    }
    message
}

/// The place of a text among the labels; what comes after the last is `others`.
fn label_of(text: String, known: &mut HashMap<String, u32>, list: &mut Vec<String>) -> u32 {
    let text = if known.contains_key(&text) || list.len() + 1 < MOST_LABELS {
        text
    } else {
        OTHERS.to_owned()
    };
    let next = u32::try_from(list.len()).unwrap_or(NO_ROW);
    *known.entry(text).or_insert_with_key(|text| {
        list.push(text.clone());
        next
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_beyond_the_last_are_one() {
        let (mut known, mut list) = (HashMap::new(), Vec::new());
        let mut of = |text: usize| label_of(text.to_string(), &mut known, &mut list);
        assert_eq!((of(1), of(2), of(1)), (0, 1, 0));
        let last: Vec<u32> = (0..1000).map(&mut of).collect();
        assert_eq!(last.last(), Some(&255));
        assert_eq!((list.len(), list.last().map(String::as_str)), (MOST_LABELS, Some(OTHERS)));
    }
}
