//! Text to tokens.

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
    let mut lexer = Lexer { rest: text, offset: 0, line: 1, position: 0 };
    let mut tokens = Vec::new();
    loop {
        lexer.advance(lexer.rest.len() - lexer.rest.trim_start().len());
        let placed = lexer.next();
        let end = placed.token == Token::End;
        tokens.push(placed);
        if end {
            return tokens;
        }
    }
}

struct Lexer<'t> {
    rest: &'t str,
    offset: usize,
    line: usize,
    position: usize,
}

impl Lexer<'_> {
    fn advance(&mut self, bytes: usize) {
        let (passed, rest) = self.rest.split_at(bytes);
        for char in passed.chars() {
            if char == '\n' {
                self.line += 1;
                self.position = 0;
            } else {
                self.position += 1;
            }
        }
        self.offset += bytes;
        self.rest = rest;
    }

    fn next(&mut self) -> Placed {
        let (token, length) = self.read();
        let text = match token {
            Token::End => "<EOF>".to_owned(),
            _ => self.rest[..length].to_owned(),
        };
        let bytes = self.offset..self.offset + length;
        let placed = Placed { token, line: self.line, position: self.position, bytes, text };
        self.advance(length);
        placed
    }

    /// The next token and its length in bytes.
    fn read(&self) -> (Token, usize) {
        let mut chars = self.rest.chars();
        let Some(first) = chars.next() else { return (Token::End, 0) };
        let second = chars.next();
        match first {
            '\'' => self.string(),
            '[' if second == Some('[') => self.escaped(),
            '0'..='9' => self.number(),
            '-' if second.is_some_and(|char| char.is_ascii_digit()) => self.number(),
            _ if is_word(first) => {
                let length = run(self.rest, is_word);
                (Token::Word(self.rest[..length].to_owned()), length)
            }
            _ => match SYMBOLS.into_iter().find(|symbol| self.rest.starts_with(symbol)) {
                Some(symbol) => (Token::Symbol(symbol), symbol.len()),
                None => (Token::Unknown, first.len_utf8()),
            },
        }
    }

    /// `'…'`, in which `\'` and `\\` are escaped.
    fn string(&self) -> (Token, usize) {
        let mut value = String::new();
        let mut chars = self.rest.char_indices().skip(1).peekable();
        while let Some((index, char)) = chars.next() {
            match char {
                '\'' => return (Token::Text(value), index + 1),
                '\\' => match chars.next_if(|(_, next)| matches!(next, '\'' | '\\')) {
                    Some((_, escaped)) => value.push(escaped),
                    None => value.push('\\'),
                },
                _ => value.push(char),
            }
        }
        (Token::Unknown, self.rest.len())
    }

    /// `[[…]]`.
    fn escaped(&self) -> (Token, usize) {
        match self.rest.find("]]") {
            Some(end) if end > 2 => (Token::Escaped(self.rest[2..end].to_owned()), end + 2),
            _ => (Token::Unknown, 2),
        }
    }

    /// JSON's numbers: they are the ones that a property can have. A word that clings to one, as
    /// in `5x`, makes it none.
    fn number(&self) -> (Token, usize) {
        let mut length = usize::from(self.rest.starts_with('-'));
        length += digits(&self.rest[length..]);
        let fraction = self.rest[length..].strip_prefix('.').map_or(0, digits);
        length += if fraction > 0 { fraction + 1 } else { 0 };
        length += exponent(&self.rest[length..]);
        length += run(&self.rest[length..], is_word);
        match serde_json::from_str(&self.rest[..length]) {
            Ok(number) => (Token::Number(number), length),
            Err(_) => (Token::Unknown, length),
        }
    }
}

/// How many bytes at the beginning are of that kind.
fn run(text: &str, of_kind: impl Fn(char) -> bool) -> usize {
    text.find(|char| !of_kind(char)).unwrap_or(text.len())
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
