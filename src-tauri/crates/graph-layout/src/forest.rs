//! What contains what: a forest, whatever the relationships are.

use crate::{Edge, Node, natural_order};
use std::collections::BTreeMap;

/// Each node with at most one parent, no cycles, siblings in natural order.
pub(crate) struct Forest {
    parent: Vec<Option<u32>>,
    /// The children of node `i` are `children[start[i]..start[i + 1]]`; those of no one are last.
    start: Vec<usize>,
    children: Vec<u32>,
    /// All nodes, parents before their children.
    order: Vec<u32>,
}

impl Forest {
    /// Takes each relationship of a name in `contains` (ascending) that keeps this a forest; the
    /// first one wins, so a cycle of containment loses the edge that would close it.
    pub(crate) fn new(nodes: &[Node<'_>], edges: &[Edge], contains: &[u32]) -> Self {
        let count = nodes.len();
        let mut draft = Draft::new(count);
        for edge in edges.iter().filter(|edge| contains.binary_search(&edge.name).is_ok()) {
            if draft.has(edge) {
                draft.try_add(edge);
            }
        }
        let mut by_key: Vec<u32> = (0..count as u32).collect();
        by_key.sort_unstable_by(|&a, &b| {
            let (x, y) = (&nodes[a as usize], &nodes[b as usize]);
            natural_order(x.key, y.key).then(a.cmp(&b))
        });
        Self::from_parents(draft.parent, &by_key)
    }

    fn from_parents(parent: Vec<Option<u32>>, by_key: &[u32]) -> Self {
        let count = parent.len();
        let slot = |node: u32| parent[node as usize].map_or(count, |parent| parent as usize);
        let mut start = vec![0; count + 2];
        by_key.iter().for_each(|&node| start[slot(node) + 1] += 1);
        for i in 1..start.len() {
            start[i] += start[i - 1];
        }
        let mut next = start.clone();
        let mut children = vec![0; count];
        for &node in by_key {
            let place = &mut next[slot(node)];
            children[*place] = node;
            *place += 1;
        }
        let mut order = Vec::with_capacity(count);
        order.extend_from_slice(&children[start[count]..]);
        let mut done = 0;
        while let Some(&node) = order.get(done) {
            let node = node as usize;
            order.extend_from_slice(&children[start[node]..start[node + 1]]);
            done += 1;
        }
        Self { parent, start, children, order }
    }

    pub(crate) fn len(&self) -> usize {
        self.parent.len()
    }

    pub(crate) fn parent(&self, node: u32) -> Option<u32> {
        self.parent[node as usize]
    }

    pub(crate) fn parents(self) -> Vec<Option<u32>> {
        self.parent
    }

    pub(crate) fn children(&self, node: u32) -> &[u32] {
        &self.children[self.start[node as usize]..self.start[node as usize + 1]]
    }

    pub(crate) fn roots(&self) -> &[u32] {
        &self.children[self.start[self.len()]..]
    }

    /// The children of the same parent, or the roots, `node` among them.
    pub(crate) fn siblings(&self, node: u32) -> &[u32] {
        self.parent(node).map_or_else(|| self.roots(), |parent| self.children(parent))
    }

    pub(crate) fn is_leaf(&self, node: u32) -> bool {
        self.children(node).is_empty()
    }

    /// Whether it holds at least this share of the nodes that are related to any other, or nothing
    /// is related at all.
    pub(crate) fn is_most_of(&self, edges: &[Edge], share: f32) -> bool {
        let mut related = vec![false; self.len()];
        let count = self.len() as u32;
        for edge in edges.iter().filter(|edge| edge.source != edge.target) {
            if edge.source.max(edge.target) < count {
                related[edge.source as usize] = true;
                related[edge.target as usize] = true;
            }
        }
        let related = related.into_iter().filter(|related| *related).count();
        let held = |node: &u32| self.parent(*node).is_some() || !self.is_leaf(*node);
        let held = (0..count).filter(held).count();
        held as f32 >= related as f32 * share
    }

    /// All nodes, parents before their children; backwards, children before their parents.
    pub(crate) fn order(&self) -> impl DoubleEndedIterator<Item = u32> + '_ {
        self.order.iter().copied()
    }
}

/// The names of relationships that are best drawn as containment, ascending.
///
/// Names whose relationships give each target one source, without cycles, are candidates. They
/// are taken from the one that covers most nodes on, each if it still fits those taken before;
/// among equals, the one with the lower index. Greedy, as the best choice of all would be a set
/// packing.
pub fn find_hierarchy(nodes: usize, edges: &[Edge]) -> Vec<u32> {
    let mut draft = Draft::new(nodes);
    let mut by_name: BTreeMap<u32, Vec<Edge>> = BTreeMap::new();
    for edge in edges.iter().filter(|edge| draft.has(edge)) {
        by_name.entry(edge.name).or_default().push(*edge);
    }
    let mut names: Vec<(usize, u32)> =
        by_name.iter().map(|(name, edges)| (covered(edges), *name)).collect();
    names.sort_unstable_by_key(|&(covered, name)| (std::cmp::Reverse(covered), name));
    let mut found: Vec<u32> = names
        .into_iter()
        .map(|(_, name)| name)
        .filter(|name| by_name.get(name).is_some_and(|edges| draft.try_add_all(edges)))
        .collect();
    found.sort_unstable();
    found
}

fn covered(edges: &[Edge]) -> usize {
    let mut ends: Vec<u32> = edges.iter().flat_map(|edge| [edge.source, edge.target]).collect();
    ends.sort_unstable();
    ends.dedup();
    ends.len()
}

/// A forest under construction that can take back its last steps.
struct Draft {
    parent: Vec<Option<u32>>,
    /// Union-find by size, without path compression so that a union can be undone.
    above: Vec<u32>,
    size: Vec<u32>,
    /// The joined roots, with the child that got a parent.
    joined: Vec<(u32, u32)>,
}

impl Draft {
    fn new(count: usize) -> Self {
        Self {
            parent: vec![None; count],
            above: (0..count as u32).collect(),
            size: vec![1; count],
            joined: Vec::new(),
        }
    }

    fn has(&self, edge: &Edge) -> bool {
        (edge.source.max(edge.target) as usize) < self.parent.len()
    }

    fn root(&self, mut node: u32) -> u32 {
        while self.above[node as usize] != node {
            node = self.above[node as usize];
        }
        node
    }

    /// Whether it is a forest with that edge; the edge is in it then.
    fn try_add(&mut self, edge: &Edge) -> bool {
        match self.parent[edge.target as usize] {
            // The same containment said twice.
            Some(parent) => parent == edge.source,
            None => {
                // With one parent each, any cycle is an undirected one.
                let (mut low, mut high) = (self.root(edge.source), self.root(edge.target));
                if low == high {
                    return false;
                }
                if self.size[low as usize] > self.size[high as usize] {
                    (low, high) = (high, low);
                }
                self.above[low as usize] = high;
                self.size[high as usize] += self.size[low as usize];
                self.parent[edge.target as usize] = Some(edge.source);
                self.joined.push((low, edge.target));
                true
            }
        }
    }

    fn try_add_all(&mut self, edges: &[Edge]) -> bool {
        let before = self.joined.len();
        let fits = edges.iter().all(|edge| self.try_add(edge));
        if !fits {
            for (low, child) in self.joined.split_off(before).into_iter().rev() {
                let high = self.above[low as usize];
                self.size[high as usize] -= self.size[low as usize];
                self.above[low as usize] = low;
                self.parent[child as usize] = None;
            }
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edges(of: &[(u32, u32, u32)]) -> Vec<Edge> {
        of.iter().map(|&(source, target, name)| Edge { source, target, name }).collect()
    }

    #[test]
    fn finds_the_names_that_contain() {
        type Case = (&'static str, &'static [(u32, u32, u32)], &'static [u32]);
        let cases: &[Case] = &[
            ("none", &[], &[]),
            ("contains and hangs", &[(0, 1, 0), (0, 2, 0), (1, 3, 1), (2, 4, 1)], &[0, 1]),
            (
                "next-to loses to contains",
                &[(1, 2, 0), (2, 3, 0), (0, 1, 1), (0, 2, 1), (0, 3, 1)],
                &[1],
            ),
            ("two parents", &[(0, 2, 0), (1, 2, 0)], &[]),
            ("a cycle", &[(0, 1, 0), (1, 2, 0), (2, 0, 0)], &[]),
            ("a cycle of two names", &[(0, 1, 0), (1, 2, 0), (2, 0, 1)], &[0]),
            ("a loop", &[(0, 0, 0)], &[]),
            ("said twice", &[(0, 1, 0), (0, 1, 0)], &[0]),
            ("no such node", &[(0, 9, 0)], &[]),
            ("undone wholly", &[(0, 1, 0), (0, 2, 0), (3, 4, 1), (5, 2, 1), (3, 1, 2)], &[1, 2]),
        ];
        for (what, given, expected) in cases {
            assert_eq!(find_hierarchy(6, &edges(given)), *expected, "{what}");
        }
    }

    #[test]
    fn a_cycle_loses_the_edge_that_closes_it() {
        let node = |key| Node { key, kind: 0, width: 1.0, height: 1.0 };
        let nodes = [node("a"), node("b"), node("c10"), node("c9")];
        let given = edges(&[(0, 1, 0), (1, 0, 0), (1, 2, 0), (1, 3, 0), (2, 2, 0), (0, 3, 0)]);
        let forest = Forest::new(&nodes, &given, &[0]);
        assert_eq!(forest.roots(), [0]);
        assert_eq!(forest.children(1), [3, 2], "natural order");
        assert_eq!(forest.order().collect::<Vec<_>>(), [0, 1, 3, 2]);
    }
}
