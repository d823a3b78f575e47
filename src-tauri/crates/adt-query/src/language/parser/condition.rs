//! The condition of WHERE.

use super::{Expected, Parser, Role};
use crate::language::error::QueryError;
use crate::language::lexer::Token;
use crate::language::limits;
use crate::language::syntax::{Comparison, Condition, Function, Kind, Literal, Operand, Path};
use crate::value::time_of_text;
use adt_limits::Limit;
use serde_json::Value;

const CONSTANTS: [(&str, Value); 3] =
    [("TRUE", Value::Bool(true)), ("FALSE", Value::Bool(false)), ("NULL", Value::Null)];

impl Parser {
    pub(super) fn condition(&mut self) -> Result<Condition, QueryError> {
        self.list("OR", Self::all_of, Condition::Or)
    }

    fn all_of(&mut self) -> Result<Condition, QueryError> {
        self.list("AND", Self::negation, Condition::And)
    }

    fn list(
        &mut self,
        word: &'static str,
        part: fn(&mut Self) -> Result<Condition, QueryError>,
        join: fn(Vec<Condition>) -> Condition,
    ) -> Result<Condition, QueryError> {
        let mut parts = vec![part(self)?];
        while self.at_word(word) {
            self.sizes.operators += 1;
            let most = self.limits.operators;
            if self.sizes.operators > most {
                let message = format!("more than {most} AND and OR in one query");
                return Err(self.exceeds(Limit::QueryOperators, message));
            }
            self.take_word(word);
            parts.push(part(self)?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { join(parts) }.flat())
    }

    fn negation(&mut self) -> Result<Condition, QueryError> {
        if self.take_word("NOT") {
            let inner = self.nested(|parser| parser.negation())?;
            return Ok(Condition::Not(Box::new(inner)));
        }
        if self.take_symbol("(") {
            let inner = self.nested(|parser| parser.condition())?;
            self.symbol(")")?;
            return Ok(inner);
        }
        match self.function() {
            Some(function) => self.call(function),
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
    fn function(&mut self) -> Option<Function> {
        self.look_for(Expected::Function);
        let called = *self.peek_second() == Token::Symbol("(");
        match self.peek() {
            Token::Word(word) if called => Function::named(&word.to_ascii_uppercase()),
            _ => None,
        }
    }

    fn call(&mut self, function: Function) -> Result<Condition, QueryError> {
        let place = self.next;
        self.play(place, Role::Function);
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
                let array = self.array(place)?;
                self.symbol(",")?;
                Condition::ArrayContains { array, element: self.literal()? }
            }
        };
        self.symbol(")")?;
        Ok(condition)
    }

    /// What ARRAY_CONTAINS, which stands at `place`, may look into.
    fn array(&mut self, place: usize) -> Result<Path, QueryError> {
        let start = self.next;
        let array = self.path()?;
        if self.variables[array.variable].kind == Kind::Relationship {
            let message = "ARRAY_CONTAINS is not supported on relationships";
            return Err(self.error_at(place, message.into()));
        }
        if array.names.len() != 1 {
            let message =
                "ARRAY_CONTAINS takes an array property of a twin itself, not a nested one";
            return Err(self.error_at(start, message.into()));
        }
        Ok(array)
    }

    /// `IS_OF_MODEL([alias, ]'dtmi'[, exact])`.
    fn of_model(&mut self) -> Result<Condition, QueryError> {
        let place = self.next;
        let variable = match self.at_name() {
            true => {
                let alias = self.name(Expected::Alias, Role::Alias)?;
                let variable = self.twins_of(&alias, place)?;
                self.symbol(",")?;
                variable
            }
            false => self.twins(0, place)?,
        };
        self.look_for(Expected::ModelId);
        let Token::Text(model) = self.peek().clone() else {
            return Err(self.mismatched("a model id in quotes"));
        };
        self.play(self.next, Role::ModelId);
        self.next += 1;
        let exact = self.take_symbol(",");
        if exact && !self.take_word("exact") {
            return Err(self.mismatched("exact"));
        }
        Ok(Condition::OfModel { variable, model, exact })
    }

    fn twins_of(&mut self, alias: &str, place: usize) -> Result<usize, QueryError> {
        match self.variable(alias) {
            Some(variable) => self.twins(variable, place),
            None => {
                Err(self.error_at(place, format!("'{alias}' is not the alias of a collection")))
            }
        }
    }

    fn twins(&mut self, variable: usize, place: usize) -> Result<usize, QueryError> {
        match self.variables[variable].kind {
            Kind::Twin => Ok(variable),
            Kind::Relationship => Err(self
                .error_at(place, "IS_OF_MODEL is about twins; relationships have no model".into())),
        }
    }

    fn comparison(&mut self) -> Result<Condition, QueryError> {
        let left = self.operand()?;
        let negated = self.take_word("NIN");
        if negated || self.take_word("IN") {
            return Ok(Condition::In { operand: left, list: self.literals()?, negated });
        }
        for operator in Comparison::ALL {
            self.look_for(Expected::Symbol(operator.symbol()));
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
            let most = self.limits.list_items;
            if list.len() as u64 >= most {
                let message = format!("more than {most} items in one list");
                return Err(self.exceeds(Limit::QueryListItems, message));
            }
            list.push(self.literal()?);
        }
        self.sizes.list_items = self.sizes.list_items.max(list.len() as u64);
        self.symbol("]")?;
        Ok(list)
    }

    fn operand(&mut self) -> Result<Operand, QueryError> {
        if self.at_name() {
            return self.path().map(Operand::Path);
        }
        self.literal().map(Operand::Literal)
    }

    fn literal(&mut self) -> Result<Literal, QueryError> {
        self.look_for(Expected::Value);
        let word = CONSTANTS.iter().find(|(word, _)| self.at_word(word));
        let value = match (self.peek(), word) {
            (_, Some((_, value))) => value.clone(),
            (Token::Text(text), _) => Value::String(text.clone()),
            (Token::Number(number), _) => Value::Number(number.clone()),
            _ => return Err(self.mismatched("a value")),
        };
        if word.is_some() {
            self.play(self.next, Role::Keyword);
        }
        self.next += 1;
        let time = value.as_str().and_then(time_of_text);
        Ok(Literal { value, time })
    }
}
