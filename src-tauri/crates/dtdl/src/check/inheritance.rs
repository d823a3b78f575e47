//! What interfaces inherit, and that no name comes from two places.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use crate::{
    graph::{Element, Graph},
    parse::Parsed,
    problem::Problem,
};

/// The identifiers of all contents of each interface, own ones first.
pub(crate) type Contents = HashMap<Arc<str>, Vec<Arc<str>>>;

/// No version of the language takes more levels of `extends`; what is above is not looked at.
const MAX_LEVELS: usize = 10;

/// The most contents of all interfaces of a request together, inherited ones counted at each.
/// A base of a thousand contents with a thousand heirs is small as text and large in memory.
const MAX_CONTENTS: usize = 1_000_000;

/// Collects contents along `extends`. Cycles are passed over: the control of depth reports them.
pub(crate) fn inherit(parsed: &mut Parsed) -> Contents {
    let mut contents = Contents::new();
    let mut problems = Vec::new();
    let mut total = 0;
    for interface in parsed.graph.interfaces() {
        let inherited = collect(&parsed.graph, interface, &mut problems);
        total += inherited.len();
        contents.insert(interface.id.clone(), inherited);
        if total > MAX_CONTENTS {
            let message = format!(
                "The interfaces of the request have more than {MAX_CONTENTS} contents, inherited ones counted \
                 at each. Add them in several requests, or inherit less."
            );
            problems.push(Problem::new("excessiveCount", message).model(&*interface.id));
            break;
        }
    }
    for problem in problems {
        parsed.problems.push(problem);
    }
    contents
}

fn collect(graph: &Graph, interface: &Element, problems: &mut Vec<Problem>) -> Vec<Arc<str>> {
    let mut names: HashMap<&str, (&str, &str)> = HashMap::new();
    let mut all = Vec::new();
    let own = graph.children(interface, "contents");
    for content in own {
        let Some(name) = content.string("name") else { continue };
        let found = names.entry(name).or_insert((&content.id, &interface.id));
        if found.0 == &*content.id {
            all.push(content.id.clone());
        } else {
            let message =
                format!("{} has two contents with the name \"{name}\". Rename one.", interface.id);
            problems.push(
                Problem::new("nonUniquePropertyValue", message)
                    .model(&*interface.id)
                    .element(&*interface.id)
                    .property("contents")
                    .value(name),
            );
        }
    }
    for base in ancestors(graph, interface) {
        for content in graph.children(base, "contents") {
            let Some(name) = content.string("name") else { continue };
            match names.get(&**name) {
                None => {
                    names.insert(name, (&content.id, &base.id));
                    all.push(content.id.clone());
                }
                Some((known, _)) if *known == &*content.id => {}
                // A name that the base itself doubles is reported there.
                Some((_, origin)) if *origin == &*base.id => {}
                Some((_, origin)) => {
                    let message = format!(
                        "{} gets the name \"{name}\" from {origin} and from {}. Rename one of them.",
                        interface.id, base.id
                    );
                    problems.push(
                        Problem::new("nonUniqueImportedPropertyValue", message)
                            .model(&*interface.id)
                            .element(&*interface.id)
                            .property("contents")
                            .value(name),
                    );
                }
            }
        }
    }
    all
}

/// Everything that the interface extends, directly or not, the nearest first.
fn ancestors<'a>(graph: &'a Graph, interface: &'a Element) -> Vec<&'a Element> {
    let mut seen: HashSet<&str> = HashSet::from([&*interface.id]);
    let mut found = Vec::new();
    let mut level = vec![interface];
    for _ in 0..MAX_LEVELS {
        let next: Vec<&Element> = level
            .iter()
            .flat_map(|element| graph.children(element, "extends"))
            .filter(|base| base.is("Interface") && seen.insert(&base.id))
            .collect();
        found.extend_from_slice(&next);
        level = next;
    }
    found
}
