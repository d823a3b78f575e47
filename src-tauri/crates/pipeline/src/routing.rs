//! Event routes: which notification goes to which endpoint, and why.

use crate::delivery::event_id;
use crate::{NodeIds, Topology, node_id};
use adt_events::{Filter, Notification, Verdict};
use adt_service::GraphView;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use twin_graph::{Change, ChangeKind, EventRoute};

/// What a route did with a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteVerdict {
    /// The route's name.
    pub route: Arc<str>,
    /// What it leads to: its endpoint, and this one's subscriptions, their functions and the sinks
    /// of these.
    pub leads_to: NodeIds,
    /// Whether its filter matched.
    pub matched: bool,
    /// Where it did not: the part of the filter that decided and what it saw.
    pub reason: Option<String>,
}

struct Route {
    name: Arc<str>,
    leads_to: NodeIds,
    filter: Filter,
}

/// All event routes of an instance, compiled.
#[derive(Default)]
pub struct Routes(Vec<Route>);

impl Routes {
    /// Compiles the routes. One whose filter does not parse leads nowhere; none gets into an
    /// instance.
    fn new<'a>(routes: impl IntoIterator<Item = &'a Arc<EventRoute>>, onward: &Onward) -> Self {
        let compile = |route: &Arc<EventRoute>| match Filter::parse(&route.filter) {
            Ok(filter) => {
                Some(Route { name: route.id.clone(), leads_to: onward.of(&route.endpoint), filter })
            }
            Err(error) => {
                tracing::warn!(route = &*route.id, %error, "the filter of a route does not parse");
                None
            }
        };
        Self(routes.into_iter().filter_map(compile).collect())
    }

    /// The routes' names, in the order of [`Routes::verdicts`].
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|route| &*route.name)
    }

    /// What each route does with the notification, and why.
    pub fn verdicts(&self, notification: &Notification) -> Vec<RouteVerdict> {
        let verdict = |route: &Route| {
            let reason = match route.filter.check(notification) {
                Verdict::Matched => None,
                Verdict::NotMatched { part, saw } => Some(format!("{part} decided: it saw {saw}")),
            };
            RouteVerdict {
                route: route.name.clone(),
                leads_to: route.leads_to.clone(),
                matched: reason.is_none(),
                reason,
            }
        };
        self.0.iter().map(verdict).collect()
    }
}

/// What endpoints lead to, by a topology.
#[derive(Default)]
struct Onward(HashMap<String, NodeIds>);

impl Onward {
    fn new(topology: &Topology) -> Self {
        let mut onward: HashMap<String, Vec<String>> = HashMap::new();
        for (name, spec) in &topology.subscriptions {
            let nodes = onward.entry(spec.endpoint.clone()).or_default();
            nodes.push(node_id("subscriptions", name));
            nodes.push(node_id("functions", &spec.function));
            nodes.extend(topology.sinks_of(&spec.function));
        }
        let whole = |(endpoint, nodes): (String, Vec<String>)| {
            let first = node_id("endpoints", &endpoint);
            (endpoint, std::iter::once(first).chain(nodes).collect())
        };
        Self(onward.into_iter().map(whole).collect())
    }

    fn of(&self, name: &str) -> NodeIds {
        let known = self.0.get(name).cloned();
        known.unwrap_or_else(|| [node_id("endpoints", name)].into())
    }
}

/// An instance's event routes as they are now: compiled again whenever they changed.
pub(crate) struct LiveRoutes {
    view: Arc<GraphView>,
    /// With the version at which they last changed.
    compiled: Mutex<(u64, Arc<Routes>)>,
    onward: Mutex<Onward>,
    notifications: Mutex<Vec<Made>>,
}

/// The notification of the change of this version.
#[derive(Clone, Default)]
struct Made {
    version: u64,
    notification: Option<Arc<Notification>>,
}

/// So many notifications are kept for endpoints that come to a change a little later than the
/// first.
const KEPT: u64 = 1_024;

impl LiveRoutes {
    pub(crate) fn new(view: Arc<GraphView>) -> Self {
        let compiled = {
            let graph = view.read();
            (graph.routes_version(), Arc::new(Routes::new(graph.routes(), &Onward::default())))
        };
        let notifications = Mutex::new(vec![Made::default(); KEPT as usize]);
        let onward = Mutex::default();
        Self { view, compiled: Mutex::new(compiled), onward, notifications }
    }

    /// Another topology says what the routes' endpoints lead to.
    pub(crate) fn lead_on(&self, topology: &Topology) {
        let graph = self.view.read();
        let mut compiled = self.compiled.lock();
        let onward = Onward::new(topology);
        *compiled = (graph.routes_version(), Arc::new(Routes::new(graph.routes(), &onward)));
        *self.onward.lock() = onward;
    }

    /// A change's notification, made once for all endpoints; `None` for changes that have none.
    pub(crate) fn notification(
        &self,
        change: &Arc<Change>,
        host: &str,
    ) -> Option<Arc<Notification>> {
        let slot = usize::try_from(change.version % KEPT).unwrap_or_default();
        if let Some(made) = self.notifications.lock().get(slot)
            && made.version == change.version
        {
            return made.notification.clone();
        }
        let notification = notify(change, host, &self.view).map(Arc::new);
        let made = Made { version: change.version, notification: notification.clone() };
        if let Some(kept) = self.notifications.lock().get_mut(slot) {
            *kept = made;
        }
        notification
    }

    /// The routes, which include every change of them that is in the feed so far.
    pub(crate) fn current(&self) -> Arc<Routes> {
        let graph = self.view.read();
        let mut compiled = self.compiled.lock();
        if compiled.0 != graph.routes_version() {
            let routes = Routes::new(graph.routes(), &self.onward.lock());
            *compiled = (graph.routes_version(), Arc::new(routes));
        }
        compiled.1.clone()
    }
}

/// A change's notification; `None` for changes that have none.
pub(crate) fn notify(change: &Change, host: &str, view: &GraphView) -> Option<Notification> {
    let notification = Notification::of(change, host, event_id(change, 0))?;
    let ChangeKind::RelationshipPatched { source, .. } = &change.kind else {
        return Some(notification);
    };
    // Only the graph knows the model of the twin that a changed relationship leaves.
    let model = view.read().twin(source).map(|twin| twin.model.clone());
    Some(notification.with_model(&model.unwrap_or_default()))
}
