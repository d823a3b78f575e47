//! The elements of models as parsed: a flat store, by identifier, that refer to each other by identifier.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, LazyLock},
};

use crate::metamodel::{Class, Cotype};

/// One element: an interface, a property, a schema, a unit …
#[derive(Debug, Clone)]
pub(crate) struct Element {
    pub(crate) id: Arc<str>,
    pub(crate) class: &'static Class,
    pub(crate) version: u8,
    /// The element in which it is written.
    pub(crate) child_of: Option<Arc<str>>,
    /// The interface in which it is written.
    pub(crate) defined_in: Option<Arc<str>>,
    pub(crate) cotypes: Vec<&'static Cotype>,
    pub(crate) undefined_types: Vec<String>,
    pub(crate) undefined_properties: Vec<(String, serde_json::Value)>,
    values: Vec<(&'static str, Vec<Value>)>,
}

/// A value of a property of an element.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    String(Arc<str>),
    Integer(i64),
    Number(f64),
    Boolean(bool),
    Text(BTreeMap<String, String>),
    Iri(Arc<str>),
    Json(serde_json::Value),
    /// A reference to another element.
    Element(Arc<str>),
}

/// The elements of one parse, over those that the language gives.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    elements: Vec<Element>,
    index: HashMap<Arc<str>, usize>,
    /// It is the graph of the language's own elements, with nothing below it.
    standard: bool,
}

static STANDARD: LazyLock<Graph> = LazyLock::new(crate::parse::standard_graph);

impl Element {
    pub(crate) fn new(id: Arc<str>, class: &'static Class, version: u8) -> Self {
        Self {
            id,
            class,
            version,
            child_of: None,
            defined_in: None,
            cotypes: Vec::new(),
            undefined_types: Vec::new(),
            undefined_properties: Vec::new(),
            values: Vec::new(),
        }
    }

    pub(crate) fn is(&self, class: &str) -> bool {
        self.class.name == class
    }

    /// The values of a property: of a class by its name, of a supplemental type by its identifier.
    pub(crate) fn values(&self, property: &str) -> &[Value] {
        self.values.iter().find(|(name, _)| *name == property).map_or(&[], |(_, values)| values)
    }

    pub(crate) fn all_values(&self) -> impl Iterator<Item = (&'static str, &[Value])> {
        self.values.iter().map(|(name, values)| (*name, values.as_slice()))
    }

    pub(crate) fn all_values_mut(&mut self) -> impl Iterator<Item = &mut Value> {
        self.values.iter_mut().flat_map(|(_, values)| values)
    }

    pub(crate) fn value(&self, property: &str) -> Option<&Value> {
        self.values(property).first()
    }

    pub(crate) fn string(&self, property: &str) -> Option<&Arc<str>> {
        match self.value(property) {
            Some(Value::String(text) | Value::Iri(text)) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn integer(&self, property: &str) -> Option<i64> {
        match self.value(property) {
            Some(Value::Integer(number)) => Some(*number),
            _ => None,
        }
    }

    pub(crate) fn boolean(&self, property: &str) -> bool {
        matches!(self.value(property), Some(Value::Boolean(true)))
    }

    /// The identifiers of the elements that a property refers to.
    pub(crate) fn references(&self, property: &str) -> impl Iterator<Item = &Arc<str>> {
        self.values(property).iter().filter_map(Value::as_reference)
    }

    pub(crate) fn reference(&self, property: &str) -> Option<&Arc<str>> {
        self.references(property).next()
    }

    pub(crate) fn add(&mut self, property: &'static str, value: Value) {
        match self.values.iter_mut().find(|(name, _)| *name == property) {
            Some((_, values)) => values.push(value),
            None => self.values.push((property, vec![value])),
        }
    }
}

impl Value {
    pub(crate) fn as_reference(&self) -> Option<&Arc<str>> {
        match self {
            Self::Element(id) => Some(id),
            _ => None,
        }
    }
}

impl Graph {
    /// An empty graph of the language's own elements.
    pub(crate) fn of_the_language() -> Self {
        Self { standard: true, ..Self::default() }
    }

    /// The element of that identifier, of the parse or of the language.
    pub(crate) fn get(&self, id: &str) -> Option<&Element> {
        match self.index.get(id) {
            Some(position) => self.elements.get(*position),
            None if self.standard => None,
            None => STANDARD.get(id),
        }
    }

    /// True where the parse itself has the element.
    pub(crate) fn defines(&self, id: &str) -> bool {
        self.index.contains_key(id)
    }

    pub(crate) fn insert(&mut self, element: Element) {
        self.index.insert(element.id.clone(), self.elements.len());
        self.elements.push(element);
    }

    /// The elements of the parse, children before their parents.
    pub(crate) fn elements(&self) -> impl Iterator<Item = &Element> {
        self.elements.iter()
    }

    pub(crate) fn elements_mut(&mut self) -> impl Iterator<Item = &mut Element> {
        self.elements.iter_mut()
    }

    pub(crate) fn interfaces(&self) -> impl Iterator<Item = &Element> {
        self.elements.iter().filter(|element| element.is("Interface"))
    }

    /// The elements that a property of `element` refers to, as far as they are there.
    pub(crate) fn children<'a>(
        &'a self,
        element: &'a Element,
        property: &str,
    ) -> impl Iterator<Item = &'a Element> {
        element.references(property).filter_map(|id| self.get(id))
    }
}
