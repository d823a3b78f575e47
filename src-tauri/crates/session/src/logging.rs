//! Fills the event log: follows the change feed, and hears what the pipeline observes.

mod said;

use adt_events::{Data2019, Event2019};
use adt_service::{Call, ChangeHistory, Changes, GraphView};
use event_log::{Body, Entry, EntryKind, EventLog, RouteVerdict};
use parking_lot::Mutex;
use pipeline::{DeviceMessage, Flow, Handed, NodeIds, Observer, Pipeline, node_id};
use said::{Said, shortened};
use std::sync::Arc;
use std::time::SystemTime;
use twin_graph::{Change, Timestamp, TraceContext};

/// Changes read at once.
const BATCH: usize = 1_024;
/// Changes of earlier runs that the log begins with.
pub(crate) const BEGIN_WITH: u64 = 5_000;

/// Under which failures are said, all together: no function has this name.
const FAILURES: &str = "";

/// The event log of an open instance.
pub(crate) struct Log {
    pub(crate) events: Mutex<EventLog>,
    /// The pipeline whose routes say what they did with each change; none for a remote instance.
    pipeline: Mutex<Option<Arc<Pipeline>>>,
    said: Mutex<Said>,
}

impl Log {
    pub(crate) fn new() -> Self {
        Self {
            events: Mutex::new(EventLog::new(event_log::Options::default())),
            pipeline: Mutex::default(),
            said: Mutex::default(),
        }
    }

    pub(crate) fn set_pipeline(&self, pipeline: Option<Arc<Pipeline>>) {
        *self.pipeline.lock() = pipeline;
    }

    /// Where what became of the events is known; `None` for a remote instance.
    pub(crate) fn flow(&self) -> Option<Arc<Flow>> {
        self.pipeline.lock().as_ref().map(|pipeline| pipeline.parts().flow.clone())
    }

    pub(crate) fn route_names(&self) -> Vec<String> {
        self.pipeline.lock().as_ref().map(|pipeline| pipeline.route_names()).unwrap_or_default()
    }

    /// Reads the graph anew at each step: the verdicts read it too, and a lock that is taken
    /// twice by one thread stops for ever once a writer waits between.
    fn record(&self, view: &GraphView, change: &Arc<Change>) {
        let model_of = |id: &str| view.read().twin(id).map(|twin| twin.model.clone());
        let mut entry = Entry::of_change(change, model_of);
        let pipeline = self.pipeline.lock().clone();
        let verdicts = pipeline.map(|pipeline| pipeline.verdicts(change)).unwrap_or_default();
        entry.verdicts = verdicts
            .into_iter()
            .map(|verdict| RouteVerdict {
                route: verdict.route,
                leads_to: verdict.leads_to,
                matched: verdict.matched,
                reason: verdict.reason,
            })
            .collect();
        self.events.lock().record(entry);
    }

    /// Records changes of earlier runs.
    pub(crate) fn begin_with(&self, changes: &[Arc<Change>], view: &GraphView) {
        for change in changes {
            self.record(view, change);
        }
    }

    /// Records every change of an embedded instance from now on; for ever.
    pub(crate) async fn follow_history(
        &self,
        view: &GraphView,
        history: &dyn ChangeHistory,
        from: u64,
    ) {
        let mut published = view.watch();
        let mut at = from;
        loop {
            let changes = history.changes_after(at, BATCH).await;
            match changes.last() {
                Some(last) => {
                    at = last.version;
                    self.begin_with(&changes, view);
                }
                None if published.changed().await.is_err() => return,
                None => {}
            }
        }
    }

    /// Records the changes of a remote instance as the copy sees them; for ever.
    pub(crate) async fn follow_view(&self, view: &GraphView) {
        let mut published = view.watch();
        let mut at = *published.borrow_and_update();
        loop {
            match view.changes_since(at, BATCH) {
                Changes::Since(changes) if changes.is_empty() => {
                    if published.changed().await.is_err() {
                        return;
                    }
                }
                Changes::Since(changes) => {
                    at = changes.last().map_or(at, |last| last.version);
                    self.begin_with(&changes, view);
                }
                Changes::StartOver => {
                    let now = view.read().version();
                    self.events.lock().dropped(now.saturating_sub(at));
                    at = now;
                }
            }
        }
    }
}

/// Hears the pipeline where nobody can open an event log: what fails, and what functions say, goes
/// to the program's own.
#[derive(Default)]
pub(crate) struct Unkept {
    said: Mutex<Said>,
}

impl Observer for Unkept {
    fn said(&self, function: &str, call: &Call, text: &str) {
        if let Some(note) = self.said.lock().note(function, now(), shortened(text)) {
            tell_said(function, call, &note);
        }
    }

    fn failed(&self, subject: &str, _: TraceContext, message: &str) {
        tell_failed(&self.said, subject, message);
    }
}

fn tell_said(function: &str, call: &Call, note: &str) {
    let trace = call.trace.trace_id();
    tracing::info!(function, trace, "{note}");
}

/// A function that refuses every message must not fill the disk with the program's log; on its
/// node all are counted.
fn tell_failed(said: &Mutex<Said>, subject: &str, message: &str) {
    if let Some(message) = said.lock().note(FAILURES, now(), shortened(message)) {
        tracing::warn!(subject, message, "something could not be done");
    }
}

impl Observer for Log {
    fn device_message(&self, message: &DeviceMessage, goes_to: Option<&NodeIds>, handed: Handed) {
        let body = message.body.to_string();
        let kind = EntryKind::DeviceMessage;
        self.events.lock().record(Entry {
            note: format!("{} bytes", body.len()),
            cause: "origin".to_owned(),
            goes_to: goes_to.cloned(),
            handed,
            body: Body::Json(body.into()),
            ..Entry::of(message.time, kind, &message.device, message.trace)
        });
    }

    fn udf_custom(&self, event: &Event2019, call: &Call, handed: Handed) {
        let body = serde_json::to_string(&event.in_schema("")).unwrap_or_default();
        let note = match &event.data {
            Data2019::UdfCustom { resource_type, payload } => {
                shortened(&format!("{resource_type}: {payload}"))
            }
            _ => String::new(),
        };
        self.events.lock().record(Entry {
            note,
            cause: call.origin.to_string(),
            handed,
            body: Body::Json(body.into()),
            ..Entry::of(event.time, EntryKind::UdfCustom, &event.object, call.trace)
        });
    }

    fn said(&self, function: &str, call: &Call, text: &str) {
        let time = now();
        let Some(note) = self.said.lock().note(function, time, shortened(text)) else {
            return self.events.lock().dropped(1);
        };
        tell_said(function, call, &note);
        self.events.lock().record(Entry {
            note,
            cause: call.origin.to_string(),
            goes_to: Some([node_id("functions", function)].into()),
            ..Entry::of(time, EntryKind::FunctionLog, function, call.trace)
        });
    }

    fn failed(&self, subject: &str, trace: TraceContext, message: &str) {
        tell_failed(&self.said, subject, message);
        self.events.lock().record(Entry {
            note: message.to_owned(),
            cause: "pipeline".to_owned(),
            ..Entry::of(now(), EntryKind::Failure, subject, trace)
        });
    }
}

fn now() -> Timestamp {
    SystemTime::now().into()
}
