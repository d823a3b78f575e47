//! The properties of an element: those of its class, those of its supplemental types, and unknown ones.

use std::sync::Arc;

use serde_json::Value as Json;

use super::{Parser, Slot, Stop, literal::LiteralRule};
use crate::{
    context::Context,
    graph::{Element, Value},
    jsonld::{self, Node},
    metamodel::{CotypeKind, CotypeProperty, CotypeValue, ObjectRule, Property, Rule, metamodel},
    problem::{Problem, shorten},
};

impl Parser {
    pub(super) fn properties(
        &mut self,
        element: &mut Element,
        node: Node<'_>,
        context: &Context,
        slot: &Slot<'_>,
    ) -> Result<(), Stop> {
        let version = element.version;
        let class = element.class;
        let mut given: Vec<&'static str> = Vec::new();
        for (key, value) in node.properties() {
            if let Some((property, rule)) = class.property(key, version) {
                if self.is_first(element, &mut given, &property.name) {
                    self.property(element, property, rule, value, context, slot)?;
                }
            } else if let Some(property) = cotype_property(element, key, context) {
                if self.is_first(element, &mut given, &property.id) {
                    self.cotype_property(element, property, value, context, slot)?;
                }
            } else {
                self.unknown(element, key, value, context, node);
            }
        }
        self.check_missing(element, &given);
        Ok(())
    }

    fn is_first(
        &mut self,
        element: &Element,
        given: &mut Vec<&'static str>,
        name: &'static str,
    ) -> bool {
        if given.contains(&name) {
            let term = metamodel().short_name(name);
            let message = format!("The property \"{term}\" is given twice. Keep one.");
            self.report(
                Problem::new("duplicatePropertyName", message).element(&*element.id).property(term),
            );
            return false;
        }
        given.push(name);
        true
    }

    fn check_missing(&mut self, element: &Element, given: &[&str]) {
        for property in &element.class.properties {
            let Some(rule) = property.rule(element.version) else {
                continue;
            };
            if rule.min.unwrap_or_default() > 0 && !given.contains(&property.name.as_str()) {
                let which = match property.literal {
                    Some(_) => "missingLiteralProperty",
                    None => "missingObjectProperty",
                };
                self.report_missing(which, element, &property.name, &element.class.name);
            }
        }
        for cotype in &element.cotypes {
            for property in &cotype.properties {
                if property.optional || given.contains(&property.id.as_str()) {
                    continue;
                }
                let which = match property.value() {
                    CotypeValue::Object(_) => "missingSupplementalObjectProperty",
                    CotypeValue::Literal(literal) if literal.is_identifier() => {
                        "missingSupplementalIdentifierProperty"
                    }
                    CotypeValue::Literal(_) => "missingSupplementalLiteralProperty",
                };
                let term = metamodel().short_name(&property.id);
                self.report_missing(which, element, term, metamodel().short_name(&cotype.id));
            }
        }
    }

    fn report_missing(&mut self, rule: &str, element: &Element, property: &str, owner: &str) {
        let message = format!("{} has no \"{property}\", which {owner} needs. Add it.", element.id);
        self.report(Problem::new(rule, message).element(&*element.id).property(property));
    }

    fn property(
        &mut self,
        element: &mut Element,
        property: &'static Property,
        rule: &'static Rule,
        value: &Json,
        context: &Context,
        slot: &Slot<'_>,
    ) -> Result<(), Stop> {
        let Some(literal) = property.literal else {
            let rule = ObjectRule {
                class: rule.class.as_deref().unwrap_or_default(),
                segment: property.segment.as_deref(),
                plural: property.plural,
                min: rule.min.unwrap_or_default(),
                id_required: rule.id_required,
                type_optional: rule.type_optional,
                versions: &rule.versions,
            };
            return self.objects(element, &property.name, rule, value, context, slot);
        };
        let rule = LiteralRule {
            literal,
            optional: property.optional,
            max_length: rule.max_length,
            pattern: rule.pattern,
            min: rule.min_value,
            max: rule.max_value,
        };
        if let Some(value) = self.literal(element, &property.name, &rule, value, context) {
            element.add(&property.name, value);
        }
        Ok(())
    }

    fn cotype_property(
        &mut self,
        element: &mut Element,
        property: &'static CotypeProperty,
        value: &Json,
        context: &Context,
        slot: &Slot<'_>,
    ) -> Result<(), Stop> {
        match property.value() {
            CotypeValue::Literal(literal) => {
                let rule = LiteralRule {
                    literal,
                    optional: property.optional,
                    max_length: property.max_length,
                    pattern: property.pattern,
                    min: property.min_value,
                    max: property.max_value,
                };
                if let Some(value) = self.literal(element, &property.id, &rule, value, context) {
                    element.add(&property.id, value);
                }
                Ok(())
            }
            CotypeValue::Object(class) => {
                self.cotype_objects(element, property, class, value, context, slot)
            }
        }
    }

    /// The elements that are the values of a property of the class.
    fn objects(
        &mut self,
        element: &mut Element,
        name: &'static str,
        rule: ObjectRule,
        value: &Json,
        context: &Context,
        slot: &Slot<'_>,
    ) -> Result<(), Stop> {
        let partition = self.partition(element, slot);
        let mut found = Vec::new();
        for item in jsonld::values(value) {
            if !rule.plural && !found.is_empty() {
                self.report_several(element, name, value);
                break;
            }
            let slot =
                Slot { parent: Some(element), property: name, rule, partition: partition.as_ref() };
            let id = match item {
                Json::String(text) => self.reference(text, context, &slot),
                Json::Object(map) => self.element(Node::new(map), context, &slot)?,
                other => {
                    self.report_not_an_element(other, &slot);
                    None
                }
            };
            found.extend(id);
        }
        self.check_count(element, name, rule.min, found.len());
        for id in found {
            element.add(name, Value::Element(id));
        }
        Ok(())
    }

    /// The elements that are the values of a property of a supplemental type.
    fn cotype_objects(
        &mut self,
        element: &mut Element,
        property: &'static CotypeProperty,
        class: &'static str,
        value: &Json,
        context: &Context,
        slot: &Slot<'_>,
    ) -> Result<(), Stop> {
        let partition = self.partition(element, slot);
        let takes_units = class.contains(":class:Unit;")
            || metamodel().cotype(class).is_some_and(|cotype| cotype.kind == CotypeKind::Unit);
        let mut found = Vec::new();
        for item in jsonld::values(value) {
            if !property.plural && !found.is_empty() {
                self.report_several(element, &property.id, value);
                break;
            }
            let slot = Slot {
                parent: Some(element),
                property: &property.id,
                rule: ObjectRule {
                    class: "Unit",
                    segment: None,
                    plural: property.plural,
                    min: 0,
                    id_required: false,
                    type_optional: false,
                    versions: &[],
                },
                partition: partition.as_ref(),
            };
            let id = match item {
                Json::String(text) => match context.resolve(text).map(Arc::<str>::from) {
                    Some(to) => {
                        self.link(&slot, &to, text);
                        if let Some(link) = self.parsed.links.last_mut() {
                            link.class = None;
                            link.child_of = property.child_of.as_deref();
                        }
                        Some(to)
                    }
                    None => {
                        self.report_bad_term(text, &slot);
                        None
                    }
                },
                Json::Object(map) if takes_units => self.element(Node::new(map), context, &slot)?,
                Json::Object(_) => {
                    let message =
                        "A value of this property is named, not written out. Give its term.";
                    self.report(slot.problem("refObjectNotAllowed", message));
                    None
                }
                other => {
                    self.report_not_an_element(other, &slot);
                    None
                }
            };
            found.extend(id);
        }
        self.check_count(element, &property.id, property.min.unwrap_or_default(), found.len());
        for id in found {
            element.add(&property.id, Value::Element(id));
        }
        Ok(())
    }

    /// The interface that holds the values of the properties of `element`.
    fn partition(&self, element: &Element, slot: &Slot<'_>) -> Option<Arc<str>> {
        match slot.partition {
            _ if self.policy.of_the_language => None,
            _ if element.is("Interface") => Some(element.id.clone()),
            Some(partition) => Some(partition.clone()),
            None => Some(element.id.clone()),
        }
    }

    fn reference(&mut self, text: &str, context: &Context, slot: &Slot<'_>) -> Option<Arc<str>> {
        let Some(to) = context.resolve(text).map(Arc::<str>::from) else {
            self.report_bad_term(text, slot);
            return None;
        };
        self.link(slot, &to, text);
        Some(to)
    }

    fn report_bad_term(&mut self, text: &str, slot: &Slot<'_>) {
        let message = format!(
            "\"{}\" is neither a DTMI nor a term of the @context. Correct it, or add the extension that defines it.",
            shorten(text)
        );
        self.report(slot.problem("badDtmiOrTerm", message).value(text));
    }

    fn report_not_an_element(&mut self, value: &Json, slot: &Slot<'_>) {
        let message = format!(
            "{} is neither an identifier nor an object. Give one of them.",
            shorten(&value.to_string())
        );
        self.report(slot.problem("refNotStringOrObject", message).value(value));
    }

    fn report_several(&mut self, element: &Element, name: &str, value: &Json) {
        let term = metamodel().short_name(name);
        let message = format!("\"{term}\" takes one value. Keep one of them.");
        self.report(
            Problem::new("objectMultipleValues", message)
                .element(&*element.id)
                .property(term)
                .value(value),
        );
    }

    fn check_count(&mut self, element: &Element, name: &str, min: usize, count: usize) {
        if count < min {
            let term = metamodel().short_name(name);
            let message = format!("\"{term}\" has {count} valid values and needs at least {min}.");
            self.report(
                Problem::new("objectCountBelowMin", message).element(&*element.id).property(term),
            );
        }
    }

    fn unknown(
        &mut self,
        element: &mut Element,
        key: &str,
        value: &Json,
        context: &Context,
        node: Node<'_>,
    ) {
        if let Some((rule, why)) = refusal(key, context) {
            let message = format!("{} has the property \"{}\", {why}", element.id, shorten(key));
            self.report(Problem::new(rule, message).element(&*element.id).property(shorten(key)));
            return;
        }
        if !element.undefined_types.is_empty() {
            element.undefined_properties.push((key.to_owned(), value.clone()));
            return;
        }
        let rule = if node.has("@type") { "noTypeThatAllows" } else { "inferredTypeDoesNotAllow" };
        let known: Vec<_> = element
            .class
            .properties
            .iter()
            .filter(|property| property.rule(element.version).is_some())
            .map(|property| property.name.as_str())
            .collect();
        let message = format!(
            "{} has the property \"{}\", which none of its types takes. {} takes {}.",
            element.id,
            shorten(key),
            element.class.name,
            known.join(", ")
        );
        self.report(Problem::new(rule, message).element(&*element.id).property(shorten(key)));
    }
}

/// Why a property that no type of the element has is refused whatever its types, in version 3.
fn refusal(key: &str, context: &Context) -> Option<(&'static str, &'static str)> {
    if context.version() < 3 {
        return None;
    }
    if context.resolve(key).is_some() {
        return context.is_complete().then_some((
            "propertyIrrelevantDtmiOrTerm",
            "which does not belong there. Remove it, or add the @type that takes it.",
        ));
    }
    if key.starts_with("dtmi:") {
        return Some(("propertyInvalidDtmi", "which is no well-formed DTMI. Remove it."));
    }
    if key.contains(':') {
        return Some(("propertyNotDtmiNorTerm", "which is neither a DTMI nor a term. Remove it."));
    }
    context.is_complete().then_some((
        "propertyUndefinedTerm",
        "which is not known. Correct or remove it, or add the extension that defines it to the @context.",
    ))
}

/// The property of a supplemental type of the element, or of one that it derives from.
fn cotype_property(
    element: &Element,
    key: &str,
    context: &Context,
) -> Option<&'static CotypeProperty> {
    let id = context.resolve(key)?;
    element
        .cotypes
        .iter()
        .flat_map(|cotype| metamodel().lineage(cotype))
        .flat_map(|cotype| &cotype.properties)
        .find(|property| property.id == id)
}
