//! Event routes: which notification goes to which endpoint, and why.

use crate::delivery::event_id;
use adt_events::{Filter, Notification, Verdict};
use adt_service::GraphView;
use parking_lot::Mutex;
use std::sync::Arc;
use twin_graph::{Change, ChangeKind, EventRoute};

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
            Ok(filter) => Some(Route { name: route.id.clone(), filter }),
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
}

/// An instance's event routes as they are now: compiled again whenever they changed.
pub(crate) struct LiveRoutes {
    view: Arc<GraphView>,
    /// With the version at which they last changed.
    compiled: Mutex<(u64, Arc<Routes>)>,
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
            (graph.routes_version(), Arc::new(Routes::new(graph.routes())))
        };
        let notifications = Mutex::new(vec![Made::default(); KEPT as usize]);
        Self { view, compiled: Mutex::new(compiled), notifications }
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
            *compiled = (graph.routes_version(), Arc::new(Routes::new(graph.routes())));
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
