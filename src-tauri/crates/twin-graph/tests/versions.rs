//! After any changes the graph is what a plain map of them is, each earlier version stays as it
//! was, the slots tell exactly what changed, and petgraph's algorithms answer as on its own graph.
#![allow(clippy::unwrap_used, clippy::panic)]

use petgraph::Direction::{Incoming, Outgoing};
use petgraph::algo::{connected_components, dijkstra, tarjan_scc};
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::{
    Bfs, EdgeIndexable, EdgeRef, IntoEdgeReferences, IntoNodeReferences, NodeIndexable, Reversed,
};
use proptest::prelude::*;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use twin_graph::{
    Cause, Change, ChangeKind, Contents, Origin, Relationship, Slot, Timestamp, TraceContext, Twin,
    TwinGraph,
};

#[derive(Clone, Debug)]
enum Step {
    Put { twin: u8, model: u8 },
    Delete { twin: u8 },
    Relate { source: u8, id: u8, target: u8, name: u8 },
    Unrelate { source: u8, id: u8 },
    Nothing,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (0..200u8, 0..4u8).prop_map(|(twin, model)| Step::Put { twin, model }),
        2 => (0..200u8).prop_map(|twin| Step::Delete { twin }),
        8 => (0..30u8, 0..9u8, 0..200u8, 0..3u8)
            .prop_map(|(source, id, target, name)| Step::Relate { source, id, target, name }),
        4 => (0..30u8, 0..9u8).prop_map(|(source, id)| Step::Unrelate { source, id }),
        1 => Just(Step::Nothing),
    ]
}

/// The same graph, as simple as it can be.
#[derive(Clone, Default)]
struct Plain {
    twins: BTreeMap<String, Arc<Twin>>,
    relationships: BTreeMap<(String, String), Arc<Relationship>>,
}

impl Plain {
    /// What a step changes, if it can be done at all.
    fn change(&mut self, step: &Step, version: u64) -> Option<ChangeKind> {
        let name = |number: &u8| format!("t{number}");
        match step {
            Step::Put { twin, model } => {
                let time = Timestamp::from_ticks(version as i64);
                let values = json!({"version": version}).as_object().unwrap().clone();
                let twin = Arc::new(Twin {
                    id: name(twin).into(),
                    model: format!("dtmi:test:M{model};1").into(),
                    etag: format!("W/\"{version}\"").into(),
                    contents: Contents::new(values, time),
                    components: Default::default(),
                });
                let replaced = self.twins.insert(twin.id.to_string(), twin.clone()).is_some();
                Some(ChangeKind::TwinPut { twin, replaced })
            }
            Step::Delete { twin } => {
                let id = name(twin);
                let at = |each: &Relationship| *each.source == *id || *each.target == *id;
                let related = self.relationships.values().any(|each| at(each));
                let twin = self.twins.get(&id).filter(|_| !related)?.clone();
                self.twins.remove(&id);
                Some(ChangeKind::TwinDeleted { twin })
            }
            Step::Relate { source, id, target, name: called } => {
                let there = |twin: &u8| self.twins.contains_key(&name(twin));
                if !there(source) || !there(target) {
                    return None;
                }
                let relationship = Arc::new(Relationship {
                    id: format!("r{id}").into(),
                    source: name(source).into(),
                    target: name(target).into(),
                    name: format!("n{called}").into(),
                    etag: format!("W/\"{version}\"").into(),
                    properties: Default::default(),
                });
                let key = (name(source), format!("r{id}"));
                let replaced = self.relationships.insert(key, relationship.clone()).is_some();
                Some(ChangeKind::RelationshipPut { relationship, replaced })
            }
            Step::Unrelate { source, id } => {
                let removed = self.relationships.remove(&(name(source), format!("r{id}")));
                Some(ChangeKind::RelationshipDeleted { relationship: removed? })
            }
            Step::Nothing => Some(ChangeKind::Telemetry {
                twin: "t1".into(),
                model: "dtmi:test:M1;1".into(),
                component: None,
                message_id: "1".into(),
                source_time: None,
                body: json!({}),
            }),
        }
    }

    fn equals(&self, graph: &TwinGraph) {
        assert_eq!(graph.twin_count(), self.twins.len());
        assert_eq!(graph.twins().count(), self.twins.len());
        assert_eq!(graph.relationship_count(), self.relationships.len());
        assert_eq!(graph.relationships().count(), self.relationships.len());
        for (id, twin) in &self.twins {
            assert_eq!(graph.twin(id), Some(twin));
            let node = graph.node(id).unwrap();
            assert_eq!(graph.twin_at(node), Some(twin));
            assert_eq!(graph.model_of(graph.kind_of(node).unwrap()), Some(&twin.model));
            let ids = |of: fn(&Relationship) -> &Arc<str>| {
                let at = self.relationships.values().filter(|each| **of(each) == **id);
                at.map(|each| (each.source.clone(), each.id.clone())).collect::<BTreeSet<_>>()
            };
            let seen = |related: &mut dyn Iterator<Item = &Arc<Relationship>>| {
                related.map(|each| (each.source.clone(), each.id.clone())).collect::<BTreeSet<_>>()
            };
            assert_eq!(seen(&mut graph.outgoing(id)), ids(|each| &each.source));
            assert_eq!(seen(&mut graph.incoming(id)), ids(|each| &each.target));
            assert_eq!(graph.degree(node, Outgoing), graph.links_of(node, Outgoing).count());
            assert_eq!(graph.degree(node, Incoming), graph.links_of(node, Incoming).count());
        }
        for ((source, id), relationship) in &self.relationships {
            assert_eq!(graph.relationship(source, id), Some(relationship));
            let link = graph.link(graph.edge(source, id).unwrap()).unwrap();
            assert_eq!(graph.twin_at(link.source).unwrap().id, relationship.source);
            assert_eq!(graph.twin_at(link.target).unwrap().id, relationship.target);
            assert_eq!(graph.name_of(link.name), Some(&relationship.name));
        }
        self.counts(graph);
    }

    fn counts(&self, graph: &TwinGraph) {
        let mut models: BTreeMap<Arc<str>, BTreeSet<String>> = BTreeMap::new();
        for (id, twin) in &self.twins {
            models.entry(twin.model.clone()).or_default().insert(id.clone());
        }
        let mut names: BTreeMap<Arc<str>, usize> = BTreeMap::new();
        for relationship in self.relationships.values() {
            *names.entry(relationship.name.clone()).or_default() += 1;
        }
        let counted: BTreeMap<_, _> =
            graph.names_in_use().map(|(_, name, count)| (name.clone(), count)).collect();
        assert_eq!(counted, names);
        let of_model = |kind| {
            let twins = graph.nodes_of(kind).map(|node| graph.twin_at(node).unwrap());
            twins.map(|twin| twin.id.to_string()).collect::<BTreeSet<_>>()
        };
        let listed: BTreeMap<_, _> =
            graph.models_in_use().map(|(kind, model, _)| (model.clone(), of_model(kind))).collect();
        assert_eq!(listed, models);
        assert!(graph.models_in_use().all(|(kind, model, count)| count == models[model].len()
            && graph.twin_count_of(kind) == count
            && graph.model_kind(model) == Some(kind)));
    }
}

/// Which places hold what, as the slots of two versions tell it.
fn told<'g, T: 'g>(
    chunks: impl Iterator<Item = (usize, u64, Vec<&'g Slot<T>>)>,
    after: u64,
) -> BTreeMap<usize, bool> {
    let mut changed = BTreeMap::new();
    for (first, newest, slots) in chunks {
        assert_eq!(slots.iter().map(|slot| slot.version()).max(), Some(newest));
        for (place, slot) in (first..).zip(slots).filter(|(_, slot)| slot.version() > after) {
            changed.insert(place, slot.value().is_some());
        }
    }
    changed
}

/// Every node and edge, by its index, that is not the same in both versions.
fn differing(before: &TwinGraph, after: &TwinGraph) -> [BTreeMap<usize, bool>; 2] {
    fn of<T>(bound: usize, at: impl Fn(&usize) -> [Option<Arc<T>>; 2]) -> BTreeMap<usize, bool> {
        let pairs = (0..bound).map(|place| (place, at(&place)));
        let other = |pair: &[Option<Arc<T>>; 2]| match pair {
            [Some(one), Some(other)] => !Arc::ptr_eq(one, other),
            [one, other] => one.is_some() != other.is_some(),
        };
        pairs.filter(|(_, pair)| other(pair)).map(|(at, [_, now])| (at, now.is_some())).collect()
    }
    let twin = |graph: &TwinGraph, at: usize| graph.twin_at(NodeIndex::new(at)).cloned();
    let related = |graph: &TwinGraph, at: usize| {
        graph.relationship_at(EdgeIndexable::from_index(graph, at)).cloned()
    };
    [
        of(after.node_bound(), |&at| [twin(before, at), twin(after, at)]),
        of(after.edge_bound(), |&at| [related(before, at), related(after, at)]),
    ]
}

/// petgraph's own graph of the same nodes and edges.
fn copied(graph: &TwinGraph) -> (DiGraph<NodeIndex, ()>, HashMap<NodeIndex, NodeIndex>) {
    let mut copy = DiGraph::new();
    let nodes: HashMap<_, _> =
        graph.node_references().map(|(node, _)| (node, copy.add_node(node))).collect();
    for edge in graph.edge_references() {
        copy.add_edge(nodes[&edge.source()], nodes[&edge.target()], ());
    }
    (copy, nodes)
}

fn algorithms_agree(graph: &TwinGraph) {
    let (copy, nodes) = copied(graph);
    assert_eq!(connected_components(&copy), {
        // It needs indices without gaps, which a graph with free places does not have.
        let mut seen = petgraph::unionfind::UnionFind::new(graph.node_bound());
        graph.edge_references().for_each(|edge| {
            seen.union(edge.source().index(), edge.target().index());
        });
        let roots = graph.node_references().map(|(node, _)| seen.find(node.index()));
        roots.collect::<BTreeSet<_>>().len()
    });
    let sorted = |components: Vec<Vec<NodeIndex>>| {
        let each = components.into_iter().map(|each| each.into_iter().collect::<BTreeSet<_>>());
        each.collect::<BTreeSet<_>>()
    };
    let original = |components: Vec<Vec<NodeIndex>>| {
        components.iter().map(|each| each.iter().map(|&node| copy[node]).collect()).collect()
    };
    assert_eq!(sorted(tarjan_scc(graph)), sorted(original(tarjan_scc(&copy))));
    let Some(start) = graph.node("t1") else { return };
    let far = dijkstra(graph, start, None, |_| 1);
    let expected = dijkstra(&copy, nodes[&start], None, |_| 1);
    assert_eq!(far, expected.into_iter().map(|(node, far)| (copy[node], far)).collect());
    let mut reached = BTreeSet::new();
    let mut search = Bfs::new(Reversed(graph), start);
    while let Some(node) = search.next(Reversed(graph)) {
        reached.insert(node);
    }
    assert!(reached.iter().all(|&node| dijkstra(graph, node, Some(start), |_| 1)[&start] >= 0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn versions_are_what_they_were(steps in prop::collection::vec(step(), 1..900)) {
        let mut graph = TwinGraph::new();
        let mut plain = Plain::default();
        let mut versions = vec![(graph.clone(), plain.clone())];
        for step in &steps {
            let version = graph.version() + 1;
            let Some(kind) = plain.change(step, version) else { continue };
            let trace = TraceContext::new(1, 1);
            let cause = Cause { trace, origin: Origin::Rest };
            let time = Timestamp::from_ticks(version as i64);
            graph.apply(&Change { version, time, cause, kind }).unwrap();
            if version.is_multiple_of(100) {
                versions.push((graph.clone(), plain.clone()));
            }
        }
        versions.push((graph, plain));
        for (graph, plain) in &versions {
            plain.equals(graph);
            algorithms_agree(graph);
        }
        let (now, _) = versions.last().unwrap();
        for (before, _) in &versions {
            let after = before.version();
            let twins = now.twin_chunks_after(after)
                .map(|chunk| (chunk.first(), chunk.newest(), chunk.slots().collect()));
            let relationships = now.relationship_chunks_after(after)
                .map(|chunk| (chunk.first(), chunk.newest(), chunk.slots().collect()));
            let [mut nodes, mut edges] = differing(before, now);
            let (twins, relationships) = (told(twins, after), told(relationships, after));
            // What came and went meanwhile is told, and looks as before.
            let same = |told: &BTreeMap<usize, bool>, known: &mut BTreeMap<usize, bool>| {
                for (place, there) in told {
                    if !there { known.entry(*place).or_insert(false); }
                }
            };
            same(&twins, &mut nodes);
            same(&relationships, &mut edges);
            prop_assert_eq!(twins, nodes);
            prop_assert_eq!(relationships, edges);
        }
    }
}

/// An edge is taken off a hub of any size without a walk over the others: were it one, this would
/// take minutes.
#[test]
fn a_hub_loses_edges_quickly() {
    const EDGES: usize = 100_000;
    let twin = |id: &str| {
        let (id, model, etag) = (id.into(), "dtmi:test:M;1".into(), "".into());
        Arc::new(Twin {
            id,
            model,
            etag,
            contents: Contents::default(),
            components: Default::default(),
        })
    };
    let relationship = |number: usize| {
        Arc::new(Relationship {
            id: number.to_string().into(),
            source: "hub".into(),
            target: "other".into(),
            name: "n".into(),
            etag: "".into(),
            properties: Default::default(),
        })
    };
    let mut graph =
        TwinGraph::restore(0, &[], [twin("hub"), twin("other")], (0..EDGES).map(relationship))
            .unwrap();
    for number in 0..EDGES {
        let cause = Cause { trace: TraceContext::new(1, 1), origin: Origin::Rest };
        let kind = ChangeKind::RelationshipDeleted { relationship: relationship(number) };
        let version = graph.version() + 1;
        graph.apply(&Change { version, time: Timestamp::default(), cause, kind }).unwrap();
    }
    assert_eq!(graph.relationship_count(), 0);
}
