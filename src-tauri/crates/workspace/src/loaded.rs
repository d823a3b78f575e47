//! A workspace as loaded: checked as a whole.

use crate::Views;
use pipeline::Topology;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What the files of a workspace say, all checks passed.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// Models by DTMI.
    pub models: BTreeMap<String, ModelFile>,
    /// The DTMIs so that each comes after those that it needs.
    pub load_order: Vec<String>,
    /// Twins by `$dtId`.
    pub twins: BTreeMap<String, TwinSeed>,
    /// Relationships by source twin and `$relationshipId`.
    pub relationships: BTreeMap<(String, String), RelationshipSeed>,
    /// The topology; empty where there is no `topology.json`.
    pub topology: Topology,
    /// The users' own functions: their texts by file, as `functions/mine.rhai`.
    pub scripts: BTreeMap<String, String>,
    /// The floor plan, a GeoJSON `FeatureCollection`.
    pub floor_plan: Option<Value>,
    /// Positions and pins.
    pub views: Views,
}

/// A model and the file that it is in.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelFile {
    /// From the workspace's folder on: `models/Room.json`.
    pub file: String,
    /// The DTDL interface as it stands in the file.
    pub document: Value,
}

/// A twin as `twins.ndjson` has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TwinSeed {
    /// `$dtId`.
    pub id: String,
    /// `$metadata.$model`.
    pub model: String,
    /// What would be put: `$dtId`, `$metadata` with nothing but `$model`, properties, components
    /// each with an empty `$metadata`.
    pub body: Value,
    /// Where it is in the file, from 1 on; 0 where it is not from a file.
    #[serde(skip)]
    pub line: usize,
}

/// A relationship as `twins.ndjson` has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RelationshipSeed {
    /// The source twin: `$dtId` in the file.
    pub source: String,
    /// `$relationshipId`.
    pub id: String,
    /// `$targetId`.
    pub target: String,
    /// `$relationshipName`.
    pub name: String,
    /// Its own properties.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub properties: Map<String, Value>,
    /// Where it is in the file, from 1 on; 0 where it is not from a file.
    #[serde(skip)]
    pub line: usize,
}

/// What of a workspace was applied to an instance, to be remembered with the instance.
///
/// The default is nothing at all, as before the first time.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Applied {
    /// Models, each after those that it needs.
    pub models: Vec<Value>,
    /// Twins, in the file's order.
    pub twins: Vec<TwinSeed>,
    /// Relationships, in the file's order.
    pub relationships: Vec<RelationshipSeed>,
    /// The topology as JSON, so that an older one can still be read and compared.
    pub topology: Value,
    /// The users' own functions, by file.
    #[serde(default)]
    pub scripts: BTreeMap<String, String>,
}

impl Loaded {
    /// What is to be remembered once this is applied.
    pub fn applied(&self) -> Applied {
        Applied {
            models: self.models_in_order().cloned().collect(),
            twins: in_file_order(self.twins.values()).into_iter().cloned().collect(),
            relationships: in_file_order(self.relationships.values())
                .into_iter()
                .cloned()
                .collect(),
            topology: self.topology.to_json(),
            scripts: self.scripts.clone(),
        }
    }

    pub(crate) fn models_in_order(&self) -> impl Iterator<Item = &Value> {
        self.load_order.iter().filter_map(|id| Some(&self.models.get(id)?.document))
    }
}

/// What a line of `twins.ndjson` says.
pub(crate) trait Seed {
    /// The line's number.
    fn line(&self) -> usize;
}

impl Seed for TwinSeed {
    fn line(&self) -> usize {
        self.line
    }
}

impl Seed for RelationshipSeed {
    fn line(&self) -> usize {
        self.line
    }
}

pub(crate) fn in_file_order<'a, T: Seed>(seeds: impl Iterator<Item = &'a T>) -> Vec<&'a T> {
    let mut seeds: Vec<&T> = seeds.collect();
    seeds.sort_by_key(|seed| seed.line());
    seeds
}
