//! The copy of the graph, and the one way to change it.

use crate::SyncError;
use crate::diff::{self, Step};
use crate::models::LeftOut;
use adt_service::{Call, Code, GraphView, ServiceError, TwinService};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::SystemTime;
use twin_graph::{Change, ChangeKind, Origin, Planned, Relationship, Timestamp, Twin};

/// A relationship's source and id.
pub(crate) type RelationshipKey = (Arc<str>, Arc<str>);

/// The copy, its source, and what is known beside the graph. It has one owner, its only writer.
pub(crate) struct Copy {
    pub(crate) service: Arc<dyn TwinService>,
    pub(crate) view: Arc<GraphView>,
    /// Rows a page.
    pub(crate) page: usize,
    /// The newest update seen, by the service's clock.
    pub(crate) newest: Timestamp,
    /// Models that do not parse here.
    pub(crate) left_out: LeftOut,
    /// A twin was seen whose model was not.
    pub(crate) unknown_model: bool,
    /// Such models, so that one that does not come is not looked for with every twin.
    pub(crate) looked_for: BTreeSet<Arc<str>>,
    /// Rows that are not of the service's form, in the comparison that is under way.
    pub(crate) rows_left_out: u32,
}

impl Copy {
    pub(crate) fn new(service: Arc<dyn TwinService>, page: usize) -> Self {
        Self {
            service,
            view: Arc::new(GraphView::new(twin_graph::TwinGraph::new())),
            page,
            newest: Timestamp::default(),
            left_out: LeftOut::default(),
            unknown_model: false,
            looked_for: BTreeSet::new(),
            rows_left_out: 0,
        }
    }

    /// Publishes what happened, in this order.
    pub(crate) fn publish(&self, steps: Vec<Step>) -> Result<(), SyncError> {
        if steps.is_empty() {
            return Ok(());
        }
        let first = self.view.read().version() + 1;
        let change = |(version, Step { time, kind })| {
            // Whoever changed it did so in a trace that is not known here.
            let cause = Call::new(Origin::Remote).cause();
            Arc::new(Change { version, time, cause, kind }).into()
        };
        let changes: Vec<Planned> = (first..).zip(steps).map(change).collect();
        Ok(self.view.publish(&changes)?)
    }

    /// Takes twins over as the service has them; answers the ids of those that could be read.
    pub(crate) fn merge_twins(&mut self, rows: &[Value]) -> Result<Vec<Arc<str>>, SyncError> {
        let mut steps = Vec::new();
        let mut ids = Vec::with_capacity(rows.len());
        {
            let graph = self.view.read();
            for row in rows {
                let Some(remote) = Twin::from_json(row) else {
                    self.rows_left_out += 1;
                    continue;
                };
                self.newest = self.newest.max(remote.updated());
                let model = &remote.model;
                if graph.stored_model(model).is_none() && !self.left_out.has(model) {
                    self.unknown_model |= self.looked_for.insert(model.clone());
                }
                ids.push(remote.id.clone());
                steps.extend(diff::twin(graph.twin(&remote.id), remote));
            }
        }
        // In the order of the service's clock, as the log should show it.
        steps.sort_by_key(|step| step.time);
        self.publish(steps)?;
        Ok(ids)
    }

    /// Takes relationships over; answers source and id of those that could be read. One whose
    /// twins are not known yet is left for the next comparison.
    pub(crate) fn merge_relationships(
        &mut self,
        rows: &[Value],
    ) -> Result<Vec<RelationshipKey>, SyncError> {
        let mut steps = Vec::new();
        let mut ids = Vec::with_capacity(rows.len());
        {
            let graph = self.view.read();
            let now = now();
            for row in rows {
                let Some(remote) = Relationship::from_json(row) else {
                    self.rows_left_out += 1;
                    continue;
                };
                ids.push((remote.source.clone(), remote.id.clone()));
                let known = |id: &str| graph.twin(id).is_some();
                if known(&remote.source) && known(&remote.target) {
                    let local = graph.relationship(&remote.source, &remote.id);
                    steps.extend(diff::relationship(local, remote, now));
                }
            }
        }
        self.publish(steps)?;
        Ok(ids)
    }

    /// Deletes a twin, with the relationships that it still has here.
    pub(crate) fn delete_twin(&self, id: &str) -> Result<(), SyncError> {
        let mut steps = Vec::new();
        {
            let graph = self.view.read();
            let Some(twin) = graph.twin(id) else { return Ok(()) };
            // One that leads from the twin to itself is in both lists.
            let to_itself = |r: &&Arc<Relationship>| r.source == r.target;
            let incoming = graph.incoming(id).filter(|r| !to_itself(r));
            for relationship in graph.outgoing(id).chain(incoming) {
                let relationship = relationship.clone();
                steps.push(Step::now(ChangeKind::RelationshipDeleted { relationship }));
            }
            steps.push(Step::now(ChangeKind::TwinDeleted { twin: twin.clone() }));
        }
        self.publish(steps)
    }

    /// Deletes a relationship.
    pub(crate) fn delete_relationship(&self, source: &str, id: &str) -> Result<(), SyncError> {
        let relationship = self.view.read().relationship(source, id).cloned();
        let gone =
            relationship.map(|relationship| ChangeKind::RelationshipDeleted { relationship });
        self.publish(gone.into_iter().map(Step::now).collect())
    }
}

pub(crate) fn now() -> Timestamp {
    SystemTime::now().into()
}

/// An answer, or `None` where the service says that there is no such thing.
pub(crate) fn or_gone<T>(answer: Result<T, ServiceError>) -> Result<Option<T>, SyncError> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(error) if is_not_found(error.code) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn is_not_found(code: Code) -> bool {
    matches!(code, Code::DigitalTwinNotFound | Code::RelationshipNotFound | Code::ModelNotFound)
}
