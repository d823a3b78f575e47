//! Schemas: the shapes of values.

use std::{collections::HashSet, sync::Arc};

use indexmap::IndexMap;

use crate::LocalizedText;

/// The shape of a value. `Schema::check` says what is wrong with one.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Schema {
    /// `true` or `false`.
    Boolean,
    /// A whole number of 4 bytes.
    Integer,
    /// A whole number of 8 bytes.
    Long,
    /// A finite number of 4 bytes.
    Float,
    /// A finite number of 8 bytes.
    Double,
    /// A full-date of RFC 3339.
    Date,
    /// A date-time of RFC 3339, offset included.
    DateTime,
    /// A duration of ISO 8601.
    Duration,
    /// A full-time of RFC 3339, offset included.
    Time,
    /// Text.
    String,
    /// A geometry of GeoJSON.
    Geospatial(Geometry),
    /// Named fields, each of its own schema.
    Object(Object),
    /// Any number of entries of one schema.
    Map(Map),
    /// One of a set of values.
    Enum(Enum),
    /// A sequence of values of one schema.
    Array {
        /// The schema of each.
        element: Arc<Schema>,
    },
}

/// The geometries that DTDL knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Geometry {
    /// One position.
    Point,
    /// Positions.
    MultiPoint,
    /// At least two positions.
    LineString,
    /// Lines.
    MultiLineString,
    /// Rings.
    Polygon,
    /// Polygons.
    MultiPolygon,
}

/// A schema with named fields.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Object {
    /// The fields by name, in the order of the document.
    pub fields: IndexMap<Arc<str>, Field>,
}

/// One field of an object.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Field {
    /// Its schema.
    pub schema: Arc<Schema>,
    /// Its name for people.
    pub display_name: LocalizedText,
    /// What it stands for.
    pub description: LocalizedText,
    /// Semantic and adjunct types by their short names.
    pub semantic_types: Vec<Arc<str>>,
    /// The unit by its short name.
    pub unit: Option<Arc<str>>,
    /// Whether a value must have it (the `Required` type of the requirement extension).
    pub required: bool,
}

/// A schema of entries by key. Keys are strings.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Map {
    /// What a key is called.
    pub key_name: Arc<str>,
    /// What a value is called.
    pub value_name: Arc<str>,
    /// The schema of each value.
    pub value: Arc<Schema>,
}

/// A schema of a fixed set of values.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Enum {
    /// `Schema::Integer` or `Schema::String`.
    pub value_schema: Arc<Schema>,
    /// The values, in the order of the document.
    pub values: Vec<EnumValue>,
    known: HashSet<EnumKey>,
}

/// Enums may be long, and are looked up for every value of a twin.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum EnumKey {
    Integer(i64),
    String(String),
}

impl Enum {
    pub(crate) fn new(value_schema: Arc<Schema>, values: Vec<EnumValue>) -> Self {
        let known = values.iter().filter_map(|value| EnumKey::of(&value.value)).collect();
        Self { value_schema, values, known }
    }

    /// True where `value` is one of its values.
    pub fn contains(&self, value: &serde_json::Value) -> bool {
        EnumKey::of(value).is_some_and(|key| self.known.contains(&key))
    }
}

impl EnumKey {
    fn of(value: &serde_json::Value) -> Option<Self> {
        match value {
            serde_json::Value::String(text) => Some(Self::String(text.clone())),
            other => other.as_i64().map(Self::Integer),
        }
    }
}

/// One value of an enum.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct EnumValue {
    /// Its name in code.
    pub name: Arc<str>,
    /// Its name for people.
    pub display_name: LocalizedText,
    /// What a twin holds: an integer or a string.
    pub value: serde_json::Value,
}

impl Schema {
    /// The name in DTDL: `double`, `point`, `Object` and so on.
    pub fn name(&self) -> &str {
        match self {
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::Long => "long",
            Self::Float => "float",
            Self::Double => "double",
            Self::Date => "date",
            Self::DateTime => "dateTime",
            Self::Duration => "duration",
            Self::Time => "time",
            Self::String => "string",
            Self::Geospatial(geometry) => geometry.name(),
            Self::Object(_) => "Object",
            Self::Map(_) => "Map",
            Self::Enum(_) => "Enum",
            Self::Array { .. } => "Array",
        }
    }

    /// True for the numbers.
    pub fn is_numeric(&self) -> bool {
        matches!(self, Self::Integer | Self::Long | Self::Float | Self::Double)
    }
}

impl Geometry {
    pub(crate) const ALL: [Self; 6] = [
        Self::Point,
        Self::MultiPoint,
        Self::LineString,
        Self::MultiLineString,
        Self::Polygon,
        Self::MultiPolygon,
    ];

    /// The name of the schema in DTDL.
    pub fn name(self) -> &'static str {
        match self {
            Self::Point => "point",
            Self::MultiPoint => "multiPoint",
            Self::LineString => "lineString",
            Self::MultiLineString => "multiLineString",
            Self::Polygon => "polygon",
            Self::MultiPolygon => "multiPolygon",
        }
    }

    /// The `type` of a GeoJSON object of this geometry.
    pub fn geo_json_type(self) -> &'static str {
        match self {
            Self::Point => "Point",
            Self::MultiPoint => "MultiPoint",
            Self::LineString => "LineString",
            Self::MultiLineString => "MultiLineString",
            Self::Polygon => "Polygon",
            Self::MultiPolygon => "MultiPolygon",
        }
    }

    /// How many arrays hold a position.
    pub(crate) fn depth(self) -> usize {
        match self {
            Self::Point => 0,
            Self::MultiPoint | Self::LineString => 1,
            Self::MultiLineString | Self::Polygon => 2,
            Self::MultiPolygon => 3,
        }
    }
}
