//! Who is linked to whom, each pair once.

use crate::Edge;

/// An undirected graph: the neighbours of `node` are `targets[start[node]..start[node + 1]]`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Links {
    pub(crate) start: Vec<u32>,
    pub(crate) targets: Vec<u32>,
    /// How many relationships a link stands for.
    pub(crate) weights: Vec<f32>,
}

impl Links {
    /// Parallel relationships become one link of weight one: five thousand of them pull no more
    /// than one does. Loops, and ends that are no node, are left out.
    pub(crate) fn of(count: usize, edges: &[Edge]) -> Self {
        let limit = count as u32;
        let pairs = edges
            .iter()
            .filter(|edge| edge.source != edge.target && edge.source.max(edge.target) < limit)
            .map(|edge| (edge.source.min(edge.target), edge.source.max(edge.target)));
        let mut pairs: Vec<(u32, u32)> = pairs.collect();
        pairs.sort_unstable();
        pairs.dedup();
        Self::from_pairs(count, pairs.iter().map(|&(a, b)| (a, b, 1.0)))
    }

    /// Links of pairs that each come once.
    pub(crate) fn from_pairs(
        count: usize,
        pairs: impl Iterator<Item = (u32, u32, f32)> + Clone,
    ) -> Self {
        let mut start = vec![0u32; count + 1];
        for (a, b, _) in pairs.clone() {
            start[a as usize + 1] += 1;
            start[b as usize + 1] += 1;
        }
        for node in 0..count {
            start[node + 1] += start[node];
        }
        let total = start.last().copied().unwrap_or(0) as usize;
        let (mut targets, mut weights) = (vec![0; total], vec![0.0; total]);
        let mut next = start.clone();
        for (a, b, weight) in pairs {
            for (from, to) in [(a, b), (b, a)] {
                let place = &mut next[from as usize];
                targets[*place as usize] = to;
                weights[*place as usize] = weight;
                *place += 1;
            }
        }
        Self { start, targets, weights }
    }

    pub(crate) fn len(&self) -> usize {
        self.start.len().saturating_sub(1)
    }

    pub(crate) fn neighbours(&self, node: u32) -> &[u32] {
        let node = node as usize;
        &self.targets[self.start[node] as usize..self.start[node + 1] as usize]
    }

    pub(crate) fn weights(&self, node: u32) -> &[f32] {
        let node = node as usize;
        &self.weights[self.start[node] as usize..self.start[node + 1] as usize]
    }

    pub(crate) fn degree(&self, node: u32) -> u32 {
        self.start[node as usize + 1] - self.start[node as usize]
    }

    /// The nodes of each connected part, the largest part first, equal ones by their first node.
    pub(crate) fn components(&self) -> Vec<Vec<u32>> {
        let mut seen = vec![false; self.len()];
        let mut parts = Vec::new();
        for first in 0..self.len() as u32 {
            if std::mem::replace(&mut seen[first as usize], true) {
                continue;
            }
            let mut part = vec![first];
            let mut done = 0;
            while let Some(&node) = part.get(done) {
                done += 1;
                for &next in self.neighbours(node) {
                    if !std::mem::replace(&mut seen[next as usize], true) {
                        part.push(next);
                    }
                }
            }
            parts.push(part);
        }
        parts.sort_by_key(|part: &Vec<u32>| std::cmp::Reverse(part.len()));
        parts
    }
}
