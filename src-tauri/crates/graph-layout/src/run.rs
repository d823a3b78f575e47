//! A layout under way.

use crate::floors::floors;
use crate::forces::Forces;
use crate::forest::{Forest, find_hierarchy};
use crate::layered::layered;
use crate::pack::{pack, rows_by_kind};
use crate::radial::radial;
use crate::{Frame, Input, Layout, Method, Point, Positions, force, frames, place, plan};

/// Further out `f32` is too coarse to tell neighbours apart.
pub(crate) const FARTHEST: f32 = 1e6;
/// By itself a hierarchy is drawn where it holds at least this share of what is related.
const HIERARCHIC: f32 = 0.5;

/// A layout under way: [`Run::step`] does a slice of the work, and between two of them
/// [`Run::places`] says where things are so far. Dropping it stops it.
pub struct Run<'a> {
    input: Input<'a>,
    previous: Positions,
    contains: Vec<u32>,
    forest: Forest,
    method: Method,
    forces: Option<Forces>,
    result: Option<(Vec<Point>, Vec<Frame>)>,
}

impl<'a> Run<'a> {
    /// Begins. What has a place in `previous` keeps it; see [`crate::layout_with`].
    pub fn new(input: &Input<'a>, previous: &Positions) -> Self {
        let contains = match input.contains {
            Some(names) => sorted(names),
            None => find_hierarchy(input.nodes.len(), input.edges),
        };
        let forest = Forest::new(input.nodes, input.edges, &contains);
        let method = match input.method {
            Method::Auto if forest.is_most_of(input.edges, HIERARCHIC) => Method::Hierarchy,
            Method::Auto => Method::Force,
            chosen => chosen,
        };
        let previous = previous.iter().copied().map(|at| at.filter(is_near)).collect();
        Self { input: *input, previous, contains, forest, method, forces: None, result: None }
    }

    /// Does a slice of the work: some tens of milliseconds for 100,000 twins by force, all of it
    /// for the other methods. Answers whether there is more to do.
    pub fn step(&mut self) -> bool {
        if self.result.is_some() {
            return false;
        }
        if self.method == Method::Force {
            let (input, known) = (&self.input, &self.previous);
            let forces = self
                .forces
                .get_or_insert_with(|| Forces::new(input, known_or_pinned(input, known)));
            if forces.step() {
                return true;
            }
        }
        let (mut centres, frames) = self.arrange();
        for (centre, pin) in centres.iter_mut().zip(self.input.pinned) {
            *centre = pin.filter(is_near).unwrap_or(*centre);
        }
        let frames = frames.unwrap_or_default();
        self.result = Some((centres, frames));
        false
    }

    /// From 0 to 1.
    pub fn progress(&self) -> f32 {
        match (&self.result, &self.forces) {
            (Some(_), _) => 1.0,
            (None, Some(forces)) => forces.progress(),
            (None, None) => 0.0,
        }
    }

    /// Where things are so far.
    pub fn places(&self) -> Positions {
        match (&self.result, &self.forces) {
            (Some((centres, _)), _) => centres.iter().copied().map(Some).collect(),
            (None, Some(forces)) => forces.places(),
            (None, None) => self.previous.clone(),
        }
    }

    /// Does what is left, and answers where everything is.
    pub fn finish(mut self) -> Layout {
        while self.step() {}
        let (centres, frames) = self.result.unwrap_or_default();
        Layout { centres, parents: self.forest.parents(), frames, contains: self.contains }
    }

    fn arrange(&mut self) -> (Vec<Point>, Option<Vec<Frame>>) {
        let input = self.input;
        match self.method {
            Method::Auto | Method::Hierarchy => {
                let plan = plan::plan(input.nodes, &self.forest);
                let centres = place::settle(&self.forest, &plan, input.pinned, &self.previous);
                let frames = frames::frames(&self.forest, &plan, &centres);
                (centres, Some(frames))
            }
            Method::Force => {
                let forces = self.forces.take();
                (forces.map(|forces| forces.finish(&input)).unwrap_or_default(), None)
            }
            Method::Layered => (self.packed(layered(&input)), None),
            Method::Radial => (self.packed(radial(&input, &self.forest)), None),
            Method::ByModel => {
                let all = (0..input.nodes.len() as u32).collect();
                (self.packed(rows_by_kind(input.nodes, all)), None)
            }
            Method::FloorPlan => {
                let plan = plan::plan(input.nodes, &self.forest);
                let (at, frames) = floors(&input, &self.forest, &plan.centres);
                let centres = at.into_iter().map(Option::unwrap_or_default).collect();
                (self.kept(centres), Some(frames))
            }
        }
    }

    fn packed(&self, groups: Vec<(Vec<u32>, Vec<Point>)>) -> Vec<Point> {
        let mut at: Positions = vec![None; self.input.nodes.len()];
        pack(&mut at, groups, 72.0);
        self.kept(at.into_iter().map(Option::unwrap_or_default).collect())
    }

    /// What had a place keeps it; what is new stands to its neighbours as it does afresh.
    fn kept(&self, fresh: Vec<Point>) -> Vec<Point> {
        let known = known_or_pinned(&self.input, &self.previous);
        if known.iter().all(Option::is_none) {
            return fresh;
        }
        let links = force::Links::of(fresh.len(), self.input.edges);
        let shift = |node: u32| {
            let at = known[node as usize]?;
            Some([at[0] - fresh[node as usize][0], at[1] - fresh[node as usize][1]])
        };
        let new: Vec<usize> = (0..fresh.len()).filter(|&node| known[node].is_none()).collect();
        let mut places: Vec<Point> =
            fresh.iter().zip(&known).map(|(fresh, known)| known.unwrap_or(*fresh)).collect();
        for &node in &new {
            let near = links.neighbours(node as u32).iter().copied();
            if let Some([dx, dy]) = near.filter_map(shift).next() {
                places[node] = [fresh[node][0] + dx, fresh[node][1] + dy];
            }
        }
        if !new.is_empty() {
            force::separate(&mut places, 48.0, |node| known[node].is_some());
        }
        places
    }
}

fn known_or_pinned(input: &Input<'_>, previous: &Positions) -> Positions {
    let place = |places: &[Option<Point>], node: usize| places.get(node).copied().flatten();
    let pin = |node: usize| place(input.pinned, node).filter(is_near);
    (0..input.nodes.len()).map(|node| pin(node).or_else(|| place(previous, node))).collect()
}

fn is_near(at: &Point) -> bool {
    at.iter().all(|length| length.abs() <= FARTHEST)
}

fn sorted(names: &[u32]) -> Vec<u32> {
    let mut names = names.to_vec();
    names.sort_unstable();
    names.dedup();
    names
}
