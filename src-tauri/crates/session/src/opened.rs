//! Whatever is open, embedded or remote, behind one face.

use crate::embedded::{Embedded, blocking};
use crate::files::Files;
use crate::logging::Log;
use crate::query::Queries;
use crate::remote::Remote;
use crate::screen::{GraphScreen, SharedFloorPlan};
use crate::wire::{InstanceKind, Target};
use adt_service::{Call, GraphView, IfMatch, ServiceError, TwinService};
use journal::Journal;
use parking_lot::Mutex;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use twin_graph::{Operation, Origin};
use twin_sync::RemoteGraph;
use workspace::{Source, Views};

pub(crate) const VIEWS_KEY: &str = "views";
const LAST_VIEW_KEY: &str = "lastView";

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
    /// How it was looked at last, in the page's own JSON, and whether that is to be kept yet.
    last_view: Mutex<(Option<Value>, bool)>,
}

impl Opened {
    pub(crate) fn embedded(number: u32, target: Target, embedded: Arc<Embedded>) -> Self {
        let views =
            kept(&embedded.journal, VIEWS_KEY).unwrap_or_else(|| embedded.views.lock().clone());
        let name = match &target {
            Target::Workspace { path } => last_name(path),
            Target::Files { paths } => Files::new(paths).name(),
            _ => "contoso-building".to_owned(),
        };
        let service: Arc<dyn TwinService> = embedded.instance.clone();
        let (view, log) = (embedded.instance.view().clone(), embedded.log.clone());
        Self::new(number, target, name, view, log, service, views, Kind::Embedded(embedded))
    }

    pub(crate) fn remote(number: u32, target: Target, endpoint: &str, remote: Remote) -> Self {
        let views = kept(&remote.journal, VIEWS_KEY).unwrap_or_default();
        let host = endpoint.trim_start_matches("https://").trim_end_matches('/');
        let (view, log) = (remote.view.clone(), remote.log.clone());
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
        let (journal, floor_plan) = match &kind {
            Kind::Embedded(embedded) => (&embedded.journal, embedded.floor_plan.clone()),
            Kind::Remote(remote) => (&remote.journal, SharedFloorPlan::default()),
        };
        let last_view = Mutex::new((kept(journal, LAST_VIEW_KEY), false));
        let screen = GraphScreen::new(number, &views, view.clone(), floor_plan);
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
            last_view,
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
            remote.refresh_twin(id);
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

    /// More of it is to come.
    pub(crate) fn arrives(&self) {
        self.screen.set_loading(true);
    }

    /// All of it is here.
    pub(crate) fn arrived(&self) {
        self.screen.set_loading(false);
    }

    /// Goes on with the copy of a remote instance that is loaded.
    pub(crate) fn follow(&self, graph: RemoteGraph) {
        if let Kind::Remote(remote) = &self.kind {
            remote.follow(graph);
        }
    }

    /// Keeps a view under a name, or forgets it.
    pub(crate) fn save_view(&self, name: String, view: Option<Value>) {
        let mut views = self.views.lock();
        match view {
            Some(view) => views.saved.insert(name, view),
            None => views.saved.remove(&name),
        };
        // To be kept whatever the places do.
        *self.kept.lock() = u64::MAX;
    }

    /// Remembers how it is looked at now.
    pub(crate) fn set_last_view(&self, view: Value) {
        *self.last_view.lock() = (Some(view), true);
    }

    /// How it was looked at, and is laid out.
    pub(crate) fn looked_at(&self) -> crate::wire::Views {
        let (method, contains) = self.screen.arrangement();
        crate::wire::Views {
            saved: self.views.lock().saved.clone(),
            last: self.last_view.lock().0.clone(),
            method,
            contains,
            floor_plan: self.screen.has_floor_plan(),
        }
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

    /// Keeps positions, pins and views for the next start, where they changed.
    pub(crate) async fn keep_views(self: &Arc<Self>) {
        self.keep_last_view().await;
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

    /// Keeps how it is looked at for the next start, where that changed.
    pub(crate) async fn keep_last_view(self: &Arc<Self>) {
        let (Some(view), true) = self.last_view.lock().clone() else { return };
        let this = self.clone();
        let bytes = view.to_string().into_bytes();
        let keeping = blocking(move || this.journal().put_value(LAST_VIEW_KEY, bytes).wait());
        match keeping.await {
            Ok(Ok(_)) => {
                let mut last = self.last_view.lock();
                last.1 = last.0.as_ref() != Some(&view);
            }
            Ok(Err(error)) => tracing::warn!(%error, "the view could not be kept"),
            Err(_) => {}
        }
    }

    /// Ends it in order.
    pub(crate) async fn stop(self: &Arc<Self>) {
        self.queries.stop();
        self.keep_views().await;
        match &self.kind {
            Kind::Embedded(embedded) => embedded.stop().await,
            Kind::Remote(remote) => remote.stop(),
        }
    }
}

fn kept<T: DeserializeOwned>(journal: &Journal, key: &str) -> Option<T> {
    serde_json::from_slice(&journal.value(key).ok()??).ok()
}

fn last_name(path: &str) -> String {
    let name = std::path::Path::new(path).file_name();
    name.map_or_else(|| path.to_owned(), |name| name.to_string_lossy().into_owned())
}
