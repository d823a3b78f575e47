//! All rows of a query into a file.

use super::run::{Run, Way};
use crate::wire::{Failure, QueryExport, QueryForm};
use adt_query::{Engine, Stopped};
use interchange::{RowFile, RowForm};
use parking_lot::Mutex;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tokio::runtime::Handle;

/// A file under way, or what became of it.
pub(super) struct Export {
    path: PathBuf,
    rows: AtomicU64,
    stop: AtomicBool,
    ended: Mutex<Option<Result<(), Failure>>>,
}

impl Export {
    /// Begins to write the rows of a run.
    pub(super) fn begin(run: &Arc<Run>, engine: &Arc<Engine>, path: String, form: QueryForm) {
        let export = Arc::new(Self {
            path: path.into(),
            rows: AtomicU64::new(0),
            stop: AtomicBool::new(false),
            ended: Mutex::default(),
        });
        if let Some(before) = run.export.lock().replace(export.clone()) {
            before.stop();
        }
        let (run, engine, runtime) = (run.clone(), engine.clone(), Handle::current());
        tokio::task::spawn_blocking(move || {
            let result = export.write(&run, &engine, &runtime, form);
            *export.ended.lock() = Some(result);
        });
    }

    /// Ends it; nothing is left of the file.
    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// How it does.
    pub(super) fn told(&self) -> QueryExport {
        let ended = self.ended.lock();
        QueryExport {
            path: self.path.to_string_lossy().into_owned(),
            rows: self.rows.load(Ordering::Relaxed),
            running: ended.is_none(),
            failure: ended.as_ref().and_then(|result| result.as_ref().err().cloned()),
        }
    }

    fn write(
        &self,
        run: &Run,
        engine: &Engine,
        runtime: &Handle,
        form: QueryForm,
    ) -> Result<(), Failure> {
        let stopped = || self.stop.load(Ordering::Relaxed);
        let stop = || stopped().then_some(Stopped::Cancelled);
        match &run.way {
            Way::Snapshot(snapshot) => self.write_pages(snapshot.all(engine, &stop), form),
            Way::Live(live) => self.write_pages(std::iter::once(Ok(live.all())), form),
            Way::Service(service) => self.write_pages(service.all(runtime, &stopped), form),
        }
    }

    fn write_pages(
        &self,
        pages: impl Iterator<Item = Result<Vec<Value>, Failure>>,
        form: QueryForm,
    ) -> Result<(), Failure> {
        let form = match form {
            QueryForm::Json => RowForm::Json,
            QueryForm::Csv => RowForm::Csv,
        };
        let refused =
            |error: interchange::WriteError| Failure::new("NotWritten", error.to_string());
        let mut file = RowFile::create(Path::new(&self.path), form).map_err(refused)?;
        for page in pages {
            for row in page? {
                if self.stop.load(Ordering::Relaxed) {
                    return Err(Failure::of_stop(Stopped::Cancelled));
                }
                file.write(&row).map_err(refused)?;
                self.rows.fetch_add(1, Ordering::Relaxed);
            }
        }
        file.finish().map_err(refused).map(drop)
    }
}
