//! Everything that an instance holds, into a file.

use crate::transfer::{Counts, Progress, Step, Watch};
use crate::{At, GraphWriter, Place, Problems, WriteError, record};
use adt_service::{Call, ListModels, Page, PageRequest, QueryRequest, ServiceError, TwinService};
use serde_json::Value;
use std::path::PathBuf;
use thiserror::Error;

/// The most items that the service puts on a page.
const PAGE: usize = 1_000;

/// Why there is no export.
#[derive(Debug, Error)]
pub enum ExportError {
    /// The instance refused, or is not there.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// The file cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The instance answered something that is not a twin or relationship.
    #[error("The instance answered a row that cannot be exported: {0}")]
    Row(String),
}

/// What was exported.
#[derive(Debug)]
pub struct Exported {
    /// How many were read.
    pub counts: Counts,
    /// The files; `None` where it was stopped before the end, and nothing was written.
    pub files: Option<Vec<PathBuf>>,
}

/// Reads all models, twins and relationships, page by page, into `writer`.
///
/// # Errors
/// Where the instance or the file system refuse; nothing is written then.
pub async fn export(
    service: &dyn TwinService,
    call: &Call,
    mut writer: Box<dyn GraphWriter>,
    watch: &Watch<'_>,
) -> Result<Exported, ExportError> {
    let mut counts = Counts::default();
    let mut whole = models(service, call, &mut *writer, &mut counts.models, watch).await?;
    if whole {
        let rows = Rows { service, call, watch, step: Step::Twins, table: "DIGITALTWINS" };
        whole = rows.read(&mut *writer, &mut counts.twins).await?;
    }
    if whole {
        let rows = Rows { service, call, watch, step: Step::Relationships, table: "RELATIONSHIPS" };
        whole = rows.read(&mut *writer, &mut counts.relationships).await?;
    }
    let files = if whole { Some(writer.finish()?) } else { None };
    Ok(Exported { counts, files })
}

fn page(continuation: Option<String>) -> PageRequest {
    PageRequest { continuation, max_items: Some(PAGE) }
}

/// Whether all were read.
async fn models(
    service: &dyn TwinService,
    call: &Call,
    writer: &mut dyn GraphWriter,
    done: &mut usize,
    watch: &Watch<'_>,
) -> Result<bool, ExportError> {
    let mut next = None;
    loop {
        if watch.stopped() {
            return Ok(false);
        }
        let list = ListModels { dependencies_for: Vec::new(), page: page(next) };
        let Page { items, continuation } = service.list_models(call, list).await?;
        for model in &items {
            writer.model(&model.stored.document)?;
        }
        *done += items.len();
        (watch.progress)(Progress { step: Step::Models, done: *done, of: None });
        next = continuation;
        if next.is_none() {
            return Ok(true);
        }
    }
}

struct Rows<'a> {
    service: &'a dyn TwinService,
    call: &'a Call,
    watch: &'a Watch<'a>,
    step: Step,
    table: &'static str,
}

impl Rows<'_> {
    /// Whether all were read.
    async fn read(
        &self,
        writer: &mut dyn GraphWriter,
        done: &mut usize,
    ) -> Result<bool, ExportError> {
        let of = self.count().await;
        let query = format!("SELECT * FROM {}", self.table);
        let mut next = None;
        loop {
            if self.watch.stopped() {
                return Ok(false);
            }
            let request = QueryRequest { query: Some(query.clone()), page: page(next) };
            let Page { items, continuation } = self.service.query(self.call, request).await?.rows;
            *done += items.len();
            for row in items {
                self.write(row, writer)?;
            }
            (self.watch.progress)(Progress { step: self.step, done: *done, of });
            next = continuation;
            if next.is_none() {
                return Ok(true);
            }
        }
    }

    /// How many there are; only for the progress, so an instance that does not say it is no fault.
    async fn count(&self) -> Option<usize> {
        let query = Some(format!("SELECT COUNT() FROM {}", self.table));
        let request = QueryRequest { query, page: PageRequest::default() };
        let rows = self.service.query(self.call, request).await.ok()?.rows;
        rows.items.first()?.get("COUNT")?.as_u64()?.try_into().ok()
    }

    fn write(&self, row: Value, writer: &mut dyn GraphWriter) -> Result<(), ExportError> {
        let mut problems = Problems::default();
        let place = Place { file: self.table.into(), at: At::File };
        let Value::Object(object) = row else { return Err(ExportError::Row(row.to_string())) };
        if self.step == Step::Twins {
            if let Some(twin) = record::twin(object, place, &mut problems) {
                writer.twin(&twin)?;
            }
        } else if let Some(edge) = record::relationship(object, place, &mut problems) {
            writer.relationship(&edge)?;
        }
        match problems.found.into_iter().next() {
            Some(problem) => Err(ExportError::Row(problem.to_string())),
            None => Ok(()),
        }
    }
}
