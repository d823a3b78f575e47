//! Why a query is refused.

use adt_limits::Limit;
use thiserror::Error;

/// A query that cannot be run: it is not of the language, asks what the language does not allow,
/// or exceeds one of its [limits](crate::limits).
///
/// It is told in the service's words (recorded in the JavaScript SDK's tests): its parser is
/// ANTLR's.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error(
    "SQL query parse failed: SQL Parser Error, Line={line}, Position={position}, Message={message} See samples in https://aka.ms/adtv2query for the correct syntax."
)]
pub struct QueryError {
    /// The line, from 1.
    pub line: usize,
    /// The character in the line, from 0.
    pub position: usize,
    /// What is wrong there, and what was expected.
    pub message: String,
    /// The bytes of the text that it is about.
    pub bytes: std::ops::Range<usize>,
    /// The limit that it exceeds, where that is what is wrong.
    pub limit: Option<Limit>,
}
