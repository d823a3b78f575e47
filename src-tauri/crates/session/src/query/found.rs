//! Which twins and relationships of the graph the rows of a query bind.

use crate::wire::{QueryRow, QueryStep};
use adt_query::{Binding, Report};
use std::collections::HashSet;
use std::sync::Arc;
use twin_graph::{Relationship, Twin, TwinGraph};

/// Twins and relationships of one version of the graph, each once.
pub(crate) struct Found {
    pub(crate) graph: Arc<TwinGraph>,
    pub(crate) bound: HashSet<Binding>,
}

impl Found {
    pub(super) fn none(graph: Arc<TwinGraph>) -> Self {
        Self { graph, bound: HashSet::new() }
    }

    pub(crate) fn twins(&self) -> impl Iterator<Item = &Arc<Twin>> {
        self.bound.iter().filter_map(|binding| match binding {
            Binding::Twin(node) => self.graph.twin_at(*node),
            Binding::Relationship(_) => None,
        })
    }

    pub(crate) fn relationships(&self) -> impl Iterator<Item = &Arc<Relationship>> {
        self.bound.iter().filter_map(|binding| match binding {
            Binding::Twin(_) => None,
            Binding::Relationship(edge) => self.graph.relationship_at(*edge),
        })
    }

    /// How many of each there are.
    pub(super) fn counts(&self) -> (u32, u32) {
        let is_twin = |binding: &&Binding| matches!(binding, Binding::Twin(_));
        let twins = self.bound.iter().filter(is_twin).count();
        (number(twins), number(self.bound.len() - twins))
    }
}

pub(super) fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// A row as the page takes it.
pub(super) fn row(
    graph: &TwinGraph,
    id: u64,
    bound: impl Iterator<Item = Binding>,
    value: serde_json::Value,
) -> QueryRow {
    let twins = bound.filter_map(|binding| match binding {
        Binding::Twin(node) => Some(graph.twin_at(node)?.id.to_string()),
        Binding::Relationship(_) => None,
    });
    QueryRow { id, twins: twins.collect(), value }
}

/// Adds what a page was found by to that of the pages before.
pub(super) fn add_steps(steps: &mut Vec<QueryStep>, report: &Report) {
    if steps.is_empty() {
        let new = report.steps.iter().map(|step| QueryStep {
            what: step.what.clone(),
            estimated: step.estimated,
            reached: 0,
        });
        steps.extend(new);
    }
    for (step, of_page) in steps.iter_mut().zip(&report.steps) {
        step.reached += of_page.reached;
    }
}
