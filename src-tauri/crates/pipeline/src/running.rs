//! A topology at work.

use crate::routing::{LiveRoutes, notify};
use crate::{
    Cursors, DirectEvents, Event, Flow, Function, Memory, RouteVerdict, Surroundings, Topology,
    build_function, delivery, function_file, subscription,
};
use adt_service::{ChangeHistory, GraphView, TwinService};
use async_trait::async_trait;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use twin_graph::{Change, Timestamp, TraceContext};

/// A message that a device sent.
#[derive(Clone, Debug)]
pub struct DeviceMessage {
    /// Unique for each message.
    pub id: Arc<str>,
    /// The device's id.
    pub device: Arc<str>,
    /// When it was sent.
    pub time: Timestamp,
    /// Where its trace begins.
    pub trace: TraceContext,
    /// How many functions led to it, one after another; 0 where it comes from a device.
    pub hops: u64,
    /// What it says.
    pub body: Value,
}

/// Is told what happens beside the graph's own changes. Must not block.
pub trait Observer: Send + Sync {
    /// A device sent a message.
    fn device_message(&self, message: &DeviceMessage);
    /// Something could not be done: what it was about, in which trace, and a sentence.
    fn failed(&self, subject: &str, trace: TraceContext, message: &str);
}

/// Takes the messages of devices.
#[async_trait]
pub trait DeviceHub: Send + Sync {
    /// Takes one message; returns when the device's function has handled it.
    async fn send(&self, message: DeviceMessage);
}

/// Takes what comes to a source.
#[async_trait]
pub trait Ingress: Send + Sync {
    /// Takes one message; returns when the source's function has handled it.
    async fn receive(&self, source: &str, message: DeviceMessage);
}

/// The texts of users' own functions, by file.
pub type Scripts = BTreeMap<String, String>;

/// What a pipeline is made of beside its topology.
#[derive(Clone)]
pub struct PipelineParts {
    /// The instance's host name, the `source` of its notifications.
    pub host: Arc<str>,
    /// To change the instance.
    pub service: Arc<dyn TwinService>,
    /// To read it.
    pub view: Arc<GraphView>,
    /// What happens to it.
    pub history: Arc<dyn ChangeHistory>,
    /// Where each endpoint is.
    pub cursors: Arc<dyn Cursors>,
    /// Where each node is.
    pub memory: Arc<dyn Memory>,
    /// What is reached outside.
    pub surroundings: Arc<dyn Surroundings>,
    /// Who is told.
    pub observer: Arc<dyn Observer>,
    /// Where everything is counted.
    pub flow: Arc<Flow>,
    /// What goes to endpoints of 2019 without being a change.
    pub direct: Arc<DirectEvents>,
    /// Scales backoffs and pauses: 1 for the service's, less for tests.
    pub time_factor: f64,
    /// Cancelled when the node that has these parts is to end: what is under way is finished,
    /// nothing new is begun.
    pub stop: CancellationToken,
}

/// A topology at work; dropping it stops it. What was not delivered is delivered by the next one,
/// because endpoints are cursors.
pub struct Pipeline {
    host: Arc<str>,
    view: Arc<GraphView>,
    routes: Arc<LiveRoutes>,
    ingress: HashMap<String, Arc<dyn Function>>,
    observer: Arc<dyn Observer>,
    _work: Vec<JoinSet<()>>,
}

impl Pipeline {
    /// Starts a checked topology, between the event routes that the instance has: those that come
    /// and go later are taken up and dropped. Must be called within a tokio runtime.
    pub fn start(topology: &Topology, scripts: &Scripts, parts: &PipelineParts) -> Self {
        let routes = Arc::new(LiveRoutes::new(parts.view.clone()));
        let functions = functions(topology, scripts, parts);
        let mut work = Vec::new();
        for (name, spec) in &topology.subscriptions {
            if let Some(function) = functions.get(&spec.function) {
                let function = function.clone();
                work.push(subscription::start(name, spec, topology, function, parts));
            }
        }
        for (name, spec) in &topology.endpoints {
            work.push(delivery::start(name, spec, routes.clone(), parts));
        }
        for (name, spec) in &topology.endpoints2019 {
            work.push(delivery::start_2019(name, spec, parts));
        }
        let of_device = |(device, function): (&str, &str)| {
            Some((device.to_owned(), functions.get(function)?.clone()))
        };
        Self {
            host: parts.host.clone(),
            view: parts.view.clone(),
            ingress: topology.devices().filter_map(of_device).collect(),
            routes,
            observer: parts.observer.clone(),
            _work: work,
        }
    }

    /// The routes' names, in the order of [`Pipeline::verdicts`].
    pub fn route_names(&self) -> Vec<String> {
        self.routes.current().names().map(str::to_owned).collect()
    }

    /// What each route does with a change, and why; empty where a change makes no notification.
    pub fn verdicts(&self, change: &Change) -> Vec<RouteVerdict> {
        let notification = notify(change, &self.host, &self.view);
        notification
            .map_or_else(Vec::new, |notification| self.routes.current().verdicts(&notification))
    }
}

#[async_trait]
impl DeviceHub for Pipeline {
    async fn send(&self, message: DeviceMessage) {
        self.observer.device_message(&message);
        let trace = message.trace;
        let device = message.device.clone();
        let Some(function) = self.ingress.get(&*device) else {
            let sentence = "The topology names no such device; its message was not used. Add it to a source in topology.json.";
            return self.observer.failed(&device, trace, sentence);
        };
        if let Err(error) = function.call(Event::Message(Arc::new(message))).await {
            self.observer.failed(&device, trace, &error.to_string());
        }
    }
}

fn functions(
    topology: &Topology,
    scripts: &Scripts,
    parts: &PipelineParts,
) -> HashMap<String, Arc<dyn Function>> {
    let build = |(name, spec): (&String, &crate::FunctionSpec)| {
        let script = function_file(name, spec).and_then(|file| scripts.get(&file));
        let script = script.map(String::as_str);
        (name.clone(), build_function(name, spec, topology, script, parts))
    };
    topology.functions.iter().map(build).collect()
}
