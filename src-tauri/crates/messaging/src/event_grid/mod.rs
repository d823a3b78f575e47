//! Event Grid custom topics over HTTP: publish with the official clients, deliver to subscriptions.
//!
//! A publish that was answered 200 is durable, and is delivered at least once to each subscription
//! whose filter matches, or becomes a dead letter.

mod access;
mod ahead;
mod attributes;
mod dead_letter;
mod delivery;
mod destination;
mod event;
mod filter;
mod handshake;
mod http;
mod of_hub;
mod publish;
mod retry;
mod subscription;
mod to_namespace;
mod topic;

pub use access::TopicKeys;
pub use attributes::Attributes;
pub use destination::{Delivery, Destination};
pub use event::{End, Event, Schema};
pub use filter::{Advanced, Filter, Operator};
pub use http::router;
pub use of_hub::HubTopic;
pub use publish::{Headers, InputSchema, MAX_REQUEST_BYTES, PublishError, read as read_events};
pub use retry::{Failure, RetryPolicy, TimeFactor};
pub use subscription::{DeadLetterSpec, DestinationSpec, Named, Subscription, WebHook, is_name};
pub use topic::{ProvisioningState, SubscriptionCounts, Topic};

use crate::iot_hub::millis;
use crate::namespace::Namespace;
use crate::traffic::Traffic;
use dead_letter::DeadLetters;
use delivery::Worker;
use destination::WebHookClient;
use handshake::{Question, Validated};
use journal::{Journal, JournalError};
use parking_lot::RwLock;
use reqwest::Client;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::sync::watch;
use topic::{Entry, Stored};

/// How long a validation URL is good for.
const VALIDATE_WITHIN: Duration = Duration::from_secs(10 * 60);
/// How long a delivery waits for a function that is not there yet.
const FUNCTION_WITHIN: Duration = Duration::from_secs(5);
/// In place of an Azure subscription's id.
const NO_SUBSCRIPTION: &str = "00000000-0000-0000-0000-000000000000";
/// Subscriptions of a topic (service limit).
const MAX_SUBSCRIPTIONS: usize = 500;

/// How an Event Grid is opened.
#[derive(Clone, Debug)]
pub struct GridOptions {
    /// What all topics' keys are derived from.
    pub secret: String,
    /// Scales the times of delivery.
    pub factor: TimeFactor,
    /// Where dead letters go that are kept here.
    pub dead_letters: PathBuf,
    /// `http://localhost:PORT`, for endpoints and validation URLs.
    pub base_url: String,
}

/// Why something of a topic or subscription could not be done.
#[derive(Debug, Error)]
pub enum GridError {
    /// No such topic.
    #[error("There is no topic «{0}».")]
    NoTopic(String),
    /// No such subscription.
    #[error("The topic has no event subscription «{0}».")]
    NoSubscription(String),
    /// Not a name, or not what the service takes.
    #[error("{0}")]
    Invalid(String),
    /// The web hook did not agree.
    #[error("{0}")]
    Validation(String),
    /// Nothing of it was kept.
    #[error("It could not be kept: {0}")]
    Journal(#[from] JournalError),
}

/// What in this process takes events.
#[derive(Default)]
struct Functions {
    /// By name.
    named: BTreeMap<String, Arc<dyn Destination>>,
    /// Those that come and go one by one.
    single: BTreeMap<String, Arc<dyn Destination>>,
}

impl Functions {
    fn get(&self, name: &str) -> Option<&Arc<dyn Destination>> {
        self.single.get(name).or_else(|| self.named.get(name))
    }
}

/// Custom topics and their subscriptions.
pub struct EventGrid {
    journal: Journal,
    options: GridOptions,
    http: Client,
    topics: RwLock<BTreeMap<String, Arc<Topic>>>,
    /// Held while a topic is opened or closed, so that nobody opens one a second time meanwhile.
    opening: tokio::sync::Mutex<()>,
    functions: watch::Sender<Functions>,
    /// Where the event hubs, queues and topics are that subscriptions name.
    namespace: RwLock<Option<Namespace>>,
    traffic: Arc<Traffic>,
}

impl EventGrid {
    /// Opens it, without topics.
    ///
    /// # Errors
    /// Where there is no HTTP client: no certificates to trust.
    pub fn open(journal: &Journal, options: GridOptions) -> Result<Arc<Self>, reqwest::Error> {
        // A hook that moved is to be subscribed anew; the service follows no redirects either.
        let http = Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
        Ok(Arc::new(Self {
            journal: journal.clone(),
            options,
            http,
            topics: RwLock::default(),
            opening: tokio::sync::Mutex::default(),
            functions: watch::Sender::default(),
            namespace: RwLock::default(),
            traffic: Arc::default(),
        }))
    }

    /// Counters and tap.
    #[must_use]
    pub fn traffic(&self) -> &Arc<Traffic> {
        &self.traffic
    }

    /// Opens a custom topic, made where there is none, and its subscriptions go on.
    ///
    /// # Errors
    /// [`GridError::Invalid`] for what is no name; [`GridError::Journal`].
    pub async fn open_topic(
        self: &Arc<Self>,
        name: &str,
        input: InputSchema,
    ) -> Result<Arc<Topic>, GridError> {
        let id = format!(
            "/subscriptions/{NO_SUBSCRIPTION}/resourceGroups/twinscope/providers/Microsoft.EventGrid/topics/{name}"
        );
        if !is_name(name) {
            return Err(GridError::Invalid(format!(
                "«{name}» is no name of a topic: 2 to 64 letters, digits, «-» or «_»."
            )));
        }
        self.open_any(name, id, input, true).await
    }

    /// Opens the system topic of an IoT hub: nobody publishes to it but the hub.
    ///
    /// # Errors
    /// [`GridError::Journal`].
    pub async fn open_hub_topic(self: &Arc<Self>, hub: &str) -> Result<Arc<Topic>, GridError> {
        let id = format!(
            "/SUBSCRIPTIONS/{NO_SUBSCRIPTION}/RESOURCEGROUPS/TWINSCOPE/PROVIDERS/MICROSOFT.DEVICES/IOTHUBS/{}",
            hub.to_uppercase()
        );
        self.open_any(hub, id, InputSchema::EventGridSchema, false).await
    }

    async fn open_any(
        self: &Arc<Self>,
        name: &str,
        id: String,
        input: InputSchema,
        custom: bool,
    ) -> Result<Arc<Topic>, GridError> {
        let _opening = self.opening.lock().await;
        if let Some(open) = self.topic(name) {
            return Ok(open);
        }
        let (journal, topic) = (self.journal.clone(), name.to_owned());
        let keys = TopicKeys::derived(&self.options.secret, name);
        let opened = tokio::task::spawn_blocking(move || {
            let opened = Topic::open(&journal, &topic, id, input, keys, custom)?;
            Ok::<_, JournalError>((journal.value(&subscriptions_key(&topic))?, opened))
        });
        let (kept, topic) = opened.await.map_err(|_| JournalError::Closed)??;
        let topic = Arc::new(topic);
        let kept: BTreeMap<String, Stored> = match kept.map(|kept| serde_json::from_slice(&kept)) {
            Some(Ok(kept)) => kept,
            Some(Err(error)) => {
                tracing::error!(%error, topic = topic.name, "the subscriptions are not readable");
                BTreeMap::new()
            }
            None => BTreeMap::new(),
        };
        for (name, stored) in kept {
            self.set_going(&topic, &name, stored);
        }
        self.topics.write().insert(name.to_owned(), topic.clone());
        Ok(topic)
    }

    /// Closes a topic that is not wanted any more: nobody publishes to it, its subscriptions stop.
    /// What it has is there when it is opened again.
    pub async fn close_topic(&self, name: &str) {
        let _opening = self.opening.lock().await;
        let Some(topic) = self.topics.write().remove(name) else { return };
        stop(&topic).await;
    }

    /// Stops all deliveries; what was not delivered is when it is opened again.
    pub async fn stop(&self) {
        let topics = std::mem::take(&mut *self.topics.write());
        for topic in topics.into_values() {
            stop(&topic).await;
        }
        // They may hold what holds this.
        self.functions.send_replace(Functions::default());
    }

    /// An open topic.
    #[must_use]
    pub fn topic(&self, name: &str) -> Option<Arc<Topic>> {
        self.topics.read().get(name).cloned()
    }

    /// All open topics, by name.
    #[must_use]
    pub fn topics(&self) -> Vec<Arc<Topic>> {
        self.topics.read().values().cloned().collect()
    }

    /// Where clients publish to a topic.
    #[must_use]
    pub fn endpoint(&self, topic: &str) -> String {
        format!("{}/{topic}/api/events", self.options.base_url)
    }

    /// Names the functions that there are, in place of those before. Subscriptions find them from
    /// their next attempt on.
    pub fn set_functions(&self, functions: BTreeMap<String, Arc<dyn Destination>>) {
        self.functions.send_modify(|known| known.named = functions);
    }

    /// Names one function beside those, or takes it away.
    pub fn set_function(&self, name: &str, function: Option<Arc<dyn Destination>>) {
        self.functions.send_modify(|known| {
            match function {
                Some(function) => known.single.insert(name.to_owned(), function),
                None => known.single.remove(name),
            };
        });
    }

    /// A function; at a start its events may be here before it.
    async fn function(&self, name: &str) -> Option<Arc<dyn Destination>> {
        let mut functions = self.functions.subscribe();
        let there = functions.wait_for(|functions| functions.get(name).is_some());
        let within = self.options.factor.scale(FUNCTION_WITHIN);
        tokio::time::timeout(within, there).await.ok()?.ok()?.get(name).cloned()
    }

    /// Names the namespace whose event hubs, queues and topics subscriptions deliver to.
    pub fn set_namespace(&self, namespace: Namespace) {
        *self.namespace.write() = Some(namespace);
    }

    /// Makes or changes a subscription. A web hook is asked first; where it neither agrees nor
    /// refuses, the state is [`ProvisioningState::AwaitingManualAction`].
    ///
    /// # Errors
    /// [`GridError::NoTopic`], [`GridError::Invalid`], [`GridError::Validation`],
    /// [`GridError::Journal`].
    pub async fn put_subscription(
        self: &Arc<Self>,
        topic: &str,
        name: &str,
        spec: Subscription,
    ) -> Result<ProvisioningState, GridError> {
        let topic = self.topic(topic).ok_or_else(|| GridError::NoTopic(topic.to_owned()))?;
        if !is_name(name) {
            return Err(GridError::Invalid(format!(
                "«{name}» is no name of an event subscription: 2 to 64 letters, digits, «-» or «_»."
            )));
        }
        spec.check().map_err(GridError::Invalid)?;
        let before = topic.subscriptions.lock().get(name).map(|entry| entry.stored.clone());
        if before.is_none() && topic.subscriptions.lock().len() >= MAX_SUBSCRIPTIONS {
            return Err(GridError::Invalid(format!(
                "A topic has at most {MAX_SUBSCRIPTIONS} event subscriptions."
            )));
        }
        let code = uuid::Uuid::new_v4().to_string().to_uppercase();
        let known = before.is_some_and(|before| {
            before.state == ProvisioningState::Succeeded
                && before.spec.destination == spec.destination
                && before.spec.event_delivery_schema == spec.event_delivery_schema
        });
        let state = if known {
            ProvisioningState::Succeeded
        } else {
            self.ask(&topic, name, &spec, &code).await?
        };
        let within = self.options.factor.scale(VALIDATE_WITHIN).as_millis();
        let code_expires = millis() + i64::try_from(within).unwrap_or_default();
        self.store(&topic, name, Some(Stored { spec, state, code, code_expires })).await?;
        Ok(state)
    }

    async fn ask(
        &self,
        topic: &Topic,
        name: &str,
        spec: &Subscription,
        code: &str,
    ) -> Result<ProvisioningState, GridError> {
        let DestinationSpec::WebHook(hook) = &spec.destination else {
            return Ok(ProvisioningState::Succeeded);
        };
        let base = &self.options.base_url;
        let validation_url =
            format!("{base}/{}/eventSubscriptions/{name}/validate?id={code}", topic.name);
        let question = Question {
            url: &hook.endpoint_url,
            schema: spec.event_delivery_schema,
            topic_id: &topic.resource_id,
            subscription: name,
            code,
            validation_url: &validation_url,
            factor: self.options.factor,
        };
        match question.ask(&self.http).await {
            Validated::Yes => Ok(ProvisioningState::Succeeded),
            Validated::ByHand => Ok(ProvisioningState::AwaitingManualAction),
            Validated::No(message) => {
                self.traffic.reject("web hook that did not validate");
                Err(GridError::Validation(message))
            }
        }
    }

    /// Somebody opened a validation URL.
    ///
    /// # Errors
    /// [`GridError::NoTopic`], [`GridError::NoSubscription`], [`GridError::Validation`] for
    /// another code or one that is too old, [`GridError::Journal`].
    pub async fn validate(
        self: &Arc<Self>,
        topic: &str,
        name: &str,
        code: &str,
    ) -> Result<(), GridError> {
        let topic = self.topic(topic).ok_or_else(|| GridError::NoTopic(topic.to_owned()))?;
        let stored = topic.subscriptions.lock().get(name).map(|entry| entry.stored.clone());
        let stored = stored.ok_or_else(|| GridError::NoSubscription(name.to_owned()))?;
        let wrong = |message: &str| Err(GridError::Validation(message.to_owned()));
        if !crate::sas::Key::plain(&stored.code).is(code) {
            return wrong("This is not the validation code of this event subscription.");
        }
        match stored.state {
            ProvisioningState::Succeeded => Ok(()),
            _ if stored.code_expires <= millis() => {
                wrong("The validation URL has expired: create the event subscription again.")
            }
            _ => {
                let state = ProvisioningState::Succeeded;
                self.store(&topic, name, Some(Stored { state, ..stored })).await
            }
        }
    }

    /// Deletes a subscription; what was not delivered is dropped.
    ///
    /// # Errors
    /// [`GridError::NoTopic`], [`GridError::NoSubscription`], [`GridError::Journal`].
    pub async fn delete_subscription(
        self: &Arc<Self>,
        topic: &str,
        name: &str,
    ) -> Result<(), GridError> {
        let topic = self.topic(topic).ok_or_else(|| GridError::NoTopic(topic.to_owned()))?;
        if !topic.subscriptions.lock().contains_key(name) {
            return Err(GridError::NoSubscription(name.to_owned()));
        }
        self.store(&topic, name, None).await
    }

    /// The subscriptions of a topic, by name.
    ///
    /// # Errors
    /// [`GridError::NoTopic`].
    pub fn subscriptions(&self, topic: &str) -> Result<Vec<SubscriptionInfo>, GridError> {
        let topic = self.topic(topic).ok_or_else(|| GridError::NoTopic(topic.to_owned()))?;
        let subscriptions = topic.subscriptions.lock();
        let now = millis();
        let info = |(name, entry): (&String, &Entry)| {
            let expired = entry.stored.state == ProvisioningState::AwaitingManualAction
                && entry.stored.code_expires <= now;
            SubscriptionInfo {
                name: name.clone(),
                spec: entry.stored.spec.clone(),
                state: if expired { ProvisioningState::Failed } else { entry.stored.state },
                counts: entry.counts.counts(),
                last_failure: entry.counts.last_failure.lock().clone(),
            }
        };
        Ok(subscriptions.iter().map(info).collect())
    }

    /// Makes a topic have a subscription, durable and at work, or not.
    async fn store(
        self: &Arc<Self>,
        topic: &Arc<Topic>,
        name: &str,
        stored: Option<Stored>,
    ) -> Result<(), GridError> {
        let _writing = topic.writing.lock().await;
        let mut all: BTreeMap<String, Stored> = {
            let subscriptions = topic.subscriptions.lock();
            subscriptions.iter().map(|(name, entry)| (name.clone(), entry.stored.clone())).collect()
        };
        match &stored {
            Some(stored) => drop(all.insert(name.to_owned(), stored.clone())),
            None => drop(all.remove(name)),
        }
        put(&self.journal, &subscriptions_key(&topic.name), &all).await?;
        let before = topic.subscriptions.lock().remove(name);
        if let Some(running) = before.and_then(|entry| entry.running) {
            running.stop().await;
        }
        match stored {
            Some(stored) => self.set_going(topic, name, stored),
            None => Worker::forget(topic, name).await?,
        }
        Ok(())
    }

    fn set_going(self: &Arc<Self>, topic: &Arc<Topic>, name: &str, stored: Stored) {
        let (counts, ahead) = (Arc::default(), Arc::default());
        let running = (stored.state == ProvisioningState::Succeeded).then(|| {
            let spec = stored.spec.clone();
            let dead_letters = spec.dead_letter_destination.as_ref();
            let folder = &self.options.dead_letters;
            Worker {
                topic: topic.clone(),
                name: name.to_owned(),
                destination: self.destination(&spec.destination),
                dead_letters: dead_letters.map(|to| DeadLetters::new(to, folder, &self.http)),
                spec,
                factor: self.options.factor,
                counts: Arc::clone(&counts),
                ahead: Arc::clone(&ahead),
            }
            .start()
        });
        let entry = Entry { stored, counts, ahead, running };
        topic.subscriptions.lock().insert(name.to_owned(), entry);
    }

    fn destination(self: &Arc<Self>, spec: &DestinationSpec) -> Arc<dyn Destination> {
        match spec {
            DestinationSpec::WebHook(hook) => Arc::new(WebHookClient {
                http: self.http.clone(),
                hook: hook.clone(),
                factor: self.options.factor,
            }),
            named => Arc::new(ByName { grid: Arc::downgrade(self), spec: named.clone() }),
        }
    }
}

/// A subscription, without secrets in what it shows.
#[derive(Clone, Debug)]
pub struct SubscriptionInfo {
    /// Its name.
    pub name: String,
    /// What it is.
    pub spec: Subscription,
    /// Whether it gets events.
    pub state: ProvisioningState,
    /// What its deliveries came to.
    pub counts: SubscriptionCounts,
    /// What became of the attempt that failed last, if none worked since.
    pub last_failure: Option<Failure>,
}

/// A destination that is looked up at each delivery, since it may come and go.
struct ByName {
    grid: std::sync::Weak<EventGrid>,
    spec: DestinationSpec,
}

#[async_trait::async_trait]
impl Destination for ByName {
    async fn deliver(&self, delivery: Delivery) -> Result<(), Failure> {
        let missing = || Failure::of_status(404);
        let grid = self.grid.upgrade().ok_or_else(missing)?;
        if let DestinationSpec::AzureFunction(named) = &self.spec {
            let function = grid.function(named.name()).await;
            return function.ok_or_else(missing)?.deliver(delivery).await;
        }
        let namespace = grid.namespace.read().clone().ok_or_else(missing)?;
        to_namespace::deliver(&namespace, &self.spec, &delivery).await
    }
}

async fn stop(topic: &Topic) {
    let entries = std::mem::take(&mut *topic.subscriptions.lock());
    let running = entries.into_values().filter_map(|entry| entry.running);
    futures::future::join_all(running.map(delivery::Running::stop)).await;
}

fn subscriptions_key(topic: &str) -> String {
    format!("event-grid/{topic}/subscriptions")
}

async fn put(
    journal: &Journal,
    key: &str,
    value: &impl serde::Serialize,
) -> Result<(), JournalError> {
    let (done, answered) = tokio::sync::oneshot::channel();
    let bytes = serde_json::to_vec(value).unwrap_or_default();
    journal.put_value(key, bytes).on_done(move |result| {
        // Whoever asked may be gone.
        let _ = done.send(result);
    });
    answered.await.unwrap_or(Err(JournalError::Closed)).map(drop)
}
