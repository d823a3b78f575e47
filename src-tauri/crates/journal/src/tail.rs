//! What is durable and not in the database yet: the part of the log that is being written, and the
//! one that is being moved. Readers look here first.

use std::{collections::BTreeMap, sync::Arc};

use parking_lot::RwLock;

use crate::{
    StoreError, StreamId,
    part::{Completed, InPart, Part},
};

/// Shared by the I/O thread, which adds, the mover, which takes, and all readers.
#[derive(Default)]
pub(crate) struct Tail(RwLock<Parts>);

#[derive(Default)]
struct Parts {
    current: Part,
    sealed: Option<Arc<Part>>,
}

impl Parts {
    /// Newest first.
    fn each(&self) -> impl Iterator<Item = &Part> {
        [&self.current].into_iter().chain(self.sealed.as_deref())
    }
}

impl Tail {
    /// Adds a commit that is durable.
    pub(crate) fn add(&self, number: u64, body: Arc<[u8]>) -> Result<(), StoreError> {
        self.0.write().current.add(number, body)
    }

    /// The part that was being written is to be moved now. False where the one before still is, or
    /// there is nothing in it.
    pub(crate) fn seal(&self) -> bool {
        let mut parts = self.0.write();
        if parts.sealed.is_some() || parts.current.last == 0 {
            return false;
        }
        parts.sealed = Some(Arc::new(std::mem::take(&mut parts.current)));
        true
    }

    /// What is to be moved.
    pub(crate) fn sealed(&self) -> Option<Arc<Part>> {
        self.0.read().sealed.clone()
    }

    /// Whether something is being moved: who asks the database meanwhile may have to wait.
    pub(crate) fn is_moving(&self) -> bool {
        self.0.read().sealed.is_some()
    }

    /// That is in the database now.
    pub(crate) fn moved(&self) {
        // Dropped behind the lock: it is long.
        let moved = self.0.write().sealed.take();
        drop(moved);
    }

    /// Gives the records of a stream from `from` on until `take` wants no more; says whether it
    /// holds that one.
    pub(crate) fn records(
        &self,
        stream: StreamId,
        from: u64,
        mut take: impl FnMut(&InPart<'_>) -> bool,
    ) -> bool {
        let parts = self.0.read();
        let sealed = parts.sealed.as_ref().and_then(|sealed| sealed.records(stream, from));
        let mut next = from;
        let is_held = sealed.is_some();
        for record in sealed.into_iter().flatten() {
            next = record.position + 1;
            if !take(&record) {
                return true;
            }
        }
        let current = parts.current.records(stream, next);
        let is_held = is_held || current.is_some();
        let _ = current.into_iter().flatten().all(|record| take(&record));
        is_held
    }

    pub(crate) fn value(&self, key: &str) -> Option<Vec<u8>> {
        self.0.read().each().find_map(|part| part.value(key).map(<[u8]>::to_vec))
    }

    /// Those whose keys begin with that.
    pub(crate) fn values(&self, prefix: &str) -> BTreeMap<String, Vec<u8>> {
        let parts = self.0.read();
        let mut values = BTreeMap::new();
        for (key, value) in parts.each().flat_map(Part::values) {
            // The newest comes first.
            if key.starts_with(prefix) && !values.contains_key(key) {
                values.insert(key.to_owned(), value.to_vec());
            }
        }
        values
    }

    pub(crate) fn chunk(&self, snapshot: u64, index: u32) -> Option<Vec<u8>> {
        self.0.read().each().find_map(|part| part.chunk(snapshot, index).map(<[u8]>::to_vec))
    }

    /// Newest first.
    pub(crate) fn snapshots(&self) -> Vec<Completed> {
        self.0.read().each().flat_map(|part| part.snapshots.iter().rev().copied()).collect()
    }
}
