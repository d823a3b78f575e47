//! What a model allows: checks of twins and relationships against their models.

use crate::patch::unescaped;
use crate::{AppliedOperation, Contents, Properties, PropertyValue, Relationship, Twin};
use dtdl::{ContentKind, Interface, Models};
use std::fmt;

/// One thing that a model does not allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where, as a JSON Pointer into the twin or relationship; empty for the whole.
    pub path: String,
    /// What is wrong, and what to do.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.path, self.message)
        }
    }
}

fn fault(path: impl Into<String>, message: impl Into<String>) -> Fault {
    Fault { path: path.into(), message: message.into() }
}

/// What is wrong with the id of a twin or relationship, if anything: it has 1 to 128 characters
/// (documentation of the service), and none of them may be a control character or a slash, which
/// no path of the REST API could carry.
pub fn check_id(id: &str) -> Option<String> {
    let fits = (1..=128).contains(&id.chars().count());
    if fits && !id.chars().any(|c| c.is_control() || c == '/') {
        return None;
    }
    let shown: String = id.chars().take(40).collect();
    Some(format!(
        "The id «{}» is invalid: it must have 1 to 128 characters, with no slash and no control character.",
        shown.escape_debug()
    ))
}

/// All that the twin's model does not allow about it; empty where it is valid.
pub fn check_twin(models: &Models, twin: &Twin) -> Vec<Fault> {
    let Some(model) = models.get(&twin.model) else {
        return vec![fault("/$metadata/$model", format!("{} does not exist.", twin.model))];
    };
    let mut faults = Vec::new();
    check_properties(model, &twin.contents, "Twin", "", &mut faults);
    let components = model.contents.iter().filter(|(name, content)| {
        matches!(content.kind, ContentKind::Component { .. }) && !twin.components.contains_key(name)
    });
    faults.extend(components.map(|(name, _)| {
        fault(
            format!("/{name}"),
            format!("The component «{name}» of {} is missing: give it, as an object with at least an empty $metadata.", twin.model),
        )
    }));
    for (name, component) in &twin.components {
        match model.component(name).and_then(|interface| models.get(interface)) {
            Some(interface) => {
                check_properties(interface, component, name, &format!("/{name}"), &mut faults);
            }
            None => faults.push(fault(
                format!("/{name}"),
                format!("The model {} has no component «{name}».", twin.model),
            )),
        }
    }
    faults
}

/// The same of a twin after a patch, where it was valid before and is of the same model, which did
/// not change: what the patch did not touch is not looked at again.
pub fn check_patched(models: &Models, twin: &Twin, patch: &[AppliedOperation]) -> Vec<Fault> {
    let Some(model) = models.get(&twin.model) else { return check_twin(models, twin) };
    let mut faults = Vec::new();
    for applied in patch {
        let path = applied.operation.path.strip_prefix('/').unwrap_or_default();
        let name = unescaped(path.split('/').next().unwrap_or_default());
        let content = model.contents.get(&*name).map(|content| &content.kind);
        // A component, or the model itself.
        if !matches!(content, Some(ContentKind::Property { .. })) {
            return check_twin(models, twin);
        }
        if let Some(value) = twin.contents.get(&name) {
            check_property(model, &name, value, "Twin", "", &mut faults);
        }
    }
    faults
}

/// `owner` is the component, or Twin for the twin itself: the service names it so.
fn check_properties(
    model: &Interface,
    contents: &Contents,
    owner: &str,
    at: &str,
    faults: &mut Vec<Fault>,
) {
    for (name, value) in contents.values() {
        check_property(model, name, value, owner, at, faults);
    }
}

fn check_property(
    model: &Interface,
    name: &str,
    value: &PropertyValue,
    owner: &str,
    at: &str,
    faults: &mut Vec<Fault>,
) {
    // Mostly nothing is wrong, and nobody asks for it.
    let path = || format!("{at}/{name}");
    match model.contents.get(name).map(|content| &content.kind) {
        Some(ContentKind::Property { schema, .. }) => {
            let before = faults.len();
            check_value(schema, value, path, faults);
            if faults.len() > before {
                let path = path();
                let whole = faults[before..].iter_mut().filter(|fault| fault.path == path);
                whole.for_each(|fault| say_type(schema, name, owner, fault));
            }
        }
        Some(ContentKind::Component { .. }) => faults.push(fault(
            path(),
            format!("«{name}» is a component: give it as an object with a $metadata object."),
        )),
        Some(_) => faults.push(fault(
            path(),
            format!("«{name}» is not a property of {}; only properties have values.", model.id),
        )),
        // In the service's words (recorded traffic).
        None => {
            faults.push(fault(path(), format!("{name} does not appear on the DTDL for {owner}.")));
        }
    }
}

/// Puts the service's sentence (recorded traffic) before ours, where the type is a simple one.
fn say_type(schema: &dtdl::Schema, name: &str, owner: &str, fault: &mut Fault) {
    use dtdl::Schema::{
        Boolean, Date, DateTime, Double, Duration, Float, Integer, Long, String, Time,
    };
    let wanted = match schema {
        Boolean => "boolean",
        Integer => "integer",
        Long => "long",
        Float => "float",
        Double => "double",
        Date => "date",
        DateTime => "dateTime",
        Duration => "duration",
        Time => "time",
        String => "string",
        _ => return,
    };
    let said = format!("Expected value of type {wanted} for {name} on {owner}.");
    fault.message = format!("{said} {}", fault.message);
}

fn check_value(
    schema: &dtdl::Schema,
    value: &PropertyValue,
    path: impl Fn() -> String,
    faults: &mut Vec<Fault>,
) {
    if let Err(problems) = schema.check(&value.json()) {
        let path = path();
        let within = problems.into_iter();
        faults.extend(within.map(|p| fault(format!("{path}{}", p.path), p.message)));
    }
}

/// All that the source's model does not allow about the relationship; empty where it is valid.
///
/// `source_model` and `target_model` are the DTMIs of the twins at its ends.
pub fn check_relationship(
    models: &Models,
    source_model: &str,
    target_model: &str,
    relationship: &Relationship,
) -> Vec<Fault> {
    let name = &relationship.name;
    let declared = models.get(source_model).and_then(|model| model.relationship(name));
    let Some(declared) = declared else {
        return vec![fault(
            "/$relationshipName",
            format!("The model {source_model} has no relationship «{name}»."),
        )];
    };
    let mut faults = Vec::new();
    if let Some(target) = declared.target.as_deref().filter(|t| !models.is_a(target_model, t)) {
        faults.push(fault(
            "/$targetId",
            format!(
                "«{name}» must lead to a twin of {target}, and {} is one of {target_model}.",
                relationship.target
            ),
        ));
    }
    check_relationship_properties(declared, &relationship.properties, &mut faults);
    faults
}

fn check_relationship_properties(
    declared: &dtdl::Relationship,
    properties: &Properties,
    faults: &mut Vec<Fault>,
) {
    for (name, value) in properties {
        let path = || format!("/{name}");
        match declared.properties.get(&**name).map(|content| &content.kind) {
            Some(ContentKind::Property { schema, .. }) => {
                check_value(schema, value, path, faults);
            }
            _ => faults.push(fault(path(), format!("The relationship has no property «{name}»."))),
        }
    }
}
