//! The host of a function at work: the instance, sinks, endpoints of 2019.

use super::super::error::{in_full, is_transient};
use super::super::instance::Instance;
use super::super::sink::{Publication, Sink};
use super::host::{Host, time_left};
use crate::{DirectEvent, DirectEvents, Observer, PipelineParts, Sent};
use adt_events::Event2019;
use adt_service::{Call, PageRequest, QueryRequest, ServiceError, Telemetry};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Instant, SystemTime};
use tokio::runtime::Handle;
use twin_graph::{Operation, Timestamp};

/// Rows of one query; more are no work for a function.
const MOST_ROWS: usize = 1_000;

/// What all calls of a function share.
pub(super) struct Reach {
    function: String,
    instance: Instance,
    sinks: Vec<Sink>,
    direct: Arc<DirectEvents>,
    observer: Arc<dyn Observer>,
}

impl Reach {
    pub(super) fn new(function: &str, sinks: Vec<Sink>, parts: &PipelineParts) -> Self {
        Self {
            function: function.to_owned(),
            instance: Instance::of(function, parts),
            sinks,
            direct: parts.direct.clone(),
            observer: parts.observer.clone(),
        }
    }
}

/// The host of one call.
pub(super) struct Live {
    reach: Arc<Reach>,
    call: Call,
    runtime: Handle,
    /// Nanoseconds that it waited for others.
    waited: AtomicU64,
    /// Whether what failed last may work when it is tried again.
    transient: AtomicBool,
}

impl Live {
    pub(super) fn new(reach: Arc<Reach>, call: Call, runtime: Handle) -> Self {
        let (waited, transient) = (AtomicU64::new(0), AtomicBool::new(false));
        Self { reach, call, runtime, waited, transient }
    }

    pub(super) fn waited_nanos(&self) -> u64 {
        self.waited.load(Relaxed)
    }

    pub(super) fn failed_for_now(&self) -> bool {
        self.transient.load(Relaxed)
    }

    /// Waits for something, no longer than the script may run.
    fn wait<T>(&self, work: impl Future<Output = T>) -> Result<T, String> {
        let start = Instant::now();
        let limit = time_left();
        let done = self.runtime.block_on(async { tokio::time::timeout(limit, work).await });
        let waited = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.waited.fetch_add(waited, Relaxed);
        done.map_err(|_| {
            self.transient.store(true, Relaxed);
            "There was no answer while the function may run.".to_owned()
        })
    }

    fn refused(&self, error: &ServiceError) -> String {
        self.transient.store(is_transient(error.code), Relaxed);
        in_full(error)
    }
}

impl Host for Live {
    fn twin(&self, id: &str) -> Result<Option<Value>, String> {
        Ok(self.reach.instance.view.read().twin(id).map(|twin| twin.to_json()))
    }

    fn query(&self, text: &str) -> Result<Vec<Value>, String> {
        let mut rows = Vec::new();
        let mut page = PageRequest::default();
        loop {
            let request = QueryRequest { query: Some(text.to_owned()), page };
            let answer = self.wait(self.reach.instance.query(&self.call, request))?;
            let answer = answer.map_err(|error| self.refused(&error))?;
            rows.extend(answer.rows.items);
            if rows.len() > MOST_ROWS {
                return Err(format!(
                    "The query has more than {MOST_ROWS} rows. Ask for fewer with WHERE or TOP."
                ));
            }
            match answer.rows.continuation {
                Some(continuation) => {
                    page = PageRequest { continuation: Some(continuation), max_items: None };
                }
                None => return Ok(rows),
            }
        }
    }

    fn patch(&self, id: &str, patch: Vec<Operation>) -> Result<(), String> {
        let patched = self.wait(self.reach.instance.patch(&self.call, id, patch))?;
        patched.map_err(|error| self.refused(&error))
    }

    fn telemetry(&self, id: &str, component: Option<&str>, body: Value) -> Result<(), String> {
        let telemetry = Telemetry {
            twin: id.to_owned(),
            component: component.map(str::to_owned),
            message_id: uuid::Uuid::new_v4().to_string(),
            source_time: Some(Timestamp::from(SystemTime::now())),
            body,
        };
        let sent = self.wait(self.reach.instance.send_telemetry(&self.call, telemetry))?;
        sent.map_err(|error| self.refused(&error))
    }

    fn publish(&self, sink: &str, body: Value, key: Option<&str>) -> Result<(), String> {
        let found = self.reach.sinks.iter().find(|own| own.name() == sink);
        let Some(found) = found else {
            return Err(format!(
                "This function has no sink «{sink}». Name it in «sinks» of /functions/{}.",
                self.reach.function
            ));
        };
        let publication = Publication { body: &body, key, id: None };
        self.wait(found.publish(publication, &self.call))?.map_err(|error| {
            self.transient.store(error.is_transient, Relaxed);
            error.to_string()
        })
    }

    fn send_udf_custom(&self, twin: &str, resource: &str, payload: Value) -> Result<(), String> {
        if self.reach.instance.view.read().twin(twin).is_none() {
            return Err(format!("There is no twin «{twin}»."));
        }
        let event = Event2019::of_function(
            uuid::Uuid::new_v4().to_string(),
            twin.into(),
            resource.to_owned(),
            payload,
            Timestamp::from(SystemTime::now()),
            &self.call.cause(),
        );
        let event = Arc::new(event);
        let direct = DirectEvent::UdfCustom(event.clone());
        let Sent { handed, kept } = self.reach.direct.send(&direct);
        self.reach.observer.udf_custom(&event, &self.call, handed);
        self.wait(kept.done())?.inspect_err(|_| self.transient.store(true, Relaxed))
    }

    fn log(&self, text: &str) {
        self.reach.observer.said(&self.reach.function, &self.call, text);
    }
}
