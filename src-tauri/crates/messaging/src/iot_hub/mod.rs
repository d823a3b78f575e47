//! IoT Hub over MQTT 3.1.1, as devices see it: official device SDKs connect unchanged.
//!
//! A device's telemetry is acknowledged when it is durable in the hub's Event-Hub-compatible
//! [`Endpoint`]. Devices, their twins and the messages that wait for them are durable, too.
//!
//! Source of behaviours: "Communicate with an IoT hub using the MQTT protocol", "Understand and
//! use device twins", "direct methods", "Send cloud-to-device messages", "IoT Hub quotas and
//! throttling" (Microsoft Learn), and azure-iot-device 2.14.0.

mod as_event;
mod authentication;
mod command;
mod connection;
mod device;
mod endpoint;
mod keys;
mod registry;
mod server;
mod service;
mod snapshot;
mod telemetry;
mod topic;
mod twin;

pub use command::{CloudMessage, DEFAULT_TTL, MAX_COMMAND_BYTES, MAX_QUEUED};
pub use endpoint::Endpoint;
pub use keys::{HubSecret, Policy, Which};
pub use server::serve;
pub use service::router;
pub use telemetry::{MAX_TELEMETRY_BYTES, Telemetry, rfc3339};
pub use topic::Properties;
pub(crate) use topic::device_bound;

use crate::event_hubs::Hub;
use crate::traffic::{Counts, Traffic};
use bytes::Bytes;
use device::{Device, Order};
use journal::{Journal, JournalError};
use parking_lot::Mutex;
use registry::{Happened, Registry};
use serde_json::{Map, Value};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use thiserror::Error;
use tokio::sync::{Semaphore, oneshot};
use twin::Half;

/// Direct methods under way at once in one hub.
const MAX_METHODS: usize = 1_000;
//= documented: A direct method's payload has at most 128 KiB.
//  [iot-hub/iot-hub-devguide-quotas-throttling]
/// The largest payload of a direct method, asked or answered, in bytes.
const MAX_METHOD_BYTES: usize = 128 << 10;

/// Telemetry given to the journal and not durable yet, of all devices together, in KiB.
const MAX_KIBIBYTES_UNDER_WAY: u32 = 32 << 10;

/// How a hub is opened.
#[derive(Clone, Debug)]
pub struct HubOptions {
    /// Its name: letters, digits and hyphens.
    pub name: String,
    /// Connections at once; more are closed as they come.
    pub max_connections: usize,
    /// What all keys are derived from.
    pub secret: HubSecret,
}

/// What a hub tells: what its Event Grid events are made of.
#[derive(Clone, Debug)]
pub enum HubEvent {
    /// A device was made.
    Created(Arc<str>),
    /// A device was deleted.
    Deleted(Arc<str>),
    /// A device connected; the number rises with each event of the device.
    Connected(Arc<str>, u64),
    /// A device's connection ended.
    Disconnected(Arc<str>, u64),
}

/// Takes a hub's events. Must not block.
pub trait HubEvents: Send + Sync {
    /// Something happened to a device.
    fn happened(&self, event: HubEvent);

    /// Where the events of accepted telemetry go, and how they are written there; they become
    /// durable with the telemetry. `None` where nobody subscribed.
    fn of_telemetry(&self, messages: &[Telemetry]) -> Option<(journal::StreamId, Vec<Vec<u8>>)>;

    /// What [`HubEvents::of_telemetry`] wrote is durable.
    fn durable(&self);
}

/// Nobody subscribed to the hub's events.
pub struct NoEvents;

impl HubEvents for NoEvents {
    fn happened(&self, _: HubEvent) {}
    fn of_telemetry(&self, _: &[Telemetry]) -> Option<(journal::StreamId, Vec<Vec<u8>>)> {
        None
    }
    fn durable(&self) {}
}

/// Why something could not be done.
#[derive(Debug, Error)]
pub enum HubError {
    /// No such device.
    #[error("the hub has no device «{0}»")]
    NoDevice(String),
    /// A device of that id is there.
    #[error("the hub has a device «{0}» already")]
    Exists(String),
    /// Not an id.
    #[error("«{0}» is no device id: 1 to 128 letters, digits and - . % _ * ? ! ( ) , : = @ $ '")]
    BadId(String),
    /// The device is not connected, or takes no methods.
    #[error("the device «{0}» is not online")]
    NotOnline(String),
    /// The device did not answer in time.
    #[error("the device «{0}» did not answer in time")]
    TimedOut(String),
    /// As many messages wait as may.
    #[error("{MAX_QUEUED} messages wait for the device «{0}» already")]
    QueueFull(String),
    /// Too large, or not what the service takes; what is wrong.
    #[error("{0}")]
    Unfit(String),
    /// Too much at once.
    #[error("{MAX_METHODS} direct methods are under way already")]
    TooMany,
    /// Nothing of it was kept.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// What is known of a device, without its keys.
#[derive(Clone, Debug, PartialEq)]
pub struct DeviceInfo {
    /// Its id.
    pub id: Arc<str>,
    /// Tells it from an earlier device of the same id.
    pub generation: u64,
    /// Whether it may connect.
    pub enabled: bool,
    /// Whether it is connected.
    pub connected: bool,
    /// When it last connected, disconnected or sent, in milliseconds since 1970; 0 for never
    /// since the hub started.
    pub last_activity: i64,
    /// Messages that wait for it.
    pub queued: usize,
}

/// What a device answered to a direct method.
#[derive(Clone, Debug, PartialEq)]
pub struct MethodAnswer {
    /// The device's own status.
    pub status: i32,
    /// The device's payload; `null` for none.
    pub payload: Value,
}

/// A direct method under way: the device, and who waits for its answer.
type Asked = (Arc<str>, oneshot::Sender<MethodAnswer>);

/// An IoT hub. [`serve`] lets devices in.
pub struct IotHub {
    name: String,
    secret: HubSecret,
    max_connections: usize,
    registry: Registry,
    endpoint: Endpoint,
    traffic: Arc<Traffic>,
    events: Arc<dyn HubEvents>,
    /// By request: who was asked, and who waits.
    methods: Mutex<HashMap<u64, Asked>>,
    last_method: AtomicU64,
    places: Arc<Semaphore>,
}

impl IotHub {
    /// Opens a hub in a journal; waits for the disk. `endpoint` is where telemetry goes: its
    /// Event-Hub-compatible endpoint ([`crate::namespace::Namespace::create_built_in_endpoint`]).
    ///
    /// # Errors
    /// Those of the journal.
    pub fn open(
        journal: &Journal,
        options: HubOptions,
        endpoint: Arc<Hub>,
        events: Arc<dyn HubEvents>,
    ) -> Result<Arc<Self>, JournalError> {
        Ok(Arc::new(Self {
            registry: Registry::open(journal, &options.name)?,
            endpoint: Endpoint::new(endpoint),
            name: options.name,
            secret: options.secret,
            max_connections: options.max_connections,
            traffic: Arc::default(),
            events,
            methods: Mutex::default(),
            last_method: AtomicU64::new(millis().unsigned_abs()),
            places: Arc::new(Semaphore::new(MAX_KIBIBYTES_UNDER_WAY as usize)),
        }))
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where telemetry is kept.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Counters and tap.
    #[must_use]
    pub fn traffic(&self) -> &Arc<Traffic> {
        &self.traffic
    }

    /// What was counted.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.traffic.counts()
    }

    /// A device's connection string, with the primary key; `host` as clients reach it.
    ///
    /// # Errors
    /// [`HubError::NoDevice`].
    pub fn connection_string(&self, device: &str, host: &str) -> Result<String, HubError> {
        let key = self.device_key(device, Which::Primary)?;
        Ok(format!("HostName={host};DeviceId={device};SharedAccessKey={key}"))
    }

    /// A device's key, base64.
    ///
    /// # Errors
    /// [`HubError::NoDevice`].
    pub fn device_key(&self, device: &str, which: Which) -> Result<String, HubError> {
        let generation = self.device(device)?.state.lock().kept.generation;
        Ok(self.secret.device_key(device, generation, which))
    }

    /// A policy's key, base64.
    #[must_use]
    pub fn policy_key(&self, policy: Policy) -> String {
        self.secret.policy_key(policy)
    }

    /// All devices, by id.
    #[must_use]
    pub fn devices(&self) -> Vec<DeviceInfo> {
        self.registry.devices().iter().map(|device| info(device)).collect()
    }

    /// How many devices there are.
    #[must_use]
    pub fn device_count(&self) -> usize {
        self.registry.len()
    }

    /// One device.
    ///
    /// # Errors
    /// [`HubError::NoDevice`].
    pub fn device_info(&self, device: &str) -> Result<DeviceInfo, HubError> {
        Ok(info(&*self.device(device)?))
    }

    /// Makes a device.
    ///
    /// # Errors
    /// [`HubError::BadId`], [`HubError::Exists`], [`HubError::Journal`].
    pub async fn create_device(&self, device: &str) -> Result<(), HubError> {
        self.create(device, false).await
    }

    async fn create(&self, device: &str, declared: bool) -> Result<(), HubError> {
        if !is_device_id(device) {
            return Err(HubError::BadId(device.to_owned()));
        }
        let generation = millis().unsigned_abs();
        if !self.registry.create(device, generation, declared).await? {
            return Err(HubError::Exists(device.to_owned()));
        }
        self.events.happened(HubEvent::Created(device.into()));
        self.registry.snapshot_if_due().await;
        Ok(())
    }

    /// Deletes a device; who is connected as it is disconnected, and its keys open nothing more.
    ///
    /// # Errors
    /// [`HubError::NoDevice`], [`HubError::Journal`].
    pub async fn delete_device(&self, device: &str) -> Result<(), HubError> {
        let deleted = self.registry.delete(device).await?;
        let deleted = deleted.ok_or_else(|| HubError::NoDevice(device.to_owned()))?;
        deleted.end_connection("its device was deleted");
        self.events.happened(HubEvent::Deleted(deleted.id.clone()));
        Ok(())
    }

    /// Lets a device connect, or not any more.
    ///
    /// # Errors
    /// [`HubError::NoDevice`], [`HubError::Journal`].
    pub async fn enable_device(&self, device: &str, enabled: bool) -> Result<(), HubError> {
        let device = self.device(device)?;
        let _writing = device.writing.lock().await;
        self.registry
            .record(&device, Happened::Enabled(enabled), |state| state.kept.enabled = enabled)
            .await?;
        if !enabled {
            device.end_connection("its device was disabled");
        }
        Ok(())
    }

    /// Makes the registry have these devices: those that are missing are made, and those that an
    /// earlier call named and this one does not are deleted. Others are left alone.
    ///
    /// # Errors
    /// The first that could not be made or deleted; the rest is done all the same.
    pub async fn declare(&self, devices: &BTreeSet<String>) -> Result<(), HubError> {
        let mut failed = None;
        let known = self.registry.devices();
        let gone = known
            .iter()
            .filter(|device| device.state.lock().kept.declared && !devices.contains(&*device.id));
        for device in gone {
            failed = failed.or(self.delete_device(&device.id).await.err());
        }
        let missing = devices.iter().filter(|id| self.registry.device(id).is_none());
        // Side by side: they share commits.
        let made = futures::future::join_all(missing.map(|id| self.create(id, true))).await;
        let failed = made.into_iter().fold(failed, |failed, made| failed.or(made.err()));
        for device in known.iter().filter(|device| devices.contains(&*device.id)) {
            let adopted = !device.state.lock().kept.declared;
            if adopted {
                let _writing = device.writing.lock().await;
                self.registry
                    .record(device, Happened::Declared(true), |state| state.kept.declared = true)
                    .await?;
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// Queues a message for a device. It is durable when this returns, and there until the device
    /// says that it has it, or it expires (`ttl`, an hour where `None`).
    ///
    /// # Errors
    /// [`HubError::NoDevice`], [`HubError::QueueFull`], [`HubError::Unfit`],
    /// [`HubError::Journal`].
    pub async fn send_to_device(
        &self,
        device: &str,
        mut properties: Properties,
        body: Bytes,
        ttl: Option<Duration>,
    ) -> Result<(), HubError> {
        let device = self.device(device)?;
        if body.len() + properties.size() > MAX_COMMAND_BYTES {
            return Err(HubError::Unfit(format!(
                "a cloud-to-device message has at most {MAX_COMMAND_BYTES} bytes"
            )));
        }
        properties.to = Some(format!("/devices/{}/messages/devicebound", device.id));
        properties.message_id.get_or_insert_with(|| uuid::Uuid::new_v4().to_string());
        let _writing = device.writing.lock().await;
        self.give_up(&device).await?;
        let message = {
            let state = device.state.lock();
            if state.queue.len() >= MAX_QUEUED {
                return Err(HubError::QueueFull(device.id.to_string()));
            }
            let enqueued = millis();
            let ttl =
                ttl.map_or(DEFAULT_TTL, |ttl| i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX));
            let expires = enqueued.saturating_add(ttl);
            let sequence = state.queue.next_sequence();
            CloudMessage { sequence, enqueued, expires, properties, body }
        };
        let queued = message.clone();
        self.registry
            .record(&device, Happened::Queued(Box::new(message)), |state| state.queue.push(queued))
            .await?;
        device.order(Order::MessagesWait);
        Ok(())
    }

    /// Takes away what is not delivered any more. The caller holds the device's `writing`.
    async fn give_up(&self, device: &Device) -> Result<(), HubError> {
        let expired = device.state.lock().queue.expired(millis());
        for sequence in expired {
            self.traffic.reject("cloud-to-device message expired");
            self.registry
                .record(device, Happened::Settled(sequence), |state| {
                    state.queue.remove(sequence);
                })
                .await?;
        }
        Ok(())
    }

    /// The device has a message.
    async fn settle(&self, device: &Device, sequence: u64) -> Result<(), HubError> {
        let _writing = device.writing.lock().await;
        let removed = |state: &mut device::State| drop(state.queue.remove(sequence));
        Ok(self.registry.record(device, Happened::Settled(sequence), removed).await?)
    }

    /// Calls a direct method of a connected device, and waits for its answer.
    ///
    /// # Errors
    /// [`HubError::NoDevice`], [`HubError::NotOnline`], [`HubError::TimedOut`],
    /// [`HubError::Unfit`], [`HubError::TooMany`].
    pub async fn call_method(
        &self,
        device: &str,
        method: &str,
        payload: &Value,
        within: Duration,
    ) -> Result<MethodAnswer, HubError> {
        let device = self.device(device)?;
        let payload = serde_json::to_vec(payload).unwrap_or_default();
        if method.is_empty() || method.len() > 128 || payload.len() > MAX_METHOD_BYTES {
            return Err(HubError::Unfit(format!(
                "a method's name has 1 to 128 bytes and its payload at most {MAX_METHOD_BYTES}"
            )));
        }
        let takes = device.state.lock().connection.as_ref().is_some_and(|c| c.methods);
        let request = self.last_method.fetch_add(1, Relaxed) + 1;
        let (answer, answered) = oneshot::channel();
        {
            let mut methods = self.methods.lock();
            if methods.len() >= MAX_METHODS {
                return Err(HubError::TooMany);
            }
            methods.insert(request, (device.id.clone(), answer));
        }
        let order = Order::Publish { topic: topic::method(method, request), payload };
        let answered = if takes && device.order(order) {
            tokio::time::timeout(within, answered)
                .await
                .map_err(|_| HubError::TimedOut(device.id.to_string()))
        } else {
            Err(HubError::NotOnline(device.id.to_string()))
        };
        self.methods.lock().remove(&request);
        answered?.map_err(|_| HubError::NotOnline(device.id.to_string()))
    }

    /// The device answered a direct method. Answers that nobody waits for are passed over.
    fn method_answered(&self, device: &str, request: &str, status: i32, payload: &[u8]) {
        let Ok(request) = request.parse::<u64>() else { return };
        let mut methods = self.methods.lock();
        if methods.get(&request).is_some_and(|(asked, _)| &**asked == device)
            && let Some((_, answer)) = methods.remove(&request)
        {
            let payload = serde_json::from_slice(payload).unwrap_or(Value::Null);
            // Whoever asked may have given up.
            let _ = answer.send(MethodAnswer { status, payload });
        }
    }

    /// A device's twin: `{"desired": {…, "$version": n}, "reported": {…, "$version": n}}`.
    ///
    /// # Errors
    /// [`HubError::NoDevice`].
    pub fn twin(&self, device: &str) -> Result<Value, HubError> {
        Ok(self.device(device)?.state.lock().kept.twin.to_json())
    }

    /// Changes desired properties by a merge patch, and tells the device where it is connected.
    ///
    /// # Errors
    /// [`HubError::NoDevice`], [`HubError::Unfit`], [`HubError::Journal`].
    pub async fn patch_desired(
        &self,
        device: &str,
        patch: &Map<String, Value>,
    ) -> Result<u64, HubError> {
        let device = self.device(device)?;
        let version = self.patch_twin(&device, Half::Desired, patch).await?;
        let tells = device.state.lock().connection.as_ref().is_some_and(|c| c.desired);
        if tells {
            let mut payload = patch.clone();
            payload.insert("$version".into(), version.into());
            let payload = serde_json::to_vec(&payload).unwrap_or_default();
            device.order(Order::Publish { topic: topic::desired(version), payload });
        }
        Ok(version)
    }

    async fn patch_twin(
        &self,
        device: &Device,
        half: Half,
        patch: &Map<String, Value>,
    ) -> Result<u64, HubError> {
        let _writing = device.writing.lock().await;
        let patched = device.state.lock().kept.twin.patched(half, patch);
        let (properties, version) = patched.map_err(HubError::Unfit)?;
        let happened = Happened::Twin { half, properties: properties.clone(), version };
        self.registry
            .record(device, happened, |state| state.kept.twin.set(half, properties, version))
            .await?;
        Ok(version)
    }

    fn device(&self, id: &str) -> Result<Arc<Device>, HubError> {
        self.registry.device(id).ok_or_else(|| HubError::NoDevice(id.to_owned()))
    }
}

fn info(device: &Device) -> DeviceInfo {
    let state = device.state.lock();
    DeviceInfo {
        id: device.id.clone(),
        generation: state.kept.generation,
        enabled: state.kept.enabled,
        connected: state.connection.is_some(),
        last_activity: state.last_activity,
        queued: state.queue.len(),
    }
}

/// The service's rule for device ids.
#[must_use]
pub fn is_device_id(id: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-.%_*?!(),:=@$'".contains(&b);
    (1..=128).contains(&id.len()) && id.bytes().all(allowed)
}

/// Now, in milliseconds since 1970.
pub(crate) fn millis() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
