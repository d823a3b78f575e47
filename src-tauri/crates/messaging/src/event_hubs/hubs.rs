//! All event hubs of a namespace, and the journal's list of them.

use super::hub::{EventHubSpec, Hub};
use crate::clock::now_millis;
use crate::namespace::EntityError;
use journal::Journal;
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

const LIST: &str = "messaging.event-hubs";
//= documented: A hub has 1 to 32 partitions, which cannot be changed, and at most 20 consumer
//  groups besides $Default. [event-hubs/event-hubs-features]
/// The service's limit (Standard).
const MOST_PARTITIONS: usize = 32;
const MOST_GROUPS: usize = 20;

/// All event hubs of a namespace.
pub(crate) struct Hubs {
    journal: Journal,
    list: RwLock<List>,
    /// By name in lower case.
    open: RwLock<BTreeMap<String, Arc<Hub>>>,
}

#[derive(Clone, Default, Serialize, Deserialize)]
struct List {
    /// A hub that is made anew has streams of its own.
    next: u64,
    hubs: BTreeMap<String, Listed>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Listed {
    number: u64,
    name: String,
    created: i64,
    spec: EventHubSpec,
    /// Whether it is an IoT hub's.
    #[serde(default)]
    built_in: bool,
}

impl Hubs {
    /// Opens all that the journal knows. **Blocks.**
    pub(crate) fn open(journal: &Journal) -> Result<Self, EntityError> {
        let list: List = match journal.value(LIST)? {
            Some(kept) => serde_json::from_slice(&kept).map_err(|_| EntityError::List(LIST))?,
            None => List::default(),
        };
        let mut open = BTreeMap::new();
        for (key, listed) in &list.hubs {
            open.insert(key.clone(), Arc::new(open_hub(journal, listed)?));
        }
        Ok(Self { journal: journal.clone(), list: RwLock::new(list), open: RwLock::new(open) })
    }

    pub(crate) fn get(&self, name: &str) -> Option<Arc<Hub>> {
        self.open.read().get(&name.to_ascii_lowercase()).cloned()
    }

    pub(crate) fn all(&self) -> Vec<Arc<Hub>> {
        self.open.read().values().cloned().collect()
    }

    /// Creates a hub, or brings the one there is to this form. **Blocks.**
    pub(crate) fn create(
        &self,
        name: &str,
        spec: EventHubSpec,
        built_in: bool,
    ) -> Result<Arc<Hub>, EntityError> {
        check(name, &spec)?;
        let key = name.to_ascii_lowercase();
        let mut list = self.list.write();
        let mut changed = list.clone();
        if let Some(hub) = self.get(name) {
            if hub.built_in != built_in {
                return Err(EntityError::Taken(name.to_owned()));
            }
            if hub.spec().partitions != spec.partitions {
                return Err(EntityError::Partitions {
                    name: name.to_owned(),
                    has: hub.spec().partitions,
                });
            }
            if let Some(listed) = changed.hubs.get_mut(&key) {
                listed.spec = spec.clone();
            }
            self.keep(&changed)?;
            *list = changed;
            hub.set_spec(spec);
            return Ok(hub);
        }
        changed.next += 1;
        let (number, created) = (changed.next, now_millis());
        let listed = Listed { number, name: name.to_owned(), created, spec, built_in };
        let hub = Arc::new(open_hub(&self.journal, &listed)?);
        changed.hubs.insert(key.clone(), listed);
        self.keep(&changed)?;
        *list = changed;
        self.open.write().insert(key, hub.clone());
        Ok(hub)
    }

    /// Deletes a hub and all its events; whether there was one. **Blocks.**
    pub(crate) fn delete(&self, name: &str) -> Result<bool, EntityError> {
        let key = name.to_ascii_lowercase();
        let mut list = self.list.write();
        let mut changed = list.clone();
        match changed.hubs.remove(&key) {
            None => return Ok(false),
            Some(listed) if listed.built_in => {
                let what = "it is an IoT hub's endpoint and goes with it only".to_owned();
                return Err(EntityError::Invalid { name: name.to_owned(), what });
            }
            Some(_) => {}
        }
        self.keep(&changed)?;
        *list = changed;
        if let Some(hub) = self.open.write().remove(&key) {
            hub.gone.store(true, Relaxed);
            hub.readers.end_all(&crate::namespace::refusal::not_found(name));
            hub.partitions.iter().for_each(|partition| partition.clear());
        }
        Ok(true)
    }

    fn keep(&self, list: &List) -> Result<(), EntityError> {
        let kept = serde_json::to_vec(list).map_err(|_| EntityError::List(LIST))?;
        self.journal.put_value(LIST, kept).wait()?;
        Ok(())
    }
}

fn open_hub(journal: &Journal, listed: &Listed) -> Result<Hub, EntityError> {
    let stream = format!("event-hub/{}", listed.number);
    let Listed { name, created, spec, built_in, .. } = listed;
    Ok(Hub::open(journal, name, &stream, *created, spec.clone(), *built_in)?)
}

fn check(name: &str, spec: &EventHubSpec) -> Result<(), EntityError> {
    let wrong = |what: &str| EntityError::Invalid { name: name.to_owned(), what: what.to_owned() };
    if !(1..=MOST_PARTITIONS).contains(&spec.partitions) {
        return Err(wrong("an event hub has 1 to 32 partitions"));
    }
    if spec.consumer_groups.len() > MOST_GROUPS {
        return Err(wrong("an event hub has at most 20 consumer groups"));
    }
    match spec.consumer_groups.iter().find(|group| !crate::namespace::is_name(group)) {
        Some(group) => Err(wrong(&format!("\"{group}\" is no name for a consumer group"))),
        None => Ok(()),
    }
}
