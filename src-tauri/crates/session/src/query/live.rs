//! A query that follows the graph.

use super::found::{Found, row};
use super::run::Run;
use crate::wire::{Failure, QueryChanges, QueryRow};
use adt_query::{Engine, Live, LiveRow, Query};
use adt_service::GraphView;
use parking_lot::Mutex;
use serde_json::Value;
use std::sync::Arc;
use twin_graph::TwinGraph;

/// Rows that are kept live, at most: the page has all of them.
pub(super) const MOST_LIVE: usize = 10_000;

/// A query with the rows that it has now.
pub(super) struct LiveRun {
    query: Arc<Query>,
    view: Arc<GraphView>,
    kept: Mutex<Option<Kept>>,
}

struct Kept {
    live: Live,
    /// Counts what the page was told.
    revision: u32,
}

impl LiveRun {
    pub(super) fn new(query: Arc<Query>, view: Arc<GraphView>) -> Self {
        Self { query, view, kept: Mutex::default() }
    }

    /// Finds the first rows.
    pub(super) fn begin(&self, run: &Run, engine: &Engine) -> Result<(), Failure> {
        let stop = || run.stopped();
        let graph = self.view.read();
        let steps = engine.explain(&self.query, &graph);
        let live = Live::open(self.query.clone(), engine, graph, MOST_LIVE, &stop);
        let live = live.map_err(Failure::of_stop)?;
        super::found::add_steps(&mut run.state.lock().steps, &steps);
        note(run, &live);
        *self.kept.lock() = Some(Kept { live, revision: 1 });
        Ok(())
    }

    /// What became of the rows since the page's revision.
    pub(super) fn changes(
        &self,
        run: &Run,
        engine: &Engine,
        since: Option<u32>,
    ) -> Result<QueryChanges, Failure> {
        let stop = || run.stopped();
        let mut kept = self.kept.lock();
        let Some(Kept { live, revision }) = kept.as_mut() else {
            return Ok(QueryChanges::nothing(since.unwrap_or(0)));
        };
        let change = live.update(engine, self.view.read(), &stop).map_err(Failure::of_stop)?;
        let known = since == Some(*revision);
        if !change.is_empty() {
            *revision = revision.wrapping_add(1);
            note(run, live);
        }
        let graph = live.graph();
        Ok(match known {
            true => QueryChanges {
                revision: *revision,
                start_over: false,
                came: rows(graph, &change.came),
                went: change.went,
                changed: rows(graph, &change.changed),
            },
            false => QueryChanges {
                start_over: true,
                came: rows(graph, &live.rows()),
                ..QueryChanges::nothing(*revision)
            },
        })
    }

    /// The rows as they are now.
    pub(super) fn all(&self) -> Vec<Value> {
        let kept = self.kept.lock();
        let rows = kept.iter().flat_map(|kept| kept.live.rows());
        rows.map(|row| row.value).collect()
    }
}

/// Tells how many rows there are, and what they bind.
fn note(run: &Run, live: &Live) {
    let mut state = run.state.lock();
    state.rows = live.len() as u64;
    state.complete = true;
    state.found = Found { graph: live.graph().clone(), bound: live.bound() };
}

fn rows(graph: &TwinGraph, rows: &[LiveRow]) -> Vec<QueryRow> {
    let made =
        rows.iter().map(|each| row(graph, each.id, each.bound.iter().copied(), each.value.clone()));
    made.collect()
}

impl QueryChanges {
    fn nothing(revision: u32) -> Self {
        Self {
            revision,
            start_over: false,
            came: Vec::new(),
            went: Vec::new(),
            changed: Vec::new(),
        }
    }
}
