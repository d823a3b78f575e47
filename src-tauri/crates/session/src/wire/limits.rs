//! The limits, and how far each is used.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Which limits hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum Enforced {
    /// The service's.
    Service,
    /// None.
    None,
    /// Others than the service's, of a file.
    File,
    /// Those of a remote instance, which says nothing of them.
    Remote,
}

/// Which limits can be chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum LimitsChoice {
    /// The service's.
    #[default]
    Service,
    /// None.
    None,
    /// Those of a JSON file, by its whole path; what it does not name is the service's.
    File(String),
}

/// How a limit is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum LimitKind {
    /// What the instance has now.
    Held,
    /// What one request, job or value had at the most since the start.
    Each,
    /// In a second.
    Rate,
}

/// What a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum LimitUnit {
    /// Things.
    Items,
    /// Bytes.
    Bytes,
    /// Characters.
    Characters,
}

/// One limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct LimitUse {
    /// Its name in a file of limits.
    pub name: String,
    /// The part of the service.
    pub area: String,
    /// What it bounds.
    pub what: String,
    /// How it is counted.
    pub kind: LimitKind,
    /// What is counted.
    pub unit: LimitUnit,
    /// Its number; absent where it is not enforced.
    #[ts(type = "number | null")]
    pub most: Option<u64>,
    /// How much there is now; absent where that is not known here.
    #[ts(type = "number | null")]
    pub now: Option<u64>,
    /// A rate's highest second of the last minute; else the same as `now`.
    #[ts(type = "number | null")]
    pub highest: Option<u64>,
    /// Refusals since the start.
    #[ts(type = "number")]
    pub refused: u64,
    /// Refusals in the last minute.
    #[ts(type = "number")]
    pub refused_lately: u64,
    /// The twin that comes nearest to a limit for each twin.
    pub twin: Option<String>,
    /// Where the number is from.
    pub source: String,
}

/// All limits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// Which hold.
    pub enforced: Enforced,
    /// They were given at the start and hold until the end.
    pub given: bool,
    /// The file that was chosen in the window and holds.
    pub file: Option<String>,
    /// Seconds that queries are behind writes; absent where they are not, and for a remote instance.
    pub query_lag_seconds: Option<f64>,
    /// How far queries are behind was given at the start and holds until the end.
    pub query_lag_given: bool,
    /// Each of them, in the order of the documentation.
    pub limits: Vec<LimitUse>,
}
