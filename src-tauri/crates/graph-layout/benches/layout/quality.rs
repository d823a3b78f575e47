//! How good positions are.

use crate::graphs::{Dice, Graph};
use graph_layout::Point;
use std::collections::HashMap;

/// What is counted of a layout.
pub struct Quality {
    /// Neighbourhood preservation: the share of a node's neighbours among as many nearest points.
    pub np: f64,
    /// The share of the ten nearest points of a room or thermostat that are on its floor.
    pub purity: Option<f64>,
    /// Edge lengths: standard deviation over mean.
    pub spread: f64,
}

const SAMPLES: usize = 2000;

pub fn quality(graph: &Graph, at: &[Point]) -> Quality {
    let mut neighbours = vec![Vec::new(); graph.ids.len()];
    for edge in graph.edges.iter().filter(|edge| edge.source != edge.target) {
        neighbours[edge.source as usize].push(edge.target);
        neighbours[edge.target as usize].push(edge.source);
    }
    for list in &mut neighbours {
        list.sort_unstable();
        list.dedup();
    }
    let near = Near::new(at);
    let mut dice = Dice::new(3);
    let count = graph.ids.len();
    let samples: Vec<u32> = match count <= SAMPLES {
        true => (0..count as u32).collect(),
        false => (0..SAMPLES).map(|_| dice.below(count as u32)).collect(),
    };
    let (mut kept, mut of, mut pure, mut pure_of) = (0.0, 0.0, 0.0, 0.0);
    for node in samples {
        let known = &neighbours[node as usize];
        if !known.is_empty() {
            let nearest = near.nearest(node, known.len());
            let hits = nearest.iter().filter(|at| known.binary_search(at).is_ok()).count();
            kept += hits as f64 / known.len() as f64;
            of += 1.0;
        }
        let floor = graph.floors[node as usize];
        if floor >= 0 {
            let nearest = near.nearest(node, 10);
            let same = nearest.iter().filter(|&&at| graph.floors[at as usize] == floor).count();
            pure += same as f64 / 10.0;
            pure_of += 1.0;
        }
    }
    Quality {
        np: kept / of,
        purity: (pure_of > 0.0).then_some(pure / pure_of),
        spread: spread(graph, at),
    }
}

fn spread(graph: &Graph, at: &[Point]) -> f64 {
    let lengths: Vec<f64> = graph
        .edges
        .iter()
        .map(|edge| distance(at[edge.source as usize], at[edge.target as usize]))
        .collect();
    let mean = lengths.iter().sum::<f64>() / lengths.len() as f64;
    let variance = lengths.iter().map(|length| (length - mean).powi(2)).sum::<f64>();
    (variance / lengths.len() as f64).sqrt() / mean
}

/// The median distance that nodes moved, in node widths of 36.
pub fn median_move(before: &[Point], after: &[Point]) -> f64 {
    let mut moves: Vec<f64> =
        before.iter().zip(after).map(|(a, b)| distance(*a, *b) / 36.0).collect();
    moves.sort_unstable_by(f64::total_cmp);
    moves.get(moves.len() / 2).copied().unwrap_or(0.0)
}

pub fn distance(a: Point, b: Point) -> f64 {
    f64::from(a[0] - b[0]).hypot(f64::from(a[1] - b[1]))
}

/// Points in a grid, for the nearest ones.
struct Near<'a> {
    at: &'a [Point],
    cell: f64,
    cells: HashMap<(i64, i64), Vec<u32>>,
    reach: i64,
}

impl<'a> Near<'a> {
    fn new(at: &'a [Point]) -> Self {
        let bound = |axis: usize| {
            let values = at.iter().map(|at| f64::from(at[axis]));
            values.fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(v), high.max(v)))
        };
        let ([x0, x1], [y0, y1]) = (bound(0).into(), bound(1).into());
        let area: f64 = (x1 - x0).max(1e-6) * (y1 - y0).max(1e-6);
        let cell = (2.0 * area / at.len() as f64).sqrt();
        let mut cells: HashMap<(i64, i64), Vec<u32>> = HashMap::new();
        for (index, at) in at.iter().enumerate() {
            cells.entry(Self::key(*at, cell)).or_default().push(index as u32);
        }
        let reach = (((x1 - x0).max(y1 - y0)) / cell) as i64 + 2;
        Self { at, cell, cells, reach }
    }

    fn key(at: Point, cell: f64) -> (i64, i64) {
        ((f64::from(at[0]) / cell).floor() as i64, (f64::from(at[1]) / cell).floor() as i64)
    }

    /// The nearest other points, nearest first; equal ones by index.
    fn nearest(&self, node: u32, count: usize) -> Vec<u32> {
        let centre = self.at[node as usize];
        let (x, y) = Self::key(centre, self.cell);
        let mut found: Vec<(f64, u32)> = Vec::new();
        for ring in 0..=self.reach {
            let sure = (ring - 1) as f64 * self.cell;
            found.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            if found.get(count.saturating_sub(1)).is_some_and(|(far, _)| *far <= sure) {
                break;
            }
            for row in y - ring..=y + ring {
                let step = if (row - y).abs() == ring { 1 } else { (2 * ring).max(1) };
                for column in (x - ring..=x + ring).step_by(step as usize) {
                    let points = self.cells.get(&(column, row)).into_iter().flatten();
                    let others = points.filter(|&&other| other != node);
                    found.extend(
                        others.map(|&other| (distance(centre, self.at[other as usize]), other)),
                    );
                }
            }
        }
        found.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        found.into_iter().take(count).map(|(_, node)| node).collect()
    }
}
