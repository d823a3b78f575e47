//! What happened in the last second, exactly.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);
/// Past it, what is added joins the latest: the second is then a little longer for it.
const MOST_ENTRIES: usize = 1_000_000;

/// A sliding window of one second. Each request costs O(1) on average; the memory is that of the
/// requests that were let in during a second, which the limit bounds.
#[derive(Debug, Default)]
pub(crate) struct Window {
    entries: VecDeque<(Instant, u64)>,
    sum: u64,
}

impl Window {
    /// Whether less than `most` is in it.
    pub(crate) fn has_room(&mut self, most: u64, now: Instant) -> bool {
        while let Some(&(when, weight)) = self.entries.front()
            && now.saturating_duration_since(when) >= SECOND
        {
            self.entries.pop_front();
            self.sum -= weight;
        }
        self.sum < most
    }

    /// Adds to it.
    pub(crate) fn add(&mut self, weight: u64, now: Instant) {
        self.sum += weight;
        let full = self.entries.len() >= MOST_ENTRIES;
        match self.entries.back_mut() {
            Some(latest) if full => latest.1 += weight,
            _ => self.entries.push_back((now, weight)),
        }
    }

    /// How much is in it, as of the last look.
    pub(crate) fn sum(&self) -> u64 {
        self.sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// However requests come, no second has more than the limit, and nothing is refused that
        /// would fit.
        #[test]
        fn never_more_than_the_limit_in_any_second(
            gaps in prop::collection::vec(0_u64..400, 1..200),
            most in 1_u64..20,
        ) {
            let start = Instant::now();
            let (mut window, mut let_in, mut at) = (Window::default(), Vec::new(), 0);
            for gap in gaps {
                at += gap;
                let now = start + Duration::from_millis(at);
                let in_last_second = let_in.iter().filter(|&&when| at - when < 1_000).count();
                let room = window.has_room(most, now);
                prop_assert_eq!(room, (in_last_second as u64) < most);
                if room {
                    window.add(1, now);
                    let_in.push(at);
                }
            }
        }
    }

    #[test]
    fn weights_leave_as_they_came() {
        let (mut window, now) = (Window::default(), Instant::now());
        window.add(70, now);
        window.add(40, now + Duration::from_millis(500));
        assert!(!window.has_room(100, now + Duration::from_millis(999)));
        assert!(window.has_room(100, now + Duration::from_millis(1_000)));
        assert_eq!(window.sum(), 40);
    }
}
