//! JSON-LD contexts: the terms of the language and of each extension.

use std::collections::HashMap;

use serde::Deserialize;

/// A context that is built in.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ContextTable {
    pub(crate) id: String,
    /// Prefixes that identifiers of models may not begin with.
    pub(crate) reserved: Vec<String>,
    /// The version of DTDL that it stands for where it precedes the context of DTDL.
    pub(crate) implicit_version: Option<u8>,
    /// Terms by the pattern of their identifiers, `{}` being the term.
    terms: HashMap<String, Vec<String>>,
    #[serde(skip)]
    index: HashMap<String, String>,
}

impl ContextTable {
    pub(super) fn indexed(mut self) -> Self {
        self.index = self
            .terms
            .drain()
            .flat_map(|(pattern, terms)| {
                terms.into_iter().map(move |term| {
                    let id = pattern.replace("{}", &term);
                    (term, id)
                })
            })
            .collect();
        self
    }

    /// The identifier that a term stands for.
    pub(crate) fn id_of(&self, term: &str) -> Option<&str> {
        self.index.get(term).map(String::as_str)
    }

    pub(super) fn terms(&self) -> impl Iterator<Item = (&str, &str)> {
        self.index.iter().map(|(term, id)| (term.as_str(), id.as_str()))
    }
}
