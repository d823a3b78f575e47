//! Text to tokens.

use serde_json::Number;

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
    /// As it was written; `<EOF>` behind the last one.
    pub(crate) text: String,
}

/// Longer ones first, so that `<=` is not read as `<`.
const SYMBOLS: [&str; 15] =
    ["!=", "<=", ">=", "(", ")", "[", "]", ",", ".", "*", "=", "<", ">", "-", ":"];

/// Cuts the text into tokens, the last of which is [`Token::End`].
pub(crate) fn tokens(text: &str) -> Vec<Placed> {
    let mut lexer = Lexer { rest: text, line: 1, position: 0 };
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
        self.rest = rest;
    }

    fn next(&mut self) -> Placed {
        let (token, length) = self.read();
        let text = match token {
            Token::End => "<EOF>".to_owned(),
            _ => self.rest[..length].to_owned(),
        };
        let placed = Placed { token, line: self.line, position: self.position, text };
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
                let length = self.run(is_word);
                (Token::Word(self.rest[..length].to_owned()), length)
            }
            _ => match SYMBOLS.into_iter().find(|symbol| self.rest.starts_with(symbol)) {
                Some(symbol) => (Token::Symbol(symbol), symbol.len()),
                None => (Token::Unknown, first.len_utf8()),
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

    fn number(&self) -> (Token, usize) {
        let minus = usize::from(self.rest.starts_with('-'));
        let digits = &self.rest[minus..];
        let length = digits.find(|char| !is_word(char) && char != '.').unwrap_or(digits.len());
        let text = &self.rest[..minus + length];
        // JSON's numbers are the ones that a property can have.
        match serde_json::from_str(text) {
            Ok(number) => (Token::Number(number), text.len()),
            Err(_) => (Token::Unknown, text.len()),
        }
    }
}

fn is_word(char: char) -> bool {
    char.is_alphanumeric() || matches!(char, '_' | '$')
}
