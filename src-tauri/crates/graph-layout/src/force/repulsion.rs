//! How strongly everything pushes everything else away, in O(n log n): Barnes and Hut's tree.

use crate::Point;

/// Nodes that a leaf of the tree holds.
const LEAF: usize = 12;
/// A leaf of more nodes, which are all on nearly one point, pushes as one.
const CROWD: u32 = 256;
/// Bits of a place on one axis.
const BITS: u32 = 16;

/// A square of the tree. Squares stand in depth-first order.
#[derive(Clone, Copy, Default)]
struct Cell {
    /// Centre of mass.
    at: Point,
    mass: f32,
    /// Longer side of what it holds.
    size: f32,
    /// The cell after all that are within this one.
    skip: u32,
    /// Nodes in it, by their order along the curve.
    from: u32,
    to: u32,
    leaf: bool,
}

/// The tree over some nodes, with what it needs to be built again without new memory.
#[derive(Default)]
pub(crate) struct Tree {
    /// Place on the curve, and node.
    order: Vec<(u32, u32)>,
    x: Vec<f32>,
    y: Vec<f32>,
    mass: Vec<f32>,
    cells: Vec<Cell>,
    far: Far,
}

/// What pushes a leaf's nodes, side by side for the processor's wide registers.
#[derive(Default)]
struct Far {
    x: Vec<f32>,
    y: Vec<f32>,
    mass: Vec<f32>,
}

impl Tree {
    /// Sets `push` to mass × (direction / distance), summed over all other nodes. What is smaller
    /// than `theta` × its distance counts as one.
    pub(crate) fn push(&mut self, at: &[Point], mass: &[f32], theta: f32, push: &mut [Point]) {
        self.sort(at, mass);
        self.cells.clear();
        if !self.order.is_empty() {
            self.split(0, self.order.len(), 0);
        }
        let opening = theta * theta;
        let mut leaf = 0;
        while let Some(&cell) = self.cells.get(leaf) {
            leaf += 1;
            if cell.leaf {
                self.gather(&cell, opening);
                self.push_leaf(&cell, push);
            }
        }
    }

    fn sort(&mut self, at: &[Point], mass: &[f32]) {
        let (mut low, mut high) = ([f32::MAX; 2], [f32::MIN; 2]);
        for place in at {
            for axis in 0..2 {
                low[axis] = low[axis].min(place[axis]);
                high[axis] = high[axis].max(place[axis]);
            }
        }
        let side = (high[0] - low[0]).max(high[1] - low[1]).max(1e-6);
        let scale = ((1u32 << BITS) - 1) as f32 / side;
        let key = |at: &Point| {
            spread(((at[0] - low[0]) * scale) as u32)
                | spread(((at[1] - low[1]) * scale) as u32) << 1
        };
        if self.order.len() != at.len() {
            self.order = (0..at.len() as u32).map(|node| (0, node)).collect();
        }
        // In the order of last time, which is nearly right.
        for (place, node) in &mut self.order {
            *place = key(&at[*node as usize]);
        }
        self.order.sort_unstable();
        for list in [&mut self.x, &mut self.y, &mut self.mass] {
            list.clear();
        }
        for &(_, node) in &self.order {
            let [x, y] = at[node as usize];
            self.x.push(x);
            self.y.push(y);
            self.mass.push(mass[node as usize]);
        }
    }

    /// Makes the cell of nodes `from..to`, which agree on their first `depth` pairs of bits.
    fn split(&mut self, from: usize, to: usize, depth: u32) {
        let index = self.cells.len();
        self.cells.push(Cell::default());
        let leaf = to - from <= LEAF || depth == BITS;
        if !leaf {
            let shift = 2 * (BITS - 1 - depth);
            let mut begin = from;
            while begin < to {
                let part = self.order[begin].0 >> shift;
                let rest = &self.order[begin..to];
                let end = begin + rest.partition_point(|(place, _)| place >> shift == part);
                self.split(begin, end, depth + 1);
                begin = end;
            }
        }
        let mut cell = self.sum(from, to);
        (cell.leaf, cell.skip) = (leaf, self.cells.len() as u32);
        self.cells[index] = cell;
    }

    fn sum(&self, from: usize, to: usize) -> Cell {
        let (mut mass, mut x, mut y) = (0.0f32, 0.0f32, 0.0f32);
        let (mut low, mut high) = ([f32::MAX; 2], [f32::MIN; 2]);
        for node in from..to {
            let (place, weight) = ([self.x[node], self.y[node]], self.mass[node]);
            mass += weight;
            x += weight * place[0];
            y += weight * place[1];
            for axis in 0..2 {
                low[axis] = low[axis].min(place[axis]);
                high[axis] = high[axis].max(place[axis]);
            }
        }
        let size = (high[0] - low[0]).max(high[1] - low[1]);
        let at = [x / mass.max(f32::MIN_POSITIVE), y / mass.max(f32::MIN_POSITIVE)];
        Cell { at, mass, size, from: from as u32, to: to as u32, ..Cell::default() }
    }

    /// What pushes the nodes of a leaf: far cells as one, near ones by their nodes.
    fn gather(&mut self, leaf: &Cell, opening: f32) {
        let far = &mut self.far;
        far.x.clear();
        far.y.clear();
        far.mass.clear();
        let mut next = 0;
        while let Some(cell) = self.cells.get(next) {
            let (dx, dy) = (cell.at[0] - leaf.at[0], cell.at[1] - leaf.at[1]);
            // The distance of the nearest corner, nearly.
            let distance = ((dx * dx + dy * dy).sqrt() - leaf.size * 0.7).max(0.0);
            let crowd = cell.leaf && cell.to - cell.from > CROWD;
            if crowd || cell.size * cell.size < opening * distance * distance {
                far.x.push(cell.at[0]);
                far.y.push(cell.at[1]);
                far.mass.push(cell.mass);
                next = cell.skip as usize;
            } else if cell.leaf {
                let nodes = cell.from as usize..cell.to as usize;
                far.x.extend_from_slice(&self.x[nodes.clone()]);
                far.y.extend_from_slice(&self.y[nodes.clone()]);
                far.mass.extend_from_slice(&self.mass[nodes]);
                next = cell.skip as usize;
            } else {
                next += 1;
            }
        }
        // Whole registers: what is added weighs nothing.
        let full = far.x.len().next_multiple_of(LANES);
        for list in [&mut far.x, &mut far.y, &mut far.mass] {
            list.resize(full, 0.0);
        }
    }

    fn push_leaf(&self, leaf: &Cell, push: &mut [Point]) {
        for node in leaf.from as usize..leaf.to as usize {
            let (x, y) = (self.x[node], self.y[node]);
            let (mut sums_x, mut sums_y) = ([0.0f32; LANES], [0.0f32; LANES]);
            let far = &self.far;
            let (xs, _) = far.x.as_chunks::<LANES>();
            let (ys, _) = far.y.as_chunks::<LANES>();
            let (masses, _) = far.mass.as_chunks::<LANES>();
            for ((xs, ys), masses) in xs.iter().zip(ys).zip(masses) {
                for lane in 0..LANES {
                    let (dx, dy) = (x - xs[lane], y - ys[lane]);
                    // A node pushes itself by nothing: its distance is 0.
                    let strength = masses[lane] / (dx * dx + dy * dy + 1e-4);
                    sums_x[lane] += dx * strength;
                    sums_y[lane] += dy * strength;
                }
            }
            let node = self.order[node].1 as usize;
            push[node] = [sums_x.iter().sum(), sums_y.iter().sum()];
        }
    }
}

const LANES: usize = 8;

/// The bits of a number with a gap after each.
fn spread(number: u32) -> u32 {
    let mut bits = number & 0xFFFF;
    bits = (bits | bits << 8) & 0x00FF_00FF;
    bits = (bits | bits << 4) & 0x0F0F_0F0F;
    bits = (bits | bits << 2) & 0x3333_3333;
    (bits | bits << 1) & 0x5555_5555
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::force::dice::Dice;

    #[test]
    fn the_tree_says_nearly_what_each_pair_says() {
        let mut dice = Dice::new(5);
        let at: Vec<Point> = (0..700).map(|_| [dice.around() * 9.0, dice.around()]).collect();
        let mass: Vec<f32> = (0..700).map(|node| 1.0 + (node % 3) as f32).collect();
        let mut push = vec![[0.0; 2]; at.len()];
        Tree::default().push(&at, &mass, 0.6, &mut push);
        let (mut error, mut whole) = (0.0f64, 0.0f64);
        for (node, place) in at.iter().enumerate() {
            let mut exact = [0.0f64; 2];
            for (other, mass) in at.iter().zip(&mass) {
                let (dx, dy) = (place[0] - other[0], place[1] - other[1]);
                let strength = f64::from(mass / (dx * dx + dy * dy + 1e-4));
                exact[0] += f64::from(dx) * strength;
                exact[1] += f64::from(dy) * strength;
            }
            let off = [f64::from(push[node][0]) - exact[0], f64::from(push[node][1]) - exact[1]];
            error += off[0].hypot(off[1]);
            whole += exact[0].hypot(exact[1]);
        }
        assert!(error < 0.03 * whole, "{}", error / whole);
    }

    #[test]
    fn nodes_on_one_point_do_not_hang_it() {
        let at = vec![[1.0, 1.0]; 5000];
        let mut push = vec![[0.0; 2]; at.len()];
        Tree::default().push(&at, &vec![1.0; at.len()], 0.8, &mut push);
        assert!(push.iter().flatten().all(|value| value.abs() < 1.0));
    }
}
