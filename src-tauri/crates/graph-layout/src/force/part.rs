//! One connected part of the graph, laid out step by step.

use super::coarsen::{Level, levels};
use super::dice::Dice;
use super::links::Links;
use super::relax::Relaxing;
use crate::Point;

/// Steps on the finest level; each smaller one takes a few more, as it costs less.
const STEPS: usize = 24;
const MOST_STEPS: usize = 120;
/// How far around its group a node begins.
const SPREAD: f32 = 0.5;

/// The layout of one connected part under way. The unit of length is about that of a short link.
pub(crate) struct Part {
    levels: Vec<Level>,
    /// The places on the last level.
    at: Vec<Point>,
    step: usize,
    steps: usize,
    dice: Dice,
    relaxing: Relaxing,
    /// Nodes × steps, done and in all.
    done: usize,
    whole: usize,
}

impl Part {
    pub(crate) fn new(links: Links, seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let levels = levels(links, &mut dice);
        let (count, mass) = levels
            .last()
            .map_or((0, 0.0), |level| (level.links.len(), level.mass.iter().sum::<f32>()));
        let radius = mass.sqrt();
        let at = (0..count).map(|_| [dice.around() * radius, dice.around() * radius]).collect();
        let cost =
            |(at, level): (usize, &Level)| level.links.len() * steps(at, at + 1 == levels.len());
        let whole = levels.iter().enumerate().map(cost).sum();
        let relaxing = Relaxing::default();
        Self { levels, at, step: 0, steps: MOST_STEPS, dice, relaxing, done: 0, whole }
    }

    /// One step; whether there is more to do.
    pub(crate) fn step(&mut self) -> bool {
        if self.step == self.steps && !self.refine() {
            return false;
        }
        let Some(level) = self.levels.last() else { return false };
        let heat = self.heat(level);
        self.relaxing.step(&level.links, &level.mass, &mut self.at, heat);
        self.step += 1;
        self.done += level.links.len();
        true
    }

    /// From the extent of a group down to a small part of a link.
    fn heat(&self, level: &Level) -> f32 {
        let mass: f32 = level.mass.iter().sum();
        let first = (mass / level.links.len().max(1) as f32).sqrt() * 2.0;
        let left = 1.0 - self.step as f32 / self.steps as f32;
        first * left * left + 0.02
    }

    /// Goes on with the next larger graph; whether there is one.
    fn refine(&mut self) -> bool {
        if self.levels.len() < 2 {
            return false;
        }
        self.levels.pop();
        let Some(level) = self.levels.last() else { return false };
        let at = level.group.iter().map(|&group| {
            let [x, y] = self.at[group as usize];
            [x + self.dice.around() * SPREAD, y + self.dice.around() * SPREAD]
        });
        self.at = at.collect();
        (self.step, self.steps) = (0, steps(self.levels.len() - 1, false));
        true
    }

    /// Steps by their cost, done and in all.
    pub(crate) fn progress(&self) -> (usize, usize) {
        (self.done.min(self.whole), self.whole)
    }

    /// The place of each node; before the finest level is under way, that of its group.
    pub(crate) fn places(&self) -> Vec<Point> {
        let mut at = self.at.clone();
        for level in self.levels.iter().rev().skip(1) {
            at = level.group.iter().map(|&group| at[group as usize]).collect();
        }
        at
    }
}

/// The steps of a level, from the finest on.
fn steps(level: usize, smallest: bool) -> usize {
    if smallest { MOST_STEPS } else { (STEPS + STEPS / 4 * level).min(MOST_STEPS) }
}
