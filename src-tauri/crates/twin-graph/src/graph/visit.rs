//! petgraph's view of the graph: its traits, so that its algorithms run on any version.

use super::adjacency::{self, Adjacency};
use super::kinds::Kind;
use super::{TwinGraph, edge_index, node_index};
use crate::{Relationship, Twin};
use fixedbitset::FixedBitSet;
use petgraph::data::DataMap;
use petgraph::graph::{EdgeIndex, NodeIndex};
use petgraph::visit::{
    Data, EdgeCount, EdgeIndexable, EdgeRef, GraphBase, GraphProp, IntoEdgeReferences, IntoEdges,
    IntoEdgesDirected, IntoNeighbors, IntoNeighborsDirected, IntoNodeIdentifiers,
    IntoNodeReferences, NodeCount, NodeIndexable, Visitable,
};
use petgraph::{Directed, Direction};
use std::ops::Range;
use std::sync::Arc;

/// An edge, without a look at its relationship.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its index.
    pub edge: EdgeIndex,
    /// The node that it leaves.
    pub source: NodeIndex,
    /// The node that it reaches.
    pub target: NodeIndex,
    /// The name of its relationship.
    pub name: Kind,
}

impl Link {
    pub(super) fn new(index: u32, edge: &adjacency::Edge) -> Self {
        let (source, target) = (node_index(edge.source()), node_index(edge.target()));
        Self { edge: edge_index(index), source, target, name: edge.kind() }
    }

    /// The end that is not the node whose links in this direction were asked for.
    pub fn other(self, direction: Direction) -> NodeIndex {
        match direction {
            Direction::Outgoing => self.target,
            Direction::Incoming => self.source,
        }
    }
}

/// An edge with its relationship.
#[derive(Clone, Copy, Debug)]
pub struct Edge<'g> {
    /// Where it leads.
    pub link: Link,
    /// What it stands for.
    pub relationship: &'g Arc<Relationship>,
}

impl EdgeRef for Edge<'_> {
    type NodeId = NodeIndex;
    type EdgeId = EdgeIndex;
    type Weight = Arc<Relationship>;

    fn source(&self) -> NodeIndex {
        self.link.source
    }

    fn target(&self) -> NodeIndex {
        self.link.target
    }

    fn weight(&self) -> &Arc<Relationship> {
        self.relationship
    }

    fn id(&self) -> EdgeIndex {
        self.link.edge
    }
}

/// The links of a node in one direction, see [`TwinGraph::links_of`].
#[derive(Clone)]
pub struct Links<'g> {
    adjacency: &'g Adjacency,
    direction: Direction,
    next: u32,
}

impl Iterator for Links<'_> {
    type Item = Link;

    fn next(&mut self) -> Option<Link> {
        let (index, edge) = (self.next, self.adjacency.edge(self.next)?);
        self.next = edge.next(self.direction);
        Some(Link::new(index, edge))
    }
}

/// The edges of a node in one direction, see [`TwinGraph::edges_of`].
#[derive(Clone)]
pub struct Edges<'g> {
    graph: &'g TwinGraph,
    links: Links<'g>,
}

impl<'g> Iterator for Edges<'g> {
    type Item = Edge<'g>;

    fn next(&mut self) -> Option<Edge<'g>> {
        let link = self.links.next()?;
        let relationship = self.graph.relationship_at(link.edge)?;
        Some(Edge { link, relationship })
    }
}

/// The nodes at the other ends of a node's edges.
#[derive(Clone)]
pub struct Neighbors<'g>(Links<'g>);

impl Iterator for Neighbors<'_> {
    type Item = NodeIndex;

    fn next(&mut self) -> Option<NodeIndex> {
        let direction = self.0.direction;
        self.0.next().map(|link| link.other(direction))
    }
}

impl TwinGraph {
    /// The edges that leave or reach a node, the newest first, without a look at their
    /// relationships: the quickest way to walk.
    pub fn links_of(&self, node: NodeIndex, direction: Direction) -> Links<'_> {
        let next = self.adjacency.first_edge(node.index() as u32, direction);
        Links { adjacency: &self.adjacency, direction, next }
    }

    /// The edges that leave or reach a node, the newest first.
    pub fn edges_of(&self, node: NodeIndex, direction: Direction) -> Edges<'_> {
        Edges { graph: self, links: self.links_of(node, direction) }
    }

    /// One edge.
    pub fn link(&self, edge: EdgeIndex) -> Option<Link> {
        let index = edge.index() as u32;
        self.adjacency.edge(index).map(|edge| Link::new(index, edge))
    }
}

/// All nodes, in the order of their indices.
#[derive(Clone)]
pub struct Nodes<'g> {
    graph: &'g TwinGraph,
    places: Range<usize>,
}

impl<'g> Iterator for Nodes<'g> {
    type Item = (NodeIndex, &'g Arc<Twin>);

    fn next(&mut self) -> Option<Self::Item> {
        let mut nodes = self.places.by_ref().map(NodeIndex::new);
        nodes.find_map(|node| Some((node, self.graph.twin_at(node)?)))
    }
}

/// The indices of all nodes, in order.
#[derive(Clone)]
pub struct NodeIdentifiers<'g>(Nodes<'g>);

impl Iterator for NodeIdentifiers<'_> {
    type Item = NodeIndex;

    fn next(&mut self) -> Option<NodeIndex> {
        self.0.next().map(|(node, _)| node)
    }
}

/// All edges, in the order of their indices.
#[derive(Clone)]
pub struct EdgeReferences<'g> {
    graph: &'g TwinGraph,
    places: Range<usize>,
}

impl<'g> Iterator for EdgeReferences<'g> {
    type Item = Edge<'g>;

    fn next(&mut self) -> Option<Edge<'g>> {
        let mut edges = self.places.by_ref().map(EdgeIndex::new);
        edges.find_map(|edge| {
            let relationship = self.graph.relationship_at(edge)?;
            Some(Edge { link: self.graph.link(edge)?, relationship })
        })
    }
}

impl GraphBase for TwinGraph {
    type NodeId = NodeIndex;
    type EdgeId = EdgeIndex;
}

impl Data for TwinGraph {
    type NodeWeight = Arc<Twin>;
    type EdgeWeight = Arc<Relationship>;
}

impl DataMap for TwinGraph {
    fn node_weight(&self, node: NodeIndex) -> Option<&Arc<Twin>> {
        self.twin_at(node)
    }

    fn edge_weight(&self, edge: EdgeIndex) -> Option<&Arc<Relationship>> {
        self.relationship_at(edge)
    }
}

impl GraphProp for TwinGraph {
    type EdgeType = Directed;
}

impl NodeCount for TwinGraph {
    fn node_count(&self) -> usize {
        self.twin_count()
    }
}

impl EdgeCount for TwinGraph {
    fn edge_count(&self) -> usize {
        self.relationship_count()
    }
}

impl NodeIndexable for TwinGraph {
    fn node_bound(&self) -> usize {
        self.twins.len()
    }

    fn to_index(&self, node: NodeIndex) -> usize {
        node.index()
    }

    fn from_index(&self, index: usize) -> NodeIndex {
        NodeIndex::new(index)
    }
}

impl EdgeIndexable for TwinGraph {
    fn edge_bound(&self) -> usize {
        self.relationships.len()
    }

    fn to_index(&self, edge: EdgeIndex) -> usize {
        edge.index()
    }

    fn from_index(&self, index: usize) -> EdgeIndex {
        EdgeIndex::new(index)
    }
}

impl Visitable for TwinGraph {
    type Map = FixedBitSet;

    fn visit_map(&self) -> FixedBitSet {
        FixedBitSet::with_capacity(self.node_bound())
    }

    fn reset_map(&self, map: &mut FixedBitSet) {
        map.clear();
        map.grow(self.node_bound());
    }
}

impl<'g> IntoNeighbors for &'g TwinGraph {
    type Neighbors = Neighbors<'g>;

    fn neighbors(self, node: NodeIndex) -> Neighbors<'g> {
        self.neighbors_directed(node, Direction::Outgoing)
    }
}

impl<'g> IntoNeighborsDirected for &'g TwinGraph {
    type NeighborsDirected = Neighbors<'g>;

    fn neighbors_directed(self, node: NodeIndex, direction: Direction) -> Neighbors<'g> {
        Neighbors(self.links_of(node, direction))
    }
}

impl<'g> IntoEdgeReferences for &'g TwinGraph {
    type EdgeRef = Edge<'g>;
    type EdgeReferences = EdgeReferences<'g>;

    fn edge_references(self) -> EdgeReferences<'g> {
        EdgeReferences { graph: self, places: 0..self.edge_bound() }
    }
}

impl<'g> IntoEdges for &'g TwinGraph {
    type Edges = Edges<'g>;

    fn edges(self, node: NodeIndex) -> Edges<'g> {
        self.edges_of(node, Direction::Outgoing)
    }
}

impl<'g> IntoEdgesDirected for &'g TwinGraph {
    type EdgesDirected = Edges<'g>;

    fn edges_directed(self, node: NodeIndex, direction: Direction) -> Edges<'g> {
        self.edges_of(node, direction)
    }
}

impl<'g> IntoNodeIdentifiers for &'g TwinGraph {
    type NodeIdentifiers = NodeIdentifiers<'g>;

    fn node_identifiers(self) -> NodeIdentifiers<'g> {
        NodeIdentifiers(self.node_references())
    }
}

impl<'g> IntoNodeReferences for &'g TwinGraph {
    type NodeRef = (NodeIndex, &'g Arc<Twin>);
    type NodeReferences = Nodes<'g>;

    fn node_references(self) -> Nodes<'g> {
        Nodes { graph: self, places: 0..self.node_bound() }
    }
}
