//! Import jobs and delete jobs: one of each kind at a time, remembered over restarts.

mod delete;
mod import;
mod records;
mod storage;

use crate::Instance;
use adt_limits::Limit;
use adt_service::{
    Call, Code, DeleteJob, ImportJob, ImportRequest, JobService, Page, PageRequest, ServiceError,
};
use async_trait::async_trait;
use journal::Journal;
use parking_lot::Mutex;
use records::Records;
use std::future::Future;
use std::sync::Arc;
use storage::Place;
use tokio::task::JoinSet;

/// The jobs of an embedded instance. Dropping it ends those that run.
pub struct Jobs {
    instance: Arc<Instance>,
    records: Arc<Records>,
    /// Whether `file:` addresses are taken: only where nobody but this machine can ask.
    local_files: bool,
    tasks: Mutex<JoinSet<()>>,
}

impl Jobs {
    /// The jobs as they were left; what was running then has failed.
    ///
    /// # Errors
    /// Where the journal cannot be read.
    pub fn open(
        instance: Arc<Instance>,
        journal: Journal,
        local_files: bool,
    ) -> Result<Self, journal::JournalError> {
        let records = Arc::new(Records::open(journal)?);
        Ok(Self { instance, records, local_files, tasks: Mutex::default() })
    }

    /// Jobs that have not ended.
    pub fn running(&self) -> u64 {
        self.records.running()
    }

    fn admit(&self, call: &Call) -> Result<(), ServiceError> {
        self.instance.admit(call, Limit::JobRequests, [None; 2]).map(drop)
    }

    /// Ends what runs.
    pub fn stop(&self) {
        self.tasks.lock().abort_all();
    }

    fn spawn(&self, job: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks.lock();
        while tasks.try_join_next().is_some() {}
        tasks.spawn(job);
    }
}

fn refused(message: impl Into<String>) -> ServiceError {
    ServiceError::new(Code::ValidationFailed, message)
}

#[async_trait]
impl JobService for Jobs {
    async fn put_import(
        &self,
        call: &Call,
        request: ImportRequest,
    ) -> Result<ImportJob, ServiceError> {
        self.admit(call)?;
        if let Some(message) = twin_graph::check_id(&request.id) {
            return Err(refused(message));
        }
        let input = Place::parse(&request.input, self.local_files)?;
        let output = Place::parse(&request.output, self.local_files)?;
        let (job, ticket) = self.records.add_import(&request, self.instance.limiter())?;
        let run = import::Run {
            instance: self.instance.clone(),
            records: self.records.clone(),
            call: call.clone(),
            ticket,
            input,
            output,
        };
        self.spawn(run.run());
        Ok(job)
    }

    async fn list_imports(
        &self,
        call: &Call,
        page: PageRequest,
    ) -> Result<Page<ImportJob>, ServiceError> {
        self.admit(call)?;
        let jobs = self.records.imports().into_iter().map(|job| (job.id.clone(), job));
        crate::service::paged(self.instance.limiter(), "import jobs", &page, jobs)
    }

    async fn get_import(&self, call: &Call, id: &str) -> Result<ImportJob, ServiceError> {
        self.admit(call)?;
        self.records.import(id)
    }

    async fn delete_import(&self, call: &Call, id: &str) -> Result<(), ServiceError> {
        self.admit(call)?;
        self.records.forget_import(id)
    }

    async fn cancel_import(&self, call: &Call, id: &str) -> Result<ImportJob, ServiceError> {
        self.admit(call)?;
        self.records.cancel_import(id)
    }

    async fn start_deletion(
        &self,
        call: &Call,
        id: Option<String>,
    ) -> Result<DeleteJob, ServiceError> {
        self.admit(call)?;
        let id = id.unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
        if let Some(message) = twin_graph::check_id(&id) {
            return Err(refused(message));
        }
        let job = self.records.add_deletion(&id, self.instance.limiter())?;
        let (instance, records, call) = (self.instance.clone(), self.records.clone(), call.clone());
        self.spawn(async move {
            let done = delete::everything(&instance, &call).await;
            records.end_deletion(&id, done);
        });
        Ok(job)
    }

    async fn list_deletions(
        &self,
        call: &Call,
        page: PageRequest,
    ) -> Result<Page<DeleteJob>, ServiceError> {
        self.admit(call)?;
        let jobs = self.records.deletions().into_iter().map(|job| (job.id.clone(), job));
        crate::service::paged(self.instance.limiter(), "delete jobs", &page, jobs)
    }

    async fn get_deletion(&self, call: &Call, id: &str) -> Result<DeleteJob, ServiceError> {
        self.admit(call)?;
        self.records.deletion(id)
    }
}
