//! `connect.json`: where everything listens, for scripts and tests.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Where a running process listens. Written by rename once everything listens, mode 0600.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Connect {
    /// The process.
    pub pid: u32,
    /// The REST data plane.
    pub adt: AdtConnect,
    /// Where events are published, by topic.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub event_grid: BTreeMap<String, EventGridConnect>,
    /// Where devices connect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iot_hub: Option<IotHubConnect>,
    /// Connection strings of the event hubs, by name.
    #[serde(default)]
    pub event_hubs: BTreeMap<String, String>,
    /// Connection strings of the queues and topics, by name.
    #[serde(default)]
    pub service_bus: BTreeMap<String, String>,
    /// Where `DefaultAzureCredential` gets a token; absent in files of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<IdentityConnect>,
}

/// Where the REST data plane listens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdtConnect {
    /// `https://localhost:PORT`.
    pub endpoint: String,
    /// Absolute path of the CA certificate that clients need.
    pub ca: PathBuf,
}

/// Where devices connect, over MQTT and TLS.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IotHubConnect {
    /// The host name that the certificate has.
    pub host: String,
    /// The official device SDKs know 8883 only.
    pub port: u16,
    /// Absolute path of the CA certificate that devices need.
    pub ca: PathBuf,
    /// Device id to connection string, which has the device's key.
    pub devices: BTreeMap<String, String>,
    /// The service's side.
    pub service: IotHubService,
    /// The system topic of the hub's events, for subscriptions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<EventGridConnect>,
}

/// Where services call methods of devices and send them messages, over HTTP.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IotHubService {
    /// `http://localhost:PORT`; the same port speaks TLS.
    pub endpoint: String,
    /// Of the policy `iothubowner`.
    pub connection_string: String,
}

/// A topic, and what opens it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventGridConnect {
    /// `http://localhost:PORT/TOPIC/api/events`; the same port speaks TLS.
    pub endpoint: String,
    /// The primary access key.
    pub key: String,
}

impl fmt::Debug for EventGridConnect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventGridConnect").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

impl fmt::Debug for IotHubConnect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, ca, devices, service: _, events } = self;
        f.debug_struct("IotHubConnect")
            .field("host", host)
            .field("port", port)
            .field("ca", ca)
            .field("devices", &devices.len())
            .field("events", events)
            .finish_non_exhaustive()
    }
}

/// Where a managed identity's tokens come from, in the form of App Service.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityConnect {
    /// `IDENTITY_ENDPOINT`.
    pub endpoint: String,
    /// `IDENTITY_HEADER`, a secret of this start.
    pub header: String,
}

impl fmt::Debug for IdentityConnect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { endpoint, header: _ } = self;
        f.debug_struct("IdentityConnect").field("endpoint", endpoint).finish_non_exhaustive()
    }
}

impl fmt::Debug for Connect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Connection strings have keys in them.
        let Self { pid, adt, event_hubs, service_bus, event_grid, iot_hub, identity } = self;
        f.debug_struct("Connect")
            .field("pid", pid)
            .field("adt", adt)
            .field("event_hubs", &event_hubs.keys())
            .field("service_bus", &service_bus.keys())
            .field("event_grid", event_grid)
            .field("iot_hub", iot_hub)
            .field("identity", identity)
            .finish()
    }
}

impl Connect {
    /// The file's path in a data folder.
    pub fn path(folder: &Path) -> PathBuf {
        folder.join("connect.json")
    }

    /// What a data folder's file says, if there is one.
    pub fn read(folder: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(Self::path(folder)).ok()?).ok()
    }

    /// Writes the file.
    ///
    /// # Errors
    /// Where the folder cannot be written.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        let path = Self::path(folder);
        let unfinished = path.with_extension(format!("{}.tmp", std::process::id()));
        private(&unfinished)?.write_all(&serde_json::to_vec_pretty(self)?)?;
        fs::rename(&unfinished, &path)
    }

    /// Takes the file away; a stale one would send clients to nobody.
    pub fn remove(folder: &Path) {
        if let Err(error) = fs::remove_file(Self::path(folder))
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "a stale connect.json could not be removed");
        }
    }
}

/// A new file that nobody else can read from its first byte on: it holds the identity's secret.
fn private(path: &Path) -> io::Result<fs::File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match fs::remove_file(path) {
        // Left by a process that was killed while it wrote.
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => options.open(path),
    }
}
