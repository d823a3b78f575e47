//! Functions of one's own, in Rhai: see `docs/functions.md`.

mod check;
mod engine;
mod host;
mod live;
mod program;
mod rehearsal;
mod stack;

use super::called::{Work, place};
use super::sink::Sink;
use super::{Event, FunctionError};
use crate::flow::{Meter, node_id};
use crate::topology::function_file;
use crate::{FunctionSpec, PipelineParts, Topology};
use adt_service::Call;
use live::{Live, Reach};
use program::Program;
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

pub use check::{ScriptProblem, ScriptTest, check_script, check_scripts, test_script};

/// How many calls of one function run side by side. Each has a thread, and mostly waits for what
/// it asked.
const SIDE_BY_SIDE: usize = 16;
const NO_THREAD: &str = "the system gives no thread for it. End other programs.";

/// A function in Rhai at work.
pub(super) struct Script {
    place: String,
    program: Result<Arc<Program>, FunctionError>,
    reach: Arc<Reach>,
    meter: Arc<Meter>,
    running: Arc<Semaphore>,
}

impl Script {
    pub(super) fn new(
        name: &str,
        spec: &FunctionSpec,
        sinks: &[String],
        topology: &Topology,
        text: Option<&str>,
        parts: &PipelineParts,
    ) -> Self {
        let place = place(name);
        let file = function_file(name, spec).unwrap_or_default();
        let program = match text {
            Some(text) => Program::compile(&file, text).map_err(|problem| problem.to_string()),
            None => Err(check::no_file(&file)),
        };
        let sinks = sinks.iter().map(|sink| Sink::new(name, sink, topology, parts)).collect();
        Self {
            program: program
                .map(Arc::new)
                .map_err(|sentence| FunctionError::lasting(place.as_str(), sentence)),
            reach: Arc::new(Reach::new(name, sinks, parts)),
            meter: parts.flow.node(&node_id("functions", name)),
            running: Arc::new(Semaphore::new(SIDE_BY_SIDE)),
            place,
        }
    }
}

impl Work for Script {
    /// On a thread for what blocks: a script keeps it until it ends.
    async fn run(&self, event: &Event, call: &Call) -> Result<(), FunctionError> {
        let program = self.program.clone()?;
        let permit = self.running.clone().acquire_owned().await;
        let live = Live::new(self.reach.clone(), call.clone(), Handle::current());
        let event = event.clone();
        let ran = stack::beside(move || {
            let _permit = permit;
            program.run(&event, live)
        });
        let none = || FunctionError::transient(self.place.as_str(), NO_THREAD);
        let ran = ran.ok_or_else(none)?.await.map_err(|_| none())?;
        self.meter.busy.add(ran.busy_nanos);
        ran.result.map_err(|problem| FunctionError {
            place: self.place.clone(),
            message: problem.to_string(),
            is_transient: ran.is_transient,
        })
    }

    fn defect(&self) -> Option<&FunctionError> {
        self.program.as_ref().err()
    }
}

#[cfg(test)]
mod tests;
