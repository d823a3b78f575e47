//! A document of a row, read where the graph holds it.

use crate::language::syntax::Kind;
use crate::value::Seen;
use petgraph::graph::{EdgeIndex, NodeIndex};
use serde_json::Value;
use twin_graph::{Contents, PropertyValue, Relationship, Twin, TwinGraph};

/// A twin or a relationship.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Item<'g> {
    Twin(&'g Twin),
    Relationship(&'g Relationship),
}

impl<'g> Item<'g> {
    /// What is in a place.
    pub(crate) fn at(graph: &'g TwinGraph, kind: Kind, place: u32) -> Option<Self> {
        match kind {
            Kind::Twin => {
                graph.twin_at(NodeIndex::new(place as usize)).map(|twin| Self::Twin(twin))
            }
            Kind::Relationship => {
                let relationship = graph.relationship_at(EdgeIndex::new(place as usize));
                relationship.map(|relationship| Self::Relationship(relationship))
            }
        }
    }

    /// The document as the service answers it.
    pub(crate) fn to_json(self) -> Value {
        match self {
            Self::Twin(twin) => twin.to_json(),
            Self::Relationship(relationship) => relationship.to_json(),
        }
    }

    /// What stands at a path; the document itself at an empty one.
    pub(crate) fn look_up(self, path: &[String]) -> Seen<'g> {
        let Some((first, rest)) = path.split_first() else { return Seen::Object(self.to_json()) };
        match self {
            Self::Twin(twin) => of_twin(twin, first, rest),
            Self::Relationship(relationship) => of_relationship(relationship, first, rest),
        }
    }
}

fn of_twin<'g>(twin: &'g Twin, first: &str, rest: &[String]) -> Seen<'g> {
    match first {
        "$dtId" => leaf(&twin.id, rest),
        "$etag" => leaf(&twin.etag, rest),
        "$metadata" => match rest {
            [] => metadata_of(twin.to_json()),
            [model] if model == "$model" => Seen::Text(&twin.model),
            rest => of_metadata(&twin.contents, rest),
        },
        name => match twin.components.get(name) {
            Some(component) => of_component(component, rest),
            None => of_value(twin.contents.get(name), rest),
        },
    }
}

fn of_component<'g>(component: &'g Contents, path: &[String]) -> Seen<'g> {
    match path.split_first() {
        None => Seen::Object(component.to_component_json()),
        Some((first, [])) if first == "$metadata" => metadata_of(component.to_component_json()),
        Some((first, rest)) if first == "$metadata" => of_metadata(component, rest),
        Some((name, rest)) => of_value(component.get(name), rest),
    }
}

/// `$metadata.$lastUpdateTime`, `$metadata.<property>` and what is in it.
fn of_metadata<'g>(contents: &'g Contents, path: &[String]) -> Seen<'g> {
    let Some((name, rest)) = path.split_first() else { return Seen::Absent };
    if name == "$lastUpdateTime" {
        return if rest.is_empty() { Seen::Time(contents.updated) } else { Seen::Absent };
    }
    let Some(times) = contents.times(name) else { return Seen::Absent };
    match rest {
        [] => Seen::Object(times.to_json()),
        [field] if field == "lastUpdateTime" => Seen::Time(times.updated),
        [field] if field == "sourceTime" => times.source.map_or(Seen::Absent, Seen::Time),
        _ => Seen::Absent,
    }
}

fn metadata_of(mut document: Value) -> Seen<'static> {
    document.get_mut("$metadata").map_or(Seen::Absent, |metadata| Seen::Object(metadata.take()))
}

fn of_relationship<'g>(relationship: &'g Relationship, first: &str, rest: &[String]) -> Seen<'g> {
    match first {
        "$relationshipId" => leaf(&relationship.id, rest),
        "$relationshipName" => leaf(&relationship.name, rest),
        "$sourceId" => leaf(&relationship.source, rest),
        "$targetId" => leaf(&relationship.target, rest),
        "$etag" => leaf(&relationship.etag, rest),
        name => of_value(relationship.properties.get(name), rest),
    }
}

fn leaf<'g>(text: &'g str, rest: &[String]) -> Seen<'g> {
    if rest.is_empty() { Seen::Text(text) } else { Seen::Absent }
}

/// Objects only: the language has no access to elements of arrays.
fn of_value<'g>(value: Option<&'g PropertyValue>, rest: &[String]) -> Seen<'g> {
    let inner = |value: &'g Value, name: &String| value.as_object()?.get(name);
    match value {
        Some(PropertyValue::Text(text)) if rest.is_empty() => Seen::Text(text),
        Some(PropertyValue::Json(value)) => {
            rest.iter().try_fold(&**value, inner).map_or(Seen::Absent, Seen::of_json)
        }
        Some(scalar) if rest.is_empty() => Seen::Object(scalar.to_json()),
        _ => Seen::Absent,
    }
}
