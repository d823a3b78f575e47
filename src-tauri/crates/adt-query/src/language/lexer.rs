//! Text to tokens.

use super::lexis::{Cursor, quoted, run};
use serde_json::Number;
use std::ops::Range;

/// A piece of a query.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token {
    /// A keyword, a function or a name: one segment of a path.
    Word(String),
    /// A name in `[[…]]`, which is never a keyword.
    Escaped(String),
    /// `'…'`.
    Text(String),
    Number(Number),
    Symbol(&'static str),
    /// Nothing of the language: the parser refuses it where it stands.
    Unknown,
    /// Behind the last one.
    End,
}

/// A token with its place.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    pub(crate) token: Token,
    /// From 1.
    pub(crate) line: usize,
    /// From 0, in characters.
    pub(crate) position: usize,
    /// Where it stands in the text, in bytes.
    pub(crate) bytes: Range<usize>,
    /// As it was written; `<EOF>` behind the last one.
    pub(crate) text: String,
}

/// Longer ones first, so that `<=` is not read as `<`.
const SYMBOLS: [&str; 17] =
    ["!=", "<=", ">=", "..", "(", ")", "[", "]", ",", ".", "*", "=", "<", ">", "-", ":", "|"];

/// Cuts the text into tokens, the last of which is [`Token::End`].
pub(crate) fn tokens(text: &str) -> Vec<Placed> {
    let mut lexer = Lexer(Cursor::new(text, 0));
    let mut tokens = Vec::new();
    loop {
        lexer.0.skip_space();
        let placed = lexer.next();
        let end = placed.token == Token::End;
        tokens.push(placed);
        if end {
            return tokens;
        }
    }
}

struct Lexer<'t>(Cursor<'t>);

impl Lexer<'_> {
    fn next(&mut self) -> Placed {
        let (token, length) = self.read();
        let Cursor { rest, offset, line, position, .. } = self.0;
        let text = match token {
            Token::End => "<EOF>".to_owned(),
            _ => rest[..length].to_owned(),
        };
        self.0.advance(length);
        Placed { token, line, position, bytes: offset..offset + length, text }
    }

    /// The next token and its length in bytes.
    fn read(&self) -> (Token, usize) {
        let mut chars = self.0.rest.chars();
        let Some(first) = chars.next() else { return (Token::End, 0) };
        let second = chars.next();
        match first {
            '\'' => match quoted(self.0.rest) {
                (Some(text), length) => (Token::Text(text), length),
                (None, length) => (Token::Unknown, length),
            },
            '[' if second == Some('[') => self.escaped(),
            '0'..='9' => self.number(),
            '-' if second.is_some_and(|char| char.is_ascii_digit()) => self.number(),
            _ if is_word(first) => {
                let length = run(self.0.rest, is_word);
                (Token::Word(self.0.rest[..length].to_owned()), length)
            }
            _ => match SYMBOLS.into_iter().find(|symbol| self.0.rest.starts_with(symbol)) {
                Some(symbol) => (Token::Symbol(symbol), symbol.len()),
                None => (Token::Unknown, first.len_utf8()),
            },
        }
    }

    /// `[[…]]`.
    fn escaped(&self) -> (Token, usize) {
        match self.0.rest.find("]]") {
            Some(end) if end > 2 => (Token::Escaped(self.0.rest[2..end].to_owned()), end + 2),
            _ => (Token::Unknown, 2),
        }
    }

    /// JSON's numbers: they are the ones that a property can have. A word that clings to one, as
    /// in `5x`, makes it none.
    fn number(&self) -> (Token, usize) {
        let mut length = usize::from(self.0.rest.starts_with('-'));
        length += digits(&self.0.rest[length..]);
        let fraction = self.0.rest[length..].strip_prefix('.').map_or(0, digits);
        length += if fraction > 0 { fraction + 1 } else { 0 };
        length += exponent(&self.0.rest[length..]);
        length += run(&self.0.rest[length..], is_word);
        match serde_json::from_str(&self.0.rest[..length]) {
            Ok(number) => (Token::Number(number), length),
            Err(_) => (Token::Unknown, length),
        }
    }
}

fn digits(text: &str) -> usize {
    run(text, |char| char.is_ascii_digit())
}

/// `e5`, `E-3`, `e+10`.
fn exponent(text: &str) -> usize {
    let Some(rest) = text.strip_prefix(['e', 'E']) else { return 0 };
    let sign = usize::from(rest.starts_with(['+', '-']));
    match digits(&rest[sign..]) {
        0 => 0,
        digits => 1 + sign + digits,
    }
}

pub(crate) fn is_word(char: char) -> bool {
    char.is_alphanumeric() || matches!(char, '_' | '$')
}
