//! What an attempt at delivery came to, and when the next is.
//!
//! Source: "Event Grid message delivery and retry" (Microsoft Learn).

use super::event::End;
use serde::{Deserialize, Serialize};
use std::time::Duration;

//= documented: Deliveries are tried again after 10 s, 30 s, 1, 5, 10, 30 min, 1, 3, 6, then every
//  12 h, for a day or 30 attempts. [event-grid/delivery-and-retry]
/// Seconds after the first attempt, the second … The last is repeated.
const SCHEDULE: [u64; 10] = [10, 30, 60, 300, 600, 1_800, 3_600, 10_800, 21_600, 43_200];
/// How long an endpoint may take to answer.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(30);
//= documented: Dead letters are written five minutes after the last attempt, and tried for four
//  hours. [event-grid/delivery-and-retry]
/// Between the end of an event and its dead letter, so that several share a blob.
pub(super) const DEAD_LETTER_AFTER: Duration = Duration::from_secs(300);
/// How long a dead letter is kept for a destination that does not take it.
pub(super) const DEAD_LETTER_FOR: Duration = Duration::from_secs(4 * 60 * 60);

/// How often, and for how long, a subscription's events are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct RetryPolicy {
    /// 1 to 30.
    pub max_delivery_attempts: u32,
    /// 1 to 1440.
    pub event_time_to_live_in_minutes: u32,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { max_delivery_attempts: 30, event_time_to_live_in_minutes: 1_440 }
    }
}

/// Scales every duration of delivery: 1 for the service's, less for tests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TimeFactor(pub f64);

impl TimeFactor {
    /// A duration of the service, as it is here.
    #[must_use]
    pub fn scale(self, duration: Duration) -> Duration {
        duration.mul_f64(self.0.clamp(0.000_001, 1_000.0))
    }
}

/// An attempt that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// In the service's words: `BadRequest`, `NotFound`, `TimedOut`, `SocketError` …
    pub outcome: String,
    /// The HTTP status, where there was one.
    pub status: Option<u16>,
}

impl Failure {
    /// Without an HTTP status.
    #[must_use]
    pub fn of(outcome: &str) -> Self {
        Self { outcome: outcome.to_owned(), status: None }
    }

    /// Of an HTTP status other than 200 to 204.
    #[must_use]
    pub fn of_status(status: u16) -> Self {
        let outcome = match status {
            400 => "BadRequest",
            401 => "Unauthorized",
            403 => "Forbidden",
            404 => "NotFound",
            408 | 504 => "TimedOut",
            413 => "PayloadTooLarge",
            429 | 503 => "Busy",
            300..=399 => "Redirected",
            _ => "GenericError",
        };
        Self { outcome: outcome.to_owned(), status: Some(status) }
    }

    //= documented: 400, 401, 403 and 413 of a web hook are not tried again. Event hubs, queues and
    //  topics, whose 401 would be, never answer with it here. [event-grid/delivery-and-retry]
    /// Why an event is given up at once after this, where it is.
    #[must_use]
    pub fn final_reason(&self) -> Option<&'static str> {
        match self.status? {
            400 => Some("UndeliverableDueToHttpBadRequest"),
            401 => Some("UndeliverableDueToHttpUnauthorized"),
            403 => Some("UndeliverableDueToHttpForbidden"),
            413 => Some("UndeliverableDueToHttpRequestEntityTooLarge"),
            _ => None,
        }
    }

    //= documented: After 404 five minutes pass at least, after 408 two, after 503 half a minute.
    //  [event-grid/delivery-and-retry]
    /// The least time until the next attempt.
    fn least(&self) -> Duration {
        Duration::from_secs(match self.status {
            Some(404) => 300,
            Some(408) => 120,
            Some(503) => 30,
            _ => 10,
        })
    }
}

/// What is to be done with an event after a failed attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Try again after this.
    Retry(Duration),
    /// Give it up.
    End(End),
}

/// Decides after attempt number `attempts` (1 for the first) failed at `now`. `spread` in 0 to 1
/// makes the documented small randomization.
pub(super) fn after_failure(
    policy: RetryPolicy,
    factor: TimeFactor,
    attempts: u32,
    failure: &Failure,
    now: i64,
    spread: f64,
) -> Next {
    let end = |reason| {
        Next::End(End {
            reason,
            attempts,
            outcome: failure.outcome.clone(),
            status: failure.status,
            last_attempt: Some(now),
        })
    };
    if let Some(reason) = failure.final_reason() {
        return end(reason);
    }
    if attempts >= policy.max_delivery_attempts {
        return end("MaxDeliveryAttemptsExceeded");
    }
    let step = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX);
    let seconds = SCHEDULE[step.min(SCHEDULE.len() - 1)];
    let wait = Duration::from_secs(seconds).max(failure.least());
    Next::Retry(factor.scale(wait.mul_f64(1.0 + 0.1 * spread)))
}

/// Whether an event published at `published` is too old for another attempt at `now`.
pub(super) fn expired(policy: RetryPolicy, factor: TimeFactor, published: i64, now: i64) -> bool {
    let ttl = Duration::from_secs(60 * u64::from(policy.event_time_to_live_in_minutes));
    let ttl = i64::try_from(factor.scale(ttl).as_millis()).unwrap_or(i64::MAX);
    now >= published.saturating_add(ttl)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)]
    use super::*;

    fn wait(attempts: u32, status: u16) -> u64 {
        let failure = Failure::of_status(status);
        match after_failure(RetryPolicy::default(), TimeFactor(1.0), attempts, &failure, 0, 0.0) {
            Next::Retry(wait) => wait.as_secs(),
            Next::End(end) => panic!("{end:?}"),
        }
    }

    #[test]
    fn the_documented_schedule() {
        let waits: Vec<_> = (1..=11).map(|attempts| wait(attempts, 500)).collect();
        assert_eq!(waits, [10, 30, 60, 300, 600, 1_800, 3_600, 10_800, 21_600, 43_200, 43_200]);
        assert_eq!((wait(1, 404), wait(1, 408), wait(1, 503)), (300, 120, 30));
        assert_eq!(wait(5, 404), 600);
    }

    #[test]
    fn some_failures_are_final() {
        for (attempts, status, reason) in [
            (1, 400, "UndeliverableDueToHttpBadRequest"),
            (1, 401, "UndeliverableDueToHttpUnauthorized"),
            (1, 403, "UndeliverableDueToHttpForbidden"),
            (1, 413, "UndeliverableDueToHttpRequestEntityTooLarge"),
            (30, 500, "MaxDeliveryAttemptsExceeded"),
        ] {
            let failure = Failure::of_status(status);
            let policy = RetryPolicy::default();
            let next = after_failure(policy, TimeFactor(1.0), attempts, &failure, 7, 0.5);
            let Next::End(end) = next else { panic!("{next:?}") };
            assert_eq!((end.reason, end.attempts, end.last_attempt), (reason, attempts, Some(7)));
        }
    }

    #[test]
    fn a_factor_scales_time() {
        let failure = Failure::of("SocketError");
        let next = after_failure(RetryPolicy::default(), TimeFactor(0.001), 1, &failure, 0, 1.0);
        assert_eq!(next, Next::Retry(Duration::from_millis(11)));
        let day = 24 * 60 * 60 * 1_000;
        assert!(!expired(RetryPolicy::default(), TimeFactor(1.0), 0, day - 1));
        assert!(expired(RetryPolicy::default(), TimeFactor(1.0), 0, day));
        assert!(expired(RetryPolicy::default(), TimeFactor(0.001), 0, day / 1_000));
    }
}
