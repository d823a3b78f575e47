//! Windows of the event log for the page.

use super::millis;
use crate::logging::Log;
use crate::wire;
use event_log::{Entry, EntryKind, Row, WindowRequest};
use pipeline::{Fate, Flow};
use serde_json::Value;
use std::sync::Arc;

/// Rows of one window, at most.
const MOST_ROWS: u32 = 500;
/// Changes told on one row.
const MOST_CHANGES: usize = 4;
/// Rows of one trace, at most.
const MOST_OF_TRACE: usize = 200;

/// A window for the page.
pub(crate) fn log_window(log: &Log, session: u32, request: &wire::LogRequest) -> wire::LogWindow {
    let window = log.events.lock().window(&WindowRequest {
        filter: request.filter.clone(),
        until: request.until,
        offset: request.offset,
        limit: request.limit.min(MOST_ROWS),
    });
    let flow = log.flow();
    wire::LogWindow {
        session,
        rows: window.rows.iter().map(|one| row(one, flow.as_deref())).collect(),
        matched: window.matched,
        scanned: window.scanned,
        first_time: window.first_time.map(millis),
        newest: window.newest,
        newer: window.newer,
        evicted: window.evicted,
        dropped: window.dropped,
    }
}

/// One event with its body and its trace; `None` where it is no longer kept.
pub(crate) fn event_detail(log: &Log, position: u64) -> Option<wire::LogEventDetail> {
    let (found, trace) = {
        let events = log.events.lock();
        let found = events.event(position)?;
        let trace = events.trace(&found.entry.trace.trace_id());
        (found, trace)
    };
    let flow = log.flow();
    let row = |one: &Row| row(one, flow.as_deref());
    Some(wire::LogEventDetail {
        row: row(&found),
        body: found.entry.body.to_json(),
        trace: trace.iter().take(MOST_OF_TRACE).map(row).collect(),
    })
}

fn row(row: &Row, flow: Option<&Flow>) -> wire::LogRow {
    let entry = &row.entry;
    wire::LogRow {
        position: row.position,
        time: millis(entry.time),
        kind: kind(entry.kind),
        label: entry.kind.label().to_owned(),
        subject: entry.subject.clone(),
        model: entry.model.as_deref().map(str::to_owned),
        changes: entry.changes.iter().take(MOST_CHANGES).map(field_change).collect(),
        more: u32::try_from(entry.changes.len().saturating_sub(MOST_CHANGES)).unwrap_or(u32::MAX),
        note: entry.note.clone(),
        trace: entry.trace.trace_id(),
        cause: entry.cause.clone(),
        routes: entry.verdicts.iter().map(|one| verdict(one, entry, flow)).collect(),
        endpoints2019: entry.handed.iter().map(|one| handed(one, flow)).collect(),
        latency: row.latency,
    }
}

fn field_change(change: &event_log::FieldChange) -> wire::FieldChange {
    wire::FieldChange {
        path: change.path.clone(),
        before: change.before.as_ref().map(text),
        after: change.after.as_ref().map(text),
    }
}

/// A value on one line: texts without quotes, all else as JSON.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn verdict(
    verdict: &event_log::RouteVerdict,
    entry: &Entry,
    flow: Option<&Flow>,
) -> wire::RouteVerdict {
    let endpoint = verdict.leads_to.first().map_or("", String::as_str);
    let fate = flow.filter(|_| verdict.matched).and_then(|flow| flow.fate(endpoint, entry.version));
    wire::RouteVerdict {
        route: verdict.route.to_string(),
        endpoint: endpoint.trim_start_matches("endpoints/").to_owned(),
        fate: fate.map(fate_of),
        matched: verdict.matched,
        reason: verdict.reason.clone(),
    }
}

fn handed((node, number): &(Arc<str>, u64), flow: Option<&Flow>) -> wire::Handed {
    wire::Handed {
        endpoint: node.trim_start_matches("endpoints2019/").to_owned(),
        fate: flow.and_then(|flow| flow.direct_fate(node, *number)).map(fate_of),
    }
}

fn fate_of(fate: Fate) -> wire::Fate {
    match fate {
        Fate::Waiting => wire::Fate::Waiting,
        Fate::Delivered => wire::Fate::Delivered,
        Fate::DeadLettered => wire::Fate::DeadLettered,
        Fate::Dropped(reason) => wire::Fate::Dropped { reason: reason.to_owned() },
    }
}

fn kind(kind: EntryKind) -> wire::LogKind {
    match kind {
        EntryKind::DeviceMessage => wire::LogKind::DeviceMessage,
        EntryKind::TwinCreate => wire::LogKind::TwinCreate,
        EntryKind::TwinUpdate => wire::LogKind::TwinUpdate,
        EntryKind::TwinDelete => wire::LogKind::TwinDelete,
        EntryKind::RelationshipCreate => wire::LogKind::RelationshipCreate,
        EntryKind::RelationshipUpdate => wire::LogKind::RelationshipUpdate,
        EntryKind::RelationshipDelete => wire::LogKind::RelationshipDelete,
        EntryKind::Telemetry => wire::LogKind::Telemetry,
        EntryKind::Model => wire::LogKind::Model,
        EntryKind::EventRoute => wire::LogKind::EventRoute,
        EntryKind::UdfCustom => wire::LogKind::UdfCustom,
        EntryKind::FunctionLog => wire::LogKind::FunctionLog,
        EntryKind::Failure => wire::LogKind::Failure,
    }
}
