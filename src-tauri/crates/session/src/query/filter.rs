//! A filter over the graph: a condition of the query language, else a text.

use super::found::Found;
use crate::screen::search_matches;
use adt_query::{Binding, Engine, Request};
use std::sync::Arc;
use twin_graph::TwinGraph;

/// What a filter matches, and how it was read.
pub(super) struct Filtered {
    pub(super) found: Found,
    pub(super) condition: bool,
    pub(super) problem: Option<String>,
}

/// The twins that a filter matches.
pub(super) fn filter(engine: &Engine, graph: Arc<TwinGraph>, text: &str) -> Filtered {
    let mut found = Found::none(graph.clone());
    // Names may stand with the alias or without.
    match adt_query::parse(&format!("SELECT * FROM DIGITALTWINS T WHERE {text}")) {
        Ok(query) => {
            let answer = engine.execute(&query, &graph, Request::default());
            if let Ok(answer) = &answer {
                found.bound.extend((0..answer.len()).flat_map(|at| answer.bound(at)));
            }
            let problem = answer.err().map(|stopped| stopped.to_string());
            Filtered { found, condition: true, problem }
        }
        Err(error) => {
            let twins = search_matches(&graph, text).filter_map(|twin| graph.node(&twin.id));
            found.bound.extend(twins.map(Binding::Twin));
            let meant = text.contains(['=', '<', '>', '(']);
            Filtered { found, condition: false, problem: meant.then_some(error.message) }
        }
    }
}
