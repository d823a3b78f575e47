//! Where a query's rows come from: by id where the condition names ids, else all of them.

use crate::language::syntax::{Comparison, Condition, Kind, Literal, Operand, Path, Query};
use petgraph::Direction;
use std::collections::BTreeSet;
use twin_graph::TwinGraph;

/// A way to the documents that can fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Access<'q> {
    /// Every document of the collection.
    Scan,
    /// Twins of these ids.
    Twins(BTreeSet<&'q str>),
    /// Relationships that leave these twins.
    Leaving(BTreeSet<&'q str>),
    /// Relationships that reach these twins.
    Reaching(BTreeSet<&'q str>),
}

impl<'q> Access<'q> {
    /// The narrowest way to a variable that the condition allows.
    pub(crate) fn of(query: &'q Query, variable: usize) -> Self {
        let parts = query.conjuncts();
        let ids = |name: &str| parts.iter().find_map(|part| required_ids(part, variable, name));
        match query.variables[variable].kind {
            Kind::Twin => ids("$dtId").map(Self::Twins),
            Kind::Relationship => {
                ids("$sourceId").map(Self::Leaving).or_else(|| ids("$targetId").map(Self::Reaching))
            }
        }
        .unwrap_or(Self::Scan)
    }

    /// The places on this way, in order, each once; `None` for a scan.
    pub(crate) fn places(self, graph: &TwinGraph) -> Option<Vec<u32>> {
        let edges = |ids: BTreeSet<&str>, direction: Direction| {
            let nodes = ids.into_iter().filter_map(|id| graph.node(id));
            let links = nodes.flat_map(|node| graph.links_of(node, direction));
            links.map(|link| link.edge.index() as u32).collect()
        };
        let mut places: Vec<u32> = match self {
            Self::Scan => return None,
            Self::Twins(ids) => {
                let nodes = ids.into_iter().filter_map(|id| graph.node(id));
                nodes.map(|node| node.index() as u32).collect()
            }
            Self::Leaving(ids) => edges(ids, Direction::Outgoing),
            Self::Reaching(ids) => edges(ids, Direction::Incoming),
        };
        places.sort_unstable();
        Some(places)
    }
}

/// The only values that the field can have where the condition holds, if it says so.
pub(crate) fn required_ids<'q>(
    condition: &'q Condition,
    variable: usize,
    field: &str,
) -> Option<BTreeSet<&'q str>> {
    let is_field = |path: &Path| {
        path.variable == variable && matches!(path.names.as_slice(), [name] if name == field)
    };
    match condition {
        Condition::Compare { left, operator: Comparison::Equal, right } => match (left, right) {
            (Operand::Path(path), Operand::Literal(literal))
            | (Operand::Literal(literal), Operand::Path(path))
                if is_field(path) =>
            {
                ids_of(std::slice::from_ref(literal))
            }
            _ => None,
        },
        Condition::In { operand: Operand::Path(path), list, negated: false } if is_field(path) => {
            ids_of(list)
        }
        _ => None,
    }
}

/// An id that is written as a time equals every other writing of that time: no way by id then.
fn ids_of(list: &[Literal]) -> Option<BTreeSet<&str>> {
    let timeless = list.iter().all(|literal| literal.time.is_none());
    timeless.then(|| list.iter().filter_map(|literal| literal.value.as_str()).collect())
}
