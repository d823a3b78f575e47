//! A query over one version of the graph, page by page.

use super::found::{add_steps, row};
use super::run::{Run, RunState};
use crate::wire::{Failure, QueryPage, QueryRow};
use adt_query::{Answer, Engine, Position, Query, Request, Stop};
use parking_lot::Mutex;
use serde_json::Value;
use std::sync::Arc;
use twin_graph::TwinGraph;

/// Rows of a page.
pub(super) const PAGE: usize = 1_000;
/// Rows looked for unasked: the count and what is matched are of so many at most.
const MOST_ROWS: u64 = 1_000_000;

/// A run over one version. Only where each page begins is kept, rows are made as they are asked for.
pub(super) struct SnapshotRun {
    query: Arc<Query>,
    graph: Arc<TwinGraph>,
    pages: Mutex<Pages>,
}

#[derive(Default)]
struct Pages {
    /// The first page, which whoever runs a query wants at once.
    first: Vec<QueryRow>,
    /// Where the second page begins, the third, and so on.
    begins: Vec<Position>,
}

impl SnapshotRun {
    pub(super) fn new(query: Arc<Query>, graph: Arc<TwinGraph>) -> Self {
        Self { query, graph, pages: Mutex::default() }
    }

    /// Looks for all rows.
    pub(super) fn go(&self, run: &Run, engine: &Engine) -> Result<(), Failure> {
        let stop = || run.stopped();
        let mut after: Option<Position> = None;
        loop {
            let answer = self.page_after(engine, after.as_ref(), &stop)?;
            if after.is_none() {
                self.pages.lock().first = self.rows(&answer, 0).collect();
            }
            after = answer.next().cloned();
            let mut state = run.state.lock();
            state.take(&answer);
            state.complete = after.is_none();
            let Some(begin) = &after else { return Ok(()) };
            self.pages.lock().begins.push(begin.clone());
            if state.rows >= MOST_ROWS {
                return Ok(());
            }
        }
    }

    /// A page by its number.
    pub(super) fn page(&self, run: &Run, engine: &Engine, page: u32) -> Result<QueryPage, Failure> {
        let at = page as usize;
        let begin = {
            let pages = self.pages.lock();
            if at == 0 {
                let more = !pages.begins.is_empty();
                return Ok(QueryPage { rows: pages.first.clone(), more });
            }
            pages.begins.get(at - 1).cloned()
        };
        let Some(begin) = begin else {
            return Ok(QueryPage { rows: Vec::new(), more: !run.state.lock().complete });
        };
        // Rows that were found once are read however long the search for them took.
        let answer = self.page_after(engine, Some(&begin), &|| None)?;
        let rows = self.rows(&answer, at * PAGE).collect();
        Ok(QueryPage { rows, more: answer.next().is_some() })
    }

    /// All rows from the begin on, page by page.
    pub(super) fn all<'a>(
        &'a self,
        engine: &'a Engine,
        stop: Stop<'a>,
    ) -> impl Iterator<Item = Result<Vec<Value>, Failure>> {
        let mut after = None;
        let mut ended = false;
        std::iter::from_fn(move || {
            if ended {
                return None;
            }
            let answer = self.page_after(engine, after.as_ref(), stop);
            Some(answer.map(|answer| {
                after = answer.next().cloned();
                ended = after.is_none();
                answer.rows().collect()
            }))
        })
    }

    fn page_after(
        &self,
        engine: &Engine,
        after: Option<&Position>,
        stop: Stop<'_>,
    ) -> Result<Answer<'_>, Failure> {
        let request = Request { after, limit: Some(PAGE), stop };
        engine.execute(&self.query, &self.graph, request).map_err(Failure::of_stop)
    }

    fn rows(&self, answer: &Answer<'_>, first: usize) -> impl Iterator<Item = QueryRow> {
        (0..answer.len()).map(move |at| {
            let bound = answer.bound(at);
            row(&self.graph, (first + at) as u64, bound, answer.row(at))
        })
    }
}

impl RunState {
    fn take(&mut self, answer: &Answer<'_>) {
        let report = answer.report();
        self.rows += answer.len() as u64;
        self.scanned = Some(self.scanned.unwrap_or(0) + report.scanned);
        add_steps(&mut self.steps, report);
        for (all, new) in
            [(&mut self.columns, &report.columns), (&mut self.columns_made, &report.columns_made)]
        {
            for name in new {
                if !all.contains(name) {
                    all.push(name.clone());
                }
            }
        }
        let bound = (0..answer.len()).flat_map(|at| answer.bound(at));
        self.found.bound.extend(bound);
    }
}
