//! Reads the text of a document: UTF-8, strict JSON, and what goes wrong with its line and column.

use serde_json::Value;

use crate::{
    problem::{Problem, Problems},
    strict::{self, DOUBLED, TOO_DEEP},
};

/// Reads the text of a model, or of an array of models.
///
/// A byte order mark is passed over. Takes no more than 64 levels of nesting, and no doubled keys.
///
/// # Errors
/// One problem, with line and column: the rest of a broken text says nothing.
pub fn read(text: &[u8]) -> Result<Value, Problems> {
    let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
    let text = std::str::from_utf8(text).map_err(|error| not_utf8(text, error.valid_up_to()))?;
    let text = without_negative_zero(text);
    strict::parse(&text).map_err(|error| {
        let what = error.to_string();
        let rule = match what.as_str() {
            what if what.starts_with(DOUBLED) => "duplicateKey",
            what if what.starts_with(TOO_DEEP) => "nestingTooDeep",
            _ => "invalidJson",
        };
        Problems(vec![Problem::new(rule, format!("The text is no JSON of a model: {what}."))])
    })
}

fn not_utf8(text: &[u8], valid: usize) -> Problems {
    let before = text.get(..valid).unwrap_or_default();
    let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
    let column = 1 + before.iter().rev().take_while(|byte| **byte != b'\n').count();
    let message = format!(
        "The text is not UTF-8: the byte at line {line} column {column} does not belong. Save the file as UTF-8."
    );
    Problems(vec![Problem::new("invalidJson", message)])
}

/// serde_json reads `-0` as the float `-0.0`; JSON and DTDL mean the integer.
fn without_negative_zero(text: &str) -> std::borrow::Cow<'_, str> {
    let bytes = text.as_bytes();
    let mut in_string = false;
    let mut escaped = false;
    let mut found = Vec::new();
    for (position, byte) in bytes.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'-' if !in_string && bytes.get(position + 1) == Some(&b'0') => {
                let next = bytes.get(position + 2);
                if !next.is_some_and(|next| next.is_ascii_digit() || b".eE".contains(next)) {
                    found.push(position);
                }
            }
            _ => {}
        }
    }
    if found.is_empty() {
        return text.into();
    }
    let mut text = text.to_owned();
    for position in found {
        text.replace_range(position..=position, " ");
    }
    text.into()
}
