//! What is counted for each twin by itself, in bounded memory.

use crate::window::Window;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);
/// Twins of a generation. More than that in a second, and the oldest are let go of: their limit is
/// then not exact.
const MOST: usize = 100_000;

/// Which twin; two of one hash would be counted as one.
pub(crate) type Key = u64;

/// Windows of the twins that were written in the last second or two: a generation that grows, and
/// the one before it. Twins that stay silent go with their generation.
#[derive(Debug)]
pub(crate) struct Twins {
    hash: RandomState,
    young: HashMap<Key, Window>,
    old: HashMap<Key, Window>,
    since: Instant,
    outstanding: HashMap<Key, u64>,
}

impl Twins {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            hash: RandomState::new(),
            young: HashMap::new(),
            old: HashMap::new(),
            since: now,
            outstanding: HashMap::new(),
        }
    }

    pub(crate) fn key(&self, id: &str) -> Key {
        self.hash.hash_one(id)
    }

    /// The window of a twin.
    pub(crate) fn window(&mut self, key: Key, now: Instant) -> &mut Window {
        let age = now.saturating_duration_since(self.since);
        if age >= SECOND || self.young.len() >= MOST {
            let young = std::mem::take(&mut self.young);
            self.old = if age >= 2 * SECOND { HashMap::new() } else { young };
            self.since = now;
        }
        let old = &mut self.old;
        self.young.entry(key).or_insert_with(|| old.remove(&key).unwrap_or_default())
    }

    /// Operations on a twin that are not answered yet.
    pub(crate) fn outstanding(&self, key: Key) -> u64 {
        self.outstanding.get(&key).copied().unwrap_or(0)
    }

    /// One more; answers how many there are.
    pub(crate) fn begin(&mut self, key: Key) -> u64 {
        let count = self.outstanding.entry(key).or_default();
        *count += 1;
        *count
    }

    pub(crate) fn end(&mut self, key: Key) {
        if let Some(count) = self.outstanding.get_mut(&key) {
            *count -= 1;
            if *count == 0 {
                self.outstanding.remove(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silent_twins_are_let_go_of() {
        let start = Instant::now();
        let mut twins = Twins::new(start);
        let at = |ms: u64| start + Duration::from_millis(ms);
        let write = |twins: &mut Twins, key, now| {
            let window = twins.window(key, now);
            let room = window.has_room(2, now);
            if room {
                window.add(1, now);
            }
            room
        };
        assert!(write(&mut twins, 1, at(900)));
        assert!(write(&mut twins, 1, at(950)));
        // Into the next generation with its memory.
        assert!(!write(&mut twins, 1, at(1_100)));
        assert!(write(&mut twins, 1, at(1_900)));
        for (key, ms) in [(2, 3_000), (3, 4_100)] {
            assert!(write(&mut twins, key, at(ms)));
        }
        assert!(!twins.young.contains_key(&1) && !twins.old.contains_key(&1));
        for key in 0..3 * MOST as u64 {
            write(&mut twins, key, at(4_200));
        }
        assert!(twins.young.len() + twins.old.len() <= 2 * MOST + 1);
    }
}
