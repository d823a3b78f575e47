//! What a topology needs of the embedded services, and what of that was made for it.

use journal::{Journal, JournalError};
use pipeline::{EndpointKind, SinkSpec, Topology};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

const KEY: &str = "topology.made";

/// Something in the embedded services. What is inside something else stands behind it in order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Entity {
    EventHub(String),
    /// Of an event hub.
    ConsumerGroup(String, String),
    Topic(String),
    /// Of a topic.
    Subscription(String, String),
    EventGridTopic(String),
    /// Of an Event Grid topic.
    EventSubscription(String, String),
}

/// What was made for topologies and is there. What somebody else made is not in it.
pub(super) type Made = BTreeSet<Entity>;

pub(super) fn kept(journal: &Journal) -> Made {
    match journal.value(KEY) {
        Ok(Some(bytes)) => serde_json::from_slice(&bytes).unwrap_or_default(),
        Ok(None) => Made::new(),
        Err(error) => {
            tracing::warn!(%error, "what was made for the topology cannot be read; it stays");
            Made::new()
        }
    }
}

/// **Blocks.**
pub(super) fn keep(journal: &Journal, made: &Made) -> Result<(), JournalError> {
    let bytes = serde_json::to_vec(made).unwrap_or_default();
    journal.put_value(KEY, bytes).wait().map(drop)
}

/// What a topology needs.
pub(super) fn of(topology: &Topology) -> Made {
    let mut entities = Made::new();
    let today = topology.endpoints.iter().filter(|(_, spec)| spec.is_embedded());
    for (name, spec) in today {
        let entity = spec.entity.as_deref().unwrap_or(name);
        add(&mut entities, topology, name, spec.kind, entity);
    }
    let of_2019 = topology.endpoints2019.iter().filter(|(_, spec)| spec.primary.is_none());
    for (name, spec) in of_2019 {
        add(&mut entities, topology, name, spec.kind, &spec.path);
    }
    for (name, SinkSpec::EventHub { entity, connection }) in &topology.sinks {
        if connection.is_none() {
            entities.insert(Entity::EventHub(entity.as_deref().unwrap_or(name).to_owned()));
        }
    }
    entities
}

fn add(entities: &mut Made, topology: &Topology, endpoint: &str, kind: EndpointKind, entity: &str) {
    let subscriptions = topology.subscriptions.iter().filter(|(_, spec)| spec.endpoint == endpoint);
    match kind {
        EndpointKind::EventHub => {
            entities.insert(Entity::EventHub(entity.to_owned()));
            let groups = subscriptions.filter_map(|(_, spec)| spec.consumer_group.clone());
            let groups = groups.filter(|group| group != "$Default");
            entities.extend(groups.map(|group| Entity::ConsumerGroup(entity.to_owned(), group)));
        }
        EndpointKind::ServiceBus => {
            entities.insert(Entity::Topic(entity.to_owned()));
            let names = subscriptions.map(|(name, _)| name.clone());
            entities.extend(names.map(|name| Entity::Subscription(entity.to_owned(), name)));
        }
        EndpointKind::EventGrid => {
            let topic = grid_topic(entity).to_owned();
            let names = subscriptions.map(|(name, _)| name.clone());
            entities.extend(names.map(|name| Entity::EventSubscription(topic.clone(), name)));
            entities.insert(Entity::EventGridTopic(topic));
        }
    }
}

/// The name of an Event Grid topic that may be given by its host name.
pub(super) fn grid_topic(name: &str) -> &str {
    name.split('.').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_topology_needs_what_is_embedded_of_it() {
        let topology: Topology = serde_json::from_str(
            r#"{
            "endpoints": {
                "eh": {"kind": "eventHub", "entity": "readings"},
                "sb": {"kind": "serviceBus"},
                "eg": {"kind": "eventGrid"},
                "away": {"kind": "eventHub", "primary": {"secret": "s"}}
            },
            "endpoints2019": {
                "old": {"kind": "eventGrid", "eventTypes": ["SensorChange"], "path": "old.westus-1.eventgrid.azure.net"}
            },
            "subscriptions": {
                "first": {"endpoint": "eh", "function": "f", "consumerGroup": "group"},
                "second": {"endpoint": "sb", "function": "f"},
                "third": {"endpoint": "eg", "function": "f"},
                "fourth": {"endpoint": "away", "function": "f", "consumerGroup": "other"}
            },
            "sinks": {"out": {"kind": "eventHub"}}
        }"#,
        )
        .unwrap();
        let two = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        let ((hub, group), (bus, second), (grid, third)) =
            (two("readings", "group"), two("sb", "second"), two("eg", "third"));
        let expected: Made = [
            Entity::EventHub(hub.clone()),
            Entity::EventHub("out".into()),
            Entity::ConsumerGroup(hub, group),
            Entity::Topic(bus.clone()),
            Entity::Subscription(bus, second),
            Entity::EventGridTopic(grid.clone()),
            Entity::EventGridTopic("old".into()),
            Entity::EventSubscription(grid, third),
        ]
        .into();
        assert_eq!(of(&topology), expected);
    }
}
