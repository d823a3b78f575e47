//! FROM: one collection, its JOINs, or a MATCH.

use super::{Expected, Parser, Role, is};
use crate::language::error::QueryError;
use crate::language::limits;
use crate::language::syntax::{Direction, Kind, Link};
use adt_limits::Limit;

impl Parser {
    pub(in crate::language) fn source(&mut self) -> Result<(), QueryError> {
        if self.take_word("RELATIONSHIPS") {
            return self.collection(Kind::Relationship);
        }
        if !self.take_word("DIGITALTWINS") {
            return Err(self.mismatched("{DIGITALTWINS, RELATIONSHIPS}"));
        }
        if self.take_word("MATCH") {
            return self.pattern();
        }
        self.collection(Kind::Twin)?;
        while self.take_word("JOIN") {
            self.join()?;
        }
        Ok(())
    }

    fn collection(&mut self, kind: Kind) -> Result<(), QueryError> {
        // AS is not in the documentation's grammar but in some of its samples.
        let has_alias = self.take_word("AS") || self.at_name();
        let alias = match has_alias {
            true => Some(self.name(Expected::NewName, Role::Alias)?),
            false => None,
        };
        self.declare(alias, kind);
        Ok(())
    }

    /// `JOIN to RELATED from.name [relationship]`, behind its JOIN.
    fn join(&mut self) -> Result<(), QueryError> {
        let most = self.limits.joins.min(limits::MAX_LINKS as u64);
        if self.sizes.joins == most {
            self.next -= 1;
            let message = format!("more than {most} JOINs in one query");
            return Err(self.exceeds(Limit::QueryJoins, message));
        }
        self.sizes.joins += 1;
        let target = self.name(Expected::NewName, Role::Alias)?;
        let to = self.declare_new(target.clone(), Kind::Twin)?;
        self.word("RELATED")?;
        let place = self.next;
        let source = self.name(Expected::Alias, Role::Alias)?;
        let known = self.variable(&source).filter(|&from| from != to);
        let Some(from) = known.filter(|&from| self.variables[from].kind == Kind::Twin) else {
            let message =
                format!("'{source}' is not the alias of a collection of twins before '{target}'");
            return Err(self.error_at(place, message));
        };
        self.symbol(".")?;
        let name = self.name(Expected::RelationshipName(Some(source)), Role::RelationshipName)?;
        let relationship = match self.at_name() {
            true => {
                let alias = self.name(Expected::NewName, Role::Alias)?;
                self.declare_new(alias, Kind::Relationship)?
            }
            false => self.declare(None, Kind::Relationship),
        };
        self.links.push(Link {
            from,
            to,
            relationship: Some(relationship),
            names: vec![name],
            direction: Direction::Out,
            hops: 1..=1,
        });
        Ok(())
    }

    /// Whether the query has a JOIN before this place.
    pub(super) fn joined(&self) -> bool {
        !self.links.is_empty() && !self.matched()
    }

    /// Whether the query has a MATCH before this place.
    pub(super) fn matched(&self) -> bool {
        let from = self.tokens.iter().position(|placed| is(placed, "FROM"));
        from.and_then(|from| self.tokens.get(from + 2)).is_some_and(|placed| is(placed, "MATCH"))
    }
}
