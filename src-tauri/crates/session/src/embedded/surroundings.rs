//! What the nodes of a topology reach outside themselves: the embedded services, secrets and an
//! identity.

use super::blocking;
use super::entities::{self, Entity, Made, grid_topic};
use crate::secrets::Secrets;
use adt_service::Call;
use async_trait::async_trait;
use azure_core::credentials::TokenCredential;
use azure_identity::{ClientSecretCredential, DeveloperToolsCredential};
use journal::Journal;
use messaging::client::Trust;
use messaging::event_grid::{
    DestinationSpec, EventGrid, Filter, GridError, InputSchema, Named, ProvisioningState,
    RetryPolicy, Schema, Subscription, WebHook,
};
use messaging::event_hubs::EventHubSpec;
use messaging::namespace::{EntityError, Namespace};
use messaging::service_bus::{DEFAULT_RULE, Rule, SubscriptionSpec, TopicSpec};
use parking_lot::Mutex;
use pipeline::{
    FunctionSpec, GridSubscriber, Observer, Subscribed, Surroundings, TopicKey, Topology, node_id,
};
use std::collections::{BTreeMap, HashMap};
use std::env;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;
use tokio::task::AbortHandle;
use twin_graph::Origin;

/// Between attempts to subscribe a webhook that does not agree: from the one to the other.
const ASK_AGAIN: Duration = Duration::from_secs(10);
const ASK_AGAIN_AT_MOST: Duration = Duration::from_secs(300);
const BY_HAND: &str =
    "The webhook has not answered the handshake yet: open the validation URL that it was sent.";
/// The function elsewhere that the environment names, as every official SDK reads it.
const CLIENT: [&str; 3] = ["AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"];

/// What surroundings are made of.
pub(super) struct Parts {
    pub(super) journal: Journal,
    pub(super) namespace: Namespace,
    /// Host and port of AMQP.
    pub(super) amqp: (String, u16),
    pub(super) grid: Arc<EventGrid>,
    pub(super) secrets: Arc<Secrets>,
    /// Who is told when a webhook does not agree.
    pub(super) observer: Arc<dyn Observer>,
    /// Scales the times of Event Grid.
    pub(super) time_factor: f64,
}

/// The embedded services as a topology sees them. It makes what is needed and not there yet, and
/// takes away only what it made.
pub(crate) struct EmbeddedServices {
    parts: Parts,
    made: tokio::sync::Mutex<Made>,
    identity: OnceLock<Result<Arc<dyn TokenCredential>, String>>,
    /// Who asks webhooks again, by topic and name.
    asking: Mutex<HashMap<(String, String), AbortHandle>>,
    /// Why a webhook does not agree, by topic and name.
    refusals: Mutex<HashMap<(String, String), String>>,
    this: Weak<Self>,
}

impl EmbeddedServices {
    /// **Blocks**, shortly.
    pub(super) fn new(parts: Parts) -> Arc<Self> {
        let made = tokio::sync::Mutex::new(entities::kept(&parts.journal));
        Arc::new_cyclic(|this| Self {
            parts,
            made,
            identity: OnceLock::new(),
            asking: Mutex::default(),
            refusals: Mutex::default(),
            this: this.clone(),
        })
    }

    /// Makes all that a topology needs and is not there, before it is set going. What cannot be
    /// made comes back as sentences; its nodes will say so, too.
    pub(super) async fn declare(&self, topology: &Topology) -> Vec<String> {
        let mut problems = Vec::new();
        for entity in entities::of(topology) {
            let done = match &entity {
                Entity::EventHub(name) => self.event_hub(name).await.map(drop),
                Entity::ConsumerGroup(hub, group) => self.consumer_group(hub, group).await,
                Entity::Topic(name) => {
                    let subscriptions = subscriptions(topology, name);
                    self.topic(name, &subscriptions).await.map(drop)
                }
                Entity::EventGridTopic(name) => self.event_grid(name).await.map(drop),
                // It comes with its topic.
                Entity::Subscription(..) => Ok(()),
                // Before anything is published; its function may come later.
                Entity::EventSubscription(topic, name) if !is_webhook(topology, name) => {
                    self.put_subscription(topic, name, of_function(topic, name)).await
                }
                // The hook must be asked first, which its function does.
                Entity::EventSubscription(..) => Ok(()),
            };
            problems.extend(done.err());
        }
        problems
    }

    /// Takes away what was made for another topology and this one does not need, once that one
    /// does not run any more.
    pub(super) async fn release(&self, topology: &Topology) {
        let needed = entities::of(topology);
        let mut made = self.made.lock().await;
        let gone: Vec<_> = made.difference(&needed).cloned().collect();
        // What is inside something else first.
        for entity in gone.into_iter().rev() {
            match self.remove(&entity).await {
                Ok(()) => drop(made.remove(&entity)),
                Err(error) => {
                    tracing::warn!(error, ?entity, "what no topology needs could not be removed");
                }
            }
        }
        self.keep(&made).await;
    }

    async fn remove(&self, entity: &Entity) -> Result<(), String> {
        match entity {
            Entity::EventHub(name) | Entity::Topic(name) => {
                let name = name.clone();
                self.in_namespace(move |namespace| namespace.delete(&name).map(drop)).await
            }
            Entity::ConsumerGroup(hub, group) => {
                let (hub, group) = (hub.clone(), group.clone());
                self.in_namespace(move |namespace| {
                    let Some(open) = namespace.event_hub(&hub) else { return Ok(()) };
                    let mut spec = open.spec();
                    spec.consumer_groups.retain(|own| !own.eq_ignore_ascii_case(&group));
                    namespace.create_event_hub(&hub, spec).map(drop)
                })
                .await
            }
            Entity::Subscription(topic, name) => {
                let (topic, name) = (topic.clone(), name.clone());
                let delete =
                    move |space: &Namespace| space.delete_subscription(&topic, &name).map(drop);
                self.in_namespace(delete).await
            }
            Entity::EventGridTopic(name) => {
                self.parts.grid.close_topic(name).await;
                Ok(())
            }
            Entity::EventSubscription(topic, name) => self.remove_subscription(topic, name).await,
        }
    }

    async fn remove_subscription(&self, topic: &str, name: &str) -> Result<(), String> {
        self.stop_asking(topic, name);
        let grid = &self.parts.grid;
        // A topic keeps its subscriptions while it is closed.
        grid.open_topic(topic, InputSchema::Any).await.map_err(|error| error.to_string())?;
        let removed = match grid.delete_subscription(topic, name).await {
            Ok(()) | Err(GridError::NoSubscription(_)) => Ok(()),
            Err(error) => Err(error.to_string()),
        };
        grid.set_function(&function_name(topic, name), None);
        removed
    }

    /// Adds a consumer group to an event hub that is there.
    async fn consumer_group(&self, hub: &str, group: &str) -> Result<(), String> {
        let mut made = self.made.lock().await;
        let (own_hub, own_group) = (hub.to_owned(), group.to_owned());
        let added = self.in_namespace(move |namespace| {
            let Some(open) = namespace.event_hub(&own_hub) else { return Ok(false) };
            if open.has_group(&own_group) {
                return Ok(false);
            }
            let mut spec = open.spec();
            spec.consumer_groups.push(own_group);
            namespace.create_event_hub(&own_hub, spec).map(|_| true)
        });
        if added.await? {
            made.insert(Entity::ConsumerGroup(hub.to_owned(), group.to_owned()));
            self.keep(&made).await;
        }
        Ok(())
    }

    /// Does something in the namespace that blocks.
    async fn in_namespace<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Namespace) -> Result<T, EntityError> + Send + 'static,
    ) -> Result<T, String> {
        let namespace = self.parts.namespace.clone();
        let done = blocking(move || work(&namespace)).await.map_err(|error| error.to_string())?;
        done.map_err(|error| error.to_string())
    }

    async fn keep(&self, made: &Made) {
        let (journal, made) = (self.parts.journal.clone(), made.clone());
        if let Ok(Err(error)) = blocking(move || entities::keep(&journal, &made)).await {
            tracing::warn!(%error, "what was made for the topology could not be kept");
        }
    }

    fn connection_string(&self, entity: &str) -> String {
        let (host, port) = &self.parts.amqp;
        self.parts.namespace.connection_string(entity, host, *port)
    }

    /// Whether the topic has just that subscription, and it gets events.
    fn has(&self, topic: &str, name: &str, spec: &Subscription) -> bool {
        let there = self.parts.grid.subscriptions(topic).unwrap_or_default();
        there.iter().any(|own| {
            own.name == name && own.spec == *spec && own.state == ProvisioningState::Succeeded
        })
    }

    /// Makes an Event Grid topic have a subscription. A webhook that does not agree is asked again.
    async fn put_subscription(
        &self,
        topic: &str,
        name: &str,
        destination: DestinationSpec,
    ) -> Result<(), String> {
        let spec = Subscription {
            destination,
            filter: Filter::default(),
            // CloudEvents stay what they are in it.
            event_delivery_schema: Schema::EventGridSchema,
            retry_policy: RetryPolicy::default(),
            dead_letter_destination: None,
            labels: Vec::new(),
        };
        if self.has(topic, name, &spec) {
            return Ok(());
        }
        self.stop_asking(topic, name);
        match self.parts.grid.put_subscription(topic, name, spec.clone()).await {
            Ok(ProvisioningState::Succeeded) => {}
            Ok(_) => self.refused(topic, name, BY_HAND),
            Err(GridError::Validation(why)) => {
                self.refused(topic, name, &why);
                self.ask_again(topic, name, spec);
            }
            Err(error) => return Err(error.to_string()),
        }
        let mut made = self.made.lock().await;
        if made.insert(Entity::EventSubscription(topic.to_owned(), name.to_owned())) {
            self.keep(&made).await;
        }
        Ok(())
    }

    /// Asks a webhook again until it agrees.
    fn ask_again(&self, topic: &str, name: &str, spec: Subscription) {
        let this = self.this.clone();
        let (own_topic, own_name) = (topic.to_owned(), name.to_owned());
        let (factor, grid) = (self.parts.time_factor, self.parts.grid.clone());
        let task = tokio::spawn(async move {
            let mut pause = ASK_AGAIN;
            loop {
                tokio::time::sleep(pause.mul_f64(factor.max(0.000_001))).await;
                pause = (pause * 2).min(ASK_AGAIN_AT_MOST);
                let state = grid.put_subscription(&own_topic, &own_name, spec.clone()).await;
                let Some(this) = this.upgrade() else { return };
                match state {
                    Err(GridError::Validation(why)) => this.refused(&own_topic, &own_name, &why),
                    Err(error) => {
                        return this.refused(&own_topic, &own_name, &error.to_string());
                    }
                    Ok(_) => {
                        let key = (own_topic, own_name);
                        this.refusals.lock().remove(&key);
                        this.asking.lock().remove(&key);
                        return;
                    }
                }
            }
        });
        let before =
            self.asking.lock().insert((topic.to_owned(), name.to_owned()), task.abort_handle());
        if let Some(before) = before {
            before.abort();
        }
    }

    fn stop_asking(&self, topic: &str, name: &str) {
        let key = (topic.to_owned(), name.to_owned());
        self.refusals.lock().remove(&key);
        if let Some(asking) = self.asking.lock().remove(&key) {
            asking.abort();
        }
    }

    /// Says that a webhook does not agree, and why.
    fn refused(&self, topic: &str, subscription: &str, why: &str) {
        let trace = Call::new(Origin::App).trace;
        self.parts.observer.failed(&node_id("subscriptions", subscription), trace, why);
        let key = (topic.to_owned(), subscription.to_owned());
        self.refusals.lock().insert(key, why.to_owned());
    }
}

#[async_trait]
impl Surroundings for EmbeddedServices {
    async fn event_hub(&self, entity: &str) -> Result<String, String> {
        let mut made = self.made.lock().await;
        if self.parts.namespace.event_hub(entity).is_none() {
            let name = entity.to_owned();
            self.in_namespace(move |namespace| {
                namespace.create_event_hub(&name, EventHubSpec::default()).map(drop)
            })
            .await?;
            made.insert(Entity::EventHub(entity.to_owned()));
            self.keep(&made).await;
        }
        Ok(self.connection_string(entity))
    }

    async fn topic(
        &self,
        entity: &str,
        subscriptions: &[(String, Option<String>)],
    ) -> Result<String, String> {
        let mut rules = BTreeMap::new();
        for (name, filter) in subscriptions {
            rules.insert(name.clone(), rule(name, filter.as_deref())?);
        }
        let mut made = self.made.lock().await;
        let (names, there) = self.parts.namespace.service_bus();
        let is_there = |path: &str| there.iter().any(|own| own.path.eq_ignore_ascii_case(path));
        let mut fresh = Vec::new();
        if !names.iter().any(|own| own.eq_ignore_ascii_case(entity)) {
            fresh.push(Entity::Topic(entity.to_owned()));
        }
        let missing = rules.keys().filter(|name| !is_there(&path(entity, name)));
        fresh.extend(missing.map(|name| Entity::Subscription(entity.to_owned(), name.clone())));
        // Rules of subscriptions that somebody else made are left alone.
        let ours = |name: &String| made.contains(&Entity::Subscription(entity.into(), name.into()));
        let changed: Vec<_> = rules
            .iter()
            .filter(|(name, _)| ours(name))
            .map(|(n, r)| (n.clone(), r.clone()))
            .collect();
        let topic = entity.to_owned();
        let is_new = !fresh.is_empty();
        self.in_namespace(move |namespace| {
            let with_rules = |rules| SubscriptionSpec { rules: Some(rules), ..Default::default() };
            let subscriptions = rules.into_iter().map(|(name, rules)| (name, with_rules(rules)));
            let spec = TopicSpec { subscriptions: subscriptions.collect(), ..Default::default() };
            // Also a queue of that name is found out here.
            namespace.create_topic(&topic, spec)?;
            for (name, rules) in changed {
                namespace.set_rules(&topic, &name, rules)?;
            }
            Ok(())
        })
        .await?;
        if is_new {
            made.extend(fresh);
            self.keep(&made).await;
        }
        Ok(self.connection_string(entity))
    }

    async fn event_grid(&self, topic: &str) -> Result<TopicKey, String> {
        let name = grid_topic(topic);
        let mut made = self.made.lock().await;
        let opened = self.parts.grid.open_topic(name, InputSchema::Any).await;
        let opened = opened.map_err(|error| error.to_string())?;
        if !opened.is_custom() {
            return Err(format!(
                "«{name}» is the topic of the embedded IoT hub: give the endpoint another name."
            ));
        }
        if made.insert(Entity::EventGridTopic(name.to_owned())) {
            self.keep(&made).await;
        }
        let key = opened.key().to_owned();
        Ok(TopicKey { endpoint: self.parts.grid.endpoint(name), key })
    }

    async fn subscribe(&self, topic: &str, name: &str, to: GridSubscriber) -> Result<(), String> {
        self.event_grid(topic).await?;
        let topic = grid_topic(topic);
        let destination = match to {
            GridSubscriber::Here(function) => {
                self.parts.grid.set_function(&function_name(topic, name), Some(function));
                of_function(topic, name)
            }
            GridSubscriber::Webhook(endpoint_url) => DestinationSpec::WebHook(WebHook {
                endpoint_url,
                max_events_per_batch: 1,
                preferred_batch_size_in_kilobytes: 64,
            }),
        };
        self.put_subscription(topic, name, destination).await
    }

    fn subscribed(&self, topic: &str, name: &str) -> Option<Subscribed> {
        let topic = grid_topic(topic);
        let there = self.parts.grid.subscriptions(topic).unwrap_or_default();
        let own = there.into_iter().find(|own| own.name == name);
        let refusal = self.refusals.lock().get(&(topic.to_owned(), name.to_owned())).cloned();
        match (own, refusal) {
            (None, None) => None,
            (None, refusal) => Some(Subscribed { refusal, ..Subscribed::default() }),
            (Some(own), refusal) => {
                let agreed = own.state == ProvisioningState::Succeeded;
                let refusal = refusal.filter(|why| !agreed || why != BY_HAND);
                Some(Subscribed { refusal, counts: own.counts, last_failure: own.last_failure })
            }
        }
    }

    async fn unsubscribe(&self, topic: &str, name: &str) {
        let topic = grid_topic(topic);
        let mut made = self.made.lock().await;
        match self.remove_subscription(topic, name).await {
            Ok(()) => {
                made.remove(&Entity::EventSubscription(topic.to_owned(), name.to_owned()));
                self.keep(&made).await;
            }
            Err(error) => tracing::warn!(error, topic, name, "a subscription could not be ended"),
        }
    }

    fn secret(&self, name: &str) -> Option<String> {
        let secret = self.parts.secrets.get(name);
        secret.unwrap_or_else(|error| {
            tracing::error!(%error, "secrets cannot be read");
            None
        })
    }

    fn identity(&self) -> Result<Arc<dyn TokenCredential>, String> {
        self.identity.get_or_init(identity).clone()
    }

    fn trust(&self) -> Trust {
        Trust::System
    }
}

/// Whoever the environment names, else who is signed in with a developer's tool.
fn identity() -> Result<Arc<dyn TokenCredential>, String> {
    let sentence = |error: azure_core::Error| {
        format!(
            "There is no identity ({error}): sign in with «az login», or set {}.",
            CLIENT.join(", ")
        )
    };
    let [tenant, client, secret] = CLIENT.map(|name| env::var(name).unwrap_or_default());
    if tenant.is_empty() || client.is_empty() || secret.is_empty() {
        let credential = DeveloperToolsCredential::new(None).map_err(sentence)?;
        return Ok(credential);
    }
    let credential = ClientSecretCredential::new(&tenant, client, secret.into(), None);
    Ok(credential.map_err(sentence)?)
}

/// The subscriptions of a topic, each with its filter.
fn subscriptions(topology: &Topology, topic: &str) -> Vec<(String, Option<String>)> {
    let needed = entities::of(topology);
    let of_topic = topology.subscriptions.iter().filter(|(name, _)| {
        needed.contains(&Entity::Subscription(topic.to_owned(), (*name).clone()))
    });
    of_topic.map(|(name, spec)| (name.clone(), spec.filter.clone())).collect()
}

fn rule(subscription: &str, filter: Option<&str>) -> Result<BTreeMap<String, Rule>, String> {
    let rule = match filter {
        None => Rule::all(),
        Some(filter) => Rule::sql(filter).map_err(|error| {
            format!("The filter of the subscription «{subscription}» is none: {error}.")
        })?,
    };
    Ok(BTreeMap::from([(DEFAULT_RULE.to_owned(), rule)]))
}

fn path(topic: &str, subscription: &str) -> String {
    format!("{topic}/Subscriptions/{subscription}")
}

fn is_webhook(topology: &Topology, subscription: &str) -> bool {
    let spec = topology.subscriptions.get(subscription);
    let function = spec.and_then(|spec| topology.functions.get(&spec.function));
    matches!(function, Some(FunctionSpec::Webhook { .. }))
}

fn of_function(topic: &str, subscription: &str) -> DestinationSpec {
    DestinationSpec::AzureFunction(Named { resource_id: function_name(topic, subscription) })
}

/// What Event Grid knows a subscriber in this process by.
fn function_name(topic: &str, subscription: &str) -> String {
    format!("topology:{topic}:{subscription}")
}

#[cfg(test)]
mod tests;
