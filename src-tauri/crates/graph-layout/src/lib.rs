//! Positions for a twin graph: deterministic, incremental, stable.
//!
//! What contains is drawn as a frame around what it contains, like the section of a building:
//! floors stand on each other, their rooms in rows, and what hangs on a room hangs below it.
//! [`layout`] draws a graph afresh; [`layout_with`] keeps what has a position and finds a free
//! place near its parent for what is new. Both are pure functions of O(n log n).
//!
//! All lengths are drawing units (pixels at 100 %), y grows downwards, and what is placed stands
//! on a grid of 4.

mod forest;
mod frames;
mod natural;
mod place;
mod plan;
mod space;

pub use forest::find_hierarchy;
pub use natural::natural_order;

use forest::Forest;

/// A point: x to the right, y downwards.
pub type Point = [f32; 2];

/// Positions by node index; `None`, or nothing at the end, where there is none.
pub type Positions = Vec<Option<Point>>;

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
    let contains = match input.contains {
        Some(names) => sorted(names),
        None => find_hierarchy(input.nodes.len(), input.edges),
    };
    let forest = Forest::new(input.nodes, input.edges, &contains);
    let plan = plan::plan(input.nodes, &forest);
    let centres = place::settle(&forest, &plan, input.pinned, previous);
    let frames = frames::frames(&forest, &plan, &centres);
    Layout { centres, parents: forest.parents(), frames, contains }
}

fn sorted(names: &[u32]) -> Vec<u32> {
    let mut names = names.to_vec();
    names.sort_unstable();
    names.dedup();
    names
}
