//! The graph to read, and the changes since a version.

use async_trait::async_trait;
use parking_lot::{Mutex, RwLock};
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::watch;
use twin_graph::{ApplyError, Change, Planned, TwinGraph};

/// What happened since a version.
#[derive(Clone, Debug)]
pub enum Changes {
    /// These changes, in order, none left out.
    Since(Vec<Arc<Change>>),
    /// The version is too old (or not of this graph): read the graph anew.
    StartOver,
}

/// A graph that others read while one writer publishes to it.
///
/// The embedded instance's graph and the copy of a remote one are both this, so no screen and no
/// function knows which it reads. Only published, hence durable, changes are ever seen.
pub struct GraphView {
    graph: RwLock<Arc<TwinGraph>>,
    recent: Mutex<VecDeque<Arc<Change>>>,
    version: watch::Sender<u64>,
}

/// Changes kept for readers that follow: some ten seconds at full load.
const RECENT: usize = 65_536;

impl GraphView {
    /// A view of a graph as recovery or a first load left it.
    pub fn new(graph: TwinGraph) -> Self {
        let (version, _) = watch::channel(graph.version());
        Self { graph: RwLock::new(Arc::new(graph)), recent: Mutex::default(), version }
    }

    /// The graph as it is now. Who keeps it keeps this one version, and holds nobody up: the
    /// writer goes on with another version, which shares what did not change.
    pub fn read(&self) -> Arc<TwinGraph> {
        self.graph.read().clone()
    }

    /// The version published last; wakes whoever waits on it.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }

    /// The changes after `version`, at most `limit` of them, oldest first.
    pub fn changes_since(&self, version: u64, limit: usize) -> Changes {
        let recent = self.recent.lock();
        let now = *self.version.borrow();
        if version == now {
            return Changes::Since(Vec::new());
        }
        match recent.front() {
            Some(oldest) if oldest.version <= version + 1 && version < now => {
                let skip = usize::try_from(version + 1 - oldest.version).unwrap_or(usize::MAX);
                Changes::Since(recent.iter().skip(skip).take(limit).cloned().collect())
            }
            _ => Changes::StartOver,
        }
    }

    /// Applies changes that are durable and tells everybody. For the one writer of this graph.
    ///
    /// # Errors
    /// Where a change does not fit; those before it are published.
    pub fn publish(&self, changes: &[Planned]) -> Result<(), ApplyError> {
        let mut graph = self.graph.write();
        let graph = Arc::make_mut(&mut graph);
        let mut recent = self.recent.lock();
        let done = changes.iter().try_for_each(|planned| {
            graph.apply_planned(planned)?;
            if recent.len() == RECENT {
                recent.pop_front();
            }
            recent.push_back(planned.change.clone());
            Ok(())
        });
        self.version.send_replace(graph.version());
        done
    }

    /// Lets go of the changes up to now, as after a first load: they are no history. Readers that
    /// follow from an earlier version start over.
    pub fn forget_changes(&self) {
        self.recent.lock().clear();
    }

    /// Puts another graph in place of this one, as a remote instance's reload does: readers that
    /// follow are told to start over. The new graph's version must be above the old one's.
    pub fn replace(&self, graph: TwinGraph) {
        let mut current = self.graph.write();
        self.recent.lock().clear();
        self.version.send_replace(graph.version());
        *current = Arc::new(graph);
    }
}

/// The changes of an instance, also those that the view no longer keeps.
#[async_trait]
pub trait ChangeHistory: Send + Sync {
    /// Changes after `version`, oldest first, at most `limit`; empty where there are none. Where
    /// retention took some, the first answered is later than `version + 1`.
    async fn changes_after(&self, version: u64, limit: usize) -> Vec<Arc<Change>>;
}
