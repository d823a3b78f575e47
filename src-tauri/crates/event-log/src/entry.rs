//! One event of the log.

use serde_json::Value;
use std::sync::Arc;
use twin_graph::{Change, Timestamp, TraceContext};

/// What kind of event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EntryKind {
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
    /// Something could not be done; the note says what.
    Failure,
}

impl EntryKind {
    /// The kind in words.
    pub fn label(self) -> &'static str {
        match self {
            Self::DeviceMessage => "Device message",
            Self::TwinCreate => "Twin create",
            Self::TwinUpdate => "Twin update",
            Self::TwinDelete => "Twin delete",
            Self::RelationshipCreate => "Relationship create",
            Self::RelationshipUpdate => "Relationship update",
            Self::RelationshipDelete => "Relationship delete",
            Self::Telemetry => "Telemetry",
            Self::Model => "Model",
            Self::EventRoute => "Event route",
            Self::UdfCustom => "UdfCustom event",
            Self::FunctionLog => "Function log",
            Self::Failure => "Failure",
        }
    }
}

/// A value before and after.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldChange {
    /// The property, without the leading slash: `temperature`, `battery/level`.
    pub path: String,
    /// The value before; `None` where there was none.
    pub before: Option<Value>,
    /// The value after; `None` where it was removed.
    pub after: Option<Value>,
}

/// What a route did with an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteVerdict {
    /// The route's name.
    pub route: Arc<str>,
    /// The nodes of the topology that it leads to, with the endpoint first: `endpoints/eg-twins`,
    /// `subscriptions/parent`, `functions/propagate-to-parent`.
    pub leads_to: Arc<[String]>,
    /// Whether its filter matched.
    pub matched: bool,
    /// Where it did not: the part of the filter that decided, and the value it saw.
    pub reason: Option<String>,
}

/// An event as a whole.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Body {
    /// Nothing, or not asked for.
    #[default]
    None,
    /// What was observed, as JSON's text: that takes a third of a tree of values.
    Json(Box<str>),
    /// A change as the journal keeps it. Nearly none is ever looked at, so that it is made JSON
    /// only then.
    Change(Box<[u8]>),
}

impl Body {
    /// As JSON; `null` where there is none.
    pub fn to_json(&self) -> Value {
        match self {
            Self::None => Value::Null,
            Self::Json(text) => serde_json::from_str(text).unwrap_or_default(),
            Self::Change(record) => {
                Change::from_record(record).map(|change| change.to_json()).unwrap_or_default()
            }
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::None => 0,
            Self::Json(text) => text.len(),
            Self::Change(record) => record.len(),
        }
    }
}

/// One event.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// When it happened.
    pub time: Timestamp,
    /// What kind.
    pub kind: EntryKind,
    /// The twin, device, relationship or model that it is about.
    pub subject: String,
    /// DTMI of the model of the twin that it is about; for a relationship of its source twin.
    pub model: Option<Arc<str>>,
    /// What changed.
    pub changes: Vec<FieldChange>,
    /// Anything else worth a line: `24 bytes`, a failure's sentence.
    pub note: String,
    /// The trace that it belongs to.
    pub trace: TraceContext,
    /// What caused it, in words: `REST`, `propagate-to-parent, after thermo_0014`.
    pub cause: String,
    /// The version of the graph that it made; 0 where it changed nothing.
    pub version: u64,
    /// Of a device's message the nodes that it went to: `sources/iot-hub`, `functions/ingest`; of
    /// what a function said, that function.
    pub goes_to: Option<Arc<[String]>>,
    /// The endpoints of 2019 that it was handed to directly, by node, and its number there.
    pub handed: Box<[(Arc<str>, u64)]>,
    /// What each route did with it; empty where routes do not apply.
    pub verdicts: Vec<RouteVerdict>,
    /// The record as the journal has it, or what was observed.
    pub body: Body,
}

impl Entry {
    /// An entry that says nothing more yet.
    pub fn of(time: Timestamp, kind: EntryKind, subject: &str, trace: TraceContext) -> Self {
        Self {
            time,
            kind,
            subject: subject.to_owned(),
            model: None,
            changes: Vec::new(),
            note: String::new(),
            trace,
            cause: String::new(),
            version: 0,
            goes_to: None,
            handed: Box::default(),
            verdicts: Vec::new(),
            body: Body::None,
        }
    }

    /// How many bytes it takes, about: its texts and values, with what holds them.
    pub(crate) fn bytes(&self) -> usize {
        let changes = self.changes.iter().map(|change| {
            let values = change.before.iter().chain(&change.after).map(value_bytes);
            size_of::<FieldChange>() + change.path.len() + values.sum::<usize>()
        });
        size_of::<Self>()
            + self.subject.len()
            + self.note.len()
            + self.cause.len()
            + changes.sum::<usize>()
            + size_of_val(&*self.handed)
            + verdict_bytes(&self.verdicts)
            + self.body.bytes()
    }
}

/// How many bytes verdicts take. The routes' names are shared.
pub(crate) fn verdict_bytes(verdicts: &[RouteVerdict]) -> usize {
    let reason = |verdict: &RouteVerdict| verdict.reason.as_ref().map_or(0, String::len);
    verdicts.iter().map(|verdict| size_of::<RouteVerdict>() + reason(verdict)).sum()
}

/// What a value takes beside its own place. JSON's parser bounds the depth.
fn value_bytes(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(items) => {
            items.iter().map(|item| size_of::<Value>() + value_bytes(item)).sum()
        }
        // A map that keeps its order has a table of hashes beside the entries.
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| {
                size_of::<(String, Value)>() + 24 + name.len() + value_bytes(value)
            })
            .sum(),
        _ => 0,
    }
}
