//! The queries that run, and those that ran and are still looked at.

use super::export::Export;
use super::found::Found;
use super::live::LiveRun;
use super::service::ServiceRun;
use super::snapshot::SnapshotRun;
use crate::wire::{Failure, QueryOn, QueryOrder, QueryRun, QueryStep};
use adt_query::{Engine, Query, Stopped, limits};
use adt_service::{GraphView, TwinService};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use twin_graph::TwinGraph;

/// Runs kept: one for each tab of the page, which has at most eight, and a few that it is about to
/// let go of. Beyond, the oldest goes.
const MOST_RUNS: usize = 12;
/// How long an answer waits for the end of a run, so that a quick query takes one question.
const MOMENT: Duration = Duration::from_millis(150);

/// The queries of an open instance.
#[derive(Default)]
pub(crate) struct Queries {
    pub(super) engine: Arc<Engine>,
    runs: Mutex<VecDeque<Arc<Run>>>,
    latest: AtomicU32,
}

/// A query that runs or ran.
pub(super) struct Run {
    number: u32,
    pub(super) way: Way,
    pub(super) state: Mutex<RunState>,
    ended: watch::Sender<bool>,
    pub(super) stop: AtomicBool,
    pub(super) export: Mutex<Option<Arc<Export>>>,
}

/// What a run goes over.
pub(super) enum Way {
    /// One version of the graph: the same rows for as long as they are looked at.
    Snapshot(SnapshotRun),
    /// The graph as it changes.
    Live(LiveRun),
    /// The remote service.
    Service(ServiceRun),
}

/// How far a run is.
pub(super) struct RunState {
    began: Instant,
    took: Option<Duration>,
    pub(super) rows: u64,
    pub(super) complete: bool,
    pub(super) scanned: Option<u64>,
    pub(super) charge: Option<f64>,
    pub(super) steps: Vec<QueryStep>,
    pub(super) columns: Vec<String>,
    pub(super) columns_made: Vec<String>,
    pub(super) found: Found,
    failure: Option<Failure>,
}

impl Queries {
    /// Begins a query, which takes the place of the oldest run.
    ///
    /// # Errors
    /// Where the text is none.
    pub(super) async fn begin(
        &self,
        order: QueryOrder,
        view: &Arc<GraphView>,
        service: Option<&Arc<dyn TwinService>>,
    ) -> Result<QueryRun, Failure> {
        let query = parse(&order.text)?;
        let graph = view.read();
        let way = match (order.live, order.on, service) {
            (true, QueryOn::Graph, _) => Way::Live(LiveRun::new(query, view.clone())),
            (false, QueryOn::Service, Some(service)) => {
                Way::Service(ServiceRun::new(order.text, service.clone()))
            }
            (true, QueryOn::Service, Some(_)) => {
                return Err(Failure::new(
                    "NotLive",
                    "The service does not tell when rows change. Run the query on the copy of the graph to keep it live.",
                ));
            }
            _ => Way::Snapshot(SnapshotRun::new(query, graph.clone())),
        };
        let run = Arc::new(Run::new(self.latest.fetch_add(1, Ordering::Relaxed) + 1, way, graph));
        {
            let mut runs = self.runs.lock();
            if runs.len() == MOST_RUNS
                && let Some(oldest) = runs.pop_front()
            {
                oldest.stop();
            }
            runs.push_back(run.clone());
        }
        let (engine, begun) = (self.engine.clone(), run.clone());
        tokio::spawn(async move { begun.go(&engine).await });
        Ok(run.told().await)
    }

    /// A run by its number.
    ///
    /// # Errors
    /// Where it is no longer kept.
    pub(super) fn get(&self, number: u32) -> Result<Arc<Run>, Failure> {
        let runs = self.runs.lock();
        let found = runs.iter().find(|run| run.number == number).cloned();
        found.ok_or_else(|| {
            Failure::new("NotThere", "These rows are no longer kept. Run the query again.")
        })
    }

    /// Ends a run and lets go of its rows, where it is kept.
    pub(super) fn forget(&self, number: u32) {
        let mut runs = self.runs.lock();
        if let Some(at) = runs.iter().position(|run| run.number == number)
            && let Some(run) = runs.remove(at)
        {
            run.stop();
        }
    }

    /// Ends all runs.
    pub(crate) fn stop(&self) {
        self.runs.lock().drain(..).for_each(|run| run.stop());
    }
}

/// Reads a query, for the page.
pub(super) fn parse(text: &str) -> Result<Arc<Query>, Failure> {
    let query = adt_query::parse(text);
    query.map(Arc::new).map_err(|error| Failure::new("SqlQueryError", error.message))
}

impl Run {
    fn new(number: u32, way: Way, graph: Arc<TwinGraph>) -> Self {
        let state = RunState {
            began: Instant::now(),
            took: None,
            rows: 0,
            complete: false,
            scanned: None,
            charge: None,
            steps: Vec::new(),
            columns: Vec::new(),
            columns_made: Vec::new(),
            found: Found::none(graph),
            failure: None,
        };
        Self {
            number,
            way,
            state: Mutex::new(state),
            ended: watch::channel(false).0,
            stop: AtomicBool::new(false),
            export: Mutex::default(),
        }
    }

    async fn go(self: &Arc<Self>, engine: &Arc<Engine>) {
        let result = match &self.way {
            Way::Service(service) => service.begin(self).await,
            Way::Snapshot(_) | Way::Live(_) => {
                let (run, engine) = (self.clone(), engine.clone());
                let going = tokio::task::spawn_blocking(move || match &run.way {
                    Way::Snapshot(snapshot) => snapshot.go(&run, &engine),
                    Way::Live(live) => live.begin(&run, &engine),
                    Way::Service(_) => Ok(()),
                });
                let fault =
                    |error: tokio::task::JoinError| Failure::new("Fault", error.to_string());
                going.await.map_err(fault).flatten()
            }
        };
        self.end(result);
    }

    fn end(&self, result: Result<(), Failure>) {
        let mut state = self.state.lock();
        state.took = Some(state.began.elapsed());
        state.failure = result.err();
        self.ended.send_replace(true);
    }

    /// Ends it, and a file that it is being written to.
    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(export) = &*self.export.lock() {
            export.stop();
        }
    }

    /// Whether the engine has to end it.
    pub(super) fn stopped(&self) -> Option<Stopped> {
        let late = || self.state.try_lock().is_some_and(|state| state.is_late());
        if self.stop.load(Ordering::Relaxed) {
            return Some(Stopped::Cancelled);
        }
        late().then_some(Stopped::TimedOut)
    }

    /// How it does, once it ended or after a moment.
    pub(super) async fn told(&self) -> QueryRun {
        let mut ended = self.ended.subscribe();
        // The sender lives as long as this run.
        let _ = tokio::time::timeout(MOMENT, ended.wait_for(|ended| *ended)).await;
        let running = !*self.ended.borrow();
        let state = self.state.lock();
        let (twins, relationships) = state.found.counts();
        QueryRun {
            run: self.number,
            on: match self.way {
                Way::Service(_) => QueryOn::Service,
                Way::Snapshot(_) | Way::Live(_) => QueryOn::Graph,
            },
            live: matches!(self.way, Way::Live(_)),
            running,
            failure: state.failure.clone(),
            rows: state.rows,
            complete: state.complete,
            millis: state.took.unwrap_or_else(|| state.began.elapsed()).as_secs_f64() * 1_000.0,
            scanned: state.scanned,
            charge: state.charge,
            steps: state.steps.clone(),
            columns: state.columns.clone(),
            columns_made: state.columns_made.clone(),
            twins,
            relationships,
            export: self.export.lock().as_ref().map(|export| export.told()),
        }
    }

    /// What its rows bind, for as long as `with` looks.
    pub(super) fn with_found<T>(&self, with: impl FnOnce(&Found) -> T) -> T {
        with(&self.state.lock().found)
    }
}

impl RunState {
    /// Whether it takes longer than the service gives a query.
    fn is_late(&self) -> bool {
        self.took.is_none() && self.began.elapsed() > Duration::from_secs(limits::MAX_SECONDS)
    }
}

impl Failure {
    pub(super) fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into(), details: Vec::new() }
    }

    pub(super) fn of_stop(stopped: Stopped) -> Self {
        let code = match stopped {
            Stopped::TimedOut => "TimeoutError",
            Stopped::Cancelled => "Cancelled",
            Stopped::TooMany => "TooManyRows",
            Stopped::Position => "Fault",
        };
        Self::new(code, stopped.to_string())
    }
}
