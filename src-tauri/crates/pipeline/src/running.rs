//! A topology at work.

mod ingress;
mod parts;

pub use ingress::{DeviceHub, DeviceMessage, Ingress};
pub use parts::{Observer, PipelineParts};

use crate::flow::node_id;
use crate::function::{Function, build_function};
use crate::routing::LiveRoutes;
use crate::topology::{Difference, Topology, Wiring, function_file};
use crate::{RouteVerdict, delivery, source, subscription};
use ingress::Doors;
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use twin_graph::Change;

/// The texts of users' own functions, by file.
pub type Scripts = BTreeMap<String, String>;

/// How long a node may take to end what it began, when a deploy changes it.
const NODE_ENDS: Duration = Duration::from_secs(5);

/// A topology at work. Another is put in its place by [`Pipeline::apply`], which leaves alone what
/// did not change. What was not delivered when it ends is delivered by the next one, because
/// endpoints and subscriptions are cursors.
pub struct Pipeline {
    parts: PipelineParts,
    routes: Arc<LiveRoutes>,
    doors: Mutex<Arc<Doors>>,
    /// Held through a deploy, so that two follow each other.
    running: tokio::sync::Mutex<Running>,
    this: Weak<Self>,
}

#[derive(Default)]
struct Running {
    topology: Topology,
    scripts: Scripts,
    functions: HashMap<String, Arc<dyn Function>>,
    tasks: BTreeMap<String, NodeTasks>,
}

/// What runs for a node, and how it is asked to end.
struct NodeTasks {
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl NodeTasks {
    /// Lets what is under way end, so that it need not be done a second time.
    async fn end(mut self) {
        self.stop.cancel();
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(NODE_ENDS, ended).await.is_err() {
            tracing::warn!("a part of the topology did not end in time");
        }
    }
}

impl Pipeline {
    /// A pipeline with nothing in it.
    pub fn new(parts: PipelineParts) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            routes: Arc::new(LiveRoutes::new(parts.view.clone())),
            doors: Mutex::default(),
            running: tokio::sync::Mutex::default(),
            this: this.clone(),
            parts,
        })
    }

    /// Puts a checked topology to work in place of the one before, between the event routes that
    /// the instance has: those that come and go later are taken up and dropped. What did not
    /// change is not disturbed; what did ends what it began and goes on from there.
    pub async fn apply(&self, topology: &Topology, scripts: &Scripts) {
        let mut running = self.running.lock().await;
        let files = changed_files(&running.scripts, scripts);
        let difference = Difference::of(&running.topology, topology, &files);
        end_nodes(&mut running.tasks, &difference).await;
        self.leave_sources(&running.topology, topology);
        self.routes.lead_on(topology);
        running.topology = topology.clone();
        running.scripts = scripts.clone();
        self.build_functions(&mut running, &difference);
        *self.doors.lock() = Arc::new(Doors::new(topology, &running.functions, &self.parts.flow));
        self.start_nodes(&mut running, &difference);
        let ids: BTreeSet<_> = Wiring::new(topology).nodes().map(|node| node.id()).collect();
        self.parts.flow.retain(|node| ids.contains(node));
        self.parts.direct.retain(|name| topology.endpoints2019.contains_key(name));
    }

    /// Ends what is under way, and everything: first who brings something, while those who take it
    /// are there. A source goes past what it has in hand.
    pub async fn stop(&self) {
        let mut running = self.running.lock().await;
        let mut tasks = std::mem::take(&mut running.tasks);
        for part in ["sources/", "subscriptions/", "endpoints"] {
            let ending = tasks.extract_if(.., |id, _| id.starts_with(part));
            futures::future::join_all(ending.map(|(_, node)| node.end())).await;
        }
        *self.doors.lock() = Arc::default();
        *running = Running::default();
    }

    /// The routes' names, in the order of [`Pipeline::verdicts`].
    pub fn route_names(&self) -> Vec<String> {
        self.routes.current().names().map(str::to_owned).collect()
    }

    /// What each route does with a change, and why; empty where a change makes no notification.
    pub fn verdicts(&self, change: &Arc<Change>) -> Vec<RouteVerdict> {
        let notification = self.routes.notification(change, &self.parts.host);
        notification
            .map_or_else(Vec::new, |notification| self.routes.current().verdicts(&notification))
    }

    /// Where the parts of it count.
    pub fn parts(&self) -> &PipelineParts {
        &self.parts
    }

    fn leave_sources(&self, before: &Topology, after: &Topology) {
        let Some(this) = self.this.upgrade() else { return };
        for (name, spec) in &before.sources {
            source::leave(name, spec, after.sources.get(name), this.clone(), &self.parts);
        }
    }

    fn build_functions(&self, running: &mut Running, difference: &Difference) {
        let Running { topology, scripts, functions, .. } = running;
        functions.retain(|name, _| topology.functions.contains_key(name));
        for (name, spec) in &topology.functions {
            if difference.fresh.contains(&node_id("functions", name)) {
                let text = function_file(name, spec).and_then(|file| scripts.get(&file));
                let function =
                    build_function(name, spec, topology, text.map(String::as_str), &self.parts);
                functions.insert(name.clone(), function);
            }
        }
    }

    fn start_nodes(&self, running: &mut Running, difference: &Difference) {
        let Running { topology, functions, tasks, .. } = running;
        let mut start = |part: &str, name: &str, run: &dyn Fn(&PipelineParts) -> JoinSet<()>| {
            let id = node_id(part, name);
            if difference.fresh.contains(&id) {
                let stop = CancellationToken::new();
                let parts = PipelineParts { stop: stop.clone(), ..self.parts.clone() };
                tasks.insert(id, NodeTasks { tasks: run(&parts), stop });
            }
        };
        // Who takes first, so that nothing comes to a closed door.
        for (name, spec) in &topology.subscriptions {
            let Some(function) = functions.get(&spec.function) else { continue };
            start("subscriptions", name, &|parts| {
                subscription::start(name, spec, topology, function.clone(), parts)
            });
        }
        for (name, spec) in &topology.endpoints {
            start("endpoints", name, &|parts| {
                delivery::start(name, spec, self.routes.clone(), parts)
            });
        }
        for (name, spec) in &topology.endpoints2019 {
            start("endpoints2019", name, &|parts| delivery::start_2019(name, spec, parts));
        }
        let Some(this) = self.this.upgrade() else { return };
        for (name, spec) in &topology.sources {
            start("sources", name, &|parts| source::start(name, spec, this.clone(), parts));
        }
    }
}

/// Ends what is gone or will be another.
async fn end_nodes(tasks: &mut BTreeMap<String, NodeTasks>, difference: &Difference) {
    let ids = difference.gone.iter().chain(&difference.fresh);
    let ending: Vec<_> = ids.filter_map(|id| tasks.remove(id)).collect();
    futures::future::join_all(ending.into_iter().map(NodeTasks::end)).await;
}

fn changed_files(before: &Scripts, after: &Scripts) -> BTreeSet<String> {
    let files = before.keys().chain(after.keys());
    files.filter(|file| before.get(*file) != after.get(*file)).cloned().collect()
}
