//! The graph itself, on petgraph.

use crate::{Change, ChangeKind, EventRoute, PatchError, Relationship, Timestamp, Twin, patch};
use petgraph::Direction;
use petgraph::stable_graph::{EdgeIndex, NodeIndex, StableDiGraph};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use thiserror::Error;

/// A model with what the service stores about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredModel {
    /// The DTDL document, an interface with an `@id`.
    pub document: Arc<Value>,
    /// When it was uploaded.
    pub uploaded: Timestamp,
    /// A decommissioned model takes no new twins.
    #[serde(default)]
    pub decommissioned: bool,
}

impl StoredModel {
    /// The DTMI; empty where the document has none.
    pub fn id(&self) -> &str {
        self.document.get("@id").and_then(Value::as_str).unwrap_or_default()
    }
}

/// A change that does not fit the graph: the journal and the graph do not belong together.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ApplyError {
    /// A version was left out or came twice.
    #[error("change {got} does not follow version {at}: a change is missing or came twice")]
    Order {
        /// The graph's version.
        at: u64,
        /// The change's version.
        got: u64,
    },
    /// It names a twin, relationship or model that is not there.
    #[error("change {version} names «{subject}», which is not in the graph")]
    Missing {
        /// The change's version.
        version: u64,
        /// What it names.
        subject: String,
    },
    /// It would remove a twin that still has relationships.
    #[error("change {version} deletes the twin «{twin}», which still has relationships")]
    StillRelated {
        /// The change's version.
        version: u64,
        /// The twin.
        twin: String,
    },
    /// Its models do not parse any more.
    #[error("change {version} has models that do not parse: {problems}")]
    Models {
        /// The change's version.
        version: u64,
        /// What is wrong with them.
        problems: String,
    },
    /// Its patch does not fit.
    #[error("change {version} cannot be carried out: {source}")]
    Patch {
        /// The change's version.
        version: u64,
        /// Why.
        source: PatchError,
    },
}

/// Digital twins and what relates them, with their models, at one version.
#[derive(Clone, Default)]
pub struct TwinGraph {
    graph: StableDiGraph<Arc<Twin>, Arc<Relationship>>,
    nodes: HashMap<Arc<str>, NodeIndex>,
    edges: HashMap<(NodeIndex, Arc<str>), EdgeIndex>,
    models: dtdl::Models,
    stored: BTreeMap<Arc<str>, StoredModel>,
    routes: BTreeMap<Arc<str>, Arc<EventRoute>>,
    /// Version of the last change of a route.
    routes_version: u64,
    version: u64,
}

impl TwinGraph {
    /// An empty graph at version 0.
    pub fn new() -> Self {
        Self::default()
    }

    /// A graph of the given parts, at a version: what a snapshot or a first load holds.
    ///
    /// # Errors
    /// Where models do not parse, or a relationship names a twin that is not among them.
    pub fn restore(
        version: u64,
        models: &[StoredModel],
        twins: impl IntoIterator<Item = Arc<Twin>>,
        relationships: impl IntoIterator<Item = Arc<Relationship>>,
    ) -> Result<Self, ApplyError> {
        let mut graph = Self::default();
        if !models.is_empty() {
            graph.put_models(version, models)?;
        }
        for twin in twins {
            graph.put_twin(&twin);
        }
        for relationship in relationships {
            graph.put_relationship(version, &relationship)?;
        }
        graph.version = version;
        graph.routes_version = version;
        Ok(graph)
    }

    /// The same graph with these event routes, which a snapshot holds too.
    #[must_use]
    pub fn with_routes(mut self, routes: impl IntoIterator<Item = Arc<EventRoute>>) -> Self {
        self.routes = routes.into_iter().map(|route| (route.id.clone(), route)).collect();
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
        self.nodes.len()
    }

    /// How many relationships there are.
    pub fn relationship_count(&self) -> usize {
        self.edges.len()
    }

    /// One twin.
    pub fn twin(&self, id: &str) -> Option<&Arc<Twin>> {
        self.nodes.get(id).map(|&node| &self.graph[node])
    }

    /// All twins, in the order in which they were created (a freed place is taken again).
    pub fn twins(&self) -> impl Iterator<Item = &Arc<Twin>> {
        self.graph.node_weights()
    }

    /// One relationship.
    pub fn relationship(&self, source: &str, id: &str) -> Option<&Arc<Relationship>> {
        let key = (*self.nodes.get(source)?, Arc::from(id));
        self.edges.get(&key).map(|&edge| &self.graph[edge])
    }

    /// All relationships.
    pub fn relationships(&self) -> impl Iterator<Item = &Arc<Relationship>> {
        self.graph.edge_weights()
    }

    /// The relationships that leave a twin; none where there is no such twin.
    pub fn outgoing(&self, id: &str) -> impl Iterator<Item = &Arc<Relationship>> {
        self.related(id, Direction::Outgoing)
    }

    /// The relationships that reach a twin; none where there is no such twin.
    pub fn incoming(&self, id: &str) -> impl Iterator<Item = &Arc<Relationship>> {
        self.related(id, Direction::Incoming)
    }

    fn related(&self, id: &str, direction: Direction) -> impl Iterator<Item = &Arc<Relationship>> {
        let node = self.nodes.get(id).copied();
        node.into_iter().flat_map(move |node| {
            self.graph.edges_directed(node, direction).map(|edge| edge.weight())
        })
    }

    /// Carries out a change, which must be the next one.
    ///
    /// # Errors
    /// Where the change does not fit; the graph is then as it was.
    pub fn apply(&mut self, change: &Change) -> Result<(), ApplyError> {
        if change.version != self.version + 1 {
            return Err(ApplyError::Order { at: self.version, got: change.version });
        }
        self.apply_kind(change)?;
        self.version = change.version;
        Ok(())
    }

    fn apply_kind(&mut self, change: &Change) -> Result<(), ApplyError> {
        let version = change.version;
        match &change.kind {
            ChangeKind::ModelsPut { models } => self.put_models(version, models),
            ChangeKind::ModelDecommissioned { id } => {
                let stored = self.stored.get_mut(id).ok_or_else(|| missing(version, id))?;
                stored.decommissioned = true;
                Ok(())
            }
            ChangeKind::ModelDeleted { id } => self.delete_model(version, id),
            ChangeKind::TwinPut { twin, .. } => {
                self.put_twin(twin);
                Ok(())
            }
            ChangeKind::TwinPatched { id, patch, source_times, etag, .. } => {
                let mut twin = Twin::clone(self.twin(id).ok_or_else(|| missing(version, id))?);
                for applied in patch {
                    twin.apply_operation(&applied.operation, change.time)
                        .map_err(|source| ApplyError::Patch { version, source })?;
                }
                for (name, time) in source_times {
                    twin.set_source_time(name, *time);
                }
                twin.etag = etag.clone();
                self.put_twin(&Arc::new(twin));
                Ok(())
            }
            ChangeKind::TwinDeleted { twin } => self.delete_twin(version, &twin.id),
            ChangeKind::RelationshipPut { relationship, .. } => {
                self.put_relationship(version, relationship)
            }
            ChangeKind::RelationshipPatched { source, id, patch, etag } => {
                let current = self.relationship(source, id).ok_or_else(|| missing(version, id))?;
                let mut relationship = Relationship::clone(current);
                for applied in patch {
                    patch::apply_to_map(&mut relationship.properties, &applied.operation)
                        .map_err(|source| ApplyError::Patch { version, source })?;
                }
                relationship.etag = etag.clone();
                self.put_relationship(version, &Arc::new(relationship))
            }
            ChangeKind::RelationshipDeleted { relationship } => {
                self.delete_relationship(version, relationship)
            }
            ChangeKind::EventRoutePut { route, .. } => {
                self.routes.insert(route.id.clone(), route.clone());
                self.routes_version = version;
                Ok(())
            }
            ChangeKind::EventRouteDeleted { route } => {
                self.routes.remove(&route.id).ok_or_else(|| missing(version, &route.id))?;
                self.routes_version = version;
                Ok(())
            }
            ChangeKind::Telemetry { .. } => Ok(()),
        }
    }

    fn put_models(&mut self, version: u64, models: &[StoredModel]) -> Result<(), ApplyError> {
        let documents: Vec<Value> =
            models.iter().map(|model| Value::clone(&model.document)).collect();
        self.models
            .replace(&documents, &dtdl::ParseOptions::default())
            .map_err(|problems| ApplyError::Models { version, problems: problems.to_string() })?;
        for model in models {
            self.stored.insert(model.id().into(), model.clone());
        }
        Ok(())
    }

    fn delete_model(&mut self, version: u64, id: &str) -> Result<(), ApplyError> {
        self.models
            .remove(id)
            .map_err(|problems| ApplyError::Models { version, problems: problems.to_string() })?;
        self.stored.remove(id);
        Ok(())
    }

    fn put_twin(&mut self, twin: &Arc<Twin>) {
        match self.nodes.get(&twin.id) {
            Some(&node) => self.graph[node] = twin.clone(),
            None => {
                let node = self.graph.add_node(twin.clone());
                self.nodes.insert(twin.id.clone(), node);
            }
        }
    }

    fn delete_twin(&mut self, version: u64, id: &str) -> Result<(), ApplyError> {
        let node = *self.nodes.get(id).ok_or_else(|| missing(version, id))?;
        if self.graph.neighbors_undirected(node).next().is_some() {
            return Err(ApplyError::StillRelated { version, twin: id.to_owned() });
        }
        self.graph.remove_node(node);
        self.nodes.remove(id);
        Ok(())
    }

    fn put_relationship(
        &mut self,
        version: u64,
        relationship: &Arc<Relationship>,
    ) -> Result<(), ApplyError> {
        let node = |id: &str| self.nodes.get(id).copied().ok_or_else(|| missing(version, id));
        let (source, target) = (node(&relationship.source)?, node(&relationship.target)?);
        let key = (source, relationship.id.clone());
        // A replaced relationship may have another target, and petgraph moves no edge.
        if let Some(edge) = self.edges.remove(&key) {
            self.graph.remove_edge(edge);
        }
        let edge = self.graph.add_edge(source, target, relationship.clone());
        self.edges.insert(key, edge);
        Ok(())
    }

    fn delete_relationship(
        &mut self,
        version: u64,
        relationship: &Relationship,
    ) -> Result<(), ApplyError> {
        let missing = || missing(version, &relationship.id);
        let source = *self.nodes.get(&relationship.source).ok_or_else(missing)?;
        let edge = self.edges.remove(&(source, relationship.id.clone())).ok_or_else(missing)?;
        self.graph.remove_edge(edge);
        Ok(())
    }
}

fn missing(version: u64, subject: &str) -> ApplyError {
    ApplyError::Missing { version, subject: subject.to_owned() }
}
