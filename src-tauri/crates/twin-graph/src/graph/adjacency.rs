//! Which edges leave and reach a node, and which nodes are of a kind: chains through the places,
//! as petgraph keeps them, but linked both ways, so that an edge is taken off a hub of any size
//! in constant time.

use super::chunks::Chunks;
use super::kinds::{Kind, Kinds};
use petgraph::Direction;

pub(crate) const NONE: u32 = u32::MAX;

#[derive(Clone, Copy)]
pub(crate) struct Node {
    /// By direction: the first edge (of a free place: the next free place).
    first: [u32; 2],
    degree: [u32; 2],
    kind: u32,
    next_of_kind: u32,
    previous_of_kind: u32,
}

#[derive(Clone, Copy)]
pub(crate) struct Edge {
    /// Source and target; by direction, as `next` and `previous`.
    ends: [u32; 2],
    next: [u32; 2],
    previous: [u32; 2],
    kind: u32,
}

impl Default for Node {
    fn default() -> Self {
        let (next_of_kind, previous_of_kind) = (NONE, NONE);
        Self { first: [NONE; 2], degree: [0; 2], kind: NONE, next_of_kind, previous_of_kind }
    }
}

impl Default for Edge {
    fn default() -> Self {
        Self { ends: [NONE; 2], next: [NONE; 2], previous: [NONE; 2], kind: NONE }
    }
}

impl Edge {
    pub(crate) fn source(&self) -> u32 {
        self.ends[0]
    }

    pub(crate) fn target(&self) -> u32 {
        self.ends[1]
    }

    pub(crate) fn kind(&self) -> Kind {
        Kind(self.kind)
    }

    /// The next one of the same node in this direction, [`NONE`] after the last.
    pub(crate) fn next(&self, direction: Direction) -> u32 {
        self.next[direction.index()]
    }
}

/// The chains. A node or edge is there until it is taken away; its place is then used again.
#[derive(Clone)]
pub(crate) struct Adjacency {
    nodes: Chunks<Node>,
    edges: Chunks<Edge>,
    free_node: u32,
    free_edge: u32,
    pub(crate) models: Kinds,
    pub(crate) names: Kinds,
}

impl Default for Adjacency {
    fn default() -> Self {
        Self {
            nodes: Chunks::default(),
            edges: Chunks::default(),
            free_node: NONE,
            free_edge: NONE,
            models: Kinds::default(),
            names: Kinds::default(),
        }
    }
}

impl Adjacency {
    pub(crate) fn node_kind(&self, node: u32) -> Option<Kind> {
        let kind = self.nodes.get(node as usize)?.kind;
        (kind != NONE).then_some(Kind(kind))
    }

    pub(crate) fn degree(&self, node: u32, direction: Direction) -> usize {
        self.nodes.get(node as usize).map_or(0, |node| node.degree[direction.index()] as usize)
    }

    pub(crate) fn edge(&self, edge: u32) -> Option<&Edge> {
        self.edges.get(edge as usize).filter(|edge| edge.kind != NONE)
    }

    /// The newest edge of a node in one direction, [`NONE`] where it has none.
    pub(crate) fn first_edge(&self, node: u32, direction: Direction) -> u32 {
        // The chain of a free place leads to other free places.
        let node = self.nodes.get(node as usize).filter(|node| node.kind != NONE);
        node.map_or(NONE, |node| node.first[direction.index()])
    }

    /// The nodes of a kind, the newest first.
    pub(crate) fn of_kind(&self, kind: Kind) -> impl Iterator<Item = u32> + use<'_> {
        let mut next = self.models.used(kind).map_or(NONE, |used| used.first);
        std::iter::from_fn(move || {
            let node = self.nodes.get(next as usize)?;
            Some(std::mem::replace(&mut next, node.next_of_kind))
        })
    }

    pub(crate) fn add_node(&mut self, kind: Kind) -> u32 {
        let node = match self.free_node {
            NONE => self.nodes.push() as u32,
            free => {
                self.free_node = self.nodes.get(free as usize).map_or(NONE, |node| node.first[0]);
                free
            }
        };
        if let Some(place) = self.nodes.change(node as usize, 0) {
            *place = Node::default();
        }
        self.chain(node, kind);
        node
    }

    /// Takes a node without edges away.
    pub(crate) fn remove_node(&mut self, node: u32) {
        self.unchain(node);
        let free = self.free_node;
        if let Some(place) = self.nodes.change(node as usize, 0) {
            *place = Node { first: [free, NONE], ..Node::default() };
            self.free_node = node;
        }
    }

    /// A node is of another kind from now on.
    pub(crate) fn set_node_kind(&mut self, node: u32, kind: Kind) {
        if self.node_kind(node) == Some(kind) {
            return;
        }
        self.unchain(node);
        self.chain(node, kind);
    }

    fn chain(&mut self, node: u32, kind: Kind) {
        let before = self.models.used(kind).map_or(NONE, |used| used.first);
        if let Some(place) = self.nodes.change(node as usize, 0) {
            (place.kind, place.next_of_kind, place.previous_of_kind) = (kind.0, before, NONE);
        }
        if let Some(before) = self.nodes.change(before as usize, 0) {
            before.previous_of_kind = node;
        }
        if let Some(used) = self.models.change(kind) {
            used.first = node;
            used.count += 1;
        }
    }

    fn unchain(&mut self, node: u32) {
        let Some(&Node { kind, next_of_kind, previous_of_kind, .. }) =
            self.nodes.get(node as usize)
        else {
            return;
        };
        if let Some(next) = self.nodes.change(next_of_kind as usize, 0) {
            next.previous_of_kind = previous_of_kind;
        }
        if let Some(previous) = self.nodes.change(previous_of_kind as usize, 0) {
            previous.next_of_kind = next_of_kind;
        }
        if let Some(used) = self.models.change(Kind(kind)) {
            used.count -= 1;
            if used.first == node {
                used.first = next_of_kind;
            }
        }
    }

    pub(crate) fn add_edge(&mut self, source: u32, target: u32, kind: Kind) -> u32 {
        let edge = match self.free_edge {
            NONE => self.edges.push() as u32,
            free => {
                self.free_edge = self.edges.get(free as usize).map_or(NONE, |edge| edge.next[0]);
                free
            }
        };
        let ends = [source, target];
        let mut place = Edge { ends, kind: kind.0, ..Edge::default() };
        for (direction, end) in ends.into_iter().enumerate() {
            if let Some(node) = self.nodes.change(end as usize, 0) {
                place.next[direction] = std::mem::replace(&mut node.first[direction], edge);
                node.degree[direction] += 1;
            }
            if let Some(next) = self.edges.change(place.next[direction] as usize, 0) {
                next.previous[direction] = edge;
            }
        }
        if let Some(free) = self.edges.change(edge as usize, 0) {
            *free = place;
        }
        if let Some(used) = self.names.change(kind) {
            used.count += 1;
        }
        edge
    }

    pub(crate) fn remove_edge(&mut self, edge: u32) {
        let Some(&Edge { ends, next, previous, kind }) = self.edge(edge) else { return };
        for direction in 0..2 {
            let (next, previous) = (next[direction], previous[direction]);
            if let Some(next) = self.edges.change(next as usize, 0) {
                next.previous[direction] = previous;
            }
            if let Some(previous) = self.edges.change(previous as usize, 0) {
                previous.next[direction] = next;
            }
            if let Some(node) = self.nodes.change(ends[direction] as usize, 0) {
                node.degree[direction] -= 1;
                if previous == NONE {
                    node.first[direction] = next;
                }
            }
        }
        let free = self.free_edge;
        if let Some(place) = self.edges.change(edge as usize, 0) {
            *place = Edge { next: [free, NONE], ..Edge::default() };
            self.free_edge = edge;
        }
        if let Some(used) = self.names.change(Kind(kind)) {
            used.count -= 1;
        }
    }
}
