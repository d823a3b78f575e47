//! What happened in each of the last sixty seconds.

const SLOTS: usize = 60;

/// One number a second for a minute.
#[derive(Clone, Debug)]
pub(crate) struct Meter {
    slots: [(u64, u64); SLOTS],
}

impl Default for Meter {
    fn default() -> Self {
        Self { slots: [(0, 0); SLOTS] }
    }
}

impl Meter {
    fn slot(&mut self, second: u64) -> &mut u64 {
        // The remainder is below the number of slots.
        let slot = &mut self.slots[(second % SLOTS as u64) as usize];
        if slot.0 != second {
            *slot = (second, 0);
        }
        &mut slot.1
    }

    /// Adds to a second.
    pub(crate) fn add(&mut self, second: u64, amount: u64) {
        *self.slot(second) += amount;
    }

    /// Raises a second's number; whether it was lower.
    pub(crate) fn raise(&mut self, second: u64, number: u64) -> bool {
        let slot = self.slot(second);
        let higher = number > *slot;
        *slot = number.max(*slot);
        higher
    }

    fn of_minute(&self, second: u64) -> impl Iterator<Item = (u64, u64)> {
        self.slots.into_iter().filter(move |(when, _)| *when + SLOTS as u64 > second)
    }

    /// The present second's number, or that of the one before where it is higher.
    pub(crate) fn now(&self, second: u64) -> u64 {
        let recent = self.of_minute(second).filter(|(when, _)| *when + 1 >= second);
        recent.map(|(_, number)| number).max().unwrap_or(0)
    }

    /// The highest number of the last minute.
    pub(crate) fn highest(&self, second: u64) -> u64 {
        self.of_minute(second).map(|(_, number)| number).max().unwrap_or(0)
    }

    /// All of the last minute together.
    pub(crate) fn sum(&self, second: u64) -> u64 {
        self.of_minute(second).map(|(_, number)| number).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remembers_a_minute() {
        let mut meter = Meter::default();
        meter.add(100, 3);
        meter.add(100, 2);
        meter.add(130, 4);
        assert_eq!((meter.now(131), meter.highest(131), meter.sum(131)), (4, 5, 9));
        assert_eq!((meter.now(132), meter.highest(159), meter.sum(159)), (0, 5, 9));
        assert_eq!((meter.highest(160), meter.sum(160)), (4, 4));
        meter.add(160, 1);
        assert_eq!((meter.highest(160), meter.sum(189), meter.sum(190)), (4, 5, 1));
        assert!(meter.raise(160, 7) && !meter.raise(160, 6));
        assert_eq!(meter.now(161), 7);
    }
}
