//! From an id to its place, as a copy-on-write hash table.
//!
//! The table keeps hashes and places only; the ids themselves are in the places. It is cut into
//! shards so that writing copies one of them, and grows shard by shard (linear hashing), so that
//! no write ever waits for the whole of it to be rehashed.

use hashbrown::{DefaultHashBuilder, HashTable};
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

/// Entries of a shard, on average, when another one is added.
const SHARD: usize = 1_024;

#[derive(Clone, Copy)]
struct Entry {
    hash: u32,
    place: u32,
}

#[derive(Clone)]
pub(crate) struct Index {
    shards: Vec<Arc<HashTable<Entry>>>,
    count: usize,
    hasher: DefaultHashBuilder,
}

impl Default for Index {
    fn default() -> Self {
        Self { shards: vec![Arc::default()], count: 0, hasher: DefaultHashBuilder::default() }
    }
}

/// What a shard's table hashes by: the low bits, which all entries of a shard share, are mixed.
fn mix(hash: u32) -> u64 {
    let wide = u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    wide ^ (wide >> 32)
}

impl Index {
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    pub(crate) fn hash(&self, key: impl Hash) -> u32 {
        (self.hasher.hash_one(key) >> 32) as u32
    }

    /// The place under this hash that is the wanted one.
    pub(crate) fn find(&self, hash: u32, is: impl Fn(u32) -> bool) -> Option<u32> {
        let shard = self.shards.get(shard_of(hash, self.shards.len()))?;
        let wanted = |entry: &Entry| entry.hash == hash && is(entry.place);
        shard.find(mix(hash), wanted).map(|entry| entry.place)
    }

    /// Adds a place that is not there yet.
    pub(crate) fn insert(&mut self, hash: u32, place: u32) {
        self.count += 1;
        if self.count > self.shards.len() * SHARD {
            self.split();
        }
        put(&mut self.shards, Entry { hash, place });
    }

    pub(crate) fn remove(&mut self, hash: u32, place: u32) {
        let shard = shard_of(hash, self.shards.len());
        let Some(shard) = self.shards.get_mut(shard) else { return };
        let wanted = |entry: &Entry| entry.place == place;
        if let Ok(found) = Arc::make_mut(shard).find_entry(mix(hash), wanted) {
            found.remove();
            self.count -= 1;
        }
    }

    /// Adds a shard, and moves to it what belongs there now from the one shard that had it.
    fn split(&mut self) {
        let added = self.shards.len();
        let from = added - (added + 1).next_power_of_two() / 2;
        self.shards.push(Arc::default());
        let entries = std::mem::take(&mut self.shards[from]);
        for entry in entries.iter() {
            put(&mut self.shards, *entry);
        }
    }
}

/// A hash belongs to the shard of its low bits: as many as number the next power of two, or one
/// less where that shard is not there yet.
fn shard_of(hash: u32, shards: usize) -> usize {
    let all = shards.next_power_of_two();
    let shard = hash as usize & (all - 1);
    if shard < shards { shard } else { shard & (all / 2 - 1) }
}

fn put(shards: &mut [Arc<HashTable<Entry>>], entry: Entry) {
    let shard = shard_of(entry.hash, shards.len());
    if let Some(shard) = shards.get_mut(shard) {
        Arc::make_mut(shard).insert_unique(mix(entry.hash), entry, |entry| mix(entry.hash));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_is_there_in_each_version() {
        let mut index = Index::default();
        let mut versions = Vec::new();
        for place in 0..10_000_u32 {
            index.insert(index.hash(place), place);
            if place % 3 == 0 {
                index.remove(index.hash(place / 3), place / 3);
            }
            if place % 500 == 0 {
                versions.push((place, index.clone()));
            }
        }
        for (upto, version) in versions {
            let there = |place: u32| place > upto / 3 && place <= upto;
            assert_eq!(version.len(), (0..10_000).filter(|place| there(*place)).count());
            for place in 0..10_000 {
                let found = version.find(version.hash(place), |found| found == place);
                assert_eq!(found.is_some(), there(place), "{place} of {upto}");
            }
        }
    }
}
