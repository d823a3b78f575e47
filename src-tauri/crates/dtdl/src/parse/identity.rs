//! The identifier of an element: given, or made from its parent's.

use std::sync::Arc;

use serde_json::Value as Json;

use super::{Parser, Slot, Stop};
use crate::{
    context::Context,
    dtmi::{Dtmi, MAX_LENGTH},
    jsonld::{self, Node},
    problem::{Problem, shorten},
    value::whole,
};

/// The longest identifier of all, implicit ones included.
const MAX_IMPLICIT_LENGTH: usize = 4096;

impl Parser {
    pub(super) fn identity(
        &mut self,
        node: Node<'_>,
        context: &Context,
        slot: &Slot<'_>,
    ) -> Result<Arc<str>, Stop> {
        match node.id() {
            Some(id) => self.given(id, context, slot),
            None => self.implicit(node, slot),
        }
    }

    fn given(&mut self, id: &str, context: &Context, slot: &Slot<'_>) -> Result<Arc<str>, Stop> {
        if id.is_empty() {
            return Err(self.stop(
                slot.problem("idNotString", "The @id is empty or no string. Give it a DTMI."),
            ));
        }
        if id.len() > MAX_LENGTH {
            let message = format!(
                "The identifier {} has {} characters; {MAX_LENGTH} is the most. Shorten it.",
                shorten(id),
                id.len()
            );
            return Err(self.stop(slot.problem("idTooLong", message).value(id)));
        }
        if self.policy.of_the_language {
            return Ok(id.into());
        }
        let version = context.version();
        if !Dtmi::is_well_formed_in(id, version) {
            let form = match version {
                2 => "dtmi:<labels>;<version>",
                _ => "dtmi:<labels>;<version> or dtmi:<labels>;<major>.<minor>",
            };
            let message = format!(
                "\"{}\" is no identifier of DTDL {version}. It must have the form {form}, where labels \
                 are separated by colons, begin with a letter, end with a letter or digit, and have \
                 only letters, digits and underscores.",
                shorten(id)
            );
            return Err(self.stop(slot.problem("invalidId", message).value(id)));
        }
        let tolerated = self.policy.tolerate_solecisms && version < 3;
        if !tolerated && context.reserves(id) {
            let message = format!(
                "The identifier {id} begins with a prefix that is reserved for the language and its \
                 extensions. Choose another prefix."
            );
            return Err(self.stop(slot.problem("reservedId", message).value(id)));
        }
        Ok(id.into())
    }

    fn implicit(&mut self, node: Node<'_>, slot: &Slot<'_>) -> Result<Arc<str>, Stop> {
        let Some(parent) = slot.parent else {
            return Err(self
                .stop(Problem::new("missingTopLevelId", "The model has no @id. Give it a DTMI.")));
        };
        if slot.rule.id_required {
            let message = format!(
                "A value of \"{}\" needs an @id of its own. Give it a DTMI.",
                slot.property
            );
            return Err(self.stop(slot.problem("missingRequiredId", message)));
        }
        let label = match slot.rule.segment {
            Some(segment) => self.label(node, segment, slot)?,
            None => String::new(),
        };
        let property = slot.property.split(';').next().unwrap_or_default();
        let (path, version) = match parent.id.split_once(';') {
            Some((path, version)) => (path, Some(version)),
            None => (&*parent.id, None),
        };
        let version = version.map(|version| format!(";{version}")).unwrap_or_default();
        let length = path.len() + property.len() + label.len() + version.len();
        if length > MAX_IMPLICIT_LENGTH {
            let message = format!(
                "The names of the elements around make an identifier of {length} characters; \
                 {MAX_IMPLICIT_LENGTH} is the most. Shorten them or nest less."
            );
            return Err(self.stop(slot.problem("idTooLong", message)));
        }
        Ok(format!("{path}:_{property}{label}{version}").into())
    }

    /// The part of an implicit identifier that tells it from its siblings.
    fn label(&mut self, node: Node<'_>, segment: &str, slot: &Slot<'_>) -> Result<String, Stop> {
        let value = node.properties().find_map(|(key, value)| {
            let named = key == segment
                || key.strip_prefix("dtmi:dtdl:property:").and_then(|rest| rest.split(';').next())
                    == Some(segment);
            named.then_some(value)
        });
        let Some(value) = value else {
            let message = format!(
                "A value of \"{}\" has neither a \"{segment}\" nor an @id. Give it a \"{segment}\".",
                slot.property
            );
            return Err(self.stop(slot.problem("missingDtmiSegPropertyValue", message)));
        };
        let literal = match jsonld::values(value) {
            [Json::Object(map)] => map.get("@value").cloned(),
            [literal] => Some(literal.clone()),
            _ => None,
        };
        match literal {
            Some(Json::String(text)) => Ok(format!(":__{text}")),
            Some(number @ Json::Number(_)) => Ok(match whole(&number) {
                Some(integer) => format!(":__{integer}"),
                None => format!(":__{}", number.to_string().replace('.', "_")),
            }),
            _ => {
                let message = format!(
                    "The \"{segment}\" of a value of \"{}\" is neither a string nor a number.",
                    slot.property
                );
                Err(self.stop(slot.problem("dtmiSegPropertyNotStringOrNumber", message)))
            }
        }
    }

    pub(super) fn report_doubled(&mut self, id: &str, slot: &Slot<'_>, context: &Context) {
        let implicit = Dtmi::parse(id).is_none_or(|dtmi| dtmi.is_implicit());
        if !implicit {
            let message = format!("The identifier {id} is defined twice. Remove or rename one.");
            return self.report(slot.problem("duplicateDefinition", message).value(id));
        }
        let tolerated = self.policy.tolerate_solecisms && context.version() < 3;
        if let (false, Some(segment)) = (tolerated, slot.rule.segment) {
            let message = format!(
                "Two values of \"{}\" have the same \"{segment}\". Rename one ({id}).",
                slot.property
            );
            self.report(slot.problem("nonUniquePropertyValue", message).value(id));
        }
    }
}
