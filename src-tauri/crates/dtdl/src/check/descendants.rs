//! How deep, how many, and which elements may stand below an element. Every walk visits an element once and
//! keeps its own stack, so that no document can exhaust the time or the stack.

use std::collections::HashMap;

use super::inheritance::Contents;
use crate::{
    graph::{Element, Graph, Value},
    metamodel::{Control, metamodel},
    parse::Parsed,
    problem::Problem,
};

pub(crate) fn check_descendants(parsed: &mut Parsed, contents: &Contents) {
    let mut problems = Vec::new();
    for control in &metamodel().controls {
        match control.datatype {
            Some(ref datatype) => check_datatypes(control, datatype, &parsed.graph, &mut problems),
            None => {
                let mut walk = Walk {
                    graph: &parsed.graph,
                    contents,
                    control,
                    measured: HashMap::new(),
                    problems: &mut problems,
                };
                walk.check();
            }
        }
    }
    for problem in problems {
        parsed.problems.push(problem);
    }
}

fn roots<'a>(control: &'a Control, graph: &'a Graph) -> impl Iterator<Item = &'a Element> {
    graph.elements().filter(|element| {
        element.version == control.version && metamodel().is_a(&element.class.name, &control.root)
    })
}

fn model_of(element: &Element) -> String {
    element.defined_in.as_ref().unwrap_or(&element.id).to_string()
}

/// What is known of an element and everything below it.
#[derive(Clone, Copy, Default)]
struct Measure<'a> {
    depth: usize,
    count: usize,
    excluded: Option<&'a str>,
}

enum State<'a> {
    Open,
    Done(Measure<'a>),
}

struct Frame<'a> {
    element: &'a Element,
    children: std::vec::IntoIter<(bool, &'a Element)>,
    measure: Measure<'a>,
    /// Whether the way from the parent to here counts.
    counts: bool,
}

struct Walk<'a, 'b> {
    graph: &'a Graph,
    contents: &'a Contents,
    control: &'a Control,
    measured: HashMap<&'a str, State<'a>>,
    problems: &'b mut Vec<Problem>,
}

impl<'a> Walk<'a, '_> {
    fn check(&mut self) {
        for root in roots(self.control, self.graph) {
            let measure = self.measure(root);
            self.judge(root, measure);
        }
    }

    fn judge(&mut self, root: &Element, measure: Measure<'_>) {
        let control = self.control;
        let names = control.properties.join(", ");
        let scope = if control.narrow { "Narrow" } else { "Wide" };
        if let Some(max) = control.max_depth
            && measure.depth > max
        {
            let message = format!(
                "{} nests {} levels deep by {names}; {max} is the most. Flatten it.",
                root.id, measure.depth
            );
            self.report(&format!("excessiveDepth{scope}"), root, message);
        }
        if let Some(max) = control.max_count
            && measure.count > max
        {
            let message = format!(
                "{} has {} elements below it by {names}; {max} is the most. Split it.",
                root.id, measure.count
            );
            self.report("excessiveCount", root, message);
        }
        if let (Some(class), Some(found)) = (&control.exclude, measure.excluded) {
            let message = format!(
                "{} may not have {class} below it by {names}, and has {found}. Remove it.",
                root.id
            );
            self.report("excludedType", root, message);
        }
    }

    fn report(&mut self, rule: &str, element: &Element, message: String) {
        let problem = Problem::new(rule, message).model(model_of(element)).element(&*element.id);
        self.problems.push(problem);
    }

    fn frame(&mut self, element: &'a Element, counts: bool) -> Frame<'a> {
        self.measured.insert(&element.id, State::Open);
        Frame {
            element,
            children: self.children(element).into_iter(),
            measure: Measure::default(),
            counts,
        }
    }

    fn measure(&mut self, root: &'a Element) -> Measure<'a> {
        if let Some(State::Done(measure)) = self.measured.get(&*root.id) {
            return *measure;
        }
        let mut stack = vec![self.frame(root, false)];
        loop {
            let Some(top) = stack.last_mut() else {
                return Measure::default();
            };
            let Some((counts, child)) = top.children.next() else {
                let (id, counts, measure) = (&top.element.id, top.counts, top.measure);
                self.measured.insert(id, State::Done(measure));
                stack.pop();
                match stack.last_mut() {
                    Some(parent) => parent.measure.take_in(measure, counts),
                    None => return measure,
                }
                continue;
            };
            if counts && self.control.exclude.as_deref() == Some(&child.class.name) {
                top.measure.excluded = top.measure.excluded.or(Some(&child.id));
            }
            match self.measured.get(&*child.id) {
                Some(State::Done(measure)) => {
                    let measure = *measure;
                    top.measure.take_in(measure, counts);
                }
                Some(State::Open) => self.report_recursion(child),
                None => {
                    let frame = self.frame(child, counts);
                    stack.push(frame);
                }
            }
        }
    }

    fn report_recursion(&mut self, element: &Element) {
        let control = self.control;
        // Other controls look for other things and must not report it again.
        if control.max_depth.is_none() && control.max_count.is_none() {
            return;
        }
        let scope = if control.narrow { "Narrow" } else { "Wide" };
        let message = format!(
            "{} is below itself by {}. Break the circle.",
            element.id,
            control.properties.join(", ")
        );
        self.report(&format!("recursiveStructure{scope}"), element, message);
    }

    /// The elements one step below, and whether the step counts.
    fn children(&self, element: &'a Element) -> Vec<(bool, &'a Element)> {
        let mut children = Vec::new();
        for (property, values) in element.all_values() {
            // Units refer to each other in circles, by properties of supplemental types.
            if property.starts_with("dtmi:") {
                continue;
            }
            let counts = self.control.properties.iter().any(|name| name == property);
            if self.control.narrow && !counts {
                continue;
            }
            match self.contents.get(&element.id).filter(|_| property == "contents") {
                Some(_) => {}
                None => children.extend(
                    values
                        .iter()
                        .filter_map(Value::as_reference)
                        .filter_map(|id| self.graph.get(id))
                        .map(|child| (counts, child)),
                ),
            }
        }
        let counts = self.control.properties.iter().any(|name| name == "contents");
        if counts || !self.control.narrow {
            let inherited = self.contents.get(&element.id).into_iter().flatten();
            children
                .extend(inherited.filter_map(|id| self.graph.get(id)).map(|child| (counts, child)));
        }
        children
    }
}

impl<'a> Measure<'a> {
    fn take_in(&mut self, child: Measure<'a>, counts: bool) {
        let step = usize::from(counts);
        self.depth = self.depth.max(child.depth.saturating_add(step));
        self.count = self.count.saturating_add(child.count).saturating_add(step);
        self.excluded = self.excluded.or(child.excluded);
    }
}

/// The values of an enum must be of the type that it says.
fn check_datatypes(control: &Control, datatype: &str, graph: &Graph, problems: &mut Vec<Problem>) {
    for root in roots(control, graph) {
        let Some(schema) = root.reference(datatype).and_then(|id| graph.get(id)) else {
            continue;
        };
        for value in graph.children(root, "enumValues") {
            let Some(given) = value.value("enumValue") else { continue };
            let fits = match given {
                Value::Integer(_) => schema.is("Integer"),
                Value::String(_) => schema.is("String"),
                _ => false,
            };
            if !fits {
                let message = format!(
                    "The enumValue of {} is not of the {datatype} of {}, which is {}. Change one of them.",
                    value.id, root.id, schema.class.name
                );
                problems.push(
                    Problem::new("nonConformantDatatype", message)
                        .model(model_of(root))
                        .element(&*value.id)
                        .property("enumValue"),
                );
            }
        }
    }
}
