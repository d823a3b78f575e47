//! What holds for every graph, hierarchy or not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use graph_layout::{Edge, Input, Layout, Method, Node, Point, Positions, layout_with};
use proptest::prelude::*;

#[derive(Clone, Debug)]
struct Graph {
    nodes: Vec<(String, u32, f32, f32)>,
    edges: Vec<Edge>,
    contains: Option<Vec<u32>>,
}

impl Graph {
    fn lay_out(&self, pinned: &[Option<Point>], previous: &Positions) -> Layout {
        let node = |(key, kind, width, height): &'_ (String, u32, f32, f32)| {
            (key.clone(), *kind, *width, *height)
        };
        let owned: Vec<_> = self.nodes.iter().map(node).collect();
        let nodes: Vec<Node<'_>> = owned
            .iter()
            .map(|(key, kind, width, height)| Node {
                key,
                kind: *kind,
                width: *width,
                height: *height,
            })
            .collect();
        let contains = self.contains.as_deref();
        let input = Input {
            nodes: &nodes,
            edges: &self.edges,
            contains,
            pinned,
            method: Method::Hierarchy,
            ..Input::default()
        };
        layout_with(&input, previous)
    }

    fn overlap(&self, layout: &Layout, a: usize, b: usize) -> bool {
        let (left, right) = (&self.nodes[a], &self.nodes[b]);
        let (x, y) = (layout.centres[a], layout.centres[b]);
        (x[0] - y[0]).abs() * 2.0 + 0.01 < left.2 + right.2
            && (x[1] - y[1]).abs() * 2.0 + 0.01 < left.3 + right.3
    }

    /// The pairs that overlap, of which not both are `free_to` lie anywhere.
    fn overlaps(&self, layout: &Layout, fixed: impl Fn(usize) -> bool) -> Vec<(usize, usize)> {
        let pairs = (0..self.nodes.len()).flat_map(|b| (0..b).map(move |a| (a, b)));
        pairs.filter(|&(a, b)| !(fixed(a) && fixed(b)) && self.overlap(layout, a, b)).collect()
    }
}

/// A forest by construction where `wild` is false: node n hangs on one before it.
fn graph(wild: bool) -> impl Strategy<Value = Graph> {
    let size = prop_oneof![4 => 20.0f32..80.0, 1 => 8.0f32..400.0];
    let node = (0u32..4, size.clone(), size);
    prop::collection::vec(node, 1..80).prop_flat_map(move |nodes| {
        let count = nodes.len() as u32;
        let ends = if wild { (0..count + 2, 0..count + 2) } else { (0..count, 0..count) };
        let edges = prop::collection::vec((ends.0, ends.1, 0u32..3), 0..120);
        let contains = prop::option::of(prop::collection::vec(0u32..4, 0..4));
        (Just(nodes), edges, contains).prop_map(move |(nodes, edges, contains)| {
            let nodes = nodes.into_iter().enumerate();
            let nodes = nodes.map(|(i, (kind, w, h))| (format!("n_{}", i % 50), kind, w, h));
            let edge = |(a, b, name): (u32, u32, u32)| match wild {
                true => Edge { source: a, target: b, name },
                false => Edge { source: a.min(b), target: a.max(b), name },
            };
            let edges = edges.into_iter().map(edge).collect();
            Graph { nodes: nodes.collect(), edges, contains }
        })
    })
}

fn positions() -> impl Strategy<Value = Positions> {
    let length = prop_oneof![8 => -500.0f32..2000.0, 1 => any::<f32>()];
    prop::collection::vec(prop::option::weighted(0.3, [length.clone(), length]), 0..80)
}

fn is_place(at: &Option<Point>) -> bool {
    at.is_some_and(|at| at.iter().all(|v| v.abs() <= 1e6))
}

proptest! {
    #[test]
    fn nothing_overlaps(graph in prop_oneof![graph(true), graph(false)]) {
        let layout = graph.lay_out(&[], &Positions::new());
        prop_assert_eq!(graph.overlaps(&layout, |_| false), []);
        prop_assert_eq!(layout, graph.lay_out(&[], &Positions::new()), "deterministic");
    }

    #[test]
    fn frames_hold_what_is_contained_and_nothing_else(graph in graph(false)) {
        let layout = graph.lay_out(&[], &Positions::new());
        let contained_by = |frame: u32, mut node: u32| loop {
            match layout.parents[node as usize] {
                _ if node == frame => break true,
                Some(parent) => node = parent,
                None => break false,
            }
        };
        for frame in &layout.frames {
            for (node, (_, _, width, height)) in graph.nodes.iter().enumerate() {
                let [x, y] = layout.centres[node];
                let (left, right) = (x - width / 2.0, x + width / 2.0);
                let (top, bottom) = (y - height / 2.0, y + height / 2.0);
                if contained_by(frame.node, node as u32) {
                    prop_assert!(frame.x <= left && right <= frame.x + frame.width);
                    prop_assert!(frame.y <= top && bottom <= frame.y + frame.height);
                } else {
                    let beside = right <= frame.x || frame.x + frame.width <= left;
                    let above = bottom <= frame.y || frame.y + frame.height <= top;
                    prop_assert!(beside || above, "node {} in {:?}", node, frame);
                }
            }
        }
    }

    #[test]
    fn what_was_there_stays_and_what_is_new_is_free(
        graph in prop_oneof![graph(true), graph(false)],
        known in prop::collection::vec(any::<bool>(), 80),
    ) {
        let fresh = graph.lay_out(&[], &Positions::new());
        let previous: Positions =
            fresh.centres.iter().zip(&known).map(|(at, known)| known.then_some(*at)).collect();
        let layout = graph.lay_out(&[], &previous);
        for (before, after) in previous.iter().zip(&layout.centres) {
            prop_assert!(before.is_none_or(|before| before == *after));
        }
        prop_assert_eq!(graph.overlaps(&layout, |_| false), []);
    }

    #[test]
    fn pins_and_positions_anywhere(
        graph in graph(true),
        pinned in positions(),
        previous in positions(),
    ) {
        let layout = graph.lay_out(&pinned, &previous);
        let of = |places: &Positions, node: usize| places.get(node).copied().flatten().filter(|at| is_place(&Some(*at)));
        let fixed = |node: usize| of(&pinned, node).or_else(|| of(&previous, node));
        for node in 0..graph.nodes.len() {
            let at = layout.centres[node];
            prop_assert!(at.iter().all(|v| v.is_finite()));
            prop_assert!(fixed(node).is_none_or(|place| place == at));
        }
        prop_assert_eq!(graph.overlaps(&layout, |node| fixed(node).is_some()), []);
    }
}
