//! A disk that is full, or does not answer: writes are refused in a sentence or wait, reads go on.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use adt_service::{Call, Code, ServiceError, TwinService};
use journal::store::{Store, Write};
use journal::{Journal, Options, StoreError};
use parking_lot::{Condvar, Mutex};
use serde_json::{Value, json};
use simulator::{Instance, InstanceOptions};
use std::sync::Arc;
use std::time::Duration;
use twin_graph::{Origin, parse_patch};

#[derive(Clone, Copy, PartialEq)]
enum Disk {
    Works,
    Full,
    Stalls,
}

/// How the disk is, and whether a commit waits for it.
type Control = Arc<(Mutex<(Disk, bool)>, Condvar)>;

struct Faulty {
    store: Box<dyn Store>,
    control: Control,
}

impl Store for Faulty {
    fn begin(&mut self) -> Result<(), StoreError> {
        self.store.begin()
    }
    fn write(&mut self, write: &Write<'_>) -> Result<(), StoreError> {
        self.store.write(write)
    }
    fn commit(&mut self) -> Result<(), StoreError> {
        let (state, changed) = &*self.control;
        let mut state = state.lock();
        while state.0 == Disk::Stalls {
            state.1 = true;
            changed.notify_all();
            changed.wait(&mut state);
        }
        if state.0 == Disk::Full { Err(StoreError::Full) } else { self.store.commit() }
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

fn set(control: &Control, disk: Disk) {
    control.0.lock().0 = disk;
    control.1.notify_all();
}

const CLIENTS: usize = 32;

async fn open(folder: &std::path::Path) -> (Arc<Instance>, Control) {
    let control: Control = Arc::new((Mutex::new((Disk::Works, false)), Condvar::new()));
    let hook = control.clone();
    let journal = Journal::open_with(folder, Options::default(), |store| {
        Box::new(Faulty { store, control: hook })
    });
    let instance = Instance::open(journal.unwrap(), InstanceOptions::default()).unwrap();
    let instance = Arc::new(instance);
    let call = Call::new(Origin::Rest);
    let model = json!({"@context": "dtmi:dtdl:context;3", "@id": "dtmi:test:T;1", "@type": "Interface",
        "contents": [{"@type": "Property", "name": "temperature", "schema": "integer"}]});
    instance.create_models(&call, vec![model]).await.unwrap();
    for client in 0..CLIENTS {
        let body = json!({"$metadata": {"$model": "dtmi:test:T;1"}, "temperature": 0});
        instance.put_twin(&call, &format!("t{client}"), body, true).await.unwrap();
    }
    (instance, control)
}

type Patching = tokio::task::JoinHandle<Vec<Result<Arc<str>, ServiceError>>>;

/// Each client patches its twin `times` over; so batches are planned while others are committed.
fn patch_all(instance: &Arc<Instance>, value: i64, times: usize) -> Vec<Patching> {
    let one = |client: usize| {
        let instance = instance.clone();
        tokio::spawn(async move {
            let patch = json!([{"op": "replace", "path": "/temperature", "value": value}]);
            let (call, id) = (Call::new(Origin::Rest), format!("t{client}"));
            let mut answers = Vec::new();
            for _ in 0..times {
                let patch = parse_patch(&patch).unwrap();
                answers.push(instance.patch_twin(&call, &id, patch, None).await);
            }
            answers
        })
    };
    (0..CLIENTS).map(one).collect()
}

async fn temperatures(instance: &Instance) -> Vec<Value> {
    let mut found = Vec::new();
    for client in 0..CLIENTS {
        let twin = instance.get_twin(&Call::new(Origin::Rest), &format!("t{client}")).await;
        found.push(twin.unwrap().body["temperature"].clone());
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_writes_and_goes_on_reading() {
    let folder = tempfile::tempdir().unwrap();
    let (instance, control) = open(folder.path()).await;
    let before = instance.view().read().version();
    set(&control, Disk::Full);
    for patching in patch_all(&instance, 1, 10) {
        for answer in patching.await.unwrap() {
            let error = answer.unwrap_err();
            assert_eq!(error.code, Code::ServiceUnavailable);
            assert!(error.message.starts_with("The change was not made: "), "{error}");
        }
    }
    assert_eq!(temperatures(&instance).await, vec![json!(0); CLIENTS]);
    assert_eq!(instance.view().read().version(), before, "nothing refused is published");

    set(&control, Disk::Works);
    for patching in patch_all(&instance, 2, 10) {
        assert!(patching.await.unwrap().iter().all(Result::is_ok));
    }
    let after = instance.view().read().version();
    assert_eq!(after, before + CLIENTS as u64 * 10);
    drop(instance);

    let journal = Journal::open(folder.path(), Options::default()).unwrap();
    let instance = Instance::open(journal, InstanceOptions::default()).unwrap();
    assert_eq!(instance.view().read().version(), after, "the journal has no gap");
    assert_eq!(temperatures(&instance).await, vec![json!(2); CLIENTS]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_fills_up_under_load_loses_nothing_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let (instance, control) = open(folder.path()).await;
    let before = instance.view().read().version();
    let patching = patch_all(&instance, 3, 200);
    for _ in 0..20 {
        for disk in [Disk::Full, Disk::Works] {
            set(&control, disk);
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
    }
    let mut acknowledged = 0;
    for patching in patching {
        acknowledged += patching.await.unwrap().iter().filter(|answer| answer.is_ok()).count();
    }
    let version = instance.view().read().version();
    assert_eq!(version, before + acknowledged as u64, "each acknowledged one, and no other");
    drop(instance);
    let journal = Journal::open(folder.path(), Options::default()).unwrap();
    let instance = Instance::open(journal, InstanceOptions::default()).unwrap();
    assert_eq!(instance.view().read().version(), version);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_does_not_answer_holds_up_writes_only() {
    let folder = tempfile::tempdir().unwrap();
    let (instance, control) = open(folder.path()).await;
    set(&control, Disk::Stalls);
    let patching = patch_all(&instance, 4, 1);
    let stalled = control.clone();
    let wait = move || {
        let mut state = stalled.0.lock();
        while !state.1 {
            stalled.1.wait(&mut state);
        }
    };
    tokio::task::spawn_blocking(wait).await.unwrap();
    assert_eq!(temperatures(&instance).await, vec![json!(0); CLIENTS], "not committed, not read");
    assert!(patching.iter().all(|each| !each.is_finished()), "nobody is told before the fsync");
    set(&control, Disk::Works);
    for patching in patching {
        assert!(patching.await.unwrap()[0].is_ok());
    }
    assert_eq!(temperatures(&instance).await, vec![json!(4); CLIENTS]);
}
