//! Moves nodes until links pull as strongly as everything pushes.

use super::links::Links;
use super::repulsion::Tree;
use crate::Point;

/// What is smaller than this × its distance pushes as one.
const THETA: f32 = 1.0;
/// Keeps a node that nothing pulls from running away in one step.
const INERTIA: f32 = 0.2;

/// Memory for the steps of one level.
#[derive(Default)]
pub(crate) struct Relaxing {
    tree: Tree,
    push: Vec<Point>,
}

impl Relaxing {
    /// One step, in which no node moves by more than `heat`.
    pub(crate) fn step(&mut self, links: &Links, mass: &[f32], at: &mut [Point], heat: f32) {
        self.push.clear();
        self.push.resize(at.len(), [0.0; 2]);
        self.tree.push(at, mass, THETA, &mut self.push);
        for node in 0..at.len() as u32 {
            let own = mass[node as usize];
            let place = at[node as usize];
            let mut force = self.push[node as usize].map(|push| push * own);
            let mut stiffness = own * INERTIA;
            for (&other, &weight) in links.neighbours(node).iter().zip(links.weights(node)) {
                let (dx, dy) = (at[other as usize][0] - place[0], at[other as usize][1] - place[1]);
                // Pull over length, where the pull is the root of the length.
                let pull = weight / (dx * dx + dy * dy + 1e-6).sqrt().sqrt();
                force[0] += dx * pull;
                force[1] += dy * pull;
                stiffness += pull;
            }
            // As far as forces of this stiffness take it to where they are in balance.
            let moved = force.map(|force| force / stiffness);
            let length = (moved[0] * moved[0] + moved[1] * moved[1]).sqrt();
            let factor = if length > heat { heat / length } else { 1.0 };
            let moved = [place[0] + moved[0] * factor, place[1] + moved[1] * factor];
            // Nodes before this one have moved already: it settles in fewer steps so.
            if moved.iter().all(|length| length.is_finite()) {
                at[node as usize] = moved;
            }
        }
    }
}
