//! The query language of Azure Digital Twins: parse and run over the twin graph.
//!
//! ```
//! use adt_query::{Engine, Request};
//! use std::sync::Arc;
//! use twin_graph::TwinGraph;
//!
//! let query = adt_query::parse("SELECT COUNT() FROM DIGITALTWINS T WHERE T.temperature > 21.5")?;
//! let graph = Arc::new(TwinGraph::new());
//! let engine = Engine::new();
//! let answer = engine.execute(&query, &graph, Request::default())?;
//! assert_eq!(answer.row(0), serde_json::json!({"COUNT": 0}));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! `language` makes a checked [`Query`] of a text. The [`Engine`] plans from which variable to
//! begin and over which relationships to go on, by what the graph knows of their numbers, and
//! finds the rows; `evaluate` decides which of them fit, over columns where there are any.
//!
//! Source: "Azure Digital Twins query language"
//! (<https://learn.microsoft.com/azure/digital-twins/concepts-query-language>). Where it says
//! nothing, SQL's rules hold: a comparison with something that is not there is neither true nor
//! false, nor is its NOT, and such a row is left out. Values of different kinds are not equal and
//! have no order. Two texts that are both RFC 3339 times are compared as times.
//!
//! A row binds every twin and every single-hop relationship of the query; a relationship
//! condition of several hops binds the twin at its end, once, however many ways lead there.
//! On one such way no relationship is gone twice ("a relationship is traversed only once").

mod access;
mod engine;
mod evaluate;
mod item;
mod language;
mod value;

pub use engine::{
    Answer, Binding, ColumnUse, Engine, Live, LiveChange, LiveRow, Position, Report, Request,
    StepReport, Stop, Stopped,
};
pub use language::complete::{Completion, CompletionItem, CompletionKind, complete};
pub use language::diagnose::{Diagnostic, Severity, diagnose};
pub use language::highlight::{Highlight, TokenKind, highlight};
pub use language::limits::QueryLimits;
pub use language::syntax::Query;
pub use language::{QueryError, lexis, limits, parse, parse_within};

/// What a query costs, in query units: the header `query-charge`.
///
/// The service publishes no formula. Recorded charges of small answers are 3.22 and 5.66; this
/// one starts below them and grows with what was looked at and with what was answered.
pub fn charge(scanned: u64, returned: u64) -> f64 {
    let units = 2.9 + 0.001 * scanned as f64 + 0.04 * returned as f64;
    (units * 100.0).round() / 100.0
}
