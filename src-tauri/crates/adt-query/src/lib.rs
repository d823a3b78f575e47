//! The query language of Azure Digital Twins: parse and run over the twin graph.
//!
//! ```
//! use twin_graph::TwinGraph;
//! let query = adt_query::parse("SELECT COUNT() FROM DIGITALTWINS T WHERE T.temperature > 21.5")?;
//! let rows: Vec<_> = adt_query::run(&query, &TwinGraph::new()).collect();
//! assert_eq!(rows, [serde_json::json!({"COUNT": 0})]);
//! # Ok::<(), adt_query::QueryError>(())
//! ```
//!
//! `language` makes a checked [`Query`] of a text; `access` chooses where its rows come from,
//! `evaluate` decides which of them fit, [`run()`] makes the answer.
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
mod evaluate;
mod item;
mod language;
mod page;
mod run;
mod value;

pub use language::syntax::Query;
pub use language::{QueryError, limits, parse};
pub use page::{Page, RowKey, run_page};
pub use run::{Rows, charge, run};
