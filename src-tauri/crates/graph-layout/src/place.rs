//! What has a place keeps it; what is new finds a free one near where it belongs.

use crate::forest::Forest;
use crate::frames::extents;
use crate::plan::{ARROW, BLOCK_GAP, CELL, FRAME_GAP, Plan, Style, flow, stack};
use crate::run::FARTHEST;
use crate::space::{Rect, Space, minus, plus};
use crate::{Point, Positions};
use std::collections::BTreeMap;

/// A place found by sliding past more things than this is too far away.
const MOST_SLIDES: usize = 256;

/// The centre of each node: pinned, as before, as planned, or in free space, in this order.
pub(crate) fn settle(
    forest: &Forest,
    plan: &Plan,
    pinned: &[Option<Point>],
    previous: &Positions,
) -> Vec<Point> {
    let count = forest.len();
    let place = |places: &[Option<Point>], node: usize| {
        places.get(node).copied().flatten().filter(|at| at.iter().all(|v| v.abs() <= FARTHEST))
    };
    let kept: Vec<Option<Point>> =
        (0..count).map(|node| place(pinned, node).or_else(|| place(previous, node))).collect();
    let afresh = (0..count).all(|node| place(previous, node).is_none());
    let mut settler = Settler { forest, plan, at: kept, space: Space::new() };
    settler.take_kept();
    if afresh {
        settler.take_planned();
    }
    if settler.at.iter().any(Option::is_none) {
        settler.place_groups();
    }
    settler.at.iter().zip(&plan.centres).map(|(at, planned)| at.unwrap_or(*planned)).collect()
}

/// New siblings that are drawn alike find their place together.
struct Group {
    parent: Option<u32>,
    style: Style,
    /// The topmost node of each piece; what is below it moves along.
    tops: Vec<u32>,
    /// The upper left corner of each piece, from that of the group.
    corners: Vec<Point>,
    size: Point,
    /// The centre of the first piece's topmost node, from the group's corner.
    grip: Point,
}

struct Settler<'a> {
    forest: &'a Forest,
    plan: &'a Plan,
    at: Vec<Option<Point>>,
    space: Space,
}

impl Settler<'_> {
    fn take_kept(&mut self) {
        for node in 0..self.forest.len() as u32 {
            if let Some(at) = self.at[node as usize] {
                self.space.take(self.plan.outer(node, at), None);
            }
        }
    }

    /// All planned places that no pinned node is in the way of.
    fn take_planned(&mut self) {
        let free: Vec<u32> = (0..self.forest.len() as u32)
            .filter(|&node| self.at[node as usize].is_none())
            .filter(|&node| {
                let rect = self.plan.outer(node, self.plan.centres[node as usize]);
                self.space.obstacle(rect, None).is_none()
            })
            .collect();
        for node in free {
            let at = self.plan.centres[node as usize];
            self.at[node as usize] = Some(at);
            self.space.take(self.plan.outer(node, at), None);
        }
    }

    fn place_groups(&mut self) {
        let is_new: Vec<bool> = self.at.iter().map(Option::is_none).collect();
        let planned = |node: u32| is_new[node as usize].then(|| self.plan.centres[node as usize]);
        let pieces = extents(self.forest, self.plan, planned);
        let (roots, contained): (Vec<_>, Vec<_>) =
            self.groups(&is_new, &pieces).into_iter().partition(|group| group.parent.is_none());

        let kept = self.kept();
        self.take_frames(&kept, |_, style| style == Style::Storey);
        contained.iter().for_each(|group| self.place(group, &pieces, &kept));

        // What nothing contains keeps out of the frames, as they are by now.
        let kept = self.kept();
        let forest = self.forest;
        self.take_frames(&kept, |node, style| style.is_framed() && forest.parent(node).is_none());
        roots.iter().for_each(|group| self.place(group, &pieces, &kept));
    }

    fn kept(&self) -> Vec<Rect> {
        extents(self.forest, self.plan, |node| self.at[node as usize])
    }

    fn take_frames(&mut self, kept: &[Rect], which: impl Fn(u32, Style) -> bool) {
        for (node, (&style, &rect)) in self.plan.styles.iter().zip(kept).enumerate() {
            if which(node as u32, style) {
                self.space.take(rect, Some(node as u32));
            }
        }
    }

    fn place(&mut self, group: &Group, pieces: &[Rect], kept: &[Rect]) {
        let corner = self.corner(group, pieces, kept);
        for (&top, offset) in group.tops.iter().zip(&group.corners) {
            let piece = pieces[top as usize];
            let corner = plus(corner, *offset);
            self.space.take(Rect::at(corner, piece.size()), Some(top));
            self.put(top, minus(corner, piece.min));
        }
    }

    /// Puts a new node, and what is new below it, where it is planned, `moved` by that much.
    fn put(&mut self, top: u32, moved: Point) {
        let mut left = vec![top];
        while let Some(node) = left.pop() {
            let at = plus(self.plan.centres[node as usize], moved);
            self.at[node as usize] = Some(at);
            self.space.take(self.plan.outer(node, at), None);
            let children = self.forest.children(node).iter().copied();
            left.extend(children.filter(|&child| self.at[child as usize].is_none()));
        }
    }

    fn style(&self, node: u32) -> Style {
        self.plan.styles[node as usize]
    }

    fn groups(&self, is_new: &[bool], pieces: &[Rect]) -> Vec<Group> {
        let mut tops: BTreeMap<(Option<u32>, Style), Vec<u32>> = BTreeMap::new();
        for node in self.forest.order().filter(|&node| is_new[node as usize]) {
            let parent = self.forest.parent(node);
            if parent.is_none_or(|parent| !is_new[parent as usize]) {
                tops.entry((parent, self.style(node))).or_default().push(node);
            }
        }
        let group = |((parent, style), mut tops): ((Option<u32>, Style), Vec<u32>)| {
            tops.sort_by_key(|&top| self.plan.kinds[top as usize]);
            let sizes: Vec<Point> = tops.iter().map(|&top| pieces[top as usize].size()).collect();
            let (corners, size) = arrange(style, &sizes);
            let first = tops.first().copied()?;
            let grip = minus(self.plan.centres[first as usize], pieces[first as usize].min);
            let grip = plus(grip, corners.first().copied()?);
            Some(Group { parent, style, tops, corners, size, grip })
        };
        tops.into_iter().filter_map(group).collect()
    }

    /// The upper left corner of free space for a group.
    fn corner(&self, group: &Group, pieces: &[Rect], kept: &[Rect]) -> Point {
        let storey = self.storey_above(group.parent);
        let is_free =
            |corner: Point| self.space.obstacle(Rect::at(corner, group.size), storey).is_none();
        let planned = self.planned_corner(group, pieces);
        if let Some(corner) = planned.filter(|&corner| is_free(corner)) {
            return corner;
        }
        let beside = self.corner_beside(group, kept).or(planned);
        let slid = beside.and_then(|start| self.slide(group, start, storey));
        slid.unwrap_or_else(|| self.corner_below_everything())
    }

    fn storey_above(&self, mut node: Option<u32>) -> Option<u32> {
        while let Some(at) = node {
            if self.style(at).is_framed() {
                return (self.style(at) == Style::Storey).then_some(at);
            }
            node = self.forest.parent(at);
        }
        None
    }

    /// Where the plan has it, seen from its parent or from something that it contains.
    fn planned_corner(&self, group: &Group, pieces: &[Rect]) -> Option<Point> {
        let [top] = group.tops[..] else { return None };
        let children = self.forest.children(top).iter().copied();
        let known = group.parent.into_iter().chain(children);
        let (node, at) = known.filter_map(|node| Some((node, self.at[node as usize]?))).next()?;
        let moved = minus(at, self.plan.centres[node as usize]);
        Some(plus(pieces[top as usize].min, moved))
    }

    /// Next to the sibling before it, or to its parent.
    fn corner_beside(&self, group: &Group, kept: &[Rect]) -> Option<Point> {
        let gap = gap(group.style);
        if let Some(sibling) = self.sibling_before(group) {
            let (at, extent) = (self.at[sibling as usize]?, kept[sibling as usize]);
            return Some(match group.style {
                Style::Storey => [extent.min[0], extent.min[1] - gap[1] - group.size[1]],
                Style::Complex => [extent.max[0] + gap[0], extent.min[1]],
                Style::Block => [extent.max[0] + gap[0], at[1] - group.grip[1]],
                Style::Hanging => [at[0] - group.grip[0], extent.max[1] + gap[1]],
            });
        }
        let parent = group.parent?;
        let at = self.at[parent as usize]?;
        let outer = self.plan.outer(parent, at);
        Some(match group.style {
            Style::Hanging => [at[0] - group.grip[0], outer.max[1] + ARROW],
            _ => [outer.max[0] + gap[0], at[1] - group.grip[1]],
        })
    }

    /// The last sibling drawn alike that stands before the group, else the first one after it.
    fn sibling_before(&self, group: &Group) -> Option<u32> {
        let first = *group.tops.first()?;
        let kind = |node: u32| self.plan.kinds[node as usize];
        let siblings = self.forest.siblings(first);
        let own = siblings.iter().position(|&node| node == first)?;
        let alike = |node: &u32| {
            self.at[*node as usize].is_some()
                && self.style(*node) == group.style
                && (group.parent.is_some() || kind(*node) == kind(first))
        };
        let before = siblings[..own].iter().rev().copied().find(alike);
        before.or_else(|| siblings[own..].iter().copied().find(alike))
    }

    /// The free place that is nearest in one of the four directions.
    fn slide(&self, group: &Group, start: Point, storey: Option<u32>) -> Option<Point> {
        let directions: [(usize, f32); 4] = match group.style {
            Style::Storey => [(1, -1.0), (1, 1.0), (0, 1.0), (0, -1.0)],
            Style::Hanging => [(1, 1.0), (0, 1.0), (0, -1.0), (1, -1.0)],
            Style::Block | Style::Complex => [(0, 1.0), (1, 1.0), (1, -1.0), (0, -1.0)],
        };
        // What nothing contains stays within the drawing's width: then a new row begins.
        let bounds = self.space.bounds();
        let widest = bounds.max[0].max(bounds.min[0] + 8.0 * CELL);
        let fits = |corner: &Point| group.parent.is_some() || corner[0] + group.size[0] <= widest;
        let distance = |corner: &Point| (corner[0] - start[0]).abs() + (corner[1] - start[1]).abs();
        let count = if group.parent.is_some() { directions.len() } else { 1 };
        directions[..count]
            .iter()
            .filter_map(|&(axis, sign)| self.slide_along(group, start, storey, axis, sign))
            .filter(fits)
            .min_by(|a, b| distance(a).total_cmp(&distance(b)))
    }

    /// Goes past whatever is in the way, one after the other.
    fn slide_along(
        &self,
        group: &Group,
        start: Point,
        storey: Option<u32>,
        axis: usize,
        sign: f32,
    ) -> Option<Point> {
        let gap = gap(group.style)[axis];
        let mut corner = start;
        for _ in 0..MOST_SLIDES {
            let Some(taken) = self.space.obstacle(Rect::at(corner, group.size), storey) else {
                return Some(corner);
            };
            corner[axis] = match sign > 0.0 {
                true => taken.max[axis] + gap,
                false => taken.min[axis] - gap - group.size[axis],
            };
        }
        None
    }

    fn corner_below_everything(&self) -> Point {
        let bounds = self.space.bounds();
        if bounds.is_none() { [0.0; 2] } else { [bounds.min[0], bounds.max[1] + FRAME_GAP[1]] }
    }
}

fn gap(style: Style) -> Point {
    if style.is_framed() { FRAME_GAP } else { BLOCK_GAP }
}

fn arrange(style: Style, sizes: &[Point]) -> (Vec<Point>, Point) {
    match style {
        Style::Storey => stack(sizes),
        Style::Hanging => flow(sizes, 0.0, BLOCK_GAP),
        Style::Complex | Style::Block => {
            let area: f32 = sizes.iter().map(|size| size[0] * size[1]).sum();
            flow(sizes, (area * 1.6).sqrt().max(8.0 * CELL), gap(style))
        }
    }
}
