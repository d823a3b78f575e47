//! From a device's message to a subscriber of its room, beside Node-RED in the same run.
//!
//! `cargo bench -p session --bench pipeline` (`make bench-pipeline`), or with one of `ours`,
//! `stages`, `node-red`, `memory` behind it for that part alone. `memory` runs for ten minutes and
//! only where it is asked for.
//!
//! Ours: MQTT over TLS to the IoT hub, function `ingest` sets the thermostat's temperature, a route
//! to Event Grid, function `propagateToParent` sets the room's, a route to an event hub, and there a
//! subscriber over AMQP; everything that is acknowledged on the way is fsynced. Node-RED: MQTT in
//! plain TCP by way of mosquitto, one function that sets both in memory, MQTT to the subscriber;
//! nothing is kept. The same program sends and receives in both, and they take turns in rounds of a
//! second or two.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs
)]

mod load;
mod machine;
mod node_red;
mod ours;

fn main() {
    // Cargo puts a word of its own there, too.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let named = |part: &str| wanted.iter().any(|word| word == part);
    let wanted = |part: &str| wanted.is_empty() || named(part);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let mut subjects = Vec::new();
        if wanted("ours") {
            subjects.push(ours::whole().await);
        }
        if wanted("node-red") {
            subjects.extend(node_red::whole().await);
        }
        if !subjects.is_empty() {
            machine::describe();
            load::measure(subjects).await;
        }
        if wanted("stages") {
            ours::stages().await;
        }
        if named("memory") {
            ours::memory().await;
        }
    });
}
