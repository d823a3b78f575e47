//! The pattern of MATCH: `(a)-[r:name|other]->(b)<-[*1..3]-()`.

use super::{Expected, Parser, Role};
use crate::language::error::QueryError;
use crate::language::lexer::Token;
use crate::language::limits;
use crate::language::syntax::{Direction, Kind, Link};
use std::ops::RangeInclusive;

impl Parser {
    /// Behind MATCH.
    pub(super) fn pattern(&mut self) -> Result<(), QueryError> {
        let mut from = self.node()?;
        while self.at_symbol("<") || self.at_symbol("-") {
            if self.links.len() == limits::MAX_LINKS {
                let most = limits::MAX_LINKS;
                return Err(self.error(format!("more than {most} relationship conditions")));
            }
            from = self.link(from)?;
        }
        Ok(())
    }

    fn node(&mut self) -> Result<usize, QueryError> {
        self.symbol("(")?;
        if self.take_symbol(")") {
            return Ok(self.declare(None, Kind::Twin));
        }
        let name = self.name(Expected::NewName, Role::Alias)?;
        let variable = self.shared(name, Kind::Twin)?;
        self.symbol(")")?;
        Ok(variable)
    }

    /// The variable of that name; the same name at two places means the same twin or relationship.
    fn shared(&mut self, name: String, kind: Kind) -> Result<usize, QueryError> {
        match self.variable(&name) {
            Some(variable) if self.variables[variable].kind == kind => Ok(variable),
            _ => self.declare_new(name, kind),
        }
    }

    /// A relationship condition and the twin behind it.
    fn link(&mut self, from: usize) -> Result<usize, QueryError> {
        let left = self.take_symbol("<");
        self.symbol("-")?;
        self.symbol("[")?;
        let variable = self.relationship_variable();
        let variable_at = self.next.saturating_sub(1);
        let names = self.relationship_names(variable.is_some())?;
        let hops = if self.take_symbol("*") { self.hops()? } else { 1..=1 };
        self.symbol("]")?;
        self.symbol("-")?;
        let right = if left { false } else { self.take_symbol(">") };
        if variable.is_some() && hops != (1..=1) {
            let message = "a query variable can be assigned to a relationship of a single hop only";
            return Err(self.error_at(variable_at, message.into()));
        }
        let relationship = match variable {
            Some(name) => Some(self.shared(name, Kind::Relationship)?),
            None if hops == (1..=1) => Some(self.declare(None, Kind::Relationship)),
            None => None,
        };
        let to = self.node()?;
        let direction = match (left, right) {
            (true, _) => Direction::In,
            (_, true) => Direction::Out,
            _ => Direction::Either,
        };
        self.links.push(Link { from, to, relationship, names, direction, hops });
        Ok(to)
    }

    /// The name before the colon. Without a colon one name alone is a variable, while names with
    /// `|` between them or with hops behind them are relationship names (a documented sample).
    fn relationship_variable(&mut self) -> Option<String> {
        let followed = match self.peek_second() {
            Token::Symbol(symbol) => matches!(*symbol, ":" | "]"),
            _ => false,
        };
        if !self.at_name() || !followed {
            return None;
        }
        self.name(Expected::NewName, Role::Alias).ok()
    }

    fn relationship_names(&mut self, has_variable: bool) -> Result<Vec<String>, QueryError> {
        let mut names = Vec::new();
        if !self.take_symbol(":") && (has_variable || !self.at_name()) {
            return Ok(names);
        }
        loop {
            names.push(self.name(Expected::RelationshipName(None), Role::RelationshipName)?);
            if !self.take_symbol("|") {
                return Ok(names);
            }
        }
    }

    /// `n`, `a..b` or `..b`, behind the star. The lower limit is exclusive, the upper one not.
    fn hops(&mut self) -> Result<RangeInclusive<u32>, QueryError> {
        if self.take_symbol("..") {
            return Ok(1..=self.hop_limit(1)?);
        }
        let place = self.next;
        let first = self.hop_limit(0)?;
        if self.take_symbol("..") {
            let last = self.hop_limit(1)?;
            if first > last {
                let message =
                    format!("the hops begin at {first}, which is more than their end, {last}");
                return Err(self.error_at(place, message));
            }
            return Ok(first + 1..=last);
        }
        if first == 0 {
            return Err(self.error_at(place, "a relationship has at least one hop".into()));
        }
        Ok(first..=first)
    }

    fn hop_limit(&mut self, least: u32) -> Result<u32, QueryError> {
        let place = self.next;
        let count = self.whole_number()?;
        match u32::try_from(count) {
            Ok(count) if count < least => {
                Err(self.error_at(place, "a relationship has at least one hop".into()))
            }
            Ok(count) if count <= limits::MAX_HOPS => Ok(count),
            _ => {
                let most = limits::MAX_HOPS;
                Err(self
                    .error_at(place, format!("{count} hops: more than {most} are not supported")))
            }
        }
    }
}
