//! The drawing of the whole graph afresh.

use crate::forest::Forest;
use crate::space::{Rect, plus};
use crate::{Node, Point};
use std::collections::HashSet;

/// Pitch of blocks in a row, for shapes and names of the usual size.
pub(crate) const CELL: f32 = 96.0;
/// Least space between the names of neighbours.
pub(crate) const BLOCK_GAP: Point = [24.0, 12.0];
/// Space between frames.
pub(crate) const FRAME_GAP: Point = [16.0, 16.0];
/// Space between a frame and what is in it.
pub(crate) const PADDING: f32 = 12.0;
/// Room for a name above or below a shape.
const LABEL: f32 = 16.0;
/// Width that a short name needs.
const LABEL_WIDTH: f32 = 72.0;
/// Length of the arrow to what hangs on a node.
pub(crate) const ARROW: f32 = 28.0;
/// What more hangs on a node than this stands in a frame.
const MOST_HANGING: usize = 16;
/// What hangs on a node hangs in columns of this many.
const HANGING_ROWS: usize = 4;
/// Frames stand on each other up to this height, then beside each other.
const MOST_STOREYS: usize = 40;
/// Blocks in a row before it wraps, in a small graph.
const LEAST_ROW: f32 = 8.0 * CELL;
/// Width to height of what is packed.
const ASPECT: f32 = 1.6;
/// Shapes are drawn between these sizes, whatever is asked for.
const SIZES: (f32, f32) = (8.0, 4096.0);

/// How a node is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Style {
    /// At the left of a frame that has other frames in it: a building.
    Complex,
    /// At the left of a frame of blocks; stacked: a floor.
    Storey,
    /// In a row, with what hangs on it below: a room.
    Block,
    /// Below a block: a thermostat.
    Hanging,
}

impl Style {
    pub(crate) fn is_framed(self) -> bool {
        matches!(self, Self::Complex | Self::Storey)
    }
}

/// Where everything would be if nothing had a place yet.
pub(crate) struct Plan {
    pub(crate) centres: Vec<Point>,
    pub(crate) styles: Vec<Style>,
    pub(crate) kinds: Vec<u32>,
    sizes: Vec<Point>,
    leaf: Vec<bool>,
}

impl Plan {
    /// The rectangle that a node needs for itself and its name when its centre is `at`.
    pub(crate) fn outer(&self, node: u32, at: Point) -> Rect {
        let index = node as usize;
        let [width, height] = self.sizes[index];
        let half = width.max(LABEL_WIDTH) / 2.0;
        let (above, below) = match self.styles[index] {
            style if style.is_framed() => (0.0, 2.0 * LABEL),
            _ if self.leaf[index] => (0.0, LABEL),
            _ => (LABEL, 0.0),
        };
        Rect {
            min: [at[0] - half, at[1] - height / 2.0 - above],
            max: [at[0] + half, at[1] + height / 2.0 + below],
        }
    }
}

/// Rounds a length up to the grid of 4.
fn snap(length: f32) -> f32 {
    (length / 4.0).ceil() * 4.0
}

pub(crate) fn plan(nodes: &[Node<'_>], forest: &Forest) -> Plan {
    let size = |length: f32| if length > 0.0 { length.clamp(SIZES.0, SIZES.1) } else { SIZES.0 };
    let mut planner = Planner {
        forest,
        styles: styles(nodes, forest),
        kinds: nodes.iter().map(|node| node.kind).collect(),
        sizes: nodes.iter().map(|node| [size(node.width), size(node.height)]).collect(),
        extents: vec![[0.0; 2]; nodes.len()],
        offsets: vec![[0.0; 2]; nodes.len()],
        heads: vec![[0.0; 2]; nodes.len()],
    };
    planner.measure();
    let centres = planner.centres();
    let leaf = (0..nodes.len() as u32).map(|node| forest.is_leaf(node)).collect();
    Plan { centres, styles: planner.styles, kinds: planner.kinds, sizes: planner.sizes, leaf }
}

/// Nodes of one kind are drawn alike: where one of them needs a frame, all that contain have one.
fn styles(nodes: &[Node<'_>], forest: &Forest) -> Vec<Style> {
    let needs_frame = |node: u32| {
        let children = forest.children(node);
        children.len() > MOST_HANGING || children.iter().any(|&child| !forest.is_leaf(child))
    };
    let kind = |node: u32| nodes[node as usize].kind;
    let framed: HashSet<u32> = forest.order().filter(|&node| needs_frame(node)).map(kind).collect();
    let is_framed = |node: u32| !forest.is_leaf(node) && framed.contains(&kind(node));
    let style = |node: u32| match forest.parent(node) {
        _ if is_framed(node) => {
            let nested = forest.children(node).iter().any(|&child| is_framed(child));
            if nested { Style::Complex } else { Style::Storey }
        }
        Some(parent) if !is_framed(parent) => Style::Hanging,
        _ => Style::Block,
    };
    (0..nodes.len() as u32).map(style).collect()
}

struct Planner<'a> {
    forest: &'a Forest,
    styles: Vec<Style>,
    kinds: Vec<u32>,
    sizes: Vec<Point>,
    /// The size of a node with all that it contains.
    extents: Vec<Point>,
    /// Its upper left corner, from that of its parent's.
    offsets: Vec<Point>,
    /// Its centre, from its own upper left corner.
    heads: Vec<Point>,
}

impl Planner<'_> {
    /// Sizes from the inside out.
    fn measure(&mut self) {
        for node in self
            .forest
            .order()
            .filter(|&node| self.styles[node as usize] == Style::Block)
            .collect::<Vec<_>>()
        {
            self.measure_block(node);
        }
        let widths = self.row_widths();
        for node in self
            .forest
            .order()
            .rev()
            .filter(|&node| self.styles[node as usize].is_framed())
            .collect::<Vec<_>>()
        {
            self.measure_frame(node, widths[self.slot(node)]);
        }
    }

    fn slot(&self, node: u32) -> usize {
        self.forest.parent(node).map_or(self.forest.len(), |parent| parent as usize)
    }

    /// By parent, the width of rows within its children: the same for all, so that floors align.
    fn row_widths(&self) -> Vec<f32> {
        let mut widths = vec![LEAST_ROW; self.forest.len() + 1];
        for node in self.forest.order().filter(|&node| self.styles[node as usize].is_framed()) {
            let blocks = self.forest.children(node).iter().copied();
            let width = self.row_width(blocks.filter(|&b| self.styles[b as usize] == Style::Block));
            let widest = &mut widths[self.slot(node)];
            *widest = widest.max(width);
        }
        widths
    }

    /// The width of rows that makes the whole of a pleasing shape.
    fn row_width(&self, nodes: impl Iterator<Item = u32>) -> f32 {
        let area = |node: u32| self.extents[node as usize].iter().product::<f32>();
        let whole = (nodes.map(area).sum::<f32>() * ASPECT).sqrt();
        ((whole / CELL).round() * CELL).max(LEAST_ROW)
    }

    /// A node with what hangs on it below, in columns.
    fn measure_block(&mut self, node: u32) {
        let forest = self.forest;
        let hanging = forest.children(node);
        let largest = |axis: usize| {
            hanging.iter().map(|&child| self.sizes[child as usize][axis]).fold(0.0, f32::max)
        };
        let (leaf_width, leaf_height) = (largest(0), largest(1));
        let [width, height] = self.sizes[node as usize];
        let columns = hanging.len().div_ceil(HANGING_ROWS).max(1);
        let rows = hanging.len().div_ceil(columns);
        let pitch = [
            snap(leaf_width.max(LABEL_WIDTH) + BLOCK_GAP[0]),
            snap(leaf_height + LABEL + BLOCK_GAP[1]),
        ];
        let extent = (snap(width.max(LABEL_WIDTH) + BLOCK_GAP[0])).max(columns as f32 * pitch[0]);
        // Shapes of up to 40 have their centres in one line.
        let head = [extent / 2.0, LABEL + snap(height.max(40.0) / 2.0)];
        let first = [
            head[0] - (columns - 1) as f32 / 2.0 * pitch[0],
            head[1] + snap((height + leaf_height) / 2.0 + ARROW),
        ];
        for (position, &child) in hanging.iter().enumerate() {
            let (column, row) = ((position / rows) as f32, (position % rows) as f32);
            self.offsets[child as usize] = plus(first, [column * pitch[0], row * pitch[1]]);
        }
        let below = match rows {
            0 => height / 2.0 + LABEL,
            _ => first[1] - head[1] + (rows - 1) as f32 * pitch[1] + leaf_height / 2.0 + LABEL,
        };
        self.heads[node as usize] = head;
        self.extents[node as usize] = [extent, snap(head[1] + below)];
    }

    /// A node at the left of a frame, with what it contains at its right.
    fn measure_frame(&mut self, node: u32, row_width: f32) {
        let forest = self.forest;
        let [width, height] = self.sizes[node as usize];
        let head_width = snap(width.max(LABEL_WIDTH) + BLOCK_GAP[0]);
        let members = forest.children(node);
        let content = self.arrange(members, row_width, false);
        for &child in members {
            let offset = &mut self.offsets[child as usize];
            *offset = plus(*offset, [head_width, PADDING]);
        }
        let inner = content[1].max(snap(height + 4.0 * LABEL));
        let nested = members.iter().any(|&child| self.styles[child as usize].is_framed());
        let right = if nested { PADDING } else { 0.0 };
        // A little above the middle, as the name stands below.
        let middle = PADDING + snap(inner / 2.0) - LABEL;
        self.heads[node as usize] = [head_width / 2.0, middle];
        self.extents[node as usize] = [head_width + content[0] + right, inner + 2.0 * PADDING];
    }

    /// Arranges siblings: what has frames within in rows, frames on each other, blocks in rows.
    fn arrange(&mut self, members: &[u32], row_width: f32, kinds_apart: bool) -> Point {
        let of = |style: Style| {
            let members = members.iter().copied();
            members.filter(|&node| self.styles[node as usize] == style).collect::<Vec<_>>()
        };
        let (complexes, storeys, mut blocks) =
            (of(Style::Complex), of(Style::Storey), of(Style::Block));
        blocks.sort_by_key(|&node| self.kinds[node as usize]);
        let mut total = [0.0, 0.0];
        let width = self.row_width(complexes.iter().copied());
        let sizes = self.sizes_of(&complexes);
        self.append(&mut total, &complexes, streets(&sizes, width, FRAME_GAP));
        let sizes = self.sizes_of(&storeys);
        self.append(&mut total, &storeys, stack(&sizes));
        let apart =
            |a: &u32, b: &u32| !kinds_apart || self.kinds[*a as usize] == self.kinds[*b as usize];
        let rows: Vec<Vec<u32>> = blocks.chunk_by(apart).map(<[u32]>::to_vec).collect();
        for row in rows {
            let sizes = self.sizes_of(&row);
            self.append(&mut total, &row, flow(&sizes, row_width, [0.0, BLOCK_GAP[1]]));
        }
        total
    }

    fn sizes_of(&self, nodes: &[u32]) -> Vec<Point> {
        nodes.iter().map(|&node| self.extents[node as usize]).collect()
    }

    /// Puts a group below what there is.
    fn append(&mut self, total: &mut Point, nodes: &[u32], (corners, size): (Vec<Point>, Point)) {
        if nodes.is_empty() {
            return;
        }
        let top = if total[1] > 0.0 { total[1] + FRAME_GAP[1] } else { 0.0 };
        for (&node, corner) in nodes.iter().zip(corners) {
            self.offsets[node as usize] = plus(corner, [0.0, top]);
        }
        *total = [total[0].max(size[0]), top + size[1]];
    }

    /// Positions from the outside in.
    fn centres(&mut self) -> Vec<Point> {
        let forest = self.forest;
        let roots = forest.roots();
        let width = self.row_width(roots.iter().copied());
        self.arrange(roots, width, true);
        for node in forest.order() {
            if let Some(parent) = forest.parent(node) {
                let corner = self.offsets[parent as usize];
                let offset = &mut self.offsets[node as usize];
                *offset = plus(*offset, corner);
            }
        }
        self.offsets.iter().zip(&self.heads).map(|(corner, head)| plus(*corner, *head)).collect()
    }
}

/// Rows from left to right, top to bottom: the upper left corners, and the size of the whole.
pub(crate) fn flow(sizes: &[Point], width: f32, gap: Point) -> (Vec<Point>, Point) {
    let mut corners = Vec::with_capacity(sizes.len());
    let (mut x, mut y, mut row_height) = (0.0f32, 0.0f32, 0.0f32);
    let mut whole = [0.0f32; 2];
    for size in sizes {
        if x > 0.0 && x + size[0] > width {
            (x, y, row_height) = (0.0, y + row_height + gap[1], 0.0);
        }
        corners.push([x, y]);
        row_height = row_height.max(size[1]);
        whole = [whole[0].max(x + size[0]), whole[1].max(y + size[1])];
        x += size[0] + gap[0];
    }
    (corners, whole)
}

/// Like `flow`, with all of a row on one ground, as the houses of a street, and with rows of at
/// least `width` that make the whole of a pleasing shape: houses of many heights leave much empty.
fn streets(sizes: &[Point], width: f32, gap: Point) -> (Vec<Point>, Point) {
    let far_off = |[wide, high]: Point| (wide / (high * ASPECT)).ln().abs();
    let mut best = flow(sizes, width, gap);
    let mut width = width;
    while best.1[0] < ASPECT * best.1[1] {
        width *= 1.1;
        let wider = flow(sizes, width, gap);
        let one_row = wider.0.iter().all(|corner| corner[1] == 0.0);
        if far_off(wider.1) < far_off(best.1) {
            best = wider;
        } else if one_row || wider.1[0] > ASPECT * wider.1[1] {
            break;
        }
    }
    let (mut corners, whole) = best;
    let mut placed = 0;
    for row in corners.chunk_by_mut(|a, b| a[1] == b[1]) {
        let sizes = &sizes[placed..placed + row.len()];
        placed += row.len();
        let height = sizes.iter().map(|size| size[1]).fold(0.0, f32::max);
        for (corner, size) in row.iter_mut().zip(sizes) {
            corner[1] += height - size[1];
        }
    }
    (corners, whole)
}

/// Like the section of a building: the first at the bottom, each further one on the one before.
pub(crate) fn stack(sizes: &[Point]) -> (Vec<Point>, Point) {
    let gap = FRAME_GAP[1];
    let tower_height = |tower: &[Point]| tower.iter().map(|size| size[1] + gap).sum::<f32>() - gap;
    let height = sizes.chunks(MOST_STOREYS).map(tower_height).fold(0.0, f32::max);
    let mut corners = Vec::with_capacity(sizes.len());
    let mut x = 0.0;
    for tower in sizes.chunks(MOST_STOREYS) {
        let mut y = height + gap;
        for size in tower {
            y -= size[1] + gap;
            corners.push([x, y]);
        }
        x += tower.iter().map(|size| size[0]).fold(0.0, f32::max) + FRAME_GAP[0];
    }
    (corners, [(x - FRAME_GAP[0]).max(0.0), height])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn houses_stand_on_the_ground_of_wide_streets() {
        let sizes: Vec<Point> = (0..25).map(|n| [300.0, 400.0 + 150.0 * (n % 10) as f32]).collect();
        let (corners, [wide, high]) = streets(&sizes, 2000.0, [50.0, 50.0]);
        assert!((1.2..2.2).contains(&(wide / high)), "{wide} to {high}");
        for (corner, size) in corners.iter().zip(&sizes) {
            assert!(corner[0] >= 0.0 && corner[1] >= 0.0);
            assert!(corner[0] + size[0] <= wide && corner[1] + size[1] <= high);
        }
        let mut grounds: Vec<f32> =
            corners.iter().zip(&sizes).map(|(corner, size)| corner[1] + size[1]).collect();
        grounds.dedup();
        assert!((2..5).contains(&grounds.len()), "{grounds:?}");
    }

    #[test]
    fn one_house_is_where_it_is() {
        assert_eq!(streets(&[[30.0, 900.0]], 10.0, [5.0, 5.0]), (vec![[0.0, 0.0]], [30.0, 900.0]));
        assert_eq!(streets(&[], 10.0, [5.0, 5.0]), (vec![], [0.0, 0.0]));
    }
}
