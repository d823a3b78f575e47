//! The event log, window by window.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use ts_rs::TS;

/// Which window of the log.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct LogRequest {
    /// Words that must all occur in type, subject, change, trace or cause; without regard to case.
    /// `about:ID` takes what is about exactly that twin or device, or caused by it. Empty for
    /// everything.
    pub filter: String,
    /// The newest position to look at: where the view was paused. `null` for live.
    #[ts(type = "number | null")]
    pub until: Option<u64>,
    /// How many matching rows to pass over, newest first.
    pub offset: u32,
    /// How many rows, at most 500.
    pub limit: u32,
}

/// A window of the log, newest first.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct LogWindow {
    /// The session that it belongs to.
    pub session: u32,
    /// The rows.
    pub rows: Vec<LogRow>,
    /// How many rows match in all.
    pub matched: u32,
    /// How many rows were looked at.
    pub scanned: u32,
    /// When the oldest row that is kept happened, ms since the Unix epoch.
    pub first_time: Option<f64>,
    /// The newest position there is, to pause at.
    #[ts(type = "number")]
    pub newest: u64,
    /// Matching rows after `until`: what came while the view was paused.
    pub newer: u32,
    /// Rows that the bounded log let go of (oldest first).
    #[ts(type = "number")]
    pub evicted: u64,
    /// Observations that could not be kept because they came too fast.
    #[ts(type = "number")]
    pub dropped: u64,
}

/// What kind of event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum LogKind {
    /// A simulated or real device sent a message.
    DeviceMessage,
    /// A twin was created or replaced.
    TwinCreate,
    /// Properties of a twin changed.
    TwinUpdate,
    /// A twin was deleted.
    TwinDelete,
    /// A relationship was created or replaced.
    RelationshipCreate,
    /// Properties of a relationship changed.
    RelationshipUpdate,
    /// A relationship was deleted.
    RelationshipDelete,
    /// A twin sent telemetry.
    Telemetry,
    /// Models were created, replaced or deleted.
    Model,
    /// An event route was created, replaced or deleted.
    EventRoute,
    /// A function sent an event of 2019.
    UdfCustom,
    /// A function of one's own said something; the note is what.
    FunctionLog,
    /// Something could not be done; the row says what.
    Failure,
}

/// One row.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct LogRow {
    /// Its position; grows by one with every row.
    #[ts(type = "number")]
    pub position: u64,
    /// When, ms since the Unix epoch.
    pub time: f64,
    /// What kind.
    pub kind: LogKind,
    /// The kind in words: `Twin update`.
    pub label: String,
    /// Twin id, relationship or model that it is about.
    pub subject: String,
    /// DTMI of the subject's model, if it is a twin.
    pub model: Option<String>,
    /// What changed; at most four, `more` says how many were left out.
    pub changes: Vec<FieldChange>,
    /// See `changes`.
    pub more: u32,
    /// Anything else worth a line: `24 bytes`, a failure's sentence.
    pub note: String,
    /// The trace id, 32 hex digits.
    pub trace: String,
    /// What caused it, in words: `REST`, `propagate-to-parent, after thermo_0014`.
    pub cause: String,
    /// What each route did with it, in the order of `status.routes`; empty where routes do not
    /// apply.
    pub routes: Vec<RouteVerdict>,
    /// What became of it at each endpoint of 2019 that it was sent to directly.
    pub endpoints2019: Vec<Handed>,
    /// Time since the first event of its trace, ms.
    pub latency: Option<f64>,
}

/// A value before and after.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct FieldChange {
    /// The property, without the leading slash.
    pub path: String,
    /// The value before, as text; absent where there was none.
    pub before: Option<String>,
    /// The value after, as text; absent where it was removed.
    pub after: Option<String>,
}

/// What a route did with an event.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct RouteVerdict {
    /// The route's name.
    pub route: String,
    /// The name of its endpoint.
    pub endpoint: String,
    /// Whether its filter matched.
    pub matched: bool,
    /// Where it did not match: the part of the filter that decided, and the value it saw.
    pub reason: Option<String>,
    /// Where it matched: what became of the event at the endpoint; absent where that is not known,
    /// as for events of earlier runs.
    pub fate: Option<Fate>,
}

/// What an endpoint of 2019 was sent directly.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Handed {
    /// The endpoint's name.
    pub endpoint: String,
    /// What became of it there; absent where that is not known.
    pub fate: Option<Fate>,
}

/// What became of an event that an endpoint was handed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Fate {
    /// It is on its way, or waits for another attempt.
    Waiting,
    /// It was delivered.
    Delivered,
    /// It is a dead letter.
    DeadLettered,
    /// It is gone.
    Dropped {
        /// Why.
        reason: String,
    },
}

/// One event with its body and everything of its trace.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct LogEventDetail {
    /// The event.
    pub row: LogRow,
    /// The record as the journal has it, or what was observed.
    #[ts(type = "unknown")]
    pub body: Value,
    /// All rows of the same trace that are still kept, oldest first.
    pub trace: Vec<LogRow>,
}
