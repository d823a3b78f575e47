//! Event routes: which notification goes to which endpoint, and why.

use crate::Topology;
use adt_events::{Filter, FilterError, Notification, Verdict};
use std::sync::Arc;

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

/// All event routes of a topology, compiled.
#[derive(Default)]
pub struct Routes(Vec<Route>);

impl Routes {
    /// Compiles the filters.
    ///
    /// # Errors
    /// Where a filter does not parse; a checked topology's filters do.
    pub fn new(topology: &Topology) -> Result<Self, FilterError> {
        let compile = |(name, spec): (&String, &crate::RouteSpec)| {
            let filter = Filter::parse(&spec.filter)?;
            Ok(Route { name: name.as_str().into(), endpoint: spec.endpoint.clone(), filter })
        };
        Ok(Self(topology.routes.iter().map(compile).collect::<Result<_, _>>()?))
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
