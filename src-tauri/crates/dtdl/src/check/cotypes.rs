//! What supplemental types demand of the elements around them: values, parents, siblings.

use std::{collections::HashSet, sync::Arc};

use super::{
    inheritance::Contents,
    siblings::{Place, Siblings},
};
use crate::{
    graph::{Element, Graph},
    metamodel::{Constraint, Cotype, CotypeValue, Sibling, metamodel},
    parse::Parsed,
    problem::Problem,
};

pub(crate) fn check_cotypes(parsed: &mut Parsed, contents: &Contents) {
    let with_cotypes = || parsed.graph.elements().filter(|element| !element.cotypes.is_empty());
    if with_cotypes().next().is_none() {
        return;
    }
    let mut check = Check {
        graph: &parsed.graph,
        siblings: Siblings::new(&parsed.graph, contents),
        references: HashSet::new(),
        problems: Vec::new(),
    };
    for element in with_cotypes() {
        check.element(element);
    }
    let problems = check.problems;
    for problem in problems {
        parsed.problems.push(problem);
    }
}

/// Parent, its property, the key of a sibling and the property of it that is referred to.
type Reference = (Arc<str>, &'static str, Arc<str>, Arc<str>);

struct Check<'a> {
    graph: &'a Graph,
    siblings: Siblings<'a>,
    references: HashSet<Reference>,
    problems: Vec<Problem>,
}

impl<'a> Check<'a> {
    fn element(&mut self, element: &'a Element) {
        for cotype in &element.cotypes {
            self.cocotypes(element, cotype);
            self.own_properties(element, cotype);
            for ancestor in metamodel().lineage(cotype) {
                for constraint in &ancestor.constraints {
                    if constraint.inverse {
                        self.parent(element, cotype, constraint);
                    } else {
                        self.values(element, constraint);
                    }
                }
                for sibling in &ancestor.siblings {
                    self.sibling(element, sibling);
                }
            }
        }
    }

    fn report(&mut self, element: &Element, rule: &str, property: &str, message: String) {
        let partition = element.defined_in.as_ref().unwrap_or(&element.id);
        self.problems.push(
            Problem::new(rule, message)
                .model(&**partition)
                .element(&*element.id)
                .property(metamodel().short_name(property)),
        );
    }

    fn cocotypes(&mut self, element: &Element, cotype: &Cotype) {
        for other in &cotype.discotypes {
            if element.cotypes.iter().any(|given| given.id == *other) {
                let message = format!(
                    "The types {} and {} cannot stand beside each other on {}. Keep one.",
                    metamodel().short_name(&cotype.id),
                    metamodel().short_name(other),
                    element.id
                );
                self.report(element, "disallowedCocotype", "@type", message);
            }
        }
    }

    /// The values of the properties that the type adds.
    fn own_properties(&mut self, element: &'a Element, cotype: &'static Cotype) {
        for property in &cotype.properties {
            if let CotypeValue::Object(class) = property.value() {
                for value in self.graph.children(element, &property.id) {
                    if !has_type(value, class) {
                        let message = format!(
                            "\"{}\" of {} is {}, which is no {}. Choose another.",
                            metamodel().short_name(&property.id),
                            element.id,
                            metamodel().short_name(&value.id),
                            metamodel().short_name(class)
                        );
                        self.report(element, "notRequiredType", &property.id, message);
                    }
                }
            }
            let count = element.values(&property.id).len();
            if property.max.is_some_and(|max| count > max) {
                let message = format!(
                    "{} has {count} values of \"{}\". Remove some.",
                    element.id,
                    metamodel().short_name(&property.id)
                );
                self.report(element, "objectCountAboveMax", &property.id, message);
            }
            if property.unique_value {
                self.unique_value(element, &property.id);
            }
        }
    }

    fn unique_value(&mut self, element: &'a Element, property: &'static str) {
        let Some(value) = element.value(property) else { return };
        for place in self.siblings.places(element) {
            let holders = self.siblings.with_value(place, property, value);
            if holders.len() > 1 {
                let (parent, name) = place;
                let message = format!(
                    "{} and another value of \"{name}\" of {} have the same \"{}\". Change one.",
                    element.id,
                    parent.id,
                    metamodel().short_name(property)
                );
                self.report(element, "nonUniquePropertyValue", name, message);
            }
        }
    }

    /// The values of a property of the class, on which the type has demands.
    fn values(&mut self, element: &'a Element, constraint: &'static Constraint) {
        for value in self.graph.children(element, &constraint.property) {
            let named = |ids: &[String]| {
                let mut terms: Vec<_> = ids.iter().map(|id| class_name(id)).collect();
                terms.dedup();
                terms.join(" or ")
            };
            if !constraint.types.is_empty()
                && !constraint.types.iter().any(|wanted| has_type(value, wanted))
            {
                let message = format!(
                    "The types of {} demand that its \"{}\" is {}; it is {}. Change the \"{0}\" or the @type.",
                    element.id,
                    constraint.property,
                    named(&constraint.types),
                    value.class.name
                );
                self.report(element, "notRequiredType", &constraint.property, message);
            }
            if !constraint.values.is_empty()
                && !constraint.values.iter().any(|wanted| **wanted == *value.id)
            {
                let message = format!(
                    "The types of {} demand that its \"{}\" is {}. Change one of them.",
                    element.id,
                    constraint.property,
                    named(&constraint.values)
                );
                self.report(element, "notRequiredValue", &constraint.property, message);
            }
            self.value_by_sibling(element, value, constraint);
        }
    }

    /// A value that must fit a property of the sibling that another property names.
    fn value_by_sibling(
        &mut self,
        element: &'a Element,
        value: &Element,
        constraint: &'static Constraint,
    ) {
        let (Some(key), Some(keyref)) = (&constraint.sibling_key, &constraint.sibling_keyref)
        else {
            return;
        };
        for (_, target) in self.targets(element, key, keyref) {
            let properties = |path: &Option<String>| {
                let named = path.as_deref().and_then(|path| element.string(path));
                target
                    .cotypes
                    .iter()
                    .flat_map(|cotype| &cotype.properties)
                    .filter(move |property| named.is_some_and(|named| **named == *property.id))
            };
            let classes =
                properties(&constraint.sibling_class_of).map(|property| match property.value() {
                    CotypeValue::Object(class) => class,
                    CotypeValue::Literal(_) => "",
                });
            let families = properties(&constraint.sibling_parent_of)
                .map(|property| property.child_of.as_deref().unwrap_or_default());
            for wanted in classes.chain(families) {
                if wanted != &*value.id {
                    let message = format!(
                        "The \"{}\" of {} is {}; to fit {} it must be {}.",
                        constraint.property,
                        element.id,
                        metamodel().short_name(&value.id),
                        target.id,
                        metamodel().short_name(wanted)
                    );
                    self.report(element, "siblingPropertyMismatch", &constraint.property, message);
                }
            }
        }
    }

    /// The siblings that `keyref` of the element names by their `key`, with the place that they share.
    fn targets(
        &mut self,
        element: &'a Element,
        key: &'static str,
        keyref: &str,
    ) -> Vec<(Place<'a>, &'a Element)> {
        let Some(wanted) = element.value(keyref) else {
            return Vec::new();
        };
        let places = self.siblings.places(element).into_iter();
        places
            .filter_map(|place| {
                let target = self.siblings.with_value(place, key, wanted).first()?;
                Some((place, *target))
            })
            .collect()
    }

    fn sibling(&mut self, element: &'a Element, sibling: &'static Sibling) {
        for (place, target) in self.targets(element, &sibling.key, &sibling.keyref) {
            self.once(element, place, sibling);
            if !sibling.types.is_empty()
                && !sibling.types.iter().any(|wanted| has_type(target, wanted))
            {
                let mut names: Vec<_> = sibling.types.iter().map(|id| class_name(id)).collect();
                names.dedup();
                let message = format!(
                    "{} refers to {}, which is {}; it must refer to {}.",
                    element.id,
                    target.id,
                    target.class.name,
                    names.join(" or ")
                );
                self.report(element, "notSiblingRequiredType", &sibling.keyref, message);
            }
            if let Some(disallowed) = &sibling.disallowed
                && has_type(target, disallowed)
            {
                let message = format!(
                    "{} refers to {}, which is itself {}. Refer to another.",
                    element.id,
                    target.id,
                    metamodel().short_name(disallowed)
                );
                self.report(element, "disallowedType", &sibling.keyref, message);
            }
            if let Some(path) = &sibling.path {
                self.path(element, target, sibling, path);
            }
        }
    }

    /// No two elements may refer to the same property of the same sibling.
    fn once(
        &mut self,
        element: &'a Element,
        (parent, property): Place<'a>,
        sibling: &'static Sibling,
    ) {
        let Some(unique) = &sibling.unique else { return };
        let (Some(key), Some(path)) = (element.string(&sibling.keyref), element.string(unique))
        else {
            return;
        };
        let reference = (parent.id.clone(), property, key.clone(), path.clone());
        if !self.references.insert(reference) {
            let message = format!(
                "In {} more than one element refers to \"{}\" of \"{key}\". Keep one of them.",
                parent.id,
                metamodel().short_name(path)
            );
            self.report(element, "multipleReference", &sibling.keyref, message);
        }
    }

    /// The sibling must have the property that `path` of the element names, from a supplemental type.
    fn path(&mut self, element: &'a Element, target: &Element, sibling: &Sibling, path: &str) {
        let Some(named) = element.string(path) else { return };
        let has_it = target
            .cotypes
            .iter()
            .flat_map(|cotype| metamodel().lineage(cotype))
            .flat_map(|cotype| &cotype.properties)
            .any(|property| *property.id == **named);
        if has_it {
            return;
        }
        let term = metamodel().short_name(named);
        let of_class = target.class.properties.iter().any(|property| property.name == term);
        let (rule, why) = if of_class {
            ("matchingPropertyNotSupplemental", "is not from a supplemental type")
        } else {
            ("noMatchingSupplementalProperty", "it has not")
        };
        let message =
            format!("{} names the property \"{term}\" of {}, which {why}.", element.id, target.id);
        self.report(element, rule, &sibling.keyref, message);
    }

    /// What the type demands of the parent and of the other values there.
    fn parent(
        &mut self,
        element: &'a Element,
        cotype: &'static Cotype,
        constraint: &'static Constraint,
    ) {
        for place in self.siblings.places(element) {
            if place.1 == constraint.property {
                self.place(element, cotype, constraint, place);
            }
        }
    }

    fn place(
        &mut self,
        element: &'a Element,
        cotype: &'static Cotype,
        constraint: &'static Constraint,
        place: Place<'a>,
    ) {
        let (parent, property) = place;
        let term = metamodel().short_name(&cotype.id);
        let types = &constraint.types;
        if !types.is_empty() && !types.iter().any(|wanted| has_type(parent, wanted)) {
            let names: Vec<_> = types.iter().map(|id| metamodel().short_name(id)).collect();
            let message = format!(
                "{} is {term}; then {} must be {}. Add the @type.",
                element.id,
                parent.id,
                names.join(" or ")
            );
            self.report(element, "parentMissingCotype", property, message);
        }
        let mut is_beside = |wanted: &'static str| {
            let others = self.siblings.with_type(place, wanted);
            others.iter().any(|other| other.id != element.id)
        };
        let doubled = constraint.none_other.as_deref().is_some_and(&mut is_beside);
        let missing = constraint.some_other.as_deref().filter(|wanted| !is_beside(wanted));
        if doubled {
            let message =
                format!("Two values of \"{property}\" of {} are {term}. Keep one.", parent.id);
            self.report(element, "nonUniqueAdjunctType", property, message);
        }
        if let Some(missing) = missing {
            let message = format!(
                "{} is {term}; then another value of \"{property}\" of {} must be {}. Add one.",
                element.id,
                parent.id,
                metamodel().short_name(missing)
            );
            self.report(element, "missingAdjunctType", property, message);
        }
    }
}

fn class_name(id: &str) -> &str {
    id.strip_prefix("dtmi:dtdl:class:")
        .and_then(|rest| rest.split(';').next())
        .unwrap_or_else(|| metamodel().short_name(id))
}

/// A class counts whatever the version; a supplemental type is what it is.
pub(super) fn has_type(element: &Element, wanted: &str) -> bool {
    let class = wanted.strip_prefix("dtmi:dtdl:class:").and_then(|rest| rest.split(';').next());
    class.is_some_and(|class| metamodel().is_a(&element.class.name, class))
        || element.cotypes.iter().any(|cotype| metamodel().cotype_is_a(cotype, wanted))
}
