//! A writer that says how far it is and can be stopped.

use crate::progress::ProgressLine;
use interchange::{GraphWriter, Progress, RelationshipRecord, Step, TwinRecord, WriteError};
use serde_json::Value;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

/// Passes everything on until `stop` is set; then it refuses.
pub struct Watched<'a> {
    writer: Box<dyn GraphWriter>,
    line: &'a ProgressLine,
    stop: &'a AtomicBool,
    twins: usize,
    relationships: usize,
}

impl<'a> Watched<'a> {
    /// Nothing is written yet.
    pub fn new(writer: Box<dyn GraphWriter>, line: &'a ProgressLine, stop: &'a AtomicBool) -> Self {
        Self { writer, line, stop, twins: 0, relationships: 0 }
    }

    fn go_on(&self) -> Result<(), WriteError> {
        if self.stop.load(Ordering::Relaxed) {
            let source = io::Error::from(io::ErrorKind::Interrupted);
            return Err(WriteError::Io { path: PathBuf::new(), source });
        }
        Ok(())
    }
}

impl GraphWriter for Watched<'_> {
    fn model(&mut self, document: &Value) -> Result<(), WriteError> {
        self.writer.model(document)
    }

    fn twin(&mut self, twin: &TwinRecord) -> Result<(), WriteError> {
        self.go_on()?;
        self.twins += 1;
        self.line.show(Progress { step: Step::Twins, done: self.twins, of: None });
        self.writer.twin(twin)
    }

    fn relationship(&mut self, edge: &RelationshipRecord) -> Result<(), WriteError> {
        self.go_on()?;
        self.relationships += 1;
        let progress = Progress { step: Step::Relationships, done: self.relationships, of: None };
        self.line.show(progress);
        self.writer.relationship(edge)
    }

    fn finish(self: Box<Self>) -> Result<Vec<PathBuf>, WriteError> {
        self.go_on()?;
        self.writer.finish()
    }
}
