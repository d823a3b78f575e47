//! Text to tokens.

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
    let mut lexer = Lexer { rest: text, line: 1, position: 1 };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_space();
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
    line: usize,
    position: usize,
}

impl Lexer<'_> {
    fn advance(&mut self, bytes: usize) {
        let (passed, rest) = self.rest.split_at(bytes);
        for char in passed.chars() {
            if char == '\n' {
                self.line += 1;
                self.position = 1;
            } else {
                self.position += 1;
            }
        }
        self.rest = rest;
    }

    fn skip_space(&mut self) {
        self.advance(self.rest.len() - self.rest.trim_start().len());
    }

    fn next(&mut self) -> Placed {
        let (token, length) = self.read();
        let text = self.rest[..length].to_owned();
        let placed = Placed { token, line: self.line, position: self.position, text };
        self.advance(length);
        placed
    }

    /// The next token and its length in bytes.
    fn read(&self) -> (Token, usize) {
        let Some(first) = self.rest.chars().next() else { return (Token::End, 0) };
        if let Some(symbol) = SYMBOLS.into_iter().find(|symbol| self.rest.starts_with(symbol)) {
            return (Token::Symbol(symbol), symbol.len());
        }
        match first {
            '\'' => self.string(),
            '0'..='9' | '-' => self.number(),
            _ => match self.run(is_word) {
                0 => (Token::Unknown, first.len_utf8()),
                length => (Token::Word(self.rest[..length].to_owned()), length),
            },
        }
    }

    /// How many bytes from here on are of that kind.
    fn run(&self, of_kind: impl Fn(char) -> bool) -> usize {
        self.rest.find(|char| !of_kind(char)).unwrap_or(self.rest.len())
    }

    /// `'…'`, in which `\'` and `\\` are escaped.
    fn string(&self) -> (Token, usize) {
        let mut value = String::new();
        let mut chars = self.rest.char_indices().skip(1).peekable();
        while let Some((index, char)) = chars.next() {
            match char {
                '\'' => return (Token::Literal(Value::String(value)), index + 1),
                '\\' => match chars.next_if(|(_, next)| matches!(next, '\'' | '\\')) {
                    Some((_, escaped)) => value.push(escaped),
                    None => value.push('\\'),
                },
                _ => value.push(char),
            }
        }
        (Token::Unknown, self.rest.len())
    }

    fn number(&self) -> (Token, usize) {
        let length = self.run(|char| char.is_ascii_alphanumeric() || matches!(char, '.' | '-'));
        let text = &self.rest[..length];
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
