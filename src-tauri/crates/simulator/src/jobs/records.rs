//! What is remembered of jobs.

use super::refused;
use adt_limits::{Limit, Limiter};
use adt_service::{Code, DeleteJob, ImportJob, ImportRequest, JobStatus, ServiceError};
use journal::{Journal, JournalError};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
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

pub(super) struct Records {
    journal: Journal,
    kept: Mutex<Kept>,
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

impl Kept {
    /// Jobs of both kinds that have not ended.
    fn running(&self) -> u64 {
        let imports = self.imports.values().map(|job| job.status);
        let statuses = imports.chain(self.deletions.values().map(|job| job.status));
        statuses.filter(|status| !status.is_final()).count() as u64
    }
}

impl Records {
    pub(super) fn running(&self) -> u64 {
        self.kept.lock().running()
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
        Ok(Self { journal, kept: Mutex::new(kept) })
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
    ) -> Result<ImportJob, ServiceError> {
        let mut kept = self.kept.lock();
        // In this order (recorded traffic).
        limiter.check(Limit::RunningJobs, kept.running() + 1)?;
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
        kept.imports.insert(job.id.clone(), job.clone());
        self.keep(&kept);
        Ok(job)
    }

    pub(super) fn imports(&self) -> Vec<ImportJob> {
        self.kept.lock().imports.values().cloned().collect()
    }

    pub(super) fn import(&self, id: &str) -> Result<ImportJob, ServiceError> {
        self.kept.lock().imports.get(id).cloned().ok_or_else(|| import_not_found(id))
    }

    pub(super) fn change_import(
        &self,
        id: &str,
        change: impl FnOnce(&mut ImportJob) -> Result<(), ServiceError>,
    ) -> Result<ImportJob, ServiceError> {
        let mut kept = self.kept.lock();
        let job = kept.imports.get_mut(id).ok_or_else(|| import_not_found(id))?;
        change(job)?;
        job.last_action_date_time = now();
        let job = job.clone();
        self.keep(&kept);
        Ok(job)
    }

    pub(super) fn is_cancelled(&self, id: &str) -> bool {
        let kept = self.kept.lock();
        kept.imports.get(id).is_some_and(|job| job.status == JobStatus::Cancelling)
    }

    /// The job has ended; `Ok` where all went in.
    pub(super) fn end_import(&self, id: &str, status: JobStatus, error: Option<&ServiceError>) {
        // Only an ended job can be deleted, so it is there.
        let _ = self.change_import(id, |job| {
            job.status = status;
            job.error = error.and_then(failure);
            // As recorded: one that was cancelled has not finished.
            job.finished_date_time = (status != JobStatus::Cancelled).then(now);
            Ok(())
        });
    }

    pub(super) fn forget_import(&self, id: &str) -> Result<(), ServiceError> {
        let mut kept = self.kept.lock();
        match kept.imports.get(id) {
            None => return Err(import_not_found(id)),
            Some(job) if !job.status.is_final() => {
                return Err(refused(format!("The import job {id} is under way. Cancel it first.")));
            }
            Some(_) => kept.imports.remove(id),
        };
        self.keep(&kept);
        Ok(())
    }

    pub(super) fn add_deletion(
        &self,
        id: &str,
        limiter: &Limiter,
    ) -> Result<DeleteJob, ServiceError> {
        let mut kept = self.kept.lock();
        if kept.deletions.contains_key(id) {
            return Err(refused(format!(
                "There is a delete job with the id {id} already. Choose another id."
            )));
        }
        limiter.check(Limit::RunningJobs, kept.running() + 1)?;
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
        self.keep(&kept);
        Ok(job)
    }

    pub(super) fn deletions(&self) -> Vec<DeleteJob> {
        self.kept.lock().deletions.values().cloned().collect()
    }

    pub(super) fn deletion(&self, id: &str) -> Result<DeleteJob, ServiceError> {
        self.kept.lock().deletions.get(id).cloned().ok_or_else(|| {
            ServiceError::new(
                Code::DeleteJobNotFound,
                format!("There is no delete job with the id {id}."),
            )
        })
    }

    pub(super) fn end_deletion(&self, id: &str, done: Result<(), ServiceError>) {
        let mut kept = self.kept.lock();
        if let Some(job) = kept.deletions.get_mut(id) {
            job.status = if done.is_ok() { JobStatus::Succeeded } else { JobStatus::Failed };
            job.error = done.as_ref().err().and_then(failure);
            job.finished_date_time = Some(now());
        }
        self.keep(&kept);
    }
}

/// A SAS address carries its secret in the query, which is not to be kept or shown.
fn without_secret(address: &str) -> String {
    address.split('?').next().unwrap_or_default().to_owned()
}
