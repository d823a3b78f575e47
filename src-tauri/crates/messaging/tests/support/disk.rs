//! A disk that can be full.

use journal::store::{Store, Write};
use journal::{Journal, Options, StoreError};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

/// A journal, and the switch that makes its disk full: nothing is written then but its marks.
pub fn journal(folder: &Path) -> (Journal, Arc<AtomicBool>) {
    let full = Arc::new(AtomicBool::new(false));
    let switch = full.clone();
    let journal = Journal::open_with(folder, Options::default(), |store| {
        Box::new(Disk { store, full: switch })
    });
    (journal.unwrap(), full)
}

struct Disk {
    store: Box<dyn Store>,
    full: Arc<AtomicBool>,
}

impl Store for Disk {
    fn begin(&mut self) -> Result<(), StoreError> {
        self.store.begin()
    }
    fn write(&mut self, write: &Write<'_>) -> Result<(), StoreError> {
        if self.full.load(SeqCst) && !matches!(write, Write::Mark) {
            return Err(StoreError::Full);
        }
        self.store.write(write)
    }
    fn commit(&mut self) -> Result<(), StoreError> {
        self.store.commit()
    }
    fn rollback(&mut self) {
        self.store.rollback();
    }
    fn turn(&mut self) {
        self.store.turn();
    }
    fn close(&mut self) -> Result<(), StoreError> {
        self.store.close()
    }
    fn log_bytes(&self) -> u64 {
        self.store.log_bytes()
    }
    fn moved(&self) -> u64 {
        self.store.moved()
    }
}
