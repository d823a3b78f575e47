//! What is told while something is opened, and how long it will take.

use crate::wire::{Failure, Phase, Target};
use std::time::{Duration, Instant};

/// How far opening is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// What is done now, in words that a count may follow.
    pub step: String,
    /// How many are done.
    pub done: u64,
    /// Of how many, where that is known.
    pub total: Option<u64>,
    /// How many follow in later steps, where that is known; they are taken to go as fast.
    pub to_come: u64,
    /// How long it takes yet, where that can be told.
    pub left: Option<Duration>,
}

impl Opening {
    pub(crate) fn begins(step: impl Into<String>) -> Self {
        Self { step: step.into(), done: 0, total: None, to_come: 0, left: None }
    }

    pub(crate) fn of(step: impl Into<String>, done: u64, total: Option<u64>) -> Self {
        Self { step: step.into(), done, total, to_come: 0, left: None }
    }
}

/// What was told last, with the speed of its step.
pub(crate) struct Paced {
    told: Opening,
    pace: Pace,
}

impl Paced {
    pub(crate) fn begins(now: Instant, step: &str) -> Self {
        Self { told: Opening::begins(step), pace: Pace::begins(now) }
    }

    /// Takes over what is told, and answers it with an estimate.
    pub(crate) fn take(&mut self, now: Instant, mut opening: Opening) -> Opening {
        self.pace.take(now, &self.told, &opening);
        opening.left = self.pace.left(now, &opening);
        self.told = opening.clone();
        opening
    }
}

/// What became of the latest opening.
pub(crate) enum Stage {
    Opening { target: Target, paced: Paced },
    Ready,
    Failed { target: Target, failure: Failure },
}

impl Stage {
    pub(crate) fn begins(target: &Target, step: &str) -> Self {
        let paced = Paced::begins(Instant::now(), step);
        Self::Opening { target: target.clone(), paced }
    }

    /// Takes over what is told; once it is no longer opening, that is late and of no use.
    pub(crate) fn tell(&mut self, now: Instant, opening: Opening) {
        if let Self::Opening { paced, .. } = self {
            paced.take(now, opening);
        }
    }

    /// For the page.
    pub(crate) fn phase(&self, now: Instant) -> Phase {
        let number = |of: u64| u32::try_from(of).unwrap_or(u32::MAX);
        match self {
            Self::Opening { target, paced: Paced { told, pace } } => Phase::Opening {
                target: target.clone(),
                step: told.step.clone(),
                done: number(told.done),
                total: told.total.map(number),
                seconds_left: pace.left(now, told).map(|left| left.as_secs_f64()),
                quiet_seconds: pace.quiet(now).as_secs_f64(),
            },
            Self::Ready => Phase::Ready,
            Self::Failed { target, failure } => {
                Phase::Failed { target: target.clone(), failure: failure.clone() }
            }
        }
    }

    /// What was asked for last, where it is not open.
    pub(crate) fn target(&self) -> Option<&Target> {
        match self {
            Self::Opening { target, .. } | Self::Failed { target, .. } => Some(target),
            Self::Ready => None,
        }
    }
}

/// A step must have gone on for so long before its speed says anything.
const TELLING: Duration = Duration::from_millis(400);

/// How fast a step goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    began: Instant,
    /// How many were done when it began.
    first: u64,
    /// When it was last told of.
    heard: Instant,
}

impl Pace {
    fn begins(now: Instant) -> Self {
        Self { began: now, first: 0, heard: now }
    }

    fn take(&mut self, now: Instant, before: &Opening, told: &Opening) {
        self.heard = now;
        if before.step != told.step {
            (self.began, self.first) = (now, told.done);
        }
    }

    /// How long it takes from now on, at the speed of the step so far.
    fn left(&self, now: Instant, told: &Opening) -> Option<Duration> {
        let took = self.heard.saturating_duration_since(self.began);
        let done = told.done.saturating_sub(self.first);
        let rest = told.total?.saturating_sub(told.done) + told.to_come;
        if took < TELLING || done == 0 {
            return None;
        }
        let left = took.mul_f64(rest as f64 / done as f64);
        Some(left.saturating_sub(self.quiet(now)))
    }

    /// How long nothing was heard.
    fn quiet(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.heard)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    #[test]
    fn what_is_left_follows_from_the_speed_of_the_step() {
        let began = Instant::now();
        let at = |seconds: f64| began + Duration::from_secs_f64(seconds);
        let mut stage =
            Stage::Opening { target: Target::Sample, paced: Paced::begins(began, "Opening") };
        let told = |done, to_come| Opening { to_come, ..Opening::of("Twins", done, Some(1_000)) };
        let seen = |stage: &Stage, now| match stage.phase(now) {
            Phase::Opening { seconds_left, quiet_seconds, .. } => (seconds_left, quiet_seconds),
            other => panic!("{other:?}"),
        };
        assert_eq!(seen(&stage, at(3.0)), (None, 3.0), "nothing was told for three seconds");
        // What was there when the step began was not done by it.
        stage.tell(at(3.0), told(100, 500));
        assert_eq!(seen(&stage, at(3.0)), (None, 0.0));
        stage.tell(at(3.1), told(150, 500));
        assert_eq!(seen(&stage, at(3.1)).0, None, "too early to say");
        stage.tell(at(5.0), told(500, 500));
        // 400 in 2 s, and 500 + 500 to come.
        assert_eq!(seen(&stage, at(5.0)), (Some(5.0), 0.0));
        assert_eq!(seen(&stage, at(6.0)), (Some(4.0), 1.0));
        assert_eq!(seen(&stage, at(60.0)), (Some(0.0), 55.0));
        stage.tell(at(60.0), Opening::of("Relationships", 0, Some(500)));
        assert_eq!(seen(&stage, at(60.0)), (None, 0.0), "another step, another speed");
        stage = Stage::Ready;
        stage.tell(at(61.0), told(1, 1));
        assert!(matches!(stage.phase(at(61.0)), Phase::Ready));
    }
}
