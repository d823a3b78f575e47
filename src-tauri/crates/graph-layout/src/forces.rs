//! A whole graph by forces: its connected parts one after the other, then side by side.

use crate::force::{Links, Part, separate};
use crate::pack::{pack, rows_by_kind};
use crate::{Input, Point, Positions};

/// The length that a short link gets, in widths of a node.
const LINK: f32 = 1.65;
/// The least distance of two nodes, in widths of a node.
const APART: f32 = 1.45;
/// Of all links of a part, this share is not longer than [`LINK`].
const SHORT: f32 = 0.4;
/// A part of which at least this share has places keeps them.
const KEEP: f32 = 0.5;

/// The layout under way.
pub(crate) struct Forces {
    links: Links,
    parts: Vec<Vec<u32>>,
    /// The index of each node within its part.
    index: Vec<u32>,
    /// Up to here all parts have their own places.
    ready: usize,
    part: Option<Part>,
    seed: u64,
    known: Positions,
    at: Positions,
    /// Places within each part that is laid out afresh, beside the part's number.
    fresh: Vec<(usize, Vec<Point>)>,
    width: f32,
    done: usize,
}

impl Forces {
    pub(crate) fn new(input: &Input<'_>, known: Positions) -> Self {
        let links = Links::of(input.nodes.len(), input.edges);
        let parts: Vec<Vec<u32>> =
            links.components().into_iter().filter(|part| part.len() > 1).collect();
        let mut index = vec![0; input.nodes.len()];
        for part in &parts {
            for (&node, at) in part.iter().zip(0..) {
                index[node as usize] = at;
            }
        }
        let widths: f32 = input.nodes.iter().map(|node| node.width.max(node.height)).sum();
        let width = (widths / input.nodes.len().max(1) as f32).clamp(8.0, 400.0);
        let at = vec![None; input.nodes.len()];
        let seed = input.seed;
        Self {
            links,
            parts,
            index,
            ready: 0,
            part: None,
            seed,
            known,
            at,
            fresh: Vec::new(),
            width,
            done: 0,
        }
    }

    /// One step; whether there is more to do.
    pub(crate) fn step(&mut self) -> bool {
        if let Some(part) = &mut self.part {
            if !part.step() {
                let places = part.places();
                self.finish_part(places);
            }
            return true;
        }
        let Some(nodes) = self.parts.get(self.ready) else { return false };
        let known = nodes.iter().filter(|&&node| self.known[node as usize].is_some()).count();
        if known as f32 >= nodes.len() as f32 * KEEP {
            let nodes = nodes.clone();
            self.join(&nodes);
            self.ready += 1;
            self.done += nodes.len();
        } else {
            let links = self.links_within(nodes);
            self.part = Some(Part::new(links, self.seed ^ u64::from(nodes[0])));
        }
        true
    }

    /// From 0 to 1.
    pub(crate) fn progress(&self) -> f32 {
        let all: usize = self.parts.iter().map(Vec::len).sum();
        let under_way = self.part.as_ref().map_or(0.0, |part| {
            let (done, whole) = part.progress();
            let nodes = self.parts.get(self.ready).map_or(0, Vec::len);
            nodes as f32 * done as f32 / whole.max(1) as f32
        });
        if all == 0 { 1.0 } else { (self.done as f32 + under_way) / all as f32 }
    }

    fn links_within(&self, nodes: &[u32]) -> Links {
        let pairs = nodes.iter().flat_map(|&node| {
            let others = self.links.neighbours(node).iter();
            others.filter(move |&&other| node < other).map(move |&other| (node, other))
        });
        let pairs: Vec<_> =
            pairs.map(|(a, b)| (self.index[a as usize], self.index[b as usize], 1.0)).collect();
        Links::from_pairs(nodes.len(), pairs.iter().copied())
    }

    fn finish_part(&mut self, places: Vec<Point>) {
        let Some(nodes) = self.parts.get(self.ready) else { return };
        let places = self.scaled(nodes, places);
        self.done += nodes.len();
        self.fresh.push((self.ready, places));
        self.ready += 1;
        self.part = None;
    }

    /// In drawing units, and apart from each other.
    fn scaled(&self, nodes: &[u32], mut places: Vec<Point>) -> Vec<Point> {
        let mut lengths: Vec<f32> = nodes
            .iter()
            .zip(&places)
            .flat_map(|(&node, from)| {
                let others = self.links.neighbours(node).iter();
                others.filter(move |&&other| node < other).map(move |other| (from, other))
            })
            .map(|(from, &other)| {
                let to = places[self.index[other as usize] as usize];
                (from[0] - to[0]).hypot(from[1] - to[1])
            })
            .collect();
        let short = ((lengths.len() as f32 * SHORT) as usize).min(lengths.len().saturating_sub(1));
        let unit = match lengths.is_empty() {
            true => 1.0,
            false => *lengths.select_nth_unstable_by(short, f32::total_cmp).1,
        };
        // Links of the right length, and room for all: the leaves of a hub stand in a ring.
        let room = self.width * APART * (places.len() as f32 / occupied(&places)).sqrt();
        let scale = (self.width * LINK / unit.max(0.05)).max(room);
        places.iter_mut().flatten().for_each(|length| *length *= scale);
        separate(&mut places, self.width * APART, |_| false);
        places
    }

    /// What is new in a part joins those that it is linked to, who stay where they are.
    fn join(&mut self, nodes: &[u32]) {
        let mut waiting: Vec<u32> = Vec::new();
        for &node in nodes {
            self.at[node as usize] = self.known[node as usize];
            if self.at[node as usize].is_none() {
                waiting.push(node);
            }
        }
        if waiting.is_empty() {
            return;
        }
        // In rounds from what has a place outwards: the part is connected.
        while !waiting.is_empty() {
            let before = waiting.len();
            let mut placed = Vec::new();
            waiting.retain(|&node| match self.beside_neighbours(node) {
                Some(at) => {
                    placed.push((node, at));
                    false
                }
                None => true,
            });
            for (node, at) in placed {
                self.at[node as usize] = Some(at);
            }
            if waiting.len() == before {
                break;
            }
        }
        let mut places: Vec<Point> =
            nodes.iter().map(|&node| self.at[node as usize].unwrap_or_default()).collect();
        separate(&mut places, self.width * APART, |at| self.known[nodes[at] as usize].is_some());
        for (&node, place) in nodes.iter().zip(places) {
            if self.known[node as usize].is_none() {
                self.at[node as usize] = Some(place);
            }
        }
    }

    /// In the middle of its neighbours; a link away from the only one.
    fn beside_neighbours(&self, node: u32) -> Option<Point> {
        let neighbours = self.links.neighbours(node).iter();
        let places = neighbours.filter_map(|&other| self.at[other as usize]);
        let (mut sum, mut count) = ([0.0f32; 2], 0u16);
        for [x, y] in places {
            (sum, count) = ([sum[0] + x, sum[1] + y], count.saturating_add(1));
        }
        if count == 0 {
            return None;
        }
        // Away by its number, so that siblings do not begin on one point.
        let angle = node as f32 * 2.399_963;
        let away = self.width * LINK * if count == 1 { 1.0 } else { 0.2 };
        let middle = sum.map(|length| length / f32::from(count));
        Some([middle[0] + angle.cos() * away, middle[1] + angle.sin() * away])
    }

    /// The places so far: those that are kept, and the largest part that is laid out afresh.
    pub(crate) fn places(&self) -> Positions {
        let mut at = self.at.clone();
        if let (Some(part), [], Some(nodes)) =
            (&self.part, &self.fresh[..], self.parts.get(self.ready))
        {
            let places = part.places();
            let scale = self.width * LINK;
            for (&node, place) in nodes.iter().zip(places) {
                at[node as usize] = Some(place.map(|length| length * scale));
            }
        }
        if let Some((part, places)) = self.fresh.first() {
            for (&node, place) in self.parts[*part].iter().zip(places) {
                at[node as usize] = Some(*place);
            }
        }
        at
    }

    /// The place of every node, once there is nothing more to do.
    pub(crate) fn finish(mut self, input: &Input<'_>) -> Vec<Point> {
        let mut groups: Vec<(Vec<u32>, Vec<Point>)> = Vec::new();
        for (part, places) in std::mem::take(&mut self.fresh) {
            groups.push((std::mem::take(&mut self.parts[part]), places));
        }
        let mut alone: Vec<u32> = Vec::new();
        for node in 0..input.nodes.len() as u32 {
            if self.links.degree(node) == 0 {
                match self.known[node as usize] {
                    Some(at) => self.at[node as usize] = Some(at),
                    None => alone.push(node),
                }
            }
        }
        groups.extend(rows_by_kind(input.nodes, alone));
        pack(&mut self.at, groups, self.width);
        self.at.into_iter().map(Option::unwrap_or_default).collect()
    }
}

/// The area that places take up, coarsely: that of the squares of a grid that hold any.
fn occupied(places: &[Point]) -> f32 {
    let (low, high) = crate::pack::bounds(places);
    let side = ((high[0] - low[0]).max(1e-3) * (high[1] - low[1]).max(1e-3)
        / places.len().max(1) as f32)
        .sqrt()
        .max(1e-3);
    let cell = |place: &Point| [0, 1].map(|axis| ((place[axis] - low[axis]) / side) as u32);
    let mut cells: Vec<[u32; 2]> = places.iter().map(cell).collect();
    cells.sort_unstable();
    cells.dedup();
    cells.len() as f32 * side * side
}
