//! The topology, what flows through it, and secrets.

use pipeline::{NodeReport, Topology, WireReport};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use ts_rs::TS;

/// The topology that is at work.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct TopologyState {
    /// Counts up with every deploy, from wherever it came.
    pub revision: u32,
    /// The topology.
    pub topology: Topology,
    /// The texts of users' own functions, by file.
    pub files: BTreeMap<String, String>,
    /// What is allowed and may not be meant.
    pub warnings: Vec<TopologyNote>,
    /// Routes and endpoints that were made over REST and are not in `topology.json`, by id
    /// (`routes/to-parent`).
    pub not_in_file: Vec<String>,
    /// Why nothing can be deployed, where that is so: a remote instance.
    pub fixed: Option<String>,
    /// The file that a deploy writes; none for the sample, which has no folder.
    pub file: Option<String>,
}

/// What is wrong with a part of a topology, or may not be meant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct TopologyNote {
    /// JSON Pointer into `topology.json`; of a function's text the file and line.
    pub path: String,
    /// What it is, and what to do.
    pub message: String,
}

/// What all nodes and wires counted, at one moment.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Flow {
    /// Milliseconds since the counting began: rates are differences of two answers.
    pub at_millis: f64,
    /// The revision of the topology that it is of.
    pub revision: u32,
    /// The nodes.
    pub nodes: Vec<NodeReport>,
    /// The wires.
    pub wires: Vec<WireReport>,
}
