//! What became of each change that an endpoint was handed, for who asks later.
//!
//! An endpoint is a cursor: what it was handed up to its position is delivered, but for the few
//! that are written down here. So a delivered event costs nothing.

use parking_lot::Mutex;
use std::collections::BTreeMap;

/// So many that were not delivered are known, the newest.
const MOST: usize = 16_384;

/// What became of a change that an endpoint was handed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is on its way, or waits behind others.
    Waiting,
    /// It was delivered.
    Delivered,
    /// It is a dead letter.
    DeadLettered,
    /// It is gone, for this reason.
    Dropped(&'static str),
}

/// The fates of changes, by version.
#[derive(Debug, Default)]
pub(crate) struct Fates(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// Up to this version nothing is known. `None` where the endpoint never began.
    since: Option<u64>,
    /// Up to this version all is done with.
    until: u64,
    /// What was not delivered.
    others: BTreeMap<u64, Fate>,
}

impl Fates {
    /// The endpoint begins behind a version. One that goes on after a deploy knows more.
    pub(crate) fn begin(&self, at: u64) {
        let mut known = self.0.lock();
        known.since.get_or_insert(at);
        known.until = known.until.max(at);
    }

    /// All up to this version is done with.
    pub(crate) fn settle(&self, until: u64) {
        self.0.lock().until = until;
    }

    /// These were not delivered.
    pub(crate) fn except(&self, others: impl IntoIterator<Item = (u64, Fate)>) {
        let mut known = self.0.lock();
        known.others.extend(others);
        while known.others.len() > MOST {
            let forgotten = known.others.pop_first().map(|(version, _)| version);
            known.since = known.since.max(forgotten);
        }
    }

    /// Of changes up to this version nothing is known any more.
    pub(crate) fn forget_until(&self, version: u64) {
        let mut known = self.0.lock();
        known.since = known.since.max(Some(version));
    }

    /// What became of a change that the endpoint was handed; `None` where that is not known, as
    /// for all that was before this run of the program.
    pub(crate) fn of(&self, version: u64) -> Option<Fate> {
        let known = self.0.lock();
        known.since.filter(|since| version > *since)?;
        let settled = if version > known.until { Fate::Waiting } else { Fate::Delivered };
        Some(known.others.get(&version).copied().unwrap_or(settled))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fates_follow_the_position_and_its_exceptions() {
        let fates = Fates::default();
        assert_eq!(fates.of(7), None, "an endpoint that never began");
        fates.begin(5);
        fates.except([(7, Fate::DeadLettered), (9, Fate::Dropped("gone"))]);
        fates.settle(9);
        let told: Vec<_> = (5..=10).map(|version| fates.of(version)).collect();
        let expected = [
            None,
            Some(Fate::Delivered),
            Some(Fate::DeadLettered),
            Some(Fate::Delivered),
            Some(Fate::Dropped("gone")),
            Some(Fate::Waiting),
        ];
        assert_eq!(told, expected);
        // It goes on after a deploy.
        fates.begin(9);
        assert_eq!(fates.of(7), Some(Fate::DeadLettered));
    }

    #[test]
    fn what_is_known_is_bounded_and_the_rest_is_not_guessed() {
        let fates = Fates::default();
        fates.begin(0);
        let lost = MOST as u64 + 10;
        fates.except((1..=lost).map(|version| (version, Fate::DeadLettered)));
        fates.settle(lost + 1);
        assert_eq!(fates.of(10), None);
        assert_eq!(fates.of(11), Some(Fate::DeadLettered));
        assert_eq!(fates.of(lost + 1), Some(Fate::Delivered));
        fates.forget_until(20);
        assert_eq!(fates.of(20), None);
    }
}
