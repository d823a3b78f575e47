//! Which contexts hold at an element, and what its terms stand for there.

use std::rc::Rc;

use serde_json::Value;

use crate::{
    dtmi::Dtmi,
    jsonld::{self, Node},
    metamodel::{ContextTable, VERSIONS, metamodel},
    problem::Problem,
};

const CORE: &str = "dtmi:dtdl:context;";

/// What a parse takes of contexts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ContextPolicy {
    /// Whether extensions that are not built in are passed over; `None` is as the version says.
    pub(crate) undefined_extensions: Option<bool>,
    /// The newest version of DTDL.
    pub(crate) newest: u8,
}

/// The contexts that hold at an element.
#[derive(Clone, Default)]
pub(crate) struct Context {
    core: Option<&'static ContextTable>,
    version: u8,
    affiliates: Rc<Vec<(String, &'static ContextTable)>>,
    unrecognized: bool,
}

impl Context {
    /// The version of DTDL, 0 before a context says it.
    pub(crate) fn version(&self) -> u8 {
        self.version
    }

    /// True where every extension is known: then an unknown term is a mistake.
    pub(crate) fn is_complete(&self) -> bool {
        !self.unrecognized
    }

    /// Keywords without a use are refused from version 3 on.
    pub(crate) fn restricts_keywords(&self) -> bool {
        self.version >= 3
    }

    /// True where models may not define the identifier.
    pub(crate) fn reserves(&self, id: &str) -> bool {
        self.core
            .iter()
            .chain(self.affiliates.iter().map(|(_, affiliate)| affiliate))
            .any(|context| context.reserved.iter().any(|prefix| id.starts_with(prefix)))
    }

    /// The DTMI that a term or a DTMI stands for.
    pub(crate) fn resolve<'a>(&'a self, text: &'a str) -> Option<&'a str> {
        if text.starts_with("dtmi:") {
            return Dtmi::is_valid_in(text, self.version).then_some(text);
        }
        self.core
            .and_then(|core| core.id_of(text))
            .or_else(|| self.affiliates.iter().find_map(|(_, affiliate)| affiliate.id_of(text)))
    }

    /// The context inside of `node`.
    ///
    /// # Errors
    /// What is wrong with its `@context`; nothing inside can be understood then.
    pub(crate) fn child(
        &self,
        node: Node<'_>,
        policy: ContextPolicy,
    ) -> Result<Self, Box<Problem>> {
        let Some(context) = node.keyword("@context") else {
            return self.or_missing("missingContext", "There is no @context.");
        };
        let parts = jsonld::values(context);
        if parts.is_empty() {
            return self.or_missing("emptyContext", "The @context is empty.");
        }
        let mut child = self.clone();
        child.extend(parts, policy)?;
        Ok(child)
    }

    /// Without a context of its own an element has that of its parent.
    fn or_missing(&self, rule: &str, what: &str) -> Result<Self, Box<Problem>> {
        match self.core {
            Some(_) => Ok(self.clone()),
            None => {
                let message = format!("{what} Add \"@context\": \"dtmi:dtdl:context;3\".");
                Err(Problem::new(rule, message).into())
            }
        }
    }

    fn extend(&mut self, parts: &[Value], policy: ContextPolicy) -> Result<(), Box<Problem>> {
        let mut parts = parts.iter().peekable();
        while let Some((id, version)) = parts.peek().and_then(|part| implicit(part)) {
            self.add_affiliate(id, version, policy)?;
            parts.next();
        }
        while let Some(id) =
            parts.peek().and_then(|part| part.as_str()).filter(|id| id.starts_with(CORE))
        {
            self.set_core(id, policy)?;
            parts.next();
        }
        if self.core.is_none() {
            return Err(Problem::new(
                "missingDtdlContext",
                "The @context does not begin with a version of DTDL. Put \"dtmi:dtdl:context;3\" first.",
            ).into());
        }
        let rest: Vec<&Value> = parts.collect();
        if let Some(terms) = rest.last().filter(|last| last.is_object()) {
            return Err(self.refuse_terms("disallowedLocalContext", terms));
        }
        for part in rest {
            match part.as_str() {
                Some(id) => self.add_affiliate(id, self.version, policy)?,
                None => return Err(self.refuse_terms("localContextNotLast", part)),
            }
        }
        Ok(())
    }

    /// Local terms went with DTDL's first drafts: no version takes them, wherever they stand.
    fn refuse_terms(&self, rule: &str, terms: &Value) -> Box<Problem> {
        let message = format!(
            "The @context defines terms of its own, which DTDL {} does not take. \
             Remove them and write the identifiers out.",
            self.version
        );
        Problem::new(rule, message).value(terms).into()
    }

    fn set_core(&mut self, id: &str, policy: ContextPolicy) -> Result<(), Box<Problem>> {
        let dtmi = specifier(id)?;
        if let Some(fragment) = dtmi.fragment() {
            let known = matches!(fragment, "limits" | "limitless");
            let rule = if known { "disallowedContextFragment" } else { "invalidContextFragment" };
            return Err(Problem::new(
                rule,
                format!("The context {id} has a fragment, which DTDL 2 and 3 do not take. Remove \"#{fragment}\"."),
            )
            .value(id).into());
        }
        let version = dtmi.major();
        let known =
            VERSIONS.into_iter().find(|known| u32::from(*known) == version && dtmi.minor() == 0);
        let Some(version) = known else {
            return Err(match version {
                0 => missing_version(id),
                4 => Problem::new(
                    "disallowedContextVersion",
                    format!("{id} is newer than Azure Digital Twins takes. Write the model in DTDL 3 or 2."),
                ),
                _ => Problem::new(
                    "unrecognizedContextVersion",
                    format!("There is no {id}. The versions of DTDL are dtmi:dtdl:context;2 and dtmi:dtdl:context;3."),
                ),
            }
            .value(id).into());
        };
        if version > policy.newest {
            return Err(Problem::new(
                "disallowedContextVersion",
                format!(
                    "{id} is newer than DTDL {}, the newest that is taken here.",
                    policy.newest
                ),
            )
            .value(id)
            .into());
        }
        self.core = metamodel().contexts.get(format!("{CORE}{version}").as_str()).copied();
        self.version = version;
        Ok(())
    }

    fn add_affiliate(
        &mut self,
        id: &str,
        version: u8,
        policy: ContextPolicy,
    ) -> Result<(), Box<Problem>> {
        if id.starts_with(CORE) {
            return Err(Problem::new(
                "dtdlContextFollowsAffiliate",
                format!("{id} follows an extension in the @context. Put it first."),
            )
            .value(id)
            .into());
        }
        if !id.starts_with("dtmi:") {
            return Err(Problem::new(
                "nonDtmiContextSpecifier",
                format!("The context \"{id}\" is no DTMI. Name an extension by its DTMI, for example \"dtmi:dtdl:extension:quantitativeTypes;1\"."),
            )
            .value(id).into());
        }
        let dtmi = specifier(id)?;
        if dtmi.fragment().is_some() {
            return Err(invalid_specifier(id).into());
        }
        if dtmi.major() == 0 {
            return Err(missing_version(id).into());
        }
        if !Dtmi::is_valid_in(id, version) {
            return Err(Problem::new(
                "invalidContextSpecifierForVersion",
                format!("The context \"{id}\" is no identifier that DTDL {version} takes."),
            )
            .value(id)
            .into());
        }
        match affiliate(&dtmi) {
            Some(found) => {
                let name = dtmi.versionless();
                let affiliates = Rc::make_mut(&mut self.affiliates);
                affiliates.retain(|(known, _)| *known != name);
                affiliates.push((name, found));
                Ok(())
            }
            None if policy.undefined_extensions.unwrap_or(version == 2) => {
                self.unrecognized = true;
                Ok(())
            }
            None => Err(unresolvable(id, &dtmi).into()),
        }
    }
}

/// An extension that may precede the context of DTDL, with the version that it implies.
fn implicit(part: &Value) -> Option<(&str, u8)> {
    let id = part.as_str()?;
    let version = metamodel().contexts.get(id)?.implicit_version?;
    Some((id, version))
}

fn specifier(id: &str) -> Result<Dtmi<'_>, Box<Problem>> {
    Dtmi::parse(id).ok_or_else(|| invalid_specifier(id).into())
}

fn invalid_specifier(id: &str) -> Problem {
    Problem::new("invalidContextSpecifier", format!("The context \"{id}\" is no well-formed DTMI."))
        .value(id)
}

fn missing_version(id: &str) -> Problem {
    Problem::new(
        "missingContextVersion",
        format!("The context \"{id}\" has no version. Add one, for example \"{id};1\"."),
    )
    .value(id)
}

/// Contexts of one major version are compatible upwards: a newer minor version serves an older one.
fn affiliate(dtmi: &Dtmi<'_>) -> Option<&'static ContextTable> {
    if dtmi.minor() > 0 {
        return None;
    }
    let id = format!("{};{}", dtmi.versionless(), dtmi.major());
    metamodel().contexts.get(id.as_str()).copied()
}

fn unresolvable(id: &str, dtmi: &Dtmi<'_>) -> Problem {
    let stem = format!("{};", dtmi.versionless());
    let mut known: Vec<_> =
        metamodel().contexts.keys().filter(|context| context.starts_with(&stem)).copied().collect();
    known.sort_unstable();
    if known.is_empty() {
        Problem::new(
            "unresolvableContextSpecifier",
            format!("The extension {id} is not known. Remove it from the @context, or allow undefined extensions."),
        )
        .value(id)
    } else {
        Problem::new(
            "unresolvableContextVersion",
            format!("There is no {id}. What is known is {}.", known.join(", ")),
        )
        .value(id)
    }
}
