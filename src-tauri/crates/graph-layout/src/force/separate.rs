//! Moves what lies on each other apart.

use crate::Point;
use std::collections::HashMap;

/// Steps, at most; fewer where nothing overlaps any more.
const STEPS: usize = 40;

/// Pushes points apart until they are `distance` from each other, or nearly so. Fixed ones stay.
pub(crate) fn separate(at: &mut [Point], distance: f32, fixed: impl Fn(usize) -> bool) {
    let mut moves = vec![[0.0f32; 2]; at.len()];
    for _ in 0..STEPS {
        let cells = Cells::new(at, distance);
        moves.fill([0.0; 2]);
        let mut overlaps = 0usize;
        cells.pairs(|a, b| {
            let (mut dx, mut dy) = (at[a][0] - at[b][0], at[a][1] - at[b][1]);
            let square = dx * dx + dy * dy;
            if square >= distance * distance * 0.98 {
                return;
            }
            overlaps += 1;
            if square < 1e-6 {
                // On one point: apart by their numbers, so that it is the same every time.
                let angle = (a as f32) * 2.399_963;
                (dx, dy) = (angle.cos() * 0.01, angle.sin() * 0.01);
            }
            let length = (dx * dx + dy * dy).sqrt();
            let push = (distance - length) / length * 0.5;
            for (node, sign) in [(a, 0.5), (b, -0.5)] {
                moves[node][0] += dx * push * sign * 1.6;
                moves[node][1] += dy * push * sign * 1.6;
            }
        });
        if overlaps == 0 {
            return;
        }
        for (node, place) in at.iter_mut().enumerate() {
            if !fixed(node) {
                let [dx, dy] = moves[node];
                let length = (dx * dx + dy * dy).sqrt();
                let factor = if length > distance { distance / length } else { 1.0 };
                place[0] += dx * factor;
                place[1] += dy * factor;
            }
        }
    }
}

/// Points by the cell of a grid that they lie in.
struct Cells {
    cells: HashMap<(i32, i32), (u32, u32)>,
    order: Vec<u32>,
}

impl Cells {
    fn new(at: &[Point], side: f32) -> Self {
        let key = |at: &Point| ((at[0] / side).floor() as i32, (at[1] / side).floor() as i32);
        let mut keyed: Vec<((i32, i32), u32)> =
            at.iter().zip(0..).map(|(at, node)| (key(at), node)).collect();
        keyed.sort_unstable();
        let mut cells: HashMap<(i32, i32), (u32, u32)> = HashMap::new();
        for ((cell, _), index) in keyed.iter().zip(0u32..) {
            cells.entry(*cell).or_insert((index, index)).1 = index + 1;
        }
        Self { cells, order: keyed.into_iter().map(|(_, node)| node).collect() }
    }

    /// Each pair in one cell or in neighbouring ones, once.
    fn pairs(&self, mut see: impl FnMut(usize, usize)) {
        /// Of a crowd, each point sees so many that follow it.
        const CROWD: usize = 24;
        let ahead = [(1, 0), (-1, 1), (0, 1), (1, 1)];
        let mut keys: Vec<_> = self.cells.iter().map(|(key, range)| (range.0, *key)).collect();
        keys.sort_unstable();
        for (_, (x, y)) in keys {
            let own = self.within((x, y));
            for (place, &a) in own.iter().enumerate() {
                own[place + 1..].iter().take(CROWD).for_each(|&b| see(a as usize, b as usize));
                for (dx, dy) in ahead {
                    let others = self.within((x + dx, y + dy));
                    others.iter().take(CROWD).for_each(|&b| see(a as usize, b as usize));
                }
            }
        }
    }

    fn within(&self, cell: (i32, i32)) -> &[u32] {
        let range = self.cells.get(&cell).copied().unwrap_or_default();
        &self.order[range.0 as usize..range.1 as usize]
    }
}
