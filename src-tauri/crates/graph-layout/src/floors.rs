//! A floor plan: rooms where they are, what they contain within them.

use crate::forest::Forest;
use crate::pack::pack;
use crate::{Frame, Input, Point, Positions};

/// From node to node within an area, where there is room.
const PITCH: f32 = 64.0;

/// The area of a twin on the plan, in drawing units.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Area {
    /// Upper left corner of its bounding box.
    pub min: Point,
    /// Lower right corner.
    pub max: Point,
}

impl Area {
    fn union(self, other: Self) -> Self {
        Self {
            min: [self.min[0].min(other.min[0]), self.min[1].min(other.min[1])],
            max: [self.max[0].max(other.max[0]), self.max[1].max(other.max[1])],
        }
    }
}

/// Places and frames. What has no area is drawn within that of what contains it; what nothing
/// with an area contains, as `elsewhere` has it, below the plan.
pub(crate) fn floors(
    input: &Input<'_>,
    forest: &Forest,
    elsewhere: &[Point],
) -> (Positions, Vec<Frame>) {
    let count = input.nodes.len();
    let own = |node: u32| input.areas.get(node as usize).copied().flatten();
    let own = |node: u32| {
        own(node).filter(|area| {
            (0..2).all(|axis| area.min[axis] <= area.max[axis] && area.max[axis].abs() < 1e6)
        })
    };
    let mut areas: Vec<Option<Area>> = (0..count as u32).map(own).collect();
    // What contains areas has one around them.
    for node in forest.order().rev() {
        let (Some(area), Some(parent)) = (areas[node as usize], forest.parent(node)) else {
            continue;
        };
        if own(parent).is_none() {
            let around = &mut areas[parent as usize];
            *around = Some(around.map_or(area, |around| around.union(area)));
        }
    }
    let mut at: Positions = vec![None; count];
    let mut frames = Vec::new();
    for node in forest.order() {
        let Some(area) = areas[node as usize] else { continue };
        let [width, height] = [area.max[0] - area.min[0], area.max[1] - area.min[1]];
        frames.push(Frame { node, x: area.min[0], y: area.min[1], width, height });
        let within: Vec<u32> = within(node, forest, &areas);
        let holds_areas = own(node).is_none();
        place_within(node, &within, area, holds_areas, &mut at);
    }
    let rest: Vec<u32> = (0..count as u32).filter(|&node| at[node as usize].is_none()).collect();
    let places = rest.iter().map(|&node| elsewhere[node as usize]).collect();
    if !rest.is_empty() {
        pack(&mut at, vec![(rest, places)], 40.0);
    }
    (at, frames)
}

/// All that a node contains down to what has an area.
fn within(node: u32, forest: &Forest, areas: &[Option<Area>]) -> Vec<u32> {
    let mut found = Vec::new();
    let mut left: Vec<u32> = forest.children(node).iter().rev().copied().collect();
    while let Some(child) = left.pop() {
        if areas[child as usize].is_none() {
            found.push(child);
            left.extend(forest.children(child).iter().rev());
        }
    }
    found
}

/// The node and what it contains in a grid about the middle of its area; above the area where
/// that is full of others.
fn place_within(node: u32, within: &[u32], area: Area, full: bool, at: &mut Positions) {
    let all: Vec<u32> = std::iter::once(node).chain(within.iter().copied()).collect();
    let [width, height] = [area.max[0] - area.min[0], area.max[1] - area.min[1]];
    let middle = [area.min[0] + width / 2.0, area.min[1] + height / 2.0];
    let ratio = (width / height.max(1.0)).clamp(0.1, 10.0);
    let columns = match full {
        true => all.len(),
        false => ((all.len() as f32 * ratio).sqrt().ceil() as usize).clamp(1, all.len()),
    };
    let rows = all.len().div_ceil(columns);
    let step = |length: f32, of: usize| PITCH.min(length / of as f32);
    let pitch = if full { [PITCH; 2] } else { [step(width, columns), step(height, rows)] };
    let centre = if full { [area.min[0] - PITCH, middle[1]] } else { middle };
    for (index, &each) in all.iter().enumerate() {
        let (column, row) = (index % columns, index / columns);
        let off = |at: usize, of: usize| at as f32 - (of - 1) as f32 / 2.0;
        at[each as usize] = Some(match full {
            true => [centre[0] - column as f32 * PITCH, centre[1]],
            false => {
                [centre[0] + off(column, columns) * pitch[0], centre[1] + off(row, rows) * pitch[1]]
            }
        });
    }
}
