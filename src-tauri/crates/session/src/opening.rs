//! What is told while something is opened.

use std::time::{Duration, Instant};

/// Before that long no estimate is made: it would jump.
const ESTIMATE_AFTER: Duration = Duration::from_millis(800);

/// How far opening is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// What is done now, in words.
    pub step: String,
    /// How many are done.
    pub done: u64,
    /// Of how many, where that is known.
    pub total: Option<u64>,
    /// How long the rest of the step takes at the pace so far, where that can be told.
    pub left: Option<Duration>,
}

impl Opening {
    pub(crate) fn begins(step: &str) -> Self {
        Self { step: step.to_owned(), done: 0, total: None, left: None }
    }
}

/// Estimates how long a step still takes, from its first report on.
#[derive(Default)]
pub(crate) struct Pace {
    step: String,
    first: Option<(Instant, u64)>,
}

impl Pace {
    /// `done` of `total` now.
    pub(crate) fn at(&mut self, now: Instant, step: &str, done: u64, total: u64) -> Opening {
        let first = self.first.filter(|(_, before)| self.step == step && *before <= done);
        let (began, before) = *self.first.insert(first.unwrap_or((now, done)));
        step.clone_into(&mut self.step);
        let took = now.saturating_duration_since(began);
        let left = (took >= ESTIMATE_AFTER && done > before).then(|| {
            // Counts are far below what a float holds exactly.
            took.mul_f64(total.saturating_sub(done) as f64 / (done - before) as f64)
        });
        Opening { step: step.to_owned(), done, total: Some(total), left }
    }

    /// How far the copy of a remote instance is.
    pub(crate) fn of_remote(&mut self, now: Instant, progress: &twin_sync::Progress) -> Opening {
        let step = format!("Loading {}", progress.step);
        let done = u64::from(progress.done);
        match progress.total {
            Some(total) => self.at(now, &step, done, u64::from(total)),
            None => Opening { step, done, total: None, left: None },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_is_estimated_once_there_is_a_pace() {
        let start = Instant::now();
        let mut pace = Pace::default();
        let mut left = |ms, step, done| {
            let told = pace.at(start + Duration::from_millis(ms), step, done, 1_000);
            assert_eq!((told.step.as_str(), told.done, told.total), (step, done, Some(1_000)));
            told.left.map(|left| left.as_millis())
        };
        assert_eq!(left(0, "a", 100), None);
        assert_eq!(left(500, "a", 200), None);
        assert_eq!(left(1_000, "a", 300), Some(3_500));
        assert_eq!(left(4_500, "a", 1_000), Some(0));
        assert_eq!(left(4_600, "b", 10), None);
        assert_eq!(left(5_600, "b", 10), None);
        assert_eq!(left(6_600, "b", 20), Some(196_000));
        // It began anew: an older snapshot stands in for a damaged one.
        assert_eq!(left(7_600, "b", 5), None);
    }
}
