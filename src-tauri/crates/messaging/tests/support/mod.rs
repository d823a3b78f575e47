//! A hub that listens, and what its clients need.
#![allow(dead_code, missing_docs)] // Each test uses its part.

pub mod mosquitto;

use journal::{Journal, Options};
use messaging::client::{MqttClient, MqttError, MqttOptions};
use messaging::iot_hub::{HubEvents, HubOptions, HubSecret, IotHub, NoEvents, Telemetry, serve};
use messaging::namespace::Namespace;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};

pub struct Hub {
    pub hub: Arc<IotHub>,
    pub address: SocketAddr,
    pub tls: Arc<ClientConfig>,
    pub folder: tempfile::TempDir,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

/// TLS of a server named localhost, and of clients that trust it.
pub fn tls() -> (Arc<ServerConfig>, Arc<ClientConfig>) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let provider = Arc::new(default_provider());
    let server = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key.into())
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (Arc::new(server), Arc::new(client))
}

impl Hub {
    pub async fn start(devices: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(folder.path(), Options::default()).unwrap();
        Self::start_in(folder, &journal, devices, 20_000, Arc::new(NoEvents)).await
    }

    pub async fn start_in(
        folder: tempfile::TempDir,
        journal: &Journal,
        devices: usize,
        max_connections: usize,
        events: Arc<dyn HubEvents>,
    ) -> Self {
        let secret = HubSecret::new("a secret of this test");
        let options = HubOptions { name: "hub".into(), max_connections, secret };
        let opening = journal.clone();
        let hub = tokio::task::spawn_blocking(move || {
            let namespace = Namespace::open(&opening, "secret").unwrap();
            let endpoint = namespace.create_built_in_endpoint("hub", 4).unwrap();
            IotHub::open(&opening, options, endpoint, events)
        });
        let hub = hub.await.unwrap().unwrap();
        let named: BTreeSet<_> = (0..devices).map(device).collect();
        hub.declare(&named).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (server, client) = tls();
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(serve(hub.clone(), listener, server, async {
            drop(stopped.await);
        }));
        Self { hub, address, tls: client, folder, stop: Some(stop), task }
    }

    pub fn options(&self, number: usize) -> MqttOptions {
        let string = self.hub.connection_string(&device(number), "localhost").unwrap();
        MqttOptions::device(&string, self.address.port(), self.tls.clone()).unwrap()
    }

    pub async fn connect(&self, number: usize) -> Result<MqttClient, MqttError> {
        MqttClient::connect(&self.options(number)).await
    }

    pub async fn stop(mut self) -> tempfile::TempDir {
        drop(self.stop.take());
        self.task.await.unwrap();
        self.folder
    }

    /// All telemetry that is kept, as text, in the order of the partitions.
    pub fn kept(&self) -> Vec<(String, String)> {
        let mut all = Vec::new();
        for partition in self.hub.endpoint().partitions() {
            let mut from = 0;
            loop {
                let read = partition.read_kept(from, 10_000).unwrap();
                let Some(last) = read.last() else { break };
                from = last.sequence_number.cast_unsigned() + 1;
                all.extend(read.iter().map(|event| {
                    let telemetry = Telemetry::of_event(event).unwrap();
                    let body = String::from_utf8_lossy(&telemetry.body).into_owned();
                    (telemetry.device.to_string(), body)
                }));
            }
        }
        all
    }
}

pub fn device(number: usize) -> String {
    format!("device-{number:05}")
}

pub fn telemetry_topic(number: usize) -> String {
    format!("devices/{}/messages/events/", device(number))
}

/// Asks until the answer is there, for 20 seconds.
pub async fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    for _ in 0..1_000 {
        if let Some(answer) = ask() {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("not within 20 s: {what}");
}
