//! Finding the rows of a plan: the anchor's places, then step by step what hangs on each.

use super::chunk::WORD;
use super::columns::{Column, Key};
use super::filter::{Filter, Source};
use super::models::ModelMemo;
use super::plan::{Plan, Start, Step};
use super::report::Report;
use super::stop::{Budget, Stopped};
use super::walk::{Hop, Marks, Walk};
use super::{Engine, Request, columns};
use crate::evaluate::Row;
use crate::language::syntax::{Condition, Kind, Query};
use petgraph::graph::{EdgeIndex, NodeIndex};
use std::sync::Arc;
use twin_graph::TwinGraph;

/// A place that is not bound.
const OPEN: u32 = u32::MAX;

/// Where rows go.
pub(super) enum Sink {
    Count(u64),
    Rows(Rows),
}

pub(super) struct Rows {
    /// Places by variable, row after row.
    bound: Vec<u32>,
    width: usize,
    count: usize,
    most: usize,
    /// The order of the row before the last one, and of the last one.
    last: [Vec<u32>; 2],
}

impl Sink {
    pub(super) fn rows(width: usize, levels: usize, most: usize) -> Self {
        let last = [vec![0; levels], vec![0; levels]];
        Self::Rows(Rows { bound: Vec::new(), width, count: 0, most, last })
    }

    pub(super) fn count(&self) -> u64 {
        match self {
            Self::Count(count) => *count,
            Self::Rows(rows) => rows.count as u64,
        }
    }

    /// The first `wanted` rows, and the order of their last one where there are more.
    pub(super) fn page(self, wanted: usize) -> (Vec<u32>, Option<Vec<u32>>) {
        let Self::Rows(mut rows) = self else { return (Vec::new(), None) };
        let more = rows.count > wanted;
        rows.bound.truncate(wanted.saturating_mul(rows.width));
        let [before, _] = rows.last;
        (rows.bound, more.then_some(before))
    }

    /// `false` where no more rows are wanted.
    fn take(&mut self, bound: &[u32], at: &[u32]) -> bool {
        match self {
            Self::Count(count) => {
                *count += 1;
                true
            }
            Self::Rows(rows) => {
                rows.bound.extend_from_slice(bound);
                rows.count += 1;
                rows.last.swap(0, 1);
                rows.last[1].copy_from_slice(at);
                rows.count < rows.most
            }
        }
    }
}

/// A run of a plan.
pub(super) struct Run<'r> {
    engine: &'r Engine,
    query: &'r Query,
    graph: &'r TwinGraph,
    plan: &'r Plan<'r>,
    filters: Vec<Filter<'r>>,
    columns: Vec<Arc<Column>>,
    made: Vec<String>,
    keys: Vec<Key>,
    /// What the filters leave to be asked of each row, then of each step.
    checks: Vec<Vec<&'r Condition>>,
    after: Option<&'r [u32]>,
    /// Of a further page: the version at which the first one was answered.
    since: Option<u64>,
    memo: ModelMemo,
    bound: Vec<u32>,
    at: Vec<u32>,
    hops: Vec<Vec<Hop>>,
    /// By step of several hops: the start that was walked from last, and where it led.
    walked: Vec<(u32, Vec<u32>)>,
    /// By level: how many were bound.
    reached: Vec<u64>,
    marks: Marks,
    budget: Budget<'r>,
}

impl<'r> Run<'r> {
    pub(super) fn new(
        engine: &'r Engine,
        query: &'r Query,
        graph: &'r TwinGraph,
        plan: &'r Plan<'r>,
        request: Request<'r>,
    ) -> Result<Self, Stopped> {
        let levels = plan.levels();
        let mut run = Self {
            engine,
            query,
            graph,
            plan,
            filters: Vec::new(),
            columns: Vec::new(),
            made: Vec::new(),
            keys: Vec::new(),
            checks: plan.checks.clone(),
            after: request.after.map(|after| after.at.as_slice()),
            since: request.after.map(|after| after.since).filter(|since| *since < graph.version()),
            memo: ModelMemo::default(),
            bound: vec![OPEN; query.variables.len()],
            at: vec![0; levels],
            hops: vec![Vec::new(); levels],
            walked: vec![(OPEN, Vec::new()); levels],
            reached: vec![0; levels],
            marks: engine.marks.take(),
            budget: Budget::new(request.stop),
        };
        if matches!(plan.start, Start::Scan) {
            run.use_columns();
        }
        Ok(run)
    }

    /// The same run with other variables bound from the beginning.
    pub(super) fn seeded(mut self, seeds: &[(usize, u32)]) -> Self {
        seeds.iter().for_each(|(variable, place)| self.bound[*variable] = *place);
        self
    }

    /// Turns the anchor's checks into filters over columns, as far as there are columns.
    fn use_columns(&mut self) {
        let kind = self.query.variables[self.plan.anchor()].kind;
        let all = std::mem::take(&mut self.checks[0]);
        for condition in all {
            let mut keys = Vec::new();
            let filter = Filter::of(condition, kind, &mut keys);
            match filter {
                Some(_) if self.get_columns(keys) => {
                    // Once more, now that each column has its place.
                    let mut keys = std::mem::take(&mut self.keys);
                    self.filters.extend(Filter::of(condition, kind, &mut keys));
                    self.keys = keys;
                }
                _ => self.checks[0].push(condition),
            }
        }
        // What only looks at the model is dearest: it comes last.
        self.filters.sort_by_key(|filter| matches!(filter, Filter::Model { .. }));
    }

    fn get_columns(&mut self, keys: Vec<Key>) -> bool {
        for key in keys {
            if self.keys.contains(&key) {
                continue;
            }
            let Some((column, made)) = self.engine.columns.for_scan(&key, self.graph) else {
                return false;
            };
            if made {
                self.made.push(key.path.join("."));
            }
            self.keys.push(key);
            self.columns.push(column);
        }
        true
    }

    pub(super) fn run(&mut self, sink: &mut Sink) -> Result<(), Stopped> {
        let first = self.after.and_then(|after| after.first()).copied().unwrap_or(0);
        let plan = self.plan;
        match &plan.start {
            Start::Ids(places) | Start::Models(places) => {
                for &place in places.iter().filter(|place| **place >= first) {
                    self.budget.spend(1)?;
                    if !self.anchor(place, sink)? {
                        return Ok(());
                    }
                }
                Ok(())
            }
            Start::Scan if self.filters.is_empty() => self.scan(first, sink),
            Start::Scan => self.scan_filtered(first, sink),
        }
    }

    /// Every place of the anchor's collection.
    fn scan(&mut self, first: u32, sink: &mut Sink) -> Result<(), Stopped> {
        let graph = self.graph;
        let kind = self.query.variables[self.plan.anchor()].kind;
        let count = columns::places(kind, graph) as u32;
        for place in first..count {
            let there = match kind {
                Kind::Twin => graph.twin_at(NodeIndex::new(place as usize)).is_some(),
                Kind::Relationship => {
                    graph.relationship_at(EdgeIndex::new(place as usize)).is_some()
                }
            };
            self.budget.spend(1)?;
            if there && !self.anchor(place, sink)? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The places that the filters leave, 64 at a time.
    fn scan_filtered(&mut self, first: u32, sink: &mut Sink) -> Result<(), Stopped> {
        let kind = self.query.variables[self.plan.anchor()].kind;
        let words = columns::places(kind, self.graph).div_ceil(WORD);
        let filters = std::mem::take(&mut self.filters);
        let columns = std::mem::take(&mut self.columns);
        let memo = ModelMemo::default();
        let source = Source { graph: self.graph, kind, columns: &columns, memo: &memo };
        // Where every place that is left is a row, they need only be counted.
        let only_counted = matches!(sink, Sink::Count(_))
            && self.plan.steps.is_empty()
            && self.checks[0].is_empty();
        for word in first as usize / WORD..words {
            let begin = (first as usize).saturating_sub(word * WORD);
            let mask = if begin < WORD { u64::MAX << begin } else { 0 };
            let mut left = filters.iter().fold(mask, |mask, filter| match mask {
                0 => 0,
                mask => filter.places(&source, word, mask, true),
            });
            self.budget.spend(WORD as u64)?;
            if let (true, Sink::Count(count)) = (only_counted, &mut *sink) {
                *count += u64::from(left.count_ones());
                self.reached[0] += u64::from(left.count_ones());
                continue;
            }
            while left != 0 {
                let place = (word * WORD) as u32 + left.trailing_zeros();
                left &= left - 1;
                if !self.anchor(place, sink)? {
                    return Ok(());
                }
            }
        }
        self.columns = columns;
        Ok(())
    }

    /// Goes on from a place of the anchor; `false` where no more rows are wanted.
    fn anchor(&mut self, place: u32, sink: &mut Sink) -> Result<bool, Stopped> {
        let anchor = self.plan.anchor();
        if !self.was_there(anchor, place) {
            return Ok(true);
        }
        self.bound[anchor] = place;
        self.at[0] = place;
        let tight = self.after.is_some_and(|after| after.first() == Some(&place));
        if !self.holds(0) {
            return Ok(true);
        }
        self.reached[0] += 1;
        self.step(0, tight, sink)
    }

    /// Whether what is in a place was there at the first page.
    fn was_there(&self, variable: usize, place: u32) -> bool {
        let Some(since) = self.since else { return true };
        let born = match self.query.variables[variable].kind {
            Kind::Twin => self.graph.twin_since(NodeIndex::new(place as usize)),
            Kind::Relationship => self.graph.relationship_since(EdgeIndex::new(place as usize)),
        };
        born.is_some_and(|born| born <= since)
    }

    fn holds(&self, level: usize) -> bool {
        let row = Row {
            graph: self.graph,
            variables: &self.query.variables,
            bound: &self.bound,
            memo: &self.memo,
        };
        self.checks[level].iter().all(|condition| row.fits(condition))
    }

    /// Binds what the step leads to. `tight` while the row is not yet behind the last one of the
    /// page before.
    fn step(&mut self, index: usize, tight: bool, sink: &mut Sink) -> Result<bool, Stopped> {
        let plan = self.plan;
        let Some(step) = plan.steps.get(index) else {
            // Tight to the end is the last row itself.
            return Ok(tight || sink.take(&self.bound, &self.at));
        };
        let mut hops = std::mem::take(&mut self.hops[index]);
        self.find(step, index, &mut hops)?;
        let least = self.after.filter(|_| tight).map_or(0, |after| after[index + 1]);
        let mut go_on = true;
        for hop in &hops {
            let order = if hop.edge == OPEN { hop.node } else { hop.edge };
            if order >= least && !self.bind(step, index, *hop, tight && order == least, sink)? {
                go_on = false;
                break;
            }
        }
        self.hops[index] = hops;
        Ok(go_on)
    }

    /// The hops of a step from what is bound, in order. One of several hops has no edge.
    fn find(&mut self, step: &Step<'_>, index: usize, hops: &mut Vec<Hop>) -> Result<(), Stopped> {
        hops.clear();
        let from = self.bound[step.from];
        if let (true, Some(variable)) = (step.bound, step.link.relationship) {
            hops.extend(step.way.over(self.graph, from, self.bound[variable]));
            self.budget.spend(1)?;
        } else if step.link.relationship.is_some() {
            step.way.hops(self.graph, from, hops);
            self.budget.spend(1 + hops.len() as u64)?;
            if !hops.is_sorted() {
                hops.sort_unstable();
            }
        } else {
            if self.walked[index].0 != from {
                let hops = step.link.hops.clone();
                let walk = Walk { graph: self.graph, way: &step.way, hops };
                self.walked[index].0 = OPEN;
                self.walked[index].1 = walk.ends(from, &mut self.marks, &mut self.budget)?;
                self.walked[index].0 = from;
            }
            let ends = &self.walked[index].1;
            match step.closes {
                true => {
                    let to = self.bound[step.to];
                    hops.extend(ends.binary_search(&to).ok().map(|_| Hop { edge: OPEN, node: to }));
                }
                false => hops.extend(ends.iter().map(|&node| Hop { edge: OPEN, node })),
            }
        }
        Ok(())
    }

    fn bind(
        &mut self,
        step: &Step<'_>,
        index: usize,
        hop: Hop,
        tight: bool,
        sink: &mut Sink,
    ) -> Result<bool, Stopped> {
        if step.closes && self.bound[step.to] != hop.node {
            return Ok(true);
        }
        if let Some(variable) = step.link.relationship {
            if !self.was_there(variable, hop.edge) {
                return Ok(true);
            }
            self.bound[variable] = hop.edge;
        }
        if !self.was_there(step.to, hop.node) {
            return Ok(true);
        }
        self.bound[step.to] = hop.node;
        self.at[index + 1] = if hop.edge == OPEN { hop.node } else { hop.edge };
        if !self.holds(index + 1) {
            return Ok(true);
        }
        self.reached[index + 1] += 1;
        self.step(index + 1, tight, sink)
    }

    /// Documents and relationships looked at.
    pub(super) fn work(&self) -> u64 {
        self.budget.work
    }

    pub(super) fn report(&self, query: &Query, rows: u64) -> Report {
        let mut report = Report::of_plan(query, self.graph, self.plan);
        report.scanned = self.work();
        report.rows = rows;
        report.columns = self.keys.iter().map(|key| key.path.join(".")).collect();
        report.columns_made = self.made.clone();
        for (step, reached) in report.steps.iter_mut().zip(&self.reached) {
            step.reached = *reached;
        }
        report
    }
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        self.engine.marks.give(std::mem::take(&mut self.marks));
    }
}
