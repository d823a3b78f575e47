//! Following relationships: what is around twins, and how two of them are related.

use crate::wire::{Failure, Follow, Neighbourhood, Response};
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use twin_graph::{Relationship, TwinGraph};

/// Twins answered, at most.
const MOST_TWINS: usize = 100_000;

/// The twins around some, the nearest first.
pub(crate) fn neighbours(graph: &TwinGraph, asked: &Neighbourhood) -> Response {
    let names = asked.names.as_ref();
    let counts = |each: &Relationship| {
        names.is_none_or(|names| names.iter().any(|name| **name == *each.name))
    };
    let mut seen: HashSet<Arc<str>> = HashSet::new();
    let mut level: Vec<Arc<str>> = Vec::new();
    for id in &asked.from {
        let Some(twin) = graph.twin(id) else { return not_there(id) };
        if seen.insert(twin.id.clone()) {
            level.push(twin.id.clone());
        }
    }
    let limit = (asked.limit as usize).min(MOST_TWINS);
    let (mut twins, mut total) = (Vec::new(), 0usize);
    for _ in 0..asked.levels {
        let mut next = Vec::new();
        for id in &level {
            for other in followed(graph, id, asked.follow, counts) {
                if seen.insert(other.clone()) {
                    next.push(other.clone());
                }
            }
        }
        // The same order for the same graph, whatever order its relationships have.
        next.sort_unstable_by(|a, b| graph_layout::natural_order(a, b));
        total += next.len();
        twins.extend(next.iter().take(limit - twins.len()).map(|id| id.to_string()));
        if next.is_empty() {
            break;
        }
        level = next;
    }
    Response::Reached { twins, total: u32::try_from(total).unwrap_or(u32::MAX) }
}

/// All shortest paths between two twins, at most `limit` of them.
pub(crate) fn paths(
    graph: &TwinGraph,
    from: &str,
    to: &str,
    follow: Follow,
    limit: usize,
) -> Response {
    let (Some(start), Some(end)) = (graph.twin(from), graph.twin(to)) else {
        return not_there(if graph.twin(from).is_none() { from } else { to });
    };
    let (start, end) = (start.id.clone(), end.id.clone());
    // How far each twin is from the start; from there on, who leads to it on a shortest way.
    let mut far: HashMap<Arc<str>, u32> = HashMap::from([(start.clone(), 0)]);
    let mut before: HashMap<Arc<str>, Vec<Arc<str>>> = HashMap::new();
    let mut waiting = VecDeque::from([start.clone()]);
    while let Some(id) = waiting.pop_front() {
        let next = far.get(&id).map_or(1, |far| far + 1);
        if far.get(&end).is_some_and(|end| next > *end) {
            break;
        }
        for other in followed(graph, &id, follow, |_| true) {
            let known = far.get(other).copied();
            if known.is_none() {
                far.insert(other.clone(), next);
                waiting.push_back(other.clone());
            }
            if known.is_none_or(|known| known == next) {
                let leading = before.entry(other.clone()).or_default();
                // Parallel relationships are one way.
                if !leading.contains(&id) {
                    leading.push(id.clone());
                }
            }
        }
    }
    let mut paths = Vec::new();
    let mut open = vec![vec![end.clone()]];
    while let Some(path) = open.pop() {
        let Some(last) = path.last() else { continue };
        if *last == start {
            paths.push(path.iter().rev().map(|id| id.to_string()).collect());
            if paths.len() > limit {
                break;
            }
            continue;
        }
        for id in before.get(last).into_iter().flatten() {
            let mut longer = path.clone();
            longer.push(id.clone());
            open.push(longer);
        }
    }
    let more = paths.len() > limit;
    paths.truncate(limit);
    Response::Paths { paths, more }
}

/// The other ends of a twin's relationships.
fn followed<'a>(
    graph: &'a TwinGraph,
    id: &'a str,
    follow: Follow,
    counts: impl Fn(&Relationship) -> bool + Copy,
) -> impl Iterator<Item = &'a Arc<str>> {
    let outgoing = (follow != Follow::Incoming).then(|| graph.outgoing(id));
    let incoming = (follow != Follow::Outgoing).then(|| graph.incoming(id));
    let outgoing = outgoing.into_iter().flatten().filter(move |each| counts(each));
    let incoming = incoming.into_iter().flatten().filter(move |each| counts(each));
    outgoing.map(|each| &each.target).chain(incoming.map(|each| &each.source))
}

fn not_there(id: &str) -> Response {
    Response::Failed(Failure {
        code: "DigitalTwinNotFound".to_owned(),
        message: format!("There is no twin «{id}» any more."),
        details: Vec::new(),
    })
}
