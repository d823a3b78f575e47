//! An import job: NDJSON with sections, in; a log of what happened, out.
//!
//! Source: "Import models, twins, and relationships in bulk with the Jobs API" of the service's
//! documentation, for the sections and the log's form. It goes on after a twin or relationship
//! that does not fit, and has failed then.

use super::records::{Records, Ticket};
use super::storage::Place;
use crate::{Instance, Mutation};
use adt_limits::{Exceeded, Limit};
use adt_service::{Call, Code, JobStatus, RelationshipWrite, ServiceError};
use futures::future::join_all;
use serde_json::{Value, json};
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::time::sleep;
use twin_graph::Timestamp;

/// Lines that are written side by side and share commits.
const BATCH: usize = 512;
/// What the models of a job may weigh here together.
const MODELS_BYTES: usize = 128 * 1024 * 1024;
/// How soon a waiting job sees that it is cancelled.
const LOOK_AGAIN: Duration = Duration::from_millis(200);
/// Errors that the log lists one by one.
const LISTED: u64 = 10_000;

pub(super) struct Run {
    pub(super) instance: Arc<Instance>,
    pub(super) records: Arc<Records>,
    pub(super) call: Call,
    pub(super) ticket: Arc<Ticket>,
    pub(super) input: Place,
    pub(super) output: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Section {
    Header,
    Models,
    Twins,
    Relationships,
}

impl Section {
    fn read(line: &Value) -> Option<Self> {
        match line.get("Section")?.as_str()? {
            "Header" => Some(Self::Header),
            "Models" => Some(Self::Models),
            "Twins" => Some(Self::Twins),
            "Relationships" => Some(Self::Relationships),
            _ => None,
        }
    }
}

/// The output log and what went wrong so far.
struct Log {
    job: String,
    bytes: Vec<u8>,
    errors: u64,
}

impl Log {
    fn line(&mut self, kind: &str, details: &Value) {
        let time = Timestamp::from(SystemTime::now());
        let line = json!({"timestamp": time, "jobId": self.job, "jobType": "Import", "logType": kind, "details": details});
        self.bytes.extend(line.to_string().bytes());
        self.bytes.push(b'\n');
    }

    fn error(&mut self, line: u64, error: &ServiceError) {
        self.errors += 1;
        if self.errors <= LISTED {
            let mut details = error.to_json()["error"].take();
            details["line"] = json!(line);
            self.line("Error", &details);
        }
    }
}

/// What is read and not yet written.
#[derive(Default)]
struct Pending {
    models: Vec<Value>,
    model_bytes: usize,
    writes: Vec<(u64, Mutation)>,
    twins: u64,
    relationships: u64,
}

enum End {
    Cancelled,
    Failed(ServiceError),
}

impl Run {
    pub(super) async fn run(self) {
        let mut log = Log { job: self.ticket.id.clone(), bytes: Vec::new(), errors: 0 };
        self.records.begin_import(&self.ticket);
        log.line("Info", &json!({"status": "Started"}));
        let done = self.import(&mut log).await;
        let (status, mut error) = match done {
            Ok(()) if log.errors == 0 => (JobStatus::Succeeded, None),
            Ok(()) => {
                let message = format!(
                    "{} lines could not be imported. The output log says which, and why.",
                    log.errors
                );
                (JobStatus::Failed, Some(ServiceError::new(Code::ValidationFailed, message)))
            }
            Err(End::Cancelled) => (JobStatus::Cancelled, None),
            Err(End::Failed(error)) => (JobStatus::Failed, Some(error)),
        };
        if let Some(error) = &error {
            log.line("Error", &error.to_json()["error"]);
        }
        log.line("Info", &json!({"status": format!("{status:?}")}));
        let written = self.output.write(std::mem::take(&mut log.bytes)).await;
        let status = match written {
            Err(message) if status == JobStatus::Succeeded => {
                error = Some(ServiceError::new(Code::ValidationFailed, message));
                JobStatus::Failed
            }
            _ => status,
        };
        self.records.end_import(&self.ticket, status, error.as_ref());
    }

    async fn import(&self, log: &mut Log) -> Result<(), End> {
        let mut lines = self.unless_cancelled(self.input.lines()).await?;
        let mut section = None;
        let mut pending = Pending::default();
        let mut number = 0;
        while let Some(line) = self.unless_cancelled(lines.next()).await? {
            number += 1;
            if self.ticket.is_cancelled() {
                return Err(End::Cancelled);
            }
            let line = line.trim_ascii();
            // A byte order mark, as Windows editors write it.
            let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
            if line.is_empty() {
                continue;
            }
            let value = match serde_json::from_slice::<Value>(line) {
                Ok(value) => value,
                Err(error) => {
                    let message = format!("The line is not JSON: {error}.");
                    log.error(number, &ServiceError::new(Code::ValidationFailed, message));
                    continue;
                }
            };
            if let Some(next) = Section::read(&value) {
                self.end_section(section, &mut pending, log).await?;
                section = Some(next);
                begin_section(next, log);
                continue;
            }
            self.take(section, number, value, line.len(), &mut pending, log).await?;
        }
        self.end_section(section, &mut pending, log).await
    }

    /// What comes from the input; a job that waits for a storage can be cancelled, too.
    async fn unless_cancelled<T>(
        &self,
        reading: impl Future<Output = Result<T, String>>,
    ) -> Result<T, End> {
        let cancelled = async {
            while !self.ticket.is_cancelled() {
                sleep(LOOK_AGAIN).await;
            }
        };
        tokio::select! {
            biased;
            read = reading => read.map_err(|message| {
                End::Failed(ServiceError::new(Code::ValidationFailed, message))
            }),
            () = cancelled => Err(End::Cancelled),
        }
    }

    async fn take(
        &self,
        section: Option<Section>,
        number: u64,
        value: Value,
        length: usize,
        pending: &mut Pending,
        log: &mut Log,
    ) -> Result<(), End> {
        let failed =
            |message: String| Err(End::Failed(ServiceError::new(Code::ValidationFailed, message)));
        let write = match section {
            None => {
                return failed(format!(
                    "Line {number} is in no section. The file begins with {{\"Section\": \"Header\"}}."
                ));
            }
            Some(Section::Header) => match value.get("fileVersion").and_then(Value::as_str) {
                Some("1.0.0") => return Ok(()),
                _ => {
                    return failed(
                        "The header's «fileVersion» is not 1.0.0, the version that is known."
                            .into(),
                    );
                }
            },
            Some(Section::Models) => {
                pending.models.push(value);
                pending.model_bytes += length;
                self.check(Limit::ImportModels, pending.models.len() as u64)?;
                if pending.model_bytes > MODELS_BYTES {
                    return failed("The file has more than 128 MiB of models.".into());
                }
                return Ok(());
            }
            Some(Section::Twins) => {
                pending.twins += 1;
                self.check(Limit::ImportTwins, pending.twins)?;
                put_twin(value)
            }
            Some(Section::Relationships) => {
                pending.relationships += 1;
                self.check(Limit::ImportRelationships, pending.relationships)?;
                put_relationship(value)
            }
        };
        match write {
            Some(write) => pending.writes.push((number, write)),
            None => {
                let message = "The line has no $dtId, or for a relationship no $relationshipId.";
                log.error(number, &ServiceError::new(Code::ValidationFailed, message));
            }
        }
        if pending.writes.len() >= BATCH {
            self.write(pending, log).await?;
        }
        Ok(())
    }

    fn check(&self, limit: Limit, count: u64) -> Result<(), End> {
        let failed = |exceeded: Exceeded| End::Failed(exceeded.into());
        self.instance.limiter().check(limit, count).map_err(failed)
    }

    async fn end_section(
        &self,
        section: Option<Section>,
        pending: &mut Pending,
        log: &mut Log,
    ) -> Result<(), End> {
        let Some(section) = section.filter(|section| *section != Section::Header) else {
            return Ok(());
        };
        let before = log.errors;
        if !pending.models.is_empty() {
            let documents = std::mem::take(&mut pending.models);
            let create = vec![Mutation::CreateModels { documents }];
            self.instance.apply(&self.call, create).await.map_err(End::Failed)?;
        }
        self.write(pending, log).await?;
        let status = if log.errors == before { "Succeeded" } else { "Partial" };
        log.line("Info", &json!({"section": format!("{section:?}"), "status": status}));
        Ok(())
    }

    async fn write(&self, pending: &mut Pending, log: &mut Log) -> Result<(), End> {
        let (numbers, writes): (Vec<_>, Vec<_>) = pending.writes.drain(..).unzip();
        let done = apply_all(&self.instance, &self.call, writes).await;
        for (number, done) in numbers.into_iter().zip(done) {
            match done {
                Ok(()) => {}
                // The journal takes nothing: no line after this one would fare better.
                Err(error) if error.code == Code::ServiceUnavailable => {
                    return Err(End::Failed(error));
                }
                Err(error) => log.error(number, &error),
            }
        }
        Ok(())
    }
}

fn begin_section(section: Section, log: &mut Log) {
    if section != Section::Header {
        log.line("Info", &json!({"section": format!("{section:?}"), "status": "Started"}));
    }
}

/// Each by itself, side by side, so that they share commits.
pub(super) async fn apply_all(
    instance: &Instance,
    call: &Call,
    writes: Vec<Mutation>,
) -> Vec<Result<(), ServiceError>> {
    let apply = |write| async move { instance.apply(call, vec![write]).await.map(drop) };
    join_all(writes.into_iter().map(apply)).await
}

fn put_twin(body: Value) -> Option<Mutation> {
    let id = body.get("$dtId")?.as_str()?.to_owned();
    Some(Mutation::PutTwin { id, body, if_none_match: false })
}

fn put_relationship(body: Value) -> Option<Mutation> {
    // The documentation's sample has $dtId, the service's own form has $sourceId.
    let source = body.get("$dtId").or_else(|| body.get("$sourceId"))?.as_str()?.to_owned();
    let id = body.get("$relationshipId")?.as_str()?.to_owned();
    let write = RelationshipWrite { source, id, body };
    Some(Mutation::PutRelationship { write, if_none_match: false })
}
