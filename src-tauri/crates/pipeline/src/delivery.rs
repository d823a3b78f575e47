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
use twin_graph::{Change, Timestamp, TraceContext};

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
    id_of(change.cause.trace, number)
}

fn id_of(trace: TraceContext, number: usize) -> String {
    let (trace, span) = trace.ids();
    // Mixed first: of spans that follow each other, one's second event would else be the other's.
    let which = mixed(span) ^ number as u64;
    let own = u128::from(mixed(which)) << 64 | u128::from(mixed(!which));
    uuid::Builder::from_random_bytes((trace ^ own).to_be_bytes()).into_uuid().to_string()
}

/// What SplitMix64 makes of a state: numbers that are close come far from each other, and never together.
fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
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
