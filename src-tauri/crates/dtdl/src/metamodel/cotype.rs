//! Supplemental types: semantic types, units, and the types of extensions, given beside a class.

use indexmap::IndexMap;
use serde::Deserialize;

use super::{Literal, Pattern};

#[derive(Deserialize, Default)]
pub(super) struct Tables {
    types: Vec<Cotype>,
    quantities: Vec<Quantities>,
}

/// Semantic types that differ only in the family of their unit.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Quantities {
    parent: String,
    versions: Vec<u8>,
    cotypes: Vec<String>,
    unit_property: String,
    /// The class of a unit; absent where the family itself is the class.
    class: Option<String>,
    /// The pattern of the identifiers of the types.
    #[serde(rename = "type")]
    pattern: String,
    /// The pattern of the identifiers of the families.
    family: String,
    quantities: IndexMap<String, String>,
}

/// What sort of type it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) enum CotypeKind {
    None,
    SemanticType,
    SemanticUnit,
    Unit,
    UnitAttribute,
    AdjunctType,
    LatentType,
    NamedLatentType,
}

/// A supplemental type.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Cotype {
    pub(crate) id: String,
    pub(crate) kind: CotypeKind,
    #[serde(default, rename = "abstract")]
    pub(crate) is_abstract: bool,
    pub(crate) parent: Option<String>,
    /// The versions of DTDL in which it may be used.
    #[serde(default)]
    pub(crate) versions: Vec<u8>,
    /// The classes beside which it may stand.
    #[serde(default)]
    pub(crate) cotypes: Vec<String>,
    /// Types that must stand beside it too.
    #[serde(default)]
    pub(crate) cocotypes: Vec<String>,
    /// Types that may not.
    #[serde(default)]
    pub(crate) discotypes: Vec<String>,
    /// Types beside any of which it may stand whatever the class.
    #[serde(default)]
    pub(crate) altcotypes: Vec<String>,
    #[serde(default)]
    pub(crate) constraints: Vec<Constraint>,
    #[serde(default)]
    pub(crate) siblings: Vec<Sibling>,
    #[serde(default)]
    pub(crate) properties: Vec<CotypeProperty>,
}

/// A demand on the values of a property of the element, or on its parent.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Constraint {
    pub(crate) property: String,
    /// The value must be of one of these.
    #[serde(default)]
    pub(crate) types: Vec<String>,
    /// The value must be one of these.
    #[serde(default)]
    pub(crate) values: Vec<String>,
    /// It is the parent, by that property, that must be of one of the types.
    #[serde(default)]
    pub(crate) inverse: bool,
    /// No other value of the parent's property may be of this type.
    pub(crate) none_other: Option<String>,
    /// Some other value of the parent's property must be of this type.
    pub(crate) some_other: Option<String>,
    pub(crate) sibling_key: Option<String>,
    pub(crate) sibling_keyref: Option<String>,
    /// The value must be the class of that property of the sibling.
    pub(crate) sibling_class_of: Option<String>,
    /// The value must be the parent of the values of that property of the sibling.
    pub(crate) sibling_parent_of: Option<String>,
}

/// A demand on another element of the same parent, found by a key.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Sibling {
    pub(crate) key: String,
    pub(crate) keyref: String,
    #[serde(default)]
    pub(crate) types: Vec<String>,
    pub(crate) disallowed: Option<String>,
    /// The property whose value may refer to the same sibling once.
    pub(crate) unique: Option<String>,
    /// The property whose value names a property that the sibling must have from a supplemental type.
    pub(crate) path: Option<String>,
}

/// A property that a supplemental type adds.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CotypeProperty {
    pub(crate) id: String,
    #[serde(rename = "type")]
    literal: Option<Literal>,
    class: Option<String>,
    #[serde(default)]
    pub(crate) optional: bool,
    #[serde(default)]
    pub(crate) plural: bool,
    pub(crate) min: Option<usize>,
    pub(crate) max: Option<usize>,
    pub(crate) max_length: Option<usize>,
    pub(crate) pattern: Option<Pattern>,
    pub(crate) min_value: Option<i64>,
    pub(crate) max_value: Option<i64>,
    /// The element in which the value must be defined.
    pub(crate) child_of: Option<String>,
    #[serde(default)]
    pub(crate) unique_value: bool,
}

/// What the values of a property of a supplemental type are.
pub(crate) enum CotypeValue<'a> {
    Literal(Literal),
    /// Elements of this class or supplemental type.
    Object(&'a str),
}

impl CotypeProperty {
    pub(crate) fn value(&self) -> CotypeValue<'_> {
        match (&self.literal, &self.class) {
            (Some(literal), _) => CotypeValue::Literal(*literal),
            (None, Some(class)) => CotypeValue::Object(class),
            (None, None) => CotypeValue::Literal(Literal::Iri),
        }
    }
}

impl Tables {
    pub(super) fn expanded(self) -> Vec<Cotype> {
        let quantities = self.quantities.into_iter().flat_map(Quantities::expanded);
        self.types.into_iter().chain(quantities).collect()
    }
}

impl Quantities {
    fn expanded(self) -> impl Iterator<Item = Cotype> {
        let Self { parent, versions, cotypes, unit_property, class, pattern, family, quantities } =
            self;
        quantities.into_iter().map(move |(name, units)| {
            let units = family.replace("{}", &units);
            Cotype {
                id: pattern.replace("{}", &name),
                kind: CotypeKind::SemanticType,
                is_abstract: false,
                parent: Some(parent.clone()),
                versions: versions.clone(),
                cotypes: cotypes.clone(),
                cocotypes: Vec::new(),
                discotypes: Vec::new(),
                altcotypes: Vec::new(),
                constraints: Vec::new(),
                siblings: Vec::new(),
                properties: vec![CotypeProperty {
                    id: unit_property.clone(),
                    literal: None,
                    child_of: class.as_ref().map(|_| units.clone()),
                    class: Some(class.clone().unwrap_or(units)),
                    optional: false,
                    plural: false,
                    min: None,
                    max: None,
                    max_length: None,
                    pattern: None,
                    min_value: None,
                    max_value: None,
                    unique_value: false,
                }],
            }
        })
    }
}
