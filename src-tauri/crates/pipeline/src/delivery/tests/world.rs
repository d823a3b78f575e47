//! An instance with its surroundings, as `session` has them.

use super::proxy::Proxy;
use crate::routing::LiveRoutes;
use crate::{
    Backlog, Counts, DirectEvents, Durable, EndpointKind, Flow, GridSubscriber, Kept, Memory,
    NodeReport, Observer, PipelineParts, SecretRef, Surroundings, TopicKey,
};
use adt_service::{Call, TwinService};
use async_trait::async_trait;
use azure_core::credentials::TokenCredential;
use futures::{StreamExt, stream};
use journal::{Journal, Options};
use messaging::client::{
    Endpoint, EventHubClient, ReceiveMode, ReceiveOptions, Retry, ServiceBusClient, Settlement,
    StartPosition, Trust,
};
use messaging::event_hubs::EventHubSpec;
use messaging::namespace::{ListenOptions, Listening, Namespace};
use messaging::service_bus::{SubscriptionSpec, TopicSpec};
use parking_lot::Mutex;
use serde_json::{Value, json};
use simulator::{Instance, InstanceOptions};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use twin_graph::{EventRoute, Origin, TraceContext, parse_patch};

/// An hour is a second.
pub const HOUR_IS_A_SECOND: f64 = 1.0 / 3_600.0;

pub struct World {
    pub instance: Arc<Instance>,
    pub journal: Journal,
    pub near: Arc<Near>,
    pub told: Arc<Told>,
    pub memory: Arc<MapMemory>,
    pub backlog: Arc<MapBacklog>,
    pub parts: PipelineParts,
    /// How many changes of thermostats there were.
    changes: AtomicUsize,
    folder: tempfile::TempDir,
}

/// Embedded services and secrets.
pub struct Near {
    pub namespace: Namespace,
    listening: Listening,
    secrets: Mutex<BTreeMap<String, String>>,
}

#[async_trait]
impl Surroundings for Near {
    async fn event_hub(&self, entity: &str) -> Result<String, String> {
        self.hub(entity);
        Ok(self.connection(entity, self.listening.port))
    }

    async fn topic(
        &self,
        entity: &str,
        _subscriptions: &[(String, Option<String>)],
    ) -> Result<String, String> {
        Ok(self.connection(entity, self.listening.port))
    }

    async fn event_grid(&self, topic: &str) -> Result<TopicKey, String> {
        Err(format!("there is no Event Grid here for «{topic}»"))
    }

    async fn subscribe(&self, _: &str, _: &str, _: GridSubscriber) -> Result<(), String> {
        Err("there is no Event Grid here".into())
    }

    fn subscribed(&self, _: &str, _: &str) -> Option<crate::Subscribed> {
        None
    }

    async fn unsubscribe(&self, _: &str, _: &str) {}

    fn secret(&self, name: &str) -> Option<String> {
        self.secrets.lock().get(name).cloned()
    }

    fn identity(&self) -> Result<Arc<dyn TokenCredential>, String> {
        Err("nobody is signed in: sign in".into())
    }

    fn trust(&self) -> Trust {
        Trust::System
    }
}

impl Near {
    pub fn hub(&self, name: &str) {
        tokio::task::block_in_place(|| {
            self.namespace.create_event_hub(name, EventHubSpec::default()).unwrap();
        });
    }

    /// A topic with a subscription «all».
    pub fn topic_of(&self, name: &str) {
        let subscriptions = BTreeMap::from([("all".to_owned(), SubscriptionSpec::default())]);
        let spec = TopicSpec { subscriptions, ..TopicSpec::default() };
        tokio::task::block_in_place(|| self.namespace.create_topic(name, spec).unwrap());
    }

    pub fn port(&self) -> u16 {
        self.listening.port
    }

    pub fn connection(&self, entity: &str, port: u16) -> String {
        self.namespace.connection_string(entity, "localhost", port)
    }

    pub fn keep_secret(&self, name: &str, text: &str) -> SecretRef {
        self.secrets.lock().insert(name.to_owned(), text.to_owned());
        SecretRef { secret: name.to_owned() }
    }
}

/// A connection string whose key was withdrawn.
pub fn withdrawn(connection: &str) -> String {
    let parts = connection.split(';');
    let parts = parts.map(|part| match part.strip_prefix("SharedAccessKey=") {
        Some(_) => "SharedAccessKey=d2l0aGRyYXdu".to_owned(),
        None => part.to_owned(),
    });
    parts.collect::<Vec<_>>().join(";")
}

#[derive(Default)]
pub struct MapMemory(pub Mutex<BTreeMap<String, Kept>>);

impl Memory for MapMemory {
    fn load(&self, name: &str) -> Option<Kept> {
        self.0.lock().get(name).cloned()
    }

    fn keep(&self, name: &str, kept: Kept) {
        self.0.lock().insert(name.to_owned(), kept);
    }
}

#[derive(Default)]
pub struct MapBacklog(pub Mutex<BTreeMap<String, Vec<Vec<u8>>>>);

impl Backlog for MapBacklog {
    fn load(&self, endpoint: &str) -> Vec<Vec<u8>> {
        self.0.lock().get(endpoint).cloned().unwrap_or_default()
    }

    fn append(&self, endpoint: &str, record: Vec<u8>) -> Durable {
        self.0.lock().entry(endpoint.to_owned()).or_default().push(record);
        Box::pin(async { Ok(()) })
    }

    /// Soon, as the journal does.
    fn forget(&self, _: &str) {}
}

/// What the observer was told.
#[derive(Default)]
pub struct Told(pub Mutex<Vec<String>>);

impl Observer for Told {
    fn failed(&self, subject: &str, _: TraceContext, message: &str) {
        self.0.lock().push(format!("{subject}: {message}"));
    }
}

fn call() -> Call {
    Call::new(Origin::Rest)
}

impl World {
    /// With twins `room` and `thermo_0` to `thermo_15`.
    pub async fn new(time_factor: f64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_owned();
        let (journal, instance, namespace) = tokio::task::spawn_blocking(move || {
            let journal = Journal::open(&path, Options::default()).unwrap();
            let instance = Instance::open(journal.clone(), InstanceOptions::default()).unwrap();
            let namespace = Namespace::open(&journal, "a secret of this test").unwrap();
            (journal, Arc::new(instance), namespace)
        })
        .await
        .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let listening = namespace.listen(listener, ListenOptions::default()).unwrap();
        let near = Arc::new(Near { namespace, listening, secrets: Mutex::default() });
        let (told, memory) = (Arc::new(Told::default()), Arc::new(MapMemory::default()));
        let backlog = Arc::new(MapBacklog::default());
        let parts = PipelineParts {
            host: "localhost".into(),
            service: instance.clone(),
            view: instance.view().clone(),
            history: instance.clone(),
            memory: memory.clone(),
            surroundings: near.clone(),
            observer: told.clone(),
            flow: Arc::new(Flow::default()),
            direct: Arc::new(DirectEvents::new(backlog.clone())),
            time_factor,
            stop: CancellationToken::new(),
        };
        let world = Self {
            instance,
            journal,
            near,
            told,
            memory,
            backlog,
            parts,
            changes: AtomicUsize::new(0),
            folder,
        };
        world.fill().await;
        world
    }

    async fn fill(&self) {
        let property = |name: &str| json!({"@type": "Property", "name": name, "schema": "double"});
        let model = |name: &str, contents: Value| {
            json!({"@context": "dtmi:dtdl:context;2", "@id": format!("dtmi:x:{name};1"),
                "@type": "Interface", "contents": contents})
        };
        let has = json!({"@type": "Relationship", "name": "has"});
        let note = json!({"@type": "Property", "name": "note", "schema": "string"});
        let models = vec![
            model("Room", json!([property("currentTemp"), note, has])),
            model("Thermostat", json!([property("temperature"), note])),
        ];
        self.instance.create_models(&call(), models).await.unwrap();
        self.put_twin("room", "Room").await;
        for number in 0..16 {
            self.put_twin(&format!("thermo_{number}"), "Thermostat").await;
        }
    }

    pub async fn put_twin(&self, id: &str, model: &str) {
        let body = json!({"$metadata": {"$model": format!("dtmi:x:{model};1")}});
        self.instance.put_twin(&call(), id, body, false).await.unwrap();
    }

    pub async fn patch(&self, twin: &str, patch: Value, origin: Origin) {
        let patch = parse_patch(&patch).unwrap();
        self.instance.patch_twin(&Call::new(origin), twin, patch, None).await.unwrap();
    }

    /// So many changes of sixteen thermostats, to ever higher values of each.
    pub async fn change(&self, count: usize) {
        let from = self.changes.fetch_add(count, Relaxed);
        let of_twin = |twin: usize| async move {
            for number in (from..from + count).filter(|number| number % 16 == twin) {
                let patch = json!([{"op": "add", "path": "/temperature", "value": number as f64}]);
                self.patch(&format!("thermo_{twin}"), patch, Origin::Rest).await;
            }
        };
        stream::iter(0..16).for_each_concurrent(16, of_twin).await;
    }

    pub async fn route(&self, id: &str, endpoint: &str, filter: &str) {
        self.instance.set_endpoints(["out", "other"].map(str::to_owned));
        let route = EventRoute { id: id.into(), endpoint: endpoint.into(), filter: filter.into() };
        self.instance.put_event_route(&call(), route).await.unwrap();
    }

    pub async fn delete_route(&self, id: &str) {
        self.instance.delete_event_route(&call(), id).await.unwrap();
    }

    pub fn routes(&self) -> Arc<LiveRoutes> {
        Arc::new(LiveRoutes::new(self.parts.view.clone()))
    }

    pub fn version(&self) -> u64 {
        self.parts.view.read().version()
    }

    /// The same instance after the process was killed: what was in memory is gone, and of what
    /// was to be kept the given is there.
    pub fn after_a_crash(&mut self, kept: BTreeMap<String, Kept>) {
        let forget_run = |(name, mut kept): (String, Kept)| {
            let mut state: Value = serde_json::from_slice(&kept.state).unwrap();
            state["run"] = json!("another");
            kept.state = serde_json::to_vec(&state).unwrap();
            (name, kept)
        };
        self.memory = Arc::new(MapMemory(Mutex::new(kept.into_iter().map(forget_run).collect())));
        self.parts.memory = self.memory.clone();
        self.parts.flow = Arc::new(Flow::default());
        self.parts.direct = Arc::new(DirectEvents::new(self.backlog.clone()));
        self.parts.stop = CancellationToken::new();
    }

    pub fn counts(&self, node: &str) -> Counts {
        self.parts.flow.node(node).counts()
    }

    pub fn report(&self, node: &str) -> NodeReport {
        let report = self.parts.flow.report();
        report.nodes.into_iter().find(|report| report.node == node).unwrap()
    }

    /// Waits until a node is done with all that happened.
    pub async fn settled(&self, node: &str) -> Counts {
        let version = self.version();
        self.eventually(&format!("{node} at {version}"), || {
            let at = self.memory.load(node).map_or(0, |kept| kept.position);
            (at >= version).then(|| self.counts(node))
        })
        .await
    }

    pub async fn eventually<T>(&self, what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(40) {
            if let Some(answer) = ask() {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("not in time: {what}: {:#?}, {:?}", self.parts.flow.report(), self.told.0.lock());
    }

    /// All that anybody is told: no secret may be in it.
    pub fn all_told(&self) -> String {
        format!("{:?} {:?}", self.told.0.lock(), self.parts.flow.report())
    }

    /// What an event hub has, partition by partition.
    pub async fn in_hub(&self, hub: &str) -> Vec<Taken> {
        let text = self.near.connection(hub, self.near.port());
        let client =
            EventHubClient::new(Endpoint::parse(&text).unwrap(), None, Retry::default()).unwrap();
        let mut all = Vec::new();
        for partition in client.properties().await.unwrap().partitions {
            let there = client.partition_properties(&partition).await.unwrap();
            if there.is_empty {
                continue;
            }
            let mut receiver =
                client.receive(ReceiveOptions::new(&partition, StartPosition::Earliest));
            loop {
                let event = receiver.next().await.unwrap();
                let properties = event.data.properties.iter();
                all.push(Taken {
                    properties: properties
                        .filter_map(|(name, value)| {
                            Some((name.to_string(), value.as_text()?.to_owned()))
                        })
                        .collect(),
                    content_type: event.data.content_type.clone(),
                    body: serde_json::from_slice(event.data.body.data()).unwrap(),
                });
                if event.sequence_number == there.last_sequence_number {
                    break;
                }
            }
        }
        all
    }

    /// What a topic's subscription «all» has.
    pub async fn in_topic(&self, topic: &str) -> Vec<Taken> {
        let text = self.near.connection(topic, self.near.port());
        let client = ServiceBusClient::new(Endpoint::parse(&text).unwrap(), Retry::default());
        let path = ServiceBusClient::subscription(topic, "all");
        let mut receiver = client.receiver(Some(&path), ReceiveMode::PeekLock).unwrap();
        let mut all = Vec::new();
        loop {
            let some = receiver.receive(200, Duration::from_millis(700)).await.unwrap();
            if some.is_empty() {
                return all;
            }
            for received in some {
                let message = &received.message;
                let properties = message.properties.iter();
                all.push(Taken {
                    properties: properties
                        .filter_map(|(name, value)| {
                            Some((name.to_string(), value.as_text()?.to_owned()))
                        })
                        .collect(),
                    content_type: message.content_type.clone(),
                    body: serde_json::from_slice(message.body.data()).unwrap(),
                });
                receiver.settle(&received, Settlement::Complete).await.unwrap();
            }
        }
    }

    pub async fn proxy(&self) -> Proxy {
        Proxy::to(self.near.port()).await
    }

    pub fn endpoint(&self, kind: EndpointKind) -> crate::EndpointSpec {
        crate::EndpointSpec::embedded(kind)
    }

    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }
}

/// An event that came.
#[derive(Clone, Debug)]
pub struct Taken {
    pub properties: BTreeMap<String, String>,
    pub content_type: Option<String>,
    pub body: Value,
}

impl Taken {
    pub fn property(&self, name: &str) -> &str {
        self.properties.get(name).map_or("", String::as_str)
    }
}

/// `taken` is what became of it, to the last event.
pub fn adds_up(counts: &Counts) {
    let dropped: u64 = counts.dropped.values().sum();
    assert_eq!(counts.taken, counts.done + counts.dead_lettered + dropped, "{counts:?}");
}

/// The ids of events, and how many came more than once; and each twin's values in order, where a
/// repetition is left out.
pub fn unique(events: &[Taken]) -> (usize, usize) {
    let mut seen = BTreeMap::<&str, usize>::new();
    let mut last = BTreeMap::<&str, f64>::new();
    for event in events {
        let times = seen.entry(event.property("cloudEvents:id")).or_default();
        *times += 1;
        let value = event.body["patch"][0]["value"].as_f64();
        if let (1, Some(value)) = (*times, value) {
            let twin = event.property("cloudEvents:subject");
            let before = last.insert(twin, value);
            assert!(before.is_none_or(|before| before < value), "{twin}: {before:?}, then {value}");
        }
    }
    (seen.len(), events.len() - seen.len())
}
