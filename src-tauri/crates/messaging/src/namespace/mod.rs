//! A namespace: one AMQP server for event hubs, queues and topics, which share a port, a key and
//! their names.

mod address;
mod claims;
mod client;
mod listener;
pub(crate) mod refusal;
pub(crate) mod request;
mod websocket;

use crate::event_hubs::{self, EventHubSpec, Hub, Hubs};
use crate::sas::Key;
use crate::service_bus::{self, Bus, MailboxSpec, MailboxStatus, Rule, TopicSpec};
use crate::traffic::Traffic;
use amqp::{Attach, Attaching, LinkControl};
use claims::Policy;
use journal::{Journal, JournalError};
use request::{Request, Response};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use thiserror::Error;

pub use listener::{ListenOptions, Listening};

//= ours: One namespace has event hubs, queues and topics together, and one policy with all
//  rights.
const POLICY: &str = "RootManageSharedAccessKey";

/// A namespace of event hubs, queues and topics. Clones share it.
#[derive(Clone)]
pub struct Namespace {
    core: Arc<Core>,
}

pub(crate) struct Core {
    pub(crate) policy: Policy,
    pub(crate) traffic: Arc<Traffic>,
    hubs: Hubs,
    bus: Arc<Bus>,
}

/// Entities that there are to be, by name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Declared {
    /// Event hubs.
    pub event_hubs: BTreeMap<String, EventHubSpec>,
    /// Queues.
    pub queues: BTreeMap<String, MailboxSpec>,
    /// Topics with their subscriptions.
    pub topics: BTreeMap<String, TopicSpec>,
}

/// What is wrong with an entity.
#[derive(Clone, Debug, Error)]
pub enum EntityError {
    /// The journal could not keep or give it.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A list of entities cannot be read.
    #[error("the list {0} in the journal cannot be read: restore a copy of the data folder")]
    List(&'static str),
    /// It cannot be as it was asked for.
    #[error("\"{name}\": {what}")]
    Invalid {
        /// The entity.
        name: String,
        /// What it has to be.
        what: String,
    },
    /// Partitions cannot be added or taken away.
    #[error(
        "the event hub \"{name}\" has {has} partitions, which cannot be changed: delete it first"
    )]
    Partitions {
        /// The hub.
        name: String,
        /// How many it has.
        has: usize,
    },
    /// Another entity has the name.
    #[error("there is another entity of the name \"{0}\": choose another name, or delete it first")]
    Taken(String),
}

impl Namespace {
    /// Opens what the journal keeps of it. Its key is derived from `secret`. **Blocks.**
    ///
    /// # Errors
    /// Those of the journal, and where its lists cannot be read.
    pub fn open(journal: &Journal, secret: &str) -> Result<Self, EntityError> {
        let key = Key::plain(secret).sign(&format!("namespace/{POLICY}"));
        let core = Core {
            policy: Policy { name: POLICY.to_owned(), key },
            traffic: Arc::default(),
            hubs: Hubs::open(journal)?,
            bus: Arc::new(Bus::open(journal)?),
        };
        Ok(Self { core: Arc::new(core) })
    }

    /// Creates an event hub, or brings the one there is to this form. **Blocks.**
    ///
    /// # Errors
    /// A name that is taken or none, a number of partitions that cannot be, those of the journal.
    pub fn create_event_hub(
        &self,
        name: &str,
        spec: EventHubSpec,
    ) -> Result<Arc<Hub>, EntityError> {
        self.check_name(name, self.core.bus.has(name))?;
        self.core.hubs.create(name, spec, false)
    }

    /// Creates the Event-Hub-compatible endpoint of an IoT hub of that name, or opens the one
    /// there is: an event hub that clients can only read from. **Blocks.**
    ///
    /// # Errors
    /// As [`Namespace::create_event_hub`].
    pub fn create_built_in_endpoint(
        &self,
        name: &str,
        partitions: usize,
    ) -> Result<Arc<Hub>, EntityError> {
        self.check_name(name, self.core.bus.has(name))?;
        let spec = EventHubSpec { partitions, ..EventHubSpec::default() };
        self.core.hubs.create(name, spec, true)
    }

    /// Creates a queue; one that is there stays as it is. **Blocks.**
    ///
    /// # Errors
    /// A name that is taken or none, those of the journal.
    pub fn create_queue(&self, name: &str, spec: MailboxSpec) -> Result<(), EntityError> {
        self.check_name(name, self.core.hubs.get(name).is_some())?;
        self.core.bus.create_queue(name, spec)
    }

    /// Creates a topic, or adds the subscriptions that it does not have yet. **Blocks.**
    ///
    /// # Errors
    /// A name that is taken or none, those of the journal.
    pub fn create_topic(&self, name: &str, spec: TopicSpec) -> Result<(), EntityError> {
        self.check_name(name, self.core.hubs.get(name).is_some())?;
        self.core.bus.create_topic(name, spec)
    }

    /// The names of all queues and topics, and what is in every queue and subscription.
    #[must_use]
    pub fn service_bus(&self) -> (Vec<String>, Vec<MailboxStatus>) {
        self.core.bus.status()
    }

    /// Creates what is declared, or brings it to that form; what is not declared stays.
    /// **Blocks.**
    ///
    /// # Errors
    /// As [`Namespace::create_event_hub`]; what stands before the error in the list is done.
    pub fn declare(&self, declared: &Declared) -> Result<(), EntityError> {
        for (name, spec) in &declared.event_hubs {
            self.create_event_hub(name, spec.clone())?;
        }
        for (name, spec) in &declared.queues {
            self.create_queue(name, spec.clone())?;
        }
        for (name, spec) in &declared.topics {
            self.create_topic(name, spec.clone())?;
        }
        Ok(())
    }

    /// An event hub.
    #[must_use]
    pub fn event_hub(&self, name: &str) -> Option<Arc<Hub>> {
        self.core.hubs.get(name)
    }

    /// All event hubs, by name.
    #[must_use]
    pub fn event_hubs(&self) -> Vec<Arc<Hub>> {
        self.core.hubs.all()
    }

    /// Deletes an event hub, queue or topic, and all that is in it; whether there was one.
    /// **Blocks.**
    ///
    /// # Errors
    /// Those of the journal.
    pub fn delete(&self, name: &str) -> Result<bool, EntityError> {
        Ok(self.core.hubs.delete(name)? || self.core.bus.delete(name)?)
    }

    pub(crate) fn bus(&self) -> &Bus {
        &self.core.bus
    }

    /// Deletes a topic's subscription, and all that is in it; whether there was one. **Blocks.**
    ///
    /// # Errors
    /// Those of the journal.
    pub fn delete_subscription(&self, topic: &str, name: &str) -> Result<bool, EntityError> {
        self.core.bus.delete_subscription(topic, name)
    }

    /// The rules of a topic's subscription, where there is one.
    #[must_use]
    pub fn rules(&self, topic: &str, subscription: &str) -> Option<BTreeMap<String, Rule>> {
        self.core.bus.rules(topic, subscription)
    }

    /// Gives a topic's subscription the rules that it is to have; whether there is one.
    /// **Blocks.**
    ///
    /// # Errors
    /// Those of the journal.
    pub fn set_rules(
        &self,
        topic: &str,
        subscription: &str,
        rules: BTreeMap<String, Rule>,
    ) -> Result<bool, EntityError> {
        self.core.bus.set_rules(topic, subscription, rules)
    }

    /// Counters and tap of the server.
    #[must_use]
    pub fn traffic(&self) -> &Arc<Traffic> {
        &self.core.traffic
    }

    /// What a client needs to reach an entity in plain TCP. It has the key in it.
    #[must_use]
    pub fn connection_string(&self, entity: &str, host: &str, port: u16) -> String {
        let Policy { name, key } = &self.core.policy;
        format!(
            "Endpoint=sb://{host}:{port};SharedAccessKeyName={name};SharedAccessKey={key};\
             EntityPath={entity};UseDevelopmentEmulator=true"
        )
    }

    fn check_name(&self, name: &str, taken: bool) -> Result<(), EntityError> {
        if taken {
            return Err(EntityError::Taken(name.to_owned()));
        }
        if is_name(name) {
            return Ok(());
        }
        let what = "a name is 1 to 256 letters, digits, periods, hyphens and underscores, and \
                    begins and ends with a letter or digit";
        Err(EntityError::Invalid { name: name.to_owned(), what: what.to_owned() })
    }
}

/// Whether it can be the name of an entity.
pub(crate) fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric();
    (1..=256).contains(&name.len())
        && name.chars().all(|c| plain(c) || matches!(c, '.' | '-' | '_'))
        && name.starts_with(plain)
        && name.ends_with(plain)
}

impl Core {
    fn attach(&self, path: &str, attach: &Attach, control: LinkControl) -> Attaching {
        let segments: Vec<&str> = path.split('/').collect();
        if let [name, rest @ ..] = segments.as_slice()
            && let Some(hub) = self.hubs.get(name)
        {
            return event_hubs::links::attach(&hub, rest, attach, control, &self.traffic);
        }
        service_bus::links::attach(&self.bus, path, attach, &self.traffic)
    }

    async fn manage(self: &Arc<Self>, entity: &str, request: &Request) -> Response {
        let hub = self.hubs.get(entity);
        if let Some(response) = event_hubs::management::answer(request, hub.as_deref()) {
            return response;
        }
        service_bus::management::answer(&self.bus, entity, request).await
    }
}
