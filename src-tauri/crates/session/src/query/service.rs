//! A query that the remote service runs.

use super::run::Run;
use super::snapshot::PAGE;
use crate::wire::{Failure, QueryPage, QueryRow};
use adt_query::Binding;
use adt_service::{Call, PageRequest, QueryRequest, ServiceError, TwinService};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::Mutex;
use twin_graph::{Origin, TwinGraph};

/// How often a call is looked at for whether it is still wanted.
const PATIENCE: Duration = Duration::from_millis(50);

/// A run that asks for one page after the other, each only when it is wanted: the service counts
/// query units.
pub(super) struct ServiceRun {
    text: String,
    service: Arc<dyn TwinService>,
    pages: Mutex<Pages>,
}

#[derive(Default)]
struct Pages {
    first: Vec<QueryRow>,
    /// Pages fetched so far.
    fetched: u32,
    rows: u64,
    next: Option<String>,
}

impl ServiceRun {
    pub(super) fn new(text: String, service: Arc<dyn TwinService>) -> Self {
        Self { text, service, pages: Mutex::default() }
    }

    /// Fetches the first page.
    pub(super) async fn begin(&self, run: &Run) -> Result<(), Failure> {
        let mut pages = self.pages.lock().await;
        let page = self.fetch(run, &mut pages).await?;
        pages.first = page.rows;
        Ok(())
    }

    /// The next page, or the first one again.
    pub(super) async fn page(&self, run: &Run, page: u32) -> Result<QueryPage, Failure> {
        let mut pages = self.pages.lock().await;
        if page == 0 {
            return Ok(QueryPage { rows: pages.first.clone(), more: pages.next.is_some() });
        }
        if page != pages.fetched || pages.next.is_none() {
            return Ok(QueryPage { rows: Vec::new(), more: pages.next.is_some() });
        }
        self.fetch(run, &mut pages).await
    }

    async fn fetch(&self, run: &Run, pages: &mut Pages) -> Result<QueryPage, Failure> {
        let asked = self.ask(pages.next.take());
        let answer = wanted(asked, || run.stop.load(Ordering::Relaxed)).await?;
        pages.fetched += 1;
        pages.next = answer.rows.continuation;
        let mut state = run.state.lock();
        let graph = state.found.graph.clone();
        let mut rows = Vec::with_capacity(answer.rows.items.len());
        for value in answer.rows.items {
            let bound = bound(&graph, &value);
            rows.push(super::found::row(&graph, pages.rows, bound.iter().copied(), value));
            state.found.bound.extend(bound);
            pages.rows += 1;
        }
        state.rows = pages.rows;
        state.complete = pages.next.is_none();
        state.charge = Some(state.charge.unwrap_or(0.0) + answer.charge);
        Ok(QueryPage { rows, more: pages.next.is_some() })
    }

    async fn ask(
        &self,
        continuation: Option<String>,
    ) -> Result<adt_service::QueryPage, ServiceError> {
        let page = PageRequest { continuation, max_items: Some(PAGE) };
        let request = QueryRequest { query: Some(self.text.clone()), page };
        self.service.query(&Call::new(Origin::App), request).await
    }

    /// All rows from the begin on, for a thread that may wait.
    pub(super) fn all<'a>(
        &'a self,
        runtime: &'a tokio::runtime::Handle,
        stop: impl Fn() -> bool + Copy + 'a,
    ) -> impl Iterator<Item = Result<Vec<Value>, Failure>> {
        let mut after = None;
        let mut ended = false;
        std::iter::from_fn(move || {
            if ended {
                return None;
            }
            let answer = runtime.block_on(wanted(self.ask(after.take()), stop));
            Some(answer.map(|answer| {
                after = answer.rows.continuation;
                ended = after.is_none();
                answer.rows.items
            }))
        })
    }
}

/// Waits for the service while somebody wants its answer.
async fn wanted<T>(
    answer: impl Future<Output = Result<T, ServiceError>>,
    stop: impl Fn() -> bool,
) -> Result<T, Failure> {
    let mut answer = std::pin::pin!(answer);
    loop {
        tokio::select! {
            answer = &mut answer => return answer.map_err(|error| Failure::from(&error)),
            () = tokio::time::sleep(PATIENCE) => {
                if stop() {
                    return Err(Failure::of_stop(adt_query::Stopped::Cancelled));
                }
            }
        }
    }
}

/// What a row of the service shows of the graph: documents of twins and relationships, and ids.
fn bound(graph: &TwinGraph, row: &Value) -> Vec<Binding> {
    let nested = row.as_object().into_iter().flat_map(|row| row.values());
    let documents = std::iter::once(row).chain(nested.filter(|value| value.is_object()));
    let text = |document: &Value, name: &str| {
        document.get(name).and_then(Value::as_str).map(str::to_owned)
    };
    documents
        .filter_map(|document| {
            if let Some(id) = text(document, "$dtId") {
                return graph.node(&id).map(Binding::Twin);
            }
            let (source, id) = (text(document, "$sourceId")?, text(document, "$relationshipId")?);
            graph.edge(&source, &id).map(Binding::Relationship)
        })
        .collect()
}
