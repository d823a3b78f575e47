//! Tokens to a condition, by recursive descent.

use super::FilterError;
use super::lexer::{Placed, Token, tokens};
use super::syntax::{Comparison, Condition, Operand, Reference, TextFunction};
use serde_json::Value;

/// How deeply parentheses may be nested.
const MAX_DEPTH: usize = 64;
/// How many bytes a filter may have. The service publishes no number; this is for our memory.
const MAX_LENGTH: usize = 32_768;

/// Compiles the text of a filter.
pub(super) fn parse(text: &str) -> Result<Condition, FilterError> {
    if text.len() > MAX_LENGTH {
        let message = format!(
            "The filter has {} bytes; at most {MAX_LENGTH} are taken. Split it into several routes",
            text.len()
        );
        return Err(FilterError { line: 1, position: 1, message });
    }
    let mut parser = Parser { tokens: tokens(text), next: 0, depth: 0, unknown: None };
    let condition = parser.any_of()?;
    if *parser.peek() != Token::End {
        return Err(parser.unexpected());
    }
    parser.unknown.map_or(Ok(condition), Err)
}

struct Parser {
    tokens: Vec<Placed>,
    next: usize,
    depth: usize,
    /// The first name that is no field of a notification. The service complains of the grammar
    /// first: in `this is …` of `is`, not of `this`.
    unknown: Option<FilterError>,
}

impl Parser {
    fn here(&self) -> &Placed {
        // The last token is `End` and is never passed.
        &self.tokens[self.next.min(self.tokens.len() - 1)]
    }

    fn peek(&self) -> &Token {
        &self.here().token
    }

    fn take(&mut self) -> Token {
        let token = self.peek().clone();
        self.next += 1;
        token
    }

    fn error(&self, message: String) -> FilterError {
        FilterError { line: self.here().line, position: self.here().position, message }
    }

    fn unexpected(&self) -> FilterError {
        let text = if *self.peek() == Token::End { "<EOF>" } else { &self.here().text };
        let shown: String = text.chars().take(40).collect();
        let more = if shown.len() < text.len() { "…" } else { "" };
        self.error(format!("Unexpected input '{shown}{more}'"))
    }

    fn symbol(&mut self, symbol: &str) -> Result<(), FilterError> {
        match self.peek() {
            Token::Symbol(found) if *found == symbol => {
                self.next += 1;
                Ok(())
            }
            _ => Err(self.unexpected()),
        }
    }

    /// The documentation writes `AND` and `OR`, the SDKs' tests `or`: both are taken.
    fn take_word(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Token::Word(found) if found.eq_ignore_ascii_case(word));
        self.next += usize::from(found);
        found
    }

    fn any_of(&mut self) -> Result<Condition, FilterError> {
        self.list("OR", Self::all_of, Condition::Or)
    }

    fn all_of(&mut self) -> Result<Condition, FilterError> {
        self.list("AND", Self::primary, Condition::And)
    }

    fn list(
        &mut self,
        word: &str,
        part: fn(&mut Self) -> Result<Condition, FilterError>,
        join: fn(Vec<Condition>) -> Condition,
    ) -> Result<Condition, FilterError> {
        let first = part(self)?;
        if !self.take_word(word) {
            return Ok(first);
        }
        let mut parts = vec![first, part(self)?];
        while self.take_word(word) {
            parts.push(part(self)?);
        }
        Ok(join(parts))
    }

    fn primary(&mut self) -> Result<Condition, FilterError> {
        match self.peek() {
            Token::Symbol("(") => self.parenthesized(),
            Token::Word(word) => match TextFunction::named(word) {
                Some(function) => self.text_function(function),
                None => self.comparison(),
            },
            _ => self.comparison(),
        }
    }

    fn parenthesized(&mut self) -> Result<Condition, FilterError> {
        if self.depth == MAX_DEPTH {
            return Err(self.error(format!("Parentheses are nested more than {MAX_DEPTH} deep")));
        }
        self.symbol("(")?;
        self.depth += 1;
        let condition = self.any_of()?;
        self.depth -= 1;
        self.symbol(")")?;
        Ok(condition)
    }

    fn text_function(&mut self, function: TextFunction) -> Result<Condition, FilterError> {
        self.take();
        self.symbol("(")?;
        let text = self.operand()?;
        self.symbol(",")?;
        let part = self.operand()?;
        self.symbol(")")?;
        Ok(Condition::Text { function, text, part })
    }

    fn comparison(&mut self) -> Result<Condition, FilterError> {
        let left = self.operand()?;
        let operator = match self.peek() {
            Token::Symbol(symbol) => Comparison::of_symbol(symbol),
            _ => None,
        };
        match (operator, left) {
            (Some(operator), left) => {
                self.take();
                Ok(Condition::Compare { left, operator, right: self.operand()? })
            }
            (None, Operand::Literal(Value::Bool(value))) => Ok(Condition::Constant(value)),
            (None, _) => Err(self.unexpected()),
        }
    }

    fn operand(&mut self) -> Result<Operand, FilterError> {
        let name = match self.peek() {
            Token::Literal(value) => {
                let value = value.clone();
                self.take();
                return Ok(Operand::Literal(value));
            }
            Token::Word(name) => name.clone(),
            _ => return Err(self.unexpected()),
        };
        let operand = match name.as_str() {
            "true" => Operand::Literal(Value::Bool(true)),
            "false" => Operand::Literal(Value::Bool(false)),
            "null" => Operand::Literal(Value::Null),
            _ => Operand::Reference(self.reference(&name)?),
        };
        self.take();
        Ok(operand)
    }

    fn reference(&mut self, name: &str) -> Result<Reference, FilterError> {
        let is_keyword = ["AND", "OR"].iter().any(|word| name.eq_ignore_ascii_case(word));
        if is_keyword || TextFunction::named(name).is_some() || name.split('.').any(str::is_empty) {
            return Err(self.unexpected());
        }
        if let Some(reference) = Reference::named(name) {
            return Ok(reference);
        }
        let shown: String = name.chars().take(40).collect();
        let error = self.error(format!(
            "Unknown reference '{shown}': a notification has type, source, subject, dataschema, datacontenttype, specversion and $body.<path>"
        ));
        self.unknown.get_or_insert(error);
        // Any reference stands in for it: the filter is refused once its grammar is read.
        Ok(Reference::Type)
    }
}
