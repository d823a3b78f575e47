//! What is open, and how it does.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What can be opened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Target {
    /// The building that comes with the app, in an embedded instance.
    Sample,
    /// A workspace folder, in an embedded instance.
    Workspace {
        /// Absolute path of the folder.
        path: String,
    },
    /// Files (NDJSON, JSON, xlsx, CSV), together in an embedded instance of their own.
    Files {
        /// Their absolute paths.
        paths: Vec<String>,
    },
    /// An instance by address: another process of Twinscope, or Azure.
    Remote {
        /// `https://…`.
        endpoint: String,
        /// Path of a CA certificate (PEM), where the system's do not do.
        ca: Option<String>,
        /// How to get a token.
        credential: Credential,
    },
}

/// How to get a token for a remote instance. Secrets are never written down.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Credential {
    /// `az login` or `azd auth login` on this machine.
    DeveloperTools,
    /// An app registration.
    ClientSecret {
        /// Tenant id.
        tenant: String,
        /// Client (application) id.
        client: String,
        /// The secret; empty in what `uiState` lists.
        secret: String,
    },
    /// A token as it is, for another Twinscope.
    Token {
        /// The token; empty in what `uiState` lists.
        token: String,
    },
}

/// How far opening is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "phase", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Phase {
    /// On the way.
    Opening {
        /// What is being opened.
        target: Target,
        /// What is done now, in words.
        step: String,
        /// How many are done.
        done: u32,
        /// Of how many, where it is known.
        total: Option<u32>,
        /// How many seconds it takes from now on, once that can be said.
        seconds_left: Option<f64>,
        /// For how many seconds nothing was heard.
        quiet_seconds: f64,
    },
    /// Open.
    Ready,
    /// It could not be opened, or it stopped.
    Failed {
        /// What was to be opened.
        target: Target,
        /// Why, and what to do.
        failure: super::Failure,
    },
}

/// What kind of instance is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum InstanceKind {
    /// In this process.
    Embedded,
    /// Elsewhere, by REST.
    Remote,
}

/// What is open, and how it does.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// Counts up with every `open`, so that the page drops what belongs to an earlier one.
    pub session: u32,
    /// How far opening is.
    pub phase: Phase,
    /// What is open; what is being opened where nothing is.
    pub target: Target,
    /// Embedded or remote.
    pub kind: InstanceKind,
    /// A name for people: of the workspace's folder, or the host.
    pub name: String,
    /// REST address of the instance, where it listens.
    pub endpoint: Option<String>,
    /// Path of the CA certificate that clients of `endpoint` need.
    pub ca: Option<String>,
    /// Version of the graph.
    #[ts(type = "number")]
    pub version: u64,
    /// How many twins.
    pub twins: u32,
    /// How many relationships.
    pub relationships: u32,
    /// How many models.
    pub models: u32,
    /// Events of the log in the last second.
    pub events_per_second: f64,
    /// Median time of a journal commit in milliseconds; absent for a remote instance.
    pub commit_millis: Option<f64>,
    /// The simulated devices; absent for a remote instance and where the topology has none.
    pub simulation: Option<Simulation>,
    /// A remote instance: in step, behind, or out of reach, in words.
    pub sync: Option<SyncState>,
    /// Requests that were refused in the last minute for coming too fast; always 0 for a remote
    /// instance.
    pub throttled: u32,
    /// Seconds that queries are behind writes; absent where they are not.
    pub query_lag_seconds: Option<f64>,
    /// What is wrong with files of the workspace now; none of it was applied.
    pub problems: Vec<FileProblem>,
    /// Names of the event routes, in their order, for the log's columns.
    pub routes: Vec<String>,
}

/// How the copy of a remote instance does.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct SyncState {
    /// Whether the last round reached the instance.
    pub reachable: bool,
    /// Seconds since the copy was last known to be in step.
    pub age_seconds: f64,
    /// The last error, if the last round failed.
    pub error: Option<String>,
}

/// The simulated devices.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Simulation {
    /// How many times faster than the clock simulated time runs.
    pub speed: f64,
    /// Whether all devices stand still.
    pub paused: bool,
    /// How many devices.
    pub devices: u32,
    /// Devices that are silent because somebody else wrote to their twin.
    pub silenced: Vec<String>,
}

/// How to steer the simulated devices.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum SimulationAction {
    /// All devices stand still.
    Pause,
    /// All devices go on.
    Resume,
    /// Simulated time runs so many times faster, 0.1 to 100.
    Speed {
        /// The factor.
        factor: f64,
    },
    /// A silenced device speaks again; all of them where `device` is absent.
    Unsilence {
        /// The device id.
        device: Option<String>,
    },
}

/// What is wrong with a file of the workspace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct FileProblem {
    /// The file, relative to the workspace.
    pub file: String,
    /// Where in it: line and column, or a JSON path; empty for the whole file.
    pub place: String,
    /// What is wrong, and what to do.
    pub message: String,
}
