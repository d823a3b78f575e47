//! The filter language of event routes.
//!
//! Source: "Create event routes and filters", section "Supported route filters"
//! (<https://learn.microsoft.com/azure/digital-twins/how-to-create-routes>); the legacy
//! `$eventType` as the service's SDK tests use it. Where those say nothing:
//! AND binds tighter than OR; values of different kinds are not equal and have no order; what is
//! not there equals `null` and nothing else, and no other comparison with it holds.

mod check;
mod lexer;
mod parser;
mod syntax;

use crate::Notification;
use std::fmt;
use std::str::FromStr;
use syntax::Condition;
use thiserror::Error;

/// What a route's filter says of a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The route takes it.
    Matched,
    /// The route does not.
    NotMatched {
        /// The text of the part that decided: the first that had to hold and did not.
        part: String,
        /// The value it saw, as JSON, or `not there`; of several, each with its name.
        saw: String,
    },
}

/// A filter that does not parse.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("Parsing error, Line={line}, Position={position}, Message={message}")]
pub struct FilterError {
    /// The line, from 1.
    pub line: usize,
    /// The character in the line, from 1, as recorded of the service: in `this is …` the
    /// unexpected `is` is at 6.
    pub position: usize,
    /// What is wrong there.
    pub message: String,
}

/// The condition of an event route, compiled.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter(Condition);

impl Filter {
    /// Compiles a filter.
    ///
    /// # Errors
    /// Where the text is not of the language, nested too deeply or too long; with the place.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        parser::parse(text).map(Self)
    }

    /// Whether the filter takes the notification. Allocates nothing.
    pub fn matches(&self, notification: &Notification) -> bool {
        check::holds(&self.0, notification)
    }

    /// Whether the filter takes the notification and, where not, which part decided.
    pub fn check(&self, notification: &Notification) -> Verdict {
        match check::first_failing(&self.0, notification) {
            None => Verdict::Matched,
            Some(part) => Verdict::NotMatched {
                part: part.to_string(),
                saw: check::seen_by(part, notification),
            },
        }
    }
}

impl FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        Self::parse(text)
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
