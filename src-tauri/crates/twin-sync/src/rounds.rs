//! The rounds: the first load, the twins that changed, everything, one twin.

use crate::copy::{Copy, RelationshipKey, or_gone};
use crate::pages::{Pages, count};
use crate::{Progress, SyncError};
use adt_service::{Call, PageRequest};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use twin_graph::{Origin, Timestamp};

const TWINS: &str = "SELECT * FROM DIGITALTWINS";
const RELATIONSHIPS: &str = "SELECT * FROM RELATIONSHIPS";

impl Copy {
    /// The first load. It is a comparison with nothing.
    pub(crate) async fn load(
        &mut self,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<(), SyncError> {
        let told = |step, total, to_come: Option<u32>| {
            let to_come = to_come.unwrap_or(0);
            move |done: usize| {
                let done = u32::try_from(done).unwrap_or(u32::MAX);
                progress(Progress { step, done, total, to_come });
            }
        };
        self.compare_models(&mut told("models", None, None)).await?;
        let twins = count(&self.service, "DIGITALTWINS").await?;
        let relationships = count(&self.service, "RELATIONSHIPS").await?;
        self.compare_twins(&mut told("twins", twins, relationships)).await?;
        self.compare_relationships(&mut told("relationships", relationships, None)).await?;
        Ok(())
    }

    /// The twins that changed since the newest known, `overlap` included.
    pub(crate) async fn ask_for_changes(&mut self, overlap: Duration) -> Result<(), SyncError> {
        let since = self.newest.plus_seconds(-overlap.as_secs_f64()).max(Timestamp::default());
        let query = format!("{TWINS} T WHERE T.$metadata.$lastUpdateTime >= '{since}'");
        let mut pages = Pages::of_query(&self.service, "changed twins", query, self.page);
        while let Some(rows) = pages.rows().await? {
            self.merge_twins(&rows)?;
        }
        Ok(())
    }

    /// Compares all twins and relationships, and deletes what is gone.
    pub(crate) async fn compare_everything(&mut self) -> Result<(), SyncError> {
        self.rows_left_out = 0;
        let twins = self.compare_twins(&mut |_| ()).await?;
        let relationships = self.compare_relationships(&mut |_| ()).await?;
        // Relationships first: a twin goes after what relates it.
        self.delete_gone_relationships(&relationships).await?;
        self.delete_gone_twins(&twins).await
    }

    async fn compare_twins(
        &mut self,
        told: &mut impl FnMut(usize),
    ) -> Result<HashSet<Arc<str>>, SyncError> {
        let mut pages = Pages::of_query(&self.service, "twins", TWINS, self.page);
        let mut seen = HashSet::new();
        while let Some(rows) = pages.rows().await? {
            seen.extend(self.merge_twins(&rows)?);
            told(seen.len());
        }
        Ok(seen)
    }

    async fn compare_relationships(
        &mut self,
        told: &mut impl FnMut(usize),
    ) -> Result<HashSet<RelationshipKey>, SyncError> {
        let mut pages = Pages::of_query(&self.service, "relationships", RELATIONSHIPS, self.page);
        let mut seen = HashSet::new();
        while let Some(rows) = pages.rows().await? {
            seen.extend(self.merge_relationships(&rows)?);
            told(seen.len());
        }
        Ok(seen)
    }

    /// Reads one twin and the relationships that leave it.
    pub(crate) async fn read_twin(&mut self, id: &str) -> Result<(), SyncError> {
        let call = Call::new(Origin::App);
        let Some(twin) = or_gone(self.service.get_twin(&call, id).await)? else {
            return self.delete_twin(id);
        };
        self.merge_twins(&[twin.body])?;
        let mut seen = HashSet::new();
        let mut page = PageRequest { continuation: None, max_items: Some(self.page) };
        loop {
            let listed = self.service.list_relationships(&call, id, None, page.clone()).await;
            let Some(listed) = or_gone(listed)? else { return Ok(()) };
            seen.extend(self.merge_relationships(&listed.items)?);
            if listed.continuation.is_none() {
                break;
            }
            if listed.continuation == page.continuation {
                return Err(SyncError::Endless("relationships"));
            }
            page.continuation = listed.continuation;
        }
        let known: Vec<_> =
            self.view.read().outgoing(id).map(|r| (r.source.clone(), r.id.clone())).collect();
        for key in known.into_iter().filter(|key| !seen.contains(key)) {
            self.delete_relationship(&key.0, &key.1)?;
        }
        Ok(())
    }
}
