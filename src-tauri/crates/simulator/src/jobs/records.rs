//! What is remembered of jobs.

use super::refused;
use adt_limits::{Limit, Limiter};
use adt_service::{Code, DeleteJob, ImportJob, ImportRequest, JobStatus, ServiceError};
use journal::{Journal, JournalError};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};
use twin_graph::Timestamp;

const KEY: &str = "jobs";
/// Jobs of each kind that are remembered.
const MOST: usize = 200;
/// How long a job is said to be remembered from its start on (recorded traffic).
const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

#[derive(Default, Serialize, Deserialize)]
struct Kept {
    imports: BTreeMap<String, ImportJob>,
    deletions: BTreeMap<String, DeleteJob>,
}

/// An import job that runs. Its record may be deleted meanwhile, and its id be given again.
pub(super) struct Ticket {
    pub(super) id: String,
    cancelled: AtomicBool,
}

impl Ticket {
    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }
}

#[derive(Default)]
struct State {
    kept: Kept,
    /// By id, those of the imports among the kept that run.
    running: BTreeMap<String, Arc<Ticket>>,
    /// Imports that run and are not among the kept any more.
    forgotten: u64,
}

pub(super) struct Records {
    journal: Journal,
    state: Mutex<State>,
}

fn now() -> Timestamp {
    SystemTime::now().into()
}

fn purged() -> Option<Timestamp> {
    SystemTime::now().checked_add(KEPT).map(Timestamp::from)
}

fn failure(error: &ServiceError) -> Option<Value> {
    error.to_json().get("error").cloned()
}

fn interrupted() -> Option<Value> {
    Some(
        json!({"code": "InternalServerError", "message": "The instance was stopped while the job ran. Start it again under another id."}),
    )
}

fn import_not_found(id: &str) -> ServiceError {
    ServiceError::new(
        Code::JobNotFound,
        format!(
            "There is no job available that matches the provided id {id}. Check that the Job ID provided is valid by doing a Jobs_List API call."
        ),
    )
}

impl State {
    /// Jobs of both kinds that have not ended.
    fn running(&self) -> u64 {
        let deletions = self.kept.deletions.values().filter(|job| !job.status.is_final());
        self.running.len() as u64 + self.forgotten + deletions.count() as u64
    }

    /// The record of a job that runs, unless it was deleted.
    fn job_of(&mut self, ticket: &Arc<Ticket>) -> Option<&mut ImportJob> {
        let known = self.running.get(&ticket.id).is_some_and(|known| Arc::ptr_eq(known, ticket));
        self.kept.imports.get_mut(&ticket.id).filter(|_| known)
    }
}

impl Records {
    pub(super) fn running(&self) -> u64 {
        self.state.lock().running()
    }

    pub(super) fn open(journal: Journal) -> Result<Self, JournalError> {
        let mut kept: Kept = match journal.value(KEY)? {
            Some(bytes) => serde_json::from_slice(&bytes).unwrap_or_default(),
            None => Kept::default(),
        };
        for job in kept.imports.values_mut().filter(|job| !job.status.is_final()) {
            (job.status, job.error) = (JobStatus::Failed, interrupted());
            job.finished_date_time = Some(now());
        }
        for job in kept.deletions.values_mut().filter(|job| !job.status.is_final()) {
            (job.status, job.error) = (JobStatus::Failed, interrupted());
            job.finished_date_time = Some(now());
        }
        Ok(Self { journal, state: Mutex::new(State { kept, ..State::default() }) })
    }

    /// Keeps them lazily: a job whose end was not kept has failed after a crash.
    fn keep(&self, kept: &Kept) {
        if let Ok(bytes) = serde_json::to_vec(kept) {
            self.journal.put_value(KEY, bytes).on_done(|done| {
                if let Err(error) = done {
                    tracing::warn!(%error, "the state of a job could not be kept");
                }
            });
        }
    }

    pub(super) fn add_import(
        &self,
        request: &ImportRequest,
        limiter: &Limiter,
    ) -> Result<(ImportJob, Arc<Ticket>), ServiceError> {
        let mut state = self.state.lock();
        // In this order (recorded traffic).
        limiter.check(Limit::RunningJobs, state.running() + 1)?;
        let State { kept, running, .. } = &mut *state;
        if kept.imports.contains_key(&request.id) {
            return Err(ServiceError::new(
                Code::JobIdAlreadyExists,
                format!(
                    "Provided Job ID already exists: {}. Use Jobs_List API to view jobs that already exist.",
                    request.id
                ),
            ));
        }
        if kept.imports.len() >= MOST {
            return Err(ServiceError::new(
                Code::JobLimitReached,
                "There are as many import jobs as are remembered. Delete ended ones.",
            ));
        }
        let now = now();
        let job = ImportJob {
            id: request.id.clone(),
            input_blob_uri: without_secret(&request.input),
            output_blob_uri: without_secret(&request.output),
            status: JobStatus::NotStarted,
            created_date_time: now,
            last_action_date_time: now,
            finished_date_time: None,
            purge_date_time: purged(),
            error: None,
        };
        let ticket = Ticket { id: job.id.clone(), cancelled: AtomicBool::new(false) };
        let ticket = Arc::new(ticket);
        running.insert(job.id.clone(), ticket.clone());
        kept.imports.insert(job.id.clone(), job.clone());
        self.keep(kept);
        Ok((job, ticket))
    }

    pub(super) fn imports(&self) -> Vec<ImportJob> {
        self.state.lock().kept.imports.values().cloned().collect()
    }

    pub(super) fn import(&self, id: &str) -> Result<ImportJob, ServiceError> {
        self.state.lock().kept.imports.get(id).cloned().ok_or_else(|| import_not_found(id))
    }

    /// The job is under way.
    pub(super) fn begin_import(&self, ticket: &Arc<Ticket>) {
        let mut state = self.state.lock();
        if let Some(job) = state.job_of(ticket).filter(|job| job.status == JobStatus::NotStarted) {
            (job.status, job.last_action_date_time) = (JobStatus::Running, now());
            self.keep(&state.kept);
        }
    }

    /// Says that a job is to stop. One that has ended stays as it is (recorded traffic).
    pub(super) fn cancel_import(&self, id: &str) -> Result<ImportJob, ServiceError> {
        let mut state = self.state.lock();
        let State { kept, running, .. } = &mut *state;
        let job = kept.imports.get_mut(id).ok_or_else(|| import_not_found(id))?;
        let Some(ticket) = running.get(id) else { return Ok(job.clone()) };
        ticket.cancelled.store(true, Ordering::Relaxed);
        (job.status, job.last_action_date_time) = (JobStatus::Cancelling, now());
        let job = job.clone();
        self.keep(kept);
        Ok(job)
    }

    /// The job has ended.
    pub(super) fn end_import(
        &self,
        ticket: &Arc<Ticket>,
        status: JobStatus,
        error: Option<&ServiceError>,
    ) {
        let mut state = self.state.lock();
        let Some(job) = state.job_of(ticket) else {
            state.forgotten = state.forgotten.saturating_sub(1);
            return;
        };
        (job.status, job.last_action_date_time) = (status, now());
        job.error = error.and_then(failure);
        // As recorded: one that was cancelled has not finished.
        job.finished_date_time = (status != JobStatus::Cancelled).then(now);
        state.running.remove(&ticket.id);
        self.keep(&state.kept);
    }

    /// Lets go of a job's record, so that its id is free again. It does not end the job
    /// (documentation of the operation).
    pub(super) fn forget_import(&self, id: &str) -> Result<(), ServiceError> {
        let mut state = self.state.lock();
        state.kept.imports.remove(id).ok_or_else(|| import_not_found(id))?;
        if state.running.remove(id).is_some() {
            state.forgotten += 1;
        }
        self.keep(&state.kept);
        Ok(())
    }

    pub(super) fn add_deletion(
        &self,
        id: &str,
        limiter: &Limiter,
    ) -> Result<DeleteJob, ServiceError> {
        let mut state = self.state.lock();
        if state.kept.deletions.contains_key(id) {
            return Err(refused(format!(
                "There is a delete job with the id {id} already. Choose another id."
            )));
        }
        limiter.check(Limit::RunningJobs, state.running() + 1)?;
        let kept = &mut state.kept;
        if kept.deletions.len() >= MOST {
            // Delete jobs cannot be deleted: the oldest is let go of.
            let oldest = kept.deletions.values().min_by_key(|job| job.created_date_time);
            let oldest = oldest.map(|job| job.id.clone()).unwrap_or_default();
            kept.deletions.remove(&oldest);
        }
        let job = DeleteJob {
            id: id.to_owned(),
            status: JobStatus::Running,
            created_date_time: now(),
            finished_date_time: None,
            purge_date_time: purged(),
            error: None,
        };
        kept.deletions.insert(job.id.clone(), job.clone());
        self.keep(kept);
        Ok(job)
    }

    pub(super) fn deletions(&self) -> Vec<DeleteJob> {
        self.state.lock().kept.deletions.values().cloned().collect()
    }

    pub(super) fn deletion(&self, id: &str) -> Result<DeleteJob, ServiceError> {
        self.state.lock().kept.deletions.get(id).cloned().ok_or_else(|| {
            ServiceError::new(
                Code::DeleteJobNotFound,
                format!("There is no delete job with the id {id}."),
            )
        })
    }

    pub(super) fn end_deletion(&self, id: &str, done: Result<(), ServiceError>) {
        let mut state = self.state.lock();
        let kept = &mut state.kept;
        if let Some(job) = kept.deletions.get_mut(id) {
            job.status = if done.is_ok() { JobStatus::Succeeded } else { JobStatus::Failed };
            job.error = done.as_ref().err().and_then(failure);
            job.finished_date_time = Some(now());
        }
        self.keep(kept);
    }
}

/// A SAS address carries its secret in the query, which is not to be kept or shown.
fn without_secret(address: &str) -> String {
    address.split('?').next().unwrap_or_default().to_owned()
}
