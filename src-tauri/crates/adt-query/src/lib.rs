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
//! A text goes through `lexer` and `parser` to a [`Query`] (`syntax`); `access` chooses
//! where its rows come from, `evaluate` decides which of them fit, [`run()`] makes the answer.
//!
//! Source: "Azure Digital Twins query language"
//! (<https://learn.microsoft.com/azure/digital-twins/concepts-query-language>). Where it says
//! nothing, SQL's rules hold: a comparison with something that is not there is neither true nor
//! false, nor is its NOT, and such a row is left out. Values of different kinds are not equal and
//! have no order. Two texts that are both RFC 3339 times are compared as times.

mod access;
mod error;
mod evaluate;
mod item;
mod lexer;
pub mod limits;
mod page;
mod parser;
mod run;
mod syntax;
mod value;

pub use error::QueryError;
pub use page::{Page, RowKey, run_page};
pub use parser::parse;
pub use run::{Rows, charge, run};
pub use syntax::Query;
