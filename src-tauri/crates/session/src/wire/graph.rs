//! The graph as the page draws it.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// The graph, or what changed in it.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct GraphDelta {
    /// The session that it belongs to.
    pub session: u32,
    /// The version that it leads to; to be handed back as `since`.
    #[ts(type = "number")]
    pub version: u64,
    /// Whether this is all there is, in place of what the page has.
    pub start_over: bool,
    /// The kinds of twins; `null` where they did not change.
    pub kinds: Option<Vec<Kind>>,
    /// The names of relationships; `null` where they did not change.
    pub relationship_names: Option<Vec<RelationshipName>>,
    /// Twins that are new or changed.
    pub twins: Vec<TwinNode>,
    /// Ids of twins that are gone.
    pub removed_twins: Vec<String>,
    /// Relationships that are new or changed.
    pub relationships: Vec<RelationshipEdge>,
    /// Keys of relationships that are gone.
    pub removed_relationships: Vec<String>,
    /// The frames around what one twin contains; `null` where they did not change.
    pub frames: Option<Vec<Frame>>,
}

/// The shape of a kind of twin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum Shape {
    /// What contains: buildings, floors. 40 × 34.
    Hexagon,
    /// What has parts: rooms. 72 × 32.
    Rectangle,
    /// What has none: devices. 36 × 36.
    Circle,
}

/// A kind of twin: a model of which there are twins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Kind {
    /// The DTMI.
    pub model: String,
    /// Its display name, or the last part of the DTMI.
    pub name: String,
    /// How it is drawn.
    pub shape: Shape,
    /// How many twins there are.
    pub count: u32,
    /// The property whose value stands on the node, if it has one.
    pub value_property: Option<String>,
    /// The unit of that value as it is written (`°C`), or empty.
    pub unit: String,
}

/// A name of relationships.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct RelationshipName {
    /// `$relationshipName`.
    pub name: String,
    /// How many there are.
    pub count: u32,
    /// Whether it contains: its targets are laid out with their source. Where the source has a
    /// frame the drawing shows it as containment, else as a line.
    pub contains: bool,
}

/// A twin on the drawing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct TwinNode {
    /// `$dtId`.
    pub id: String,
    /// Index into `kinds` of the same or an earlier answer.
    pub kind: u32,
    /// Name for people, where the twin has one.
    pub name: Option<String>,
    /// Centre, in drawing units (pixels at 100 %); y grows downwards.
    pub x: f32,
    /// See `x`.
    pub y: f32,
    /// Whether a person put it there.
    pub pinned: bool,
    /// The twin that contains it, if one does.
    pub parent: Option<String>,
    /// The value that stands on it, if it is a number.
    pub value: Option<f64>,
    /// When it last changed, ms since the Unix epoch.
    pub updated: f64,
}

/// A relationship on the drawing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct RelationshipEdge {
    /// `<source>/<relationship id>`, unique in the graph.
    pub key: String,
    /// Source twin.
    pub source: String,
    /// Target twin.
    pub target: String,
    /// `$relationshipName`.
    pub name: String,
}

/// A frame around what one twin contains.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Frame {
    /// The twin that contains.
    pub twin: String,
    /// Left edge.
    pub x: f32,
    /// Upper edge.
    pub y: f32,
    /// Width.
    pub width: f32,
    /// Height.
    pub height: f32,
}

/// Where a twin goes.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// `$dtId`.
    pub id: String,
    /// Its centre; `null` to have it laid out again.
    pub at: Option<[f32; 2]>,
}

/// A twin that a search found.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct SearchHit {
    /// `$dtId`.
    pub id: String,
    /// Name for people, where the twin has one.
    pub name: Option<String>,
    /// The model's display name.
    pub model: String,
}
