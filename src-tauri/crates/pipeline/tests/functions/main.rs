//! Functions, sources and subscriptions at work: a real instance, and the embedded services over
//! their real protocols.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    missing_docs
)]

mod around;
mod door;
mod event_grid;
mod event_hub;
mod ingest;
#[path = "../../../messaging/tests/support/mosquitto.rs"]
mod mosquitto;
mod mqtt;
mod propagate;
mod script;
mod service_bus;
mod stop;
mod time_series;
mod webhook;
