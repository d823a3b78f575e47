//! From JSON to elements: what can be said of each element by itself.
//!
//! What depends on other elements is in `crate::check`.

mod identity;
mod literal;
mod pattern;
mod policy;
mod properties;
mod standard;
mod text;
mod types;

use std::{collections::HashSet, sync::Arc};

use serde_json::Value as Json;

pub(crate) use policy::Policy;
pub(crate) use standard::standard_graph;

use crate::{
    context::Context,
    graph::{Element, Graph},
    jsonld::{self, MAX_NESTING, Node},
    metamodel::{ObjectRule, metamodel},
    problem::{Problem, Problems, shorten},
};

/// A reference to an element by its identifier, to be checked when all are there.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) model: Arc<str>,
    pub(crate) from: Arc<str>,
    pub(crate) property: &'static str,
    /// The identifier that is referred to.
    pub(crate) to: Arc<str>,
    /// What is written: an identifier or a term.
    pub(crate) written: Arc<str>,
    /// The class that it must be of.
    pub(crate) class: Option<&'static str>,
    /// The versions of DTDL that it may be written in; none where all are.
    pub(crate) versions: &'static [u8],
    /// The element in which it must be written.
    pub(crate) child_of: Option<&'static str>,
}

/// What a parse has found.
#[derive(Debug, Default)]
pub(crate) struct Parsed {
    pub(crate) graph: Graph,
    pub(crate) links: Vec<Link>,
    /// Elements that were given but are not in the graph because something is wrong with them.
    pub(crate) failed: HashSet<String>,
    /// The interfaces at the top of documents, with their documents.
    pub(crate) roots: Vec<(Arc<str>, Arc<Json>)>,
    pub(crate) problems: Problems,
}

/// Nothing more can be said of the document: its context or an identifier is not understood.
pub(crate) struct Stop;

/// How a parent refers to the element that is parsed.
#[derive(Clone, Copy)]
struct Slot<'a> {
    parent: Option<&'a Element>,
    /// The property by which it does: a name, or the identifier of a supplemental property.
    property: &'static str,
    rule: ObjectRule,
    /// The interface that holds the parent.
    partition: Option<&'a Arc<str>>,
}

/// Parses documents one after the other into the same graph.
pub(crate) struct Parser {
    policy: Policy,
    parsed: Parsed,
    /// The identifier of the document at hand, for the reports.
    model: Arc<str>,
}

impl Parser {
    pub(crate) fn new(policy: Policy) -> Self {
        Self { policy, parsed: Parsed::default(), model: Arc::from("") }
    }

    pub(crate) fn finish(self) -> Parsed {
        self.parsed
    }

    pub(crate) fn parsed(&self) -> &Parsed {
        &self.parsed
    }

    pub(crate) fn set_policy(&mut self, policy: Policy) {
        self.policy = policy;
    }

    /// Parses a document: an interface or an array of them.
    pub(crate) fn document(&mut self, document: &Json) {
        self.item(document, 0);
    }

    fn item(&mut self, item: &Json, depth: usize) {
        self.model = Arc::from("");
        match item {
            Json::Array(items) if depth < MAX_NESTING => {
                items.iter().for_each(|item| self.item(item, depth + 1));
            }
            Json::Array(_) => {
                let message = format!("The arrays nest deeper than {MAX_NESTING} levels.");
                self.report(Problem::new("nestingTooDeep", message));
            }
            Json::Object(map) => {
                let node = Node::new(map);
                self.model = node.id().unwrap_or_default().into();
                let shape = jsonld::check_shape(item);
                let well_formed = shape.0.is_empty();
                shape.0.into_iter().for_each(|problem| self.report(problem));
                if !well_formed || self.root(node, item).is_err() {
                    self.mark_failed(item);
                }
            }
            other => {
                let message =
                    format!("A model is a JSON object, not {}.", shorten(&other.to_string()));
                self.report(Problem::new("notJsonObject", message).value(other));
            }
        }
    }

    /// References to what could not be read are not reported as unresolved on top.
    fn mark_failed(&mut self, document: &Json) {
        let mut rest = vec![document];
        while let Some(value) = rest.pop() {
            match value {
                Json::Array(items) => rest.extend(items),
                Json::Object(map) => {
                    if let Some(id) = map.get("@id").and_then(Json::as_str) {
                        self.parsed.failed.insert(id.to_owned());
                    }
                    rest.extend(map.values());
                }
                _ => {}
            }
        }
    }

    fn root(&mut self, node: Node<'_>, item: &Json) -> Result<(), Stop> {
        let context = self.enter(&Context::default(), node, None)?;
        if !self.policy.of_the_language {
            self.check_root(node, &context)?;
        }
        let slot = Slot {
            parent: None,
            property: "",
            rule: ObjectRule {
                class: "Entity",
                segment: None,
                plural: true,
                min: 0,
                id_required: true,
                type_optional: false,
                versions: &[],
            },
            partition: None,
        };
        match self.element_in(node, &context, &slot)? {
            Some(id) => self.parsed.roots.push((id, Arc::new(item.clone()))),
            None => self.mark_failed(item),
        }
        Ok(())
    }

    fn check_root(&mut self, node: Node<'_>, context: &Context) -> Result<(), Stop> {
        if node.has("@graph") {
            return Err(self.stop(Problem::new(
                "topLevelGraphDisallowed",
                "DTDL takes no @graph. Give the models of the graph as an array.",
            )));
        }
        let Some(id) = node.id() else {
            return Err(self.stop(Problem::new(
                "missingTopLevelId",
                "The model has no @id. Give it a DTMI, for example \"@id\": \"dtmi:com:example:Room;1\".",
            )));
        };
        let version = context.version();
        let is_interface = node.types().is_some_and(|types| {
            types.iter().any(|name| {
                metamodel().material(name, version).is_some_and(|class| class.name == "Interface")
            })
        });
        if !is_interface {
            return Err(self.stop(
                Problem::new(
                    "typeNotRootable",
                    "What stands at the top of a document must have the @type Interface.",
                )
                .value(id),
            ));
        }
        if context.restricts_keywords() {
            let language_or_value = ["@language", "@value"].into_iter().filter(|key| node.has(key));
            if let Some(keyword) = language_or_value.chain(node.other_keywords()).next() {
                let message = format!("DTDL {version} takes no {keyword} on a model. Remove it.");
                return Err(
                    self.stop(Problem::new("topLevelKeywordDisallowed", message).property(keyword))
                );
            }
        }
        Ok(())
    }

    fn enter(
        &mut self,
        context: &Context,
        node: Node<'_>,
        parent: Option<&Element>,
    ) -> Result<Context, Stop> {
        context.child(node, self.policy.contexts).map_err(|problem| {
            let problem = *problem;
            let place = parent.map(|parent| parent.id.to_string());
            self.stop(match (node.id(), place) {
                (Some(id), _) => problem.element(id),
                (None, Some(parent)) => problem.element(parent),
                (None, None) => problem,
            })
        })
    }

    /// Parses one element and what is inside it. `None` where it is refused, which is reported.
    fn element(
        &mut self,
        node: Node<'_>,
        context: &Context,
        slot: &Slot<'_>,
    ) -> Result<Option<Arc<str>>, Stop> {
        let inner = self.enter(context, node, slot.parent)?;
        if node.is_only_id() {
            return Ok(self.object_reference(node, &inner, slot));
        }
        self.check_keywords(node, &inner, slot);
        if !slot.rule.versions.is_empty() && !slot.rule.versions.contains(&inner.version()) {
            let message = format!(
                "It is written in DTDL {}; the property \"{}\" takes {} only. Change its @context.",
                inner.version(),
                slot.property,
                versions_text(slot.rule.versions)
            );
            self.report(slot.problem("disallowedVersionDefinition", message));
        }
        self.element_in(node, &inner, slot)
    }

    /// `{"@id": "…"}`, which JSON-LD has for a reference and DTDL has not.
    fn object_reference(
        &mut self,
        node: Node<'_>,
        context: &Context,
        slot: &Slot<'_>,
    ) -> Option<Arc<str>> {
        let id = node.id().unwrap_or_default();
        if !(self.policy.tolerate_solecisms && context.version() < 3) {
            let message = format!(
                "A reference is written as a string: \"{id}\" instead of {{\"@id\": \"{id}\"}}."
            );
            self.report(slot.problem("idReference", message).value(id));
            return None;
        }
        let Some(to) = context.resolve(id).map(Arc::<str>::from) else {
            let message = format!("\"{id}\" is neither a DTMI nor a term of the @context.");
            self.report(slot.problem("idRefBadDtmiOrTerm", message).value(id));
            return None;
        };
        self.link(slot, &to, id);
        Some(to)
    }

    fn check_keywords(&mut self, node: Node<'_>, context: &Context, slot: &Slot<'_>) {
        if node.has("@graph") {
            let message = "DTDL takes no @graph. Write its content in its place.";
            self.report(slot.problem("graphDisallowed", message));
        }
        if !context.restricts_keywords() || slot.parent.is_none() {
            return;
        }
        let language_or_value = ["@language", "@value"].into_iter().filter(|key| node.has(key));
        for keyword in language_or_value.chain(node.other_keywords()) {
            let message = format!("DTDL takes no {keyword} here. Remove it.");
            self.report(slot.problem("keywordDisallowed", message).value(keyword));
        }
    }

    fn element_in(
        &mut self,
        node: Node<'_>,
        context: &Context,
        slot: &Slot<'_>,
    ) -> Result<Option<Arc<str>>, Stop> {
        let id = self.identity(node, context, slot)?;
        if self.parsed.graph.defines(&id) {
            self.report_doubled(&id, slot, context);
            return Ok(None);
        }
        let Some(typed) = self.typed(node, context, slot, &id) else {
            self.parsed.failed.insert(id.to_string());
            return Ok(None);
        };
        let mut element = Element::new(id.clone(), typed.class, context.version());
        element.child_of = slot.parent.map(|parent| parent.id.clone());
        element.defined_in = slot.partition.cloned();
        element.cotypes = typed.cotypes;
        element.undefined_types = typed.undefined;
        if !self.policy.inline_interfaces && slot.parent.is_some() && element.is("Interface") {
            let message = format!(
                "The interface {id} is written inside of another. Azure Digital Twins takes interfaces \
                 only by themselves: move it to its own document and refer to it by its DTMI."
            );
            self.report(slot.problem("inlineInterface", message).value(&id));
        }
        self.properties(&mut element, node, context, slot)?;
        if self.parsed.graph.defines(&id) {
            self.report_doubled(&id, slot, context);
            return Ok(None);
        }
        self.parsed.graph.insert(element);
        Ok(Some(id))
    }

    fn link(&mut self, slot: &Slot<'_>, to: &Arc<str>, written: &str) {
        let Some(parent) = slot.parent else { return };
        self.parsed.links.push(Link {
            model: self.model.clone(),
            from: parent.id.clone(),
            property: slot.property,
            to: to.clone(),
            written: written.into(),
            class: metamodel().class(slot.rule.class).map(|class| class.name.as_str()),
            versions: slot.rule.versions,
            child_of: None,
        });
    }

    fn report(&mut self, mut problem: Problem) {
        if problem.model.is_none() && !self.model.is_empty() {
            problem.model = Some(self.model.to_string());
        }
        self.parsed.problems.push(problem);
    }

    fn stop(&mut self, problem: Problem) -> Stop {
        self.report(problem);
        Stop
    }
}

impl Slot<'_> {
    /// A problem of the parent's property.
    fn problem(&self, rule: &str, message: impl Into<String>) -> Problem {
        let problem = Problem::new(rule, message);
        match self.parent {
            Some(parent) => {
                problem.element(&*parent.id).property(metamodel().short_name(self.property))
            }
            None => problem,
        }
    }
}

pub(crate) fn versions_text(versions: &[u8]) -> String {
    let versions: Vec<_> = versions
        .iter()
        .filter(|version| **version <= 3)
        .map(|version| format!("DTDL {version}"))
        .collect();
    versions.join(" or ")
}
