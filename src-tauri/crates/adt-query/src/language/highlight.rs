//! What each piece of a query is, for an editor's colours.

use super::lexer::Token;
use super::parser::{Parser, Role};
use std::ops::Range;

/// A piece of a query. What stands between pieces is white space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Highlight {
    /// Its bytes in the text.
    pub bytes: Range<usize>,
    /// What it is.
    pub kind: TokenKind,
}

/// What a piece of a query is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// `SELECT`, `AND`, `true`.
    Keyword,
    /// `IS_OF_MODEL`.
    Function,
    /// The name of a collection of twins or relationships.
    Alias,
    /// The name of a property.
    Property,
    /// The name of a relationship.
    RelationshipName,
    /// A text in quotes.
    Text,
    /// A text in quotes that is a DTMI.
    ModelId,
    /// A number.
    Number,
    /// A comparison.
    Operator,
    /// Brackets, dots, commas and the arrows of MATCH.
    Punctuation,
    /// A name behind the place where the query stops being one.
    Name,
    /// Nothing of the language.
    Unknown,
}

/// The pieces of a text, in order, also of one that is not (yet) a query.
pub fn highlight(text: &str) -> Vec<Highlight> {
    let mut parser = Parser::new(text);
    // What is wrong is `diagnose`'s to say; the pieces before it are known all the same.
    let _ = parser.query();
    let pieces = parser.tokens.iter().zip(&parser.roles);
    pieces
        .filter_map(|(placed, role)| {
            let kind = match (role, &placed.token) {
                (_, Token::End) => return None,
                (Some(role), _) => of_role(*role),
                (None, Token::Word(word)) if super::parser::is_reserved(word) => TokenKind::Keyword,
                (None, Token::Word(_) | Token::Escaped(_)) => TokenKind::Name,
                (None, Token::Text(_)) => TokenKind::Text,
                (None, Token::Number(_)) => TokenKind::Number,
                (None, Token::Symbol("=" | "!=" | "<" | "<=" | ">" | ">=")) => TokenKind::Operator,
                (None, Token::Symbol(_)) => TokenKind::Punctuation,
                (None, Token::Unknown) => TokenKind::Unknown,
            };
            Some(Highlight { bytes: placed.bytes.clone(), kind })
        })
        .collect()
}

fn of_role(role: Role) -> TokenKind {
    match role {
        Role::Keyword => TokenKind::Keyword,
        Role::Function => TokenKind::Function,
        Role::Alias => TokenKind::Alias,
        Role::Property => TokenKind::Property,
        Role::RelationshipName => TokenKind::RelationshipName,
        Role::ModelId => TokenKind::ModelId,
    }
}
