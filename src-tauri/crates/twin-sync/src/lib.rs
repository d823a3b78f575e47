//! Keeps a [`GraphView`] of a remote [`TwinService`]: load, follow, find gaps, heal.
//!
//! The service has no feed of changes to subscribe to over REST, so the copy asks: every second for
//! the twins that changed, every ten seconds for everything, which also finds what was deleted.
//! What differs becomes ordinary [changes](twin_graph::Change) with `Origin::Remote`, so that
//! screens and log work on a remote instance as they do on the embedded one.

mod copy;
mod diff;
mod follow;
mod gone;
mod models;
mod pages;
mod rounds;

use adt_service::{Code, GraphView, ServiceError, TwinService};
use copy::Copy;
use follow::{Follower, Wishes};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use thiserror::Error;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use twin_graph::ApplyError;

/// How closely a remote instance is followed.
#[derive(Clone, Copy, Debug)]
pub struct SyncOptions {
    /// How often it is asked for the twins that changed.
    pub changes_every: Duration,
    /// How often everything is compared: deletions, relationships.
    pub everything_every: Duration,
    /// How often the models are compared; a twin of an unknown model brings it forward.
    pub models_every: Duration,
    /// How far back before the newest change known is asked again. The service's query index is up
    /// to ten seconds behind (its documentation).
    pub overlap: Duration,
    /// Rows a page; the service gives 1,000 at most.
    pub page: usize,
}

impl Default for SyncOptions {
    fn default() -> Self {
        Self {
            changes_every: Duration::from_secs(1),
            everything_every: Duration::from_secs(10),
            models_every: Duration::from_secs(60),
            overlap: Duration::from_secs(10),
            page: 1_000,
        }
    }
}

/// How far the first load is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// `models`, `twins` or `relationships`.
    pub step: &'static str,
    /// How many of them are loaded.
    pub done: u32,
    /// How many there are, where the service says so.
    pub total: Option<u32>,
    /// How many rows of later steps are still to come, where the service says so.
    pub to_come: u32,
}

/// How well the copy is in step.
#[derive(Clone, Debug)]
pub struct SyncState {
    /// Whether the last round came through.
    pub reachable: bool,
    /// When a round last did: how old the copy may be.
    pub last_ok: Instant,
    /// Why the last round did not.
    pub error: Option<String>,
    /// Models that are there and do not parse here, with the reason. Their twins are shown.
    pub models_left_out: Arc<BTreeMap<String, String>>,
    /// Twins and relationships of the last comparison that are not of the service's form.
    pub rows_left_out: u32,
}

/// Why a load or a round came to nothing.
#[derive(Debug, Error)]
enum SyncError {
    /// The service answered with an error, or did not answer.
    #[error("{0}")]
    Service(#[from] ServiceError),
    /// What it answered does not fit together.
    #[error(
        "What the instance answered does not fit the copy of its graph: {0}. The copy is compared again."
    )]
    Apply(#[from] ApplyError),
    /// A list that begins again and again.
    #[error(
        "The list of {0} does not end: the instance named the same page twice. Tell whoever runs it, and try again."
    )]
    Endless(&'static str),
}

impl From<SyncError> for ServiceError {
    fn from(error: SyncError) -> Self {
        match error {
            SyncError::Service(error) => error,
            other => Self::new(Code::ServiceUnavailable, other.to_string()),
        }
    }
}

/// The first load of a remote instance's graph. Dropping it, or what [`Load::run`] answers, cancels
/// it.
pub struct Load {
    copy: Copy,
    options: SyncOptions,
}

impl Load {
    /// A load that was not begun.
    pub fn new(service: Arc<dyn TwinService>, options: SyncOptions) -> Self {
        Self { copy: Copy::new(service, options.page), options }
    }

    /// The graph: empty before the load, and growing while it runs. Twins come before what relates
    /// them.
    pub fn view(&self) -> Arc<GraphView> {
        self.copy.view.clone()
    }

    /// Loads page by page, tells `progress` of each, and then follows the instance.
    ///
    /// # Errors
    /// Where the service refuses, or what it answers does not fit together.
    pub async fn run(
        mut self,
        progress: impl Fn(Progress) + Send + Sync,
    ) -> Result<RemoteGraph, ServiceError> {
        self.copy.load(&progress).await?;
        let view = self.copy.view.clone();
        // The load is no history: who follows the view begins after it.
        view.forget_changes();
        let wishes = Arc::new(Wishes::default());
        let (follower, state) = Follower::new(self.copy, self.options, wishes.clone());
        let follower = tokio::spawn(follower.run());
        Ok(RemoteGraph { view, state, wishes, follower })
    }
}

/// A copy of a remote instance's graph that follows it. Dropping it ends that.
pub struct RemoteGraph {
    view: Arc<GraphView>,
    state: watch::Receiver<SyncState>,
    wishes: Arc<Wishes>,
    follower: JoinHandle<()>,
}

impl RemoteGraph {
    /// [`Load::run`] of a load whose view nobody reads meanwhile.
    ///
    /// # Errors
    /// As [`Load::run`].
    pub async fn start(
        service: Arc<dyn TwinService>,
        options: SyncOptions,
        progress: impl Fn(Progress) + Send + Sync,
    ) -> Result<Self, ServiceError> {
        Load::new(service, options).run(progress).await
    }

    /// The graph, as it is known here.
    pub fn view(&self) -> Arc<GraphView> {
        self.view.clone()
    }

    /// How well it is in step.
    pub fn state(&self) -> SyncState {
        self.state.borrow().clone()
    }

    /// Wakes with each new state.
    pub fn watch_state(&self) -> watch::Receiver<SyncState> {
        self.state.clone()
    }

    /// Compares everything now instead of at its time, as after a write of our own.
    pub fn refresh_soon(&self) {
        self.wishes.everything();
    }

    /// Reads one twin and what leaves it now. Unlike a query, the service answers that without
    /// delay. After a new relationship: first its target, then its source.
    pub fn refresh_twin(&self, id: &str) {
        self.wishes.twin(id);
    }

    /// Ends following. The view stays as it is.
    pub fn stop(&self) {
        self.follower.abort();
    }
}

impl Drop for RemoteGraph {
    fn drop(&mut self) {
        self.stop();
    }
}
