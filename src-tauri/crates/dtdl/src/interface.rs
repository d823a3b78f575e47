//! Interfaces as others use them: resolved, with all contents and where each comes from.

use std::{collections::BTreeMap, sync::Arc};

use indexmap::IndexMap;

use crate::Schema;

/// A text in several languages, by BCP 47 tag.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LocalizedText(pub BTreeMap<String, String>);

impl LocalizedText {
    /// The text in `language`, else in its base language, else in English, else in any.
    pub fn get(&self, language: &str) -> Option<&str> {
        self.exact(language)
            .or_else(|| self.by_base(base(language)))
            .or_else(|| self.by_base("en"))
            .or_else(|| self.0.values().next().map(String::as_str))
    }

    /// True where there is no text in any language.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn exact(&self, language: &str) -> Option<&str> {
        self.0.get(language).map(String::as_str)
    }

    fn by_base(&self, wanted: &str) -> Option<&str> {
        self.exact(wanted).or_else(|| {
            self.0.iter().find(|(tag, _)| base(tag) == wanted).map(|(_, text)| text.as_str())
        })
    }
}

fn base(tag: &str) -> &str {
    tag.split('-').next().unwrap_or(tag)
}

/// A model: a DTDL interface with everything it inherits.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Interface {
    /// Its DTMI.
    pub id: Arc<str>,
    /// The version of DTDL that it is written in, 2 or 3.
    pub dtdl_version: u8,
    /// Its name for people.
    pub display_name: LocalizedText,
    /// What it stands for.
    pub description: LocalizedText,
    /// A note for the authors of models.
    pub comment: Option<String>,
    /// Its own contents in the order of the document, then the inherited ones.
    pub contents: IndexMap<Arc<str>, Arc<Content>>,
    /// The interfaces that it extends directly.
    pub extends: Vec<Arc<str>>,
    /// The document as stored: what the service answers as the `model` of a model.
    pub document: Arc<serde_json::Value>,
}

/// One element of the contents of an interface, or a property of a relationship.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Content {
    /// The name in code and in twins.
    pub name: Arc<str>,
    /// The DTMI of the interface that declares it.
    pub origin: Arc<str>,
    /// Its name for people.
    pub display_name: LocalizedText,
    /// What it stands for.
    pub description: LocalizedText,
    /// A note for the authors of models.
    pub comment: Option<String>,
    /// Semantic and adjunct types by their short names, for example `Temperature` or `Historized`.
    pub semantic_types: Vec<Arc<str>>,
    /// The unit by its short name, for example `degreeCelsius`.
    pub unit: Option<Arc<str>>,
    /// What it is.
    pub kind: ContentKind,
}

/// What a content is.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ContentKind {
    /// State of a twin.
    Property {
        /// The values that it takes.
        schema: Arc<Schema>,
        /// Whether a device's twin takes it from outside. Azure Digital Twins ignores it.
        writable: bool,
    },
    /// A stream of messages.
    Telemetry {
        /// The values that it sends.
        schema: Arc<Schema>,
    },
    /// An operation of a device. Azure Digital Twins stores but never runs it.
    Command {
        /// What it takes.
        request: Option<Payload>,
        /// What it answers.
        response: Option<Payload>,
    },
    /// An edge to other twins.
    Relationship(Relationship),
    /// A part of the twin, described by another interface.
    Component {
        /// The DTMI of that interface.
        interface: Arc<str>,
    },
}

/// The request or the response of a command.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Payload {
    /// Its name in code.
    pub name: Arc<str>,
    /// The values that it takes.
    pub schema: Arc<Schema>,
    /// Its name for people.
    pub display_name: LocalizedText,
}

/// What relationships of one name may look like.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Relationship {
    /// The DTMI of the interface that a target must be or extend; any twin where absent.
    pub target: Option<Arc<str>>,
    /// How many there must be at least.
    pub min_multiplicity: Option<u64>,
    /// How many there may be at most.
    pub max_multiplicity: Option<u64>,
    /// Whether its properties may be written.
    pub writable: bool,
    /// The properties of the relationship itself.
    pub properties: IndexMap<Arc<str>, Arc<Content>>,
}

/// A property or telemetry of an interface, with its schema at hand.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Valued<'a> {
    /// The content itself.
    pub content: &'a Content,
    /// The values that it takes.
    pub schema: &'a Arc<Schema>,
    /// Whether it is a writable property; false for telemetry.
    pub writable: bool,
}

impl Interface {
    /// The property of that name, inherited or not.
    pub fn property(&self, name: &str) -> Option<Valued<'_>> {
        self.contents.get(name).and_then(|content| content.as_property())
    }

    /// The telemetry of that name.
    pub fn telemetry(&self, name: &str) -> Option<Valued<'_>> {
        let content = self.contents.get(name)?;
        match &content.kind {
            ContentKind::Telemetry { schema } => Some(Valued { content, schema, writable: false }),
            _ => None,
        }
    }

    /// The relationship of that name.
    pub fn relationship(&self, name: &str) -> Option<&Relationship> {
        match &self.contents.get(name)?.kind {
            ContentKind::Relationship(relationship) => Some(relationship),
            _ => None,
        }
    }

    /// The DTMI of the interface of the component of that name.
    pub fn component(&self, name: &str) -> Option<&Arc<str>> {
        match &self.contents.get(name)?.kind {
            ContentKind::Component { interface } => Some(interface),
            _ => None,
        }
    }
}

impl Content {
    /// This content as a property, where it is one.
    pub fn as_property(&self) -> Option<Valued<'_>> {
        match &self.kind {
            ContentKind::Property { schema, writable } => {
                Some(Valued { content: self, schema, writable: *writable })
            }
            _ => None,
        }
    }
}
