//! How strictly to read.

use crate::context::ContextPolicy;

/// How a parse differs from the plain reading of the language.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Policy {
    pub(crate) contexts: ContextPolicy,
    /// In version 2, reserved identifiers, `{"@id": …}` as a reference, and
    /// doubled names without identifiers are let through, as older services did.
    pub(crate) tolerate_solecisms: bool,
    /// Interfaces may be written inside of others.
    pub(crate) inline_interfaces: bool,
    /// It is the language's own elements that are read.
    pub(super) of_the_language: bool,
}

impl Policy {
    pub(crate) fn new(contexts: ContextPolicy) -> Self {
        Self {
            contexts,
            tolerate_solecisms: false,
            inline_interfaces: true,
            of_the_language: false,
        }
    }
}
