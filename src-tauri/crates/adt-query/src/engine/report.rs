//! What a query was run by: for our own screens, not of the service.

use super::plan::{Plan, Start};
use crate::language::syntax::{Direction, Kind, Link, Query};
use twin_graph::TwinGraph;

/// How a query is, or was, run. Time is the caller's to take.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// The first step finds the anchor, each further one goes over a link.
    pub steps: Vec<StepReport>,
    /// Documents and relationships that were looked at; places, where a column was.
    pub scanned: u64,
    /// Rows answered; what was counted, for COUNT.
    pub rows: u64,
    /// The properties that were read from columns.
    pub columns: Vec<String>,
    /// Those of them whose columns were made for this query.
    pub columns_made: Vec<String>,
}

/// A step of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct StepReport {
    /// What it does, for people.
    pub what: String,
    /// How many it was expected to leave.
    pub estimated: f64,
    /// How many it left.
    pub reached: u64,
}

impl Report {
    pub(super) fn of_plan(query: &Query, graph: &TwinGraph, plan: &Plan<'_>) -> Self {
        let first = std::iter::once(start(query, graph, plan));
        let steps = plan.steps.iter().map(|step| {
            let to = name(query, step.to);
            let doing = if step.closes { "check that" } else { "go from" };
            let link = shown(step.link);
            format!("{doing} {} over {link} to {to}", name(query, step.from))
        });
        let what = first.chain(steps);
        let steps = what.zip(&plan.estimates).map(|(what, &estimated)| StepReport {
            what,
            estimated,
            reached: 0,
        });
        Self { steps: steps.collect(), ..Self::default() }
    }
}

fn start(query: &Query, graph: &TwinGraph, plan: &Plan<'_>) -> String {
    let anchor = name(query, plan.anchor());
    let kind = query.variables[plan.anchor()].kind;
    match (&plan.start, kind) {
        (Start::Ids(places), _) => format!("look up {anchor} by id: {}", places.len()),
        (Start::Models(places), _) => format!("list {anchor} by model: {}", places.len()),
        (Start::Scan, Kind::Twin) => format!("scan {anchor}: {} twins", graph.twin_count()),
        (Start::Scan, Kind::Relationship) => {
            format!("scan {anchor}: {} relationships", graph.relationship_count())
        }
    }
}

fn name(query: &Query, variable: usize) -> &str {
    match &query.variables[variable].name {
        Some(name) => name,
        None if query.variables.len() == 1 => "all",
        None => "()",
    }
}

fn shown(link: &Link) -> String {
    let names = if link.names.is_empty() { "any".to_owned() } else { link.names.join("|") };
    let arrow = match link.direction {
        Direction::Out => "->",
        Direction::In => "<-",
        Direction::Either => "-",
    };
    match link.relationship {
        Some(_) => format!("{names} {arrow}"),
        None => format!("{names} {arrow} {} to {} hops", link.hops.start(), link.hops.end()),
    }
}
