//! An embedded instance with everything around it: workspace, pipeline, simulated devices, REST.

mod backlog;
mod control_plane;
mod deploy;
mod devices;
mod endpoints;
mod enforcement;
mod entities;
mod event_grid;
mod iot_hub;
mod memory;
mod namespace;
mod routes;
mod seed;
mod surroundings;

use crate::connect::{AdtConnect, Connect, IdentityConnect};
use crate::failure::OpenError;
use crate::identity::Identity;
use crate::logging::{BEGIN_WITH, Log, Unkept};
use crate::opening::{Opening, Paced};
use crate::screen::SharedFloorPlan;
use crate::secrets::Secrets;
use crate::tls::LocalCa;
use crate::wire::FileProblem;
use adt_limits::{Limiter, Limits};
use adt_service::TwinService;
use adt_service::server::{ServerOptions, serve};
use backlog::JournalBacklog;
use control_plane::Management;
use endpoints::Overlay;
use enforcement::{Chosen, Enforcement, Fixed};
use journal::Journal;
use memory::NodeMemory;
use messaging::event_grid::{EventGrid, HubTopic};
use messaging::iot_hub::IotHub;
use messaging::namespace::{Declared, Namespace};
use messaging::traffic::Counts;
use namespace::Messaging;
use parking_lot::Mutex;
use pipeline::source::http_door;
use pipeline::{DirectEvents, Flow, Observer, Pipeline, PipelineParts, Scripts, Topology};
use seed::Seed;
use serde_json::Value;
use simulator::{Instance, InstanceOptions, Jobs, Recovering, Simulation};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};
use surroundings::EmbeddedServices;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use workspace::{Source, Views};

pub(crate) use deploy::routes_of;
pub use enforcement::QueryLag;
pub(crate) use enforcement::{LONGEST_LAG, is_lag};

const RECOVERING: &str = "Recovering the twin graph";
/// How long servers may take to end what was begun.
const SERVERS_END: Duration = Duration::from_secs(3);
/// How long what was stopped may take to let go of its data folder.
const LET_GO: Duration = Duration::from_secs(2);

/// How an embedded instance is opened.
#[derive(Clone, Debug)]
pub struct EmbeddedOptions {
    /// What it begins with, and what is watched; `None` for nothing at all.
    pub source: Option<Source>,
    /// Journal, certificates, `connect.json`.
    pub data: PathBuf,
    /// REST port; 0 for any free one.
    pub https_port: u16,
    /// Port for devices (MQTT over TLS); 0 for any free one, `None` for 8883 or else any.
    pub mqtt_port: Option<u16>,
    /// AMQP port, of event hubs, queues and topics; 0 for any free one.
    pub amqp_port: u16,
    /// Event hubs, queues and topics that are made where they are not there yet.
    pub entities: Declared,
    /// Port of Event Grid and of the IoT hub's service side (HTTP and HTTPS); 0 for any free one.
    pub http_port: u16,
    /// Scales Event Grid's times of retry and expiry: 1 for the service's, less for tests.
    pub delivery_time_factor: f64,
    /// The address to listen on.
    pub listen: IpAddr,
    /// Further names for the certificate and the Host check.
    pub host_names: Vec<String>,
    /// The bearer token to demand; any non-empty one where `None`.
    pub token: Option<String>,
    /// What clients may have and how fast they may ask; as was chosen in the window, and within
    /// the service's limits at first, where `None`.
    pub limits: Option<Limits>,
    /// How far queries are behind writes, to find code that relies on their absence; as was chosen
    /// in the window where `None`.
    pub query_lag: Option<QueryLag>,
    /// Whether an event log is kept: that costs a tenth of a message's time, and 64 MiB.
    pub keeps_log: bool,
}

impl EmbeddedOptions {
    /// On loopback, on any free port, with any token.
    pub fn new(source: Option<Source>, data: PathBuf) -> Self {
        Self {
            source,
            data,
            https_port: 0,
            mqtt_port: None,
            amqp_port: 0,
            entities: Declared::default(),
            http_port: 0,
            delivery_time_factor: 1.0,
            listen: IpAddr::V4(Ipv4Addr::LOCALHOST),
            host_names: Vec::new(),
            token: None,
            limits: None,
            query_lag: None,
            keeps_log: true,
        }
    }

    /// Names beyond those of this machine that certificates need.
    fn certificate_names(&self) -> Vec<String> {
        let mut names = self.host_names.clone();
        // Loopback has more addresses than the one that every certificate names.
        names.push(self.listen.to_string());
        names
    }
}

/// An open embedded instance. [`Embedded::stop`] ends it in order.
pub struct Embedded {
    pub(crate) instance: Arc<Instance>,
    pub(crate) simulation: Arc<Simulation>,
    pub(crate) journal: Journal,
    pub(crate) log: Arc<Log>,
    pub(crate) source: Option<Source>,
    pub(crate) fixed: Fixed,
    chosen: Mutex<Chosen>,
    hub: Arc<IotHub>,
    grid: Arc<EventGrid>,
    http_url: String,
    hub_address: (String, u16),
    data: PathBuf,
    endpoint: String,
    ca: PathBuf,
    notes: Vec<String>,
    identity: IdentityConnect,
    namespace: Namespace,
    messaging: Mutex<Option<Messaging>>,
    pipeline: Arc<Pipeline>,
    surroundings: Arc<EmbeddedServices>,
    endpoints: Overlay,
    memory: NodeMemory,
    secrets: Arc<Secrets>,
    workings: Mutex<Workings>,
    /// Held while a topology is set to work: two follow each other.
    deploying: tokio::sync::Mutex<()>,
    /// How many topologies were set to work.
    deploys: AtomicU32,
    counting_since: Instant,
    problems: Mutex<Vec<FileProblem>>,
    /// Positions as `views.json` last had them.
    pub(crate) views: Mutex<Views>,
    /// As `floorplan.geojson` has it.
    pub(crate) floor_plan: SharedFloorPlan,
    seed: tokio::sync::Mutex<Seed>,
    /// Each server ends when its sender is dropped.
    stop_servers: Mutex<Vec<oneshot::Sender<()>>>,
    servers: tokio::sync::Mutex<JoinSet<()>>,
    /// Whether connect.json is written, and is to be kept true.
    connected: AtomicBool,
    jobs: Mutex<Option<Arc<Jobs>>>,
    tasks: tokio::sync::Mutex<JoinSet<()>>,
}

/// What is listened on.
struct Listeners {
    https: TcpListener,
    mqtt: TcpListener,
    http: TcpListener,
    identity: Identity,
}

/// What the topology sets going beside the pipeline.
#[derive(Default)]
struct Workings {
    /// As deployed, without endpoints made over REST.
    topology: Topology,
    /// With endpoints made over REST.
    merged: Topology,
    /// The texts of users' own functions.
    scripts: Scripts,
    /// The topology of the workspace's file.
    file: Value,
    devices: devices::Simulated,
    /// What brings real devices' messages to functions.
    telemetry: JoinSet<()>,
    _watch: Option<workspace::Watch>,
}

impl Embedded {
    /// Recovers, applies the workspace's difference, starts everything, then writes
    /// `connect.json`. `step` is told what is done, and may end it.
    ///
    /// # Errors
    /// [`OpenError::Stopped`] where `step` ends it. A folder in use or not writable, a damaged journal, files of the workspace that do not fit
    /// where there is no earlier state to go on with, a port in use.
    pub async fn open(
        options: EmbeddedOptions,
        step: impl Fn(Opening) -> ControlFlow<()> + Send + Sync + 'static,
    ) -> Result<Arc<Self>, OpenError> {
        // Each connection is an open file.
        if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
            tracing::warn!(%error, "the limit of open files stays as it is");
        }
        let step = Arc::new(step);
        begin(&*step, "Opening the journal")?;
        let data = options.data.clone();
        let journal = blocking(move || Journal::open(&data, journal::Options::default())).await??;
        // A file left by a killed process would send clients to nobody.
        Connect::remove(&options.data);
        begin(&*step, RECOVERING)?;
        let simulation = Arc::new(Simulation::new(devices::kept_state(&journal)));
        let enforcement = Enforcement::of(&options, &journal);
        let instance_options = InstanceOptions {
            simulation: simulation.clone(),
            limiter: Limiter::new(&enforcement.limits, Instant::now()),
            query_lag: enforcement.query_lag,
            recovering: paced(step.clone()),
            ..Default::default()
        };
        let opening = journal.clone();
        let instance = blocking(move || Instance::open(opening, instance_options)).await??;
        let instance = Arc::new(instance);
        for finding in &instance.recovery().findings {
            tracing::warn!(finding, "recovery");
        }
        begin(&*step, "Starting the services")?;
        // Before anything runs that holds the data folder: a port may be taken.
        let (http, http_url) = event_grid::bind(&options).await?;
        let https = SocketAddr::new(options.listen, options.https_port);
        let https = listen(https, "--https-port").await?;
        let amqp = SocketAddr::new(options.listen, options.amqp_port);
        let amqp = listen(amqp, "--amqp-port").await?;
        let mqtt = iot_hub::bind(&options).await?;
        let identity = Identity::bind(options.token.clone()).await.map_err(OpenError::Listen)?;
        let seed = Seed::new(&journal)?;
        let ca = LocalCa::open_or_create(&options.data)?;
        let secret = crate::secret::open_or_create(&options.data)?;
        let messaging = Messaging::open(&journal, &secret, &options, &ca, amqp).await?;
        let namespace = messaging.namespace().clone();
        let grid = event_grid::open(&journal, &options, &secret, &http_url)?;
        grid.set_namespace(namespace.clone());
        let hub_topic = grid.open_hub_topic(iot_hub::NAME).await?;
        let events = Arc::new(HubTopic::new(hub_topic, iot_hub::NAME));
        let hub = iot_hub::open(&journal, &secret, &namespace, events).await?;
        let port = https.local_addr().map_err(OpenError::Listen)?.port();
        let host = format!("{}:{port}", iot_hub::host_of(options.listen));
        let log = Arc::new(Log::new());
        let observer: Arc<dyn Observer> =
            if options.keeps_log { log.clone() } else { Arc::new(Unkept::default()) };
        let secrets = Arc::new(Secrets::of(&options.data));
        let memory = NodeMemory::open(&journal)?;
        let endpoints = Overlay::open(&journal)?;
        let surroundings = EmbeddedServices::new(surroundings::Parts {
            journal: journal.clone(),
            namespace: namespace.clone(),
            amqp: messaging.address(),
            grid: grid.clone(),
            secrets: secrets.clone(),
            observer: observer.clone(),
            time_factor: options.delivery_time_factor,
        });
        let pipeline = Pipeline::new(PipelineParts {
            host: host.as_str().into(),
            service: instance.clone(),
            view: instance.view().clone(),
            history: instance.clone(),
            memory: Arc::new(memory.clone()),
            surroundings: surroundings.clone(),
            observer,
            flow: Arc::new(Flow::default()),
            direct: Arc::new(DirectEvents::new(Arc::new(JournalBacklog::new(&journal)))),
            time_factor: options.delivery_time_factor,
            stop: CancellationToken::new(),
        });
        let embedded = Arc::new(Self {
            endpoint: format!("https://{host}"),
            ca: absolute(ca.ca_path()),
            identity: IdentityConnect {
                endpoint: identity.endpoint(),
                header: identity.header().to_owned(),
            },
            namespace,
            messaging: Mutex::new(Some(messaging)),
            pipeline,
            surroundings,
            endpoints,
            memory,
            secrets,
            deploying: tokio::sync::Mutex::default(),
            deploys: AtomicU32::new(0),
            counting_since: Instant::now(),
            instance,
            simulation,
            journal,
            log,
            source: options.source.clone(),
            fixed: enforcement.fixed,
            notes: mqtt.note.into_iter().chain(enforcement.notes()).collect(),
            chosen: Mutex::new(enforcement.chosen),
            hub,
            grid,
            http_url,
            hub_address: (mqtt.host, mqtt.port),
            data: options.data.clone(),
            workings: Mutex::default(),
            problems: Mutex::default(),
            views: Mutex::default(),
            floor_plan: SharedFloorPlan::default(),
            seed: tokio::sync::Mutex::new(seed),
            stop_servers: Mutex::default(),
            servers: tokio::sync::Mutex::default(),
            connected: AtomicBool::new(false),
            jobs: Mutex::default(),
            tasks: tokio::sync::Mutex::default(),
        });
        let listeners = Listeners { https, mqtt: mqtt.listener, http, identity };
        if let Err(error) = embedded.set_going(&*step, listeners, &ca, &options).await {
            // Else what runs of it holds the data folder for as long as the program.
            embedded.release().await;
            return Err(error);
        }
        Ok(embedded)
    }

    async fn set_going(
        self: &Arc<Self>,
        step: &Step,
        listeners: Listeners,
        ca: &LocalCa,
        options: &EmbeddedOptions,
    ) -> Result<(), OpenError> {
        self.log.set_pipeline(Some(self.pipeline.clone()));
        self.apply_workspace(Some(step)).await?;
        self.workings.lock().telemetry = iot_hub::start(self);
        if options.keeps_log {
            self.begin_log().await?;
        }
        // From here on it is open, and whoever gave it up stops it.
        let _ = step(Opening::begins("Starting to listen"));
        self.serve(listeners, ca, options).await?;
        self.watch_workspace();
        self.connect().write(&self.data).map_err(OpenError::Connect)?;
        self.connected.store(true, Relaxed);
        Ok(())
    }

    /// Where it listens.
    pub fn connect(&self) -> Connect {
        let adt = AdtConnect { endpoint: self.endpoint.clone(), ca: self.ca.clone() };
        let (host, port) = &self.hub_address;
        let messaging = self.messaging.lock();
        Connect {
            pid: std::process::id(),
            adt,
            event_hubs: messaging.as_ref().map(Messaging::event_hubs).unwrap_or_default(),
            event_grid: event_grid::connect(&self.grid),
            iot_hub: Some(iot_hub::connect(self, host, *port)),
            service_bus: messaging.as_ref().map(Messaging::service_bus).unwrap_or_default(),
            identity: Some(self.identity.clone()),
        }
    }

    /// The secrets that its topology names.
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// The embedded IoT hub.
    pub fn iot_hub(&self) -> &Arc<IotHub> {
        &self.hub
    }

    /// The embedded Event Grid.
    pub fn event_grid(&self) -> &Arc<EventGrid> {
        &self.grid
    }

    /// The embedded event hubs, queues and topics.
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// What each messaging server counted since it was opened.
    pub fn traffic(&self) -> [(&'static str, Counts); 3] {
        [
            ("Event Hubs and Service Bus", self.namespace.traffic().counts()),
            ("Event Grid", self.grid.traffic().counts()),
            ("IoT hub", self.hub.counts()),
        ]
    }

    /// What is not as it usually is, in sentences.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// What is wrong with files of the workspace now.
    pub fn problems(&self) -> Vec<FileProblem> {
        self.problems.lock().clone()
    }

    /// Adds to what is wrong.
    pub(crate) fn report(&self, problems: impl IntoIterator<Item = FileProblem>) {
        self.problems.lock().extend(problems);
    }

    /// The topology as it was deployed.
    pub(crate) fn topology(&self) -> Topology {
        self.workings.lock().topology.clone()
    }

    /// Ends in order: no new requests, devices and deliveries stop, the journal takes what is
    /// left.
    pub async fn stop(&self) {
        self.connected.store(false, Relaxed);
        Connect::remove(&self.data);
        // First whoever delivers to the servers; what is not delivered yet is after the next start.
        *self.workings.lock() = Workings::default();
        self.log.set_pipeline(None);
        self.pipeline.stop().await;
        // No new messages of devices; those that came are answered.
        self.stop_servers.lock().clear();
        let mut servers = std::mem::take(&mut *self.servers.lock().await);
        let ended = async { while servers.join_next().await.is_some() {} };
        if tokio::time::timeout(SERVERS_END, ended).await.is_err() {
            tracing::warn!("some clients did not let go in time");
        }
        self.grid.stop().await;
        let messaging = self.messaging.lock().take();
        if let Some(messaging) = messaging {
            messaging.stop().await;
        }
        if let Some(jobs) = self.jobs.lock().take() {
            jobs.stop();
        }
        self.keep_simulation();
        let memory = self.memory.clone();
        if blocking(move || memory.hand_over()).await.is_err() {
            tracing::error!("what the topology's nodes know could not be kept");
        }
        let journal = self.journal.clone();
        if let Ok(Err(error)) = blocking(move || journal.flush()).await {
            tracing::error!(%error, "the journal could not be flushed");
        }
        self.tasks.lock().await.shutdown().await;
    }

    /// Stops it, and waits until nothing of it holds the data folder.
    pub(crate) async fn release(self: Arc<Self>) {
        self.stop().await;
        until_dropped(self).await;
    }

    async fn begin_log(&self) -> Result<(), OpenError> {
        let instance = self.instance.clone();
        let changes = blocking(move || instance.recent_changes(BEGIN_WITH)).await??;
        self.log.begin_with(&changes, self.instance.view());
        let from = match changes.last() {
            Some(last) => last.version,
            None => self.instance.view().read().version(),
        };
        let (log, instance) = (self.log.clone(), self.instance.clone());
        self.tasks.lock().await.spawn(async move {
            log.follow_history(instance.view(), &*instance, from).await;
        });
        Ok(())
    }

    async fn serve(
        self: &Arc<Self>,
        listeners: Listeners,
        ca: &LocalCa,
        options: &EmbeddedOptions,
    ) -> Result<(), OpenError> {
        let names = options.certificate_names();
        let tls = ca.server_config(&names)?;
        let http_names = names.clone();
        let jobs = Jobs::open(
            self.instance.clone(),
            self.journal.clone(),
            // Who can be asked by other machines opens no files of this one for them.
            options.listen.is_loopback(),
        )?;
        let jobs = Arc::new(jobs);
        *self.jobs.lock() = Some(jobs.clone());
        let server_options = ServerOptions {
            token: options.token.clone(),
            host_names: names,
            jobs: Some(jobs),
            management: Some(Management::of(self)),
        };
        let service: Arc<dyn TwinService> = self.instance.clone();
        let mut servers = self.servers.lock().await;
        let device_tls = iot_hub::tls(&tls);
        let http_tls = tls.clone();
        let stopped = self.stopped();
        servers.spawn(async move {
            serve(listeners.https, tls, service, server_options, stopped).await;
        });
        servers.spawn(messaging::iot_hub::serve(
            self.hub.clone(),
            listeners.mqtt,
            device_tls,
            self.stopped(),
        ));
        let router = messaging::event_grid::router(self.grid.clone(), options.token.clone())
            .merge(messaging::iot_hub::router(self.hub.clone()))
            .merge(http_door(self.pipeline.clone(), options.token.clone()));
        servers.spawn(messaging::http::serve(
            listeners.http,
            http_tls,
            router,
            http_names,
            self.grid.traffic().clone(),
            self.stopped(),
        ));
        self.tasks.lock().await.spawn(listeners.identity.serve());
        Ok(())
    }

    /// Ends when the servers are to stop.
    fn stopped(&self) -> impl Future<Output = ()> + use<> {
        let (stop, stopped) = oneshot::channel::<()>();
        self.stop_servers.lock().push(stop);
        async { drop(stopped.await) }
    }

    /// Jobs that have not ended.
    pub(crate) fn running_jobs(&self) -> u64 {
        self.jobs.lock().as_ref().map_or(0, |jobs| jobs.running())
    }

    /// Median time of a journal commit in milliseconds, once there was one.
    pub(crate) fn commit_millis(&self) -> Option<f64> {
        let stats = self.journal.stats();
        (stats.commits > 0).then(|| f64::from(stats.fsync_p50_us) / 1_000.0)
    }

    /// Keeps how the simulation is steered for the next start.
    pub(crate) fn keep_simulation(&self) {
        devices::keep_state(&self.journal, &self.simulation.state());
    }
}

/// Is told what is done, and may end it.
type Step = dyn Fn(Opening) -> ControlFlow<()> + Send + Sync;

/// Tells that a step begins; an error where nobody waits for it any more.
fn begin(step: &Step, what: &str) -> Result<(), OpenError> {
    match step(Opening::begins(what)) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(OpenError::Stopped),
    }
}

/// Tells how far recovery is, with an estimate.
fn paced(
    step: Arc<impl Fn(Opening) -> ControlFlow<()> + Send + Sync + 'static>,
) -> Arc<dyn Fn(Recovering) -> ControlFlow<()> + Send + Sync> {
    let paced = Mutex::new(Paced::begins(Instant::now(), RECOVERING));
    Arc::new(move |Recovering { done, total }| {
        let opening = Opening::of(RECOVERING, done, Some(total));
        let opening = paced.lock().take(Instant::now(), opening);
        step(opening)
    })
}

/// Runs work that blocks beside the async threads.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, OpenError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| OpenError::Stopped)
}

/// Drops it, and waits until everybody else has.
pub(crate) async fn until_dropped<T>(last: Arc<T>) {
    let rest = Arc::downgrade(&last);
    drop(last);
    let began = Instant::now();
    while rest.strong_count() > 0 && began.elapsed() < LET_GO {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn listen(address: SocketAddr, option: &'static str) -> Result<TcpListener, OpenError> {
    TcpListener::bind(address).await.map_err(|source| OpenError::Port { address, option, source })
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
