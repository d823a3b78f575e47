//! Tokens to a query, by recursive descent.

mod condition;

use crate::lexer::{Placed, Token, tokens};
use crate::syntax::{Collection, Column, Path, Query, Select};
use crate::{QueryError, limits};

/// The words that are no names unless escaped, in upper case: the documentation's list
/// (<https://learn.microsoft.com/azure/digital-twins/reference-query-reserved>) and what else a
/// grammar of JOIN, MATCH and NIN must keep apart. `contains` is a name: documented samples have
/// relationships called so.
const RESERVED: &[&str] = &[
    "ALL",
    "AND",
    "AS",
    "ASC",
    "AVG",
    "BY",
    "COUNT",
    "DESC",
    "DEVICES_JOBS",
    "DEVICES_MODULES",
    "DEVICES",
    "ENDS_WITH",
    "FALSE",
    "FROM",
    "GROUP",
    "IN",
    "IS_BOOL",
    "IS_DEFINED",
    "IS_NULL",
    "IS_NUMBER",
    "IS_OBJECT",
    "IS_PRIMITIVE",
    "IS_STRING",
    "MAX",
    "MIN",
    "NOT",
    "NOT_IN",
    "NULL",
    "OR",
    "ORDER",
    "SELECT",
    "STARTS_WITH",
    "SUM",
    "TOP",
    "TRUE",
    "WHERE",
    "IS_OF_MODEL",
    "JOIN",
    "MATCH",
    "NIN",
    "RELATED",
];

/// Parses a query.
///
/// # Errors
/// Where the text is not of the language, too long, nested too deeply, or asks for what is not
/// built yet.
pub fn parse(text: &str) -> Result<Query, QueryError> {
    let length = text.chars().count();
    if length > limits::MAX_TEXT {
        return Err(QueryError::TooLong { length });
    }
    Parser { tokens: tokens(text), next: 0, depth: 0, logical: 0, variables: Vec::new() }.query()
}

/// A name as it is written, dots between its parts; which part is an alias is known after FROM.
struct Dotted {
    names: Vec<String>,
}

/// What SELECT says, before FROM tells what its names mean.
enum Selected {
    Document,
    Count,
    Columns(Vec<(Dotted, Option<String>)>),
}

struct Parser {
    tokens: Vec<Placed>,
    next: usize,
    depth: usize,
    /// How many AND and OR there were.
    logical: usize,
    /// The aliases of the row's documents, by `Path::variable`; `None` where there is no alias.
    variables: Vec<Option<String>>,
}

impl Parser {
    fn query(mut self) -> Result<Query, QueryError> {
        if !self.take_word("SELECT") {
            return Err(self.error(format!("missing SELECT at '{}'", self.shown())));
        }
        let (top, selected) = self.select()?;
        self.word("FROM")?;
        let collection = self.collection()?;
        let select = self.resolve_select(selected);
        let condition = match self.take_word("WHERE") {
            true => Some(self.condition(collection)?),
            false => None,
        };
        match self.peek() {
            Token::End => Ok(Query { select, top, collection, condition }),
            _ => Err(self.error(format!("extraneous input '{}' expecting <EOF>", self.shown()))),
        }
    }

    fn select(&mut self) -> Result<(Option<u64>, Selected), QueryError> {
        let top = if self.take_word("TOP") { Some(self.top()?) } else { None };
        let selected = if self.take_symbol("*") {
            Selected::Document
        } else if top.is_some() && self.is_word("FROM") {
            // `SELECT TOP(5) FROM DIGITALTWINS` is what the documentation writes.
            Selected::Document
        } else if top.is_none() && self.take_word("COUNT") {
            self.symbol("(")?;
            self.symbol(")")?;
            Selected::Count
        } else {
            Selected::Columns(self.columns()?)
        };
        Ok((top, selected))
    }

    fn top(&mut self) -> Result<u64, QueryError> {
        self.symbol("(")?;
        let count = match self.peek() {
            Token::Number(number) => number.as_u64(),
            _ => None,
        };
        let count = count.ok_or_else(|| self.mismatched("a whole number"))?;
        self.next += 1;
        self.symbol(")")?;
        Ok(count)
    }

    fn columns(&mut self) -> Result<Vec<(Dotted, Option<String>)>, QueryError> {
        let mut columns = Vec::new();
        loop {
            let dotted = self.dotted()?;
            let alias = if self.take_word("AS") { Some(self.name()?) } else { None };
            columns.push((dotted, alias));
            if !self.take_symbol(",") {
                return Ok(columns);
            }
        }
    }

    fn collection(&mut self) -> Result<Collection, QueryError> {
        let collection = if self.take_word("DIGITALTWINS") {
            Collection::Twins
        } else if self.take_word("RELATIONSHIPS") {
            Collection::Relationships
        } else {
            return Err(self.mismatched("{DIGITALTWINS, RELATIONSHIPS}"));
        };
        if collection == Collection::Twins && self.is_word("MATCH") {
            return Err(QueryError::NotYet("MATCH"));
        }
        // AS is not in the documentation's grammar but in some of its samples.
        let has_alias = self.take_word("AS") || self.at_name();
        let alias = if has_alias { Some(self.name()?) } else { None };
        if collection == Collection::Twins && self.is_word("JOIN") {
            return Err(QueryError::NotYet("JOIN"));
        }
        self.variables = vec![alias];
        Ok(collection)
    }

    fn resolve_select(&self, selected: Selected) -> Select {
        match selected {
            Selected::Document => Select::Document,
            Selected::Count => Select::Count,
            Selected::Columns(columns) => {
                let column = |(dotted, alias): (Dotted, Option<String>)| {
                    let last = dotted.names.last().cloned().unwrap_or_default();
                    Column { name: alias.unwrap_or(last), path: self.resolve(dotted) }
                };
                Select::Columns(columns.into_iter().map(column).collect())
            }
        }
    }

    /// What a name means: a property of the document of that alias, or of the only document.
    fn resolve(&self, mut dotted: Dotted) -> Path {
        match dotted.names.first().and_then(|first| self.variable(first)) {
            Some(variable) => {
                dotted.names.remove(0);
                Path { variable, names: dotted.names }
            }
            None => Path { variable: 0, names: dotted.names },
        }
    }

    fn variable(&self, alias: &str) -> Option<usize> {
        self.variables.iter().position(|variable| variable.as_deref() == Some(alias))
    }

    fn dotted(&mut self) -> Result<Dotted, QueryError> {
        let mut names = vec![self.name()?];
        while self.take_symbol(".") {
            names.push(self.name()?);
        }
        Ok(Dotted { names })
    }

    fn at_name(&self) -> bool {
        match self.peek() {
            Token::Escaped(_) => true,
            Token::Word(word) => !is_reserved(word),
            _ => false,
        }
    }

    fn name(&mut self) -> Result<String, QueryError> {
        match self.peek() {
            Token::Escaped(name) => Ok(name.clone()),
            Token::Word(word) if !is_reserved(word) => Ok(word.clone()),
            _ => Err(self.mismatched("a name")),
        }
        .inspect(|_| self.next += 1)
    }

    fn here(&self) -> &Placed {
        // The last token is `End`, which nothing passes.
        &self.tokens[self.next.min(self.tokens.len() - 1)]
    }

    fn peek(&self) -> &Token {
        &self.here().token
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Token::Word(found) if found.eq_ignore_ascii_case(word))
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        self.next += usize::from(found);
        found
    }

    fn word(&mut self, word: &str) -> Result<(), QueryError> {
        if self.take_word(word) { Ok(()) } else { Err(self.mismatched(word)) }
    }

    fn take_symbol(&mut self, symbol: &str) -> bool {
        let found = matches!(self.peek(), Token::Symbol(found) if *found == symbol);
        self.next += usize::from(found);
        found
    }

    fn symbol(&mut self, symbol: &str) -> Result<(), QueryError> {
        if self.take_symbol(symbol) { Ok(()) } else { Err(self.mismatched(&format!("'{symbol}'"))) }
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
        let Placed { line, position, .. } = *self.here();
        QueryError::Syntax { line, position, message }
    }
}

fn is_reserved(word: &str) -> bool {
    RESERVED.iter().any(|reserved| word.eq_ignore_ascii_case(reserved))
}
