//! Events per second, in constant time and space.

use twin_graph::Timestamp;

const TICKS_PER_SLOT: i64 = 500_000;
const SLOTS_PER_SECOND: i64 = 20;
const SLOTS: usize = 32;

/// Counts of the last second, in slots of 50 ms.
#[derive(Default)]
pub(crate) struct Rate {
    /// Number of the slot since the epoch, and how many events fell in it.
    slots: [(i64, u64); SLOTS],
}

impl Rate {
    pub(crate) fn count(&mut self, time: Timestamp) {
        let number = time.ticks().div_euclid(TICKS_PER_SLOT);
        let slot = &mut self.slots[number.rem_euclid(SLOTS as i64) as usize];
        // An event that comes too late for its slot no longer counts.
        if number > slot.0 {
            *slot = (number, 0);
        }
        if number == slot.0 {
            slot.1 += 1;
        }
    }

    pub(crate) fn at(&self, now: Timestamp) -> f64 {
        let last = now.ticks().div_euclid(TICKS_PER_SLOT);
        let in_second = |slot: &&(i64, u64)| slot.0 <= last && slot.0 > last - SLOTS_PER_SECOND;
        self.slots.iter().filter(in_second).map(|slot| slot.1).sum::<u64>() as f64
    }
}
