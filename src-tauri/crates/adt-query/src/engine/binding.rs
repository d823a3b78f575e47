//! What the rows of an answer stand for in the graph.

use crate::language::syntax::{Kind, Query};
use petgraph::graph::{EdgeIndex, NodeIndex};

/// A twin or a relationship that a row binds, by its place in the graph of that version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Binding {
    /// A twin.
    Twin(NodeIndex),
    /// A relationship.
    Relationship(EdgeIndex),
}

impl Binding {
    /// What a place is that a variable binds.
    pub(super) fn of(query: &Query, variable: usize, place: u32) -> Self {
        match query.variables[variable].kind {
            Kind::Twin => Self::Twin(NodeIndex::new(place as usize)),
            Kind::Relationship => Self::Relationship(EdgeIndex::new(place as usize)),
        }
    }

    /// What a row binds, in the order in which the query names it.
    pub(super) fn of_row(query: &Query, bound: &[u32]) -> impl Iterator<Item = Self> {
        bound.iter().enumerate().map(|(variable, place)| Self::of(query, variable, *place))
    }
}
