//! Answers the page about queries.

use super::export::Export;
use super::filter::filter;
use super::found::Found;
use super::run::Way;
use super::{editor, samples};
use crate::embedded::blocking;
use crate::opened::{Kind, Opened};
use crate::wire::{Failure, MatchHead, MatchMessage, QueryPage, Request, Response};
use std::sync::Arc;

/// A name is no longer than this, in bytes.
const MOST_NAME: usize = 200;
/// A kept query is no longer than this, in bytes.
const MOST_TEXT: usize = 64 << 10;

/// Answers a request about queries.
pub(crate) async fn about_queries(opened: &Arc<Opened>, request: Request) -> Response {
    answered(opened, request).await.unwrap_or_else(Response::Failed)
}

async fn answered(opened: &Arc<Opened>, request: Request) -> Result<Response, Failure> {
    let queries = &opened.queries;
    Ok(match request {
        Request::QueryText { text } => {
            Response::QueryText(editor::describe(&text, opened.view.read().models()))
        }
        Request::QueryOffers { text, at } => {
            Response::QueryOffers(editor::offer(&text, at, opened.view.read().models()))
        }
        Request::SampleQueries => {
            Response::SampleQueries { queries: samples::samples(&opened.view.read()) }
        }
        Request::RunQuery(order) => {
            let service = match &opened.kind {
                Kind::Remote(remote) => Some(&remote.client),
                Kind::Embedded(_) => None,
            };
            let run = queries.begin(order, &opened.view, service).await?;
            Response::QueryRun(Box::new(run))
        }
        Request::QueryRun { run } => Response::QueryRun(Box::new(queries.get(run)?.told().await)),
        Request::ForgetQuery { run } => {
            queries.forget(run);
            Response::Accepted
        }
        Request::StopQuery { run } => {
            if let Ok(run) = queries.get(run) {
                run.stop();
            }
            Response::Accepted
        }
        Request::QueryRows { run, page } => Response::QueryRows(rows(opened, run, page).await?),
        Request::QueryChanges { run, since } => {
            let (run, engine) = (queries.get(run)?, queries.engine.clone());
            let changes = blocking(move || match &run.way {
                Way::Live(live) => live.changes(&run, &engine, since),
                Way::Snapshot(_) | Way::Service(_) => {
                    Err(Failure::new("NotLive", "This query is not kept live."))
                }
            });
            Response::QueryChanges(changes.await.map_err(|error| error.to_failure())??)
        }
        Request::ExportQuery { run, path, form } => {
            Export::begin(&queries.get(run)?, &queries.engine, path, form);
            Response::Accepted
        }
        Request::StopExport { run } => {
            if let Some(export) = &*queries.get(run)?.export.lock() {
                export.stop();
            }
            Response::Accepted
        }
        Request::SaveQuery { name, text } => {
            let length = text.as_ref().map_or(0, String::len);
            if name.trim().is_empty() || name.len() > MOST_NAME || length > MOST_TEXT {
                let message = format!("A kept query needs a name of at most {MOST_NAME} bytes.");
                return Err(Failure::new("NotSaved", message));
            }
            Response::SavedQueries { queries: opened.save_query(Some((name, text))) }
        }
        Request::SavedQueries => Response::SavedQueries { queries: opened.save_query(None) },
        _ => return Err(Failure::new("Fault", "This is a fault of Twinscope.")),
    })
}

async fn rows(opened: &Arc<Opened>, run: u32, page: u32) -> Result<QueryPage, Failure> {
    let (run, engine) = (opened.queries.get(run)?, opened.queries.engine.clone());
    if let Way::Service(service) = &run.way {
        return service.page(&run, page).await;
    }
    let made = blocking(move || match &run.way {
        Way::Snapshot(snapshot) => snapshot.page(&run, &engine, page),
        Way::Live(_) | Way::Service(_) => {
            Err(Failure::new("Live", "The rows of a live query come with its changes."))
        }
    });
    made.await.map_err(|error| error.to_failure())?
}

impl Opened {
    /// What a query matches; nothing where it is no longer kept.
    pub(crate) fn query_matches(&self, run: u32) -> MatchMessage {
        match self.queries.get(run) {
            Ok(run) => run.with_found(|found| self.matches(found, MatchHead::default())),
            Err(_) => self.matches(&Found::none(self.view.read()), MatchHead::default()),
        }
    }

    /// What a filter matches.
    pub(crate) fn filter_matches(&self, text: &str) -> MatchMessage {
        let filtered = filter(&self.queries.engine, self.view.read(), text);
        let head = MatchHead {
            condition: filtered.condition,
            problem: filtered.problem,
            ..MatchHead::default()
        };
        self.matches(&filtered.found, head)
    }

    fn matches(&self, found: &Found, head: MatchHead) -> MatchMessage {
        let (twin_row, edge_row) = self.screen.rows_of(found);
        MatchMessage { head: MatchHead { session: self.number, ..head }, twin_row, edge_row }
    }
}
