//! The `@type` of an element: one class, and supplemental types beside it.

use super::{Parser, Slot};
use crate::{
    context::Context,
    dtmi::MAX_INTERFACE_LENGTH,
    jsonld::Node,
    metamodel::{Class, Cotype, CotypeKind, metamodel},
    problem::{Problem, shorten},
};

/// What an element is.
pub(super) struct Typed {
    pub(super) class: &'static Class,
    pub(super) cotypes: Vec<&'static Cotype>,
    /// Types of extensions that are not known.
    pub(super) undefined: Vec<String>,
}

enum Kind {
    Class(&'static Class),
    Cotype(&'static Cotype),
    Undefined,
}

impl Parser {
    /// `None` where the types are refused, which is reported.
    pub(super) fn typed(
        &mut self,
        node: Node<'_>,
        context: &Context,
        slot: &Slot<'_>,
        id: &str,
    ) -> Option<Typed> {
        let names = match node.types() {
            Some(names) => names,
            None if slot.rule.type_optional => vec![slot.rule.class],
            None => {
                let message = format!(
                    "{} has no @type. Give it one of {}.",
                    shorten(id),
                    self.allowed(slot, context)
                );
                self.report(slot.problem("badType", message).value(id));
                return None;
            }
        };
        let mut classes: Vec<&'static Class> = Vec::new();
        let mut cotypes: Vec<&'static Cotype> = Vec::new();
        let mut undefined = Vec::new();
        let mut refused = false;
        for name in names {
            match self.kind(name, context, slot, id) {
                Some(Kind::Class(class))
                    if !classes.iter().any(|known| known.name == class.name) =>
                {
                    classes.push(class);
                }
                Some(Kind::Class(_)) => {}
                Some(Kind::Cotype(cotype))
                    if !cotypes.iter().any(|known| known.id == cotype.id) =>
                {
                    cotypes.push(cotype);
                }
                Some(Kind::Cotype(_)) => {}
                Some(Kind::Undefined) => undefined.push(name.to_owned()),
                None => refused = true,
            }
        }
        if let Some(class) = self.latent(&cotypes) {
            classes.push(class);
        }
        let class = match classes.as_slice() {
            _ if refused => return None,
            [class] => *class,
            [] => {
                let message = format!(
                    "{} has no @type that \"{}\" takes. Give it one of {}.",
                    shorten(id),
                    slot.property,
                    self.allowed(slot, context)
                );
                self.report(slot.problem("badType", message).value(id));
                return None;
            }
            several => {
                let names: Vec<_> = several.iter().map(|class| class.name.as_str()).collect();
                let message =
                    format!("{} cannot be {} at once. Keep one.", shorten(id), names.join(" and "));
                self.report(Problem::new("multipleMaterialTypes", message).element(id));
                return None;
            }
        };
        self.check_length(class, id);
        let cotypes = self.fitting(class, cotypes, context, id);
        Some(Typed { class, cotypes, undefined })
    }

    fn check_length(&mut self, class: &Class, id: &str) {
        if class.name == "Interface" && id.len() > MAX_INTERFACE_LENGTH {
            let message = format!(
                "The identifier of an interface has at most {MAX_INTERFACE_LENGTH} characters; this one has {}. Shorten it.",
                id.len()
            );
            self.report(Problem::new("idTooLongForType", message).element(id).value(id));
        }
    }

    /// Units are made by their supplemental types: `TemperatureUnit` stands for a `Unit`.
    fn latent(&self, cotypes: &[&Cotype]) -> Option<&'static Class> {
        let kind = |wanted| cotypes.iter().any(|cotype| cotype.kind == wanted);
        if kind(CotypeKind::Unit) {
            metamodel().class("Unit")
        } else if kind(CotypeKind::UnitAttribute) {
            metamodel().class("UnitAttribute")
        } else {
            None
        }
    }

    fn allowed(&self, slot: &Slot<'_>, context: &Context) -> String {
        let classes = metamodel().concrete(slot.rule.class, context.version());
        let names: Vec<_> = classes.map(|class| class.name.as_str()).collect();
        if names.is_empty() { slot.rule.class.to_owned() } else { names.join(", ") }
    }

    fn kind(&mut self, name: &str, context: &Context, slot: &Slot<'_>, id: &str) -> Option<Kind> {
        let version = context.version();
        let class = metamodel().material(name, version).filter(|class| {
            !class.is_abstract
                && !class.covert
                && (!class.elemental || self.policy.of_the_language)
                && metamodel().is_a(&class.name, slot.rule.class)
        });
        if let Some(class) = class {
            return Some(Kind::Class(class));
        }
        if metamodel().is_material_name(name) {
            self.report_bad_type(name, context, slot, id);
            return None;
        }
        self.cotype(name, context, slot, id)
    }

    fn report_bad_type(&mut self, name: &str, context: &Context, slot: &Slot<'_>, id: &str) {
        let message = format!(
            "{} has the @type {name}, which \"{}\" does not take. It takes {}.",
            shorten(id),
            slot.property,
            self.allowed(slot, context)
        );
        self.report(slot.problem("badType", message).value(name));
    }

    fn cotype(&mut self, name: &str, context: &Context, slot: &Slot<'_>, id: &str) -> Option<Kind> {
        let version = context.version();
        let mut refuse = |rule: &str, message: String| {
            self.report(Problem::new(rule, message).element(id).property("@type").value(name));
            None
        };
        let shown = shorten(name);
        let Some(type_id) = context.resolve(name) else {
            if name.starts_with("dtmi:") {
                return refuse(
                    "typeInvalidDtmi",
                    format!("The @type \"{shown}\" is no well-formed DTMI."),
                );
            }
            return match version {
                2 => Some(Kind::Undefined),
                _ if name.contains(':') => refuse(
                    "typeNotDtmiNorTerm",
                    format!("The @type \"{shown}\" is neither a DTMI nor a term."),
                ),
                _ if context.is_complete() => refuse(
                    "typeUndefinedTerm",
                    format!(
                        "The @type \"{shown}\" is not known. Correct it, or add the extension that defines it \
                         to the @context (semantic types are in dtmi:dtdl:extension:quantitativeTypes;1)."
                    ),
                ),
                _ => Some(Kind::Undefined),
            };
        };
        let Some(cotype) = metamodel().cotype(type_id) else {
            return if context.is_complete() {
                refuse(
                    "typeIrrelevantDtmiOrTerm",
                    format!("\"{shown}\" is no type. Correct the @type."),
                )
            } else {
                Some(Kind::Undefined)
            };
        };
        if cotype.is_abstract {
            return refuse(
                "abstractSupplementalType",
                format!("The @type {shown} is abstract. Use one of the types that derive from it."),
            );
        }
        let units = matches!(cotype.kind, CotypeKind::Unit | CotypeKind::UnitAttribute);
        let latent = matches!(cotype.kind, CotypeKind::LatentType | CotypeKind::NamedLatentType);
        if latent || (units && !takes_units(slot.rule.class)) {
            self.report_bad_type(name, context, slot, id);
            return None;
        }
        Some(Kind::Cotype(cotype))
    }

    /// The supplemental types that may stand beside the class; the others are reported.
    fn fitting(
        &mut self,
        class: &Class,
        cotypes: Vec<&'static Cotype>,
        context: &Context,
        id: &str,
    ) -> Vec<&'static Cotype> {
        let mut sources: Vec<(&str, &Cotype)> = Vec::new();
        let mut fitting = Vec::new();
        for cotype in &cotypes {
            let term = metamodel().short_name(&cotype.id);
            let by_itself = matches!(cotype.kind, CotypeKind::Unit | CotypeKind::UnitAttribute)
                || cotype.altcotypes.iter().any(|id| cotypes.iter().any(|other| other.id == *id));
            if !by_itself && !cotype.cotypes.contains(&class.name) {
                let message = format!(
                    "The type {term} cannot stand beside {}; it takes {}. Remove it.",
                    class.name,
                    cotype.cotypes.join(", ")
                );
                self.report(Problem::new("invalidCotype", message).element(id).value(term));
                continue;
            }
            if !by_itself && !cotype.versions.contains(&context.version()) {
                let message = format!(
                    "The type {term} is not for DTDL {}. Use a version of its extension that is.",
                    context.version()
                );
                self.report(Problem::new("invalidCotypeVersion", message).element(id).value(term));
                continue;
            }
            for property in &cotype.properties {
                match sources.iter().find(|(known, _)| *known == property.id) {
                    Some((_, other)) => {
                        let message = format!(
                            "The types {} and {term} both have the property \"{}\". Keep one of them.",
                            metamodel().short_name(&other.id),
                            metamodel().short_name(&property.id)
                        );
                        self.report(
                            Problem::new("conflictingSupplementalTypes", message).element(id),
                        );
                    }
                    None => sources.push((&property.id, cotype)),
                }
            }
            for needed in &cotype.cocotypes {
                if !cotypes.iter().any(|other| other.id == *needed) {
                    let needed = metamodel().short_name(needed);
                    let message = format!("The type {term} needs {needed} beside it. Add it.");
                    self.report(Problem::new("missingCocotype", message).element(id).value(needed));
                }
            }
            fitting.push(*cotype);
        }
        fitting
    }
}

fn takes_units(class: &str) -> bool {
    matches!(class, "Entity" | "Unit" | "UnitAttribute")
}
