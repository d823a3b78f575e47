//! Material classes: what elements are, which properties they have, and the limits of each.

use serde::Deserialize;

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub(super) struct Tables {
    pub(super) material_types: Vec<String>,
    pub(super) classes: Vec<Class>,
    pub(super) controls: Vec<Control>,
}

/// A class of elements.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Class {
    pub(crate) name: String,
    pub(crate) parent: Option<String>,
    pub(crate) versions: Vec<u8>,
    #[serde(default, rename = "abstract")]
    pub(crate) is_abstract: bool,
    /// Models don't name it as a `@type`.
    #[serde(default)]
    pub(crate) covert: bool,
    /// Its elements are given by the language, models only refer to them.
    #[serde(default)]
    pub(crate) elemental: bool,
    pub(crate) properties: Vec<Property>,
}

/// A property of a class, inherited ones included.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Property {
    pub(crate) name: String,
    /// Absent where the value is an element.
    pub(crate) literal: Option<Literal>,
    #[serde(default)]
    pub(crate) plural: bool,
    #[serde(default)]
    pub(crate) optional: bool,
    /// The property of the value that implicit identifiers are made of.
    pub(crate) segment: Option<String>,
    v2: Option<Rule>,
    v3: Option<Rule>,
}

/// What a literal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) enum Literal {
    #[serde(rename = "string")]
    String,
    #[serde(rename = "integer")]
    Integer,
    #[serde(rename = "decimal")]
    Decimal,
    #[serde(rename = "boolean")]
    Boolean,
    #[serde(rename = "langString")]
    LangString,
    #[serde(rename = "duration")]
    Duration,
    /// A DTMI that refers to nothing in particular.
    #[serde(rename = "dtmi")]
    Dtmi,
    /// Any IRI or term.
    #[serde(rename = "iri")]
    Iri,
    /// A string, a number or a boolean.
    #[serde(rename = "any")]
    Any,
    #[serde(rename = "JSON")]
    Json,
}

/// What a text must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Pattern {
    /// A name in code: a letter, then letters, digits and underscores, no underscore at the end.
    Name,
    /// A DTMI as the version of the language takes it.
    Dtmi,
    /// A topic of MQTT with tokens in braces.
    Topic,
    /// A group of shared subscriptions of MQTT.
    Group,
}

/// What one version of the language demands of a property.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Rule {
    pub(crate) class: Option<String>,
    pub(crate) min: Option<usize>,
    pub(crate) max: Option<usize>,
    pub(crate) max_length: Option<usize>,
    pub(crate) pattern: Option<Pattern>,
    #[serde(default)]
    pub(crate) id_required: bool,
    #[serde(default)]
    pub(crate) type_optional: bool,
    /// The versions of the language in which the value may be written.
    #[serde(default)]
    pub(crate) versions: Vec<u8>,
    /// The only elements that may be referred to.
    #[serde(default)]
    pub(crate) values: Vec<String>,
    /// The properties by which values must differ.
    #[serde(default)]
    pub(crate) unique: Vec<String>,
    pub(crate) min_value: Option<i64>,
    pub(crate) max_value: Option<i64>,
}

/// How a parent refers to an element.
#[derive(Clone, Copy)]
pub(crate) struct ObjectRule {
    pub(crate) class: &'static str,
    pub(crate) segment: Option<&'static str>,
    pub(crate) plural: bool,
    pub(crate) min: usize,
    pub(crate) id_required: bool,
    pub(crate) type_optional: bool,
    pub(crate) versions: &'static [u8],
}

/// A rule over descendants: how deep, how many, which not.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Control {
    pub(crate) version: u8,
    /// The class at which it starts.
    pub(crate) root: String,
    /// The properties that count.
    pub(crate) properties: Vec<String>,
    /// Only those properties are followed, else all are.
    #[serde(default)]
    pub(crate) narrow: bool,
    pub(crate) max_depth: Option<usize>,
    pub(crate) max_count: Option<usize>,
    /// A class that may not be among the descendants.
    pub(crate) exclude: Option<String>,
    /// The property that says of what type the values must be.
    pub(crate) datatype: Option<String>,
}

impl Literal {
    /// True for identifiers of nothing in particular.
    pub(crate) fn is_identifier(self) -> bool {
        matches!(self, Self::Dtmi | Self::Iri)
    }
}

impl Class {
    /// The property that a key of a JSON object names in `version`, by its term or its identifier.
    pub(crate) fn property(
        &'static self,
        key: &str,
        version: u8,
    ) -> Option<(&'static Property, &'static Rule)> {
        let name = match key.strip_prefix("dtmi:dtdl:property:") {
            Some(rest) => rest
                .split_once(';')
                .filter(|(_, given)| *given == if version == 2 { "2" } else { "3" })
                .map(|(name, _)| name)?,
            None => key,
        };
        let property = self.properties.iter().find(|property| property.name == name)?;
        property.rule(version).map(|rule| (property, rule))
    }
}

impl Property {
    /// The rule of that version; `None` where the version has no such property.
    pub(crate) fn rule(&self, version: u8) -> Option<&Rule> {
        match version {
            2 => self.v2.as_ref(),
            3 => self.v3.as_ref(),
            _ => None,
        }
    }
}
