//! What the hub keeps of its devices: a stream of entries, and now and then all of it as a
//! snapshot.

use super::command::CloudMessage;
use super::device::{Device, Kept, State};
use super::snapshot;
use super::topic::Feed;
use super::twin::{Half, Twin};
use journal::{Journal, JournalError, StreamId};
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering::{AcqRel, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicU64};

/// Entries between two snapshots.
const SNAPSHOT_EVERY: u64 = 20_000;

/// One thing that happened to one device.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entry {
    pub(super) device: Arc<str>,
    pub(super) happened: Happened,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Happened {
    Created { generation: u64, declared: bool },
    Declared(bool),
    Enabled(bool),
    Deleted,
    Twin { half: Half, properties: Map<String, Value>, version: u64 },
    Queued(Box<CloudMessage>),
    Settled(u64),
    Session(Option<Vec<Feed>>),
}

/// The hub's devices, durable.
pub(super) struct Registry {
    journal: Journal,
    stream: StreamId,
    devices: RwLock<HashMap<Arc<str>, Arc<Device>>>,
    /// Read by whoever writes an entry and makes it true, written by whoever begins a snapshot:
    /// nothing is under way then. Taken after a device's `writing`.
    quiet: tokio::sync::RwLock<()>,
    since_snapshot: AtomicU64,
    /// A snapshot is being written.
    busy: Arc<AtomicBool>,
}

impl Registry {
    /// Reads what there is; waits for the disk.
    pub(super) fn open(journal: &Journal, hub: &str) -> Result<Self, JournalError> {
        let stream = journal.stream(&format!("iot-hub/{hub}/devices"))?;
        let (position, mut kept) = journal.restore(stream, snapshot::read)?.unwrap_or_default();
        let replayed = replay(journal, stream, position, &mut kept)?;
        let devices = kept.into_iter().map(|(id, kept)| (id.clone(), Device::new(id, kept)));
        Ok(Self {
            journal: journal.clone(),
            stream,
            devices: RwLock::new(devices.collect()),
            quiet: tokio::sync::RwLock::default(),
            since_snapshot: AtomicU64::new(replayed),
            busy: Arc::default(),
        })
    }

    pub(super) fn device(&self, id: &str) -> Option<Arc<Device>> {
        self.devices.read().get(id).cloned()
    }

    /// All devices, by id.
    pub(super) fn devices(&self) -> Vec<Arc<Device>> {
        let mut devices: Vec<_> = self.devices.read().values().cloned().collect();
        devices.sort_by(|a, b| a.id.cmp(&b.id));
        devices
    }

    pub(super) fn len(&self) -> usize {
        self.devices.read().len()
    }

    /// Makes a new device durable; `false` where there is one of that id.
    pub(super) async fn create(
        &self,
        id: &str,
        generation: u64,
        declared: bool,
    ) -> Result<bool, JournalError> {
        let device = Device::new(id.into(), Kept::new(generation, declared));
        let _not_quiet = self.quiet.read().await;
        // Whoever finds it in the map waits until it is durable before writing anything of it.
        let _writing = device.writing.lock().await;
        {
            let mut devices = self.devices.write();
            if devices.contains_key(id) {
                return Ok(false);
            }
            devices.insert(device.id.clone(), device.clone());
        }
        let appended = self.append(&device.id, Happened::Created { generation, declared }).await;
        if appended.is_err() {
            self.devices.write().remove(id);
        }
        appended.map(|()| true)
    }

    /// Takes a device away; the answer is what was there.
    pub(super) async fn delete(&self, id: &str) -> Result<Option<Arc<Device>>, JournalError> {
        let Some(device) = self.device(id) else { return Ok(None) };
        {
            let _writing = device.writing.lock().await;
            let _not_quiet = self.quiet.read().await;
            // Somebody else may have deleted it, and a third made it anew.
            if !self.device(id).is_some_and(|now| Arc::ptr_eq(&now, &device)) {
                return Ok(None);
            }
            self.append(&device.id, Happened::Deleted).await?;
            self.devices.write().remove(id);
        }
        Ok(Some(device))
    }

    /// Makes something that happened to a device durable, and then true. The caller holds the
    /// device's `writing`, under which it checked that it may happen.
    pub(super) async fn record(
        &self,
        device: &Device,
        happened: Happened,
        then: impl FnOnce(&mut State),
    ) -> Result<(), JournalError> {
        let _not_quiet = self.quiet.read().await;
        self.append(&device.id, happened).await?;
        then(&mut device.state.lock());
        Ok(())
    }

    async fn append(&self, device: &Arc<str>, happened: Happened) -> Result<(), JournalError> {
        let entry = Entry { device: device.clone(), happened };
        let bytes = serde_json::to_vec(&entry).unwrap_or_default();
        let (done, answered) = tokio::sync::oneshot::channel();
        self.journal.append(self.stream, vec![bytes]).on_done(move |result| {
            // Whoever asked may be gone.
            let _ = done.send(result);
        });
        answered.await.unwrap_or(Err(JournalError::Closed))?;
        self.since_snapshot.fetch_add(1, Relaxed);
        Ok(())
    }

    /// Begins a snapshot where one is due.
    pub(super) async fn snapshot_if_due(&self) {
        let due = self.since_snapshot.load(Relaxed) >= SNAPSHOT_EVERY;
        if due && !self.busy.swap(true, AcqRel) {
            let writing = self.snapshot().await;
            let busy = self.busy.clone();
            tokio::task::spawn_blocking(move || {
                writing();
                busy.store(false, Release);
            });
        }
    }

    /// What writes a snapshot, device by device while others go on. What happens to a device
    /// meanwhile is in it or not; entries are such that it makes no difference when they are
    /// replayed over it.
    async fn snapshot(&self) -> impl FnOnce() + Send + use<> {
        let (position, devices) = {
            let _quiet = self.quiet.write().await;
            self.since_snapshot.store(0, Relaxed);
            (self.journal.head(self.stream), self.devices())
        };
        let (journal, stream) = (self.journal.clone(), self.stream);
        move || match journal.write_snapshot(stream, position, snapshot::pieces(&devices)) {
            Ok(_) => journal.trim(stream, position),
            Err(error) => tracing::warn!(%error, "the device registry's snapshot was refused"),
        }
    }
}

impl Kept {
    fn new(generation: u64, declared: bool) -> Self {
        Self {
            generation,
            enabled: true,
            declared,
            twin: Twin::default(),
            messages: Vec::new(),
            session: None,
        }
    }

    fn apply(&mut self, happened: Happened) {
        match happened {
            Happened::Created { .. } | Happened::Deleted => {}
            Happened::Declared(declared) => self.declared = declared,
            Happened::Enabled(enabled) => self.enabled = enabled,
            Happened::Twin { half, properties, version } => {
                self.twin.set(half, properties, version);
            }
            Happened::Queued(message) => {
                // A snapshot may have it already.
                if self.messages.iter().all(|other| other.sequence != message.sequence) {
                    self.messages.push(*message);
                }
            }
            Happened::Settled(sequence) => self.messages.retain(|m| m.sequence != sequence),
            Happened::Session(session) => self.session = session,
        }
    }
}

impl Device {
    /// As a snapshot has it.
    pub(super) fn kept(&self) -> Kept {
        let state = self.state.lock();
        Kept { messages: state.queue.messages(), ..state.kept.clone() }
    }
}

/// Applies what the stream has behind `position`; the answer is how many entries that was.
fn replay(
    journal: &Journal,
    stream: StreamId,
    position: u64,
    devices: &mut BTreeMap<Arc<str>, Kept>,
) -> Result<u64, JournalError> {
    let mut replayed = 0;
    let mut from = position + 1;
    loop {
        let records = journal.read(stream, from, 4_096)?;
        let Some(last) = records.last() else { return Ok(replayed) };
        from = last.position + 1;
        replayed += records.len() as u64;
        for record in records {
            match serde_json::from_slice::<Entry>(&record.payload) {
                Ok(entry) => apply(devices, entry),
                Err(error) => {
                    tracing::error!(%error, position = record.position, "an entry of the device registry is not readable");
                }
            }
        }
    }
}

fn apply(devices: &mut BTreeMap<Arc<str>, Kept>, entry: Entry) {
    match entry.happened {
        Happened::Created { generation, declared } => {
            devices.insert(entry.device, Kept::new(generation, declared));
        }
        Happened::Deleted => drop(devices.remove(&entry.device)),
        happened => {
            if let Some(kept) = devices.get_mut(&entry.device) {
                kept.apply(happened);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use bytes::Bytes;
    use journal::Options;
    use serde_json::json;

    fn message(sequence: u64) -> CloudMessage {
        let body = Bytes::from(vec![b'x'; 20_000]);
        CloudMessage { sequence, enqueued: 1, expires: 2, properties: Default::default(), body }
    }

    async fn queue(registry: &Registry, device: &Device, sequence: u64) {
        let _writing = device.writing.lock().await;
        let queued = message(sequence);
        let happened = Happened::Queued(Box::new(queued.clone()));
        registry.record(device, happened, |state| state.queue.push(queued)).await.unwrap();
    }

    async fn settle(registry: &Registry, device: &Device, sequence: u64) {
        let _writing = device.writing.lock().await;
        let settled = Happened::Settled(sequence);
        registry.record(device, settled, |state| drop(state.queue.remove(sequence))).await.unwrap();
    }

    async fn report(registry: &Registry, device: &Device, number: u64) {
        let _writing = device.writing.lock().await;
        let Value::Object(properties) = json!({"number": number}) else { return };
        let (half, version) = (Half::Reported, number);
        let happened = Happened::Twin { half, properties: properties.clone(), version };
        let set = |state: &mut State| state.kept.twin.set(half, properties, version);
        registry.record(device, happened, set).await.unwrap();
    }

    fn known(registry: &Registry) -> BTreeMap<Arc<str>, Value> {
        let devices = registry.devices();
        devices.iter().map(|each| (each.id.clone(), json!(each.kept()))).collect()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_snapshot_while_devices_go_on_is_as_good_as_none() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(folder.path(), Options::default()).unwrap();
        let registry = Arc::new(Registry::open(&journal, "hub").unwrap());
        for number in 0..40 {
            registry.create(&format!("d{number:02}"), number, false).await.unwrap();
            let device = registry.device(&format!("d{number:02}")).unwrap();
            queue(&registry, &device, 1).await;
        }
        let writing = registry.snapshot().await;
        // What is in the snapshot and behind its position at once, for one half of the devices;
        // the other half goes on while it is written.
        let go_on = async |from: usize| {
            for device in registry.devices().into_iter().skip(from).step_by(2) {
                queue(&registry, &device, 2).await;
                queue(&registry, &device, 3).await;
                settle(&registry, &device, 1).await;
                settle(&registry, &device, 3).await;
                report(&registry, &device, 7).await;
            }
        };
        go_on(0).await;
        registry.delete("d00").await.unwrap();
        registry.create("d00", 99, true).await.unwrap();
        registry.create("new", 1, false).await.unwrap();
        registry.delete("d39").await.unwrap();
        let written = tokio::task::spawn_blocking(writing);
        go_on(1).await;
        written.await.unwrap();
        let before = known(&registry);
        assert_eq!(before.len(), 40);
        let stream = registry.stream;
        while journal.first(stream) < 80 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        let again = Registry::open(&journal, "hub").unwrap();
        assert_eq!(known(&again), before);
        let next = again.device("d01").unwrap().state.lock().queue.next_sequence();
        assert_eq!(next, 3, "numbers go on behind what waits");
    }
}
