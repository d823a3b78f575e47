//! All queues and topics of a namespace, and the journal's list of them.

use super::mailbox::{Mailbox, MailboxCounts, Order};
use super::message::Message;
use super::rules::{DEFAULT_RULE, Rule};
use super::spec::{MailboxSpec, TopicSpec};
use crate::clock::now_millis;
use crate::namespace::refusal::not_found;
use crate::namespace::{EntityError, is_name};
use amqp::{Error, condition};
use bytes::Bytes;
use journal::{Batch, Journal, JournalError};
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

const LIST: &str = "messaging.service-bus";
const DEAD_LETTERS: &str = "$deadletterqueue";

/// All queues and topics of a namespace.
pub(crate) struct Bus {
    journal: Journal,
    order: Order,
    list: RwLock<List>,
    /// By name in lower case.
    entities: RwLock<BTreeMap<String, Entity>>,
}

#[derive(Clone, Default, Serialize, Deserialize)]
struct List {
    /// What is made anew has streams of its own.
    next: u64,
    entities: BTreeMap<String, Listed>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Listed {
    name: String,
    number: u64,
    queue: Option<MailboxSpec>,
    topic: Option<TopicSpec>,
    /// The numbers of a topic's subscriptions.
    #[serde(default)]
    subscriptions: BTreeMap<String, u64>,
}

#[derive(Clone)]
pub(crate) enum Entity {
    Queue(Arc<Mailbox>),
    Topic(Arc<Topic>),
}

/// A topic.
pub(crate) struct Topic {
    pub(crate) name: Arc<str>,
    /// Whether it was deleted.
    gone: AtomicBool,
    /// By name in lower case.
    subscriptions: RwLock<BTreeMap<String, Arc<Subscription>>>,
}

/// A subscription of a topic.
pub(crate) struct Subscription {
    pub(crate) name: String,
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) rules: RwLock<BTreeMap<String, Rule>>,
}

/// A queue or subscription and what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailboxStatus {
    /// In the service's path form: `queue`, `topic/Subscriptions/subscription`.
    pub path: String,
    /// What is in it.
    pub counts: MailboxCounts,
}

/// What an address of Service Bus names.
pub(crate) enum Found {
    /// A queue to send to, or a queue, subscription or dead-letter queue to receive from.
    Mailbox(Arc<Mailbox>, Option<Arc<Subscription>>),
    Topic(Arc<Topic>),
}

impl Bus {
    /// Opens all that the journal knows. **Blocks.**
    pub(crate) fn open(journal: &Journal) -> Result<Self, EntityError> {
        let list: List = match journal.value(LIST)? {
            Some(kept) => serde_json::from_slice(&kept).map_err(|_| EntityError::List(LIST))?,
            None => List::default(),
        };
        let bus = Self {
            journal: journal.clone(),
            order: Order::default(),
            list: RwLock::default(),
            entities: RwLock::default(),
        };
        for (key, listed) in &list.entities {
            let entity = bus.open_entity(listed)?;
            bus.entities.write().insert(key.clone(), entity);
        }
        *bus.list.write() = list;
        Ok(bus)
    }

    fn mailbox(
        &self,
        path: &str,
        number: u64,
        spec: &MailboxSpec,
    ) -> Result<Arc<Mailbox>, JournalError> {
        let stream = format!("service-bus/{number}");
        Mailbox::open(&self.journal, path, &stream, spec.clone(), &self.order)
    }

    fn open_entity(&self, listed: &Listed) -> Result<Entity, EntityError> {
        if let Some(spec) = &listed.queue {
            return Ok(Entity::Queue(self.mailbox(&listed.name, listed.number, spec)?));
        }
        let mut subscriptions = BTreeMap::new();
        for (name, spec) in listed.topic.iter().flat_map(|topic| &topic.subscriptions) {
            let number = listed.subscriptions.get(name).copied().unwrap_or_default();
            let path = format!("{}/Subscriptions/{name}", listed.name);
            let all = || BTreeMap::from([(DEFAULT_RULE.to_owned(), Rule::all())]);
            let rules = spec.rules.clone().unwrap_or_else(all);
            let subscription = Subscription {
                name: name.clone(),
                mailbox: self.mailbox(&path, number, &spec.mailbox)?,
                rules: RwLock::new(rules),
            };
            subscriptions.insert(name.to_ascii_lowercase(), Arc::new(subscription));
        }
        Ok(Entity::Topic(Arc::new(Topic {
            name: listed.name.as_str().into(),
            gone: AtomicBool::new(false),
            subscriptions: RwLock::new(subscriptions),
        })))
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.entities.read().contains_key(&name.to_ascii_lowercase())
    }

    pub(crate) fn create_queue(&self, name: &str, spec: MailboxSpec) -> Result<(), EntityError> {
        self.create(name, |listed| {
            let same = listed.topic.is_none() && listed.queue.as_ref().is_none_or(|q| *q == spec);
            let changed = listed.queue.is_none();
            listed.queue = Some(spec);
            same.then_some(changed)
        })
    }

    /// Creates a topic, or adds the subscriptions that are not there yet.
    pub(crate) fn create_topic(&self, name: &str, spec: TopicSpec) -> Result<(), EntityError> {
        if let Some(wrong) = spec.subscriptions.keys().find(|name| !is_name(name)) {
            return Err(EntityError::Invalid {
                name: name.to_owned(),
                what: format!("\"{wrong}\" is no name for a subscription"),
            });
        }
        self.create(name, |listed| {
            if listed.queue.is_some() {
                return None;
            }
            let topic = listed.topic.get_or_insert_default();
            let mut changed = listed.number == 0;
            for (name, mut subscription) in spec.subscriptions {
                subscription.mailbox.duplicate_seconds = spec.duplicate_seconds;
                let there = topic.subscriptions.keys().any(|own| own.eq_ignore_ascii_case(&name));
                if !there {
                    topic.subscriptions.insert(name, subscription);
                    changed = true;
                }
            }
            Some(changed)
        })
    }

    /// Changes what is listed of an entity: `change` says whether it is another now, and `None`
    /// where it cannot be.
    fn create(
        &self,
        name: &str,
        change: impl FnOnce(&mut Listed) -> Option<bool>,
    ) -> Result<(), EntityError> {
        let key = name.to_ascii_lowercase();
        let mut list = self.list.write();
        let mut changed = list.clone();
        let mut listed = changed.entities.remove(&key).unwrap_or_else(|| Listed {
            name: name.to_owned(),
            number: 0,
            queue: None,
            topic: None,
            subscriptions: BTreeMap::new(),
        });
        match change(&mut listed) {
            None => return Err(EntityError::Taken(name.to_owned())),
            Some(false) => return Ok(()),
            Some(true) => {}
        }
        let mut number = || {
            changed.next += 1;
            changed.next
        };
        if listed.number == 0 {
            listed.number = number();
        }
        for name in listed.topic.iter().flat_map(|topic| topic.subscriptions.keys()) {
            listed.subscriptions.entry(name.clone()).or_insert_with(&mut number);
        }
        changed.entities.insert(key.clone(), listed.clone());
        let entity = match (self.entities.read().get(&key).cloned(), self.open_entity(&listed)?) {
            (Some(Entity::Topic(old)), Entity::Topic(new)) => {
                // Mailboxes that are open stay: they know who holds what.
                let mut kept = new.subscriptions.read().clone();
                kept.extend(old.subscriptions.read().clone());
                *old.subscriptions.write() = kept;
                Entity::Topic(old)
            }
            (_, new) => new,
        };
        self.keep(&changed)?;
        *list = changed;
        self.entities.write().insert(key, entity);
        Ok(())
    }

    fn keep(&self, list: &List) -> Result<(), EntityError> {
        let kept = serde_json::to_vec(list).map_err(|_| EntityError::List(LIST))?;
        self.journal.put_value(LIST, kept).wait()?;
        Ok(())
    }

    /// Deletes a queue or topic and all that is in it; whether there was one. **Blocks.**
    pub(crate) fn delete(&self, name: &str) -> Result<bool, EntityError> {
        let key = name.to_ascii_lowercase();
        let mut list = self.list.write();
        let mut changed = list.clone();
        if changed.entities.remove(&key).is_none() {
            return Ok(false);
        }
        self.keep(&changed)?;
        *list = changed;
        let removed = self.entities.write().remove(&key);
        if let Some(Entity::Topic(topic)) = &removed {
            topic.gone.store(true, Relaxed);
        }
        removed.iter().flat_map(mailboxes).for_each(|mailbox| mailbox.clear());
        Ok(true)
    }

    /// Deletes a topic's subscription and all that is in it; whether there was one. **Blocks.**
    pub(crate) fn delete_subscription(&self, topic: &str, name: &str) -> Result<bool, EntityError> {
        let (key, name) = (topic.to_ascii_lowercase(), name.to_ascii_lowercase());
        let mut list = self.list.write();
        let mut changed = list.clone();
        let Some(listed) = changed.entities.get_mut(&key) else { return Ok(false) };
        let Some(spec) = &mut listed.topic else { return Ok(false) };
        let before = spec.subscriptions.len();
        spec.subscriptions.retain(|own, _| !own.eq_ignore_ascii_case(&name));
        listed.subscriptions.retain(|own, _| !own.eq_ignore_ascii_case(&name));
        if spec.subscriptions.len() == before {
            return Ok(false);
        }
        self.keep(&changed)?;
        *list = changed;
        if let Some(Entity::Topic(topic)) = self.entities.read().get(&key)
            && let Some(gone) = topic.subscriptions.write().remove(&name)
        {
            gone.mailbox.clear();
        }
        Ok(true)
    }

    /// Keeps a subscription's rules. **Blocks.**
    pub(crate) fn keep_rules(
        &self,
        topic: &str,
        subscription: &Subscription,
        rules: BTreeMap<String, Rule>,
    ) -> Result<(), EntityError> {
        let mut list = self.list.write();
        let mut changed = list.clone();
        let listed = changed.entities.get_mut(&topic.to_ascii_lowercase());
        let spec = listed
            .and_then(|listed| listed.topic.as_mut()?.subscriptions.get_mut(&subscription.name));
        if let Some(spec) = spec {
            spec.rules = Some(rules.clone());
        }
        self.keep(&changed)?;
        *list = changed;
        *subscription.rules.write() = rules;
        Ok(())
    }

    /// The rules of a subscription.
    pub(crate) fn rules(&self, topic: &str, name: &str) -> Option<BTreeMap<String, Rule>> {
        self.subscription(topic, name).map(|subscription| subscription.rules.read().clone())
    }

    fn subscription(&self, topic: &str, name: &str) -> Option<Arc<Subscription>> {
        match self.find(&format!("{topic}/subscriptions/{name}")) {
            Some(Found::Mailbox(_, subscription)) => subscription,
            _ => None,
        }
    }

    /// Gives a subscription other rules; whether there is one. **Blocks.**
    pub(crate) fn set_rules(
        &self,
        topic: &str,
        subscription: &str,
        rules: BTreeMap<String, Rule>,
    ) -> Result<bool, EntityError> {
        let Some(subscription) = self.subscription(topic, subscription) else { return Ok(false) };
        if *subscription.rules.read() != rules {
            self.keep_rules(topic, &subscription, rules)?;
        }
        Ok(true)
    }

    /// What a path names: `queue`, `topic`, `topic/Subscriptions/s`, and `…/$DeadLetterQueue`.
    pub(crate) fn find(&self, path: &str) -> Option<Found> {
        let path = path.to_ascii_lowercase();
        let (path, dead) = match path.strip_suffix(DEAD_LETTERS) {
            Some(rest) => (rest.trim_end_matches('/').to_owned(), true),
            None => (path, false),
        };
        let entities = self.entities.read();
        let (mailbox, subscription) = match path.split('/').collect::<Vec<_>>().as_slice() {
            [name] => match entities.get(*name)? {
                Entity::Queue(mailbox) => (mailbox.clone(), None),
                Entity::Topic(topic) if !dead => return Some(Found::Topic(topic.clone())),
                Entity::Topic(_) => return None,
            },
            [name, "subscriptions", subscription] => match entities.get(*name)? {
                Entity::Topic(topic) => {
                    let found = topic.subscriptions.read().get(*subscription)?.clone();
                    (found.mailbox.clone(), Some(found))
                }
                Entity::Queue(_) => return None,
            },
            _ => return None,
        };
        let mailbox = if dead { mailbox.dead.clone()? } else { mailbox };
        Some(Found::Mailbox(mailbox, subscription))
    }

    /// Queues and topics by name, and every mailbox with what is in it.
    pub(crate) fn status(&self) -> (Vec<String>, Vec<MailboxStatus>) {
        let names = self.list.read().entities.values().map(|listed| listed.name.clone()).collect();
        let all = self.mailboxes();
        let status = all.iter().map(|mailbox| MailboxStatus {
            path: mailbox.name.to_string(),
            counts: mailbox.counts(),
        });
        (names, status.collect())
    }

    fn mailboxes(&self) -> Vec<Arc<Mailbox>> {
        self.entities.read().values().flat_map(mailboxes).collect()
    }

    /// Does what is due.
    pub(crate) fn tick(&self) {
        for mailbox in self.mailboxes() {
            mailbox.tick();
            if let Some(dead) = &mailbox.dead {
                dead.tick();
            }
        }
    }

    /// Lets go of what nobody needs. **Blocks.**
    pub(crate) fn compact(&self) {
        for mailbox in self.mailboxes() {
            mailbox.compact();
            if let Some(dead) = &mailbox.dead {
                dead.compact();
            }
        }
    }

    /// Keeps messages: in a queue, or in every subscription that takes them, all in one commit.
    /// `done` hears of it when it is durable, with the sequence numbers that they were given (in
    /// the first mailbox that took them). **Blocks** while the journal's queue is full.
    pub(crate) fn send(
        &self,
        to: &Found,
        messages: Vec<Message>,
        done: impl FnOnce(Result<Vec<u64>, JournalError>) + Send + 'static,
    ) {
        let mut into: Vec<(Arc<Mailbox>, Vec<Message>)> = Vec::new();
        match to {
            Found::Mailbox(mailbox, _) => into.push((mailbox.clone(), messages)),
            Found::Topic(topic) => {
                let seen: Vec<_> = messages.iter().map(Message::seen).collect();
                for subscription in topic.subscriptions.read().values() {
                    let rules = subscription.rules.read();
                    let takes = |at: usize| rules.values().any(|rule| rule.takes(&seen[at]));
                    let taken = (0..messages.len()).filter(|at| takes(*at));
                    let taken = taken.map(|at| messages[at].clone()).collect();
                    into.push((subscription.mailbox.clone(), taken));
                }
            }
        }
        for (mailbox, messages) in &mut into {
            messages.retain(|message| !mailbox.is_duplicate(message));
            let ttl = mailbox.spec.default_ttl_millis;
            *messages = std::mem::take(messages).into_iter().map(|m| m.within(ttl)).collect();
        }
        into.retain(|(_, messages)| !messages.is_empty());
        if into.is_empty() {
            return done(Ok(Vec::new()));
        }
        let batch = into
            .iter()
            .fold(Batch::new(), |batch, (mailbox, messages)| mailbox.put(batch, messages));
        let _ordered = self.order.lock();
        self.journal.commit(batch).on_done(move |kept| {
            let mut numbers = Vec::new();
            for (mailbox, messages) in into {
                if kept.is_err() {
                    mailbox.refused(&messages);
                    continue;
                }
                let given = mailbox.arrived(messages);
                numbers = if numbers.is_empty() { given } else { numbers };
            }
            done(kept.map(|_| numbers));
        });
    }
}

fn mailboxes(entity: &Entity) -> Vec<Arc<Mailbox>> {
    match entity {
        Entity::Queue(mailbox) => vec![mailbox.clone()],
        Entity::Topic(topic) => {
            topic.subscriptions.read().values().map(|s| s.mailbox.clone()).collect()
        }
    }
}

impl Found {
    /// In the service's path form.
    pub(crate) fn path(&self) -> Arc<str> {
        match self {
            Self::Mailbox(mailbox, _) => mailbox.name.clone(),
            Self::Topic(topic) => topic.name.clone(),
        }
    }

    /// Whether it was deleted.
    fn is_gone(&self) -> bool {
        match self {
            Self::Mailbox(mailbox, _) => mailbox.is_gone(),
            Self::Topic(topic) => topic.gone.load(Relaxed),
        }
    }

    /// Reads what a sender sent, as messages that this takes.
    ///
    /// # Errors
    /// What is no message, lacks a session where one is needed, or does not fit any more.
    pub(crate) fn read(&self, message: Bytes, format: u32) -> Result<Vec<Message>, Error> {
        let messages = Message::read(message, format, now_millis())?;
        if self.is_gone() {
            return Err(not_found(&self.path()));
        }
        if let Self::Mailbox(mailbox, _) = self {
            if mailbox.is_full() {
                let text = mailbox.is_full_in_words();
                return Err(Error::new(condition::RESOURCE_LIMIT_EXCEEDED, text));
            }
            if mailbox.spec.requires_session && messages.iter().any(|m| m.about.session.is_none()) {
                let text = "The SessionId was not set on a message, and it cannot be sent to the \
                            entity. Entities that have session support enabled can only receive \
                            messages that have the SessionId set to a valid value.";
                return Err(Error::new(condition::NOT_ALLOWED, text));
            }
        }
        Ok(messages)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::super::mailbox::{Settlement, Taken};
    use super::*;
    use amqp::Value;
    use amqp::message::{section, write_section};
    use bytes::BytesMut;
    use journal::Options;
    use std::sync::mpsc;
    use std::time::Duration;

    fn message(number: u32) -> Message {
        let mut out = BytesMut::new();
        write_section(&mut out, section::VALUE, &Value::Uint(number));
        Message::of(out.freeze(), now_millis()).unwrap()
    }

    fn mailbox(bus: &Bus) -> Arc<Mailbox> {
        match bus.find("orders") {
            Some(Found::Mailbox(mailbox, _)) => mailbox,
            _ => panic!("the queue is there"),
        }
    }

    fn send(bus: &Bus, count: u32) {
        let (done, kept) = mpsc::channel();
        let messages = (0..count).map(message).collect();
        bus.send(&bus.find("orders").unwrap(), messages, move |kept| done.send(kept).unwrap());
        assert_eq!(kept.recv().unwrap().unwrap().len(), count as usize);
    }

    fn settle(mailbox: &Arc<Mailbox>, taken: &[Taken], how: impl Fn(u64) -> Option<Settlement>) {
        let (done, settled) = mpsc::channel();
        let mut asked = 0;
        for taken in taken {
            if let Some(settlement) = how(taken.delivered.sequence_number) {
                let done = done.clone();
                let told = move |settled: Result<(), _>| done.send(settled.is_ok()).unwrap();
                mailbox.settle(taken.token, settlement, Box::new(told));
                asked += 1;
            }
        }
        (0..asked).for_each(|_| assert!(settled.recv().unwrap()));
    }

    #[test]
    fn what_became_of_messages_is_put_together_and_nothing_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(folder.path(), Options::default()).unwrap();
        let bus = Bus::open(&journal).unwrap();
        bus.create_queue("orders", MailboxSpec::default()).unwrap();
        send(&bus, 300);
        let queue = mailbox(&bus);
        let taken = queue.take(300, None);
        settle(&queue, &taken, |number| match number % 10 {
            0 => None,
            1 => Some(Settlement::Defer(Vec::new())),
            2 => Some(Settlement::Abandon(Vec::new(), true)),
            _ => Some(Settlement::Complete),
        });
        let settled = journal.stream("service-bus/1/settled").unwrap();
        let words = journal.head(settled);
        assert_eq!((words, journal.first(settled)), (270, 1));
        bus.compact();
        journal.flush().unwrap();
        let trimmed = (0..500).any(|_| {
            std::thread::sleep(Duration::from_millis(10));
            journal.first(settled) == words + 1
        });
        assert!(trimmed, "the words are kept in one snapshot");
        // More words behind the snapshot, then a restart.
        settle(&queue, &queue.take(5, None), |_| Some(Settlement::Complete));
        let before = queue.counts();
        drop((queue, bus));
        let bus = Bus::open(&journal).unwrap();
        let queue = mailbox(&bus);
        let counts = queue.counts();
        assert_eq!(counts, before);
        assert_eq!((counts.active, counts.deferred), (55, 30));
        let abandoned = |taken: &Taken| taken.delivered.sequence_number % 10 == 2;
        for taken in queue.peek(0, 300, None) {
            let expected = u32::from(abandoned(&taken));
            assert_eq!(taken.delivered.delivery_count, expected, "{:?}", taken.delivered);
        }
        // What lies before the oldest message that is left goes from the disk.
        let deferred: Vec<u64> = (1..300).filter(|number| number % 10 == 1).collect();
        settle(&queue, &queue.take_deferred(&deferred).unwrap(), |_| Some(Settlement::Complete));
        settle(&queue, &queue.take(40, None), |_| Some(Settlement::Complete));
        bus.compact();
        let messages = journal.stream("service-bus/1").unwrap();
        let oldest = queue.peek(0, 1, None)[0].delivered.sequence_number;
        let trimmed = (0..500).any(|_| {
            std::thread::sleep(Duration::from_millis(10));
            journal.first(messages) == oldest
        });
        assert!(trimmed && oldest > 200, "{oldest}");
    }

    #[test]
    fn what_was_deleted_takes_nothing_more_and_its_name_begins_anew() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(folder.path(), Options::default()).unwrap();
        let bus = Bus::open(&journal).unwrap();
        bus.create_queue("orders", MailboxSpec::default()).unwrap();
        send(&bus, 3);
        let found = bus.find("orders").unwrap();
        assert!(bus.delete("ORDERS").unwrap() && !bus.delete("orders").unwrap());
        let mut out = BytesMut::new();
        write_section(&mut out, section::VALUE, &Value::Null);
        let refused = found.read(out.freeze(), 0).unwrap_err();
        assert_eq!(refused.condition, condition::NOT_FOUND);
        bus.create_queue("orders", MailboxSpec::default()).unwrap();
        assert_eq!(mailbox(&bus).counts(), MailboxCounts::default());
        let spec: TopicSpec =
            serde_json::from_str(r#"{"subscriptions": {"One": {}, "two": {}}}"#).unwrap();
        bus.create_topic("news", spec).unwrap();
        assert!(bus.delete_subscription("news", "one").unwrap());
        assert!(!bus.delete_subscription("news", "one").unwrap());
        assert!(bus.find("news/subscriptions/one").is_none());
        let bus = Bus::open(&journal).unwrap();
        assert!(bus.find("news/subscriptions/one").is_none());
        assert!(bus.find("news/subscriptions/two").is_some());
    }
}
