//! Event subscriptions: who takes an endpoint's events, and brings them to a function.

mod event_grid;
mod event_hub;
mod read;
mod service_bus;
mod subscriber;
mod tally;
mod webhook;

use crate::flow::NodeState;
use crate::topology::pointer;
use crate::{
    Authentication, EndpointKind, Function, FunctionSpec, PipelineParts, SecretRef,
    SubscriptionSpec, Topology,
};
use messaging::client::Endpoint;
use std::sync::Arc;
use subscriber::Subscriber;
use tokio::task::JoinSet;

/// Starts a subscription. It ends when its parts say so, or the set is dropped; where it was then,
/// the next of its name goes on.
///
/// - Event Grid calls the function, and tries again by its own rules; a webhook it calls without
///   us.
/// - An event hub is read in all partitions, from the first event on. An event that the function
///   refuses is tried again a few times where that may help, and is then dropped and counted.
/// - From a Service Bus topic messages are received under lock. What the function refuses comes
///   again until its ten deliveries are over, or goes to the dead letters at once.
pub fn start(
    name: &str,
    spec: &SubscriptionSpec,
    topology: &Topology,
    function: Arc<dyn Function>,
    parts: &PipelineParts,
) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    let Some(from) = From::of(name, spec, topology) else { return tasks };
    let subscriber = Subscriber::new(name, from.node.clone(), function, parts);
    let webhook = topology.functions.get(&spec.function).and_then(Hook::of);
    match from.kind {
        EndpointKind::EventGrid => match webhook {
            Some(hook) => tasks.spawn(webhook::run(from, hook, subscriber)),
            None => tasks.spawn(event_grid::call_function(from, subscriber)),
        },
        EndpointKind::EventHub => {
            let group = spec.consumer_group.clone();
            tasks.spawn(event_hub::run(from, group, subscriber))
        }
        EndpointKind::ServiceBus => {
            tasks.spawn(service_bus::run(from, spec.filter.clone(), subscriber))
        }
    };
    tasks
}

/// The endpoint that a subscription is of.
pub(crate) struct From {
    /// The subscription's name.
    name: String,
    /// Where it is in the topology.
    place: String,
    /// The endpoint's node.
    node: String,
    kind: EndpointKind,
    /// The event hub or topic.
    entity: String,
    access: Access,
    /// Whether its events are those of 2019.
    of_2019: bool,
}

/// How an endpoint is opened to read from it.
enum Access {
    Embedded,
    ConnectionString(SecretRef),
    Identity {
        address: String,
    },
    /// It cannot be read.
    No,
}

/// A webhook.
struct Hook {
    url: String,
    query: Option<SecretRef>,
}

impl Hook {
    fn of(spec: &FunctionSpec) -> Option<Self> {
        match spec {
            FunctionSpec::Webhook { url, query } => {
                Some(Self { url: url.clone(), query: query.clone() })
            }
            _ => None,
        }
    }
}

impl From {
    fn of(name: &str, spec: &SubscriptionSpec, topology: &Topology) -> Option<Self> {
        let of_secret = |secret: Option<&SecretRef>| match secret {
            Some(secret) => Access::ConnectionString(secret.clone()),
            None => Access::No,
        };
        let endpoint = &spec.endpoint;
        let place = pointer(&["subscriptions", name]);
        let name = name.to_owned();
        if let Some(found) = topology.endpoints.get(endpoint) {
            let access = match (&found.address, found.authentication) {
                _ if found.is_embedded() => Access::Embedded,
                (Some(address), Authentication::IdentityBased) => {
                    Access::Identity { address: address.clone() }
                }
                _ => of_secret(found.primary.as_ref()),
            };
            let entity = found.entity.as_ref().unwrap_or(endpoint).clone();
            let (kind, node) = (found.kind, format!("endpoints/{endpoint}"));
            return Some(Self { name, place, node, kind, entity, access, of_2019: false });
        }
        let found = topology.endpoints2019.get(endpoint)?;
        let access = match &found.primary {
            None => Access::Embedded,
            primary => of_secret(primary.as_ref()),
        };
        let (kind, node) = (found.kind, format!("endpoints2019/{endpoint}"));
        Some(Self { name, place, node, kind, entity: found.path.clone(), access, of_2019: true })
    }

    /// Where and how to read, for an event hub or a topic. `embedded` makes the embedded one.
    async fn endpoint(
        &self,
        subscriber: &Subscriber,
        embedded: impl Future<Output = Result<String, String>>,
    ) -> Result<Endpoint, String> {
        let surroundings = &subscriber.parts.surroundings;
        let text = match &self.access {
            Access::Embedded => embedded.await?,
            Access::ConnectionString(reference) => surroundings
                .secret(&reference.secret)
                .ok_or_else(|| crate::no_secret(&reference.secret))?,
            Access::Identity { address } => {
                let host = address.trim_start_matches("sb://").trim_end_matches('/');
                let identity = surroundings.identity()?;
                let endpoint = Endpoint::with_identity(host, identity);
                return Ok(endpoint.trusting(surroundings.trust()));
            }
            Access::No => return Err("the endpoint has no connection string. Give it one.".into()),
        };
        let endpoint = Endpoint::parse(&text).map_err(|error| error.to_string())?;
        Ok(endpoint.trusting(surroundings.trust()))
    }
}

impl Subscriber {
    /// It cannot work as it is.
    fn defect(&self, from: &From, sentence: &str) {
        let sentence = format!("{}: {sentence}", from.place);
        self.meter.set_state(NodeState::Failed, Some(sentence));
    }
}
