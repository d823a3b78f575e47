//! What is wrong with models, in words that tell how to mend it.

use std::fmt;

use serde::Serialize;

/// Everything that is wrong with one request. Never empty when it is an error.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Problems(pub Vec<Problem>);

/// One thing that is wrong, with its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Problem {
    /// The identifier of the broken rule, as the reference parser of DTDL names it,
    /// for example `dtmi:dtdl:parsingError:invalidId`.
    pub validation_id: String,
    /// What sort of problem it is.
    pub kind: ProblemKind,
    /// The DTMI of the interface (or other top-level element) that holds the problem.
    pub model: Option<String>,
    /// The identifier of the element, user-given or implicit, or its JSON pointer where it has none.
    pub element: Option<String>,
    /// The property of the element.
    pub property: Option<String>,
    /// The value that is refused.
    pub value: Option<String>,
    /// What is wrong, where, and what to do.
    pub message: String,
}

/// Groups problems by what has to be mended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum ProblemKind {
    /// The text is not JSON, or not JSON of the shape that JSON-LD demands.
    Json,
    /// A `@context`: missing, unknown, or in the wrong place.
    Context,
    /// An identifier that is malformed, reserved, missing or too long.
    Identifier,
    /// A `@type` that is unknown or does not belong there.
    Type,
    /// A property that is missing, unknown or given twice.
    Property,
    /// The value of a property.
    Value,
    /// A reference to something that may not be referred to there.
    Reference,
    /// A reference to a model that is neither in the request nor there already.
    Unresolved,
    /// Inheritance, nesting or recursion.
    Hierarchy,
    /// A limit of the language: length, count, size.
    Limit,
    /// The model is there already.
    AlreadyExists,
    /// The model is needed by others.
    InUse,
    /// There is no such model.
    NotFound,
    /// Valid DTDL that Azure Digital Twins does not take.
    Unsupported,
}

impl Problem {
    /// A problem of the rule `rule`, the last label of the reference's validation id.
    pub(crate) fn new(rule: &str, message: impl Into<String>) -> Self {
        Self {
            validation_id: format!("dtmi:dtdl:parsingError:{rule}"),
            kind: kind_of(rule),
            model: None,
            element: None,
            property: None,
            value: None,
            message: message.into(),
        }
    }

    pub(crate) fn model(mut self, model: impl Into<String>) -> Self {
        self.model = Some(model.into());
        self
    }

    pub(crate) fn element(mut self, element: impl Into<String>) -> Self {
        self.element = Some(element.into());
        self
    }

    pub(crate) fn property(mut self, property: impl Into<String>) -> Self {
        self.property = Some(property.into());
        self
    }

    pub(crate) fn value(mut self, value: impl fmt::Display) -> Self {
        self.value = Some(shorten(&value.to_string()));
        self
    }

    /// Where in the model the element is, for people: `contents/mode/schema` for the schema of the content
    /// `mode`. The identifier of the element where it has one of its own, `None` for the model itself.
    pub fn path(&self) -> Option<String> {
        let element = self.element.as_deref()?;
        let model = self.model.as_deref().unwrap_or_default();
        let labels = |id: &str| id.split(';').next().unwrap_or_default().to_owned();
        match labels(element).strip_prefix(&labels(model)) {
            Some("") => None,
            Some(rest) if rest.starts_with(":_") => {
                let steps = rest.split(":_").skip(1).map(|step| step.trim_start_matches('_'));
                Some(steps.collect::<Vec<_>>().join("/"))
            }
            _ => Some(element.to_owned()).filter(|element| !element.is_empty()),
        }
    }

    /// The last label of the validation id.
    pub fn rule(&self) -> &str {
        self.validation_id.rsplit(':').next().unwrap_or(&self.validation_id)
    }
}

/// Values are shown, not copied: a megabyte of text helps nobody find it.
pub(crate) fn shorten(text: &str) -> String {
    const SHOWN: usize = 120;
    match text.char_indices().nth(SHOWN) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
    }
}

fn kind_of(rule: &str) -> ProblemKind {
    use ProblemKind as K;
    match rule {
        "alreadyExists" => K::AlreadyExists,
        "modelInUse" => K::InUse,
        "modelNotFound" => K::NotFound,
        "inlineInterface" => K::Unsupported,
        "unresolvedReference" => K::Unresolved,
        "duplicateDefinition"
        | "notJsonObject"
        | "invalidJson"
        | "duplicateKey"
        | "nestingTooDeep" => K::Json,
        "partitionTooLarge" | "moreProblems" | "excessiveCount" | "objectCountAboveMax" => K::Limit,
        "typeNotRootable" | "badType" | "multipleMaterialTypes" => K::Type,
        _ if rule.contains("ontext") || rule.contains("erm") => K::Context,
        _ if rule.contains("Cotype") || rule.starts_with("type") || rule.contains("Cocotype") => {
            K::Type
        }
        _ if rule.starts_with("excessive") || rule.starts_with("recursive") => K::Hierarchy,
        "excludedType" | "nonUniqueImportedPropertyValue" => K::Hierarchy,
        "crossPartitionReference"
        | "wrongParent"
        | "disallowedVersionReference"
        | "undefinedReservedId"
        | "badDtmiOrTerm"
        | "notRequiredType"
        | "notRequiredValue" => K::Reference,
        _ if rule.contains("Id") && !rule.contains("Identifier") && !rule.contains("Object") => {
            K::Identifier
        }
        _ if rule.starts_with("missing")
            || rule.starts_with("property")
            || rule == "duplicatePropertyName"
            || rule == "noTypeThatAllows"
            || rule == "inferredTypeDoesNotAllow" =>
        {
            K::Property
        }
        _ => K::Value,
    }
}

impl Problems {
    /// The problems, in the order in which they were found.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }

    pub(crate) fn push(&mut self, problem: Problem) {
        // A hopeless document must not fill the memory with its problems.
        const MOST: usize = 10_000;
        match self.0.len() {
            count if count + 1 < MOST => self.0.push(problem),
            count if count < MOST => {
                let message = "There are more problems than are listed. Mend these first.";
                self.0.push(Problem::new("moreProblems", message));
            }
            _ => {}
        }
    }

    pub(crate) fn into_result(self) -> Result<(), Self> {
        if self.0.is_empty() { Ok(()) } else { Err(self) }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(model) = &self.model {
            write!(f, "{model}")?;
            match self.path() {
                Some(path) => write!(f, " {path}: ")?,
                None => write!(f, ": ")?,
            }
        }
        write!(f, "{} ({})", self.message, self.rule())
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, problem) in self.0.iter().enumerate() {
            if position > 0 {
                writeln!(f)?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
