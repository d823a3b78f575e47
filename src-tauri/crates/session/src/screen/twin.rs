//! One twin for the inspector.

use super::{millis, model_name, name_of, unit_sign};
use crate::wire::{PropertyRow, Relation, TwinDetail};
use dtdl::{Content, Interface, Models, Schema};
use serde_json::Value;
use std::sync::Arc;
use twin_graph::{Contents, PropertyValue, Relationship, Twin, TwinGraph};

/// Relations listed at the most.
const RELATIONS: usize = 200;

/// What the inspector shows of a twin; `None` where it is gone. The caller fills in the device.
pub(crate) fn twin_detail(graph: &TwinGraph, id: &str) -> Option<TwinDetail> {
    let twin = graph.twin(id)?;
    let models = graph.models();
    let total = graph.outgoing(id).count() + graph.incoming(id).count();
    Some(TwinDetail {
        id: twin.id.to_string(),
        model: twin.model.to_string(),
        model_name: model_name(models, &twin.model),
        name: name_of(twin).map(str::to_owned),
        etag: twin.etag.to_string(),
        updated: millis(twin.updated()),
        properties: properties(models, twin),
        relations: relations(graph, id),
        relations_total: u32::try_from(total).unwrap_or(u32::MAX),
        device: None,
        device_silenced: false,
        body: twin.to_json(),
    })
}

fn properties(models: &Models, twin: &Twin) -> Vec<PropertyRow> {
    let Some(model) = models.get(&twin.model) else {
        return unmodelled(&twin.contents);
    };
    let mut rows = own_properties(model, &twin.contents, "", "");
    for content in model.contents.values() {
        let component = model.component(&content.name).and_then(|dtmi| models.get(dtmi));
        if let Some(interface) = component {
            let empty = Contents::default();
            let contents = twin.components.get(&content.name).unwrap_or(&empty);
            let (path, name) = (format!("/{}", content.name), format!("{}.", content.name));
            rows.extend(own_properties(interface, contents, &path, &name));
        }
    }
    rows
}

fn own_properties(
    model: &Interface,
    contents: &Contents,
    path: &str,
    name: &str,
) -> Vec<PropertyRow> {
    let row = |content: &Arc<Content>| {
        let property = content.as_property()?;
        let value = contents.get(&content.name);
        let times = contents.times(&content.name);
        Some(PropertyRow {
            path: format!("{path}/{}", content.name),
            name: format!("{name}{}", content.name),
            schema: property.schema.name().to_owned(),
            choices: choices(property.schema),
            unit: content.unit.as_deref().map(unit_sign).unwrap_or_default().to_owned(),
            writable: property.writable,
            set: value.is_some(),
            value: value.map(PropertyValue::to_json),
            updated: times.map(|times| millis(times.updated)),
            source_time: times.and_then(|times| times.source).map(millis),
        })
    };
    model.contents.values().filter_map(row).collect()
}

/// Properties of a twin whose model is not known here (a remote one's that does not parse).
fn unmodelled(contents: &Contents) -> Vec<PropertyRow> {
    let row = |(name, value): (&Arc<str>, &PropertyValue)| PropertyRow {
        path: format!("/{name}"),
        name: name.to_string(),
        schema: String::new(),
        choices: Vec::new(),
        unit: String::new(),
        writable: true,
        set: true,
        value: Some(value.to_json()),
        updated: contents.times(name).map(|times| millis(times.updated)),
        source_time: None,
    };
    contents.values().map(row).collect()
}

fn choices(schema: &Schema) -> Vec<Value> {
    match schema {
        Schema::Enum(kinds) => kinds.values.iter().map(|each| each.value.clone()).collect(),
        _ => Vec::new(),
    }
}

fn relations(graph: &TwinGraph, id: &str) -> Vec<Relation> {
    let model = |id: &str| graph.twin(id).map(|twin| twin.model.to_string()).unwrap_or_default();
    let relation = |relationship: &Arc<Relationship>, outgoing: bool| {
        let other = if outgoing { &relationship.target } else { &relationship.source };
        Relation {
            key: format!("{}/{}", relationship.source, relationship.id),
            outgoing,
            name: relationship.name.to_string(),
            twin: other.to_string(),
            model: model(other),
        }
    };
    let incoming = graph.incoming(id).map(|each| relation(each, false));
    let outgoing = graph.outgoing(id).map(|each| relation(each, true));
    // petgraph answers the newest first; people expect the order of creation.
    let mut relations: Vec<_> = incoming.chain(outgoing).take(RELATIONS).collect();
    relations.sort_by(|one, other| {
        (one.outgoing, &one.name, &one.twin).cmp(&(other.outgoing, &other.name, &other.twin))
    });
    relations
}
