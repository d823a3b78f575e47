//! A relationship between two digital twins.

use crate::Properties;
use crate::names::shared;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// A relationship, named by its source twin and its own id.
#[derive(Clone, Debug, PartialEq)]
pub struct Relationship {
    /// `$relationshipId`, unique within the source twin.
    pub id: Arc<str>,
    /// `$sourceId`.
    pub source: Arc<str>,
    /// `$targetId`.
    pub target: Arc<str>,
    /// `$relationshipName`, as the source's model declares it.
    pub name: Arc<str>,
    /// `$etag`.
    pub etag: Arc<str>,
    /// The relationship's own properties.
    pub properties: Properties,
}

impl Relationship {
    /// The relationship as the service answers it.
    pub fn to_json(&self) -> Value {
        let mut object = Map::new();
        object.insert("$relationshipId".into(), json!(self.id));
        object.insert("$etag".into(), json!(self.etag));
        object.insert("$sourceId".into(), json!(self.source));
        object.insert("$relationshipName".into(), json!(self.name));
        object.insert("$targetId".into(), json!(self.target));
        object.extend(self.properties.to_map());
        Value::Object(object)
    }

    /// Reads a relationship as the service answers it. `None` where one of its ids is missing.
    pub fn from_json(body: &Value) -> Option<Self> {
        let text = |name: &str| body.get(name)?.as_str().map(Arc::<str>::from);
        let properties = body.as_object()?.iter().filter(|(name, _)| !name.starts_with('$'));
        Some(Self {
            id: text("$relationshipId")?,
            source: text("$sourceId")?,
            target: text("$targetId")?,
            name: shared(body.get("$relationshipName")?.as_str()?),
            etag: text("$etag").unwrap_or_else(|| "".into()),
            properties: properties.map(|(name, value)| (name, value.into())).collect(),
        })
    }
}
