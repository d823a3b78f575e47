//! What is known here and was not in the service's lists: asked for by id before it is deleted,
//! because a list read in pages is no snapshot and the query index is behind.

use crate::SyncError;
use crate::copy::{Copy, RelationshipKey, or_gone};
use adt_service::Call;
use futures::{StreamExt, TryStreamExt, stream};
use std::collections::HashSet;
use std::sync::Arc;
use twin_graph::Origin;

/// Questions under way at once.
const AT_ONCE: usize = 8;

impl Copy {
    pub(crate) async fn delete_gone_twins(
        &mut self,
        seen: &HashSet<Arc<str>>,
    ) -> Result<(), SyncError> {
        let unseen = |id: &Arc<str>| !seen.contains(id);
        let missing: Vec<Arc<str>> =
            self.view.read().twins().map(|twin| twin.id.clone()).filter(unseen).collect();
        let (service, call) = (&self.service, &Call::new(Origin::App));
        let asked = stream::iter(missing)
            .map(async |id| Ok::<_, SyncError>((or_gone(service.get_twin(call, &id).await)?, id)));
        let answers: Vec<_> = asked.buffer_unordered(AT_ONCE).try_collect().await?;
        for (found, id) in answers {
            match found {
                Some(twin) => drop(self.merge_twins(&[twin.body])?),
                None => self.delete_twin(&id)?,
            }
        }
        Ok(())
    }

    pub(crate) async fn delete_gone_relationships(
        &mut self,
        seen: &HashSet<RelationshipKey>,
    ) -> Result<(), SyncError> {
        let keys: Vec<RelationshipKey> = {
            let graph = self.view.read();
            let keys = graph.relationships().map(|r| (r.source.clone(), r.id.clone()));
            keys.filter(|key| !seen.contains(key)).collect()
        };
        let (service, call) = (&self.service, &Call::new(Origin::App));
        let asked = stream::iter(keys).map(async |(source, id)| {
            let found = or_gone(service.get_relationship(call, &source, &id).await)?;
            Ok::<_, SyncError>((found, source, id))
        });
        let answers: Vec<_> = asked.buffer_unordered(AT_ONCE).try_collect().await?;
        for (found, source, id) in answers {
            match found {
                Some(relationship) => drop(self.merge_relationships(&[relationship.body])?),
                None => self.delete_relationship(&source, &id)?,
            }
        }
        Ok(())
    }
}
