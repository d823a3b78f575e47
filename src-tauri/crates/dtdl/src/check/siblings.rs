//! Who stands beside an element: the other values of the properties of its parents.
//!
//! What is asked for is indexed on the first question, so that a thousand siblings cost a thousand steps.

use std::collections::HashMap;

use super::{cotypes::has_type, inheritance::Contents};
use crate::graph::{Element, Graph, Value};

/// A place in which an element stands: its parent and the parent's property.
pub(super) type Place<'a> = (&'a Element, &'static str);

/// Elements by a value; two of each are enough to see that it is not the only one.
type ByValue<'a> = HashMap<String, Vec<&'a Element>>;

pub(super) struct Siblings<'a> {
    graph: &'a Graph,
    contents: &'a Contents,
    places: HashMap<&'a str, Vec<Place<'a>>>,
    by_value: HashMap<(&'a str, &'static str, &'static str), ByValue<'a>>,
    by_type: HashMap<(&'a str, &'static str, &'static str), Vec<&'a Element>>,
}

impl<'a> Siblings<'a> {
    /// Contents stand in every interface that inherits them.
    pub(super) fn new(graph: &'a Graph, contents: &'a Contents) -> Self {
        let mut places: HashMap<&str, Vec<Place<'_>>> = HashMap::new();
        for element in graph.elements() {
            for (property, values) in element.all_values() {
                if property == "contents" {
                    continue;
                }
                for id in values.iter().filter_map(Value::as_reference) {
                    places.entry(id).or_default().push((element, property));
                }
            }
            for id in contents.get(&element.id).into_iter().flatten() {
                places.entry(id).or_default().push((element, "contents"));
            }
        }
        Self { graph, contents, places, by_value: HashMap::new(), by_type: HashMap::new() }
    }

    /// The places in which the element stands.
    pub(super) fn places(&self, element: &Element) -> Vec<Place<'a>> {
        self.places.get(&*element.id).cloned().unwrap_or_default()
    }

    /// The elements in that place whose `property` is `value`, two of them at most.
    pub(super) fn with_value(
        &mut self,
        (parent, name): Place<'a>,
        property: &'static str,
        value: &Value,
    ) -> &[&'a Element] {
        let Some(wanted) = key(value) else { return &[] };
        let (graph, contents) = (self.graph, self.contents);
        let index = self.by_value.entry((&parent.id, name, property)).or_insert_with(|| {
            let mut index = ByValue::new();
            for child in children(graph, contents, parent, name) {
                if let Some(key) = child.value(property).and_then(key) {
                    let holders = index.entry(key).or_default();
                    if holders.len() < 2 {
                        holders.push(child);
                    }
                }
            }
            index
        });
        index.get(&wanted).map_or(&[], Vec::as_slice)
    }

    /// The elements in that place that are of a type, two of them at most.
    pub(super) fn with_type(
        &mut self,
        (parent, name): Place<'a>,
        wanted: &'static str,
    ) -> &[&'a Element] {
        let (graph, contents) = (self.graph, self.contents);
        self.by_type.entry((&parent.id, name, wanted)).or_insert_with(|| {
            children(graph, contents, parent, name)
                .filter(|child| has_type(child, wanted))
                .take(2)
                .collect()
        })
    }
}

fn key(value: &Value) -> Option<String> {
    match value {
        Value::String(text) | Value::Iri(text) => Some(format!("\"{text}")),
        Value::Integer(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The values of a property of a parent, inherited contents included.
fn children<'a>(
    graph: &'a Graph,
    contents: &'a Contents,
    parent: &'a Element,
    property: &'static str,
) -> impl Iterator<Item = &'a Element> {
    let all = contents.get(&parent.id).filter(|_| property == "contents");
    let own = parent.references(property).filter(move |_| all.is_none());
    all.into_iter().flatten().chain(own).filter_map(|id| graph.get(id))
}
