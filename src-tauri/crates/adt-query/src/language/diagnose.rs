//! What is wrong with a query, and what looks wrong: for an editor.

use super::lexer::Token;
use super::parser::{Parser, Role, parse};
use super::vocabulary::Vocabulary;
use dtdl::Models;
use std::ops::Range;

/// Something to say about a part of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The bytes that it is about; empty at the end of the text.
    pub bytes: Range<usize>,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, and what to do.
    pub message: String,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The service refuses the query.
    Error,
    /// It is taken, but something in it finds nothing.
    Warning,
}

/// The error of a text that is no query; else what in it no model knows.
pub fn diagnose(text: &str, models: &Models) -> Vec<Diagnostic> {
    if let Err(error) = parse(text) {
        let (bytes, message) = (error.bytes, error.message);
        return vec![Diagnostic { bytes, severity: Severity::Error, message }];
    }
    let mut parser = Parser::new(text);
    let Ok(query) = parser.query() else { return Vec::new() };
    let vocabulary = Vocabulary::of(models);
    let mut found: Vec<Diagnostic> = (0..parser.tokens.len())
        .filter_map(|index| unknown(&parser, index, &vocabulary, models))
        .collect();
    if query.links.iter().any(|link| link.hops.is_empty()) {
        let star = parser.tokens.iter().rfind(|placed| placed.token == Token::Symbol(".."));
        found.extend(star.map(|placed| Diagnostic {
            bytes: placed.bytes.clone(),
            severity: Severity::Warning,
            message: "The lower limit of hops is exclusive: this range has none.".into(),
        }));
    }
    found
}

fn unknown(
    parser: &Parser,
    index: usize,
    vocabulary: &Vocabulary<'_>,
    models: &Models,
) -> Option<Diagnostic> {
    let placed = &parser.tokens[index];
    let (Token::Word(name) | Token::Escaped(name) | Token::Text(name)) = &placed.token else {
        return None;
    };
    let message = match parser.roles[index]? {
        Role::ModelId if models.get(name).is_none() => {
            format!("There is no model {name}: no twin is of it.")
        }
        Role::RelationshipName if !vocabulary.relationships.contains(name.as_str()) => {
            format!("No model has a relationship {name}.")
        }
        Role::Property if begins(parser, index) && !vocabulary.knows_property(name) => {
            format!("No model has a property {name}. Names are case-sensitive.")
        }
        _ => return None,
    };
    Some(Diagnostic { bytes: placed.bytes.clone(), severity: Severity::Warning, message })
}

/// Whether a property's name is not within another property: it stands first, or behind an alias.
fn begins(parser: &Parser, index: usize) -> bool {
    let dotted = index > 0 && parser.tokens[index - 1].token == Token::Symbol(".");
    !dotted || (index > 1 && parser.roles[index - 2] == Some(Role::Alias))
}
