//! Numbers of delivery that the service does not publish: guesses, in one place.

use std::time::Duration;

/// How many changes an endpoint takes at once.
pub(super) const PAGE: usize = 1_024;

/// An event that could not be delivered is given up when it is so old. Event Grid's own default.
const TIME_TO_LIVE: Duration = Duration::from_secs(24 * 60 * 60);
/// The pause after the first failure; each further is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest. An endpoint that is back gets its events at most so much later.
const LONGEST_PAUSE: Duration = Duration::from_secs(5 * 60);
/// How long one attempt may take; shorter than the second below it is not made, however time is
/// scaled: the network's time is not.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
const SHORTEST_ANSWER: Duration = Duration::from_secs(1);
/// While the secondary key serves, the primary is tried again so often.
const PRIMARY_AGAIN: Duration = Duration::from_secs(5 * 60);
/// How often a dead letter is tried to be written.
pub(super) const DEAD_LETTER_ATTEMPTS: u32 = 5;
/// How often a batch is tried by the rules of 2019 before the endpoint counts as unreachable: one
/// broken connection is not yet that.
pub(super) const ATTEMPTS_OF_2019: u32 = 3;
/// The sentence of 2019: "a period of 30 minutes at most".
const MINUTE: Duration = Duration::from_secs(60);

/// The times, scaled.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times(pub(super) f64);

impl Times {
    fn scaled(self, time: Duration) -> Duration {
        time.mul_f64(self.0)
    }

    pub(super) fn time_to_live(self) -> Duration {
        self.scaled(TIME_TO_LIVE)
    }

    pub(super) fn answer_within(self) -> Duration {
        self.scaled(ANSWER_WITHIN).max(SHORTEST_ANSWER)
    }

    pub(super) fn primary_again(self) -> Duration {
        self.scaled(PRIMARY_AGAIN)
    }

    pub(super) fn minutes(self, minutes: u32) -> Duration {
        self.scaled(MINUTE * minutes)
    }

    /// The pause after so many failures, one at least: a quarter more or less, so that endpoints
    /// that lost the same server do not come back in step.
    pub(super) fn pause(self, failures: u32) -> Duration {
        let doubled = FIRST_PAUSE.saturating_mul(1 << failures.saturating_sub(1).min(20));
        let part = f64::from(uuid::Uuid::new_v4().as_bytes()[0]) / 255.0;
        self.scaled(doubled.min(LONGEST_PAUSE)).mul_f64(0.75 + part / 2.0)
    }
}
