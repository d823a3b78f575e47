//! Counts against the limits, refuses what is over, and says how far each is used.

use crate::meter::Meter;
use crate::twins::{Key, Twins};
use crate::window::Window;
use crate::{COUNT, Kind, Limit, Limits, TABLE};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use thiserror::Error;

/// What is past a limit.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("{}", .limit.row().refusal(*.most))]
pub struct Exceeded {
    /// The limit.
    pub limit: Limit,
    /// Its number.
    pub most: u64,
}

/// How far a limit is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// The limit.
    pub limit: Limit,
    /// Its number; `None` where it is not enforced.
    pub most: Option<u64>,
    /// A rate in this second or the one before; what one request had at the most since the start;
    /// 0 for what the instance holds, which is not counted here.
    pub now: u64,
    /// A rate's highest second of the last minute; else the same as `now`.
    pub highest: u64,
    /// Refusals since the start.
    pub refused: u64,
    /// Refusals in the last minute.
    pub refused_lately: u64,
    /// The twin that a limit for each twin was reached by, or came nearest to lately.
    pub twin: Option<String>,
}

/// Counts against limits. One for an instance; it may be asked from any thread.
pub struct Limiter {
    most: [AtomicU64; COUNT],
    largest: [AtomicU64; COUNT],
    refused: [AtomicU64; COUNT],
    began: Instant,
    counted: Mutex<Counted>,
}

struct Counted {
    windows: [Window; COUNT],
    meters: [Meter; COUNT],
    refusals: [Meter; COUNT],
    twins: Twins,
    busiest: Option<String>,
}

/// A request that was let in; dropping it says that it was answered.
#[must_use]
pub struct Admitted {
    limiter: Arc<Limiter>,
    keys: [Option<Key>; 2],
}

impl Drop for Admitted {
    fn drop(&mut self) {
        if self.keys == [None, None] {
            return;
        }
        let mut counted = self.limiter.counted.lock();
        self.keys.into_iter().flatten().for_each(|key| counted.twins.end(key));
    }
}

fn atomics() -> [AtomicU64; COUNT] {
    [const { AtomicU64::new(0) }; COUNT]
}

impl Limiter {
    /// A limiter that has counted nothing yet.
    pub fn new(limits: &Limits, now: Instant) -> Arc<Self> {
        let counted = Counted {
            windows: std::array::from_fn(|_| Window::default()),
            meters: std::array::from_fn(|_| Meter::default()),
            refusals: std::array::from_fn(|_| Meter::default()),
            twins: Twins::new(now),
            busiest: None,
        };
        let limiter = Self {
            most: atomics(),
            largest: atomics(),
            refused: atomics(),
            began: now,
            counted: Mutex::new(counted),
        };
        limiter.set(limits);
        Arc::new(limiter)
    }

    /// Enforces other limits from now on.
    pub fn set(&self, limits: &Limits) {
        for row in TABLE {
            self.most[row.limit as usize].store(limits.most(row.limit), Ordering::Relaxed);
        }
    }

    /// The limits that hold now.
    pub fn limits(&self) -> Limits {
        TABLE
            .iter()
            .fold(Limits::none(), |limits, row| limits.with(row.limit, self.most(row.limit)))
    }

    /// The number of a limit; `u64::MAX` where it is not enforced.
    pub fn most(&self, limit: Limit) -> u64 {
        self.most[limit as usize].load(Ordering::Relaxed)
    }

    fn second(&self, now: Instant) -> u64 {
        // From 60 on, so that the meters' empty slots are older than a minute.
        now.saturating_duration_since(self.began).as_secs() + 60
    }

    /// Whether `amount` is within a limit; it is remembered as seen.
    ///
    /// # Errors
    /// Where it is not.
    pub fn check(&self, limit: Limit, amount: u64) -> Result<(), Exceeded> {
        if amount > self.most(limit) {
            return Err(self.refuse(limit, Instant::now()));
        }
        self.largest[limit as usize].fetch_max(amount, Ordering::Relaxed);
        Ok(())
    }

    /// Counts a refusal that was found elsewhere.
    pub fn refused(&self, limit: Limit) {
        let _ = self.refuse(limit, Instant::now());
    }

    fn refuse(&self, limit: Limit, now: Instant) -> Exceeded {
        self.refuse_in(&mut self.counted.lock(), limit, now)
    }

    fn refuse_in(&self, counted: &mut Counted, limit: Limit, now: Instant) -> Exceeded {
        self.refused[limit as usize].fetch_add(1, Ordering::Relaxed);
        counted.refusals[limit as usize].add(self.second(now), 1);
        Exceeded { limit, most: self.most(limit) }
    }

    /// Lets a request in, or refuses it; a refused one counts for nothing. `twins` are those that
    /// it writes to: a relationship's both ends.
    ///
    /// # Errors
    /// Where the rate, or that of one of the twins, is reached.
    pub fn admit(
        self: &Arc<Self>,
        rate: Limit,
        twins: [Option<&str>; 2],
        now: Instant,
    ) -> Result<Admitted, Exceeded> {
        let mut counted = self.counted.lock();
        let counted = &mut *counted;
        let mut keys = twins.map(|twin| twin.map(|id| counted.twins.key(id)));
        if keys[0] == keys[1] {
            keys[1] = None;
        }
        self.check_rates(counted, rate, now)?;
        for (key, id) in keys.iter().zip(twins) {
            if let (Some(key), Some(id)) = (key, id) {
                self.check_twin(counted, *key, id, now)?;
            }
        }
        let second = self.second(now);
        if self.most(rate) < u64::MAX {
            counted.windows[rate as usize].add(1, now);
        }
        counted.meters[rate as usize].add(second, 1);
        for (key, id) in keys.iter().zip(twins) {
            if let (Some(key), Some(id)) = (key, id) {
                self.count_twin(counted, *key, id, now);
            }
        }
        Ok(Admitted { limiter: self.clone(), keys })
    }

    fn check_rates(
        &self,
        counted: &mut Counted,
        rate: Limit,
        now: Instant,
    ) -> Result<(), Exceeded> {
        // What a query costs is known only when it is done: one is let in while there is any left.
        let units = (rate == Limit::Queries).then_some(Limit::QueryUnits);
        for limit in [rate].into_iter().chain(units) {
            let scale = if limit == Limit::QueryUnits { HUNDREDTHS } else { 1 };
            let most = self.most(limit);
            if !counted.windows[limit as usize].has_room(most.saturating_mul(scale), now) {
                return Err(self.refuse_in(counted, limit, now));
            }
        }
        Ok(())
    }

    fn check_twin(
        &self,
        counted: &mut Counted,
        key: Key,
        id: &str,
        now: Instant,
    ) -> Result<(), Exceeded> {
        let most = self.most(Limit::TwinOperations);
        let limit = if counted.twins.outstanding(key) >= self.most(Limit::OutstandingOperations) {
            Limit::OutstandingOperations
        } else if most < u64::MAX && !counted.twins.window(key, now).has_room(most, now) {
            Limit::TwinOperations
        } else {
            return Ok(());
        };
        counted.busiest = Some(id.to_owned());
        Err(self.refuse_in(counted, limit, now))
    }

    fn count_twin(&self, counted: &mut Counted, key: Key, id: &str, now: Instant) {
        let outstanding = counted.twins.begin(key);
        self.largest[Limit::OutstandingOperations as usize]
            .fetch_max(outstanding, Ordering::Relaxed);
        if self.most(Limit::TwinOperations) == u64::MAX {
            return;
        }
        let window = counted.twins.window(key, now);
        window.add(1, now);
        let sum = window.sum();
        let meter = &mut counted.meters[Limit::TwinOperations as usize];
        let second = self.second(now);
        let highest = sum > meter.highest(second);
        meter.raise(second, sum);
        if highest {
            counted.busiest = Some(id.to_owned());
        }
    }

    /// Adds what a query cost, in query units.
    pub fn charge(&self, units: f64, now: Instant) {
        // Negative and not a number become 0, as is right.
        let hundredths = (units * HUNDREDTHS as f64).round() as u64;
        let mut counted = self.counted.lock();
        counted.windows[Limit::QueryUnits as usize].add(hundredths, now);
        counted.meters[Limit::QueryUnits as usize].add(self.second(now), hundredths);
    }

    /// How far each limit is used, in the table's order.
    pub fn uses(&self, now: Instant) -> Vec<Use> {
        let counted = self.counted.lock();
        let second = self.second(now);
        let one = |limit: Limit| {
            let at = limit as usize;
            let meter = &counted.meters[at];
            let scale = if limit == Limit::QueryUnits { HUNDREDTHS } else { 1 };
            let largest = self.largest[at].load(Ordering::Relaxed);
            let (now, highest) = match limit.row().kind {
                Kind::Held => (0, 0),
                Kind::Each => (largest, largest),
                Kind::Rate => {
                    (meter.now(second).div_ceil(scale), meter.highest(second).div_ceil(scale))
                }
            };
            let for_each_twin =
                matches!(limit, Limit::TwinOperations | Limit::OutstandingOperations);
            Use {
                limit,
                most: Some(self.most(limit)).filter(|most| *most < u64::MAX),
                now,
                highest,
                refused: self.refused[at].load(Ordering::Relaxed),
                refused_lately: counted.refusals[at].sum(second),
                twin: counted.busiest.clone().filter(|_| for_each_twin && highest > 0),
            }
        };
        TABLE.iter().map(|row| one(row.limit)).collect()
    }

    /// Requests that were refused in the last minute for coming too fast.
    pub fn refused_lately(&self, now: Instant) -> u64 {
        let counted = self.counted.lock();
        let rates = TABLE.iter().filter(|row| row.is_rate());
        rates.map(|row| counted.refusals[row.limit as usize].sum(self.second(now))).sum()
    }
}

/// Query units are counted to the hundredth, as `query-charge` gives them.
const HUNDREDTHS: u64 = 100;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::time::Duration;

    fn limiter(limits: &Limits) -> (Arc<Limiter>, Instant) {
        let now = Instant::now();
        (Limiter::new(limits, now), now)
    }

    fn refused(done: Result<Admitted, Exceeded>) -> Limit {
        done.err().unwrap().limit
    }

    #[test]
    fn every_rate_is_met_exactly_and_again_a_second_later() {
        for row in TABLE.iter().filter(|row| row.kind == Kind::Rate) {
            if matches!(row.limit, Limit::QueryUnits | Limit::TwinOperations) {
                continue;
            }
            let (limiter, now) = limiter(&Limits::service().with(row.limit, 7));
            let ask = |ms| limiter.admit(row.limit, [None; 2], now + Duration::from_millis(ms));
            for ms in 0..7 {
                drop(ask(ms).unwrap());
            }
            for _ in 0..3 {
                assert_eq!(refused(ask(999)), row.limit);
            }
            drop(ask(1_000).unwrap());
            assert_eq!(refused(ask(1_000)), row.limit);
            let after = now + Duration::from_millis(1_000);
            let used = limiter.uses(after)[row.limit as usize].clone();
            assert_eq!((used.most, used.now, used.highest), (Some(7), 7, 7));
            assert_eq!((used.refused, used.refused_lately), (4, 4));
            assert_eq!(limiter.refused_lately(after + Duration::from_secs(61)), 0);
        }
    }

    #[test]
    fn a_relationship_counts_for_both_ends_and_a_refusal_for_nobody() {
        let (limiter, now) = limiter(&Limits::service());
        let put = |ends: [Option<&str>; 2]| limiter.admit(Limit::TwinCreatesAndDeletes, ends, now);
        for other in 0..10 {
            drop(put([Some("hub"), Some(&format!("t{other}"))]).unwrap());
        }
        assert_eq!(refused(put([Some("hub"), Some("t0")])), Limit::TwinOperations);
        assert_eq!(refused(put([Some("t0"), Some("hub")])), Limit::TwinOperations);
        for _ in 0..9 {
            drop(put([Some("t0"), None]).unwrap());
        }
        assert_eq!(refused(put([Some("t0"), None])), Limit::TwinOperations);
        let uses = limiter.uses(now);
        let used = &uses[Limit::TwinOperations as usize];
        assert_eq!((used.now, used.refused, used.twin.as_deref()), (10, 3, Some("t0")));
        assert_eq!(uses[Limit::TwinCreatesAndDeletes as usize].now, 19);
    }

    #[test]
    fn what_is_not_answered_yet_is_counted_for_each_twin() {
        let limits = Limits::service().without_rates().with(Limit::OutstandingOperations, 2);
        let (limiter, now) = limiter(&limits);
        let write = |id| limiter.admit(Limit::TwinPatches, [Some(id), Some(id)], now);
        let first = write("a").unwrap();
        let second = write("a").unwrap();
        assert_eq!(refused(write("a")), Limit::OutstandingOperations);
        drop(write("b").unwrap());
        drop(first);
        drop(write("a").unwrap());
        drop(second);
        let counted = limiter.counted.lock();
        assert_eq!(counted.twins.outstanding(counted.twins.key("a")), 0);
    }

    #[test]
    fn queries_are_let_in_while_there_are_units_left() {
        let (limiter, now) = limiter(&Limits::service().with(Limit::QueryUnits, 10));
        let ask = |ms| limiter.admit(Limit::Queries, [None; 2], now + Duration::from_millis(ms));
        drop(ask(0).unwrap());
        limiter.charge(9.99, now);
        drop(ask(1).unwrap());
        limiter.charge(25.5, now + Duration::from_millis(1));
        assert_eq!(refused(ask(2)), Limit::QueryUnits);
        assert_eq!(refused(ask(1_000)), Limit::QueryUnits);
        drop(ask(1_001).unwrap());
        assert_eq!(limiter.uses(now)[Limit::QueryUnits as usize].highest, 36);
    }

    #[test]
    fn sizes_are_seen_and_other_limits_hold_at_once() {
        let (limiter, now) = limiter(&Limits::service());
        limiter.check(Limit::Body, 32 * 1024).unwrap();
        let refused = limiter.check(Limit::Body, 32 * 1024 + 1).unwrap_err();
        assert!(refused.to_string().contains("larger than 32 KB"), "{refused}");
        assert_eq!(limiter.limits(), Limits::service());
        limiter.set(&Limits::none());
        assert_eq!(limiter.limits(), Limits::none());
        limiter.check(Limit::Body, 40 * 1024).unwrap();
        let used = limiter.uses(now);
        let body = &used[Limit::Body as usize];
        assert_eq!((body.most, body.now, body.refused), (None, 40 * 1024, 1));
        for _ in 0..5_000 {
            drop(limiter.admit(Limit::TwinReads, [Some("a"), None], now).unwrap());
        }
        assert_eq!(limiter.uses(now)[Limit::TwinReads as usize].now, 5_000);
    }
}
