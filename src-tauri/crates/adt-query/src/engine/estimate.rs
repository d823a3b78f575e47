//! What a plan is expected to cost: from the counts that the graph keeps, and rules of thumb.

use super::models::is_of_model;
use crate::language::syntax::{Comparison, Condition, Kind, Link, Operand, Query};
use twin_graph::TwinGraph;

/// The share of a variable's twins or relationships that its own conditions leave.
pub(super) fn share(query: &Query, graph: &TwinGraph, variable: usize) -> f64 {
    let own = query.conjuncts().iter().filter(|part| only_reads(part, variable));
    own.map(|part| share_of(part, graph)).product()
}

fn share_of(condition: &Condition, graph: &TwinGraph) -> f64 {
    match condition {
        Condition::And(parts) => parts.iter().map(|part| share_of(part, graph)).product(),
        Condition::Or(parts) => {
            parts.iter().map(|part| share_of(part, graph)).sum::<f64>().min(1.0)
        }
        Condition::Not(inner) => 1.0 - share_of(inner, graph) * 0.9,
        Condition::OfModel { model, exact, .. } => {
            let of_model = twins_of_model(graph, model, *exact) as f64;
            of_model / (graph.twin_count().max(1) as f64)
        }
        Condition::Compare { left, operator, right } => match operator {
            _ if is_id(left) || is_id(right) => match operator {
                Comparison::Equal => 1.0 / graph.twin_count().max(1) as f64,
                _ => 0.9,
            },
            Comparison::Equal => 0.02,
            Comparison::NotEqual => 0.9,
            _ => 0.2,
        },
        Condition::In { operand, list, negated: false } if is_id(operand) => {
            list.len() as f64 / graph.twin_count().max(1) as f64
        }
        Condition::In { list, negated: false, .. } => (0.02 * list.len() as f64).min(0.9),
        Condition::In { .. } => 0.9,
        Condition::Is { .. } => 0.5,
        Condition::Text { .. } => 0.2,
        Condition::ArrayContains { .. } => 0.1,
    }
}

fn is_id(operand: &Operand) -> bool {
    matches!(operand, Operand::Path(path) if matches!(path.names.as_slice(), [name] if name == "$dtId"))
}

/// How many relationships a twin has on average for a hop over a link, all hops together.
pub(super) fn fan_out(graph: &TwinGraph, link: &Link, from: f64) -> f64 {
    let count = if link.names.is_empty() {
        graph.relationship_count()
    } else {
        let kinds = link.names.iter().filter_map(|name| graph.name_kind(name));
        kinds.map(|kind| graph.relationship_count_of(kind)).sum()
    };
    let both = if link.direction == crate::language::syntax::Direction::Either { 2.0 } else { 1.0 };
    let one = both * count as f64 / from.max(1.0);
    link.hops.clone().map(|hops| one.max(0.1).powi(i32::try_from(hops).unwrap_or(1))).sum()
}

/// How many twins are of a model.
pub(super) fn twins_of_model(graph: &TwinGraph, model: &str, exact: bool) -> usize {
    let kinds = graph.models_in_use();
    kinds
        .filter(|(kind, ..)| is_of_model(graph, *kind, model, exact))
        .map(|(.., count)| count)
        .sum()
}

/// Whether the condition reads this variable and no other one.
fn only_reads(condition: &Condition, variable: usize) -> bool {
    let (mut this, mut others) = (false, false);
    condition.each_path(&mut |read, _| {
        this |= read == variable;
        others |= read != variable;
    });
    this && !others
}

/// All there are of a kind.
pub(super) fn count_of(kind: Kind, graph: &TwinGraph) -> usize {
    match kind {
        Kind::Twin => graph.twin_count(),
        Kind::Relationship => graph.relationship_count(),
    }
}
