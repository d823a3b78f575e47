//! What the tests have around them.

use adt_events::{Notification, NotificationType};
use adt_service::{Call, TwinService};
use async_trait::async_trait;
use azure_core::credentials::TokenCredential;
use journal::{Journal, Options};
use messaging::client::{
    Endpoint, EventData, EventHubClient, PartitionReceiver, ReceiveOptions, ReceivedEvent, Retry,
    StartPosition, Target, Trust, Value as AmqpValue,
};
use messaging::event_grid::{
    DestinationSpec, EventGrid, Filter, GridError, GridOptions, InputSchema, Named, RetryPolicy,
    Schema, Subscription, TimeFactor, WebHook,
};
use messaging::event_hubs::EventHubSpec;
use messaging::namespace::{ListenOptions, Listening, Namespace};
use messaging::service_bus::{SubscriptionSpec, TopicSpec};
use parking_lot::Mutex;
use pipeline::{
    Backlog, Counts, DeviceMessage, DirectEvents, Durable, Event, Function, FunctionError,
    GridSubscriber, Kept, Memory, NodeState, Observer, PipelineParts, Subscribed, Surroundings,
    TopicKey, Topology, build_function, function_file,
};
use serde_json::{Value, json};
use simulator::{Instance, InstanceOptions};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::net::TcpListener;
use twin_graph::{Origin, Timestamp, TraceContext};

pub const TRACE: TraceContext = TraceContext::new(0x4bf9_2f35, 7);
/// Event Grid's and our own pauses.
pub const FASTER: f64 = 0.001;

pub struct Around {
    pub instance: Arc<Instance>,
    pub grid: Arc<EventGrid>,
    pub heard: Arc<Heard>,
    pub services: Arc<Services>,
    pub parts: PipelineParts,
    _listening: Listening,
    _folder: tempfile::TempDir,
}

/// What was told to people.
#[derive(Default)]
pub struct Heard(pub Mutex<Vec<String>>);

impl Observer for Heard {
    fn said(&self, function: &str, call: &Call, text: &str) {
        let trace = call.trace.trace_id();
        self.0.lock().push(format!("{function} in {trace}, {}: {text}", call.origin));
    }
    fn failed(&self, subject: &str, _: TraceContext, message: &str) {
        self.0.lock().push(format!("{subject}: {message}"));
    }
}

#[derive(Default)]
pub struct Kepts(Mutex<BTreeMap<String, Kept>>);

impl Memory for Kepts {
    fn load(&self, name: &str) -> Option<Kept> {
        self.0.lock().get(name).cloned()
    }
    fn keep(&self, name: &str, kept: Kept) {
        self.0.lock().insert(name.to_owned(), kept);
    }
}

/// Nothing is killed here.
impl Backlog for Kepts {
    fn load(&self, _: &str) -> Vec<Vec<u8>> {
        Vec::new()
    }
    fn append(&self, _: &str, _: Vec<u8>) -> Durable {
        Box::pin(async { Ok(()) })
    }
    fn forget(&self, _: &str) {}
}

/// The embedded services, as the app has them.
pub struct Services {
    namespace: Namespace,
    port: u16,
    grid: Arc<EventGrid>,
    pub secrets: Mutex<BTreeMap<String, String>>,
    refusals: Mutex<BTreeMap<String, String>>,
}

impl Services {
    pub fn connection_string(&self, entity: &str) -> String {
        self.namespace.connection_string(entity, "localhost", self.port)
    }
}

#[async_trait]
impl Surroundings for Services {
    async fn event_hub(&self, entity: &str) -> Result<String, String> {
        let (namespace, name) = (self.namespace.clone(), entity.to_owned());
        let made = move || namespace.create_event_hub(&name, EventHubSpec::default()).map(drop);
        tokio::task::spawn_blocking(made).await.unwrap().map_err(|error| error.to_string())?;
        Ok(self.connection_string(entity))
    }

    async fn topic(
        &self,
        entity: &str,
        subscriptions: &[(String, Option<String>)],
    ) -> Result<String, String> {
        let of = |(name, _): &(String, Option<String>)| (name.clone(), SubscriptionSpec::default());
        let spec = TopicSpec {
            subscriptions: subscriptions.iter().map(of).collect(),
            ..TopicSpec::default()
        };
        let (namespace, name) = (self.namespace.clone(), entity.to_owned());
        let made = move || namespace.create_topic(&name, spec);
        tokio::task::spawn_blocking(made).await.unwrap().map_err(|error| error.to_string())?;
        Ok(self.connection_string(entity))
    }

    async fn event_grid(&self, topic: &str) -> Result<TopicKey, String> {
        let open = self.grid.open_topic(topic, InputSchema::Any).await;
        let open = open.map_err(|error| error.to_string())?;
        Ok(TopicKey { endpoint: self.grid.endpoint(topic), key: open.key().to_owned() })
    }

    async fn subscribe(&self, topic: &str, name: &str, to: GridSubscriber) -> Result<(), String> {
        self.event_grid(topic).await?;
        let destination = match to {
            GridSubscriber::Here(function) => {
                self.grid.set_functions([(name.to_owned(), function)].into());
                DestinationSpec::AzureFunction(Named { resource_id: name.to_owned() })
            }
            GridSubscriber::Webhook(endpoint_url) => DestinationSpec::WebHook(WebHook {
                endpoint_url,
                max_events_per_batch: 1,
                preferred_batch_size_in_kilobytes: 64,
            }),
        };
        let spec = Subscription {
            destination,
            filter: Filter::default(),
            event_delivery_schema: Schema::EventGridSchema,
            retry_policy: RetryPolicy::default(),
            dead_letter_destination: None,
            labels: Vec::new(),
        };
        loop {
            match self.grid.put_subscription(topic, name, spec.clone()).await {
                // Times are short here, and the machine may be busy.
                Err(GridError::Validation(why)) if why.contains("in time") => {}
                Err(GridError::Validation(why)) => {
                    self.refusals.lock().insert(name.into(), why);
                    return Ok(());
                }
                put => return put.map(drop).map_err(|error| error.to_string()),
            }
        }
    }

    fn subscribed(&self, topic: &str, name: &str) -> Option<Subscribed> {
        let refusal = self.refusals.lock().get(name).cloned();
        let own = self.grid.subscriptions(topic).unwrap().into_iter().find(|own| own.name == name);
        let Some(own) = own else { return Some(Subscribed { refusal, ..Default::default() }) };
        Some(Subscribed { refusal, counts: own.counts, last_failure: own.last_failure })
    }

    async fn unsubscribe(&self, topic: &str, name: &str) {
        self.grid.delete_subscription(topic, name).await.unwrap();
    }

    fn secret(&self, name: &str) -> Option<String> {
        self.secrets.lock().get(name).cloned()
    }

    fn identity(&self) -> Result<Arc<dyn TokenCredential>, String> {
        Err("There is no identity here.".into())
    }

    fn trust(&self) -> Trust {
        Trust::System
    }
}

impl Around {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_owned();
        let open = move || {
            let journal = Journal::open(&path, Options::default()).unwrap();
            let instance = Instance::open(journal.clone(), InstanceOptions::default()).unwrap();
            (Namespace::open(&journal, "a secret").unwrap(), Arc::new(instance), journal)
        };
        let (namespace, instance, journal) = tokio::task::spawn_blocking(open).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let listening = namespace.listen(listener, ListenOptions::default()).unwrap();
        let options = GridOptions {
            secret: "a secret".into(),
            factor: TimeFactor(FASTER),
            dead_letters: folder.path().join("dead-letters"),
            base_url: "http://localhost:1".into(),
        };
        let grid = EventGrid::open(&journal, options).unwrap();
        let services = Arc::new(Services {
            namespace,
            port: listening.port,
            grid: grid.clone(),
            secrets: Mutex::default(),
            refusals: Mutex::default(),
        });
        let heard = Arc::new(Heard::default());
        let parts = PipelineParts {
            host: "localhost:8443".into(),
            service: instance.clone(),
            view: instance.view().clone(),
            history: instance.clone(),
            memory: Arc::new(Kepts::default()),
            surroundings: services.clone(),
            observer: heard.clone(),
            flow: Arc::default(),
            direct: Arc::new(DirectEvents::new(Arc::new(Kepts::default()))),
            time_factor: FASTER,
            stop: Default::default(),
        };
        let around =
            Self { instance, grid, heard, services, parts, _listening: listening, _folder: folder };
        around.fill().await;
        around
    }

    /// A source «away» that reads an event hub outside, and a client of that.
    pub async fn source_away(&self) -> (Topology, EventHubClient) {
        let text = self.services.event_hub("outside").await.unwrap();
        self.services.secrets.lock().insert("hub".into(), text.clone());
        let topology = topology(json!({
            "sources": {"away": {"kind": "eventHub", "connection": {"secret": "hub"}, "device": "/id", "function": "in"}},
            "functions": {"in": {"kind": "ingest", "map": [{"from": "/t", "property": "/temperature"}]}},
        }));
        (topology, EventHubClient::new(Endpoint::parse(&text).unwrap(), None, RETRY).unwrap())
    }

    /// Rooms that contain thermostats with a battery.
    async fn fill(&self) {
        let property =
            |name: &str, schema: &str| json!({"@type": "Property", "name": name, "schema": schema});
        let interface = |id: &str, contents: Value| json!({"@context": "dtmi:dtdl:context;3", "@type": "Interface", "@id": id, "contents": contents});
        let models = vec![
            interface("dtmi:t:Battery;1", json!([property("level", "integer")])),
            interface(
                "dtmi:t:Thermostat;1",
                json!([
                    property("temperature", "double"),
                    {"@type": "Component", "name": "battery", "schema": "dtmi:t:Battery;1"},
                    {"@type": "Telemetry", "name": "humidity", "schema": "double"},
                ]),
            ),
            interface(
                "dtmi:t:Room;1",
                json!([property("currentTemp", "double"), {"@type": "Relationship", "name": "contains"}]),
            ),
        ];
        let call = Call::new(Origin::App);
        self.instance.create_models(&call, models).await.unwrap();
        let put = |id: &'static str, body: Value| {
            let call = call.clone();
            async move { self.instance.put_twin(&call, id, body, false).await.unwrap() }
        };
        put("room", json!({"$metadata": {"$model": "dtmi:t:Room;1"}})).await;
        put(
            "thermo",
            json!({"$metadata": {"$model": "dtmi:t:Thermostat;1"}, "battery": {"$metadata": {}}}),
        )
        .await;
        let write = adt_service::RelationshipWrite {
            source: "room".into(),
            id: "r1".into(),
            body: json!({"$targetId": "thermo", "$relationshipName": "contains"}),
        };
        self.instance.put_relationship(&call, write, false).await.unwrap();
    }

    pub fn function(
        &self,
        topology: &Topology,
        name: &str,
        script: Option<&str>,
    ) -> Arc<dyn Function> {
        build_function(name, &topology.functions[name], topology, script, &self.parts)
    }

    /// The parts of one node, which can be told to stop.
    pub fn parts(&self) -> PipelineParts {
        PipelineParts { stop: Default::default(), ..self.parts.clone() }
    }

    pub fn twin(&self, id: &str) -> Value {
        self.instance.view().read().twin(id).unwrap().to_json()
    }

    pub fn counts(&self, node: &str) -> Counts {
        self.parts.flow.node(node).counts()
    }

    /// The sentence of a node that does not work.
    pub fn failure(&self, node: &str) -> String {
        let report = self.parts.flow.report();
        let found = report.nodes.into_iter().find(|own| own.node == node).unwrap();
        match found.state {
            NodeState::Failed | NodeState::Retrying { .. } => found.message.unwrap(),
            _ => String::new(),
        }
    }

    /// Publishes a notification to an event hub as an endpoint does.
    pub async fn send_to_hub(&self, hub: &str, notifications: &[Notification]) {
        let text = self.services.event_hub(hub).await.unwrap();
        let client = EventHubClient::new(Endpoint::parse(&text).unwrap(), None, RETRY).unwrap();
        for notification in notifications {
            client.send(&event_data(notification), &Target::Partition("0".into())).await.unwrap();
        }
        client.close().await;
    }

    pub async fn reader(&self, hub: &str) -> Vec<PartitionReceiver> {
        let text = self.services.event_hub(hub).await.unwrap();
        let client = EventHubClient::new(Endpoint::parse(&text).unwrap(), None, RETRY).unwrap();
        let ids = client.properties().await.unwrap().partitions;
        let receive =
            |id: &String| client.receive(ReceiveOptions::new(id, StartPosition::Earliest));
        ids.iter().map(receive).collect()
    }
}

pub const RETRY: Retry = Retry {
    attempts: 8,
    first: Duration::from_millis(50),
    longest: Duration::from_secs(1),
    within: Duration::from_secs(20),
};

/// The next event of any partition.
pub async fn next_of(readers: &mut [PartitionReceiver]) -> ReceivedEvent {
    let mut next = Vec::new();
    for reader in readers {
        next.push(Box::pin(reader.next()));
    }
    soon(futures::future::select_all(next)).await.0.unwrap()
}

pub fn event_data(notification: &Notification) -> EventData {
    let mut event = EventData::new(serde_json::to_vec(&notification.data).unwrap());
    for (name, value) in notification.delivered(9).amqp_properties() {
        event.properties.insert(name.into(), AmqpValue::String(value));
    }
    event
}

/// A change of a thermostat's temperature.
pub fn update(twin: &str, id: usize, value: f64) -> Notification {
    Notification {
        id: id.to_string(),
        kind: NotificationType::TwinUpdate,
        source: "localhost:8443".into(),
        subject: Some(twin.into()),
        time: Some(Timestamp::from_ticks(17_000_000_000_000_000)),
        dataschema: None,
        trace: TRACE,
        hops: 0,
        data: json!({"modelId": "dtmi:t:Thermostat;1", "patch": [{"value": value, "path": "/temperature", "op": "replace"}]}),
    }
}

pub fn message(device: &str, body: Value) -> DeviceMessage {
    DeviceMessage {
        id: "m1".into(),
        device: device.into(),
        time: Timestamp::from(SystemTime::now()),
        trace: TRACE,
        hops: 0,
        body,
    }
}

pub fn of_message(device: &str, body: Value) -> Event {
    Event::Message(Arc::new(message(device, body)))
}

pub fn topology(json: Value) -> Topology {
    Topology::parse(&json.to_string()).unwrap_or_else(|problems| panic!("{problems:?}"))
}

/// Waits for what comes soon.
pub async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), what).await.expect("it does not come")
}

/// Waits until something holds.
pub async fn until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..1_500 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it never is so: {what}");
}

type Call1 = Box<dyn Fn(usize, &Event) -> Result<(), FunctionError> + Send + Sync>;

/// A function of the test: it answers the attempt's number and the event as it is told.
pub struct Scripted {
    name: Arc<str>,
    pub calls: Mutex<Vec<Event>>,
    answer: Call1,
}

impl Scripted {
    pub fn new(
        answer: impl Fn(usize, &Event) -> Result<(), FunctionError> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self { name: "ff".into(), calls: Mutex::default(), answer: Box::new(answer) })
    }

    /// The ids of the notifications that it was called with.
    pub fn ids(&self) -> Vec<String> {
        let id = |event: &Event| match event {
            Event::Notification(notification) => notification.id.clone(),
            other => panic!("{other:?}"),
        };
        self.calls.lock().iter().map(id).collect()
    }
}

#[async_trait]
impl Function for Scripted {
    fn name(&self) -> &Arc<str> {
        &self.name
    }

    async fn call(&self, event: Event) -> Result<(), FunctionError> {
        let number = {
            let mut calls = self.calls.lock();
            calls.push(event.clone());
            calls.len()
        };
        (self.answer)(number, &event)
    }
}

pub fn refused(is_transient: bool) -> FunctionError {
    FunctionError { place: "/functions/ff".into(), message: "on purpose.".into(), is_transient }
}

/// The file of a function in Rhai.
pub fn file_of(topology: &Topology, name: &str) -> String {
    function_file(name, &topology.functions[name]).unwrap()
}
