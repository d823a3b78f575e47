//! What queries and route filters have in common: how their texts are cut, and what compares.

use std::fmt;

/// Where a lexer is in a text.
#[derive(Clone, Debug)]
pub struct Cursor<'t> {
    /// What is not read yet.
    pub rest: &'t str,
    /// How much is read, in bytes.
    pub offset: usize,
    /// From 1.
    pub line: usize,
    /// The character in the line, from `first` on.
    pub position: usize,
    first: usize,
}

impl<'t> Cursor<'t> {
    /// At the beginning of a text. The service counts the characters of a query's line from 0,
    /// those of a filter's from 1: `first`.
    pub fn new(text: &'t str, first: usize) -> Self {
        Self { rest: text, offset: 0, line: 1, position: first, first }
    }

    /// Goes on by so many bytes.
    pub fn advance(&mut self, bytes: usize) {
        let (passed, rest) = self.rest.split_at(bytes);
        for char in passed.chars() {
            if char == '\n' {
                self.line += 1;
                self.position = self.first;
            } else {
                self.position += 1;
            }
        }
        self.offset += bytes;
        self.rest = rest;
    }

    /// Goes on to what is no white space.
    pub fn skip_space(&mut self) {
        self.advance(self.rest.len() - self.rest.trim_start().len());
    }

    /// How many bytes from here on are of that kind.
    pub fn run(&self, of_kind: impl Fn(char) -> bool) -> usize {
        run(self.rest, of_kind)
    }
}

/// How many bytes at the beginning are of that kind.
pub fn run(text: &str, of_kind: impl Fn(char) -> bool) -> usize {
    text.find(|char| !of_kind(char)).unwrap_or(text.len())
}

/// What `'…'` at the beginning of a text says, in which `\'` and `\\` are escaped, and its length
/// in bytes; `None` and the whole text where it has no end.
pub fn quoted(text: &str) -> (Option<String>, usize) {
    let mut value = String::new();
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((index, char)) = chars.next() {
        match char {
            '\'' => return (Some(value), index + 1),
            '\\' => match chars.next_if(|(_, next)| matches!(next, '\'' | '\\')) {
                Some((_, escaped)) => value.push(escaped),
                None => value.push('\\'),
            },
            _ => value.push(char),
        }
    }
    (None, text.len())
}

/// A comparison operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Equal,
        Self::NotEqual,
        Self::Less,
        Self::LessOrEqual,
        Self::Greater,
        Self::GreaterOrEqual,
    ];

    /// The operator that says the same with its sides changed.
    pub fn flipped(self) -> Self {
        match self {
            Self::Equal | Self::NotEqual => self,
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
        }
    }

    /// How it is written.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }

    /// The operator that is written so.
    pub fn of_symbol(symbol: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operator| operator.symbol() == symbol)
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.symbol())
    }
}
