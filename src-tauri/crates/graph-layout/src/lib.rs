//! Positions for a twin graph: deterministic, incremental, stable.
//!
//! [`Method`] says how a graph may be laid out. By itself it is a [`Method::Hierarchy`], where one
//! holds at least half of what is related, or else by [`Method::Force`].
//!
//! [`Run`] does the work in slices, so that it can be shown and stopped; [`layout`] and
//! [`layout_with`] do all of it. What has a position keeps it, and what is new finds a place near
//! what it belongs to. Everything is a function of its input, of O(n log n); a seed makes the
//! difference between equally good layouts by force.
//!
//! All lengths are drawing units (pixels at 100 %), y grows downwards, and what is placed stands
//! on a grid of 4.

mod floors;
mod force;
mod forces;
mod forest;
mod frames;
mod layered;
mod natural;
mod pack;
mod place;
mod plan;
mod radial;
mod run;
mod space;

pub use floors::Area;
pub use forest::find_hierarchy;
pub use natural::natural_order;
pub use run::Run;

/// A point: x to the right, y downwards.
pub type Point = [f32; 2];

/// Positions by node index; `None`, or nothing at the end, where there is none.
pub type Positions = Vec<Option<Point>>;

/// How a graph is laid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// As a hierarchy where there is one, else by force.
    #[default]
    Auto,
    /// What contains is a frame around what it contains, like the section of a building: floors
    /// stand on each other, their rooms in rows, and what hangs on a room hangs below it.
    Hierarchy,
    /// Links pull, everything pushes: what is related stands together.
    Force,
    /// Every relationship goes downwards.
    Layered,
    /// What contains most in the middle, what it leads to in rings around it.
    Radial,
    /// A block for each kind, in natural order.
    ByModel,
    /// Where [`Input::areas`] says, what is contained within.
    FloorPlan,
}

/// A node to place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Node<'a> {
    /// Orders siblings, numbers in it by value (`Room_2` before `Room_10`): the id or a label.
    pub key: &'a str,
    /// Nodes of one kind are drawn alike and, where nothing contains them, stand together.
    pub kind: u32,
    /// Width of its shape.
    pub width: f32,
    /// Height of its shape.
    pub height: f32,
}

/// A relationship. One with an end that is not a node is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// Index of the source node; where the relationship contains, the one that contains.
    pub source: u32,
    /// Index of the target node.
    pub target: u32,
    /// Which of the relationship names it has.
    pub name: u32,
}

/// What to lay out.
#[derive(Clone, Copy, Debug, Default)]
pub struct Input<'a> {
    /// The nodes; their order does not matter beyond naming them.
    pub nodes: &'a [Node<'a>],
    /// The relationships.
    pub edges: &'a [Edge],
    /// The names of relationships that contain; where absent, [`find_hierarchy`] chooses.
    pub contains: Option<&'a [u32]>,
    /// Where a person put a node: there it stays.
    pub pinned: &'a [Option<Point>],
    /// How it is laid out.
    pub method: Method,
    /// Which of the equally good layouts by force.
    pub seed: u64,
    /// Where nodes are on a floor plan.
    pub areas: &'a [Option<Area>],
}

/// A frame around a node and all that it contains.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frame {
    /// The node that contains.
    pub node: u32,
    /// Left edge.
    pub x: f32,
    /// Upper edge.
    pub y: f32,
    /// Width.
    pub width: f32,
    /// Height.
    pub height: f32,
}

/// Where everything is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layout {
    /// The centre of each node.
    pub centres: Vec<Point>,
    /// The node that contains each node, if one does.
    pub parents: Vec<Option<u32>>,
    /// The frames, outer ones before those within.
    pub frames: Vec<Frame>,
    /// The names of relationships that contain, as given or as found, ascending.
    pub contains: Vec<u32>,
}

/// Lays a graph out afresh; only pinned nodes stay where they are.
pub fn layout(input: &Input<'_>) -> Layout {
    layout_with(input, &Positions::new())
}

/// Lays out what has no position yet; everything else keeps the position that it had.
///
/// A pin goes before a previous position. A position that is not a number, or more than a million
/// units out, counts as none.
pub fn layout_with(input: &Input<'_>, previous: &Positions) -> Layout {
    Run::new(input, previous).finish()
}
