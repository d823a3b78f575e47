//! Tokens to a query, by recursive descent.

mod condition;
mod names;
mod pattern;
mod select;
mod source;

use super::error::QueryError;
use super::lexer::{Placed, Token, tokens};
use super::limits::QueryLimits;
use super::syntax::{Kind, Link, Query, Sizes, Variable};
use adt_limits::Limit;
pub(super) use names::is_reserved;

/// Parses a query within the service's limits.
///
/// # Errors
/// Where the text is not of the language, or exceeds one of its [limits](super::limits).
pub fn parse(text: &str) -> Result<Query, QueryError> {
    parse_within(text, &QueryLimits::default())
}

/// Parses a query within other limits.
///
/// # Errors
/// As [`parse`].
pub fn parse_within(text: &str, limits: &QueryLimits) -> Result<Query, QueryError> {
    let most = usize::try_from(limits.characters).unwrap_or(usize::MAX);
    match text.char_indices().nth(most) {
        Some((bytes, _)) => Err(too_long(text, bytes, most)),
        None => Parser::within(text, *limits).query(),
    }
}

/// The text is fine up to `bytes`, where it has `most` characters.
fn too_long(text: &str, bytes: usize, most: usize) -> QueryError {
    let length = text.chars().count();
    let last = text[..bytes].rsplit('\n').next().unwrap_or_default();
    QueryError {
        line: text[..bytes].matches('\n').count() + 1,
        position: last.chars().count(),
        message: format!(
            "the query has {length} characters, at most {most} are taken; split it into several queries"
        ),
        bytes: bytes..text.len(),
        limit: Some(Limit::QueryText),
    }
}

/// What could stand at a place: what completion offers and errors say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    Keyword(&'static str),
    Symbol(&'static str),
    /// An alias or the first name of a property.
    Name,
    /// What follows a dot: a property of what stands before it.
    Property(Vec<String>),
    /// The name of a relationship that leaves the twin of this alias (any, where it has none).
    RelationshipName(Option<String>),
    /// A name that the author makes up.
    NewName,
    /// One of the aliases.
    Alias,
    ModelId,
    Function,
    Value,
    Number,
}

/// What a token turned out to be, where that is more than its form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Keyword,
    Function,
    Alias,
    Property,
    RelationshipName,
    ModelId,
}

pub(super) struct Parser {
    pub(super) tokens: Vec<Placed>,
    next: usize,
    depth: usize,
    limits: QueryLimits,
    /// How many there were so far.
    sizes: Sizes,
    pub(super) variables: Vec<Variable>,
    pub(super) links: Vec<Link>,
    /// What was looked for at the token of that index, the last one that the parser came to.
    pub(super) expected: (usize, Vec<Expected>),
    /// By token.
    pub(super) roles: Vec<Option<Role>>,
}

impl Parser {
    pub(super) fn new(text: &str) -> Self {
        Self::within(text, QueryLimits::default())
    }

    fn within(text: &str, limits: QueryLimits) -> Self {
        let tokens = tokens(text);
        let roles = vec![None; tokens.len()];
        Self {
            tokens,
            next: 0,
            depth: 0,
            limits,
            sizes: Sizes { characters: text.chars().count() as u64, ..Sizes::default() },
            variables: Vec::new(),
            links: Vec::new(),
            expected: (0, Vec::new()),
            roles,
        }
    }

    /// Goes on at another token.
    pub(super) fn begin_at(&mut self, index: usize) {
        self.next = index;
    }

    pub(super) fn query(&mut self) -> Result<Query, QueryError> {
        if !self.take_word("SELECT") {
            return Err(self.error(format!("missing SELECT at '{}'", self.shown())));
        }
        let selected = self.select()?;
        self.word("FROM")?;
        self.source()?;
        let place = self.next;
        let (select, top) = self.resolve_select(selected)?;
        let condition = if self.take_word("WHERE") { Some(self.condition()?) } else { None };
        match self.peek() {
            Token::End => {}
            Token::Unknown => return Err(self.mismatched("<EOF>")),
            _ => {
                let message = format!("extraneous input '{}' expecting <EOF>", self.shown());
                return Err(self.error(message));
            }
        }
        let query = Query {
            select,
            top,
            variables: std::mem::take(&mut self.variables),
            links: std::mem::take(&mut self.links),
            condition,
            sizes: self.sizes,
        };
        self.require_id(&query, place)?;
        Ok(query)
    }

    /// JOIN and MATCH take a filter on a `$dtId`.
    fn require_id(&mut self, query: &Query, place: usize) -> Result<(), QueryError> {
        let pattern =
            self.tokens.iter().position(|placed| is(placed, "MATCH") || is(placed, "JOIN"));
        let Some(pattern) = pattern.filter(|&index| index < place) else { return Ok(()) };
        let mut found = false;
        if let Some(condition) = &query.condition {
            condition.each_path(&mut |variable, names| {
                let twin = query.variables[variable].kind == Kind::Twin;
                found |= twin && matches!(names, [name] if name == "$dtId");
            });
        }
        if found {
            return Ok(());
        }
        let clause = self.tokens[pattern].text.to_ascii_uppercase();
        self.next = pattern;
        Err(self.error(format!(
            "{clause} needs a filter on the $dtId of one of its twins in the WHERE clause"
        )))
    }

    fn here(&self) -> &Placed {
        // The last token is `End`, which nothing passes.
        &self.tokens[self.next.min(self.tokens.len() - 1)]
    }

    fn peek(&self) -> &Token {
        &self.here().token
    }

    fn peek_second(&self) -> &Token {
        &self.tokens[(self.next + 1).min(self.tokens.len() - 1)].token
    }

    /// Remembers what was looked for here.
    fn look_for(&mut self, what: Expected) {
        if self.expected.0 != self.next {
            self.expected = (self.next, Vec::new());
        }
        if !self.expected.1.contains(&what) {
            self.expected.1.push(what);
        }
    }

    fn play(&mut self, index: usize, role: Role) {
        if let Some(known) = self.roles.get_mut(index) {
            *known = Some(role);
        }
    }

    fn at_word(&mut self, word: &'static str) -> bool {
        self.look_for(Expected::Keyword(word));
        is(self.here(), word)
    }

    fn take_word(&mut self, word: &'static str) -> bool {
        let found = self.at_word(word);
        if found {
            self.play(self.next, Role::Keyword);
            self.next += 1;
        }
        found
    }

    fn word(&mut self, word: &'static str) -> Result<(), QueryError> {
        if self.take_word(word) { Ok(()) } else { Err(self.mismatched(word)) }
    }

    fn at_symbol(&mut self, symbol: &'static str) -> bool {
        self.look_for(Expected::Symbol(symbol));
        matches!(self.peek(), Token::Symbol(found) if *found == symbol)
    }

    fn take_symbol(&mut self, symbol: &'static str) -> bool {
        let found = self.at_symbol(symbol);
        self.next += usize::from(found);
        found
    }

    fn symbol(&mut self, symbol: &'static str) -> Result<(), QueryError> {
        if self.take_symbol(symbol) { Ok(()) } else { Err(self.mismatched(&format!("'{symbol}'"))) }
    }

    fn whole_number(&mut self) -> Result<u64, QueryError> {
        self.look_for(Expected::Number);
        let count = match self.peek() {
            Token::Number(number) => number.as_u64(),
            _ => None,
        };
        let count = count.ok_or_else(|| self.mismatched("a whole number"))?;
        self.next += 1;
        Ok(count)
    }

    /// The token here, shortened.
    fn shown(&self) -> String {
        let text = &self.here().text;
        match text.char_indices().nth(40) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text.clone(),
        }
    }

    fn mismatched(&self, expected: &str) -> QueryError {
        let shown = self.shown();
        self.error(match self.peek() {
            Token::Unknown => format!("token recognition error at: '{shown}'"),
            Token::Word(word) if is_reserved(word) && expected == "a name" => format!(
                "mismatched input '{shown}' expecting a name; write [[{shown}]] to use the reserved word as one"
            ),
            _ => format!("mismatched input '{shown}' expecting {expected}"),
        })
    }

    fn error(&self, message: String) -> QueryError {
        let Placed { line, position, ref bytes, .. } = *self.here();
        QueryError { line, position, message, bytes: bytes.clone(), limit: None }
    }

    /// The error about a limit that is exceeded here.
    fn exceeds(&self, limit: Limit, message: String) -> QueryError {
        QueryError { limit: Some(limit), ..self.error(message) }
    }

    /// The error about an earlier token.
    fn error_at(&mut self, index: usize, message: String) -> QueryError {
        self.next = index;
        self.error(message)
    }
}

/// Whether the token is this keyword.
pub(super) fn is(placed: &Placed, word: &str) -> bool {
    matches!(&placed.token, Token::Word(found) if found.eq_ignore_ascii_case(word))
}
