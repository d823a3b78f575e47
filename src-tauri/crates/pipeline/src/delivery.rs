//! From the change feed through routes to an endpoint's subscribers.

use crate::routing::LiveRoutes;
use crate::{Event, Function, Observer};
use adt_events::Notification;
use adt_service::{ChangeHistory, GraphView};
use async_trait::async_trait;
use futures::{StreamExt, stream};
use std::collections::BTreeMap;
use std::sync::Arc;
use twin_graph::{Change, ChangeKind};

/// How many changes an endpoint takes at once, and how many subjects are delivered side by side.
const BATCH: usize = 256;
const SIDE_BY_SIDE: usize = 64;

/// Where each endpoint is in the change feed, kept between starts.
pub trait Cursors: Send + Sync {
    /// The version that the endpoint has taken last; `None` for an endpoint that is new.
    fn cursor(&self, endpoint: &str) -> Option<u64>;
    /// Keeps it, lazily: after a crash a few events may be delivered again, none is left out.
    fn keep(&self, endpoint: &str, version: u64);
}

/// Takes notifications that routes lead to it.
#[async_trait]
pub trait Endpoint: Send + Sync {
    /// Takes one notification; returns when its subscribers have handled it.
    async fn deliver(&self, notification: Arc<Notification>);
}

/// An Event Grid custom topic in process: each event goes to the function of each event
/// subscription.
pub struct EventGridTopic {
    name: Arc<str>,
    subscribers: Vec<Arc<dyn Function>>,
    observer: Arc<dyn Observer>,
}

impl EventGridTopic {
    /// A topic with its subscribers.
    pub fn new(
        name: &str,
        subscribers: Vec<Arc<dyn Function>>,
        observer: Arc<dyn Observer>,
    ) -> Self {
        Self { name: name.into(), subscribers, observer }
    }
}

#[async_trait]
impl Endpoint for EventGridTopic {
    async fn deliver(&self, notification: Arc<Notification>) {
        for function in &self.subscribers {
            if let Err(error) = function.call(Event::Notification(notification.clone())).await {
                let subject = notification.subject.as_deref().unwrap_or(&self.name);
                self.observer.failed(subject, notification.trace, &error.to_string());
            }
        }
    }
}

/// One endpoint: a cursor over the change feed, and who takes what the routes let through.
pub(crate) struct Delivery {
    pub(crate) name: String,
    pub(crate) host: Arc<str>,
    pub(crate) routes: Arc<LiveRoutes>,
    pub(crate) endpoint: Arc<dyn Endpoint>,
    pub(crate) view: Arc<GraphView>,
    pub(crate) history: Arc<dyn ChangeHistory>,
    pub(crate) cursors: Arc<dyn Cursors>,
    pub(crate) observer: Arc<dyn Observer>,
}

impl Delivery {
    /// Follows the feed until it ends. The cursor moves only past what was delivered.
    pub(crate) async fn run(self) {
        let mut published = self.view.watch();
        // A new endpoint begins with what happens from now on, as the service's do.
        let mut at = self.cursors.cursor(&self.name).unwrap_or(*published.borrow());
        loop {
            let batch = self.history.changes_after(at, BATCH).await;
            let Some((first, last)) = batch.first().zip(batch.last()) else {
                if published.changed().await.is_err() {
                    return;
                }
                continue;
            };
            self.report_gap(at, first);
            let version = last.version;
            self.deliver(&batch).await;
            at = version;
            self.cursors.keep(&self.name, at);
        }
    }

    fn report_gap(&self, at: u64, first: &Change) {
        let lost = first.version.saturating_sub(at + 1);
        if lost > 0 {
            let message = format!(
                "{}: {lost} changes were taken by retention before they could be delivered.",
                self.name
            );
            self.observer.failed(&self.name, first.cause.trace, &message);
        }
    }

    /// In order for each subject; different subjects side by side, so that their writes share a
    /// commit.
    async fn deliver(&self, batch: &[Arc<Change>]) {
        let mut by_subject: BTreeMap<String, Vec<Arc<Notification>>> = BTreeMap::new();
        let routes = self.routes.current();
        for change in batch {
            let Some(notification) = notify(change, &self.host, &self.view) else { continue };
            if routes.lead_to(&self.name, &notification) {
                let subject = change.kind.subject();
                by_subject.entry(subject).or_default().push(Arc::new(notification));
            }
        }
        stream::iter(by_subject.into_values())
            .for_each_concurrent(SIDE_BY_SIDE, |notifications| async move {
                for notification in notifications {
                    self.endpoint.deliver(notification).await;
                }
            })
            .await;
    }
}

/// A change's notification; `None` for changes that have none.
pub(crate) fn notify(change: &Change, host: &str, view: &GraphView) -> Option<Notification> {
    let notification = Notification::of(change, host, notification_id(change))?;
    let ChangeKind::RelationshipPatched { source, .. } = &change.kind else {
        return Some(notification);
    };
    // Only the graph knows the model of the twin that a changed relationship leaves.
    let model = view.read().twin(source).map(|twin| twin.model.clone());
    Some(notification.with_model(&model.unwrap_or_default()))
}

/// The same whenever it is made again, so that a subscriber can tell a repeated delivery.
fn notification_id(change: &Change) -> String {
    let trace = change.cause.trace.to_string();
    uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, trace.as_bytes()).to_string()
}
