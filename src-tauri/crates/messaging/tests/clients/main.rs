//! Our clients against our servers, over every transport, and against RabbitMQ.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    missing_docs
)]

mod event_grid;
mod event_hubs;
mod iot_hub;
mod rabbitmq;
mod served;
mod service_bus;
#[path = "../support/mod.rs"]
mod support;
