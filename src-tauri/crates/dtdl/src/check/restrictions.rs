//! Counts, uniqueness and permitted values of the properties of a class, and sizes.

use std::collections::HashSet;

use super::inheritance::Contents;
use crate::{
    graph::{Element, Graph, Value},
    metamodel::{Property, Rule, metamodel},
    parse::Parsed,
    problem::Problem,
};

/// The most bytes of an interface in DTDL 3.
const MAX_INTERFACE_BYTES: usize = 1024 * 1024;

pub(crate) fn check_restrictions(parsed: &mut Parsed, contents: &Contents) {
    let mut problems = Vec::new();
    for element in parsed.graph.elements() {
        for property in &element.class.properties {
            if let Some(rule) = property.rule(element.version) {
                let check = Check { element, property, rule, graph: &parsed.graph };
                check.all(contents, &mut problems);
            }
        }
    }
    for (id, document) in &parsed.roots {
        let is_limited = parsed.graph.get(id).is_some_and(|element| element.version > 2);
        let bytes = if is_limited { size_of(document) } else { 0 };
        if bytes > MAX_INTERFACE_BYTES {
            let message = format!(
                "{id} has {bytes} bytes of JSON; {MAX_INTERFACE_BYTES} is the most. Split it."
            );
            problems.push(Problem::new("partitionTooLarge", message).model(&**id).element(&**id));
        }
    }
    for problem in problems {
        parsed.problems.push(problem);
    }
}

struct Check<'a> {
    element: &'a Element,
    property: &'static Property,
    rule: &'static Rule,
    graph: &'a Graph,
}

impl Check<'_> {
    fn all(&self, contents: &Contents, problems: &mut Vec<Problem>) {
        self.count(contents, problems);
        self.permitted(problems);
        for key in &self.rule.unique {
            // Names among the contents are judged together with the inherited ones.
            if self.property.name != "contents" {
                self.unique(key, problems);
            }
        }
    }

    fn problem(&self, rule: &str, message: String) -> Problem {
        let partition = self.element.defined_in.as_ref().unwrap_or(&self.element.id);
        Problem::new(rule, message)
            .model(&**partition)
            .element(&*self.element.id)
            .property(&self.property.name)
    }

    fn count(&self, contents: &Contents, problems: &mut Vec<Problem>) {
        let Some(max) = self.rule.max else { return };
        let count = match contents.get(&self.element.id) {
            Some(all) if self.property.name == "contents" => all.len(),
            _ => {
                let ids: HashSet<&str> =
                    self.element.references(&self.property.name).map(|id| &**id).collect();
                ids.len()
            }
        };
        if count > max {
            let message = format!(
                "{} has {count} values of \"{}\"; {max} is the most. Remove some.",
                self.element.id, self.property.name
            );
            problems.push(self.problem("objectCountAboveMax", message));
        }
    }

    fn permitted(&self, problems: &mut Vec<Problem>) {
        if self.rule.values.is_empty() {
            return;
        }
        for id in self.element.references(&self.property.name) {
            // Of another class it is reported as such.
            let fits = self
                .graph
                .get(id)
                .zip(self.rule.class.as_deref())
                .is_some_and(|(value, class)| metamodel().is_a(&value.class.name, class));
            if fits && !self.rule.values.iter().any(|permitted| *permitted == **id) {
                let mut terms: Vec<_> =
                    self.rule.values.iter().map(|id| metamodel().short_name(id)).collect();
                terms.dedup();
                let message = format!(
                    "The \"{}\" of {} is {}; it must be {}.",
                    self.property.name,
                    self.element.id,
                    metamodel().short_name(id),
                    terms.join(" or ")
                );
                problems.push(self.problem("incorrectPropertyValue", message).value(id));
            }
        }
    }

    fn unique(&self, key: &str, problems: &mut Vec<Problem>) {
        let mut seen = HashSet::new();
        for child in self.graph.children(self.element, &self.property.name) {
            let value = match child.value(key) {
                Some(Value::String(text)) => text.to_string(),
                Some(Value::Integer(number)) => number.to_string(),
                _ => continue,
            };
            if seen.contains(&value) {
                let message = format!(
                    "Two values of \"{}\" of {} have the \"{key}\" {value}. Change one.",
                    self.property.name, self.element.id
                );
                problems.push(self.problem("nonUniquePropertyValue", message).value(&value));
            }
            seen.insert(value);
        }
    }
}

fn size_of(document: &serde_json::Value) -> usize {
    struct Counter(usize);
    impl std::io::Write for Counter {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut counter = Counter(0);
    // Counting cannot fail, and a value that came from JSON can be written as JSON.
    let _ = serde_json::to_writer(&mut counter, document);
    counter.0
}
