//! Where a query's rows come from: by id where the condition names ids, else all of them.

use crate::item::Item;
use crate::syntax::{Collection, Comparison, Condition, Literal, Operand, Path, Query};
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
    /// The narrowest way that the condition allows.
    pub(crate) fn of(query: &'q Query) -> Self {
        let parts = match &query.condition {
            None => &[],
            Some(Condition::And(parts)) => parts.as_slice(),
            Some(condition) => std::slice::from_ref(condition),
        };
        let ids = |name: &str| parts.iter().find_map(|part| required_ids(part, name));
        match query.collection {
            Collection::Twins => ids("$dtId").map(Self::Twins),
            Collection::Relationships => {
                ids("$sourceId").map(Self::Leaving).or_else(|| ids("$targetId").map(Self::Reaching))
            }
        }
        .unwrap_or(Self::Scan)
    }

    /// The documents on this way. Each comes once.
    pub(crate) fn items<'g>(
        self,
        collection: Collection,
        graph: &'g TwinGraph,
    ) -> Box<dyn Iterator<Item = Item<'g>> + 'q>
    where
        'g: 'q,
    {
        let twin = |twin: &'g std::sync::Arc<_>| Item::Twin(twin);
        let relationship = |relationship: &'g std::sync::Arc<_>| Item::Relationship(relationship);
        match (self, collection) {
            (Self::Scan, Collection::Twins) => Box::new(graph.twins().map(twin)),
            (Self::Scan, Collection::Relationships) => {
                Box::new(graph.relationships().map(relationship))
            }
            (Self::Twins(ids), _) => {
                Box::new(ids.into_iter().filter_map(|id| graph.twin(id)).map(twin))
            }
            (Self::Leaving(ids), _) => {
                Box::new(ids.into_iter().flat_map(|id| graph.outgoing(id)).map(relationship))
            }
            (Self::Reaching(ids), _) => {
                Box::new(ids.into_iter().flat_map(|id| graph.incoming(id)).map(relationship))
            }
        }
    }
}

/// The only values that the field can have where the condition holds, if it says so.
fn required_ids<'q>(condition: &'q Condition, field: &str) -> Option<BTreeSet<&'q str>> {
    let is_field = |path: &Path| matches!(path.names.as_slice(), [name] if name == field);
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
