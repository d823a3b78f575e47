//! JSON objects as JSON-LD reads them: keywords (`@id`, `@type` …) apart from properties.

use serde_json::{Map, Value};

use crate::problem::{Problem, Problems};

/// How deep a document may nest. The language ends long before; the stack is what it guards.
pub(crate) const MAX_NESTING: usize = 64;

/// One JSON object of a document.
#[derive(Clone, Copy)]
pub(crate) struct Node<'a> {
    map: &'a Map<String, Value>,
}

impl<'a> Node<'a> {
    pub(crate) fn new(map: &'a Map<String, Value>) -> Self {
        Self { map }
    }

    pub(crate) fn keyword(&self, name: &str) -> Option<&'a Value> {
        self.map.get(name)
    }

    pub(crate) fn has(&self, keyword: &str) -> bool {
        self.map.contains_key(keyword)
    }

    /// The `@id`; empty where it is given but no string.
    pub(crate) fn id(&self) -> Option<&'a str> {
        self.map.get("@id").map(|id| id.as_str().unwrap_or_default())
    }

    /// The `@type`s; an empty text for each that is no string.
    pub(crate) fn types(&self) -> Option<Vec<&'a str>> {
        self.map.get("@type").map(|types| match types {
            Value::String(one) => vec![one.as_str()],
            Value::Array(many) => many.iter().map(|one| one.as_str().unwrap_or_default()).collect(),
            _ => Vec::new(),
        })
    }

    /// Keywords that DTDL has no use for.
    pub(crate) fn other_keywords(&self) -> impl Iterator<Item = &'a str> {
        const KNOWN: [&str; 6] = ["@graph", "@context", "@id", "@type", "@value", "@language"];
        self.map
            .keys()
            .map(String::as_str)
            .filter(|key| key.starts_with('@') && !KNOWN.contains(key))
    }

    /// What is not a keyword.
    pub(crate) fn properties(&self) -> impl Iterator<Item = (&'a str, &'a Value)> {
        self.map
            .iter()
            .map(|(key, value)| (key.as_str(), value))
            .filter(|(key, _)| !key.starts_with('@'))
    }

    /// True where there is nothing but an `@id`.
    pub(crate) fn is_only_id(&self) -> bool {
        self.map.len() == 1 && self.has("@id")
    }
}

/// The values of a property: one, or those of an array.
pub(crate) fn values(value: &Value) -> &[Value] {
    match value {
        Value::Array(many) => many,
        one => std::slice::from_ref(one),
    }
}

/// What is wrong with the shape of a model, whatever the language says of it.
pub(crate) fn check_shape(model: &Value) -> Problems {
    let mut shape = Shape { problems: Problems::default(), path: String::new() };
    shape.value(model, 0);
    shape.problems
}

struct Shape {
    problems: Problems,
    path: String,
}

impl Shape {
    fn report(&mut self, rule: &str, message: String) {
        let problem = Problem::new(rule, message).element(self.path.clone());
        self.problems.push(problem);
    }

    fn within(&mut self, step: &str, check: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        self.path.push('/');
        self.path.push_str(&crate::problem::shorten(step));
        check(self);
        self.path.truncate(length);
    }

    fn value(&mut self, value: &Value, depth: usize) {
        if depth > MAX_NESTING {
            return self.report(
                "nestingTooDeep",
                format!("The JSON nests deeper than {MAX_NESTING} levels. Flatten the model."),
            );
        }
        match value {
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.within(&index.to_string(), |shape| shape.value(item, depth + 1));
                }
            }
            Value::Object(map) => {
                for (key, value) in map {
                    self.within(key, |shape| shape.entry(key, value, depth + 1));
                }
            }
            _ => {}
        }
    }

    fn entry(&mut self, key: &str, value: &Value, depth: usize) {
        match key {
            "@context" => self.context(value),
            "@graph" => {
                if !values(value).iter().all(Value::is_object) {
                    self.report(
                        "graphNotObject",
                        "The value of @graph is not a JSON object. Remove @graph.".to_owned(),
                    );
                }
                self.value(value, depth);
            }
            _ if key.starts_with('@') => self.value(value, depth),
            _ if value.is_null() => self.report(
                "propertyValueNull",
                format!("The property \"{key}\" is null. Give it a value or leave it out."),
            ),
            _ => self.value(value, depth),
        }
    }

    fn context(&mut self, context: &Value) {
        for part in values(context) {
            match part {
                Value::String(_) => {}
                Value::Object(terms) => terms.iter().for_each(|(term, definition)| {
                    self.term(term, definition);
                }),
                other => self.report(
                    "invalidContext",
                    format!(
                        "The @context has {}, which is neither a string nor an object. \
                         Give the identifier of a context, for example \"dtmi:dtdl:context;3\".",
                        crate::problem::shorten(&other.to_string())
                    ),
                ),
            }
        }
    }

    fn term(&mut self, term: &str, definition: &Value) {
        match definition {
            Value::String(_) | Value::Null => {}
            Value::Object(map) if map.get("@id").is_some_and(Value::is_string) => {}
            Value::Object(_) => self.report(
                "termDefinitionMissingIdProperty",
                format!("The definition of the term \"{term}\" in the @context has no @id."),
            ),
            _ => self.report(
                "termDefinitionNotStringOrObject",
                format!("The definition of the term \"{term}\" in the @context is no string."),
            ),
        }
    }
}
