//! The graph as the page draws it.

use super::columns::columns;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What a [`GraphMessage`] says beside its columns.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct GraphHead {
    /// The session that it belongs to.
    pub session: u32,
    /// The revision that it leads to; to be handed back as `since`.
    #[ts(type = "number")]
    pub revision: u64,
    /// Whether this is all there is, in place of what the page has.
    pub start_over: bool,
    /// How far the layout is, from 0 to 1, while it is at work: more moves will come.
    pub arranging: Option<f32>,
    /// The kinds of twins, a kind keeps its place in a session; `null` where they did not change.
    pub kinds: Option<Vec<Kind>>,
    /// The names of relationships, a name keeps its place in a session; `null` where they did not
    /// change.
    pub relationship_names: Option<Vec<RelationshipName>>,
    /// Whether `frame_row` and `frame_place` are all frames there are now.
    pub frames: bool,
}

columns! {
    /// The graph, or what changed in it.
    ///
    /// Twins and relationships stand in rows. A row keeps its twin while the twin is there, and a
    /// freed row is taken again, so that what the page draws from can be changed in place.
    pub struct GraphMessage {
        /// All that is no column.
        pub head: GraphHead,
        /// Rows of twins that are gone; to be freed before anything else is read.
        pub gone_row: u32,
        /// Rows of twins that are new, or whose id, kind, name or parent changed.
        pub twin_row: u32,
        /// Its index into `kinds`.
        pub twin_kind: u16,
        /// The row of the twin that contains it, or `NO_ROW`.
        pub twin_parent: u32,
        /// `$dtId`.
        pub twin_id: texts,
        /// Its name for people, or empty.
        pub twin_name: texts,
        /// Rows of twins whose place or flags changed, all new ones among them.
        pub place_row: u32,
        /// Two each: the centre, in drawing units (pixels at 100 %); y grows downwards.
        pub place: f32,
        /// Bits: 1 a person put it there, 2 it has no place yet and is not drawn.
        pub place_flags: u8,
        /// Rows of twins that changed, all new ones among them.
        pub value_row: u32,
        /// The value that stands on it, or not a number.
        pub value: f64,
        /// When the twin last changed, ms since the Unix epoch.
        pub value_updated: f64,
        /// Rows of relationships that are gone; to be freed before the next are read.
        pub gone_edge_row: u32,
        /// Rows of relationships that are new or changed.
        pub edge_row: u32,
        /// Two each: the rows of source and target.
        pub edge_ends: u32,
        /// Its index into `relationshipNames`.
        pub edge_name: u16,
        /// Rows of twins that have a frame around all that they contain, outer ones first.
        pub frame_row: u32,
        /// Four each: left, top, width, height.
        pub frame_place: f32,
    }
}

/// What a [`PropertyMessage`] says beside its columns.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct PropertyHead {
    /// The values that are no numbers.
    pub labels: Vec<String>,
}

columns! {
    /// One property of every twin that has it set.
    pub struct PropertyMessage {
        /// All that is no column.
        pub head: PropertyHead,
        /// The twin's row in the graph.
        pub row: u32,
        /// Its value, or not a number.
        pub number: f64,
        /// Its value's index into `labels`, or `NO_ROW`.
        pub label: u32,
    }
}

/// No row: the parent of what nothing contains.
pub const NO_ROW: u32 = u32::MAX;
/// A flag of a place: a person put the twin there.
pub const PINNED: u8 = 1;
/// A flag of a place: the layout has not come to the twin yet.
pub const UNPLACED: u8 = 2;

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

impl Shape {
    /// The shape of what contains so many levels.
    pub(crate) fn of_level(level: u32) -> Self {
        match level {
            0 => Self::Circle,
            1 => Self::Rectangle,
            _ => Self::Hexagon,
        }
    }

    /// Width and height, in drawing units.
    pub(crate) fn size(self) -> (f32, f32) {
        match self {
            Self::Hexagon => (40.0, 34.0),
            Self::Rectangle => (72.0, 32.0),
            Self::Circle => (36.0, 36.0),
        }
    }
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
    /// How many levels its twins contain at most; the order of kinds for people is from high to
    /// low.
    pub level: u32,
    /// The property whose value stands on the node, if it has one.
    pub value_property: Option<String>,
    /// The unit of that value as it is written (`°C`), or empty.
    pub unit: String,
    /// The names of its properties whose values are numbers, words or truths.
    pub properties: Vec<String>,
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

/// How the graph is laid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum LayoutMethod {
    /// As a hierarchy where there is one, else by force.
    #[default]
    Auto,
    /// What contains is a frame around what it contains.
    Hierarchy,
    /// What is related stands together.
    Force,
    /// Every relationship goes downwards.
    Layered,
    /// What contains most in the middle, the rest in rings around it.
    Radial,
    /// A block for each model.
    ByModel,
    /// Where the workspace's floor plan says.
    FloorPlan,
}

/// Which way to follow relationships.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum Follow {
    /// From source to target.
    Outgoing,
    /// From target to source.
    Incoming,
    /// Both ways.
    Both,
}

/// From which twins on, and how far, relationships are followed.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Neighbourhood {
    /// `$dtId` of each twin to begin at.
    pub from: Vec<String>,
    /// How many relationships away at most.
    pub levels: u32,
    /// Which way.
    pub follow: Follow,
    /// Only relationships of these names; all where absent.
    pub names: Option<Vec<String>>,
    /// At most so many twins are answered.
    pub limit: u32,
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
