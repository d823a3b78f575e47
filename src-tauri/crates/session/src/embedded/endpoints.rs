//! Endpoints made, changed and deleted over REST: laid over those of `topology.json`.
//!
//! Like event routes, they stand until the file says something else about the same endpoint.

use super::blocking;
use crate::failure::OpenError;
use journal::Journal;
use parking_lot::Mutex;
use pipeline::{Endpoint2019Spec, EndpointSpec, Topology};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::SystemTime;
use twin_graph::Timestamp;

const KEY: &str = "endpoints";

/// What REST says about endpoints, kept in the journal.
pub(crate) struct Overlay {
    journal: Journal,
    laid: Mutex<Laid>,
    /// Held while something is made durable.
    writing: tokio::sync::Mutex<()>,
}

/// All of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Laid {
    /// When the instance was first managed.
    since: Timestamp,
    #[serde(default)]
    tags: Tags,
    #[serde(default)]
    endpoints: Entries<EndpointSpec>,
    #[serde(default)]
    endpoints2019: Entries<Endpoint2019Spec>,
}

/// Tags, and when they were given.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Tags {
    pub(super) tags: BTreeMap<String, String>,
    pub(super) given: Option<Timestamp>,
}

type Entries<T> = BTreeMap<String, Entry<T>>;

/// What takes back what REST said about one endpoint.
pub(super) struct Undo(Box<dyn FnOnce(&mut Laid) + Send>);

/// What REST says about one endpoint.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Entry<T> {
    /// What the file said at that time: when it says something else, that stands.
    over: Option<T>,
    /// `None` where it was deleted.
    now: Option<T>,
    created: Timestamp,
    updated: Timestamp,
}

impl Overlay {
    /// What the journal keeps.
    pub(super) fn open(journal: &Journal) -> Result<Self, OpenError> {
        let kept = journal.value(KEY)?;
        let kept = kept.and_then(|bytes| {
            serde_json::from_slice(&bytes)
                .inspect_err(|error| {
                    tracing::error!(%error, "endpoints made over REST cannot be read; they are gone");
                })
                .ok()
        });
        let laid = kept.unwrap_or_else(|| {
            let laid = Laid::begin();
            // So that the instance is not younger at every start; nobody waits for it.
            drop(journal.put_value(KEY, serde_json::to_vec(&laid).unwrap_or_default()));
            laid
        });
        Ok(Self { journal: journal.clone(), laid: Mutex::new(laid), writing: Default::default() })
    }

    /// The topology of a file with its endpoints as they are.
    pub(crate) fn merged(&self, file: &Topology) -> Topology {
        let laid = self.laid.lock();
        let mut merged = file.clone();
        lay(&laid.endpoints, &file.endpoints, &mut merged.endpoints);
        lay(&laid.endpoints2019, &file.endpoints2019, &mut merged.endpoints2019);
        merged
    }

    /// Says what an endpoint is; `None` deletes it. Answers what takes that back.
    ///
    /// # Errors
    /// Where it cannot be kept; nothing is changed then.
    pub(super) async fn put(
        &self,
        file: &Topology,
        name: &str,
        spec: Option<EndpointSpec>,
    ) -> Result<Undo, OpenError> {
        let over = file.endpoints.get(name).cloned();
        self.say(name, over, spec, |laid| &mut laid.endpoints).await
    }

    /// Says what an endpoint of 2019 is; `None` deletes it.
    ///
    /// # Errors
    /// As [`Overlay::put`].
    pub(super) async fn put_2019(
        &self,
        file: &Topology,
        name: &str,
        spec: Option<Endpoint2019Spec>,
    ) -> Result<Undo, OpenError> {
        let over = file.endpoints2019.get(name).cloned();
        self.say(name, over, spec, |laid| &mut laid.endpoints2019).await
    }

    async fn say<T: Clone + PartialEq + Send + 'static>(
        &self,
        name: &str,
        over: Option<T>,
        spec: Option<T>,
        of: fn(&mut Laid) -> &mut Entries<T>,
    ) -> Result<Undo, OpenError> {
        let mut before = None;
        self.change(|laid| {
            before = of(laid).get(name).cloned();
            say(of(laid), name, over, spec);
        })
        .await?;
        let name = name.to_owned();
        Ok(Undo(Box::new(move |laid| match before {
            Some(entry) => drop(of(laid).insert(name, entry)),
            None => drop(of(laid).remove(&name)),
        })))
    }

    /// Takes back what was said.
    ///
    /// # Errors
    /// As [`Overlay::put`].
    pub(super) async fn undo(&self, Undo(undo): Undo) -> Result<(), OpenError> {
        self.change(undo).await
    }

    /// All endpoints that are laid over a file, whether it says something else by now or not.
    pub(super) fn laid(&self) -> Topology {
        let laid = self.laid.lock();
        Topology {
            endpoints: specs(&laid.endpoints),
            endpoints2019: specs(&laid.endpoints2019),
            ..Topology::default()
        }
    }

    /// Everything stands in the file now: nothing is laid over it any more.
    ///
    /// # Errors
    /// As [`Overlay::put`].
    pub(crate) async fn take_over(&self) -> Result<(), OpenError> {
        self.change(|laid| {
            laid.endpoints.clear();
            laid.endpoints2019.clear();
        })
        .await
    }

    /// When an endpoint was made and last changed; one of the file is as old as the instance.
    pub(super) fn times(&self, name: &str) -> (Timestamp, Timestamp) {
        let laid = self.laid.lock();
        laid.endpoints
            .get(name)
            .map_or((laid.since, laid.since), |entry| (entry.created, entry.updated))
    }

    /// When the instance was first managed, and its tags.
    pub(super) fn instance(&self) -> (Timestamp, Tags) {
        let laid = self.laid.lock();
        (laid.since, laid.tags.clone())
    }

    /// # Errors
    /// As [`Overlay::put`].
    pub(super) async fn set_tags(&self, tags: BTreeMap<String, String>) -> Result<(), OpenError> {
        self.change(|laid| laid.tags = Tags { tags, given: Some(now()) }).await
    }

    async fn change(&self, change: impl FnOnce(&mut Laid)) -> Result<(), OpenError> {
        let _writing = self.writing.lock().await;
        let mut laid = self.laid.lock().clone();
        change(&mut laid);
        let bytes = serde_json::to_vec(&laid).unwrap_or_default();
        let journal = self.journal.clone();
        blocking(move || journal.put_value(KEY, bytes).wait()).await??;
        *self.laid.lock() = laid;
        Ok(())
    }
}

impl Laid {
    fn begin() -> Self {
        Self {
            since: now(),
            tags: Tags::default(),
            endpoints: Entries::new(),
            endpoints2019: Entries::new(),
        }
    }
}

fn lay<T: Clone + PartialEq>(
    entries: &Entries<T>,
    file: &BTreeMap<String, T>,
    merged: &mut BTreeMap<String, T>,
) {
    for (name, entry) in
        entries.iter().filter(|(name, entry)| file.get(*name) == entry.over.as_ref())
    {
        match &entry.now {
            Some(spec) => drop(merged.insert(name.clone(), spec.clone())),
            None => drop(merged.remove(name)),
        }
    }
}

fn specs<T: Clone>(entries: &Entries<T>) -> BTreeMap<String, T> {
    let spec = |(name, entry): (&String, &Entry<T>)| Some((name.clone(), entry.now.clone()?));
    entries.iter().filter_map(spec).collect()
}

fn say<T: Clone + PartialEq>(
    entries: &mut Entries<T>,
    name: &str,
    over: Option<T>,
    now_is: Option<T>,
) {
    let before = entries.remove(name).filter(|entry| entry.now.is_some());
    // What the file does not name and nobody has leaves nothing behind.
    if over.is_none() && now_is.is_none() {
        return;
    }
    let updated = now();
    let created = before.map_or(updated, |before| before.created);
    entries.insert(name.to_owned(), Entry { over, now: now_is, created, updated });
}

fn now() -> Timestamp {
    Timestamp::from(SystemTime::now())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use pipeline::EndpointKind;

    fn file(names: &[(&str, EndpointKind)]) -> Topology {
        let spec = |(name, kind): &(&str, EndpointKind)| {
            ((*name).to_owned(), EndpointSpec::embedded(*kind))
        };
        Topology { endpoints: names.iter().map(spec).collect(), ..Topology::default() }
    }

    fn names(topology: &Topology) -> Vec<(&str, EndpointKind)> {
        topology.endpoints.iter().map(|(name, spec)| (name.as_str(), spec.kind)).collect()
    }

    #[tokio::test]
    async fn rest_stands_until_the_file_says_something_else() {
        use EndpointKind::{EventGrid, EventHub, ServiceBus};
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(folder.path(), journal::Options::default()).unwrap();
        let overlay = Overlay::open(&journal).unwrap();
        let before = file(&[("changed", EventGrid), ("deleted", EventGrid), ("left", EventGrid)]);
        let hub = Some(EndpointSpec::embedded(EventHub));
        overlay.put(&before, "changed", hub.clone()).await.unwrap();
        overlay.put(&before, "deleted", None).await.unwrap();
        overlay.put(&before, "made", hub.clone()).await.unwrap();
        overlay.put(&before, "gone", hub).await.unwrap();
        overlay.put(&before, "gone", None).await.unwrap();
        overlay.put(&before, "never", None).await.unwrap();
        let again = Overlay::open(&journal).unwrap();
        let expected = [("changed", EventHub), ("left", EventGrid), ("made", EventHub)];
        assert_eq!(names(&again.merged(&before)), expected);
        // Someone edits the file.
        let after = file(&[("changed", ServiceBus), ("deleted", ServiceBus), ("made", EventGrid)]);
        assert_eq!(again.merged(&after), after);
        // The same edit taken back.
        assert_eq!(names(&again.merged(&before)), expected);
        // What could not be set to work is taken back.
        for name in ["changed", "deleted", "made", "new"] {
            let undo = again.put(&before, name, Some(EndpointSpec::embedded(ServiceBus))).await;
            assert_ne!(names(&again.merged(&before)), expected);
            again.undo(undo.unwrap()).await.unwrap();
            assert_eq!(names(&again.merged(&before)), expected);
        }
        again.take_over().await.unwrap();
        assert_eq!(again.merged(&before), before);
        assert_eq!(Overlay::open(&journal).unwrap().merged(&before), before);
    }

    #[tokio::test]
    async fn an_endpoint_that_is_changed_keeps_when_it_was_made() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(folder.path(), journal::Options::default()).unwrap();
        let overlay = Overlay::open(&journal).unwrap();
        let spec = Some(EndpointSpec::embedded(EndpointKind::EventHub));
        overlay.put(&Topology::default(), "one", spec.clone()).await.unwrap();
        let (created, _) = overlay.times("one");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        overlay.put(&Topology::default(), "one", spec).await.unwrap();
        let (same, updated) = overlay.times("one");
        assert!(same == created && updated > created);
    }
}
