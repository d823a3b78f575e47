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
    /// How the graph is laid out, by its name in the app; empty for what the app chooses.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub layout: String,
    /// The names of relationships that contain, where a person chose them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contains: Option<BTreeSet<String>>,
    /// Named views (what is hidden, the camera), in the page's own form.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub saved: BTreeMap<String, serde_json::Value>,
    /// Named queries, by their text.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub queries: BTreeMap<String, String>,
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
        let saved = self.saved.iter();
        let saved = saved.map(|(name, view)| format!("    {}: {view}", quoted(name)));
        let mut parts = vec![
            format!("\"positions\": {}", lines(positions.collect(), '{', '}')),
            format!("\"pins\": {}", lines(pins.collect(), '[', ']')),
        ];
        if !self.layout.is_empty() && self.layout != "auto" {
            parts.push(format!("\"layout\": {}", quoted(&self.layout)));
        }
        if let Some(contains) = &self.contains {
            parts.push(format!("\"contains\": {}", serde_json::json!(contains)));
        }
        if !self.saved.is_empty() {
            parts.push(format!("\"saved\": {}", lines(saved.collect(), '{', '}')));
        }
        if !self.queries.is_empty() {
            let queries = self.queries.iter();
            let queries =
                queries.map(|(name, text)| format!("    {}: {}", quoted(name), quoted(text)));
            parts.push(format!("\"queries\": {}", lines(queries.collect(), '{', '}')));
        }
        format!("{{\n  {}\n}}\n", parts.join(",\n  "))
    }
}
