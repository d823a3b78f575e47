//! Running a query over one version of the graph.

mod answer;
mod binding;
mod chunk;
mod columns;
mod estimate;
mod filter;
mod live;
mod models;
mod plan;
mod position;
mod report;
mod run;
mod stop;
mod walk;

pub use answer::Answer;
pub use binding::Binding;
pub use columns::ColumnUse;
pub use live::{Live, LiveChange, LiveRow};
pub(crate) use models::ModelMemo;
pub use position::Position;
pub use report::{Report, StepReport};
pub use stop::{Stop, Stopped};

use crate::Query;
use crate::language::limits::MAX_PAGE;
use crate::language::syntax::Select;
use columns::Columns;
use plan::Plan;
use run::{Run, Sink};
use std::sync::Arc;
use twin_graph::TwinGraph;
use walk::MarksPool;

/// What may be asked of a run besides the query.
#[derive(Clone, Copy)]
pub struct Request<'r> {
    /// Where the page before ended; `None` for the first page.
    pub after: Option<&'r Position>,
    /// Rows of a page, 1 to [`MAX_PAGE`]; `None` for all rows at once, which takes as much memory as
    /// they need.
    pub limit: Option<usize>,
    /// Asked every few thousand steps whether to go on.
    pub stop: Stop<'r>,
}

impl Default for Request<'_> {
    fn default() -> Self {
        Self { after: None, limit: None, stop: &|| None }
    }
}

/// Runs queries over the versions of one graph, and keeps between them what makes them quick: typed
/// columns of the properties that are scanned. It makes them when a property is scanned for the
/// second time, follows the graph at a cost that follows what changed, and lets go of those that
/// are not used, or that exceed its memory.
///
/// Shared by all that query the same graph ([`Sync`]); it never holds up the graph's writer.
pub struct Engine {
    columns: Columns,
    marks: MarksPool,
}

impl Default for Engine {
    fn default() -> Self {
        Self::new()
    }
}

impl Engine {
    /// Bytes that its columns may take.
    pub const USUAL_MEMORY: usize = 256 << 20;

    /// An engine with [`Engine::USUAL_MEMORY`].
    pub fn new() -> Self {
        Self::with_memory(Self::USUAL_MEMORY)
    }

    /// An engine whose columns take at most that many bytes.
    pub fn with_memory(bytes: usize) -> Self {
        Self { columns: Columns::new(bytes), marks: MarksPool::default() }
    }

    /// The same engine with columns for collections of so many places on. Unless said, of 1,024:
    /// below, a column is no quicker than a look at the documents.
    #[must_use]
    pub fn columns_from(mut self, places: usize) -> Self {
        self.columns.least = places;
        self
    }

    /// Runs a query over a version of the graph.
    ///
    /// Rows come in an order that does not depend on values, so that the next page goes on behind
    /// the last row: of a graph that changes meanwhile, each row whose twins and relationships stay
    /// is answered exactly once, with the values that it has then. What was created after the first
    /// page is not answered.
    ///
    /// # Errors
    /// Where `request.stop` said so. [`Stopped::Position`] where the position is not one of this
    /// query.
    pub fn execute<'q>(
        &self,
        query: &'q Query,
        graph: &Arc<TwinGraph>,
        request: Request<'_>,
    ) -> Result<Answer<'q>, Stopped> {
        let anchor = request.after.map(|after| after.anchor);
        let plan = Plan::new(query, graph, anchor).ok_or(Stopped::Position)?;
        if request.after.is_some_and(|after| after.at.len() != plan.levels()) {
            return Err(Stopped::Position);
        }
        let mut run = Run::new(self, query, graph, &plan, request)?;
        if query.select == Select::Count {
            let count = match plan.known_count(query, graph) {
                Some(count) => count,
                None => {
                    let mut sink = Sink::Count(0);
                    run.run(&mut sink)?;
                    sink.count()
                }
            };
            return Ok(Answer::of_count(query, graph.clone(), count, run.report(query, count)));
        }
        let returned = request.after.map_or(0, |after| after.returned);
        let top = query.top.map_or(u64::MAX, |top| top.saturating_sub(returned));
        let limit = request.limit.map_or(usize::MAX, |limit| limit.clamp(1, MAX_PAGE));
        let wanted = limit.min(usize::try_from(top).unwrap_or(usize::MAX));
        // One more than wanted tells whether there is a next page.
        let most = if (wanted as u64) < top { wanted.saturating_add(1) } else { wanted };
        let mut sink = Sink::rows(query.variables.len(), plan.levels(), most);
        if most > 0 {
            run.run(&mut sink)?;
        }
        let (rows, last) = sink.page(wanted);
        let count = (rows.len() / query.variables.len().max(1)) as u64;
        let next = last.map(|at| Position {
            anchor: plan.anchor(),
            at,
            since: request.after.map_or(graph.version(), |after| after.since),
            returned: returned + count,
        });
        let report = run.report(query, count);
        Ok(Answer::of_rows(self, query, graph.clone(), rows, next, report))
    }

    /// How a query would be run, without running it: estimates, and nothing counted.
    pub fn explain(&self, query: &Query, graph: &Arc<TwinGraph>) -> Report {
        match Plan::new(query, graph, None) {
            Some(plan) => Report::of_plan(query, graph, &plan),
            None => Report::default(),
        }
    }

    /// The columns that are kept, and what each takes.
    pub fn columns(&self) -> Vec<ColumnUse> {
        self.columns.in_use()
    }

    /// Bytes that the columns take.
    pub fn memory(&self) -> usize {
        self.columns().iter().map(|column| column.bytes).sum()
    }
}
