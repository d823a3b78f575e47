//! Events that are on their way together, and what became of them.

use super::outgoing::Outgoing;
use super::sender::{Lot, Trouble};
use crate::Meter;
use messaging::client::{ClientError, Code};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use twin_graph::Timestamp;

/// Why events are gone.
pub(super) mod reason {
    pub const RETENTION: &str = "taken by retention before they could be looked at";
    pub const TOO_OLD: &str = "not delivered in time, and no dead letters are kept";
    pub const TOO_LARGE: &str = "larger than the endpoint takes, and no dead letters are kept";
    pub const REFUSED: &str = "refused by the endpoint, and no dead letters are kept";
    pub const NO_LETTER: &str = "their dead letters could not be written";
    pub const KEYS_REFUSED: &str = "paused: both keys are refused";
    pub const UNREACHABLE: &str = "paused: the endpoint is unreachable";
    pub const UNFIT: &str = "refused by the endpoint";
}

/// An event that is not delivered yet.
pub(super) struct Due {
    pub(super) event: Outgoing,
    /// The version of the change that made it; of what is sent directly its number.
    pub(super) version: u64,
    /// When it happened.
    pub(super) time: Timestamp,
    /// How often it may be there already: it was sent and not answered, or delivered before a
    /// crash.
    pub(super) doubts: u64,
}

/// Events up to a version of the graph. They are counted when all are done with, together with
/// the version: so counts and position always fit, and `taken` is the sum of the others.
pub(super) struct Batch {
    /// The version that is done with when these are.
    pub(super) until: u64,
    /// What is left, in order.
    pub(super) due: Vec<Due>,
    pub(super) tally: Tally,
    /// The endpoint refused several together: which of them is found by sending each alone.
    pub(super) one_by_one: bool,
    /// It was tried before.
    pub(super) attempted: bool,
    meter: Arc<Meter>,
}

/// What became of a batch's events so far.
#[derive(Default)]
pub(super) struct Tally {
    taken: u64,
    pub(super) done: u64,
    pub(super) bytes: u64,
    repeated: u64,
    dead_lettered: u64,
    dropped: BTreeMap<&'static str, u64>,
    pub(super) busy: Duration,
}

/// What an attempt met with.
#[derive(Default)]
pub(super) struct Met {
    /// The endpoint's trouble, if there was some.
    pub(super) endpoint: Option<ClientError>,
    /// Events that it will never take, and its last word on that.
    pub(super) unfit: Vec<(Due, ClientError)>,
}

impl Batch {
    pub(super) fn new(until: u64, due: Vec<Due>, meter: Arc<Meter>) -> Self {
        let tally = Tally { taken: due.len() as u64, ..Tally::default() };
        Self { until, due, tally, one_by_one: false, attempted: false, meter }
    }

    /// How many events it began with.
    pub(super) fn size(&self) -> u64 {
        self.tally.taken
    }

    /// The events of the next attempt.
    pub(super) fn events(&self) -> Vec<&Outgoing> {
        let some = if self.one_by_one { 1 } else { self.due.len() };
        self.due.iter().take(some).map(|due| &due.event).collect()
    }

    /// Takes out what an attempt settled.
    pub(super) fn settle(&mut self, lots: Vec<Lot>) -> Met {
        let mut met = Met::default();
        let mut fates: BTreeMap<usize, Option<ClientError>> = BTreeMap::new();
        for lot in lots {
            match lot.result {
                Ok(()) => {
                    self.tally.bytes += lot.bytes as u64;
                    fates.extend(lot.events.into_iter().map(|index| (index, None)));
                }
                Err(Trouble::Events(error)) if lot.events.len() == 1 => {
                    fates.extend(lot.events.into_iter().map(|index| (index, Some(error.clone()))));
                }
                Err(trouble) => {
                    self.one_by_one |= matches!(trouble, Trouble::Events(_));
                    let error = trouble.error();
                    for index in lot.events {
                        self.due[index].doubts += u64::from(error.unanswered);
                    }
                    if let Trouble::Endpoint(error) = trouble {
                        met.endpoint = Some(worse(met.endpoint, error));
                    }
                }
            }
        }
        for (index, due) in std::mem::take(&mut self.due).into_iter().enumerate() {
            match fates.remove(&index) {
                None => self.due.push(due),
                Some(None) => {
                    self.tally.done += 1;
                    self.tally.repeated += due.doubts;
                }
                Some(Some(error)) => met.unfit.push((due, error)),
            }
        }
        met
    }

    /// Takes out what is older than that. Events stand in the order in which they happened.
    pub(super) fn take_older(&mut self, than: Timestamp) -> Vec<Due> {
        let old = self.due.iter().take_while(|due| due.time < than).count();
        self.due.drain(..old).collect()
    }

    pub(super) fn lose(&mut self, reason: &'static str, events: u64) {
        if events > 0 {
            *self.tally.dropped.entry(reason).or_default() += events;
        }
    }

    pub(super) fn dead_lettered(&mut self, events: u64) {
        self.tally.dead_lettered += events;
    }

    /// Counts what became of all of it.
    pub(super) fn count(mut self) {
        let tally = std::mem::take(&mut self.tally);
        self.meter.done.add(tally.done);
        self.meter.bytes.add(tally.bytes);
        self.meter.repeated.add(tally.repeated);
        self.meter.dead_lettered.add(tally.dead_lettered);
        self.meter.busy.add(u64::try_from(tally.busy.as_nanos()).unwrap_or(u64::MAX));
        for (reason, events) in tally.dropped {
            Meter::drop(&self.meter, reason, events);
        }
        // Last: who sees that they were taken sees what became of them.
        self.meter.taken.add(tally.taken);
    }
}

impl Drop for Batch {
    /// Given up half-way, for a deploy: who goes on begins with the whole of it.
    fn drop(&mut self) {
        self.meter.repeated.add(self.tally.done);
    }
}

/// A refused key says more than anything else, because there is another one.
fn worse(one: Option<ClientError>, other: ClientError) -> ClientError {
    match one {
        Some(one) if one.code == Code::Unauthorized => one,
        _ => other,
    }
}
