//! Rings: what contains most in the middle, and what it leads to around it.

use crate::force::Links;
use crate::forest::Forest;
use crate::pack::rows_by_kind;
use crate::{Input, Point};
use std::f32::consts::TAU;

/// From one ring to the next, at least.
const RING: f32 = 120.0;
/// Along a ring from node to node, at least.
const ALONG: f32 = 64.0;
/// From one row of a crowded ring to the next.
const ROW: f32 = 80.0;
/// A ring is at most so many times as wide inside as its rows are deep, where it need not be.
const HOLLOW: f32 = 4.0;

/// Where the nodes of one depth are: in rows in turn, so that a hub's thousands are a band and not
/// a thin circle around nothing.
#[derive(Clone, Copy)]
struct Ring {
    inner: f32,
    rows: u32,
    /// How many are placed.
    placed: u32,
}

impl Ring {
    /// With room for `count` nodes from the radius `least` on.
    fn of(count: u32, least: f32) -> Self {
        let around = count as f32 * ALONG / TAU;
        let fits = |rows: &u32| around / *rows as f32 <= least.max(*rows as f32 * ROW * HOLLOW);
        let rows = (1..count).find(fits).unwrap_or(1);
        Self { inner: least.max(around / rows as f32), rows, placed: 0 }
    }

    /// The radius of the next node.
    fn next(&mut self) -> f32 {
        let row = self.placed % self.rows;
        self.placed += 1;
        self.inner + row as f32 * ROW
    }

    fn outer(&self) -> f32 {
        self.inner + (self.rows - 1) as f32 * ROW
    }
}

/// Groups of nodes with their places, one for each connected part, and rows of what is alone.
pub(crate) fn radial(input: &Input<'_>, forest: &Forest) -> Vec<(Vec<u32>, Vec<Point>)> {
    let links = Links::of(input.nodes.len(), input.edges);
    let mut height = vec![0u32; input.nodes.len()];
    for node in forest.order().rev() {
        if let Some(parent) = forest.parent(node) {
            height[parent as usize] = height[parent as usize].max(height[node as usize] + 1);
        }
    }
    let mut alone = Vec::new();
    let mut groups = Vec::new();
    let mut tree = Tree::new(input.nodes.len());
    for part in links.components() {
        if let [node] = part[..] {
            alone.push(node);
            continue;
        }
        let rank = |node: u32| (height[node as usize], links.degree(node), std::cmp::Reverse(node));
        let Some(&root) = part.iter().max_by_key(|&&node| rank(node)) else { continue };
        groups.push(tree.place(root, &links, forest));
    }
    groups.extend(rows_by_kind(input.nodes, alone));
    groups
}

struct Tree {
    seen: Vec<bool>,
    parent: Vec<u32>,
    depth: Vec<u32>,
    leaves: Vec<u32>,
    /// Begin and width of the angle that a node has.
    angle: Vec<(f32, f32)>,
}

impl Tree {
    fn new(count: usize) -> Self {
        Self {
            seen: vec![false; count],
            parent: vec![u32::MAX; count],
            depth: vec![0; count],
            leaves: vec![0; count],
            angle: vec![(0.0, 0.0); count],
        }
    }

    fn place(&mut self, root: u32, links: &Links, forest: &Forest) -> (Vec<u32>, Vec<Point>) {
        let order = self.walk(root, links, forest);
        for &node in order.iter().rev() {
            let own = self.leaves[node as usize].max(1);
            self.leaves[node as usize] = own;
            if node != root {
                self.leaves[self.parent[node as usize] as usize] += own;
            }
        }
        let mut rings = self.rings(&order);
        self.angle[root as usize] = (0.0, TAU);
        let mut used = vec![0.0f32; order.len()];
        let mut index = std::collections::HashMap::with_capacity(order.len());
        let mut places = Vec::with_capacity(order.len());
        for (at, &node) in order.iter().enumerate() {
            index.insert(node, at);
            if node != root {
                let parent = self.parent[node as usize];
                let (begin, width) = self.angle[parent as usize];
                let share = self.leaves[node as usize] as f32 / self.leaves[parent as usize] as f32;
                let before = index.get(&parent).map(|&parent| &mut used[parent]);
                let from = before.map_or(0.0, |before| std::mem::replace(before, *before + share));
                self.angle[node as usize] = (begin + from * width, share * width);
            }
            let (begin, width) = self.angle[node as usize];
            let (angle, radius) =
                (begin + width / 2.0, rings[self.depth[node as usize] as usize].next());
            places.push([radius * angle.cos(), radius * angle.sin()]);
        }
        (order, places)
    }

    /// What contains leads on before what is only related, so that the rings follow the building.
    fn walk(&mut self, root: u32, links: &Links, forest: &Forest) -> Vec<u32> {
        self.seen[root as usize] = true;
        let mut order = vec![root];
        let mut done = 0;
        while let Some(&node) = order.get(done) {
            done += 1;
            for &other in forest.children(node).iter().chain(links.neighbours(node)) {
                self.enter(node, other, &mut order);
            }
        }
        order
    }

    fn enter(&mut self, from: u32, node: u32, order: &mut Vec<u32>) {
        if !std::mem::replace(&mut self.seen[node as usize], true) {
            self.parent[node as usize] = from;
            self.depth[node as usize] = self.depth[from as usize] + 1;
            order.push(node);
        }
    }

    /// Each ring has room for its nodes, wherever their angles put them.
    fn rings(&self, order: &[u32]) -> Vec<Ring> {
        let deepest = order.iter().map(|&node| self.depth[node as usize]).max().unwrap_or(0);
        let mut counts = vec![0u32; deepest as usize + 1];
        for &node in order {
            counts[self.depth[node as usize] as usize] += 1;
        }
        let mut rings = vec![Ring { inner: 0.0, rows: 1, placed: 0 }];
        for &count in counts.iter().skip(1) {
            let before = rings.last().map_or(0.0, Ring::outer);
            rings.push(Ring::of(count, before + RING));
        }
        rings
    }
}
