//! Event routes: which notification goes to which endpoint, and why.

use adt_events::{Filter, Notification, Verdict};
use adt_service::GraphView;
use parking_lot::Mutex;
use std::sync::Arc;
use twin_graph::EventRoute;

/// What a route did with a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteVerdict {
    /// The route's name.
    pub route: Arc<str>,
    /// Whether its filter matched.
    pub matched: bool,
    /// Where it did not: the part of the filter that decided and what it saw.
    pub reason: Option<String>,
}

struct Route {
    name: Arc<str>,
    endpoint: String,
    filter: Filter,
}

/// All event routes of an instance, compiled.
#[derive(Default)]
pub struct Routes(Vec<Route>);

impl Routes {
    /// Compiles the routes. One whose filter does not parse leads nowhere; none gets into an
    /// instance.
    pub fn new<'a>(routes: impl IntoIterator<Item = &'a Arc<EventRoute>>) -> Self {
        let compile = |route: &Arc<EventRoute>| match Filter::parse(&route.filter) {
            Ok(filter) => {
                Some(Route { name: route.id.clone(), endpoint: route.endpoint.to_string(), filter })
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
        let verdict = |route: &Route| match route.filter.check(notification) {
            Verdict::Matched => {
                RouteVerdict { route: route.name.clone(), matched: true, reason: None }
            }
            Verdict::NotMatched { part, saw } => RouteVerdict {
                route: route.name.clone(),
                matched: false,
                reason: Some(format!("{part} decided: it saw {saw}")),
            },
        };
        self.0.iter().map(verdict).collect()
    }

    /// Whether any route takes the notification to this endpoint.
    pub fn lead_to(&self, endpoint: &str, notification: &Notification) -> bool {
        let leads =
            |route: &Route| route.endpoint == endpoint && route.filter.matches(notification);
        self.0.iter().any(leads)
    }
}

/// An instance's event routes as they are now: compiled again whenever they changed.
pub(crate) struct LiveRoutes {
    view: Arc<GraphView>,
    /// With the version at which they last changed.
    compiled: Mutex<(u64, Arc<Routes>)>,
}

impl LiveRoutes {
    pub(crate) fn new(view: Arc<GraphView>) -> Self {
        let compiled = {
            let graph = view.read();
            (graph.routes_version(), Arc::new(Routes::new(graph.routes())))
        };
        Self { view, compiled: Mutex::new(compiled) }
    }

    /// The routes, which include every change of them that is in the feed so far.
    pub(crate) fn current(&self) -> Arc<Routes> {
        let graph = self.view.read();
        let mut compiled = self.compiled.lock();
        if compiled.0 != graph.routes_version() {
            *compiled = (graph.routes_version(), Arc::new(Routes::new(graph.routes())));
        }
        compiled.1.clone()
    }
}
