//! Following relationships: what is around twins, and how two of them are related.
//!
//! Paths are petgraph's: distances by its Dijkstra, and back along them. It has no walk by levels,
//! which is what an expansion with a count is; that one is here, on its visit maps.

use crate::wire::{Failure, Follow, Neighbourhood, Response};
use petgraph::algo::dijkstra;
use petgraph::graph::NodeIndex;
use petgraph::visit::{Reversed, UndirectedAdaptor, VisitMap, Visitable};
use twin_graph::{Direction, TwinGraph};

/// Twins answered, at most.
const MOST_TWINS: usize = 100_000;

/// The twins around some, the nearest first.
pub(crate) fn neighbours(graph: &TwinGraph, asked: &Neighbourhood) -> Response {
    let names = asked.names.as_ref();
    // A name that no relationship has leads nowhere.
    let kinds: Option<Vec<_>> =
        names.map(|names| names.iter().filter_map(|name| graph.name_kind(name)).collect());
    let mut seen = graph.visit_map();
    let mut level = Vec::new();
    for id in &asked.from {
        let Some(node) = graph.node(id) else { return not_there(id) };
        if seen.visit(node) {
            level.push(node);
        }
    }
    let limit = (asked.limit as usize).min(MOST_TWINS);
    let (mut twins, mut total) = (Vec::new(), 0usize);
    for _ in 0..asked.levels {
        let mut next = Vec::new();
        for &node in &level {
            for &direction in directions(asked.follow) {
                for link in graph.links_of(node, direction) {
                    let counts = kinds.as_ref().is_none_or(|kinds| kinds.contains(&link.name));
                    let other = link.other(direction);
                    if counts && seen.visit(other) {
                        next.push(other);
                    }
                }
            }
        }
        if next.is_empty() {
            break;
        }
        // The same order for the same graph, whatever order its relationships have.
        next.sort_unstable_by(|&a, &b| {
            graph_layout::natural_order(id_of(graph, a), id_of(graph, b))
        });
        total += next.len();
        let rest = limit - twins.len();
        twins.extend(next.iter().take(rest).map(|&node| id_of(graph, node).to_owned()));
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
    let (Some(start), Some(end)) = (graph.node(from), graph.node(to)) else {
        return not_there(if graph.node(from).is_none() { from } else { to });
    };
    // How many relationships each twin is from the start, as far as the end is.
    let far = match follow {
        Follow::Outgoing => dijkstra(graph, start, Some(end), |_| 1u32),
        Follow::Incoming => dijkstra(Reversed(graph), start, Some(end), |_| 1),
        Follow::Both => dijkstra(UndirectedAdaptor(graph), start, Some(end), |_| 1),
    };
    let far = |node| far.get(&node).copied();
    let mut paths = Vec::new();
    let mut open = Vec::from_iter(far(end).map(|_| vec![end]));
    while let Some(path) = open.pop() {
        let Some(&last) = path.last() else { continue };
        if last == start {
            paths.push(path.iter().rev().map(|&node| id_of(graph, node).to_owned()).collect());
            if paths.len() > limit {
                break;
            }
            continue;
        }
        for before in nearer(graph, last, follow, far) {
            let mut longer = path.clone();
            longer.push(before);
            open.push(longer);
        }
    }
    let more = paths.len() > limit;
    paths.truncate(limit);
    Response::Paths { paths, more }
}

/// The twins that lead to one on a shortest way, each once: parallel relationships are one way.
fn nearer(
    graph: &TwinGraph,
    node: NodeIndex,
    follow: Follow,
    far: impl Fn(NodeIndex) -> Option<u32>,
) -> Vec<NodeIndex> {
    let Some(here) = far(node) else { return Vec::new() };
    let back = directions(follow).iter().map(|direction| direction.opposite());
    let others = back.flat_map(|direction| {
        graph.links_of(node, direction).map(move |link| link.other(direction))
    });
    let mut nearer: Vec<_> =
        others.filter(|&other| far(other).is_some_and(|far| far + 1 == here)).collect();
    nearer.sort_unstable_by(|&a, &b| {
        graph_layout::natural_order(id_of(graph, b), id_of(graph, a)).then_with(|| a.cmp(&b))
    });
    nearer.dedup();
    nearer
}

fn directions(follow: Follow) -> &'static [Direction] {
    match follow {
        Follow::Outgoing => &[Direction::Outgoing],
        Follow::Incoming => &[Direction::Incoming],
        Follow::Both => &[Direction::Outgoing, Direction::Incoming],
    }
}

fn id_of(graph: &TwinGraph, node: NodeIndex) -> &str {
    graph.twin_at(node).map_or("", |twin| &twin.id)
}

fn not_there(id: &str) -> Response {
    Response::Failed(Failure {
        code: "DigitalTwinNotFound".to_owned(),
        message: format!("There is no twin «{id}» any more."),
        details: Vec::new(),
    })
}

#[cfg(test)]
mod tests;
