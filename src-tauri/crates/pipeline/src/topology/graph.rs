//! The topology as one typed graph: who leads to whom.

use super::{Topology, TopologyProblem, pointer};
use crate::flow::{INSTANCE, node_id};
use adt_events::EventType2019;
use petgraph::Direction::{Incoming, Outgoing};
use petgraph::algo::kosaraju_scc;
use petgraph::graphmap::DiGraphMap;
use std::collections::{BTreeMap, BTreeSet};

/// A node of a topology: part of `topology.json`, and name; the instance has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Node<'a> {
    /// `sources`, `functions`, `endpoints`, …, or `instance`.
    pub part: &'a str,
    /// The name; empty for the instance.
    pub name: &'a str,
}

const THE_INSTANCE: Node<'static> = Node { part: INSTANCE, name: "" };

impl Node<'_> {
    /// Its id, as meters have it: `endpoints/eg-twins`, or `instance`.
    pub fn id(self) -> String {
        if self.part == INSTANCE { INSTANCE.to_owned() } else { node_id(self.part, self.name) }
    }
}

/// The wires between the nodes of a topology. What a node names and is not there has no wire.
#[derive(Clone, Debug)]
pub struct Wiring<'a> {
    graph: DiGraphMap<Node<'a>, ()>,
    /// Routes that let only changes of some twins through, by their filters.
    choosy: BTreeSet<&'a str>,
}

impl<'a> Wiring<'a> {
    /// The wires of a topology.
    pub fn new(topology: &'a Topology) -> Self {
        let mut wiring = Self { graph: DiGraphMap::new(), choosy: BTreeSet::new() };
        wiring.add_nodes(topology);
        wiring.add_wires(topology);
        wiring
    }

    fn add_nodes(&mut self, topology: &'a Topology) {
        let parts: [(&'static str, Vec<&'a String>); 7] = [
            ("sources", topology.sources.keys().collect()),
            ("functions", topology.functions.keys().collect()),
            ("endpoints", topology.endpoints.keys().collect()),
            ("endpoints2019", topology.endpoints2019.keys().collect()),
            ("routes", topology.routes.keys().collect()),
            ("subscriptions", topology.subscriptions.keys().collect()),
            ("sinks", topology.sinks.keys().collect()),
        ];
        self.graph.add_node(THE_INSTANCE);
        for (part, names) in parts {
            for name in names {
                self.graph.add_node(Node { part, name });
            }
        }
    }

    fn add_wires(&mut self, topology: &'a Topology) {
        for (name, source) in &topology.sources {
            self.wire(
                Node { part: "sources", name },
                Node { part: "functions", name: source.function() },
            );
        }
        for (name, function) in &topology.functions {
            let from = Node { part: "functions", name };
            if function.writes_to_instance() {
                self.wire(from, THE_INSTANCE);
            }
            for sink in function.sinks() {
                self.wire(from, Node { part: "sinks", name: sink });
            }
        }
        for (name, route) in &topology.routes {
            let at = Node { part: "routes", name };
            self.wire(THE_INSTANCE, at);
            if is_choosy(&route.filter) {
                self.choosy.insert(name);
            }
            self.wire(at, Node { part: "endpoints", name: &route.endpoint });
        }
        for (name, endpoint) in &topology.endpoints2019 {
            let to = Node { part: "endpoints2019", name };
            if endpoint.event_types == [EventType2019::DeviceMessage] {
                for source in topology.sources.keys() {
                    self.wire(Node { part: "sources", name: source }, to);
                }
            } else {
                self.wire(THE_INSTANCE, to);
            }
        }
        for (name, subscription) in &topology.subscriptions {
            let at = Node { part: "subscriptions", name };
            for part in ["endpoints", "endpoints2019"] {
                self.wire(Node { part, name: &subscription.endpoint }, at);
            }
            self.wire(at, Node { part: "functions", name: &subscription.function });
        }
    }

    fn wire(&mut self, from: Node<'a>, to: Node<'a>) {
        if self.graph.contains_node(from) && self.graph.contains_node(to) {
            self.graph.add_edge(from, to, ());
        }
    }

    /// All nodes.
    pub fn nodes(&self) -> impl Iterator<Item = Node<'a>> {
        self.graph.nodes()
    }

    /// All wires.
    pub fn wires(&self) -> impl Iterator<Item = (Node<'a>, Node<'a>)> {
        self.graph.all_edges().map(|(from, to, ())| (from, to))
    }

    /// What is allowed and may not be meant.
    pub fn warnings(&self) -> Vec<TopologyProblem> {
        let mut warnings = self.unreached();
        warnings.extend(self.cycles());
        warnings
    }

    fn unreached(&self) -> Vec<TopologyProblem> {
        let lonely = |node: Node<'a>| {
            let from = self.graph.neighbors_directed(node, Incoming).next().is_some();
            let to = self.graph.neighbors_directed(node, Outgoing).next().is_some();
            let message = match node.part {
                "functions" if !from => {
                    "Nothing calls this function: wire a source or a subscription to it."
                }
                "endpoints" if !from => "No route leads to this endpoint.",
                "endpoints" | "endpoints2019" if !to => {
                    return None; // Who reads it may be elsewhere.
                }
                "sinks" if !from => "No function publishes to this sink.",
                _ => return None,
            };
            let path = pointer(&[node.part, node.name]);
            Some(TopologyProblem { path, message: message.to_owned() })
        };
        self.nodes().filter_map(lonely).collect()
    }

    /// Functions whose writes can call them again. A route that chooses twins by model or id is
    /// taken to end the circle, as in a function that writes to the parent of what was changed;
    /// where it does not, a trace that goes through more than [`crate::MOST_HOPS`] functions is
    /// cut off.
    fn cycles(&self) -> Vec<TopologyProblem> {
        let mut open = self.graph.clone();
        for route in &self.choosy {
            open.remove_node(Node { part: "routes", name: route });
        }
        let mut by_path = BTreeMap::new();
        for circle in kosaraju_scc(&open).into_iter().filter(|circle| circle.len() > 1) {
            for node in circle.iter().filter(|node| node.part == "functions") {
                let message = format!(
                    "What this function writes can call it again, by way of {}. Let the route choose twins by model or id, or see that the function ends it: after {} functions in one trace it is cut off.",
                    through(&circle),
                    crate::MOST_HOPS,
                );
                by_path.insert(pointer(&[node.part, node.name]), message);
            }
        }
        by_path.into_iter().map(|(path, message)| TopologyProblem { path, message }).collect()
    }
}

fn is_choosy(filter: &str) -> bool {
    let names = ["modelId", "$metadata.$model", "subject"];
    filter.trim() == "false" || names.iter().any(|name| filter.contains(name))
}

fn through(circle: &[Node<'_>]) -> String {
    let routes = circle.iter().filter(|node| node.part == "routes");
    let mut names: Vec<_> = routes.map(|node| format!("«{}»", node.name)).collect();
    names.sort();
    match names.as_slice() {
        [one] => format!("the route {one}"),
        _ => format!("the routes {}", names.join(", ")),
    }
}
