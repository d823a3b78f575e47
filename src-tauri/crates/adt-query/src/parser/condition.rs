//! The condition of WHERE.

use super::Parser;
use crate::lexer::Token;
use crate::syntax::{Collection, Comparison, Condition, Function, Literal, Operand, Path};
use crate::value::time_of_text;
use crate::{QueryError, limits};
use serde_json::Value;

impl Parser {
    pub(super) fn condition(&mut self, collection: Collection) -> Result<Condition, QueryError> {
        self.list("OR", collection, Self::all_of, Condition::Or)
    }

    fn all_of(&mut self, collection: Collection) -> Result<Condition, QueryError> {
        self.list("AND", collection, Self::negation, Condition::And)
    }

    fn list(
        &mut self,
        word: &str,
        collection: Collection,
        part: fn(&mut Self, Collection) -> Result<Condition, QueryError>,
        join: fn(Vec<Condition>) -> Condition,
    ) -> Result<Condition, QueryError> {
        let mut parts = vec![part(self, collection)?];
        while self.is_word(word) {
            self.logical += 1;
            if self.logical > limits::MAX_LOGICAL_OPERATORS {
                let most = limits::MAX_LOGICAL_OPERATORS;
                return Err(self.error(format!("more than {most} AND and OR in one query")));
            }
            self.next += 1;
            parts.push(part(self, collection)?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { join(parts) })
    }

    fn negation(&mut self, collection: Collection) -> Result<Condition, QueryError> {
        if self.take_word("NOT") {
            let inner = self.nested(|parser| parser.negation(collection))?;
            return Ok(Condition::Not(Box::new(inner)));
        }
        if self.take_symbol("(") {
            let inner = self.nested(|parser| parser.condition(collection))?;
            self.symbol(")")?;
            return Ok(inner);
        }
        match self.function() {
            Some(function) => self.call(function, collection),
            None => self.comparison(),
        }
    }

    fn nested(
        &mut self,
        parse: impl FnOnce(&mut Self) -> Result<Condition, QueryError>,
    ) -> Result<Condition, QueryError> {
        if self.depth == limits::MAX_DEPTH {
            let most = limits::MAX_DEPTH;
            return Err(self.error(format!("conditions are nested more than {most} deep")));
        }
        self.depth += 1;
        let condition = parse(self);
        self.depth -= 1;
        condition
    }

    /// The function that is called here. Without its parenthesis the word is a name.
    fn function(&self) -> Option<Function> {
        let called = self.tokens.get(self.next + 1)?.token == Token::Symbol("(");
        match self.peek() {
            Token::Word(word) if called => Function::named(&word.to_ascii_uppercase()),
            _ => None,
        }
    }

    fn call(
        &mut self,
        function: Function,
        collection: Collection,
    ) -> Result<Condition, QueryError> {
        if function == Function::ArrayContains && collection == Collection::Relationships {
            return Err(self.error("ARRAY_CONTAINS is not supported on relationships".into()));
        }
        self.next += 1;
        self.symbol("(")?;
        let condition = match function {
            Function::OfModel => self.of_model()?,
            Function::Is(test) => Condition::Is { test, operand: Operand::Path(self.path()?) },
            Function::Text(test) => {
                let text = self.operand()?;
                self.symbol(",")?;
                Condition::Text { test, text, part: self.operand()? }
            }
            Function::ArrayContains => {
                let array = self.path()?;
                self.symbol(",")?;
                Condition::ArrayContains { array, element: self.literal()? }
            }
        };
        self.symbol(")")?;
        Ok(condition)
    }

    /// `IS_OF_MODEL([alias, ]'dtmi'[, exact])`.
    fn of_model(&mut self) -> Result<Condition, QueryError> {
        let mut variable = 0;
        if self.at_name() {
            let place = self.next;
            let alias = self.name()?;
            variable = self.variable(&alias).ok_or_else(|| {
                self.next = place;
                self.error(format!("'{}' is not the alias of a collection", self.shown()))
            })?;
            self.symbol(",")?;
        }
        let Token::Text(model) = self.peek().clone() else {
            return Err(self.mismatched("a model id in quotes"));
        };
        self.next += 1;
        let exact = self.take_symbol(",");
        if exact && !self.take_word("exact") {
            return Err(self.mismatched("exact"));
        }
        Ok(Condition::OfModel { variable, model, exact })
    }

    fn comparison(&mut self) -> Result<Condition, QueryError> {
        let left = self.operand()?;
        let negated = self.is_word("NIN");
        if negated || self.is_word("IN") {
            self.next += 1;
            return Ok(Condition::In { operand: left, list: self.literals()?, negated });
        }
        let operator = match self.peek() {
            Token::Symbol(symbol) => Comparison::of_symbol(symbol),
            _ => None,
        };
        let Some(operator) = operator else {
            return Err(self.mismatched("{'=', '!=', '<', '<=', '>', '>=', IN, NIN}"));
        };
        self.next += 1;
        Ok(Condition::Compare { left, operator, right: self.operand()? })
    }

    fn literals(&mut self) -> Result<Vec<Literal>, QueryError> {
        self.symbol("[")?;
        let mut list = vec![self.literal()?];
        while self.take_symbol(",") {
            if list.len() == limits::MAX_LIST_ITEMS {
                let most = limits::MAX_LIST_ITEMS;
                return Err(self.error(format!("more than {most} items in one list")));
            }
            list.push(self.literal()?);
        }
        self.symbol("]")?;
        Ok(list)
    }

    fn operand(&mut self) -> Result<Operand, QueryError> {
        if self.at_name() {
            return self.path().map(Operand::Path);
        }
        self.literal().map(Operand::Literal)
    }

    fn path(&mut self) -> Result<Path, QueryError> {
        self.dotted().map(|dotted| self.resolve(dotted))
    }

    fn literal(&mut self) -> Result<Literal, QueryError> {
        let value = match self.peek() {
            Token::Text(text) => Value::String(text.clone()),
            Token::Number(number) => Value::Number(number.clone()),
            _ if self.is_word("TRUE") => Value::Bool(true),
            _ if self.is_word("FALSE") => Value::Bool(false),
            _ if self.is_word("NULL") => Value::Null,
            _ => return Err(self.mismatched("a value")),
        };
        self.next += 1;
        let time = value.as_str().and_then(time_of_text);
        Ok(Literal { value, time })
    }
}
