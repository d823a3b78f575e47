//! Hops over relationships.

use super::stop::{Budget, Stopped};
use crate::language::syntax::{Direction, Link};
use parking_lot::Mutex;
use petgraph::Direction::{Incoming, Outgoing};
use petgraph::graph::{EdgeIndex, NodeIndex};
use petgraph::visit::NodeIndexable;
use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use twin_graph::{Kind, TwinGraph};

/// Which relationships a hop may take, and which way.
pub(super) struct Way {
    out: bool,
    into: bool,
    names: Names,
}

enum Names {
    Any,
    OneOf(Vec<Kind>),
}

/// A hop that can be made: its edge, and the node that it leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Hop {
    pub(super) edge: u32,
    pub(super) node: u32,
}

impl Way {
    /// The way over a link, `backwards` from its end to its beginning.
    pub(super) fn of(link: &Link, graph: &TwinGraph, backwards: bool) -> Self {
        let (out, into) = match (link.direction, backwards) {
            (Direction::Either, _) => (true, true),
            (Direction::Out, false) | (Direction::In, true) => (true, false),
            _ => (false, true),
        };
        let names = match link.names.as_slice() {
            [] => Names::Any,
            names => Names::OneOf(names.iter().filter_map(|name| graph.name_kind(name)).collect()),
        };
        Self { out, into, names }
    }

    fn reversed(&self) -> Self {
        let names = match &self.names {
            Names::Any => Names::Any,
            Names::OneOf(kinds) => Names::OneOf(kinds.clone()),
        };
        Self { out: self.into, into: self.out, names }
    }

    /// The hop from a node over this edge, where the way takes it.
    pub(super) fn over(&self, graph: &TwinGraph, node: u32, edge: u32) -> Option<Hop> {
        let link =
            graph.link(EdgeIndex::new(edge as usize)).filter(|link| self.takes(link.name))?;
        let (source, target) = (link.source.index() as u32, link.target.index() as u32);
        let next = match (self.out && source == node, self.into && target == node) {
            (true, _) => target,
            (_, true) => source,
            _ => return None,
        };
        Some(Hop { edge, node: next })
    }

    /// Whether it takes relationships of that name.
    pub(super) fn takes(&self, name: Kind) -> bool {
        match &self.names {
            Names::Any => true,
            Names::OneOf(kinds) => kinds.contains(&name),
        }
    }

    /// The twins from which a relationship is gone, by its source and target.
    pub(super) fn starts(&self, source: u32, target: u32) -> impl Iterator<Item = u32> {
        let (out, into) = (self.out.then_some(source), self.into.then_some(target));
        out.into_iter().chain(into)
    }

    /// Adds the hops from a node. One that leads back to the node itself comes once.
    pub(super) fn hops(&self, graph: &TwinGraph, node: u32, hops: &mut Vec<Hop>) {
        let at = NodeIndex::new(node as usize);
        let named = |name: Kind| self.takes(name);
        if self.out {
            hops.extend(graph.links_of(at, Outgoing).filter(|link| named(link.name)).map(|link| {
                Hop { edge: link.edge.index() as u32, node: link.target.index() as u32 }
            }));
        }
        if self.into {
            let links = graph.links_of(at, Incoming).filter(|link| named(link.name));
            let links = links.filter(|link| !self.out || link.source != link.target);
            hops.extend(links.map(|link| Hop {
                edge: link.edge.index() as u32,
                node: link.source.index() as u32,
            }));
        }
    }
}

/// Marks on nodes, which are all taken off at once by beginning a new round.
#[derive(Default)]
pub(super) struct Marks {
    rounds: Vec<u32>,
    round: u32,
}

impl Marks {
    fn begin(&mut self, nodes: usize) {
        if self.round == u32::MAX || self.rounds.len() < nodes {
            self.rounds.clear();
            self.rounds.resize(nodes, 0);
            self.round = 0;
        }
        self.round += 1;
    }

    /// Marks a node; `false` where it was marked.
    fn mark(&mut self, node: u32) -> bool {
        match self.rounds.get_mut(node as usize) {
            Some(round) if *round != self.round => {
                *round = self.round;
                true
            }
            _ => false,
        }
    }

    fn has(&self, node: u32) -> bool {
        self.rounds.get(node as usize) == Some(&self.round)
    }
}

/// Marks for who needs some: a set for a large graph is not made for each query.
#[derive(Default)]
pub(super) struct MarksPool(Mutex<Vec<Marks>>);

impl MarksPool {
    pub(super) fn take(&self) -> Marks {
        self.0.lock().pop().unwrap_or_default()
    }

    pub(super) fn give(&self, marks: Marks) {
        let mut pool = self.0.lock();
        if pool.len() < 4 {
            pool.push(marks);
        }
    }
}

/// Finds where several hops lead.
pub(super) struct Walk<'w> {
    pub(super) graph: &'w TwinGraph,
    pub(super) way: &'w Way,
    pub(super) hops: RangeInclusive<u32>,
}

impl Walk<'_> {
    /// The nodes at the end of a way of so many hops from `start`, no edge twice on one way,
    /// in the order of their places.
    pub(super) fn ends(
        &self,
        start: u32,
        marks: &mut Marks,
        budget: &mut Budget<'_>,
    ) -> Result<Vec<u32>, Stopped> {
        if self.hops.is_empty() {
            return Ok(Vec::new());
        }
        let mut ends = match *self.hops.start() {
            0 | 1 => self.within(start, marks, budget)?,
            _ => self.between(start, marks, budget)?,
        };
        ends.sort_unstable();
        Ok(ends)
    }

    /// For a range from one hop on: whatever the shortest way reaches, since no edge comes twice on
    /// a shortest way; and the start itself, where a circle leads back.
    fn within(
        &self,
        start: u32,
        marks: &mut Marks,
        budget: &mut Budget<'_>,
    ) -> Result<Vec<u32>, Stopped> {
        marks.begin(self.graph.node_bound());
        marks.mark(start);
        let (mut found, mut begin, mut hops) = (Vec::new(), 0, Vec::new());
        let mut comes_back = false;
        for hop in 0..*self.hops.end() {
            let end = found.len();
            if hop > 0 && begin == end {
                break;
            }
            for at in begin..end.max(begin + usize::from(hop == 0)) {
                let from = if hop == 0 { start } else { found[at] };
                hops.clear();
                self.way.hops(self.graph, from, &mut hops);
                budget.spend(1 + hops.len() as u64)?;
                for next in &hops {
                    comes_back |= next.node == start;
                    if marks.mark(next.node) {
                        found.push(next.node);
                    }
                }
            }
            begin = if hop == 0 { 0 } else { end };
        }
        if comes_back {
            let levels = self.levels(start, budget)?;
            if self.has_trail(&levels, start, 1..=*self.hops.end(), budget)? {
                found.push(start);
            }
        }
        Ok(found)
    }

    /// For a range that begins later. All ways are gone, while they are not many more than the
    /// nodes there are; else each node that is left is looked for by itself.
    fn between(
        &self,
        start: u32,
        marks: &mut Marks,
        budget: &mut Budget<'_>,
    ) -> Result<Vec<u32>, Stopped> {
        let levels = self.levels(start, budget)?;
        marks.begin(self.graph.node_bound());
        let wanted = levels.iter().skip(*self.hops.start() as usize).map(Vec::len).sum::<usize>();
        let mut ways = Ways {
            walk: self,
            marks,
            found: Vec::new(),
            gone: Vec::new(),
            left: 1_024 + 8 * levels.iter().map(Vec::len).sum::<usize>() as u64,
        };
        let complete = ways.go(start, budget)?;
        let mut found = ways.found;
        if complete || found.len() == wanted {
            return Ok(found);
        }
        for level in levels.iter().skip(*self.hops.start() as usize) {
            for &node in level {
                if !marks.has(node) && self.has_trail(&levels, node, self.hops.clone(), budget)? {
                    marks.mark(node);
                    found.push(node);
                }
            }
        }
        Ok(found)
    }

    /// The nodes from which at most so many hops lead to one of `to`, those among them.
    pub(super) fn near(
        &self,
        to: impl Iterator<Item = u32>,
        most: u32,
        budget: &mut Budget<'_>,
    ) -> Result<BTreeSet<u32>, Stopped> {
        let back = self.way.reversed();
        let mut found: BTreeSet<u32> = to.collect();
        let mut ring: Vec<u32> = found.iter().copied().collect();
        let mut hops = Vec::new();
        for _ in 0..most {
            hops.clear();
            ring.iter().for_each(|node| back.hops(self.graph, *node, &mut hops));
            budget.spend(1 + hops.len() as u64)?;
            ring = hops.iter().map(|hop| hop.node).filter(|node| found.insert(*node)).collect();
        }
        Ok(found)
    }

    /// The nodes that so many hops lead to, edges twice or not, sorted: level 0 is the start.
    fn levels(&self, start: u32, budget: &mut Budget<'_>) -> Result<Vec<Vec<u32>>, Stopped> {
        let mut levels = vec![vec![start]];
        let mut hops = Vec::new();
        for level in 0..*self.hops.end() as usize {
            let mut next: Vec<u32> = Vec::new();
            for &node in &levels[level] {
                hops.clear();
                self.way.hops(self.graph, node, &mut hops);
                budget.spend(1 + hops.len() as u64)?;
                next.extend(hops.iter().map(|hop| hop.node));
            }
            next.sort_unstable();
            next.dedup();
            levels.push(next);
        }
        Ok(levels)
    }

    /// Whether a way of so many hops leads from the start of these levels to `end`, no edge twice.
    /// It is gone from the end, over nodes only from which the start is still near enough.
    fn has_trail(
        &self,
        levels: &[Vec<u32>],
        end: u32,
        hops: RangeInclusive<u32>,
        budget: &mut Budget<'_>,
    ) -> Result<bool, Stopped> {
        let back = self.way.reversed();
        for count in hops {
            let mut gone = Vec::new();
            if self.trail(&back, end, count as usize, levels, &mut gone, budget)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn trail(
        &self,
        back: &Way,
        at: u32,
        left: usize,
        levels: &[Vec<u32>],
        gone: &mut Vec<u32>,
        budget: &mut Budget<'_>,
    ) -> Result<bool, Stopped> {
        if levels[left].binary_search(&at).is_err() {
            return Ok(false);
        }
        if left == 0 {
            return Ok(true);
        }
        let mut hops = Vec::new();
        back.hops(self.graph, at, &mut hops);
        budget.spend(1 + hops.len() as u64)?;
        for hop in hops {
            if gone.contains(&hop.edge) {
                continue;
            }
            gone.push(hop.edge);
            let found = self.trail(back, hop.node, left - 1, levels, gone, budget)?;
            gone.pop();
            if found {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// All ways from a node, one by one.
struct Ways<'w, 'g, 'm> {
    walk: &'w Walk<'g>,
    marks: &'m mut Marks,
    found: Vec<u32>,
    /// The edges of the way.
    gone: Vec<u32>,
    /// Hops that may still be made.
    left: u64,
}

impl Ways<'_, '_, '_> {
    /// `false` where there are too many.
    fn go(&mut self, at: u32, budget: &mut Budget<'_>) -> Result<bool, Stopped> {
        let made = self.gone.len() as u32;
        if self.walk.hops.contains(&made) && self.marks.mark(at) {
            self.found.push(at);
        }
        if made == *self.walk.hops.end() {
            return Ok(true);
        }
        let mut hops = Vec::new();
        self.walk.way.hops(self.walk.graph, at, &mut hops);
        budget.spend(1 + hops.len() as u64)?;
        for hop in hops {
            if self.gone.contains(&hop.edge) {
                continue;
            }
            if self.left == 0 {
                return Ok(false);
            }
            self.left -= 1;
            self.gone.push(hop.edge);
            let complete = self.go(hop.node, budget)?;
            self.gone.pop();
            if !complete {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
