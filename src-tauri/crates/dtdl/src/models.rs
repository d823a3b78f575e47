//! The collection of models of an instance.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use indexmap::IndexSet;
use serde_json::Value;

use crate::{
    Interface,
    canonical::documents_of,
    check,
    context::ContextPolicy,
    interface::ContentKind,
    lower::Lowering,
    parse::{Parsed, Parser, Policy},
    problem::{Problem, Problems},
};

/// A validated, resolved collection of interfaces. Cloning it is cheap; entries never change.
#[derive(Debug, Clone, Default)]
pub struct Models {
    interfaces: Arc<BTreeMap<Arc<str>, Arc<Interface>>>,
}

/// What is let through. The default is what Azure Digital Twins accepts.
#[derive(Debug, Clone)]
pub struct ParseOptions {
    /// Whether extensions in a `@context` that are not built in are passed over, together with the types
    /// and properties that they may define. `None` is as the version of the language says: yes in version 2,
    /// no in version 3.
    pub allow_undefined_extensions: Option<bool>,
    /// Whether an interface may be written inside of another one. DTDL takes it, the service does not.
    pub allow_inline_interfaces: bool,
    /// The newest version of DTDL.
    pub newest_version: u8,
}

impl Default for ParseOptions {
    fn default() -> Self {
        Self { allow_undefined_extensions: None, allow_inline_interfaces: false, newest_version: 3 }
    }
}

impl ParseOptions {
    pub(crate) fn policy(&self) -> Policy {
        let mut policy = Policy::new(ContextPolicy {
            undefined_extensions: self.allow_undefined_extensions,
            newest: self.newest_version,
        });
        policy.inline_interfaces = self.allow_inline_interfaces;
        policy
    }

    /// What is there already was let through once; it is not judged again.
    fn lenient(&self) -> Policy {
        Policy::new(ContextPolicy { undefined_extensions: Some(true), newest: 3 })
    }
}

/// How often a resolver is asked for what its own documents miss.
const MAX_ROUNDS: usize = 100;

impl Models {
    /// An empty collection.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds all of `documents`, each an interface or an array of them, or none.
    /// Their order does not matter; what they refer to must be among them or there already.
    ///
    /// Answers the new interfaces in the order of the documents.
    ///
    /// # Errors
    /// Everything that is wrong with any of them, a model that is there already included.
    pub fn add(
        &mut self,
        documents: &[Value],
        options: &ParseOptions,
    ) -> Result<Vec<Arc<Interface>>, Problems> {
        self.put(documents, options, false, &mut |_| Vec::new())
    }

    /// Adds all of `documents` or none, and with them what `resolve` hands in for the DTMIs that
    /// they refer to and that are not there: it is asked for all that is missing at once, then for
    /// what its own documents miss, and for no DTMI twice.
    ///
    /// Answers the new interfaces, those of the resolver behind the others.
    ///
    /// # Errors
    /// Everything that is wrong with any of them. What the resolver does not know, or what is still
    /// missing after 100 rounds, is an unresolved reference.
    pub fn add_resolving(
        &mut self,
        documents: &[Value],
        options: &ParseOptions,
        mut resolve: impl FnMut(&[Arc<str>]) -> Vec<Value>,
    ) -> Result<Vec<Arc<Interface>>, Problems> {
        self.put(documents, options, false, &mut resolve)
    }

    /// Adds models or replaces those of the same DTMI. All or nothing; the models that depend on a
    /// replaced one are checked and resolved again.
    ///
    /// # Errors
    /// Everything that is wrong with the documents, or would be with the models that depend on them.
    pub fn replace(
        &mut self,
        documents: &[Value],
        options: &ParseOptions,
    ) -> Result<Vec<Arc<Interface>>, Problems> {
        self.put(documents, options, true, &mut |_| Vec::new())
    }

    fn put(
        &mut self,
        documents: &[Value],
        options: &ParseOptions,
        replacing: bool,
        resolve: &mut dyn FnMut(&[Arc<str>]) -> Vec<Value>,
    ) -> Result<Vec<Arc<Interface>>, Problems> {
        let mut parser = Parser::new(options.policy());
        for document in documents {
            parser.document(document);
        }
        self.resolve_missing(&mut parser, resolve);
        let given: IndexSet<Arc<str>> =
            parser.parsed().graph.interfaces().map(|i| i.id.clone()).collect();
        parser.set_policy(options.lenient());
        let dependants = if replacing { self.dependants(&given) } else { BTreeSet::new() };
        for id in &dependants {
            if let Some(interface) = self.interfaces.get(id) {
                parser.document(&interface.document);
            }
        }
        self.load_needed(&mut parser);
        let mut parsed = parser.finish();
        if !replacing {
            self.refuse_present(&given, &mut parsed);
        }
        check::check(&mut parsed);
        std::mem::take(&mut parsed.problems).into_result()?;
        Ok(self.insert(&parsed, &given, &dependants))
    }

    /// Parses what the resolver hands in for what is neither given nor there.
    fn resolve_missing(
        &self,
        parser: &mut Parser,
        resolve: &mut dyn FnMut(&[Arc<str>]) -> Vec<Value>,
    ) {
        let mut asked: BTreeSet<Arc<str>> = BTreeSet::new();
        for _ in 0..MAX_ROUNDS {
            let missing: Vec<_> = check::unresolved(parser.parsed())
                .into_iter()
                .filter(|id| !self.interfaces.contains_key(id) && asked.insert(id.clone()))
                .collect();
            if missing.is_empty() {
                return;
            }
            for document in resolve(&missing) {
                parser.document(&document);
            }
        }
    }

    /// Parses from what is there already whatever is referred to and not yet parsed.
    fn load_needed(&self, parser: &mut Parser) {
        let mut asked: BTreeSet<Arc<str>> = BTreeSet::new();
        loop {
            let needed: Vec<_> = check::unresolved(parser.parsed())
                .into_iter()
                .filter(|id| !asked.contains(id))
                .filter_map(|id| self.interfaces.get(&id))
                .collect();
            if needed.is_empty() {
                return;
            }
            for interface in needed {
                asked.insert(interface.id.clone());
                parser.document(&interface.document);
            }
        }
    }

    fn refuse_present(&self, given: &IndexSet<Arc<str>>, parsed: &mut Parsed) {
        for id in given.iter().filter(|id| self.interfaces.contains_key(*id)) {
            let message = format!(
                "There is a model {id} already. Give the new one another version, or delete the old one first."
            );
            parsed.problems.push(Problem::new("alreadyExists", message).model(&**id).value(id));
        }
    }

    fn insert(
        &mut self,
        parsed: &Parsed,
        given: &IndexSet<Arc<str>>,
        dependants: &BTreeSet<Arc<str>>,
    ) -> Vec<Arc<Interface>> {
        let mut documents = documents_of(parsed);
        for id in dependants {
            if let Some(interface) = self.interfaces.get(id) {
                documents.insert(id.clone(), interface.document.clone());
            }
        }
        let kept = parsed
            .graph
            .interfaces()
            .filter(|element| !given.contains(&element.id) && !dependants.contains(&element.id))
            .filter_map(|element| self.interfaces.get(&element.id).cloned());
        let mut lowering = Lowering::new(&parsed.graph, &documents, kept);
        let interfaces = Arc::make_mut(&mut self.interfaces);
        for id in dependants {
            if let Some(interface) = lowering.interface(id) {
                interfaces.insert(id.clone(), interface);
            }
        }
        let mut added = Vec::new();
        for id in given {
            if let Some(interface) = lowering.interface(id) {
                interfaces.insert(id.clone(), interface.clone());
                added.push(interface);
            }
        }
        added
    }

    /// Removes a model.
    ///
    /// # Errors
    /// There is none, or another model extends it or has it as a component.
    pub fn remove(&mut self, dtmi: &str) -> Result<Arc<Interface>, Problems> {
        let Some(interface) = self.interfaces.get(dtmi).cloned() else {
            let message = format!("There is no model {dtmi}.");
            return Err(Problems(vec![Problem::new("modelNotFound", message).value(dtmi)]));
        };
        let users: Vec<_> = self
            .interfaces
            .values()
            .filter(|other| other.id != interface.id && needs(other).any(|id| **id == *dtmi))
            .map(|other| other.id.to_string())
            .collect();
        if !users.is_empty() {
            let message =
                format!("The model {dtmi} is needed by {}. Delete those first.", users.join(", "));
            return Err(Problems(vec![Problem::new("modelInUse", message).model(dtmi)]));
        }
        Arc::make_mut(&mut self.interfaces).remove(dtmi);
        Ok(interface)
    }

    /// The model of that DTMI.
    pub fn get(&self, dtmi: &str) -> Option<&Arc<Interface>> {
        self.interfaces.get(dtmi)
    }

    /// The models, ordered by DTMI.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Interface>> {
        self.interfaces.values()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.interfaces.len()
    }

    /// True where there is none.
    pub fn is_empty(&self) -> bool {
        self.interfaces.is_empty()
    }

    /// True where `dtmi` is `base` or extends it, directly or not. False for a model that is not there.
    pub fn is_a(&self, dtmi: &str, base: &str) -> bool {
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let mut rest = vec![dtmi];
        while let Some(id) = rest.pop() {
            let Some(interface) = self.interfaces.get(id) else { continue };
            if id == base {
                return true;
            }
            if seen.insert(&interface.id) {
                rest.extend(interface.extends.iter().map(|id| &**id));
            }
        }
        false
    }

    /// The DTMIs that `dtmi` needs, by inheritance and components, in the order in which they can be
    /// added one after the other, itself last. Empty for a model that is not there.
    pub fn dependencies(&self, dtmi: &str) -> Vec<Arc<str>> {
        enum Visit<'a> {
            Enter(&'a Arc<Interface>),
            Leave(&'a Arc<str>),
        }
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let mut order = Vec::new();
        let mut rest: Vec<Visit<'_>> =
            self.interfaces.get(dtmi).map(Visit::Enter).into_iter().collect();
        while let Some(visit) = rest.pop() {
            match visit {
                Visit::Leave(id) => order.push(id.clone()),
                Visit::Enter(interface) => {
                    if seen.insert(&interface.id) {
                        rest.push(Visit::Leave(&interface.id));
                        rest.extend(
                            needs(interface)
                                .filter_map(|id| self.interfaces.get(id))
                                .map(Visit::Enter),
                        );
                    }
                }
            }
        }
        order
    }

    /// The models that need one of `given`, directly or not, without `given` themselves.
    fn dependants(&self, given: &IndexSet<Arc<str>>) -> BTreeSet<Arc<str>> {
        let mut users: BTreeMap<&str, Vec<&Arc<str>>> = BTreeMap::new();
        for interface in self.interfaces.values() {
            for id in needs(interface) {
                users.entry(id).or_default().push(&interface.id);
            }
        }
        let mut found = BTreeSet::new();
        let mut rest: Vec<&str> = given.iter().map(|id| &**id).collect();
        while let Some(id) = rest.pop() {
            for user in users.get(id).into_iter().flatten() {
                if !given.contains(&**user) && found.insert((*user).clone()) {
                    rest.push(user);
                }
            }
        }
        found
    }
}

/// What an interface needs directly: what it extends, and the interfaces of its own components.
fn needs(interface: &Interface) -> impl Iterator<Item = &Arc<str>> {
    let components = interface.contents.values().filter_map(|content| match &content.kind {
        ContentKind::Component { interface: needed } if content.origin == interface.id => {
            Some(needed)
        }
        _ => None,
    });
    interface.extends.iter().chain(components)
}
