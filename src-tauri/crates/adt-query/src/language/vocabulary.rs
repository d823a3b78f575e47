//! The names that models give to queries.

use dtdl::{ContentKind, Interface, Models, Schema};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Names of properties (components among them) with what they are, and names of relationships.
pub(super) struct Vocabulary<'m> {
    models: &'m Models,
    pub(super) properties: BTreeMap<&'m str, String>,
    pub(super) relationships: BTreeSet<&'m str>,
    /// Of relationships.
    pub(super) their_properties: BTreeMap<&'m str, String>,
}

/// The service's own names of a twin, and of a relationship.
pub(super) const OF_TWINS: [&str; 3] = ["$dtId", "$etag", "$metadata"];
pub(super) const OF_RELATIONSHIPS: [&str; 5] =
    ["$relationshipId", "$relationshipName", "$sourceId", "$targetId", "$etag"];
pub(super) const OF_METADATA: [&str; 2] = ["$model", "$lastUpdateTime"];

impl<'m> Vocabulary<'m> {
    /// The names of all models.
    pub(super) fn of(models: &'m Models) -> Self {
        Self::of_some(models, |_| true)
    }

    /// The names of the models that `wanted` takes by their DTMI.
    pub(super) fn of_some(models: &'m Models, wanted: impl Fn(&str) -> bool) -> Self {
        let mut found = Self {
            models,
            properties: BTreeMap::new(),
            relationships: BTreeSet::new(),
            their_properties: BTreeMap::new(),
        };
        models.iter().filter(|model| wanted(&model.id)).for_each(|model| found.add(model));
        found
    }

    fn add(&mut self, model: &'m Arc<Interface>) {
        for (name, content) in &model.contents {
            match &content.kind {
                ContentKind::Property { schema, .. } => {
                    self.properties.insert(name, kind_of(schema));
                }
                ContentKind::Component { interface } => {
                    self.properties.insert(name, format!("component {interface}"));
                }
                ContentKind::Relationship(relationship) => {
                    self.relationships.insert(name);
                    for (name, content) in &relationship.properties {
                        let kind = content.as_property().map(|valued| kind_of(valued.schema));
                        self.their_properties.insert(name, kind.unwrap_or_default());
                    }
                }
                _ => {}
            }
        }
    }

    pub(super) fn knows_property(&self, name: &str) -> bool {
        name.starts_with('$')
            || self.properties.contains_key(name)
            || self.their_properties.contains_key(name)
    }

    /// What is in a property: of a component its properties, of an object its fields.
    pub(super) fn within(&self, path: &[String]) -> BTreeMap<String, String> {
        let Some((name, rest)) = path.split_first() else { return BTreeMap::new() };
        let mut found = BTreeMap::new();
        for model in self.models.iter() {
            let Some(content) = model.contents.get(name.as_str()) else { continue };
            match &content.kind {
                ContentKind::Component { interface } if rest.is_empty() => {
                    let own = self.models.get(interface).into_iter().flat_map(|it| &it.contents);
                    for (name, content) in own {
                        if let Some(valued) = content.as_property() {
                            found.insert(name.to_string(), kind_of(valued.schema));
                        }
                    }
                }
                ContentKind::Property { schema, .. } => fields(schema, rest, &mut found),
                _ => {}
            }
        }
        found
    }
}

fn fields(schema: &Arc<Schema>, path: &[String], found: &mut BTreeMap<String, String>) {
    let Schema::Object(object) = &**schema else { return };
    match path.split_first() {
        None => {
            let fields = object.fields.iter();
            found.extend(fields.map(|(name, field)| (name.to_string(), kind_of(&field.schema))));
        }
        Some((name, rest)) => {
            if let Some(field) = object.fields.get(name.as_str()) {
                fields(&field.schema, rest, found);
            }
        }
    }
}

fn kind_of(schema: &Schema) -> String {
    let kind = match schema {
        Schema::Boolean => "boolean",
        Schema::Integer => "integer",
        Schema::Long => "long",
        Schema::Float => "float",
        Schema::Double => "double",
        Schema::Date => "date",
        Schema::DateTime => "dateTime",
        Schema::Duration => "duration",
        Schema::Time => "time",
        Schema::String => "string",
        Schema::Geospatial(_) => "geometry",
        Schema::Object(_) => "object",
        Schema::Map(_) => "map",
        Schema::Enum(_) => "enum",
        Schema::Array { .. } => "array",
        _ => "value",
    };
    kind.to_owned()
}
