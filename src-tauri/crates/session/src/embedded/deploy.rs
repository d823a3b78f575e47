//! The topology at work: what is deployed, from where it came, and how another takes its place.

use super::{Embedded, blocking, event_grid, iot_hub};
use crate::failure::OpenError;
use crate::wire::Failure;
use journal::Journal;
use pipeline::{
    Difference, FlowReport, INSTANCE, Pipeline, RouteSpec, Scripts, Topology, TopologyProblem,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use twin_graph::TwinGraph;
use workspace::Source;

const KEY: &str = "deployed";

/// What is at work.
#[derive(Clone, Debug, Default)]
pub(crate) struct Deployed {
    /// With the instance's own routes, and endpoints made over REST.
    pub(crate) topology: Topology,
    /// The texts of users' own functions.
    pub(crate) scripts: Scripts,
    /// What of it is not in `topology.json`, by id.
    pub(crate) not_in_file: Vec<String>,
}

/// A topology that was deployed from the window and is in no file, and the file's that it took the
/// place of: it stands while the file says the same.
#[derive(Serialize, Deserialize)]
struct FromWindow {
    instead_of: Value,
    topology: Topology,
    scripts: Scripts,
}

impl Embedded {
    /// The pipeline.
    pub(crate) fn pipeline(&self) -> &Arc<Pipeline> {
        &self.pipeline
    }

    /// What is at work now, with routes and endpoints as the instance has them.
    pub(crate) fn deployed(&self) -> Deployed {
        let workings = self.workings.lock();
        let (file, scripts) = (workings.topology.clone(), workings.scripts.clone());
        drop(workings);
        let mut topology = self.endpoints.merged(&file);
        topology.routes = routes_of(&self.instance.view().read());
        let not_in_file = not_in_file(&file, &topology);
        Deployed { topology, scripts, not_in_file }
    }

    /// Counts up with every deploy and every change of routes and endpoints.
    pub(crate) fn topology_revision(&self) -> u32 {
        let routes = self.instance.view().read().routes_version();
        // It only has to be another one.
        self.deploys.load(Relaxed).wrapping_add(routes as u32)
    }

    /// Where `topology.json` is, if there is a folder.
    pub(crate) fn topology_file(&self) -> Option<PathBuf> {
        match &self.source {
            Some(Source::Folder(folder)) => Some(folder.join("topology.json")),
            Some(Source::Embedded) | None => None,
        }
    }

    /// All that is wrong with a topology, and with the functions that it names.
    pub(crate) fn problems_of(
        &self,
        topology: &Topology,
        scripts: &Scripts,
    ) -> Vec<TopologyProblem> {
        let mut problems = topology.problems(&self.instance.limiter().limits());
        problems.extend(pipeline::check_scripts(topology, scripts));
        problems
    }

    /// For how long was counted, and what passed each node and wire of the topology since.
    pub fn flow_report(&self) -> (Duration, FlowReport) {
        let flow = &self.pipeline.parts().flow;
        flow.node(INSTANCE).done.set(self.instance.view().read().version());
        (self.counting_since.elapsed(), flow.report())
    }

    /// Puts a checked topology that a person drew to work, and writes it to the workspace where
    /// there is a folder. It says all that there is to be: routes and endpoints that it does not
    /// name are taken away, however they were made.
    ///
    /// # Errors
    /// Where a file cannot be written, and nothing was done then; or what the instance refused.
    pub(crate) async fn deploy_from_window(
        self: &Arc<Self>,
        topology: Topology,
        scripts: Scripts,
    ) -> Result<(), Failure> {
        if let Some(Source::Folder(folder)) = self.source.clone() {
            let (topology, scripts) = (topology.clone(), scripts.clone());
            let written = blocking(move || workspace::save_topology(&folder, &topology, &scripts));
            match written.await {
                Ok(Ok(_)) => {}
                Ok(Err(problem)) => {
                    return Err(not_deployed(format!("{}: {}", problem.file, problem.message)));
                }
                Err(error) => return Err(error.to_failure()),
            }
        } else {
            let instead_of = self.workings.lock().file.clone();
            let kept =
                FromWindow { instead_of, topology: topology.clone(), scripts: scripts.clone() };
            keep(&self.journal, &kept).await.map_err(|error| error.to_failure())?;
        }
        let secrets = self.secrets_of_endpoints();
        self.endpoints.take_over().await.map_err(|error| error.to_failure())?;
        let routes = routes_of(&self.instance.view().read());
        self.take_routes_from(&routes).await.map_err(|error| error.to_failure())?;
        self.deploy(topology, scripts).await.map_err(|error| error.to_failure())?;
        self.forget_unnamed(secrets);
        Ok(())
    }

    /// The topology to begin with: the file's, or what was deployed in its place.
    pub(super) fn deployed_before(
        &self,
        file: &Topology,
        scripts: &Scripts,
    ) -> (Topology, Scripts) {
        let of_file = || (file.clone(), scripts.clone());
        let Ok(Some(bytes)) = self.journal.value(KEY) else { return of_file() };
        match serde_json::from_slice::<FromWindow>(&bytes) {
            Ok(kept) if kept.instead_of == file.to_json() => (kept.topology, kept.scripts),
            _ => of_file(),
        }
    }

    /// Sets a topology to work in place of the one before; what did not change is not disturbed.
    pub(super) async fn deploy(
        self: &Arc<Self>,
        topology: Topology,
        scripts: Scripts,
    ) -> Result<(), OpenError> {
        let _alone = self.deploying.lock().await;
        let merged = self.endpoints.merged(&topology);
        self.instance.set_endpoints(merged.endpoints.keys().cloned());
        self.seed_routes(&topology).await?;
        for problem in self.surroundings.declare(&merged).await {
            tracing::warn!(problem, "a part of the topology cannot be made");
        }
        iot_hub::declare(self, &merged).await;
        let before = {
            let mut workings = self.workings.lock();
            workings.topology = topology;
            workings.scripts = scripts.clone();
            super::devices::steer(self, &merged, &mut workings.devices);
            std::mem::replace(&mut workings.merged, merged.clone())
        };
        self.pipeline.apply(&merged, &scripts).await;
        // What is made again under a name that was taken away begins anew.
        let gone = Difference::of(&before, &merged, &BTreeSet::new()).gone;
        self.memory.forget(&gone);
        self.surroundings.release(&merged).await;
        event_grid::register_functions(&self.grid, &merged, &self.pipeline);
        self.deploys.fetch_add(1, Relaxed);
        if self.connected.load(Relaxed) {
            // Other devices have other keys, and other entities are there.
            self.connect().write(&self.data).map_err(OpenError::Connect)?;
        }
        Ok(())
    }

    /// Endpoints were made, changed or taken away over REST.
    ///
    /// # Errors
    /// As [`Embedded::deploy`].
    pub(super) async fn deploy_again(self: &Arc<Self>) -> Result<(), OpenError> {
        let (topology, scripts) = {
            let workings = self.workings.lock();
            (workings.topology.clone(), workings.scripts.clone())
        };
        self.deploy(topology, scripts).await
    }
}

fn not_deployed(message: String) -> Failure {
    Failure { code: "NotDeployed".to_owned(), message, details: Vec::new() }
}

async fn keep(journal: &Journal, kept: &FromWindow) -> Result<(), OpenError> {
    let bytes = serde_json::to_vec(kept).unwrap_or_default();
    let journal = journal.clone();
    blocking(move || journal.put_value(KEY, bytes).wait()).await??;
    Ok(())
}

/// An instance's event routes, as a topology has them.
pub(crate) fn routes_of(graph: &TwinGraph) -> BTreeMap<String, RouteSpec> {
    let spec = |route: &Arc<twin_graph::EventRoute>| RouteSpec {
        endpoint: route.endpoint.to_string(),
        filter: route.filter.to_string(),
    };
    graph.routes().map(|route| (route.id.to_string(), spec(route))).collect()
}

fn not_in_file(file: &Topology, now: &Topology) -> Vec<String> {
    fn part<T: PartialEq>(
        part: &'static str,
        file: &BTreeMap<String, T>,
        now: &BTreeMap<String, T>,
    ) -> Vec<String> {
        let other = now.iter().filter(|(name, spec)| file.get(*name) != Some(*spec));
        other.map(|(name, _)| pipeline::node_id(part, name)).collect()
    }
    [
        part("routes", &file.routes, &now.routes),
        part("endpoints", &file.endpoints, &now.endpoints),
        part("endpoints2019", &file.endpoints2019, &now.endpoints2019),
    ]
    .concat()
}
