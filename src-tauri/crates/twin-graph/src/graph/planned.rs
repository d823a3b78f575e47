//! A change with what its planning made already.

use super::{ApplyError, TwinGraph};
use crate::{Change, ChangeKind, Twin};
use std::sync::Arc;

/// A change that is to be applied. A patch that was tried before it was made durable need not be
/// carried out again.
#[derive(Clone, Debug)]
pub struct Planned {
    /// What is to change.
    pub change: Arc<Change>,
    /// Where a twin is patched: the twin as it is then, if that is known. Nothing else may have
    /// changed the twin since.
    pub twin: Option<Arc<Twin>>,
}

impl From<Arc<Change>> for Planned {
    fn from(change: Arc<Change>) -> Self {
        Self { change, twin: None }
    }
}

impl TwinGraph {
    /// Carries out a planned change, which must be the next one.
    ///
    /// # Errors
    /// As [`TwinGraph::apply`].
    pub fn apply_planned(&mut self, planned: &Planned) -> Result<(), ApplyError> {
        let Planned { change, twin } = planned;
        let (ChangeKind::TwinPatched { id, .. }, Some(twin)) = (&change.kind, twin) else {
            return self.apply(change);
        };
        self.check_next(change)?;
        // What the journal makes of it after a restart is the same.
        #[cfg(debug_assertions)]
        {
            let mut replayed = self.clone();
            replayed.apply(change)?;
            debug_assert_eq!(replayed.twin(id), Some(twin), "planned otherwise than carried out");
        }
        let node = self.node(id).ok_or_else(|| super::apply::missing(change.version, id))?;
        let known = self.twin_at(node);
        let stays = known.is_some_and(|known| {
            Arc::ptr_eq(&known.id, &twin.id) && Arc::ptr_eq(&known.model, &twin.model)
        });
        if stays {
            self.twins.set(super::place(node), change.version, Some(twin.clone()));
        } else {
            self.put_twin(change.version, twin.clone());
        }
        self.version = change.version;
        Ok(())
    }
}
