//! How the graph is looked at.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What `views.json` holds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Views {
    /// The centre of a twin on the drawing, in pixels at 100 %, by `$dtId`.
    pub positions: BTreeMap<String, [f32; 2]>,
    /// Twins that a person put where they are.
    pub pins: BTreeSet<String>,
}

impl Views {
    /// As written to the file: one twin a line, so that a moved twin is one changed line.
    pub(crate) fn to_text(&self) -> String {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let positions = self
            .positions
            .iter()
            // JSON has no other numbers.
            .filter(|(_, at)| at.iter().all(|length| length.is_finite()))
            .map(|(id, [x, y])| format!("    {}: [{x}, {y}]", quoted(id)));
        let pins = self.pins.iter().map(|id| format!("    {}", quoted(id)));
        let lines = |lines: Vec<String>, open: char, close: char| match lines[..] {
            [] => format!("{open}{close}"),
            _ => format!("{open}\n{}\n  {close}", lines.join(",\n")),
        };
        format!(
            "{{\n  \"positions\": {},\n  \"pins\": {}\n}}\n",
            lines(positions.collect(), '{', '}'),
            lines(pins.collect(), '[', ']')
        )
    }
}
