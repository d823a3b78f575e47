//! Whatever is open, embedded or remote, behind one face.

use crate::embedded::{Embedded, blocking};
use crate::logging::Log;
use crate::query::Queries;
use crate::remote::Remote;
use crate::screen::GraphScreen;
use crate::wire::{InstanceKind, Target};
use adt_service::{Call, GraphView, IfMatch, ServiceError, TwinService};
use journal::Journal;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use twin_graph::{Operation, Origin};
use workspace::{Source, Views};

const VIEWS_KEY: &str = "views";

/// Which kind of instance it is, for what only one of them has.
pub(crate) enum Kind {
    Embedded(Arc<Embedded>),
    Remote(Box<Remote>),
}

/// An open instance with what the page sees of it.
pub(crate) struct Opened {
    pub(crate) number: u32,
    pub(crate) target: Target,
    pub(crate) name: String,
    pub(crate) view: Arc<GraphView>,
    pub(crate) log: Arc<Log>,
    pub(crate) screen: GraphScreen,
    pub(crate) kind: Kind,
    pub(crate) queries: Queries,
    service: Arc<dyn TwinService>,
    /// What is kept beside places, and up to which change of places they are.
    views: Mutex<Views>,
    kept: Mutex<u64>,
}

impl Opened {
    pub(crate) fn embedded(number: u32, target: Target, embedded: Arc<Embedded>) -> Self {
        let views = kept_views(&embedded.journal).unwrap_or_else(|| embedded.views.lock().clone());
        let name = match &target {
            Target::Workspace { path } => last_name(path),
            _ => "contoso-building".to_owned(),
        };
        let service: Arc<dyn TwinService> = embedded.instance.clone();
        let (view, log) = (embedded.instance.view().clone(), embedded.log.clone());
        Self::new(number, target, name, view, log, service, views, Kind::Embedded(embedded))
    }

    pub(crate) fn remote(number: u32, target: Target, endpoint: &str, remote: Remote) -> Self {
        let views = kept_views(&remote.journal).unwrap_or_default();
        let host = endpoint.trim_start_matches("https://").trim_end_matches('/');
        let (view, log) = (remote.graph.view(), remote.log.clone());
        let service = remote.client.clone();
        let kind = Kind::Remote(Box::new(remote));
        Self::new(number, target, host.to_owned(), view, log, service, views, kind)
    }

    #[allow(clippy::too_many_arguments)] // the two kinds above are its only callers
    fn new(
        number: u32,
        target: Target,
        name: String,
        view: Arc<GraphView>,
        log: Arc<Log>,
        service: Arc<dyn TwinService>,
        views: Views,
        kind: Kind,
    ) -> Self {
        let screen = GraphScreen::new(number, &views, view.clone());
        Self {
            number,
            target,
            name,
            view,
            log,
            screen,
            kind,
            queries: Queries::default(),
            service,
            views: Mutex::new(views),
            kept: Mutex::default(),
        }
    }

    pub(crate) fn instance_kind(&self) -> InstanceKind {
        match self.kind {
            Kind::Embedded(_) => InstanceKind::Embedded,
            Kind::Remote(_) => InstanceKind::Remote,
        }
    }

    /// Patches a twin in this app's name.
    pub(crate) async fn patch(
        &self,
        id: &str,
        patch: Vec<Operation>,
        if_match: Option<IfMatch>,
    ) -> Result<Arc<str>, ServiceError> {
        let etag = self.service.patch_twin(&Call::new(Origin::App), id, patch, if_match).await?;
        if let Kind::Remote(remote) = &self.kind {
            remote.graph.refresh_twin(id);
        }
        Ok(etag)
    }

    /// The folder that «Save to workspace» writes to, where there is one.
    pub(crate) fn folder(&self) -> Option<(&Arc<Embedded>, &std::path::Path)> {
        match &self.kind {
            Kind::Embedded(embedded) => match &embedded.source {
                Some(Source::Folder(folder)) => Some((embedded, folder)),
                _ => None,
            },
            Kind::Remote(_) => None,
        }
    }

    fn journal(&self) -> &Journal {
        match &self.kind {
            Kind::Embedded(embedded) => &embedded.journal,
            Kind::Remote(remote) => &remote.journal,
        }
    }

    /// How the graph is looked at now.
    pub(crate) fn views(&self) -> Views {
        let mut views = self.views.lock().clone();
        self.screen.keep_into(&mut views);
        views
    }

    /// The named views, after one was kept under its name or forgotten.
    pub(crate) fn save_view(
        &self,
        change: Option<(String, Option<serde_json::Value>)>,
    ) -> BTreeMap<String, serde_json::Value> {
        let mut views = self.views.lock();
        if let Some((name, view)) = change {
            match view {
                Some(view) => views.saved.insert(name, view),
                None => views.saved.remove(&name),
            };
            // Kept at the next time, whatever the places do.
            *self.kept.lock() = u64::MAX;
        }
        views.saved.clone()
    }

    /// The kept queries, after one was kept under its name or forgotten.
    pub(crate) fn save_query(
        &self,
        change: Option<(String, Option<String>)>,
    ) -> BTreeMap<String, String> {
        let mut views = self.views.lock();
        if let Some((name, text)) = change {
            match text {
                Some(text) => views.queries.insert(name, text),
                None => views.queries.remove(&name),
            };
            *self.kept.lock() = u64::MAX;
        }
        views.queries.clone()
    }

    /// Keeps positions and pins for the next start, where they changed.
    pub(crate) async fn keep_views(self: &Arc<Self>) {
        let placed = self.screen.placed();
        if *self.kept.lock() == placed {
            return;
        }
        let this = self.clone();
        let keeping = blocking(move || {
            let bytes = serde_json::to_vec(&this.views()).unwrap_or_default();
            this.journal().put_value(VIEWS_KEY, bytes).wait()
        });
        match keeping.await {
            Ok(Ok(_)) => *self.kept.lock() = placed,
            Ok(Err(error)) => tracing::warn!(%error, "positions could not be kept"),
            Err(_) => {}
        }
    }

    /// Ends it in order.
    pub(crate) async fn stop(self: &Arc<Self>) {
        self.queries.stop();
        self.keep_views().await;
        match &self.kind {
            Kind::Embedded(embedded) => embedded.stop().await,
            Kind::Remote(remote) => remote.graph.stop(),
        }
    }
}

fn kept_views(journal: &Journal) -> Option<Views> {
    serde_json::from_slice(&journal.value(VIEWS_KEY).ok()??).ok()
}

fn last_name(path: &str) -> String {
    let name = std::path::Path::new(path).file_name();
    name.map_or_else(|| path.to_owned(), |name| name.to_string_lossy().into_owned())
}
