//! Layers: every relationship goes downwards, but for those that close a circle.

use crate::pack::rows_by_kind;
use crate::plan::CELL;
use crate::{Input, Point, natural_order};

/// From one layer to the next.
const LAYER: f32 = 128.0;
/// From one row to the next in a layer that is too wide for one.
const ROW: f32 = 76.0;
/// Rounds of ordering, down and up.
const ROUNDS: usize = 4;
/// Width to height of the whole.
const ASPECT: f32 = 2.0;

/// Groups of nodes with their places: all that is related first.
pub(crate) fn layered(input: &Input<'_>) -> Vec<(Vec<u32>, Vec<Point>)> {
    let graph = Directed::new(input);
    let layers = graph.layers(input);
    let related: usize = layers.iter().map(Vec::len).sum();
    let mut groups = Vec::new();
    if related > 0 {
        groups.push(place(&layers, related));
    }
    let alone = (0..input.nodes.len() as u32).filter(|&node| graph.is_alone(node));
    groups.extend(rows_by_kind(input.nodes, alone.collect()));
    groups
}

fn place(layers: &[Vec<u32>], related: usize) -> (Vec<u32>, Vec<Point>) {
    let widest = ((related as f32 * ASPECT * LAYER / CELL).sqrt().ceil() as usize).max(8);
    let (mut nodes, mut places, mut y) = (Vec::new(), Vec::new(), 0.0);
    for layer in layers {
        let rows = layer.len().div_ceil(widest).max(1);
        let columns = layer.len().div_ceil(rows).max(1);
        for row in layer.chunks(columns) {
            let left = -((row.len() - 1) as f32) / 2.0 * CELL;
            for (&node, column) in row.iter().zip(0u16..) {
                nodes.push(node);
                places.push([left + f32::from(column) * CELL, y]);
            }
            y += ROW;
        }
        y += LAYER - ROW;
    }
    (nodes, places)
}

/// The relationships as they are directed, without those that close a circle.
struct Directed {
    next: Vec<Vec<u32>>,
    before: Vec<Vec<u32>>,
}

impl Directed {
    fn new(input: &Input<'_>) -> Self {
        let count = input.nodes.len();
        let mut next: Vec<Vec<u32>> = vec![Vec::new(); count];
        let there = |node: u32| (node as usize) < count;
        for edge in input.edges.iter().filter(|edge| edge.source != edge.target) {
            if there(edge.source) && there(edge.target) {
                next[edge.source as usize].push(edge.target);
            }
        }
        for list in &mut next {
            list.sort_unstable();
            list.dedup();
        }
        let mut entered = vec![false; count];
        for node in next.iter().flatten() {
            entered[*node as usize] = true;
        }
        // What nothing leads to first; then whatever is left lies on circles.
        let mut order: Vec<u32> = (0..count as u32).collect();
        order.sort_by_key(|&node| entered[node as usize]);
        open_circles(&mut next, &order);
        let mut before = vec![Vec::new(); count];
        for (node, list) in next.iter().enumerate() {
            for &other in list {
                before[other as usize].push(node as u32);
            }
        }
        Self { next, before }
    }

    fn is_alone(&self, node: u32) -> bool {
        self.next[node as usize].is_empty() && self.before[node as usize].is_empty()
    }

    /// The nodes of each layer in their order.
    fn layers(&self, input: &Input<'_>) -> Vec<Vec<u32>> {
        let count = self.next.len();
        let mut waits: Vec<usize> = self.before.iter().map(Vec::len).collect();
        let mut depth = vec![0usize; count];
        let mut ready: Vec<u32> =
            (0..count as u32).filter(|&node| waits[node as usize] == 0).collect();
        let mut done = 0;
        while let Some(&node) = ready.get(done) {
            done += 1;
            for &other in &self.next[node as usize] {
                depth[other as usize] = depth[other as usize].max(depth[node as usize] + 1);
                waits[other as usize] -= 1;
                if waits[other as usize] == 0 {
                    ready.push(other);
                }
            }
        }
        // What nothing leads to stands just above what it leads to.
        for &node in ready.iter().rev().filter(|&&node| self.before[node as usize].is_empty()) {
            let below = self.next[node as usize].iter().map(|&other| depth[other as usize]);
            depth[node as usize] = below.min().map_or(0, |least| least.saturating_sub(1));
        }
        let mut layers: Vec<Vec<u32>> = Vec::new();
        let mut related: Vec<u32> =
            ready.into_iter().filter(|&node| !self.is_alone(node)).collect();
        related.sort_by(|&a, &b| {
            natural_order(input.nodes[a as usize].key, input.nodes[b as usize].key).then(a.cmp(&b))
        });
        for node in related {
            let layer = depth[node as usize];
            if layers.len() <= layer {
                layers.resize(layer + 1, Vec::new());
            }
            layers[layer].push(node);
        }
        layers.retain(|layer| !layer.is_empty());
        self.order(&mut layers);
        layers
    }

    /// Each node near the mean of those that it is related to, so that few lines cross.
    fn order(&self, layers: &mut [Vec<u32>]) {
        let mut place = vec![0.0f32; self.next.len()];
        let set = |layer: &[u32], place: &mut [f32]| {
            let width = layer.len().max(1) as f32;
            for (at, &node) in layer.iter().enumerate() {
                place[node as usize] = (at as f32 + 0.5) / width;
            }
        };
        layers.iter().for_each(|layer| set(layer, &mut place));
        for round in 0..ROUNDS {
            let related = if round % 2 == 0 { &self.before } else { &self.next };
            let count = layers.len();
            for step in 0..count {
                let at = if round % 2 == 0 { step } else { count - 1 - step };
                let mean = |node: u32| {
                    let others = &related[node as usize];
                    let sum: f32 = others.iter().map(|&other| place[other as usize]).sum();
                    match others.is_empty() {
                        true => place[node as usize],
                        false => sum / others.len() as f32,
                    }
                };
                let mut keyed: Vec<(f32, u32)> =
                    layers[at].iter().map(|&node| (mean(node), node)).collect();
                keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
                layers[at] = keyed.into_iter().map(|(_, node)| node).collect();
                set(&layers[at], &mut place);
            }
        }
    }
}

/// Takes out each relationship that leads back to where a walk came from.
fn open_circles(next: &mut [Vec<u32>], order: &[u32]) {
    #[derive(Clone, Copy, PartialEq)]
    enum Seen {
        Not,
        OnTheWay,
        Done,
    }
    let mut seen = vec![Seen::Not; next.len()];
    for &root in order {
        if seen[root as usize] != Seen::Not {
            continue;
        }
        seen[root as usize] = Seen::OnTheWay;
        let mut way = vec![(root, 0)];
        while let Some((node, at)) = way.last_mut() {
            let list = &mut next[*node as usize];
            match list.get(*at).copied() {
                None => {
                    seen[*node as usize] = Seen::Done;
                    way.pop();
                }
                Some(other) => match seen[other as usize] {
                    Seen::OnTheWay => drop(list.swap_remove(*at)),
                    Seen::Done => *at += 1,
                    Seen::Not => {
                        *at += 1;
                        seen[other as usize] = Seen::OnTheWay;
                        way.push((other, 0));
                    }
                },
            }
        }
    }
}
