//! Links pull, everything pushes: for graphs, or parts of them, in which nothing contains.
//!
//! The graph is made smaller until it is tiny, the tiny one is laid out, and each larger one
//! begins where the one before left off (many levels, after Walshaw and Hu). Pushes are summed by
//! a tree (Barnes and Hut). A link pulls with the square root of its length, less than a spring
//! does: what is linked closely stays together and long links may be long, which keeps three to
//! five times as many neighbours together as springs do (`make bench-layout`). Each connected part
//! is laid out by itself.

mod coarsen;
mod dice;
mod links;
mod part;
mod relax;
mod repulsion;
mod separate;

pub(crate) use links::Links;
pub(crate) use part::Part;
pub(crate) use separate::separate;
