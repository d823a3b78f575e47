//! SELECT: read before FROM tells what its names mean.

use super::names::Dotted;
use super::{Expected, Parser, Role};
use crate::language::error::QueryError;
use crate::language::syntax::{Column, Path, Select};

/// What SELECT says.
pub(super) struct Selected {
    top: Option<u64>,
    what: What,
}

enum What {
    /// `*`, or nothing behind TOP. The token that it stands at.
    Document(usize),
    Count,
    Columns(Vec<(Dotted, Option<String>)>),
}

impl Parser {
    pub(super) fn select(&mut self) -> Result<Selected, QueryError> {
        let top = if self.take_word("TOP") { Some(self.top()?) } else { None };
        let place = self.next;
        let what = if self.take_symbol("*") {
            What::Document(place)
        } else if top.is_some() && self.at_word("FROM") {
            // `SELECT TOP(5) FROM DIGITALTWINS` is what the documentation writes.
            What::Document(place)
        } else if top.is_none() && self.take_word("COUNT") {
            self.symbol("(")?;
            self.symbol(")")?;
            What::Count
        } else {
            What::Columns(self.columns()?)
        };
        Ok(Selected { top, what })
    }

    fn top(&mut self) -> Result<u64, QueryError> {
        self.symbol("(")?;
        let count = self.whole_number()?;
        self.symbol(")")?;
        Ok(count)
    }

    fn columns(&mut self) -> Result<Vec<(Dotted, Option<String>)>, QueryError> {
        let mut columns = Vec::new();
        loop {
            let dotted = self.dotted()?;
            let alias = match self.take_word("AS") {
                true => Some(self.name(Expected::NewName, Role::Alias)?),
                false => None,
            };
            columns.push((dotted, alias));
            if !self.take_symbol(",") {
                return Ok(columns);
            }
        }
    }

    /// Called after FROM.
    pub(super) fn resolve_select(
        &mut self,
        selected: Selected,
    ) -> Result<(Select, Option<u64>), QueryError> {
        let select = match selected.what {
            What::Document(place) => self.document(place)?,
            What::Count => Select::Count,
            What::Columns(columns) => {
                let column = |(dotted, alias): (Dotted, Option<String>)| {
                    let last = dotted.names.last().cloned().unwrap_or_default();
                    let path = self.resolve(dotted, true)?;
                    Ok(Column { name: alias.unwrap_or(last), path })
                };
                Select::Columns(columns.into_iter().map(column).collect::<Result<_, QueryError>>()?)
            }
        };
        Ok((select, selected.top))
    }

    fn document(&mut self, place: usize) -> Result<Select, QueryError> {
        if self.joined() {
            let message =
                "SELECT * is not supported in a query with JOIN; name the collections to return";
            return Err(self.error_at(place, message.into()));
        }
        if !self.matched() {
            return Ok(Select::Document);
        }
        let named = self.variables.iter().enumerate().filter_map(|(variable, declared)| {
            let name = declared.name.clone()?;
            Some(Column { name, path: Path { variable, names: Vec::new() } })
        });
        Ok(Select::Columns(named.collect()))
    }
}
