//! What an endpoint keeps beside its position, so that after a crash its counts fit that position.

use super::batch::reason;
use crate::{Counts, Flow, INSTANCE, Kept, Memory, Meter, Wire, node_id};
use adt_events::Filter;
use serde::{Deserialize, Serialize};
use std::sync::{Arc, LazyLock};
use twin_graph::{EventRoute, Timestamp};

/// This run of the program.
static RUN: LazyLock<String> = LazyLock::new(|| uuid::Uuid::new_v4().simple().to_string());

/// As it is kept: JSON.
#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Books {
    /// The run that wrote it: in the same one nothing is lost.
    pub(super) run: String,
    pub(super) counts: Counts,
    /// The routes at the position.
    pub(super) routes: Vec<RouteBook>,
    /// Of 2019: it took events of changes, so that its position is one.
    pub(super) follows_changes: bool,
    /// Of 2019: the number of the last event sent directly that is done with.
    pub(super) direct: u64,
    /// Of 2019: when the endpoint takes its first events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) starts: Option<Timestamp>,
    /// Of 2019: until when it takes none, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) pause: Option<Pause>,
}

/// A pause by the rules of 2019.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Pause {
    pub(super) until: Timestamp,
    pub(super) reason: PauseReason,
    /// What happened, in a sentence.
    pub(super) message: String,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum PauseReason {
    KeysRefused,
    Unreachable,
}

impl PauseReason {
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::KeysRefused => reason::KEYS_REFUSED,
            Self::Unreachable => reason::UNREACHABLE,
        }
    }
}

/// A route and what it counted.
#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct RouteBook {
    id: String,
    filter: String,
    counts: Counts,
    to_endpoint: u64,
    to_endpoint_bytes: u64,
}

impl Books {
    /// What was kept, with its position, where it fits a graph of this version.
    pub(super) fn load(memory: &dyn Memory, node: &str, version: u64) -> Option<(u64, Self)> {
        let kept = memory.load(node).filter(|kept| kept.position <= version)?;
        match serde_json::from_slice(&kept.state) {
            Ok(books) => Some((kept.position, books)),
            Err(error) => {
                tracing::error!(%error, node, "what it counted cannot be read; it counts anew");
                Some((kept.position, Self::default()))
            }
        }
    }

    /// Whether another run kept it: what it delivered last may not be in it.
    pub(super) fn is_of_another_run(&self) -> bool {
        self.run != *RUN
    }

    pub(super) fn keep(mut self, memory: &dyn Memory, node: &str, position: u64) {
        self.run.clone_from(&RUN);
        let state = serde_json::to_vec(&self).unwrap_or_default();
        memory.keep(node, Kept { position, state });
    }
}

/// A route to this endpoint, compiled, with what it counts.
pub(super) struct Lead {
    pub(super) route: Arc<EventRoute>,
    filter: Filter,
    meter: Arc<Meter>,
    in_wire: Arc<Wire>,
    out_wire: Arc<Wire>,
    /// Events of this batch that it looked at, and took.
    looked: u64,
    matched: u64,
}

impl Lead {
    /// `None` where the filter does not parse; none such gets into an instance.
    pub(super) fn new(route: Arc<EventRoute>, flow: &Flow) -> Option<Self> {
        let filter = Filter::parse(&route.filter)
            .inspect_err(|error| {
                tracing::warn!(route = &*route.id, %error, "the filter of a route does not parse");
            })
            .ok()?;
        let node = node_id("routes", &route.id);
        Some(Self {
            filter,
            meter: flow.node(&node),
            in_wire: flow.wire(INSTANCE, &node),
            out_wire: flow.wire(&node, &node_id("endpoints", &route.endpoint)),
            looked: 0,
            matched: 0,
            route,
        })
    }

    /// As it was at the position.
    pub(super) fn of_book(book: &RouteBook, endpoint: &str, flow: &Flow) -> Option<Self> {
        let route = EventRoute {
            id: book.id.as_str().into(),
            endpoint: endpoint.into(),
            filter: book.filter.as_str().into(),
        };
        let lead = Self::new(Arc::new(route), flow)?;
        lead.meter.restore(&book.counts);
        lead.in_wire.restore(book.counts.taken, 0);
        lead.out_wire.restore(book.to_endpoint, book.to_endpoint_bytes);
        Some(lead)
    }

    pub(super) fn book(&self) -> RouteBook {
        RouteBook {
            id: self.route.id.to_string(),
            filter: self.route.filter.to_string(),
            counts: self.meter.counts(),
            to_endpoint: self.out_wire.events.get(),
            to_endpoint_bytes: self.out_wire.bytes.get(),
        }
    }

    /// Whether it takes a notification.
    pub(super) fn takes(&mut self, notification: &adt_events::Notification) -> bool {
        let takes = self.filter.matches(notification);
        self.looked += 1;
        self.matched += u64::from(takes);
        takes
    }

    /// Counts what it looked at and took of a batch whose events had so many bytes each.
    pub(super) fn count(&mut self, bytes_each: u64) {
        let (looked, matched) =
            (std::mem::take(&mut self.looked), std::mem::take(&mut self.matched));
        if looked == 0 {
            return;
        }
        self.meter.taken.add(looked);
        self.meter.done.add(matched);
        self.meter.bytes.add(matched * bytes_each);
        self.in_wire.events.add(looked);
        self.out_wire.events.add(matched);
        self.out_wire.bytes.add(matched * bytes_each);
    }
}
