//! The embedded IoT hub: its devices are the topology's, and what they send reaches the
//! topology's functions.

use super::{Embedded, EmbeddedOptions, blocking, event_grid, listen};
use crate::connect::{IotHubConnect, IotHubService};
use crate::failure::OpenError;
use adt_service::Call;
use futures::{StreamExt, stream};
use journal::Journal;
use messaging::event_hubs::Event;
use messaging::iot_hub::{HubEvents, HubOptions, HubSecret, IotHub, Policy, Telemetry};
use messaging::namespace::Namespace;
use pipeline::{DeviceHub, DeviceMessage, Pipeline, Topology};
use rustls::ServerConfig;
use simulator::Simulation;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use twin_graph::{Origin, Timestamp, TraceContext};

pub(super) const NAME: &str = "iot-hub";
/// What the official device SDKs connect to, and nothing else.
const SDK_PORT: u16 = 8883;
pub(super) const PARTITIONS: usize = 4;
const MAX_CONNECTIONS: usize = 20_000;
/// Messages taken at once, and how many devices' are handled side by side.
const BATCH: usize = 256;
const SIDE_BY_SIDE: usize = 64;
const READ_AGAIN: Duration = Duration::from_secs(1);
/// The endpoint's reader that feeds functions.
const READER: &str = "functions";

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

/// Follows one partition of the hub's endpoint.
struct Reader {
    hub: Arc<IotHub>,
    partition: usize,
    pipeline: Arc<Pipeline>,
    simulation: Arc<Simulation>,
}

impl Reader {
    /// The cursor moves only past what functions were called with.
    async fn run(self) {
        let endpoint = self.hub.endpoint();
        let Some(partition) = endpoint.partitions().get(self.partition) else { return };
        let mut next = endpoint.cursor(READER, self.partition);
        loop {
            partition.more_than(next).await;
            match partition.read(next, BATCH).await {
                Ok(events) => {
                    let Some(last) = events.last() else { continue };
                    next = last.sequence_number.unsigned_abs() + 1;
                    self.handle(&events).await;
                    endpoint.keep_cursor(READER, self.partition, next);
                }
                Err(error) => {
                    tracing::error!(%error, "the IoT hub's messages cannot be read");
                    tokio::time::sleep(READ_AGAIN).await;
                }
            }
        }
    }

    /// In order for each device; devices side by side, so that their writes share a commit.
    async fn handle(&self, events: &[Event]) {
        let mut by_device: BTreeMap<Arc<str>, Vec<DeviceMessage>> = BTreeMap::new();
        for event in events {
            let number = event.sequence_number;
            let Some(telemetry) = Telemetry::of_event(event) else {
                tracing::error!(number, partition = self.partition, "a message is not readable");
                continue;
            };
            let message = self.message(number, telemetry);
            by_device.entry(message.device.clone()).or_default().push(message);
        }
        stream::iter(by_device)
            .for_each_concurrent(SIDE_BY_SIDE, |(device, messages)| async move {
                // The real one is there: the simulated one would only talk over it.
                self.simulation.silence(&device);
                for message in messages {
                    self.pipeline.send(message).await;
                }
            })
            .await;
    }

    fn message(&self, number: i64, telemetry: Telemetry) -> DeviceMessage {
        let since = u64::try_from(telemetry.enqueued).unwrap_or_default();
        // Functions parse what they get; they need no content type for that.
        let body = serde_json::from_slice(&telemetry.body);
        DeviceMessage {
            // The same whenever it is read again, so that a repeated one can be told.
            id: format!("{}/{}/{number}", self.hub.name(), self.partition).into(),
            time: Timestamp::from(UNIX_EPOCH + Duration::from_millis(since)),
            trace: trace_of(&telemetry),
            hops: 0,
            body: body.unwrap_or_else(|_| telemetry.body_value()),
            device: telemetry.device,
        }
    }
}

/// A device may say in which trace its message is, as it would in HTTP; else one begins with it.
fn trace_of(telemetry: &Telemetry) -> TraceContext {
    let told = telemetry.properties.application.iter().find(|(name, _)| name == "traceparent");
    let told = told.and_then(|(_, value)| value.as_deref()?.parse().ok());
    told.unwrap_or_else(|| Call::new(Origin::Remote).trace)
}
