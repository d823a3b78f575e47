//! What nodes must not forget: a value of the journal for each, kept lazily.

use crate::embedded::blocking;
use journal::{Batch, Damage, Journal, JournalError};
use parking_lot::Mutex;
use pipeline::{Kept, Memory};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::runtime::Handle;

/// What the journal's keys of nodes begin with.
const PREFIX: &str = "node/";
/// How long what was kept may wait for the journal: all nodes share a commit.
const LAZY: Duration = Duration::from_millis(500);
/// Between attempts while the journal refuses (a full disk).
const AGAIN: Duration = Duration::from_secs(5);

/// The memory of a topology's nodes. Clones share it. A node's position and its state are one
/// value, so that a crash leaves an older pair, and never halves of two.
#[derive(Clone)]
pub(crate) struct NodeMemory {
    shared: Arc<Shared>,
    runtime: Handle,
}

struct Shared {
    journal: Journal,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    known: BTreeMap<String, Kept>,
    /// Names whose value is newer than the journal's.
    newer: BTreeSet<String>,
    /// Whether a task is going to write them.
    due: bool,
}

impl NodeMemory {
    /// What the journal keeps. Must be called within a tokio runtime. **Blocks.**
    ///
    /// # Errors
    /// That it cannot be read: to begin anew then would pass over what waits for a node.
    pub(crate) fn open(journal: &Journal) -> Result<Self, JournalError> {
        for damage in &journal.recovery().damaged {
            if let Damage::Value { key, .. } = damage
                && let Some(name) = key.strip_prefix(PREFIX)
            {
                tracing::error!(%damage, name, "what a node knew is damaged; it begins anew");
            }
        }
        let kept = journal.values(PREFIX)?.into_iter();
        let known = kept.filter_map(|(key, bytes)| {
            let known = decode(&bytes).filter(|kept| *kept != Kept::default())?;
            Some((key.strip_prefix(PREFIX)?.to_owned(), known))
        });
        let state = State { known: known.collect(), ..State::default() };
        let shared = Shared { journal: journal.clone(), state: Mutex::new(state) };
        Ok(Self { shared: Arc::new(shared), runtime: Handle::current() })
    }

    /// Forgets nodes that are gone, by their ids: ones made anew under their names begin anew.
    pub(crate) fn forget(&self, nodes: &BTreeSet<String>) {
        let of_gone = |name: &String| {
            let of_node = |node: &String| {
                name.strip_prefix(node.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            nodes.iter().any(of_node)
        };
        let known: Vec<_> =
            self.shared.state.lock().known.keys().filter(|n| of_gone(n)).cloned().collect();
        for name in known.iter().filter(|name| self.load(name).is_some()) {
            self.change(name, Kept::default());
        }
    }

    /// Hands everything to the journal now; it is durable after a flush of that. **Blocks** while
    /// the journal's queue is full.
    pub(crate) fn hand_over(&self) {
        self.shared.write();
    }

    fn change(&self, name: &str, kept: Kept) {
        let mut state = self.shared.state.lock();
        state.known.insert(name.to_owned(), kept);
        state.newer.insert(name.to_owned());
        if !std::mem::replace(&mut state.due, true) {
            self.runtime.spawn(write_later(Arc::downgrade(&self.shared), LAZY));
        }
    }
}

impl Memory for NodeMemory {
    fn load(&self, name: &str) -> Option<Kept> {
        let known = self.shared.state.lock().known.get(name).cloned();
        known.filter(|kept| *kept != Kept::default())
    }

    fn keep(&self, name: &str, kept: Kept) {
        self.change(name, kept);
    }
}

impl Shared {
    fn write(self: &Arc<Self>) {
        let mut batch = Batch::new();
        let written = {
            let mut state = self.state.lock();
            state.due = false;
            let newer = std::mem::take(&mut state.newer);
            for name in &newer {
                if let Some(kept) = state.known.get(name) {
                    batch = batch.value(key(name), encode(kept));
                }
            }
            newer
        };
        if written.is_empty() {
            return;
        }
        // Not held by what waits in the journal, which it would keep open.
        let (this, runtime) = (Arc::downgrade(self), Handle::try_current());
        self.journal.commit(batch).on_done(move |done| {
            let (Err(error), Some(this)) = (done, this.upgrade()) else { return };
            tracing::warn!(%error, "where nodes are could not be kept; it is tried again");
            let mut state = this.state.lock();
            state.newer.extend(written);
            if let (false, Ok(runtime)) = (state.due, runtime) {
                state.due = true;
                drop(state);
                runtime.spawn(write_later(Arc::downgrade(&this), AGAIN));
            }
        });
    }
}

/// Holds nothing while it waits, so that a journal that is closed meanwhile is free at once.
async fn write_later(shared: Weak<Shared>, after: Duration) {
    tokio::time::sleep(after).await;
    let Some(shared) = shared.upgrade() else { return };
    // The app is ending where this fails; it hands over by itself then.
    let _ = blocking(move || shared.write()).await;
}

fn key(name: &str) -> String {
    format!("{PREFIX}{name}")
}

fn encode(kept: &Kept) -> Vec<u8> {
    let mut bytes = kept.position.to_le_bytes().to_vec();
    bytes.extend(&kept.state);
    bytes
}

fn decode(bytes: &[u8]) -> Option<Kept> {
    let (position, state) = bytes.split_first_chunk()?;
    Some(Kept { position: u64::from_le_bytes(*position), state: state.to_vec() })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn kept(position: u64, state: &str) -> Kept {
        Kept { position, state: state.as_bytes().to_vec() }
    }

    #[tokio::test]
    async fn is_there_at_once_and_after_a_start() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(folder.path(), journal::Options::default()).unwrap();
        let memory = NodeMemory::open(&journal).unwrap();
        assert_eq!(memory.load("endpoints/one"), None);
        memory.keep("endpoints/one", kept(7, "{}"));
        memory.keep("endpoints/one", kept(8, "counts"));
        assert_eq!(memory.load("endpoints/one"), Some(kept(8, "counts")));
        tokio::time::timeout(Duration::from_secs(10), async {
            while NodeMemory::open(&journal).unwrap().load("endpoints/one").is_none() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await
        .unwrap();
        memory.keep("endpoints/two", kept(1, ""));
        memory.hand_over();
        journal.flush().unwrap();
        let again = NodeMemory::open(&journal).unwrap();
        assert_eq!(again.load("endpoints/one"), Some(kept(8, "counts")));
        assert_eq!(again.load("endpoints/two"), Some(kept(1, "")));
    }

    #[tokio::test]
    async fn nodes_that_are_gone_begin_anew() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(folder.path(), journal::Options::default()).unwrap();
        let memory = NodeMemory::open(&journal).unwrap();
        memory.keep("endpoints/one", kept(7, "x"));
        memory.hand_over();
        // Also by another start, which keeps nothing of them itself.
        journal.flush().unwrap();
        let memory = NodeMemory::open(&journal).unwrap();
        memory.keep("subscriptions/two/0", kept(3, ""));
        memory.keep("subscriptions/twofold/0", kept(4, ""));
        let gone = ["endpoints/one", "endpoints/never", "subscriptions/two"];
        memory.forget(&gone.map(str::to_owned).into());
        assert_eq!(memory.load("endpoints/one"), None);
        assert_eq!(memory.load("subscriptions/two/0"), None);
        assert_eq!(memory.load("subscriptions/twofold/0"), Some(kept(4, "")));
        memory.hand_over();
        journal.flush().unwrap();
        assert_eq!(NodeMemory::open(&journal).unwrap().load("endpoints/one"), None);
    }
}
