//! The language itself, as tables: classes, properties, limits, contexts, extensions, standard elements.
//!
//! The rules are data (`tables/*.json`), the code around them only walks them.

mod class;
mod context;
mod cotype;

use std::{collections::HashMap, sync::LazyLock};

use serde::de::DeserializeOwned;

pub(crate) use class::{Class, Control, Literal, ObjectRule, Pattern, Property, Rule};
pub(crate) use context::ContextTable;
pub(crate) use cotype::{Constraint, Cotype, CotypeKind, CotypeProperty, CotypeValue, Sibling};

/// The versions of DTDL that can be read.
pub(crate) const VERSIONS: [u8; 2] = [2, 3];

/// All tables.
pub(crate) struct Metamodel {
    classes: HashMap<&'static str, &'static Class>,
    material_types: Vec<String>,
    pub(crate) controls: Vec<Control>,
    pub(crate) contexts: HashMap<&'static str, &'static ContextTable>,
    cotypes: HashMap<&'static str, &'static Cotype>,
    reserved_prefixes: Vec<&'static str>,
    short_names: HashMap<&'static str, &'static str>,
}

static METAMODEL: LazyLock<Metamodel> = LazyLock::new(Metamodel::load);

/// The tables, read on first use.
pub(crate) fn metamodel() -> &'static Metamodel {
    &METAMODEL
}

/// The standard elements, as DTDL documents.
pub(crate) fn standard_documents() -> Vec<serde_json::Value> {
    table(include_str!("tables/elements.json"))
}

/// The tables are part of the program: that they can be read is a test below.
fn table<T: DeserializeOwned + Default>(text: &str) -> T {
    serde_json::from_str(text).unwrap_or_default()
}

fn leak<T: 'static>(values: Vec<T>) -> impl Iterator<Item = &'static T> {
    values.into_iter().map(|value| &*Box::leak(Box::new(value)))
}

impl Metamodel {
    fn load() -> Self {
        let classes: class::Tables = table(include_str!("tables/classes.json"));
        let contexts: Vec<ContextTable> = table(include_str!("tables/contexts.json"));
        let cotypes: cotype::Tables = table(include_str!("tables/types.json"));
        let contexts: HashMap<_, _> =
            leak(contexts.into_iter().map(ContextTable::indexed).collect())
                .map(|context: &ContextTable| (context.id.as_str(), context))
                .collect();
        let mut reserved_prefixes: Vec<&str> = contexts
            .values()
            .flat_map(|context| context.reserved.iter().map(String::as_str))
            .collect();
        reserved_prefixes.sort_unstable();
        reserved_prefixes.dedup();
        let short_names = contexts
            .values()
            .flat_map(|context| context.terms())
            .map(|(term, id)| (id, term))
            .collect();
        Self {
            classes: leak(classes.classes)
                .map(|class: &Class| (class.name.as_str(), class))
                .collect(),
            material_types: classes.material_types,
            controls: classes.controls,
            contexts,
            cotypes: leak(cotypes.expanded())
                .map(|cotype: &Cotype| (cotype.id.as_str(), cotype))
                .collect(),
            reserved_prefixes,
            short_names,
        }
    }

    /// The class of that name.
    pub(crate) fn class(&self, name: &str) -> Option<&'static Class> {
        self.classes.get(name).copied()
    }

    /// True where `class` is `ancestor` or below it.
    pub(crate) fn is_a(&self, class: &str, ancestor: &str) -> bool {
        let mut current = Some(class);
        while let Some(name) = current {
            if name == ancestor {
                return true;
            }
            current = self.classes.get(name).and_then(|class| class.parent.as_deref());
        }
        false
    }

    /// The class that a `@type` names in `version`, by its term or its identifier.
    pub(crate) fn material(&self, name: &str, version: u8) -> Option<&'static Class> {
        let term = match name.strip_prefix("dtmi:dtdl:class:") {
            Some(rest) => rest.strip_suffix(match version {
                2 => ";2",
                _ => ";3",
            })?,
            None => name,
        };
        self.class(term).filter(|class| class.versions.contains(&version))
    }

    /// The classes at or below `ancestor` that models may name in `version`, by name.
    pub(crate) fn concrete(
        &self,
        ancestor: &str,
        version: u8,
    ) -> impl Iterator<Item = &'static Class> {
        let mut classes: Vec<_> = self
            .classes
            .values()
            .copied()
            .filter(|class| {
                class.versions.contains(&version)
                    && !class.is_abstract
                    && !class.covert
                    && !class.elemental
                    && self.is_a(&class.name, ancestor)
            })
            .collect();
        classes.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        classes.into_iter()
    }

    /// True for the name of a class of any version of the language, known to us or not.
    pub(crate) fn is_material_name(&self, name: &str) -> bool {
        let term = name
            .strip_prefix("dtmi:dtdl:class:")
            .and_then(|rest| rest.split(';').next())
            .unwrap_or(name);
        self.material_types.iter().any(|known| known == term)
    }

    /// The supplemental type of that identifier.
    pub(crate) fn cotype(&self, id: &str) -> Option<&'static Cotype> {
        self.cotypes.get(id).copied()
    }

    /// The type, its parent, and so on.
    pub(crate) fn lineage(&self, cotype: &'static Cotype) -> impl Iterator<Item = &'static Cotype> {
        std::iter::successors(Some(cotype), |cotype| {
            cotype.parent.as_deref().and_then(|parent| self.cotype(parent))
        })
    }

    /// True where `cotype` is `wanted` or inherits from it.
    pub(crate) fn cotype_is_a(&self, cotype: &'static Cotype, wanted: &str) -> bool {
        self.lineage(cotype)
            .any(|cotype| cotype.id == wanted || cotype.parent.as_deref() == Some(wanted))
    }

    /// True where no model may define an identifier like this.
    pub(crate) fn is_reserved(&self, id: &str) -> bool {
        self.reserved_prefixes.iter().any(|prefix| id.starts_with(prefix))
    }

    /// The term for an identifier of the language or an extension, else the identifier.
    pub(crate) fn short_name<'a>(&self, id: &'a str) -> &'a str {
        match self.short_names.get(id) {
            Some(term) => term,
            None => id,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn tables_are_read_whole() {
        let classes: class::Tables =
            serde_json::from_str(include_str!("tables/classes.json")).unwrap();
        let contexts: Vec<ContextTable> =
            serde_json::from_str(include_str!("tables/contexts.json")).unwrap();
        let cotypes: cotype::Tables =
            serde_json::from_str(include_str!("tables/types.json")).unwrap();
        let elements: Vec<serde_json::Value> =
            serde_json::from_str(include_str!("tables/elements.json")).unwrap();
        assert_eq!(classes.classes.len(), metamodel().classes.len());
        assert_eq!(contexts.len(), metamodel().contexts.len());
        assert!(cotypes.expanded().len() > 250);
        assert!(elements.len() > 250);
    }

    #[test]
    fn every_class_and_parent_that_is_named_exists() {
        for class in metamodel().classes.values() {
            if let Some(parent) = &class.parent {
                assert!(metamodel().class(parent).is_some(), "{parent}");
            }
            for property in &class.properties {
                for version in VERSIONS {
                    if let Some(rule) = property.rule(version)
                        && let Some(named) = &rule.class
                    {
                        assert!(metamodel().class(named).is_some(), "{named}");
                    }
                }
            }
        }
    }

    #[test]
    fn inheritance_of_types() {
        let velocity = metamodel().cotype("dtmi:standard:class:Velocity;2").unwrap();
        let is_a = |wanted| metamodel().cotype_is_a(velocity, wanted);
        assert!(is_a("dtmi:standard:class:QuantitativeType;2"));
        assert!(is_a("dtmi:dtdl:class:SemanticType;2"));
        assert!(!is_a("dtmi:standard:class:Mass;2"));
        assert!(metamodel().is_a("Double", "NumericSchema"));
        assert!(!metamodel().is_a("Double", "TemporalSchema"));
    }
}
