//! Names: what is one, and what it means.

use super::{Expected, Parser, Role};
use crate::language::error::QueryError;
use crate::language::lexer::Token;
use crate::language::syntax::{Kind, Path, Variable};

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

/// Whether a word is no name unless it is escaped.
pub(in crate::language) fn is_reserved(word: &str) -> bool {
    RESERVED.iter().any(|reserved| word.eq_ignore_ascii_case(reserved))
}

/// A name as it is written, dots between its parts; which part is an alias is known after FROM.
pub(super) struct Dotted {
    pub(super) names: Vec<String>,
    /// The token of its first part.
    pub(super) place: usize,
}

impl Parser {
    pub(super) fn at_name(&mut self) -> bool {
        self.look_for(Expected::Name);
        match self.peek() {
            Token::Escaped(_) => true,
            Token::Word(word) => !is_reserved(word),
            _ => false,
        }
    }

    /// A name, which completion offers as `expected`.
    pub(super) fn name(&mut self, expected: Expected, role: Role) -> Result<String, QueryError> {
        self.look_for(expected);
        let name = match self.peek() {
            Token::Escaped(name) => name.clone(),
            Token::Word(word) if !is_reserved(word) => word.clone(),
            _ => return Err(self.mismatched("a name")),
        };
        self.play(self.next, role);
        self.next += 1;
        Ok(name)
    }

    pub(super) fn dotted(&mut self) -> Result<Dotted, QueryError> {
        let place = self.next;
        let mut names = vec![self.name(Expected::Name, Role::Property)?];
        while self.take_symbol(".") {
            names.push(self.name(Expected::Property(names.clone()), Role::Property)?);
        }
        Ok(Dotted { names, place })
    }

    pub(super) fn path(&mut self) -> Result<Path, QueryError> {
        let dotted = self.dotted()?;
        self.resolve(dotted, false)
    }

    /// What a name means: a property of what has that alias, or of the only document.
    ///
    /// A query over one collection takes any name as a property, as the service does: a row that
    /// has none is left out. Where there are several, a name without an alias is a property of the
    /// first one in a condition, and refused in SELECT.
    pub(super) fn resolve(
        &mut self,
        mut dotted: Dotted,
        selected: bool,
    ) -> Result<Path, QueryError> {
        let variable = match self.variable_of(&dotted) {
            Some(variable) => {
                dotted.names.remove(0);
                self.play(dotted.place, Role::Alias);
                variable
            }
            None if self.variables.len() > 1 && (selected || dotted.names.len() > 1) => {
                let name = &dotted.names[0];
                let message = format!("'{name}' is not the alias of a collection");
                return Err(self.error_at(dotted.place, message));
            }
            None => 0,
        };
        let mut names = dotted.names;
        // A documented sample writes $dtid. No property of a user can be called so.
        if let Some(first) = names.first_mut().filter(|name| name.eq_ignore_ascii_case("$dtId")) {
            *first = "$dtId".to_owned();
        }
        Ok(Path { variable, names })
    }

    fn variable_of(&self, dotted: &Dotted) -> Option<usize> {
        let first = dotted.names.first()?;
        let exact = self.variable(first);
        if exact.is_some() || self.variables.len() < 2 {
            return exact;
        }
        // Documented samples write an alias in another case, and call the relationship of a JOIN
        // that has no alias by its name.
        let by_case = self.variables.iter().position(
            |variable| matches!(&variable.name, Some(name) if name.eq_ignore_ascii_case(first)),
        );
        by_case
            .or_else(|| {
                let unnamed = |variable: usize| self.variables[variable].name.is_none();
                self.links.iter().find_map(|link| {
                    let named = link.names.len() == 1 && link.names[0] == *first;
                    link.relationship.filter(|&variable| named && unnamed(variable))
                })
            })
            .filter(|_| dotted.names.len() > 1 || self.variables.len() > 1)
    }

    pub(super) fn variable(&self, alias: &str) -> Option<usize> {
        self.variables.iter().position(|variable| variable.name.as_deref() == Some(alias))
    }

    /// A new variable.
    pub(super) fn declare(&mut self, name: Option<String>, kind: Kind) -> usize {
        self.variables.push(Variable { name, kind });
        self.variables.len() - 1
    }

    /// A new variable of a name that must not be taken; its token is the one before this.
    pub(super) fn declare_new(&mut self, name: String, kind: Kind) -> Result<usize, QueryError> {
        if self.variable(&name).is_some() {
            let message = format!("the alias '{name}' is used twice");
            return Err(self.error_at(self.next - 1, message));
        }
        Ok(self.declare(Some(name), kind))
    }
}
