//! From checked elements to interfaces as others use them.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use indexmap::IndexMap;

use crate::{
    Interface, LocalizedText, Schema,
    graph::{Element, Graph, Value},
    interface::{Content, ContentKind, Payload, Relationship},
    metamodel::metamodel,
    schema::{Enum, EnumValue, Field, Geometry, Map, Object},
};

/// Makes interfaces of a graph in which nothing is wrong.
pub(crate) struct Lowering<'a> {
    graph: &'a Graph,
    documents: &'a BTreeMap<Arc<str>, Arc<serde_json::Value>>,
    schemas: HashMap<Arc<str>, Arc<Schema>>,
    done: HashMap<Arc<str>, Arc<Interface>>,
}

impl<'a> Lowering<'a> {
    pub(crate) fn new(
        graph: &'a Graph,
        documents: &'a BTreeMap<Arc<str>, Arc<serde_json::Value>>,
        known: impl Iterator<Item = Arc<Interface>>,
    ) -> Self {
        Self {
            graph,
            documents,
            schemas: HashMap::new(),
            done: known.map(|interface| (interface.id.clone(), interface)).collect(),
        }
    }

    /// The interface of that identifier. Recursion ends at the depth of inheritance, which is checked.
    pub(crate) fn interface(&mut self, id: &str) -> Option<Arc<Interface>> {
        if let Some(done) = self.done.get(id) {
            return Some(done.clone());
        }
        let graph = self.graph;
        let element = graph.get(id)?;
        let mut contents: IndexMap<Arc<str>, Arc<Content>> = IndexMap::new();
        for child in graph.children(element, "contents") {
            let Some(content) = self.content(child, id) else { continue };
            contents.insert(content.name.clone(), Arc::new(content));
        }
        let extends: Vec<Arc<str>> = distinct(element.references("extends"));
        for base in &extends {
            let Some(base) = self.interface(base) else { continue };
            for (name, content) in &base.contents {
                contents.entry(name.clone()).or_insert_with(|| content.clone());
            }
        }
        let interface = Arc::new(Interface {
            id: element.id.clone(),
            dtdl_version: element.version,
            display_name: text(element, "displayName"),
            description: text(element, "description"),
            comment: comment(element),
            contents,
            extends,
            document: self.documents.get(id).cloned().unwrap_or_default(),
        });
        self.done.insert(interface.id.clone(), interface.clone());
        Some(interface)
    }

    fn content(&mut self, element: &'a Element, origin: &str) -> Option<Content> {
        let kind = match element.class.name.as_str() {
            "Property" => ContentKind::Property {
                schema: self.schema_of(element)?,
                writable: element.boolean("writable"),
            },
            "Telemetry" => ContentKind::Telemetry { schema: self.schema_of(element)? },
            "Command" => ContentKind::Command {
                request: self.payload(element, "request"),
                response: self.payload(element, "response"),
            },
            "Component" => {
                ContentKind::Component { interface: element.reference("schema")?.clone() }
            }
            "Relationship" => ContentKind::Relationship(self.relationship(element, origin)),
            _ => return None,
        };
        Some(Content {
            name: element.string("name")?.clone(),
            origin: origin.into(),
            display_name: text(element, "displayName"),
            description: text(element, "description"),
            comment: comment(element),
            semantic_types: semantic_types(element),
            unit: unit(element),
            kind,
        })
    }

    fn relationship(&mut self, element: &'a Element, origin: &str) -> Relationship {
        let mut properties = IndexMap::new();
        for child in self.graph.children(element, "properties") {
            if let Some(content) = self.content(child, origin) {
                properties.insert(content.name.clone(), Arc::new(content));
            }
        }
        let multiplicity =
            |name| element.integer(name).and_then(|number| u64::try_from(number).ok());
        Relationship {
            target: element.string("target").cloned(),
            min_multiplicity: multiplicity("minMultiplicity"),
            max_multiplicity: multiplicity("maxMultiplicity"),
            writable: element.boolean("writable"),
            properties,
        }
    }

    fn payload(&mut self, element: &'a Element, property: &str) -> Option<Payload> {
        let payload = self.graph.get(element.reference(property)?)?;
        Some(Payload {
            name: payload.string("name")?.clone(),
            schema: self.schema_of(payload)?,
            display_name: text(payload, "displayName"),
        })
    }

    fn schema_of(&mut self, element: &'a Element) -> Option<Arc<Schema>> {
        self.schema(element.reference("schema")?)
    }

    /// Recursion ends at the depth of schemas, which is checked.
    pub(crate) fn schema(&mut self, id: &Arc<str>) -> Option<Arc<Schema>> {
        if let Some(schema) = self.schemas.get(id) {
            return Some(schema.clone());
        }
        let graph = self.graph;
        let element = graph.get(id)?;
        let schema = Arc::new(match element.class.name.as_str() {
            "Boolean" => Schema::Boolean,
            "Integer" => Schema::Integer,
            "Long" => Schema::Long,
            "Float" => Schema::Float,
            "Double" => Schema::Double,
            "Date" => Schema::Date,
            "DateTime" => Schema::DateTime,
            "Duration" => Schema::Duration,
            "Time" => Schema::Time,
            "String" => Schema::String,
            "Array" => Schema::Array { element: self.schema(element.reference("elementSchema")?)? },
            "Map" => Schema::Map(self.map(element)?),
            "Enum" => Schema::Enum(self.choice(element)?),
            "Object" => match geometry(id) {
                Some(geometry) => Schema::Geospatial(geometry),
                None => Schema::Object(self.object(element)),
            },
            _ => return None,
        });
        self.schemas.insert(id.clone(), schema.clone());
        Some(schema)
    }

    fn map(&mut self, element: &'a Element) -> Option<Map> {
        let key = self.graph.get(element.reference("mapKey")?)?;
        let value = self.graph.get(element.reference("mapValue")?)?;
        Some(Map {
            key_name: key.string("name")?.clone(),
            value_name: value.string("name")?.clone(),
            value: self.schema_of(value)?,
        })
    }

    fn choice(&mut self, element: &'a Element) -> Option<Enum> {
        let graph = self.graph;
        let values = graph.children(element, "enumValues").filter_map(|value| {
            Some(EnumValue {
                name: value.string("name")?.clone(),
                display_name: text(value, "displayName"),
                value: match value.value("enumValue")? {
                    Value::Integer(number) => (*number).into(),
                    Value::String(text) => text.as_ref().into(),
                    _ => return None,
                },
            })
        });
        let values = values.collect();
        Some(Enum::new(self.schema(element.reference("valueSchema")?)?, values))
    }

    fn object(&mut self, element: &'a Element) -> Object {
        let mut fields = IndexMap::new();
        for field in self.graph.children(element, "fields") {
            let (Some(name), Some(schema)) = (field.string("name"), self.schema_of(field)) else {
                continue;
            };
            let semantic_types = semantic_types(field);
            let field = Field {
                schema,
                display_name: text(field, "displayName"),
                description: text(field, "description"),
                required: semantic_types.iter().any(|name| &**name == "Required"),
                semantic_types,
                unit: unit(field),
            };
            fields.insert(name.clone(), field);
        }
        Object { fields }
    }
}

/// The identifiers without repetition, in their order.
pub(crate) fn distinct<'a>(ids: impl Iterator<Item = &'a Arc<str>>) -> Vec<Arc<str>> {
    let mut found: Vec<Arc<str>> = Vec::new();
    for id in ids {
        if !found.contains(id) {
            found.push(id.clone());
        }
    }
    found
}

fn geometry(id: &str) -> Option<Geometry> {
    let name = id.strip_prefix("dtmi:standard:schema:geospatial:")?.split(';').next()?;
    Geometry::ALL.into_iter().find(|geometry| geometry.name() == name)
}

fn text(element: &Element, property: &str) -> LocalizedText {
    match element.value(property) {
        Some(Value::Text(texts)) => LocalizedText(texts.clone()),
        _ => LocalizedText::default(),
    }
}

fn comment(element: &Element) -> Option<String> {
    element.string("comment").map(|text| text.to_string())
}

fn semantic_types(element: &Element) -> Vec<Arc<str>> {
    let known = element.cotypes.iter().map(|cotype| metamodel().short_name(&cotype.id));
    known.chain(element.undefined_types.iter().map(String::as_str)).map(Arc::from).collect()
}

/// The unit of a semantic type, whichever extension it is of.
fn unit(element: &Element) -> Option<Arc<str>> {
    let property = element
        .cotypes
        .iter()
        .flat_map(|cotype| &cotype.properties)
        .find(|property| metamodel().short_name(&property.id) == "unit")?;
    element.reference(&property.id).map(|id| metamodel().short_name(id).into())
}
