//! Delivery to real servers, good and bad: what was sent is delivered, a dead letter, or counted.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod faults;
mod grid;
mod letters;
mod proxy;
mod restarts;
mod rules_2019;
mod speed;
mod today;
mod world;

use crate::delivery::id_of;
use std::collections::HashSet;
use twin_graph::TraceContext;

#[test]
fn every_event_has_an_id_of_its_own_whenever_it_is_made() {
    let traces = (1..=100).flat_map(|span| [1, 2].map(|trace| TraceContext::new(trace, span)));
    let all: Vec<_> = traces.flat_map(|trace| (0..5).map(move |which| (trace, which))).collect();
    let ids: HashSet<_> = all.iter().map(|(trace, which)| id_of(*trace, *which)).collect();
    assert_eq!(ids.len(), all.len());
    assert!(all.iter().all(|(trace, which)| ids.contains(&id_of(*trace, *which))));
}
