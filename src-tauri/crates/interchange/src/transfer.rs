//! What import and export have in common.

use std::sync::atomic::{AtomicBool, Ordering};

/// What is being moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Models.
    Models,
    /// Twins.
    Twins,
    /// Relationships.
    Relationships,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// At what.
    pub step: Step,
    /// How many are done.
    pub done: usize,
    /// Of how many, where that is known.
    pub of: Option<usize>,
}

/// How many of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Models.
    pub models: usize,
    /// Twins.
    pub twins: usize,
    /// Relationships.
    pub relationships: usize,
}

/// Who looks on, and may end it.
pub struct Watch<'a> {
    /// Is told after every item or page.
    pub progress: &'a (dyn Fn(Progress) + Sync),
    /// Set from outside: what is under way is waited for, nothing more is begun.
    pub stop: &'a AtomicBool,
}

impl Watch<'_> {
    pub(crate) fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}
