//! What a script may ask for while it runs.

use crate::DeviceMessage;
use serde_json::Value;
use std::cell::RefCell;
use std::sync::Arc;
use std::time::{Duration, Instant};
use twin_graph::Operation;

/// What a script asks. Each answer is a sentence where it cannot be done.
pub(super) trait Host: Send + Sync {
    /// A twin as the service answers it.
    fn twin(&self, id: &str) -> Result<Option<Value>, String>;
    /// The rows of a query.
    fn query(&self, text: &str) -> Result<Vec<Value>, String>;
    /// Changes a twin.
    fn patch(&self, id: &str, patch: Vec<Operation>) -> Result<(), String>;
    /// Sends telemetry in the name of a twin, or of one of its components.
    fn telemetry(&self, id: &str, component: Option<&str>, body: Value) -> Result<(), String>;
    /// Publishes to a sink.
    fn publish(&self, sink: &str, body: Value, key: Option<&str>) -> Result<(), String>;
    /// Sends an event of 2019 of type UdfCustom.
    fn send_udf_custom(&self, twin: &str, resource: &str, payload: Value) -> Result<(), String>;
    /// Says something for people to read.
    fn log(&self, text: &str);
    /// What only tests have.
    fn rehearsal(&self) -> Option<&super::rehearsal::Rehearsal> {
        None
    }
}

/// What runs on this thread.
#[derive(Clone)]
struct Running {
    host: Arc<dyn Host>,
    until: Instant,
}

thread_local! {
    /// Rhai tells its callbacks for progress and `print` nothing of who runs, so the thread knows.
    static RUNNING: RefCell<Option<Running>> = const { RefCell::new(None) };
}

/// Runs a script with a host, for so long.
pub(super) fn with<T>(host: Arc<dyn Host>, limit: Duration, work: impl FnOnce() -> T) -> T {
    /// Also where the work panics.
    struct Clear;
    impl Drop for Clear {
        fn drop(&mut self) {
            RUNNING.set(None);
        }
    }
    RUNNING.set(Some(Running { host, until: Instant::now() + limit }));
    let _clear = Clear;
    work()
}

/// The host of the script that runs on this thread.
pub(super) fn current() -> Option<Arc<dyn Host>> {
    RUNNING.with_borrow(|running| running.as_ref().map(|running| running.host.clone()))
}

/// How much time is left to the script that runs on this thread.
pub(super) fn time_left() -> Duration {
    RUNNING.with_borrow(|running| {
        let until = running.as_ref().map(|running| running.until);
        until.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()))
    })
}

/// A device's message as scripts see it.
pub(super) fn message_json(message: &DeviceMessage) -> Value {
    serde_json::json!({
        "id": message.id,
        "device": message.device,
        "time": message.time,
        "traceparent": message.trace,
        "body": message.body,
    })
}
