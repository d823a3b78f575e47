//! The topology's event routes as seed: the instance has the routes, the file changes what it
//! changed. Routes made or deleted over REST stay as they are until the file says otherwise.

use super::seed::refusal;
use super::{Embedded, blocking};
use crate::failure::OpenError;
use adt_service::Call;
use pipeline::{RouteSpec, Topology};
use simulator::Mutation;
use std::collections::BTreeMap;
use twin_graph::{EventRoute, Origin, TwinGraph};

const KEY: &str = "routes";

type Routes = BTreeMap<String, RouteSpec>;

impl Embedded {
    /// Carries what the topology changed about its routes over to the instance. A refusal (more
    /// routes than an instance has) is one of [`Embedded::problems`]; the routes are then as they
    /// were.
    pub(super) async fn seed_routes(&self, topology: &Topology) -> Result<(), OpenError> {
        let before: Routes = match self.journal.value(KEY)? {
            Some(kept) => serde_json::from_slice(&kept).unwrap_or_default(),
            None => Routes::new(),
        };
        if before == topology.routes {
            return Ok(());
        }
        let mutations = mutations(&self.instance.view().read(), &before, &topology.routes);
        let call = Call::new(Origin::Workspace);
        if !mutations.is_empty()
            && let Err(error) = self.instance.apply(&call, mutations).await
        {
            self.problems.lock().push(refusal(&error));
            return Ok(());
        }
        self.take_routes_from(&topology.routes).await
    }

    /// Makes these the routes that the next topology's are compared with.
    pub(super) async fn take_routes_from(&self, routes: &Routes) -> Result<(), OpenError> {
        let bytes = serde_json::to_vec(routes).unwrap_or_default();
        let journal = self.journal.clone();
        blocking(move || journal.put_value(KEY, bytes).wait()).await??;
        Ok(())
    }
}

fn mutations(graph: &TwinGraph, before: &Routes, after: &Routes) -> Vec<Mutation> {
    let gone = before.keys().filter(|id| !after.contains_key(*id) && graph.route(id).is_some());
    let gone = gone.map(|id| Mutation::DeleteEventRoute { id: id.clone() });
    let put = after.iter().filter(|(id, spec)| before.get(*id) != Some(spec));
    let put = put.map(|(id, spec)| Mutation::PutEventRoute {
        route: EventRoute {
            id: id.as_str().into(),
            endpoint: spec.endpoint.as_str().into(),
            filter: spec.filter.as_str().into(),
        },
    });
    gone.chain(put).collect()
}
