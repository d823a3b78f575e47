//! Import jobs and delete jobs, since api-version 2023-10-31.

use crate::{Call, Page, PageRequest, ServiceError};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use twin_graph::Timestamp;

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)] // each is the service's own word
pub enum JobStatus {
    NotStarted,
    Running,
    Failed,
    Succeeded,
    Cancelling,
    Cancelled,
}

impl JobStatus {
    /// Whether nothing more will happen.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Failed | Self::Succeeded | Self::Cancelled)
    }
}

/// Models, twins and relationships from a file of NDJSON. Serializes as the service answers it:
/// what is not yet known is left out (recorded traffic).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImportJob {
    /// Its id, chosen by the caller.
    pub id: String,
    /// Where the input is.
    pub input_blob_uri: String,
    /// Where the output log goes.
    pub output_blob_uri: String,
    /// How far it is.
    pub status: JobStatus,
    /// When it was made.
    pub created_date_time: Timestamp,
    /// When its status last changed.
    pub last_action_date_time: Timestamp,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_date_time: Option<Timestamp>,
    /// When it will be forgotten.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purge_date_time: Option<Timestamp>,
    /// Why it failed, in the error shape.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Value>,
}

/// The deletion of everything. Serializes as the service answers it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeleteJob {
    /// Its id.
    pub id: String,
    /// How far it is.
    pub status: JobStatus,
    /// When it was made.
    pub created_date_time: Timestamp,
    /// When it ended.
    pub finished_date_time: Option<Timestamp>,
    /// When it will be forgotten.
    pub purge_date_time: Option<Timestamp>,
    /// Why it failed, in the error shape.
    pub error: Option<Value>,
}

/// What to import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportRequest {
    /// The job's id.
    pub id: String,
    /// `inputBlobUri`.
    pub input: String,
    /// `outputBlobUri`.
    pub output: String,
}

/// The jobs of an instance. Errors are the service's own.
#[async_trait]
pub trait JobService: Send + Sync {
    /// `PUT /jobs/imports/{id}`.
    async fn put_import(
        &self,
        call: &Call,
        request: ImportRequest,
    ) -> Result<ImportJob, ServiceError>;
    /// `GET /jobs/imports`.
    async fn list_imports(
        &self,
        call: &Call,
        page: PageRequest,
    ) -> Result<Page<ImportJob>, ServiceError>;
    /// `GET /jobs/imports/{id}`.
    async fn get_import(&self, call: &Call, id: &str) -> Result<ImportJob, ServiceError>;
    /// `DELETE /jobs/imports/{id}`.
    async fn delete_import(&self, call: &Call, id: &str) -> Result<(), ServiceError>;
    /// `POST /jobs/imports/{id}/cancel`.
    async fn cancel_import(&self, call: &Call, id: &str) -> Result<ImportJob, ServiceError>;
    /// `POST /jobs/deletions`; the id is made up where none is given.
    async fn start_deletion(
        &self,
        call: &Call,
        id: Option<String>,
    ) -> Result<DeleteJob, ServiceError>;
    /// `GET /jobs/deletions`.
    async fn list_deletions(
        &self,
        call: &Call,
        page: PageRequest,
    ) -> Result<Page<DeleteJob>, ServiceError>;
    /// `GET /jobs/deletions/{id}`.
    async fn get_deletion(&self, call: &Call, id: &str) -> Result<DeleteJob, ServiceError>;
}
