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
