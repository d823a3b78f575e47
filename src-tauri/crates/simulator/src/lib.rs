//! The embedded instance: a [`TwinService`](adt_service::TwinService) over journal, twin graph and
//! models; and simulated thermostats.
//!
//! One writer thread takes all writes: it checks them against the graph, appends what they change
//! to the journal, and only when that is durable applies it, publishes it and answers.

mod batch;
mod devices;
mod instance;
mod jobs;
mod lag;
mod mutation;
mod plan;
mod query;
mod recovery;
mod service;
mod snapshot;
mod token;
mod weather;
mod writer;

pub use devices::{Driven, Reading, SimulatedDevice, Simulation, SimulationState};
pub use instance::{Instance, InstanceError, InstanceOptions};
pub use jobs::Jobs;
pub use mutation::Mutation;
pub use recovery::{Recovering, RecoveryReport};
