//! Runs the layout beside the drawing: on a copy of what it needs, with the result taken over.

use super::drawing::Drawing;
use super::touched::Touch;
use crate::wire::{LayoutMethod, Shape};
use graph_layout::{Area, Edge, Input, Layout, Method, Node, Point, Run};
use std::sync::Arc;

/// Levels of containment that are told apart; also ends a walk in a circle.
const DEEPEST: u32 = 64;

/// What the layout needs of a drawing, at one moment.
pub(super) struct Job {
    /// Up to where the drawing's wishes are in it.
    wanted: u64,
    pub(super) choices: u64,
    method: Method,
    /// The names of relationships that contain, where a person chose them.
    chosen: Option<Vec<u32>>,
    rows: Vec<u32>,
    ids: Vec<Arc<str>>,
    kinds: Vec<u16>,
    edges: Vec<Edge>,
    previous: Vec<Option<Point>>,
    pinned: Vec<Option<Point>>,
    /// On a floor plan, the areas of twins.
    areas: Vec<Option<Area>>,
}

/// What comes of it.
pub(super) struct Arranged {
    layout: Layout,
    /// By kind, how many levels its twins contain at most.
    levels: Vec<u32>,
}

impl Job {
    pub(super) fn of(drawing: &Drawing) -> Self {
        let count = drawing.twins.len();
        let mut job = Self {
            wanted: drawing.wanted,
            choices: drawing.choices,
            method: method(drawing.method),
            chosen: drawing.chosen.as_ref().map(|chosen| {
                let names = drawing.names.list.iter().zip(0..);
                names.filter(|(name, _)| chosen.contains(&name.name)).map(|(_, at)| at).collect()
            }),
            rows: Vec::with_capacity(count),
            ids: Vec::with_capacity(count),
            kinds: Vec::with_capacity(count),
            edges: Vec::new(),
            previous: Vec::with_capacity(count),
            pinned: Vec::with_capacity(count),
            areas: Vec::new(),
        };
        let mut index = vec![u32::MAX; drawing.twins.capacity()];
        for ((row, twin), at) in drawing.twins.iter().zip(0..) {
            index[row as usize] = at;
            job.rows.push(row);
            job.ids.push(twin.id.clone());
            job.kinds.push(twin.kind);
            job.previous.push(twin.place.filter(|_| !twin.loose));
            job.pinned.push(twin.place.filter(|_| twin.pinned));
        }
        if job.method == Method::FloorPlan {
            job.areas = job.ids.iter().map(|id| drawing.floor_plan.area(id)).collect();
        }
        let at = |row: u32| index.get(row as usize).copied().unwrap_or(u32::MAX);
        job.edges = drawing
            .edges
            .iter()
            .map(|(_, edge)| Edge {
                source: at(edge.source),
                target: at(edge.target),
                name: u32::from(edge.name),
            })
            .collect();
        job
    }

    /// Lays out; between two slices of the work `go_on` sees it and says whether to go on. `None`
    /// where it did not.
    pub(super) fn run(&self, go_on: impl FnMut(&Run<'_>) -> bool) -> Option<Arranged> {
        self.run_from(self.method, &self.previous, go_on)
    }

    /// Ends with places as they are; what has none yet stands in a block beside them.
    pub(super) fn settle(&self, places: Vec<Option<Point>>) -> Option<Arranged> {
        self.run_from(Method::ByModel, &places, |_| true)
    }

    fn run_from(
        &self,
        method: Method,
        previous: &Vec<Option<Point>>,
        mut go_on: impl FnMut(&Run<'_>) -> bool,
    ) -> Option<Arranged> {
        let contains = match &self.chosen {
            Some(chosen) => chosen.clone(),
            None => graph_layout::find_hierarchy(self.ids.len(), &self.edges),
        };
        let levels = self.levels(&contains);
        let nodes: Vec<Node<'_>> = self
            .ids
            .iter()
            .zip(&self.kinds)
            .map(|(id, &kind)| {
                let level = levels.get(usize::from(kind)).copied().unwrap_or(0);
                let (width, height) = Shape::of_level(level).size();
                Node { key: id, kind: u32::from(kind), width, height }
            })
            .collect();
        let input = Input {
            nodes: &nodes,
            edges: &self.edges,
            contains: Some(&contains),
            pinned: &self.pinned,
            method,
            areas: &self.areas,
            ..Input::default()
        };
        let mut run = Run::new(&input, previous);
        while run.step() {
            if !go_on(&run) {
                return None;
            }
        }
        Some(Arranged { layout: run.finish(), levels })
    }

    /// By kind, how many levels its twins contain at most.
    fn levels(&self, contains: &[u32]) -> Vec<u32> {
        let mut parent: Vec<Option<u32>> = vec![None; self.ids.len()];
        for edge in self.edges.iter().filter(|edge| contains.binary_search(&edge.name).is_ok()) {
            if let Some(parent) = parent.get_mut(edge.target as usize) {
                parent.get_or_insert(edge.source);
            }
        }
        let mut heights = vec![0u32; self.ids.len()];
        // From every twin upwards; a chain ends where a higher one went before.
        for start in 0..heights.len() {
            let (mut at, mut height) = (start, 0);
            while let Some(up) = parent[at] {
                height += 1;
                at = up as usize;
                if heights[at] >= height || height == DEEPEST {
                    break;
                }
                heights[at] = height;
            }
        }
        let kinds = self.kinds.iter().max().map_or(0, |&kind| usize::from(kind) + 1);
        let mut levels = vec![0; kinds];
        for (&kind, &height) in self.kinds.iter().zip(&heights) {
            let level: &mut u32 = &mut levels[usize::from(kind)];
            *level = height.max(*level);
        }
        levels
    }
}

fn method(chosen: LayoutMethod) -> Method {
    match chosen {
        LayoutMethod::Auto => Method::Auto,
        LayoutMethod::Hierarchy => Method::Hierarchy,
        LayoutMethod::Force => Method::Force,
        LayoutMethod::Layered => Method::Layered,
        LayoutMethod::Radial => Method::Radial,
        LayoutMethod::ByModel => Method::ByModel,
        LayoutMethod::FloorPlan => Method::FloorPlan,
    }
}

impl Drawing {
    /// Takes over how far a layout is; what has a place keeps it for as long as it is not loose.
    pub(super) fn take_progress(&mut self, job: &Job, places: &[Option<Point>], done: f32) {
        self.progress = done;
        self.touches.begin();
        for ((&row, id), place) in job.rows.iter().zip(&job.ids).zip(places) {
            let Some(twin) = self.twins.get_mut(row).filter(|twin| twin.id == *id) else {
                continue;
            };
            if let Some(place) =
                place.filter(|_| !twin.pinned && (twin.loose || twin.place.is_none()))
            {
                // Still loose: it is not where it will be.
                (twin.place, twin.loose) = (Some(place), true);
            }
        }
        self.touches.add(Touch::Places);
    }

    /// Takes a layout over, for twins that are still in the row that they had.
    pub(super) fn take_layout(&mut self, job: &Job, arranged: Arranged) {
        let Arranged { layout, levels } = arranged;
        self.touches.begin();
        self.arranged = self.arranged.max(job.wanted);
        self.progress = 0.0;
        if self.kinds.set_levels(&levels) {
            self.touches.add(Touch::Kinds);
        }
        let moved = self.take_places(job, &layout);
        if moved.len() * 4 > job.rows.len() && moved.len() > 64 {
            self.touches.add(Touch::Places);
        } else {
            moved.iter().for_each(|&row| self.touches.add(Touch::Place(row)));
        }
        if !moved.is_empty() {
            self.placed += 1;
        }
        self.take_frames(job, &layout);
        self.take_names(&layout);
    }

    fn take_places(&mut self, job: &Job, layout: &Layout) -> Vec<u32> {
        let mut moved = Vec::new();
        for (at, (&row, id)) in job.rows.iter().zip(&job.ids).enumerate() {
            let parent = layout.parents[at].map(|parent| job.rows[parent as usize]);
            let place = layout.centres[at];
            let Some(twin) = self.twins.get_mut(row).filter(|twin| twin.id == *id) else {
                continue;
            };
            if twin.parent != parent {
                twin.parent = parent;
                self.touches.add(Touch::Twin(row));
            }
            // Who was moved by hand meanwhile stays there.
            let by_hand = twin.pinned && job.pinned[at] != twin.place;
            // While it is loaded nothing keeps a place for good.
            let loose = self.loading && job.previous[at].is_none() && !twin.pinned;
            if !by_hand && (twin.place != Some(place) || twin.loose != loose) {
                (twin.place, twin.loose) = (Some(place), loose);
                moved.push(row);
            }
        }
        moved
    }

    fn take_frames(&mut self, job: &Job, layout: &Layout) {
        let frames = layout.frames.iter().map(|frame| {
            (job.rows[frame.node as usize], [frame.x, frame.y, frame.width, frame.height])
        });
        let frames: Vec<_> = frames.collect();
        if frames != self.frames {
            self.frames = frames;
            self.touches.add(Touch::Frames);
        }
    }

    fn take_names(&mut self, layout: &Layout) {
        let mut changed = false;
        for (name, index) in self.names.list.iter_mut().zip(0u32..) {
            let contains = layout.contains.binary_search(&index).is_ok();
            changed |= name.contains != contains;
            name.contains = contains;
        }
        if changed {
            self.touches.add(Touch::Names);
        }
    }
}
