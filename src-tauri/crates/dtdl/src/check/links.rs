//! References from element to element: that they lead somewhere, and where they may lead.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    graph::{Element, Graph, Value},
    metamodel::metamodel,
    parse::{Link, Parsed, versions_text},
    problem::Problem,
};

/// In version 3 a primitive schema has an identifier of its own that stands for that of version 2.
pub(crate) fn resolve_aliases(graph: &mut Graph) {
    let aliases: Vec<Vec<Option<Arc<str>>>> = graph
        .elements()
        .map(|element| {
            element
                .all_values()
                .flat_map(|(_, values)| values)
                .map(|value| value.as_reference().and_then(|id| alias(graph, id)))
                .collect()
        })
        .collect();
    for (element, aliases) in graph.elements_mut().zip(aliases) {
        for (value, alias) in element.all_values_mut().zip(aliases) {
            if let Some(alias) = alias {
                *value = Value::Element(alias);
            }
        }
    }
}

fn alias(graph: &Graph, id: &str) -> Option<Arc<str>> {
    let element = graph.get(id)?;
    let cotype = element.cotypes.iter().find(|cotype| cotype.id == "dtmi:dtdl:class:Alias;3")?;
    let property = cotype.properties.first()?;
    element.reference(&property.id).cloned()
}

/// The identifiers that are referred to and not there, as far as models may define them.
pub(crate) fn unresolved(parsed: &Parsed) -> BTreeSet<Arc<str>> {
    parsed
        .links
        .iter()
        .filter(|link| parsed.graph.get(&link.to).is_none())
        .filter(|link| link.written.starts_with("dtmi:") && !metamodel().is_reserved(&link.to))
        .filter(|link| !parsed.failed.contains(&*link.to))
        .map(|link| link.to.clone())
        .collect()
}

pub(crate) fn check_links(parsed: &mut Parsed) {
    let mut problems = Vec::new();
    for link in &parsed.links {
        let from = parsed.graph.get(&link.from);
        match (from, parsed.graph.get(&link.to)) {
            (Some(from), Some(to)) => check_link(link, from, to, &parsed.graph, &mut problems),
            (_, None) if !parsed.failed.contains(&*link.to) => problems.push(missing(link)),
            _ => {}
        }
    }
    for problem in problems {
        parsed.problems.push(problem);
    }
}

fn problem(link: &Link, rule: &str, message: String) -> Problem {
    Problem::new(rule, message)
        .model(&*link.model)
        .element(&*link.from)
        .property(metamodel().short_name(link.property))
        .value(&link.written)
}

fn missing(link: &Link) -> Problem {
    if !link.written.starts_with("dtmi:") {
        let class = link.class.unwrap_or("element");
        let message = format!("\"{}\" is no {class}. Give one that is.", link.written);
        problem(link, "badType", message)
    } else if metamodel().is_reserved(&link.to) {
        let message =
            format!("{} is reserved for the language, which has no such element.", link.to);
        problem(link, "undefinedReservedId", message)
    } else {
        let message = format!(
            "{} is neither in the request nor there already. Add the model that defines it.",
            link.to
        );
        problem(link, "unresolvedReference", message)
    }
}

fn check_link(
    link: &Link,
    from: &Element,
    to: &Element,
    graph: &Graph,
    problems: &mut Vec<Problem>,
) {
    if !to.is("Interface")
        && let Some(target) = &to.defined_in
    {
        let source = match &from.defined_in {
            Some(partition) if !from.is("Interface") => partition,
            _ => &from.id,
        };
        if source != target {
            let message = format!(
                "{} is written inside of {target}; {source} cannot refer to it. Define it in {source} too.",
                link.to
            );
            problems.push(problem(link, "crossPartitionReference", message));
        }
    }
    if let Some(class) = link.class
        && !metamodel().is_a(&to.class.name, class)
    {
        let message = format!(
            "{} is {}, where {class} is wanted. Refer to another element.",
            link.to, to.class.name
        );
        problems.push(problem(link, "badType", message));
        return;
    }
    let resolved = alias(graph, &to.id);
    let version = resolved.and_then(|id| graph.get(&id)).map_or(to.version, |to| to.version);
    if !link.versions.is_empty() && !link.versions.contains(&version) {
        let message = format!(
            "{} is written in DTDL {version}; the property takes {} only. Change its @context.",
            link.to,
            versions_text(link.versions)
        );
        problems.push(problem(link, "disallowedVersionReference", message));
    }
    if let Some(parent) = link.child_of
        && to.child_of.as_deref() != Some(parent)
    {
        let family = metamodel().short_name(parent);
        let message =
            format!("\"{}\" is none of {family}. Choose one of its values.", link.written);
        problems.push(problem(link, "wrongParent", message));
    }
}
