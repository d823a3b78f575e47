//! Text to tokens.

use adt_query::lexis::{Cursor, quoted};
use serde_json::{Number, Value};

/// A piece of a filter.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// A keyword, function or reference, dots included: `AND`, `$body.a.b`.
    Word(String),
    /// A string, a number; `true`, `false` and `null` are words.
    Literal(Value),
    /// `( ) , = != < <= > >=`.
    Symbol(&'static str),
    /// Nothing of the language: the parser refuses it where it stands.
    Unknown,
    /// Behind the last one.
    End,
}

/// A token with its place.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    pub(super) token: Token,
    pub(super) line: usize,
    pub(super) position: usize,
    /// As it was written.
    pub(super) text: String,
}

/// Longer ones first, so that `<=` is not read as `<`.
const SYMBOLS: [&str; 9] = ["!=", "<=", ">=", "(", ")", ",", "=", "<", ">"];

/// Cuts the text into tokens, the last of which is [`Token::End`].
pub(super) fn tokens(text: &str) -> Vec<Placed> {
    let mut lexer = Lexer(Cursor::new(text, 1));
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
        let Cursor { rest, line, position, .. } = self.0;
        self.0.advance(length);
        Placed { token, line, position, text: rest[..length].to_owned() }
    }

    /// The next token and its length in bytes.
    fn read(&self) -> (Token, usize) {
        let Some(first) = self.0.rest.chars().next() else { return (Token::End, 0) };
        if let Some(symbol) = SYMBOLS.into_iter().find(|symbol| self.0.rest.starts_with(symbol)) {
            return (Token::Symbol(symbol), symbol.len());
        }
        match first {
            '\'' => match quoted(self.0.rest) {
                (Some(text), length) => (Token::Literal(Value::String(text)), length),
                (None, length) => (Token::Unknown, length),
            },
            '0'..='9' | '-' => self.number(),
            _ => match self.0.run(is_word) {
                0 => (Token::Unknown, first.len_utf8()),
                length => (Token::Word(self.0.rest[..length].to_owned()), length),
            },
        }
    }

    fn number(&self) -> (Token, usize) {
        let length = self.0.run(|char| char.is_ascii_alphanumeric() || matches!(char, '.' | '-'));
        let text = &self.0.rest[..length];
        let digits = text.strip_prefix('-').unwrap_or(text);
        let plain = digits.split('.').count() <= 2
            && digits
                .split('.')
                .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
        let number = if digits.contains('.') {
            text.parse().ok().and_then(Number::from_f64)
        } else {
            text.parse::<i64>().ok().map(Number::from)
        };
        match number.filter(|_| plain) {
            Some(number) => (Token::Literal(Value::Number(number)), length),
            None => (Token::Unknown, length),
        }
    }
}

fn is_word(char: char) -> bool {
    char.is_alphanumeric() || matches!(char, '_' | '$' | '.')
}
