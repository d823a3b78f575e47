//! Opens a workspace or a remote instance, recovers, wires everything, stops it.

pub mod wire;
