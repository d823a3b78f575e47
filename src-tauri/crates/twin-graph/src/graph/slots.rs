//! Places for twins or relationships, each with the version at which it last changed.

use super::chunks::{Chunks, LEAF, Leaf};
use std::sync::Arc;

/// A place for a twin or a relationship.
#[derive(Debug)]
pub struct Slot<T> {
    version: u64,
    since: u64,
    value: Option<Arc<T>>,
}

impl<T> Slot<T> {
    /// The graph's version when what is here last came, went or changed; 0 where nothing ever was.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The graph's version when what is here came, however often it changed since.
    pub fn since(&self) -> u64 {
        self.since
    }

    /// What is here; `None` where the place is free.
    pub fn value(&self) -> Option<&Arc<T>> {
        self.value.as_ref()
    }
}

impl<T> Clone for Slot<T> {
    fn clone(&self) -> Self {
        Self { version: self.version, since: self.since, value: self.value.clone() }
    }
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self { version: 0, since: 0, value: None }
    }
}

/// Places that lie together.
pub struct Chunk<'g, T> {
    first: usize,
    leaf: &'g Leaf<Slot<T>>,
    len: usize,
}

impl<'g, T> Chunk<'g, T> {
    /// Places of a chunk; the last chunk may have fewer.
    pub const PLACES: usize = LEAF;

    /// The index of its first place: of a node or of an edge. A multiple of [`Chunk::PLACES`].
    pub fn first(&self) -> usize {
        self.first
    }

    /// The newest version of its places.
    pub fn newest(&self) -> u64 {
        self.leaf.newest
    }

    /// The places in order, free ones too.
    pub fn slots(&self) -> impl Iterator<Item = &'g Slot<T>> + use<'g, T> {
        self.leaf.places.iter().take(self.len)
    }
}

#[derive(Clone)]
pub(crate) struct Slots<T>(Chunks<Slot<T>>);

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self(Chunks::default())
    }
}

impl<T> Slots<T> {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn value(&self, place: u32) -> Option<&Arc<T>> {
        self.0.get(place as usize)?.value.as_ref()
    }

    /// The version at which what is in a place came; `None` where it is free.
    pub(crate) fn since(&self, place: u32) -> Option<u64> {
        let slot = self.0.get(place as usize)?;
        slot.value.as_ref().map(|_| slot.since)
    }

    /// The version at which what is in a place last changed; `None` where it is free.
    pub(crate) fn changed(&self, place: u32) -> Option<u64> {
        let slot = self.0.get(place as usize)?;
        slot.value.as_ref().map(|_| slot.version)
    }

    /// All chunks, or those with a place that changed after a version.
    pub(crate) fn chunks(&self, after: Option<u64>) -> impl Iterator<Item = Chunk<'_, T>> {
        let all = self.0.len();
        self.0.leaves(after).map(move |(first, leaf)| {
            let len = LEAF.min(all - first);
            Chunk { first, leaf, len }
        })
    }

    /// Puts something in a place, or takes it away; `place` is at most one beyond the end.
    pub(crate) fn set(&mut self, place: u32, version: u64, value: Option<Arc<T>>) {
        if place as usize == self.0.len() {
            self.0.push();
        }
        if let Some(slot) = self.0.change(place as usize, version) {
            let since = if slot.value.is_some() { slot.since } else { version };
            *slot = Slot { version, since, value };
        }
    }
}
