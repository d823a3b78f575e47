//! From the change feed to endpoints: each is a cursor over the feed with a state of its own.
//!
//! An endpoint takes a page of changes, makes a batch of what its routes (or, of 2019, its event
//! types) take of them, sends it with one of the three clients, and keeps its position together
//! with all that it counted once every event of the batch is delivered, a dead letter, or a
//! counted drop. So nothing is lost or counted twice by a crash, a deploy or an endpoint that is
//! down, and nothing that an endpoint does is felt by the graph.

mod batch;
mod books;
mod dead_letter;
mod event_grid;
mod event_hub;
mod fates;
mod numbers;
mod of_2019;
mod outgoing;
mod outlet;
mod sender;
mod service_bus;
#[cfg(test)]
mod tests;
mod today;

pub use fates::Fate;
pub(crate) use fates::Fates;

use crate::routing::LiveRoutes;
use crate::{Endpoint2019Spec, EndpointSpec, PipelineParts};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::task::JoinSet;
use twin_graph::{Change, Timestamp};

/// Sets an endpoint by today's rules going: from where it was, or from now on where it is new.
/// What is being sent when the tasks are dropped still comes to its end, before the same endpoint
/// goes on as a later call says.
pub(crate) fn start(
    name: &str,
    spec: &EndpointSpec,
    routes: Arc<LiveRoutes>,
    parts: &PipelineParts,
) -> JoinSet<()> {
    today::prepare(name, parts);
    let mut tasks = JoinSet::new();
    tasks.spawn(today::run(name.to_owned(), spec.clone(), routes, parts.clone()));
    tasks
}

/// Sets an endpoint by the rules of 2019 going, as [`start`].
pub(crate) fn start_2019(
    name: &str,
    spec: &Endpoint2019Spec,
    parts: &PipelineParts,
) -> JoinSet<()> {
    of_2019::prepare(name, spec, parts);
    let mut tasks = JoinSet::new();
    tasks.spawn(of_2019::run(name.to_owned(), spec.clone(), parts.clone()));
    tasks
}

/// The id of an event that a change makes: the same whenever it is made again, so that who takes
/// it can tell a repeated delivery.
pub(crate) fn event_id(change: &Change, number: usize) -> String {
    let trace = change.cause.trace.to_string();
    let name = if number == 0 { trace } else { format!("{trace}/{number}") };
    uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, name.as_bytes()).to_string()
}

/// Runs to the end even where whoever waits for it is dropped. `None` where the program ends.
async fn uninterrupted<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> Option<T> {
    match tokio::spawn(work).await {
        Ok(done) => Some(done),
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => None,
    }
}

fn now() -> Timestamp {
    SystemTime::now().into()
}

fn duration_until(time: Timestamp) -> Duration {
    let ticks = u64::try_from(time.ticks() - now().ticks()).unwrap_or_default();
    Duration::from_nanos(ticks.saturating_mul(100))
}
