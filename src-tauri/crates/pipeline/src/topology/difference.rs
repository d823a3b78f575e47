//! What a deploy has to touch, and what goes on undisturbed.

use super::{FunctionSpec, Topology};
use crate::flow::node_id;
use std::collections::{BTreeMap, BTreeSet};

/// The ids of nodes that came, went or are another, and of those that hang on them.
///
/// A function is what runs in a subscription and in a source, so these start anew with it; an
/// endpoint is a cursor of its own and does not hang on its routes, which are read for each event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Nodes that are no longer there.
    pub gone: BTreeSet<String>,
    /// Nodes that are new, changed, or hang on one that is.
    pub fresh: BTreeSet<String>,
}

impl Difference {
    /// From one topology to another. `changed_files` are functions' files whose text is another.
    pub fn of(before: &Topology, after: &Topology, changed_files: &BTreeSet<String>) -> Self {
        let mut difference = Self::default();
        difference.part("sinks", &before.sinks, &after.sinks);
        difference.part("endpoints", &before.endpoints, &after.endpoints);
        difference.part("endpoints2019", &before.endpoints2019, &after.endpoints2019);
        difference.part("functions", &before.functions, &after.functions);
        difference.part("routes", &before.routes, &after.routes);
        difference.part("sources", &before.sources, &after.sources);
        difference.part("subscriptions", &before.subscriptions, &after.subscriptions);
        difference.hang_on(after, changed_files);
        difference
    }

    /// Whether nothing is to be done.
    pub fn is_empty(&self) -> bool {
        self.gone.is_empty() && self.fresh.is_empty()
    }

    fn part<T: PartialEq>(
        &mut self,
        part: &str,
        before: &BTreeMap<String, T>,
        after: &BTreeMap<String, T>,
    ) {
        let gone = before.keys().filter(|name| !after.contains_key(*name));
        self.gone.extend(gone.map(|name| node_id(part, name)));
        let fresh = after.iter().filter(|(name, spec)| before.get(*name) != Some(spec));
        self.fresh.extend(fresh.map(|(name, _)| node_id(part, name)));
    }

    fn hang_on(&mut self, after: &Topology, changed_files: &BTreeSet<String>) {
        for (name, function) in &after.functions {
            let of_sink = function.sinks().iter().any(|sink| self.has("sinks", sink));
            let of_file =
                function_file(name, function).is_some_and(|file| changed_files.contains(&file));
            if of_sink || of_file {
                self.fresh.insert(node_id("functions", name));
            }
        }
        for (name, source) in &after.sources {
            if self.has("functions", source.function()) {
                self.fresh.insert(node_id("sources", name));
            }
        }
        for (name, subscription) in &after.subscriptions {
            let endpoint = &subscription.endpoint;
            if self.has("functions", &subscription.function)
                || self.has("endpoints", endpoint)
                || self.has("endpoints2019", endpoint)
            {
                self.fresh.insert(node_id("subscriptions", name));
            }
        }
    }

    fn has(&self, part: &str, name: &str) -> bool {
        let id = node_id(part, name);
        self.fresh.contains(&id) || self.gone.contains(&id)
    }
}

/// The file of a user's own function, relative to the workspace.
pub fn function_file(name: &str, function: &FunctionSpec) -> Option<String> {
    let FunctionSpec::Rhai { file, .. } = function else { return None };
    Some(file.clone().unwrap_or_else(|| format!("functions/{name}.rhai")))
}
