//! The frames around what nodes contain.

use crate::forest::Forest;
use crate::plan::{PADDING, Plan};
use crate::space::Rect;
use crate::{Frame, Point};

/// By node, the rectangle around it and all that it contains, of what has a place.
///
/// What hangs on a node without a place is not counted to those above it.
pub(crate) fn extents(
    forest: &Forest,
    plan: &Plan,
    at: impl Fn(u32) -> Option<Point>,
) -> Vec<Rect> {
    let mut extents = vec![Rect::NONE; forest.len()];
    for node in forest.order().rev() {
        let Some(centre) = at(node) else { continue };
        let mut extent = extents[node as usize].union(plan.outer(node, centre));
        if plan.styles[node as usize].is_framed() {
            extent.min = extent.min.map(|length| ((length - PADDING) / 4.0).floor() * 4.0);
            extent.max = extent.max.map(|length| ((length + PADDING) / 4.0).ceil() * 4.0);
        }
        extents[node as usize] = extent;
        if let Some(parent) = forest.parent(node) {
            extents[parent as usize] = extents[parent as usize].union(extent);
        }
    }
    extents
}

pub(crate) fn frames(forest: &Forest, plan: &Plan, centres: &[Point]) -> Vec<Frame> {
    let extents = extents(forest, plan, |node| Some(centres[node as usize]));
    let framed = forest.order().filter(|&node| plan.styles[node as usize].is_framed());
    framed
        .map(|node| {
            let rect = extents[node as usize];
            let ([x, y], [width, height]) = (rect.min, rect.size());
            Frame { node, x, y, width, height }
        })
        .collect()
}
