//! Where a query's rows come from: by id where the condition names ids, else all of them.

use crate::item::Item;
use crate::language::syntax::{
    Comparison, Condition, Direction, Kind, Link, Literal, Operand, Path, Query,
};
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use twin_graph::{Relationship, TwinGraph};

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

    /// The documents on this way. Each comes once.
    pub(crate) fn items<'g>(
        self,
        kind: Kind,
        graph: &'g TwinGraph,
    ) -> Box<dyn Iterator<Item = Item<'g>> + 'q>
    where
        'g: 'q,
    {
        let twin = |twin: &'g Arc<_>| Item::Twin(twin);
        let relationship = |relationship: &'g Arc<_>| Item::Relationship(relationship);
        match (self, kind) {
            (Self::Scan, Kind::Twin) => Box::new(graph.twins().map(twin)),
            (Self::Scan, Kind::Relationship) => Box::new(graph.relationships().map(relationship)),
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
fn required_ids<'q>(
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

/// A step of a walk: a relationship, and the twin that it leads to.
pub(crate) type Step<'g> = (&'g Relationship, &'g str);

/// The single hops from a twin over a link, backwards where the link is gone from its end.
pub(crate) fn steps<'g>(
    graph: &'g TwinGraph,
    from: &str,
    link: &Link,
    backwards: bool,
) -> Vec<Step<'g>> {
    let (out, into) = match (link.direction, backwards) {
        (Direction::Either, _) => (true, true),
        (Direction::Out, false) | (Direction::In, true) => (true, false),
        _ => (false, true),
    };
    let named = |relationship: &&'g Arc<Relationship>| {
        link.names.is_empty() || link.names.iter().any(|name| **name == *relationship.name)
    };
    let mut steps: Vec<Step<'g>> = Vec::new();
    if out {
        steps.extend(graph.outgoing(from).filter(named).map(|r| (&**r, &*r.target)));
    }
    if into {
        // One that leads back to its own source is among those that leave it.
        let incoming = graph.incoming(from).filter(named);
        steps.extend(incoming.filter(|r| !out || r.source != r.target).map(|r| (&**r, &*r.source)));
    }
    steps
}

/// The twins at the end of a link of several hops, no relationship gone twice on one way.
pub(crate) fn ends<'g>(
    graph: &'g TwinGraph,
    from: &'g str,
    link: &Link,
    backwards: bool,
) -> BTreeSet<&'g str> {
    let mut found = BTreeSet::new();
    let mut gone = HashSet::new();
    walk(graph, from, link, backwards, 0, &mut gone, &mut found);
    found
}

fn walk<'g>(
    graph: &'g TwinGraph,
    at: &'g str,
    link: &Link,
    backwards: bool,
    hops: u32,
    gone: &mut HashSet<*const Relationship>,
    found: &mut BTreeSet<&'g str>,
) {
    if link.hops.contains(&hops) {
        found.insert(at);
    }
    if hops == *link.hops.end() {
        return;
    }
    for (relationship, next) in steps(graph, at, link, backwards) {
        if gone.insert(std::ptr::from_ref(relationship)) {
            walk(graph, next, link, backwards, hops + 1, gone, found);
            gone.remove(&std::ptr::from_ref(relationship));
        }
    }
}
