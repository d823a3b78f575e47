//! In which order the variables of a query are bound, and how the first one is.

use super::estimate::{count_of, fan_out, share, twins_of_model};
use super::models::is_of_model;
use super::walk::Way;
use crate::access::Access;
use crate::language::syntax::{Condition, Kind, Link, Operand, Query};
use twin_graph::TwinGraph;

/// How a query is run.
pub(super) struct Plan<'q> {
    anchor: usize,
    pub(super) start: Start,
    pub(super) steps: Vec<Step<'q>>,
    /// What is asked once the anchor is bound, then after each step.
    pub(super) checks: Vec<Vec<&'q Condition>>,
    /// Rows expected after the anchor, then after each step.
    pub(super) estimates: Vec<f64>,
}

/// Where the anchor's twins or relationships come from, always in the order of their places.
pub(super) enum Start {
    /// These places.
    Ids(Vec<u32>),
    /// The places of twins of a rare model.
    Models(Vec<u32>),
    Scan,
}

/// A link to go, from a bound variable.
pub(super) struct Step<'q> {
    pub(super) link: &'q Link,
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) way: Way,
    /// Whether `to` is bound already: the link closes a circle.
    pub(super) closes: bool,
    /// Whether the link's relationship is bound already.
    pub(super) bound: bool,
}

impl<'q> Plan<'q> {
    /// The plan with the least estimated work, or the one from the given anchor; `None` where that
    /// is none of the query's.
    pub(super) fn new(query: &'q Query, graph: &TwinGraph, anchor: Option<usize>) -> Option<Self> {
        let can_begin = |variable: usize| {
            query.links.is_empty() || query.variables[variable].kind == Kind::Twin
        };
        let from = |anchor: usize| {
            let (start, looked_at) = Start::of(query, graph, anchor);
            Self::from(query, graph, anchor, start, looked_at, &[])
        };
        if let Some(anchor) = anchor {
            let known = anchor < query.variables.len() && can_begin(anchor);
            return known.then(|| from(anchor).0);
        }
        if query.variables.len() == 1 {
            return Some(from(0).0);
        }
        let anchors = (0..query.variables.len()).filter(|&variable| can_begin(variable));
        let plans = anchors.map(from);
        plans.min_by(|left, right| left.1.total_cmp(&right.1)).map(|(plan, _)| plan)
    }

    /// The plan for the rows in which the first variable is bound to that place, and others are
    /// bound to theirs.
    pub(super) fn seeded(
        query: &'q Query,
        graph: &TwinGraph,
        first: (usize, u32),
        others: &[(usize, u32)],
    ) -> Self {
        let others: Vec<usize> = others.iter().map(|(variable, _)| *variable).collect();
        Self::from(query, graph, first.0, Start::Ids(vec![first.1]), 1.0, &others).0
    }

    fn from(
        query: &'q Query,
        graph: &TwinGraph,
        anchor: usize,
        start: Start,
        rows: f64,
        others: &[usize],
    ) -> (Self, f64) {
        let mut bound = vec![false; query.variables.len()];
        bound[anchor] = true;
        others.iter().for_each(|other| bound[*other] = true);
        let steps = steps(query, graph, bound.clone());
        let mut open: Vec<&Condition> = query.conjuncts().iter().collect();
        let mut checks = vec![take_ready(&mut open, &bound)];
        let looked_at = match start {
            Start::Scan => count_of(query.variables[anchor].kind, graph) as f64 / 16.0,
            _ => rows,
        };
        let all = graph.twin_count() as f64;
        let mut estimate = match start {
            Start::Ids(_) => rows,
            _ => count_of(query.variables[anchor].kind, graph) as f64 * share(query, graph, anchor),
        };
        let (mut cost, mut estimates) = (looked_at + estimate, vec![estimate]);
        for step in &steps {
            bound[step.to] = true;
            step.link.relationship.into_iter().for_each(|variable| bound[variable] = true);
            checks.push(take_ready(&mut open, &bound));
            let fan = fan_out(graph, step.link, all);
            cost += estimate * fan;
            estimate *= match step.closes {
                true => (fan / all.max(1.0)).min(1.0),
                false => fan * share(query, graph, step.to),
            };
            estimate *=
                step.link.relationship.map_or(1.0, |variable| share(query, graph, variable));
            estimates.push(estimate);
        }
        (Self { anchor, start, steps, checks, estimates }, cost)
    }

    pub(super) fn anchor(&self) -> usize {
        self.anchor
    }

    /// How many numbers place a row in the order of rows.
    pub(super) fn levels(&self) -> usize {
        1 + self.steps.len()
    }

    /// The number of rows, where the graph knows it.
    pub(super) fn known_count(&self, query: &Query, graph: &TwinGraph) -> Option<u64> {
        if query.variables.len() != 1 {
            return None;
        }
        let count = match (query.variables[0].kind, query.conjuncts()) {
            (kind, []) => count_of(kind, graph),
            (Kind::Twin, [Condition::OfModel { model, exact, .. }]) => {
                twins_of_model(graph, model, *exact)
            }
            (Kind::Relationship, [condition]) => {
                let names = required_names(condition)?;
                let kinds = names.into_iter().filter_map(|name| graph.name_kind(name));
                kinds.map(|kind| graph.relationship_count_of(kind)).sum()
            }
            _ => return None,
        };
        Some(count as u64)
    }
}

/// The names that `$relationshipName = …` or `IN` allows.
fn required_names(condition: &Condition) -> Option<std::collections::BTreeSet<&str>> {
    crate::access::required_ids(condition, 0, "$relationshipName")
}

/// Takes the conditions out that read nothing but bound variables.
fn take_ready<'q>(open: &mut Vec<&'q Condition>, bound: &[bool]) -> Vec<&'q Condition> {
    let mut ready = Vec::new();
    open.retain(|condition| {
        let mut all = true;
        condition.each_path(&mut |variable, _| all &= bound[variable]);
        if all {
            ready.push(*condition);
        }
        !all
    });
    ready
}

/// The links in the order in which they can be gone: those that close a circle first, else as
/// they are written. It depends on nothing but the query and the anchor, as positions need it.
fn steps<'q>(query: &'q Query, graph: &TwinGraph, mut bound: Vec<bool>) -> Vec<Step<'q>> {
    let mut open: Vec<&Link> = query.links.iter().collect();
    let mut steps = Vec::new();
    while !open.is_empty() {
        let closing = open.iter().position(|link| bound[link.from] && bound[link.to]);
        let next =
            closing.or_else(|| open.iter().position(|link| bound[link.from] || bound[link.to]));
        // A pattern hangs together, so that there is always a next one.
        let Some(next) = next else { break };
        let link = open.remove(next);
        let backwards = !bound[link.from];
        let (from, to) = if backwards { (link.to, link.from) } else { (link.from, link.to) };
        let known = link.relationship.is_some_and(|variable| bound[variable]);
        let way = Way::of(link, graph, backwards);
        steps.push(Step { link, from, to, way, closes: bound[to], bound: known });
        bound[to] = true;
        link.relationship.into_iter().for_each(|variable| bound[variable] = true);
    }
    steps
}

/// A model whose twins are less than this share of all is gone to by its own chain.
const RARE: usize = 16;

impl Start {
    /// How to come to a variable's twins or relationships, and how many are looked at so.
    fn of(query: &Query, graph: &TwinGraph, variable: usize) -> (Self, f64) {
        let kind = query.variables[variable].kind;
        if let Some(places) = Access::of(query, variable).places(graph) {
            let count = places.len() as f64;
            return (Self::Ids(places), count);
        }
        let models = query.conjuncts().iter().filter_map(|part| match part {
            Condition::OfModel { variable: of, model, exact } if *of == variable => {
                Some((twins_of_model(graph, model, *exact), model.as_str(), *exact))
            }
            _ => model_by_name(part, variable)
                .map(|model| (twins_of_model(graph, model, true), model, true)),
        });
        let rarest = models.min_by_key(|(count, ..)| *count);
        if let Some((count, model, exact)) =
            rarest.filter(|(count, ..)| count * RARE < graph.twin_count())
        {
            let kinds =
                graph.models_in_use().filter(|(kind, ..)| is_of_model(graph, *kind, model, exact));
            let mut places: Vec<u32> = kinds
                .flat_map(|(kind, ..)| graph.nodes_of(kind))
                .map(|node| node.index() as u32)
                .collect();
            places.sort_unstable();
            return (Self::Models(places), count as f64);
        }
        (Self::Scan, count_of(kind, graph) as f64)
    }
}

/// The model that `$metadata.$model = '…'` asks for.
fn model_by_name(condition: &Condition, variable: usize) -> Option<&str> {
    let Condition::Compare {
        left: Operand::Path(path),
        operator: crate::language::syntax::Comparison::Equal,
        right: Operand::Literal(literal),
    } = condition
    else {
        return None;
    };
    let is_model = path.variable == variable
        && matches!(path.names.as_slice(), [first, second] if first == "$metadata" && second == "$model");
    literal.value.as_str().filter(|_| is_model && literal.time.is_none())
}
