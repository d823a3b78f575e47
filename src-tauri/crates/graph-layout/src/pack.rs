//! Groups of nodes side by side.

use crate::plan::{CELL, flow};
use crate::{Node, Point, Positions, natural_order};

/// Width to height of the whole.
const ASPECT: f32 = 1.6;
/// Space between groups, in widths of a node.
const GAP: f32 = 2.0;

/// Puts groups, whose places are their own, in rows below what has a place already. The first
/// group is put first: give the largest one.
pub(crate) fn pack(at: &mut Positions, groups: Vec<(Vec<u32>, Vec<Point>)>, width: f32) {
    let gap = width * GAP;
    let bounds: Vec<(Point, Point)> = groups.iter().map(|(_, places)| bounds(places)).collect();
    let sizes: Vec<Point> = bounds
        .iter()
        .map(|(low, high)| [high[0] - low[0] + width, high[1] - low[1] + width])
        .collect();
    let area: f32 = sizes.iter().map(|size| (size[0] + gap) * (size[1] + gap)).sum();
    let widest = sizes.iter().map(|size| size[0]).fold(0.0, f32::max);
    let (corners, _) = flow(&sizes, (area * ASPECT).sqrt().max(widest), [gap; 2]);
    let taken: Vec<Point> = at.iter().copied().flatten().collect();
    let origin = match taken.is_empty() {
        true => [0.0; 2],
        false => {
            let (low, high) = self::bounds(&taken);
            [low[0] - width / 2.0, high[1] + width / 2.0 + gap]
        }
    };
    for (((nodes, places), corner), (low, _)) in groups.into_iter().zip(corners).zip(bounds) {
        let moved = [0, 1].map(|axis| origin[axis] + corner[axis] + width / 2.0 - low[axis]);
        for (node, place) in nodes.into_iter().zip(places) {
            at[node as usize] = Some([place[0] + moved[0], place[1] + moved[1]]);
        }
    }
}

pub(crate) fn bounds(places: &[Point]) -> (Point, Point) {
    let fold = |axis: usize, start: f32, of: fn(f32, f32) -> f32| {
        places.iter().map(|place| place[axis]).fold(start, of)
    };
    if places.is_empty() {
        return ([0.0; 2], [0.0; 2]);
    }
    (
        [fold(0, f32::MAX, f32::min), fold(1, f32::MAX, f32::min)],
        [fold(0, f32::MIN, f32::max), fold(1, f32::MIN, f32::max)],
    )
}

/// Nodes in a block of rows for each kind, in natural order.
pub(crate) fn rows_by_kind(nodes: &[Node<'_>], mut of: Vec<u32>) -> Vec<(Vec<u32>, Vec<Point>)> {
    let node = |index: u32| &nodes[index as usize];
    of.sort_by(|&a, &b| {
        let kinds = node(a).kind.cmp(&node(b).kind);
        kinds.then_with(|| natural_order(node(a).key, node(b).key)).then(a.cmp(&b))
    });
    let mut blocks: Vec<(Vec<u32>, Vec<Point>)> = of
        .chunk_by(|&a, &b| node(a).kind == node(b).kind)
        .map(|block| {
            let size = |axis: fn(&Node<'_>) -> f32| {
                let sizes = block.iter().map(|&index| axis(node(index)));
                sizes.fold(0.0f32, f32::max).clamp(8.0, 4096.0)
            };
            let pitch = [size(|n| n.width).max(CELL - 24.0) + 24.0, size(|n| n.height) + 36.0];
            let columns =
                (block.len() as f32 * ASPECT * pitch[1] / pitch[0]).sqrt().ceil().max(1.0);
            let place = |index: usize| {
                let columns = columns as usize;
                [(index % columns) as f32 * pitch[0], (index / columns) as f32 * pitch[1]]
            };
            (block.to_vec(), (0..block.len()).map(place).collect())
        })
        .collect();
    blocks.sort_by_key(|(block, _)| std::cmp::Reverse(block.len()));
    blocks
}
