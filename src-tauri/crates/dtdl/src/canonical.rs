//! Documents as they are stored: one for each interface, by itself.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Map, Value};

use crate::{
    jsonld::{self, Node},
    metamodel::metamodel,
    parse::Parsed,
};

/// The documents of all interfaces of a parse, by DTMI. An interface that is written inside of another is
/// taken out, with the context that holds there, and its place holds its DTMI.
pub(crate) fn documents_of(parsed: &Parsed) -> BTreeMap<Arc<str>, Arc<Value>> {
    let mut documents = BTreeMap::new();
    for (id, document) in &parsed.roots {
        let mut taken = Vec::new();
        let outlined = outline(document, &context_of(document), &mut taken);
        // Mostly there is nothing to take out, and the document is shared as it is.
        let document = if taken.is_empty() { document.clone() } else { Arc::new(outlined) };
        documents.insert(id.clone(), document);
        for (id, document) in taken {
            documents.insert(id, Arc::new(document));
        }
    }
    documents
}

fn context_of(document: &Value) -> Vec<Value> {
    document.get("@context").map(jsonld::values).unwrap_or_default().to_vec()
}

/// The context inside of an element that has one of its own: extensions of the outer context still hold,
/// the version of DTDL is the inner one where it says one.
fn inner_context(outer: &[Value], own: &[Value]) -> Vec<Value> {
    let is_core =
        |part: &&Value| part.as_str().is_some_and(|id| id.starts_with("dtmi:dtdl:context;"));
    let core = own.iter().rfind(is_core).or_else(|| outer.iter().find(is_core));
    let mut context: Vec<Value> = core.cloned().into_iter().collect();
    for extension in outer.iter().chain(own).filter(|part| !is_core(part)) {
        context.retain(|known| known != extension);
        context.push(extension.clone());
    }
    context
}

/// Bounded: the depth of documents has been checked.
fn outline(value: &Value, context: &[Value], taken: &mut Vec<(Arc<str>, Value)>) -> Value {
    match value {
        Value::Array(items) => items.iter().map(|item| inner(item, context, taken)).collect(),
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| (key.clone(), inner(value, context, taken)))
            .collect::<Map<_, _>>()
            .into(),
        other => other.clone(),
    }
}

fn inner(value: &Value, context: &[Value], taken: &mut Vec<(Arc<str>, Value)>) -> Value {
    let Value::Object(map) = value else {
        return outline(value, context, taken);
    };
    let own = map.get("@context").map(|own| inner_context(context, jsonld::values(own)));
    let context = own.as_deref().unwrap_or(context);
    let outlined = outline(value, context, taken);
    match (interface_id(map), outlined) {
        (Some(id), Value::Object(mut document)) => {
            document.remove("@context");
            let mut whole = Map::new();
            whole.insert("@context".to_owned(), as_written(context));
            whole.append(&mut document);
            taken.push((id.into(), whole.into()));
            Value::String(id.to_owned())
        }
        (_, outlined) => outlined,
    }
}

/// One context is written by itself, several as an array.
fn as_written(context: &[Value]) -> Value {
    match context {
        [one] => one.clone(),
        several => several.to_vec().into(),
    }
}

fn interface_id(map: &Map<String, Value>) -> Option<&str> {
    let node = Node::new(map);
    let is_interface = node.types()?.iter().any(|name| {
        [2, 3].into_iter().any(|version| {
            metamodel().material(name, version).is_some_and(|class| class.name == "Interface")
        })
    });
    node.id().filter(|_| is_interface)
}
