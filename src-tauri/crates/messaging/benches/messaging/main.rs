//! Messages through the embedded services, beside other servers in the same run.
//!
//! `cargo bench -p messaging`, or with one of `amqp`, `event-grid`, `devices` behind it for that
//! part alone. What is acknowledged here is fsynced, unless a row says otherwise.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs
)]

mod amqp;
mod devices;
mod event_grid;
mod rabbitmq;
#[path = "../../tests/support/mod.rs"]
mod support;

/// As the programs do.
#[global_allocator]
static ALLOCATOR: snmalloc_rs::SnMalloc = snmalloc_rs::SnMalloc;

fn main() {
    // Cargo puts a word of its own there, too.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let wanted = |part: &str| wanted.is_empty() || wanted.iter().any(|word| word == part);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        if wanted("amqp") {
            amqp::run().await;
        }
        if wanted("event-grid") {
            event_grid::run().await;
        }
        if wanted("devices") {
            devices::run().await;
        }
    });
}

fn percentiles(mut values: Vec<f64>) -> (f64, f64) {
    values.sort_by(f64::total_cmp);
    (values[values.len() / 2], values[values.len() * 99 / 100])
}

/// CPU seconds of this process so far.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let fields: Vec<f64> =
        after_name.split_whitespace().skip(11).take(2).filter_map(|f| f.parse().ok()).collect();
    fields.iter().sum::<f64>() / 100.0
}
