//! How a change is carried out on the graph.

use super::{StoredModel, TwinGraph, place};
use crate::{Change, ChangeKind, PatchError, Relationship, Twin, patch};
use petgraph::Direction;
use serde_json::Value;
use std::sync::Arc;
use thiserror::Error;

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

impl TwinGraph {
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
        let mut graph = Self::at(version);
        graph.restore_models(models)?;
        twins.into_iter().for_each(|twin| graph.restore_twin(twin));
        relationships.into_iter().try_for_each(|each| graph.restore_relationship(each))?;
        Ok(graph)
    }

    /// An empty graph at a version, to be filled with what there was then.
    pub fn at(version: u64) -> Self {
        Self { version, models_version: version, routes_version: version, ..Self::default() }
    }

    /// Puts models that were there at this version.
    ///
    /// # Errors
    /// Where they do not parse.
    pub fn restore_models(&mut self, models: &[StoredModel]) -> Result<(), ApplyError> {
        if models.is_empty() { Ok(()) } else { self.put_models(self.version, models) }
    }

    /// Puts a twin that was there at this version.
    pub fn restore_twin(&mut self, twin: Arc<Twin>) {
        self.put_twin(self.version, twin);
    }

    /// Puts a relationship that was there at this version, behind its twins.
    ///
    /// # Errors
    /// Where a twin that it names is not there.
    pub fn restore_relationship(
        &mut self,
        relationship: Arc<Relationship>,
    ) -> Result<(), ApplyError> {
        self.put_relationship(self.version, relationship)
    }

    /// Carries out a change, which must be the next one.
    ///
    /// # Errors
    /// Where the change does not fit; the graph is then as it was.
    pub fn apply(&mut self, change: &Change) -> Result<(), ApplyError> {
        self.check_next(change)?;
        self.apply_kind(change)?;
        self.version = change.version;
        Ok(())
    }

    pub(super) fn check_next(&self, change: &Change) -> Result<(), ApplyError> {
        let (at, got) = (self.version, change.version);
        if got == at + 1 { Ok(()) } else { Err(ApplyError::Order { at, got }) }
    }

    fn apply_kind(&mut self, change: &Change) -> Result<(), ApplyError> {
        let version = change.version;
        match &change.kind {
            ChangeKind::ModelsPut { models } => self.put_models(version, models),
            ChangeKind::ModelDecommissioned { id } => {
                let stored = Arc::make_mut(&mut self.stored).get_mut(id);
                stored.ok_or_else(|| missing(version, id))?.decommissioned = true;
                self.models_version = version;
                Ok(())
            }
            ChangeKind::ModelDeleted { id } => self.delete_model(version, id),
            ChangeKind::TwinPut { twin, .. } => {
                self.put_twin(version, twin.clone());
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
                self.put_twin(version, Arc::new(twin));
                Ok(())
            }
            ChangeKind::TwinDeleted { twin } => self.delete_twin(version, &twin.id),
            ChangeKind::RelationshipPut { relationship, .. } => {
                self.put_relationship(version, relationship.clone())
            }
            ChangeKind::RelationshipPatched { source, id, patch, etag } => {
                let current = self.relationship(source, id).ok_or_else(|| missing(version, id))?;
                let mut relationship = Relationship::clone(current);
                for applied in patch {
                    patch::apply_to(&mut relationship.properties, &applied.operation)
                        .map_err(|source| ApplyError::Patch { version, source })?;
                }
                relationship.etag = etag.clone();
                self.put_relationship(version, Arc::new(relationship))
            }
            ChangeKind::RelationshipDeleted { relationship } => {
                self.delete_relationship(version, relationship)
            }
            ChangeKind::EventRoutePut { route, .. } => {
                Arc::make_mut(&mut self.routes).insert(route.id.clone(), route.clone());
                self.routes_version = version;
                Ok(())
            }
            ChangeKind::EventRouteDeleted { route } => {
                let removed = Arc::make_mut(&mut self.routes).remove(&route.id);
                removed.ok_or_else(|| missing(version, &route.id))?;
                self.routes_version = version;
                Ok(())
            }
            ChangeKind::Telemetry { .. } => Ok(()),
        }
    }

    fn put_models(&mut self, version: u64, models: &[StoredModel]) -> Result<(), ApplyError> {
        let documents: Vec<Value> =
            models.iter().map(|model| Value::clone(&model.document)).collect();
        Arc::make_mut(&mut self.models)
            .replace(&documents, &dtdl::ParseOptions::default())
            .map_err(|problems| ApplyError::Models { version, problems: problems.to_string() })?;
        let stored = Arc::make_mut(&mut self.stored);
        stored.extend(models.iter().map(|model| (model.id().into(), model.clone())));
        self.models_version = version;
        Ok(())
    }

    fn delete_model(&mut self, version: u64, id: &str) -> Result<(), ApplyError> {
        Arc::make_mut(&mut self.models)
            .remove(id)
            .map_err(|problems| ApplyError::Models { version, problems: problems.to_string() })?;
        Arc::make_mut(&mut self.stored).remove(id);
        self.models_version = version;
        Ok(())
    }

    pub(super) fn put_twin(&mut self, version: u64, mut twin: Arc<Twin>) {
        let model = self.adjacency.models.intern(&twin.model);
        let node = match self.node(&twin.id) {
            Some(node) => {
                self.adjacency.set_node_kind(place(node), model);
                // Its relationships share the id that is there.
                if let Some(known) = self.twin_at(node).filter(|k| !Arc::ptr_eq(&k.id, &twin.id)) {
                    Arc::make_mut(&mut twin).id = known.id.clone();
                }
                place(node)
            }
            None => {
                let node = self.adjacency.add_node(model);
                self.by_id.insert(self.by_id.hash(&*twin.id), node);
                node
            }
        };
        self.twins.set(node, version, Some(twin));
    }

    fn delete_twin(&mut self, version: u64, id: &str) -> Result<(), ApplyError> {
        let node = self.node(id).ok_or_else(|| missing(version, id))?;
        let related = |direction| self.degree(node, direction) > 0;
        if related(Direction::Outgoing) || related(Direction::Incoming) {
            return Err(ApplyError::StillRelated { version, twin: id.to_owned() });
        }
        self.by_id.remove(self.by_id.hash(id), place(node));
        self.adjacency.remove_node(place(node));
        self.twins.set(place(node), version, None);
        Ok(())
    }

    fn put_relationship(
        &mut self,
        version: u64,
        mut relationship: Arc<Relationship>,
    ) -> Result<(), ApplyError> {
        let node = |id: &str| self.node(id).map(place).ok_or_else(|| missing(version, id));
        let (source, target) = (node(&relationship.source)?, node(&relationship.target)?);
        self.share_ids(&mut relationship, source, target);
        let name = self.adjacency.names.intern(&relationship.name);
        let edge = match self.edge_of(source, &relationship.id) {
            Some(edge) => {
                let leads = self.adjacency.edge(edge).map(|edge| (edge.target(), edge.kind()));
                if leads != Some((target, name)) {
                    // The place that is freed is the one that is taken next: the index stays.
                    self.adjacency.remove_edge(edge);
                    self.adjacency.add_edge(source, target, name);
                }
                edge
            }
            None => {
                let edge = self.adjacency.add_edge(source, target, name);
                let hash = self.by_source_and_id.hash((source, &*relationship.id));
                self.by_source_and_id.insert(hash, edge);
                edge
            }
        };
        self.relationships.set(edge, version, Some(relationship));
        Ok(())
    }

    /// The ids of a relationship's ends are kept once, by the twins: what comes from the disk has
    /// copies of them.
    fn share_ids(&self, relationship: &mut Arc<Relationship>, source: u32, target: u32) {
        let (Some(source), Some(target)) = (self.twins.value(source), self.twins.value(target))
        else {
            return;
        };
        let are_shared = Arc::ptr_eq(&relationship.source, &source.id)
            && Arc::ptr_eq(&relationship.target, &target.id);
        if !are_shared {
            let relationship = Arc::make_mut(relationship);
            relationship.source.clone_from(&source.id);
            relationship.target.clone_from(&target.id);
        }
    }

    fn delete_relationship(
        &mut self,
        version: u64,
        relationship: &Relationship,
    ) -> Result<(), ApplyError> {
        let missing = || missing(version, &relationship.id);
        let source = self.node(&relationship.source).map(place).ok_or_else(missing)?;
        let edge = self.edge_of(source, &relationship.id).ok_or_else(missing)?;
        let hash = self.by_source_and_id.hash((source, &*relationship.id));
        self.by_source_and_id.remove(hash, edge);
        self.adjacency.remove_edge(edge);
        self.relationships.set(edge, version, None);
        Ok(())
    }
}

pub(super) fn missing(version: u64, subject: &str) -> ApplyError {
    ApplyError::Missing { version, subject: subject.to_owned() }
}
