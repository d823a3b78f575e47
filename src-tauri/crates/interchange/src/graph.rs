//! What files hold, whatever their form.

use crate::{Place, Problems};
use adt_limits::Limit;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::collections::HashSet;

/// The most twins of one import (the limit of the service's own import job).
pub const MOST_TWINS: usize = Limit::ImportTwins.row().number() as usize;
/// The most relationships of one import (the limit of the service's own import job).
pub const MOST_RELATIONSHIPS: usize = Limit::ImportRelationships.row().number() as usize;
/// The most models of an instance.
const MOST_MODELS: usize = Limit::Models.row().number() as usize;

/// A model and where it came from.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelRecord {
    /// Its DTMI; empty where the document has none.
    pub id: String,
    /// The DTDL interface.
    pub document: Value,
    /// Where it is.
    pub place: Place,
}

/// A twin and where it came from.
#[derive(Clone, Debug, PartialEq)]
pub struct TwinRecord {
    /// `$dtId`.
    pub id: String,
    /// `$metadata.$model`.
    pub model: String,
    /// Properties, and components each with an empty `$metadata`.
    pub contents: Map<String, Value>,
    /// Whether the values are still the texts of a table's cells: [`check`](crate::check()) gives them their types.
    pub as_text: bool,
    /// Where it is.
    pub place: Place,
}

/// A relationship and where it came from.
#[derive(Clone, Debug, PartialEq)]
pub struct RelationshipRecord {
    /// `$sourceId`.
    pub source: String,
    /// `$relationshipId`.
    pub id: String,
    /// `$relationshipName`.
    pub name: String,
    /// `$targetId`.
    pub target: String,
    /// Its own properties.
    pub properties: Map<String, Value>,
    /// Whether the values are still the texts of a table's cells.
    pub as_text: bool,
    /// Where it is.
    pub place: Place,
}

impl TwinRecord {
    /// The twin as it is put: `$dtId`, `$metadata` with nothing but `$model`, then its contents.
    pub fn to_json(&self) -> Value {
        let mut object = Map::new();
        object.insert("$dtId".into(), json!(self.id));
        object.insert("$metadata".into(), json!({"$model": self.model}));
        object.extend(self.contents.clone());
        Value::Object(object)
    }
}

impl RelationshipRecord {
    /// The relationship as it is put, its four ids first.
    pub fn to_json(&self) -> Value {
        let mut object = Map::new();
        object.insert("$relationshipId".into(), json!(self.id));
        object.insert("$sourceId".into(), json!(self.source));
        object.insert("$relationshipName".into(), json!(self.name));
        object.insert("$targetId".into(), json!(self.target));
        object.extend(self.properties.clone());
        Value::Object(object)
    }
}

/// Models, twins and relationships, each in the order of the files.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Graph {
    /// The models.
    pub models: Vec<ModelRecord>,
    /// The twins.
    pub twins: Vec<TwinRecord>,
    /// The relationships.
    pub relationships: Vec<RelationshipRecord>,
}

impl Graph {
    /// The twins that relationships begin or end at and that are not in the graph: an instance may have them.
    pub fn outside_twins(&self) -> BTreeSet<&str> {
        let inside: HashSet<&str> = self.twins.iter().map(|twin| twin.id.as_str()).collect();
        let ends = self.relationships.iter().flat_map(|each| [&each.source, &each.target]);
        ends.map(String::as_str).filter(|id| !inside.contains(id)).collect()
    }
}

/// What the readers fill: the graph within its bounds, and what is wrong.
#[derive(Debug, Default)]
pub(crate) struct Sink {
    pub(crate) graph: Graph,
    pub(crate) problems: Problems,
}

impl Sink {
    pub(crate) fn model(&mut self, document: Value, place: Place) {
        if full(&self.graph.models, MOST_MODELS) {
            return self.too_many(&place, "models", MOST_MODELS);
        }
        let id = document.get("@id").and_then(Value::as_str).unwrap_or_default().to_owned();
        self.graph.models.push(ModelRecord { id, document, place });
    }

    pub(crate) fn twin(&mut self, twin: TwinRecord) {
        if full(&self.graph.twins, MOST_TWINS) {
            return self.too_many(&twin.place, "twins", MOST_TWINS);
        }
        self.graph.twins.push(twin);
    }

    pub(crate) fn relationship(&mut self, relationship: RelationshipRecord) {
        if full(&self.graph.relationships, MOST_RELATIONSHIPS) {
            return self.too_many(&relationship.place, "relationships", MOST_RELATIONSHIPS);
        }
        self.graph.relationships.push(relationship);
    }

    fn too_many(&mut self, place: &Place, what: &str, most: usize) {
        let message = format!("One import takes at most {most} {what}. Import the rest by itself.");
        self.problems.add(place, "", message);
    }
}

fn full<T>(list: &[T], most: usize) -> bool {
    list.len() >= most
}
