//! The embedded IoT hub: its devices are the topology's, and what they send reaches the
//! topology's functions.

mod reader;

use super::{Embedded, EmbeddedOptions, blocking, event_grid, listen};
use crate::connect::{IotHubConnect, IotHubService};
use crate::failure::OpenError;
use journal::Journal;
use messaging::iot_hub::{HubEvents, HubOptions, HubSecret, IotHub, Policy};
use messaging::namespace::Namespace;
use pipeline::Topology;
use reader::Reader;
use rustls::ServerConfig;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

pub(super) const NAME: &str = "iot-hub";
/// What the official device SDKs connect to, and nothing else.
const SDK_PORT: u16 = 8883;
pub(super) const PARTITIONS: usize = 4;
const MAX_CONNECTIONS: usize = 20_000;

/// The hub, listening and not yet letting anybody in.
pub(super) struct Bound {
    pub(super) listener: TcpListener,
    pub(super) host: String,
    pub(super) port: u16,
    /// What a person should know of the port.
    pub(super) note: Option<String>,
}

pub(super) async fn open(
    journal: &Journal,
    secret: &str,
    namespace: &Namespace,
    events: Arc<dyn HubEvents>,
) -> Result<Arc<IotHub>, OpenError> {
    let (journal, namespace) = (journal.clone(), namespace.clone());
    let options = HubOptions {
        name: NAME.into(),
        max_connections: MAX_CONNECTIONS,
        secret: HubSecret::new(secret),
    };
    let opened = blocking(move || {
        let endpoint = namespace.create_built_in_endpoint(NAME, PARTITIONS)?;
        Ok::<_, OpenError>(IotHub::open(&journal, options, endpoint, events)?)
    });
    opened.await?
}

/// Takes the MQTT port: the one that was asked for, else the SDKs', else any free one.
pub(super) async fn bind(options: &EmbeddedOptions) -> Result<Bound, OpenError> {
    let at = |port| SocketAddr::new(options.listen, port);
    let (listener, note) = match options.mqtt_port {
        Some(port) => (listen(at(port), "--mqtt-port").await?, None),
        None => match TcpListener::bind(at(SDK_PORT)).await {
            Ok(listener) => (listener, None),
            Err(error) => {
                let listener = listen(at(0), "--mqtt-port").await?;
                let port = listener.local_addr().map_err(OpenError::Listen)?.port();
                let note = format!(
                    "Port {SDK_PORT} is not to be had ({error}): the IoT hub listens on {port}. The official device SDKs know no other port than {SDK_PORT}; end what has it, or serve on an address of your own with --listen 127.0.0.2."
                );
                (listener, Some(note))
            }
        },
    };
    let port = listener.local_addr().map_err(OpenError::Listen)?.port();
    Ok(Bound { listener, host: host_of(options.listen), port, note })
}

/// The name by which clients on this machine reach an address.
pub(super) fn host_of(listen: IpAddr) -> String {
    match listen {
        IpAddr::V4(Ipv4Addr::LOCALHOST) => "localhost".into(),
        address if address.is_unspecified() => "localhost".into(),
        address => address.to_string(),
    }
}

/// TLS as MQTT clients expect it: with whatever application protocol they name, or none.
pub(super) fn tls(config: &ServerConfig) -> Arc<ServerConfig> {
    let mut config = config.clone();
    config.alpn_protocols.clear();
    Arc::new(config)
}

/// How to reach the hub, with every device's connection string.
pub(super) fn connect(embedded: &Embedded, host: &str, port: u16) -> IotHubConnect {
    let hub = &embedded.hub;
    let string = |id: &str| Some((id.to_owned(), hub.connection_string(id, host).ok()?));
    let devices = hub.devices();
    let policy = Policy::IotHubOwner;
    let key = hub.policy_key(policy);
    let topic = embedded.grid.topic(NAME);
    IotHubConnect {
        host: host.to_owned(),
        port,
        ca: embedded.ca.clone(),
        devices: devices.iter().filter_map(|device| string(&device.id)).collect(),
        service: IotHubService {
            endpoint: embedded.http_url.clone(),
            connection_string: format!(
                "HostName={host};SharedAccessKeyName={};SharedAccessKey={key}",
                policy.name()
            ),
        },
        events: topic.map(|topic| event_grid::connect_topic(&embedded.grid, &topic)),
    }
}

/// Makes the hub's registry have the topology's devices.
pub(super) async fn declare(embedded: &Embedded, topology: &Topology) {
    let devices = topology.devices().map(|(device, _)| device.to_owned()).collect();
    if let Err(error) = embedded.hub.declare(&devices).await {
        tracing::error!(%error, "the IoT hub does not have all of the topology's devices");
    }
}

/// Lets devices' messages reach their functions, until the set is dropped. Where it ended before
/// is where the next one goes on.
pub(super) fn start(embedded: &Embedded) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    for partition in 0..embedded.hub.endpoint().partitions().len() {
        let reader = Reader {
            hub: embedded.hub.clone(),
            partition,
            pipeline: embedded.pipeline.clone(),
            simulation: embedded.simulation.clone(),
        };
        tasks.spawn(reader.run());
    }
    tasks
}
