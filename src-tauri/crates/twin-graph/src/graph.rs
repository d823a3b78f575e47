//! The graph itself: a persistent value, in petgraph's terms.

mod adjacency;
mod apply;
mod chunks;
mod index;
mod kinds;
mod planned;
mod slots;
mod visit;

pub use apply::ApplyError;
pub use kinds::Kind;
pub use planned::Planned;
pub use slots::{Chunk, Slot};
pub use visit::{Edge, EdgeReferences, Edges, Link, Links, Neighbors, NodeIdentifiers, Nodes};

use crate::{EventRoute, Relationship, Timestamp, Twin};
use adjacency::Adjacency;
use index::Index;
use petgraph::Direction;
use petgraph::graph::{EdgeIndex, NodeIndex};
use serde_json::Value;
use slots::Slots;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A model with what the service stores about it.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredModel {
    /// The DTDL document, an interface with an `@id`.
    pub document: Arc<Value>,
    /// When it was uploaded.
    pub uploaded: Timestamp,
    /// A decommissioned model takes no new twins.
    pub decommissioned: bool,
}

impl StoredModel {
    /// The DTMI; empty where the document has none.
    pub fn id(&self) -> &str {
        self.document.get("@id").and_then(Value::as_str).unwrap_or_default()
    }
}

/// Digital twins and what relates them, with their models, at one version.
///
/// A clone is another version of the same graph that shares all that did not change since: it
/// takes microseconds and a few kilobytes, whatever the size, so that a reader keeps the version
/// that it began with while the writer goes on. Nodes and edges are numbered as in petgraph's
/// stable graph: an index stays the same while its twin or relationship is there, and is used
/// again afterwards.
///
/// petgraph's algorithms run on a reference to it, because it has the traits of
/// [`petgraph::visit`].
#[derive(Clone, Default)]
pub struct TwinGraph {
    twins: Slots<Twin>,
    relationships: Slots<Relationship>,
    adjacency: Adjacency,
    by_id: Index,
    by_source_and_id: Index,
    models: Arc<dtdl::Models>,
    stored: Arc<BTreeMap<Arc<str>, StoredModel>>,
    routes: Arc<BTreeMap<Arc<str>, Arc<EventRoute>>>,
    /// Version of the last change of a model.
    models_version: u64,
    /// Version of the last change of a route.
    routes_version: u64,
    version: u64,
}

impl TwinGraph {
    /// An empty graph at version 0.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same graph with these event routes, which a snapshot holds too.
    #[must_use]
    pub fn with_routes(mut self, routes: impl IntoIterator<Item = Arc<EventRoute>>) -> Self {
        let routes = routes.into_iter().map(|route| (route.id.clone(), route));
        self.routes = Arc::new(routes.collect());
        self
    }

    /// The version of the last change.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The models, parsed.
    pub fn models(&self) -> &dtdl::Models {
        &self.models
    }

    /// The version at which the models last changed, so that whoever made something of them knows
    /// when to do it again.
    pub fn models_version(&self) -> u64 {
        self.models_version
    }

    /// The models as stored, ordered by DTMI.
    pub fn stored_models(&self) -> impl Iterator<Item = (&Arc<str>, &StoredModel)> {
        self.stored.iter()
    }

    /// One model as stored.
    pub fn stored_model(&self, dtmi: &str) -> Option<&StoredModel> {
        self.stored.get(dtmi)
    }

    /// The event routes, ordered by id.
    pub fn routes(&self) -> impl Iterator<Item = &Arc<EventRoute>> {
        self.routes.values()
    }

    /// One event route.
    pub fn route(&self, id: &str) -> Option<&Arc<EventRoute>> {
        self.routes.get(id)
    }

    /// The version at which the event routes last changed, so that whoever compiled them knows
    /// when to do it again.
    pub fn routes_version(&self) -> u64 {
        self.routes_version
    }

    /// How many twins there are.
    pub fn twin_count(&self) -> usize {
        self.by_id.len()
    }

    /// How many relationships there are.
    pub fn relationship_count(&self) -> usize {
        self.by_source_and_id.len()
    }

    /// One twin.
    pub fn twin(&self, id: &str) -> Option<&Arc<Twin>> {
        self.twin_at(self.node(id)?)
    }

    /// The node of a twin.
    pub fn node(&self, id: &str) -> Option<NodeIndex> {
        let is = |place| self.twins.value(place).is_some_and(|twin| *twin.id == *id);
        self.by_id.find(self.by_id.hash(id), is).map(node_index)
    }

    /// The twin of a node.
    pub fn twin_at(&self, node: NodeIndex) -> Option<&Arc<Twin>> {
        self.twins.value(place(node))
    }

    /// The version at which the twin of a node came, however often it changed since.
    pub fn twin_since(&self, node: NodeIndex) -> Option<u64> {
        self.twins.since(place(node))
    }

    /// The version at which the twin of a node came or last changed.
    pub fn twin_changed(&self, node: NodeIndex) -> Option<u64> {
        self.twins.changed(place(node))
    }

    /// All twins, in the order in which they were created (a freed place is taken again).
    pub fn twins(&self) -> impl Iterator<Item = &Arc<Twin>> {
        self.twin_chunks().flat_map(|chunk| chunk.slots()).filter_map(Slot::value)
    }

    /// All places of twins, chunk by chunk.
    pub fn twin_chunks(&self) -> impl Iterator<Item = Chunk<'_, Twin>> {
        self.twins.chunks(None)
    }

    /// The chunks in which a twin came, went or changed after a version.
    pub fn twin_chunks_after(&self, version: u64) -> impl Iterator<Item = Chunk<'_, Twin>> {
        self.twins.chunks(Some(version))
    }

    /// One relationship.
    pub fn relationship(&self, source: &str, id: &str) -> Option<&Arc<Relationship>> {
        self.relationship_at(self.edge(source, id)?)
    }

    /// The edge of a relationship.
    pub fn edge(&self, source: &str, id: &str) -> Option<EdgeIndex> {
        self.edge_of(place(self.node(source)?), id).map(edge_index)
    }

    /// The relationship of an edge.
    pub fn relationship_at(&self, edge: EdgeIndex) -> Option<&Arc<Relationship>> {
        self.relationships.value(edge.index() as u32)
    }

    /// The version at which the relationship of an edge came, however often it changed since.
    pub fn relationship_since(&self, edge: EdgeIndex) -> Option<u64> {
        self.relationships.since(edge.index() as u32)
    }

    /// All relationships, in the order in which they were created (a freed place is taken again).
    pub fn relationships(&self) -> impl Iterator<Item = &Arc<Relationship>> {
        self.relationship_chunks().flat_map(|chunk| chunk.slots()).filter_map(Slot::value)
    }

    /// All places of relationships, chunk by chunk.
    pub fn relationship_chunks(&self) -> impl Iterator<Item = Chunk<'_, Relationship>> {
        self.relationships.chunks(None)
    }

    /// The chunks in which a relationship came, went or changed after a version.
    pub fn relationship_chunks_after(
        &self,
        version: u64,
    ) -> impl Iterator<Item = Chunk<'_, Relationship>> {
        self.relationships.chunks(Some(version))
    }

    /// The relationships that leave a twin, the newest first; none where there is no such twin.
    pub fn outgoing(&self, id: &str) -> impl Iterator<Item = &Arc<Relationship>> {
        self.related(id, Direction::Outgoing)
    }

    /// The relationships that reach a twin, the newest first; none where there is no such twin.
    pub fn incoming(&self, id: &str) -> impl Iterator<Item = &Arc<Relationship>> {
        self.related(id, Direction::Incoming)
    }

    fn related(&self, id: &str, direction: Direction) -> impl Iterator<Item = &Arc<Relationship>> {
        let edges = self.node(id).into_iter().flat_map(move |node| self.edges_of(node, direction));
        edges.map(|edge| edge.relationship)
    }

    /// How many relationships leave or reach a node.
    pub fn degree(&self, node: NodeIndex, direction: Direction) -> usize {
        self.adjacency.degree(place(node), direction)
    }

    /// The number of a model; `None` where no twin was ever of it.
    pub fn model_kind(&self, dtmi: &str) -> Option<Kind> {
        self.adjacency.models.number(dtmi)
    }

    /// The number of a relationship name; `None` where no relationship ever had it.
    pub fn name_kind(&self, name: &str) -> Option<Kind> {
        self.adjacency.names.number(name)
    }

    /// The DTMI that a number stands for.
    pub fn model_of(&self, kind: Kind) -> Option<&Arc<str>> {
        self.adjacency.models.name(kind)
    }

    /// The relationship name that a number stands for.
    pub fn name_of(&self, kind: Kind) -> Option<&Arc<str>> {
        self.adjacency.names.name(kind)
    }

    /// The number of the model of a node's twin.
    pub fn kind_of(&self, node: NodeIndex) -> Option<Kind> {
        self.adjacency.node_kind(place(node))
    }

    /// The models that twins are of, with how many twins are of each itself (not of those that
    /// extend it).
    pub fn models_in_use(&self) -> impl Iterator<Item = (Kind, &Arc<str>, usize)> {
        self.adjacency.models.in_use()
    }

    /// The names that relationships have, with how many have each.
    pub fn names_in_use(&self) -> impl Iterator<Item = (Kind, &Arc<str>, usize)> {
        self.adjacency.names.in_use()
    }

    /// How many twins are of a model itself.
    pub fn twin_count_of(&self, model: Kind) -> usize {
        self.adjacency.models.used(model).map_or(0, |used| used.count as usize)
    }

    /// How many relationships have a name.
    pub fn relationship_count_of(&self, name: Kind) -> usize {
        self.adjacency.names.used(name).map_or(0, |used| used.count as usize)
    }

    /// The nodes whose twins are of a model itself, those that came last first.
    pub fn nodes_of(&self, model: Kind) -> impl Iterator<Item = NodeIndex> + use<'_> {
        self.adjacency.of_kind(model).map(node_index)
    }

    fn edge_of(&self, source: u32, id: &str) -> Option<u32> {
        let is = |edge| {
            let from = self.adjacency.edge(edge).is_some_and(|edge| edge.source() == source);
            from && self.relationships.value(edge).is_some_and(|known| *known.id == *id)
        };
        self.by_source_and_id.find(self.by_source_and_id.hash((source, id)), is)
    }
}

fn node_index(place: u32) -> NodeIndex {
    NodeIndex::new(place as usize)
}

fn edge_index(place: u32) -> EdgeIndex {
    EdgeIndex::new(place as usize)
}

fn place(node: NodeIndex) -> u32 {
    node.index() as u32
}
