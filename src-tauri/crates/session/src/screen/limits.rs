//! How far the limits are used.

use crate::opened::{Kind, Opened};
use crate::wire::{Enforced, LimitKind, LimitUnit, LimitUse, Limits};
use adt_limits::{Limit, Row, TABLE, Unit, Use};
use std::time::Instant;
use twin_graph::{Direction, TwinGraph};

/// Of a remote instance only what its copy shows is known.
pub(crate) fn limits(opened: &Opened) -> Limits {
    let graph = opened.view.read();
    let Kind::Embedded(embedded) = &opened.kind else {
        let of_copy = |row: &Row| row_of(row, row.most, held(&graph, row.limit));
        return Limits {
            enforced: Enforced::Remote,
            given: true,
            file: None,
            query_lag_seconds: None,
            query_lag_given: true,
            limits: TABLE.iter().map(of_copy).collect(),
        };
    };
    let limiter = embedded.instance.limiter();
    let one = |used: Use| {
        let row = used.limit.row();
        let here = match used.limit {
            Limit::Endpoints => Some((embedded.instance.endpoint_count() as u64, None)),
            Limit::EventRoutes => Some((graph.routes().count() as u64, None)),
            Limit::RunningJobs => Some((embedded.running_jobs(), None)),
            limit => held(&graph, limit),
        };
        let counted = used.now;
        let mut shown = row_of(row, used.most, here.or(Some((counted, used.twin))));
        if row.kind == adt_limits::Kind::Rate {
            shown.highest = Some(used.highest);
        }
        (shown.refused, shown.refused_lately) = (used.refused, used.refused_lately);
        shown
    };
    let limits: Vec<_> = limiter.uses(Instant::now()).into_iter().map(one).collect();
    Limits {
        enforced: enforced(&limits),
        given: embedded.fixed.limits,
        file: embedded.limits_file(),
        query_lag_seconds: embedded.instance.query_lag().map(|lag| lag.as_secs_f64()),
        query_lag_given: embedded.fixed.query_lag,
        limits,
    }
}

fn enforced(limits: &[LimitUse]) -> Enforced {
    let as_documented = limits.iter().zip(TABLE).all(|(shown, row)| shown.most == row.most);
    let refuses =
        limits.iter().zip(TABLE).any(|(shown, row)| shown.most.is_some() && !row.error.is_empty());
    match (as_documented, refuses) {
        (true, _) => Enforced::Service,
        (false, true) => Enforced::File,
        (false, false) => Enforced::None,
    }
}

fn row_of(row: &Row, most: Option<u64>, now: Option<(u64, Option<String>)>) -> LimitUse {
    let (now, twin) = now.map_or((None, None), |(now, twin)| (Some(now), twin));
    LimitUse {
        name: row.name.to_owned(),
        area: row.area.to_owned(),
        what: row.what.to_owned(),
        kind: match row.kind {
            adt_limits::Kind::Held => LimitKind::Held,
            adt_limits::Kind::Each => LimitKind::Each,
            adt_limits::Kind::Rate => LimitKind::Rate,
        },
        unit: match row.unit {
            Unit::Items => LimitUnit::Items,
            Unit::Bytes => LimitUnit::Bytes,
            Unit::Characters => LimitUnit::Characters,
        },
        most,
        now,
        highest: now,
        refused: 0,
        refused_lately: 0,
        twin,
        source: row.source.to_owned(),
    }
}

/// What a graph tells, and of which twin.
fn held(graph: &TwinGraph, limit: Limit) -> Option<(u64, Option<String>)> {
    match limit {
        Limit::Twins => Some((graph.twin_count() as u64, None)),
        Limit::Relationships => Some((graph.relationship_count() as u64, None)),
        Limit::Models => Some((graph.models().len() as u64, None)),
        Limit::OutgoingRelationships => Some(most_related(graph, Direction::Outgoing)),
        Limit::IncomingRelationships => Some(most_related(graph, Direction::Incoming)),
        _ => None,
    }
}

/// The twin with the most relationships in a direction, and how many.
fn most_related(graph: &TwinGraph, direction: Direction) -> (u64, Option<String>) {
    let related = graph.twins().filter_map(|twin| {
        let node = graph.node(&twin.id)?;
        Some((graph.degree(node, direction), twin))
    });
    match related.max_by_key(|(degree, _)| *degree) {
        Some((degree, twin)) if degree > 0 => (degree as u64, Some(twin.id.to_string())),
        _ => (0, None),
    }
}
