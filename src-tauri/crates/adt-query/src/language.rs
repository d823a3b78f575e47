//! The language: text to a checked [`Query`], and what an editor asks of the same parser.

mod error;
mod lexer;
pub mod limits;
mod parser;
pub(crate) mod syntax;

pub use error::QueryError;
pub use parser::parse;
