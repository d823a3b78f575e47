//! Rectangles, and which of them are in the way.

use crate::Point;
use std::collections::HashMap;

/// A rectangle by its upper left and lower right corner.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rect {
    pub(crate) min: Point,
    pub(crate) max: Point,
}

impl Rect {
    /// Holds nothing; the union with it is the other one.
    pub(crate) const NONE: Self = Self { min: [f32::INFINITY; 2], max: [f32::NEG_INFINITY; 2] };

    pub(crate) fn at(min: Point, size: Point) -> Self {
        Self { min, max: plus(min, size) }
    }

    pub(crate) fn is_none(self) -> bool {
        self.min[0] > self.max[0]
    }

    pub(crate) fn size(self) -> Point {
        minus(self.max, self.min)
    }

    pub(crate) fn union(self, other: Self) -> Self {
        Self {
            min: [self.min[0].min(other.min[0]), self.min[1].min(other.min[1])],
            max: [self.max[0].max(other.max[0]), self.max[1].max(other.max[1])],
        }
    }

    /// Whether they have more than an edge in common.
    pub(crate) fn overlaps(self, other: Self) -> bool {
        (0..2).all(|axis| self.min[axis] < other.max[axis] && other.min[axis] < self.max[axis])
    }
}

pub(crate) fn plus(a: Point, b: Point) -> Point {
    [a[0] + b[0], a[1] + b[1]]
}

pub(crate) fn minus(a: Point, b: Point) -> Point {
    [a[0] - b[0], a[1] - b[1]]
}

/// What is in the way, found by a coarse grid.
pub(crate) struct Space {
    taken: Vec<(Rect, Option<u32>)>,
    cells: HashMap<(i64, i64), Vec<u32>>,
    /// Those that would fill too many cells.
    large: Vec<u32>,
    bounds: Rect,
}

const CELL: f32 = 128.0;
/// A rectangle of more cells than this is compared one by one.
const MOST_CELLS: i64 = 4096;

impl Space {
    pub(crate) fn new() -> Self {
        Self { taken: Vec::new(), cells: HashMap::new(), large: Vec::new(), bounds: Rect::NONE }
    }

    /// Takes a rectangle; `owner` is the node whose contents may lie within it all the same.
    pub(crate) fn take(&mut self, rect: Rect, owner: Option<u32>) {
        if rect.is_none() {
            return;
        }
        let index = self.taken.len() as u32;
        self.taken.push((rect, owner));
        self.bounds = self.bounds.union(rect);
        match cells(rect) {
            Some(cells) => cells.for_each(|cell| self.cells.entry(cell).or_default().push(index)),
            None => self.large.push(index),
        }
    }

    /// Something in the way of `rect` that does not belong to `owner`.
    pub(crate) fn obstacle(&self, rect: Rect, owner: Option<u32>) -> Option<Rect> {
        let blocks = |index: u32| {
            let (taken, of) = *self.taken.get(index as usize)?;
            (taken.overlaps(rect) && (of.is_none() || of != owner)).then_some(taken)
        };
        let near = match cells(rect) {
            Some(mut cells) => {
                cells.find_map(|cell| self.cells.get(&cell)?.iter().find_map(|&i| blocks(i)))
            }
            None => return (0..self.taken.len() as u32).find_map(blocks),
        };
        near.or_else(|| self.large.iter().find_map(|&i| blocks(i)))
    }

    /// The rectangle around everything.
    pub(crate) fn bounds(&self) -> Rect {
        self.bounds
    }
}

fn cells(rect: Rect) -> Option<impl Iterator<Item = (i64, i64)>> {
    let cell = |length: f32| (length / CELL).floor() as i64;
    let [x0, y0] = rect.min.map(cell);
    let [x1, y1] = rect.max.map(cell);
    let count = (x1 - x0 + 1).checked_mul(y1 - y0 + 1)?;
    (count <= MOST_CELLS).then(|| (y0..=y1).flat_map(move |y| (x0..=x1).map(move |x| (x, y))))
}
