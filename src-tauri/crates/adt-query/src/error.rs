//! Why a query is refused.

use thiserror::Error;

/// A query that cannot be run.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum QueryError {
    /// It is not of the language, or asks what the language does not allow. In the service's
    /// words, as recorded in the JavaScript SDK's tests.
    #[error(
        "SQL query parse failed: SQL Parser Error, Line={line}, Position={position}, Message={message} See samples in https://aka.ms/adtv2query for the correct syntax."
    )]
    Syntax {
        /// The line, from 1.
        line: usize,
        /// The character in the line, from 0.
        position: usize,
        /// What is wrong there, as the service's parser (ANTLR) says it.
        message: String,
    },
    /// The text is too long.
    #[error(
        "The query has {length} characters; at most {} are taken. Split it into several queries.",
        crate::limits::MAX_TEXT
    )]
    TooLong {
        /// How many characters it has.
        length: usize,
    },
    /// The service can do it, this engine not yet.
    #[error("{0} is not built yet: this instance answers queries over one collection.")]
    NotYet(&'static str),
}
