//! A query that is kept open: which rows come, go and change with the graph.

use super::answer::project;
use super::plan::Plan;
use super::run::{Run, Sink};
use super::stop::{Budget, Stop, Stopped};
use super::walk::{Walk, Way};
use super::{Binding, Engine, Request};
use crate::Query;
use crate::language::syntax::{Kind, Select};
use petgraph::graph::EdgeIndex;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use twin_graph::TwinGraph;

/// What a row binds: places by variable.
type Bound = Box<[u32]>;

/// Sets of variables with the places that they bind.
type Seeds = BTreeSet<Vec<(usize, u32)>>;

/// A query and its rows at a version of the graph.
///
/// Each [`update`](Live::update) looks only at what changed since the version before, and at the
/// rows that hang on it: for a link of several hops, at those from which the changed relationship
/// can be reached. Where a model changed, and where the graph was replaced, it begins anew.
pub struct Live {
    query: Arc<Query>,
    graph: Arc<TwinGraph>,
    most: usize,
    /// In the order in which pages have them.
    rows: BTreeMap<Bound, LiveRow>,
    /// The rows in which a variable binds a place.
    having: HashMap<(usize, u32), HashSet<Bound>>,
    /// Of TOP: the rows that are answered.
    top: BTreeSet<u64>,
    next: u64,
}

/// A row of a live query.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveRow {
    /// The same for as long as the row is there.
    pub id: u64,
    /// What it binds, in the order in which the query names it; nothing for a COUNT.
    pub bound: Vec<Binding>,
    /// As the service answers it.
    pub value: Value,
}

/// What an update made of the rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LiveChange {
    /// Rows that are new.
    pub came: Vec<LiveRow>,
    /// Rows that are there no more, by their ids.
    pub went: Vec<u64>,
    /// Rows that have other values now.
    pub changed: Vec<LiveRow>,
}

impl LiveChange {
    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.came.is_empty() && self.went.is_empty() && self.changed.is_empty()
    }
}

/// The row of a COUNT.
const COUNT: u64 = 0;

impl Live {
    /// Opens a query at a version of the graph. At most `most` rows are kept.
    ///
    /// # Errors
    /// [`Stopped::TooMany`] where there are more, or where `stop` says so.
    pub fn open(
        query: Arc<Query>,
        engine: &Engine,
        graph: Arc<TwinGraph>,
        most: usize,
        stop: Stop<'_>,
    ) -> Result<Self, Stopped> {
        let mut live = Self {
            query,
            graph,
            most,
            rows: BTreeMap::new(),
            having: HashMap::new(),
            top: BTreeSet::new(),
            next: COUNT + 1,
        };
        live.begin(engine, stop)?;
        Ok(live)
    }

    /// The version that the rows are of.
    pub fn version(&self) -> u64 {
        self.graph.version()
    }

    /// The rows as they are.
    pub fn rows(&self) -> Vec<LiveRow> {
        match (&self.query.select, self.query.top) {
            (Select::Count, _) => vec![self.count()],
            (_, None) => self.rows.values().cloned().collect(),
            (_, Some(top)) => {
                let top = usize::try_from(top).unwrap_or(usize::MAX);
                self.rows.values().take(top).cloned().collect()
            }
        }
    }

    /// How many rows there are; of a COUNT the one.
    pub fn len(&self) -> usize {
        match (&self.query.select, self.query.top) {
            (Select::Count, _) => 1,
            (_, None) => self.rows.len(),
            (_, Some(_)) => self.top.len(),
        }
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All that the rows bind, each once; of a COUNT what is counted.
    pub fn bound(&self) -> HashSet<Binding> {
        match self.query.top {
            None => {
                let places = self.having.keys();
                places
                    .map(|(variable, place)| Binding::of(&self.query, *variable, *place))
                    .collect()
            }
            Some(top) => {
                let top = usize::try_from(top).unwrap_or(usize::MAX);
                self.rows.values().take(top).flat_map(|row| row.bound.iter().copied()).collect()
            }
        }
    }

    /// The graph that the rows are of.
    pub fn graph(&self) -> &Arc<TwinGraph> {
        &self.graph
    }

    /// Goes on to another version, and says what came of it.
    ///
    /// # Errors
    /// As [`Live::open`]; the rows are then those of the version before.
    pub fn update(
        &mut self,
        engine: &Engine,
        graph: Arc<TwinGraph>,
        stop: Stop<'_>,
    ) -> Result<LiveChange, Stopped> {
        if graph.version() == self.graph.version() {
            return Ok(LiveChange::default());
        }
        let seeds = self.seeds(&graph, stop)?;
        let Some(seeds) = seeds else {
            return self.begin_anew(engine, graph, stop);
        };
        let mut found: BTreeSet<Bound> = BTreeSet::new();
        let mut budget = Budget::new(stop);
        for seed in &seeds {
            // Each is a run of its own, and most are too short to ask for themselves.
            budget.spend(1 + self.find(engine, &graph, seed, &mut found, stop)?)?;
        }
        let counted = self.rows.len();
        let mut old = BTreeSet::new();
        for seed in &seeds {
            // A row is of a seed where it binds all of it.
            let rows = self.having.get(&seed[0]).into_iter().flatten();
            let of_seed =
                |row: &&Bound| seed.iter().all(|(variable, place)| row[*variable] == *place);
            old.extend(rows.filter(of_seed).cloned());
        }
        if counted + found.len() > self.most.saturating_add(old.len()) {
            return Err(Stopped::TooMany);
        }
        self.graph = graph;
        let mut change = LiveChange::default();
        for bound in old.iter().filter(|bound| !found.contains(*bound)) {
            change.went.extend(self.remove(bound));
        }
        for bound in found {
            let value = self.value(&bound);
            match self.rows.get_mut(&bound) {
                Some(row) if row.value == value => {}
                Some(row) => {
                    row.value = value;
                    change.changed.push(row.clone());
                }
                None => change.came.push(self.add(bound, value)),
            }
        }
        Ok(self.told(change, counted))
    }

    /// What the caller sees of a change: of COUNT the number, of TOP its rows.
    fn told(&mut self, change: LiveChange, counted: usize) -> LiveChange {
        if self.query.select == Select::Count {
            let changed = (counted != self.rows.len()).then(|| self.count());
            return LiveChange { changed: changed.into_iter().collect(), ..LiveChange::default() };
        }
        let Some(top) = self.query.top else { return change };
        let top = usize::try_from(top).unwrap_or(usize::MAX);
        let now: BTreeMap<u64, &LiveRow> =
            self.rows.values().take(top).map(|row| (row.id, row)).collect();
        let ids: BTreeSet<u64> = now.keys().copied().collect();
        let told = LiveChange {
            came: ids.difference(&self.top).map(|id| now[id].clone()).collect(),
            went: self.top.difference(&ids).copied().collect(),
            changed: change
                .changed
                .into_iter()
                .filter(|row| ids.contains(&row.id) && self.top.contains(&row.id))
                .collect(),
        };
        self.top = ids;
        told
    }

    fn count(&self) -> LiveRow {
        LiveRow { id: COUNT, bound: Vec::new(), value: json!({ "COUNT": self.rows.len() }) }
    }

    fn begin(&mut self, engine: &Engine, stop: Stop<'_>) -> Result<(), Stopped> {
        let query = self.query.clone();
        let graph = self.graph.clone();
        let Some(plan) = Plan::new(&query, &graph, None) else { return Ok(()) };
        let width = query.variables.len();
        let mut sink = Sink::rows(width, plan.levels(), self.most.saturating_add(1));
        Run::new(engine, &query, &graph, &plan, Request { stop, ..Request::default() })?
            .run(&mut sink)?;
        let (rows, more) = sink.page(self.most);
        if more.is_some() {
            return Err(Stopped::TooMany);
        }
        for bound in rows.chunks_exact(width) {
            let value = self.value(bound);
            self.add(bound.into(), value);
        }
        self.top = self.rows().iter().map(|row| row.id).collect();
        Ok(())
    }

    /// All rows once more; those with the same value keep their id.
    fn begin_anew(
        &mut self,
        engine: &Engine,
        graph: Arc<TwinGraph>,
        stop: Stop<'_>,
    ) -> Result<LiveChange, Stopped> {
        let mut new = Self::open(self.query.clone(), engine, graph, self.most, stop)?;
        let mut change = LiveChange::default();
        let counted = self.rows.len();
        new.next = self.next;
        for (bound, row) in &mut new.rows {
            match self.rows.remove(bound) {
                Some(old) => {
                    row.id = old.id;
                    if row.value != old.value {
                        change.changed.push(row.clone());
                    }
                }
                None => {
                    row.id = new.next;
                    new.next += 1;
                    change.came.push(row.clone());
                }
            }
        }
        change.went = self.rows.values().map(|row| row.id).collect();
        new.top = std::mem::take(&mut self.top);
        *self = new;
        Ok(self.told(change, counted))
    }

    /// What may have other rows now; `None` where that is everything.
    fn seeds(&self, graph: &TwinGraph, stop: Stop<'_>) -> Result<Option<Seeds>, Stopped> {
        let (old, query) = (&self.graph, &self.query);
        if graph.models_version() != old.models_version() || graph.version() < old.version() {
            return Ok(None);
        }
        let mut budget = Budget::new(stop);
        let mut seeds = Seeds::new();
        let changed = graph.twin_chunks_after(old.version()).flat_map(|chunk| {
            let slots = (chunk.first() as u32..).zip(chunk.slots());
            slots.filter(|(_, slot)| slot.version() > old.version()).map(|(place, _)| place)
        });
        for place in changed {
            budget.spend(1)?;
            let twins = query.variables.iter().enumerate();
            let twins = twins.filter(|(_, variable)| variable.kind == Kind::Twin);
            seeds.extend(twins.map(|(variable, _)| vec![(variable, place)]));
        }
        let changed = graph.relationship_chunks_after(old.version()).flat_map(|chunk| {
            let slots = (chunk.first() as u32..).zip(chunk.slots());
            slots.filter(|(_, slot)| slot.version() > old.version()).map(|(place, _)| place)
        });
        for place in changed {
            budget.spend(1)?;
            if query.links.is_empty() {
                let alone = query.variables[0].kind == Kind::Relationship;
                seeds.extend(alone.then(|| vec![(0, place)]));
            }
            self.seeds_of_links(graph, place, &mut seeds, &mut budget)?;
        }
        Ok(Some(seeds))
    }

    fn seeds_of_links(
        &self,
        graph: &TwinGraph,
        place: u32,
        seeds: &mut Seeds,
        budget: &mut Budget<'_>,
    ) -> Result<(), Stopped> {
        let edge = EdgeIndex::new(place as usize);
        let (before, now) = (self.graph.link(edge), graph.link(edge));
        for link in &self.query.links {
            for (version, found) in [(&*self.graph, before), (graph, now)] {
                let way = Way::of(link, version, false);
                let Some(found) = found.filter(|found| way.takes(found.name)) else { continue };
                let (source, target) = (found.source.index() as u32, found.target.index() as u32);
                let starts = way.starts(source, target);
                if let Some(relationship) = link.relationship {
                    seeds.extend(starts.map(|from| vec![(relationship, place), (link.from, from)]));
                } else if before != now {
                    let hops = link.hops.clone();
                    let walk = Walk { graph: version, way: &way, hops };
                    let most = link.hops.end().saturating_sub(1);
                    let near = walk.near(starts, most, budget)?;
                    seeds.extend(near.into_iter().map(|from| vec![(link.from, from)]));
                }
            }
        }
        Ok(())
    }

    /// Adds the rows of a seed at another version; what that was of work.
    fn find(
        &self,
        engine: &Engine,
        graph: &TwinGraph,
        seed: &[(usize, u32)],
        found: &mut BTreeSet<Bound>,
        stop: Stop<'_>,
    ) -> Result<u64, Stopped> {
        let query = &self.query;
        let there = seed.iter().all(|(variable, place)| {
            crate::item::Item::at(graph, query.variables[*variable].kind, *place).is_some()
        });
        // The twin is what the plan begins with, the relationship is bound beside it.
        let Some(((variable, place), others)) = seed.split_last().filter(|_| there) else {
            return Ok(0);
        };
        let plan = Plan::seeded(query, graph, (*variable, *place), others);
        let most = self.most.saturating_add(1);
        let mut sink = Sink::rows(query.variables.len(), plan.levels(), most);
        let request = Request { stop, ..Request::default() };
        let mut run = Run::new(engine, query, graph, &plan, request)?.seeded(others);
        run.run(&mut sink)?;
        let (rows, _) = sink.page(most);
        found.extend(rows.chunks_exact(query.variables.len()).map(Bound::from));
        if found.len() > self.most {
            return Err(Stopped::TooMany);
        }
        Ok(run.work())
    }

    fn value(&self, bound: &[u32]) -> Value {
        match self.query.select {
            Select::Count => Value::Null,
            _ => project(&self.query, &self.graph, bound, |_, _| None),
        }
    }

    fn add(&mut self, bound: Bound, value: Value) -> LiveRow {
        for (variable, place) in bound.iter().enumerate() {
            self.having.entry((variable, *place)).or_default().insert(bound.clone());
        }
        let binds = Binding::of_row(&self.query, &bound).collect();
        let row = LiveRow { id: self.next, bound: binds, value };
        self.next += 1;
        self.rows.insert(bound, row.clone());
        row
    }

    fn remove(&mut self, bound: &Bound) -> Option<u64> {
        for (variable, place) in bound.iter().enumerate() {
            if let Some(rows) = self.having.get_mut(&(variable, *place)) {
                rows.remove(bound);
                if rows.is_empty() {
                    self.having.remove(&(variable, *place));
                }
            }
        }
        self.rows.remove(bound).map(|row| row.id)
    }
}
