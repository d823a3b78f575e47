//! Where each twin is drawn, kept in step with the graph.

use super::kinds::Kinds;
use crate::wire::{Frame, Shape};
use graph_layout::{Edge, Input, Node, Point};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use twin_graph::TwinGraph;
use workspace::Views;

/// The drawing of one version of the graph.
#[derive(Default)]
pub(super) struct Drawing {
    pub(super) kinds: Kinds,
    pub(super) frames: Vec<Frame>,
    /// Names of relationships that are drawn as containment.
    pub(super) contains: BTreeSet<Arc<str>>,
    positions: HashMap<Arc<str>, Point>,
    parents: HashMap<Arc<str>, Arc<str>>,
    pins: BTreeSet<Arc<str>>,
}

impl Drawing {
    /// A drawing that begins with kept positions.
    pub(super) fn new(views: &Views) -> Self {
        Self {
            positions: views.positions.iter().map(|(id, at)| (id.as_str().into(), *at)).collect(),
            pins: views.pins.iter().map(|id| id.as_str().into()).collect(),
            ..Self::default()
        }
    }

    /// Positions and pins, to be kept.
    pub(super) fn views(&self) -> Views {
        Views {
            positions: self.positions.iter().map(|(id, at)| (id.to_string(), *at)).collect(),
            pins: self.pins.iter().map(|id| id.to_string()).collect(),
        }
    }

    pub(super) fn position(&self, id: &str) -> Point {
        self.positions.get(id).copied().unwrap_or_default()
    }

    pub(super) fn parent(&self, id: &str) -> Option<&Arc<str>> {
        self.parents.get(id)
    }

    pub(super) fn is_pinned(&self, id: &str) -> bool {
        self.pins.contains(id)
    }

    /// Pins a twin at a place, or gives it back to the layout.
    pub(super) fn place(&mut self, id: &str, at: Option<Point>) {
        match at {
            Some(at) => {
                self.positions.insert(id.into(), at);
                self.pins.insert(id.into());
            }
            None => {
                self.positions.remove(id);
                self.pins.remove(id);
            }
        }
    }

    /// Lays out what is new, and draws frames and kinds anew; answers the twins that moved. What
    /// has a position keeps it.
    pub(super) fn update(&mut self, graph: &TwinGraph) -> Vec<Arc<str>> {
        let ids: Vec<&Arc<str>> = graph.twins().map(|twin| &twin.id).collect();
        let (edges, names) = edges(graph, &ids);
        let heights = heights(&ids, &edges);
        self.kinds = Kinds::of(graph, |id| heights.get(id).copied().unwrap_or(0));
        let nodes: Vec<Node<'_>> =
            graph.twins().map(|twin| self.node(&twin.id, &twin.model)).collect();
        let previous: Vec<_> = ids.iter().map(|id| self.positions.get(*id).copied()).collect();
        let pinned: Vec<_> = ids
            .iter()
            .zip(&previous)
            .map(|(id, at)| at.filter(|_| self.pins.contains(*id)))
            .collect();
        let input = Input { nodes: &nodes, edges: &edges, contains: None, pinned: &pinned };
        let layout = graph_layout::layout_with(&input, &previous);
        let moved =
            ids.iter().zip(&layout.centres).filter(|(id, at)| self.positions.get(**id) != Some(at));
        let moved: Vec<_> = moved.map(|(id, _)| (*id).clone()).collect();
        let at = |index: u32| ids[index as usize].clone();
        self.parents = ids
            .iter()
            .zip(&layout.parents)
            .filter_map(|(id, parent)| Some(((*id).clone(), at((*parent)?))))
            .collect();
        self.frames = layout
            .frames
            .iter()
            .map(|frame| Frame {
                twin: at(frame.node).to_string(),
                x: frame.x,
                y: frame.y,
                width: frame.width,
                height: frame.height,
            })
            .collect();
        self.contains = layout.contains.iter().map(|&name| names[name as usize].clone()).collect();
        self.positions = ids.into_iter().cloned().zip(layout.centres).collect();
        moved
    }

    fn node<'a>(&self, id: &'a Arc<str>, model: &str) -> Node<'a> {
        let shape = self.kinds.of_model(model).map_or(Shape::Circle, |kind| kind.shape);
        let (width, height) = size(shape);
        Node { key: id, kind: self.kinds.index_of(model), width, height }
    }
}

/// Levels of containment that are told apart; also ends a walk in a circle.
const DEEPEST: u32 = 64;

fn size(shape: Shape) -> (f32, f32) {
    match shape {
        Shape::Hexagon => (40.0, 34.0),
        Shape::Rectangle => (72.0, 32.0),
        Shape::Circle => (36.0, 36.0),
    }
}

fn edges(graph: &TwinGraph, ids: &[&Arc<str>]) -> (Vec<Edge>, Vec<Arc<str>>) {
    let index: HashMap<&str, u32> = ids.iter().map(|id| &***id).zip(0..).collect();
    let all: BTreeSet<&Arc<str>> = graph.relationships().map(|each| &each.name).collect();
    let names: BTreeMap<&Arc<str>, u32> = all.into_iter().zip(0..).collect();
    let edges = graph.relationships().filter_map(|each| {
        let source = *index.get(&*each.source)?;
        let target = *index.get(&*each.target)?;
        Some(Edge { source, target, name: *names.get(&each.name)? })
    });
    (edges.collect(), names.into_keys().cloned().collect())
}

/// How many levels each twin contains, by the hierarchy that the layout will find.
fn heights(ids: &[&Arc<str>], edges: &[Edge]) -> HashMap<Arc<str>, u32> {
    let contains = graph_layout::find_hierarchy(ids.len(), edges);
    let mut parent: Vec<Option<u32>> = vec![None; ids.len()];
    for edge in edges.iter().filter(|edge| contains.contains(&edge.name)) {
        parent[edge.target as usize].get_or_insert(edge.source);
    }
    let mut heights = vec![0u32; ids.len()];
    // From every twin upwards; a chain ends where a higher one went before.
    for start in 0..ids.len() {
        let (mut at, mut height) = (start, 0);
        while let Some(up) = parent[at] {
            height += 1;
            at = up as usize;
            if heights[at] >= height || height == DEEPEST {
                break;
            }
            heights[at] = height;
        }
    }
    ids.iter().map(|id| (*id).clone()).zip(heights).collect()
}
