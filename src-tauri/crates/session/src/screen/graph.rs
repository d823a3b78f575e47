//! The graph as the page draws it: all of it, or what changed since a revision.

use super::SharedFloorPlan;
use super::arrange::{Arranged, Job};
use super::drawing::Drawing;
use super::property::property;
use crate::query::Found;
use crate::wire::{GraphMessage, LayoutMethod, Place, PropertyMessage};
use adt_service::{Changes, GraphView};
use parking_lot::{Condvar, Mutex};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use twin_graph::TwinGraph;
use workspace::Views;

/// So many changes are followed one by one in any case; with more than a part of the graph, taking
/// it over is cheaper.
const FEW_CHANGES: usize = 20_000;
const PART_OF_GRAPH: usize = 4;
/// Graphs of up to so many twins are laid out while the page waits: it takes a few milliseconds.
const LAID_OUT_AT_ONCE: usize = 2_000;
/// How often the page is told of a layout under way.
const TELL_EVERY: Duration = Duration::from_millis(120);
/// The layout of a graph that goes on changing takes at most this part of a core.
const REST: u32 = 2;
const MOST_REST: Duration = Duration::from_secs(2);

/// The drawing of an open graph, with the thread that lays out what is large.
pub(crate) struct GraphScreen {
    session: u32,
    view: Arc<GraphView>,
    floor_plan: SharedFloorPlan,
    drawing: Arc<Shared>,
    layout: Option<JoinHandle<()>>,
}

struct Shared {
    state: Mutex<State>,
    wake: Condvar,
}

struct State {
    drawing: Drawing,
    /// The layout under way is to end with what it has.
    enough: bool,
    stopped: bool,
}

impl GraphScreen {
    /// A drawing that begins with kept places.
    pub(crate) fn new(
        session: u32,
        views: &Views,
        view: Arc<GraphView>,
        floor_plan: SharedFloorPlan,
    ) -> Self {
        let mut drawing = Drawing::new(views);
        drawing.floor_plan = floor_plan.lock().clone();
        follow(&mut drawing, &view.read(), &view);
        let state = Mutex::new(State { drawing, enough: false, stopped: false });
        let drawing = Arc::new(Shared { state, wake: Condvar::new() });
        let shared = drawing.clone();
        let layout = thread::Builder::new().name("layout".to_owned()).spawn(move || shared.work());
        let layout =
            layout.inspect_err(|error| tracing::error!(%error, "the layout has no thread")).ok();
        Self { session, view, floor_plan, drawing, layout }
    }

    /// While a graph is loaded it is laid out again and again, and nothing keeps its place but what
    /// a person or an earlier run put there; once it is whole, it is laid out for good.
    pub(crate) fn set_loading(&self, loading: bool) {
        let mut state = self.drawing.state.lock();
        state.drawing.set_loading(loading);
        if !loading {
            follow(&mut state.drawing, &self.view.read(), &self.view);
            self.arrange_or_wake(&mut state);
        }
    }

    /// Ends the layout under way: things stay where they are.
    pub(crate) fn stop_arranging(&self) {
        let mut state = self.drawing.state.lock();
        state.enough = state.drawing.arranged < state.drawing.wanted;
    }

    /// Puts places and pins into what is kept.
    pub(crate) fn keep_into(&self, views: &mut Views) {
        self.drawing.state.lock().drawing.keep_into(views);
    }

    /// Counts how often places changed.
    pub(crate) fn placed(&self) -> u64 {
        self.drawing.state.lock().drawing.placed
    }

    /// Pins twins, or has them laid out again.
    pub(crate) fn place(&self, places: &[Place]) {
        let mut state = self.drawing.state.lock();
        let drawing = &mut state.drawing;
        follow(drawing, &self.view.read(), &self.view);
        drawing.touches.begin();
        for place in places {
            let finite = place.at.filter(|at| at.iter().all(|value| value.is_finite()));
            drawing.place(&place.id, finite);
        }
        self.arrange_or_wake(&mut state);
    }

    /// Lays everything out in another way, but for what is pinned.
    pub(crate) fn choose(&self, method: LayoutMethod, contains: Option<Vec<String>>) {
        let mut state = self.drawing.state.lock();
        follow(&mut state.drawing, &self.view.read(), &self.view);
        state.drawing.choose(method, contains.map(|names| names.into_iter().collect()));
        self.arrange_or_wake(&mut state);
    }

    /// How it is laid out, and the names of relationships that contain, where a person chose them.
    pub(crate) fn arrangement(&self) -> (LayoutMethod, Option<Vec<String>>) {
        let drawing = &self.drawing.state.lock().drawing;
        (drawing.method, drawing.chosen.as_ref().map(|names| names.iter().cloned().collect()))
    }

    /// Whether there is a floor plan to lay it out by.
    pub(crate) fn has_floor_plan(&self) -> bool {
        !self.floor_plan.lock().is_empty()
    }

    /// What changed since the page's revision, or everything.
    pub(crate) fn message(&self, since: Option<u64>) -> GraphMessage {
        let mut state = self.drawing.state.lock();
        let graph = self.view.read();
        follow(&mut state.drawing, &graph, &self.view);
        let plan = self.floor_plan.lock().clone();
        state.drawing.take_floor_plan(plan);
        self.arrange_or_wake(&mut state);
        state.drawing.message(self.session, &graph, since)
    }

    /// A property of every twin that has it set, in the rows of the last message.
    pub(crate) fn property(&self, name: &str) -> PropertyMessage {
        let mut state = self.drawing.state.lock();
        let graph = self.view.read();
        follow(&mut state.drawing, &graph, &self.view);
        property(&graph, &state.drawing.twins, name)
    }

    /// The rows of twins and of relationships that were found, in those of the last message.
    pub(crate) fn rows_of(&self, found: &Found) -> (Vec<u32>, Vec<u32>) {
        let mut state = self.drawing.state.lock();
        follow(&mut state.drawing, &self.view.read(), &self.view);
        let Drawing { twins, edges, .. } = &state.drawing;
        let twins = found.twins().filter_map(|twin| twins.row_of(&twin.id)).collect();
        let edges = found.relationships().filter_map(|each| edges.row_of(&each.source, &each.id));
        (twins, edges.collect())
    }

    fn arrange_or_wake(&self, state: &mut State) {
        let drawing = &mut state.drawing;
        if drawing.arranged == drawing.wanted {
            return;
        }
        if drawing.twins.len() <= LAID_OUT_AT_ONCE {
            let job = Job::of(drawing);
            if let Some(arranged) = job.run(|_| true) {
                drawing.take_layout(&job, arranged);
            }
        } else {
            self.drawing.wake.notify_one();
        }
    }
}

impl Drop for GraphScreen {
    fn drop(&mut self) {
        self.drawing.state.lock().stopped = true;
        self.drawing.wake.notify_one();
        // It ends by itself after the layout under way.
        drop(self.layout.take());
    }
}

/// Brings a drawing to a version of the graph.
fn follow(drawing: &mut Drawing, graph: &TwinGraph, view: &GraphView) {
    if drawing.version == graph.version() && drawing.touches.revision() > 0 {
        return;
    }
    let most = FEW_CHANGES.max(drawing.twins.len() / PART_OF_GRAPH);
    let changes = match view.changes_since(drawing.version, most) {
        Changes::Since(changes) if changes.len() == most => Changes::StartOver,
        _ if drawing.touches.revision() == 0 => Changes::StartOver,
        changes => changes,
    };
    drawing.follow(graph, &changes);
}

impl Shared {
    /// Lays out, and tells how far it is. `None` where it was given up, to begin anew at once.
    fn arrange(&self, job: &Job) -> Option<Arranged> {
        let mut told = Instant::now();
        let mut enough = None;
        let arranged = job.run(|run| {
            let mut state = self.state.lock();
            if state.stopped || state.drawing.choices != job.choices {
                return false;
            }
            if state.enough {
                enough = Some(run.places());
                return false;
            }
            if told.elapsed() >= TELL_EVERY {
                state.drawing.take_progress(job, &run.places(), run.progress());
                told = Instant::now();
            }
            true
        });
        arranged.or_else(|| job.settle(enough?))
    }

    fn work(&self) {
        loop {
            let job = {
                let mut state = self.state.lock();
                while !state.stopped && state.drawing.arranged == state.drawing.wanted {
                    self.wake.wait(&mut state);
                }
                if state.stopped {
                    return;
                }
                state.enough = false;
                Job::of(&state.drawing)
            };
            let began = Instant::now();
            let Some(arranged) = self.arrange(&job) else { continue };
            let mut state = self.state.lock();
            if state.drawing.choices != job.choices {
                continue;
            }
            state.drawing.take_layout(&job, arranged);
            let rest = (began.elapsed() * REST).min(MOST_REST);
            let until = Instant::now() + rest;
            while !state.stopped
                && state.drawing.choices == job.choices
                && !self.wake.wait_until(&mut state, until).timed_out()
            {}
        }
    }
}
