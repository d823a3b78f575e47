//! The language: text to a checked [`Query`], and what an editor asks of the same parser.

pub(crate) mod complete;
pub(crate) mod diagnose;
mod error;
pub(crate) mod highlight;
mod lexer;
pub mod lexis;
pub mod limits;
mod parser;
pub(crate) mod syntax;
mod vocabulary;

pub use error::QueryError;
pub use parser::{parse, parse_within};
