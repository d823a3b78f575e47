//! The streams known, by number and by name.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use parking_lot::RwLock;

use crate::{Damage, JournalError, store::Extent};

/// A stream of one journal, by its number there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub(crate) u32);

pub(crate) struct Stream {
    pub(crate) id: StreamId,
    pub(crate) name: String,
    pub(crate) generation: u32,
    /// Positions given up with `accept_loss`, ascending.
    pub(crate) lost: Vec<(u64, u64)>,
    pub(crate) damage: Option<Damage>,
    first: AtomicU64,
    head: AtomicU64,
}

impl Stream {
    pub(crate) fn new(id: StreamId, name: String, generation: u32, extent: Extent) -> Self {
        let (first, head) = (AtomicU64::new(extent.first), AtomicU64::new(extent.head));
        Self { id, name, generation, lost: Vec::new(), damage: None, first, head }
    }

    pub(crate) fn publish(&self, extent: Extent) {
        self.first.store(extent.first, Ordering::Release);
        self.head.store(extent.head, Ordering::Release);
    }

    pub(crate) fn head(&self) -> u64 {
        self.head.load(Ordering::Acquire)
    }

    pub(crate) fn first(&self) -> u64 {
        self.first.load(Ordering::Acquire)
    }

    /// `position`, or the first one after it that was not given up.
    pub(crate) fn skip_lost(&self, position: u64) -> u64 {
        let mut position = position;
        for &(first, last) in &self.lost {
            if (first..=last).contains(&position) {
                position = last + 1;
            }
        }
        position
    }
}

#[derive(Default)]
pub(crate) struct Streams(RwLock<Inner>);

#[derive(Default)]
struct Inner {
    by_id: Vec<Arc<Stream>>,
    by_name: HashMap<String, StreamId>,
}

impl Streams {
    pub(crate) fn add(&self, stream: Stream) {
        let mut inner = self.0.write();
        inner.by_name.insert(stream.name.clone(), stream.id);
        inner.by_id.push(Arc::new(stream));
    }

    pub(crate) fn len(&self) -> u32 {
        u32::try_from(self.0.read().by_id.len()).unwrap_or(u32::MAX)
    }

    pub(crate) fn named(&self, name: &str) -> Option<StreamId> {
        self.0.read().by_name.get(name).copied()
    }

    pub(crate) fn get(&self, id: StreamId) -> Result<Arc<Stream>, JournalError> {
        let inner = self.0.read();
        let stream = inner.by_id.get((id.0 as usize).wrapping_sub(1));
        stream.cloned().ok_or(JournalError::UnknownStream(id.0))
    }
}
