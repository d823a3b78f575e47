//! What the hub keeps of its devices: a stream of entries, and now and then all of it as a
//! snapshot.

use super::command::CloudMessage;
use super::device::{Device, Kept, State};
use super::topic::Feed;
use super::twin::{Half, Twin};
use journal::{Journal, JournalError, StreamId};
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

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
    /// Read by whoever writes an entry and makes it true, written by whoever takes the snapshot:
    /// nothing is under way then. Taken after a device's `writing`.
    quiet: tokio::sync::RwLock<()>,
    since_snapshot: AtomicU64,
}

impl Registry {
    /// Reads what there is; waits for the disk.
    pub(super) fn open(journal: &Journal, hub: &str) -> Result<Self, JournalError> {
        let stream = journal.stream(&format!("iot-hub/{hub}/devices"))?;
        let (position, mut kept) = match journal.latest_snapshot(stream)? {
            // One that cannot be read is replaced by replaying what there is.
            Some((position, bytes)) => match serde_json::from_slice(&bytes) {
                Ok(kept) => (position, kept),
                Err(error) => {
                    tracing::error!(%error, hub, "the snapshot of the device registry is not readable");
                    (0, BTreeMap::new())
                }
            },
            None => (0, BTreeMap::new()),
        };
        let replayed = replay(journal, stream, position, &mut kept)?;
        let devices = kept.into_iter().map(|(id, kept)| (id.clone(), Device::new(id, kept)));
        Ok(Self {
            journal: journal.clone(),
            stream,
            devices: RwLock::new(devices.collect()),
            quiet: tokio::sync::RwLock::default(),
            since_snapshot: AtomicU64::new(replayed),
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

    /// Takes a snapshot where one is due.
    pub(super) async fn snapshot_if_due(&self) {
        if self.since_snapshot.load(Relaxed) < SNAPSHOT_EVERY {
            return;
        }
        let (position, bytes) = {
            let _quiet = self.quiet.write().await;
            self.since_snapshot.store(0, Relaxed);
            let devices = self.devices();
            let kept: BTreeMap<_, _> = devices.iter().map(|d| (d.id.clone(), d.kept())).collect();
            (self.journal.head(self.stream), serde_json::to_vec(&kept).unwrap_or_default())
        };
        let (journal, stream) = (self.journal.clone(), self.stream);
        self.journal.put_snapshot(stream, position, bytes).on_done(move |done| match done {
            Ok(_) => journal.trim(stream, position),
            Err(error) => tracing::warn!(%error, "the device registry's snapshot was refused"),
        });
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
            Happened::Queued(message) => self.messages.push(*message),
            Happened::Settled(sequence) => self.messages.retain(|m| m.sequence != sequence),
            Happened::Session(session) => self.session = session,
        }
    }
}

impl Device {
    /// As a snapshot has it.
    fn kept(&self) -> Kept {
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
