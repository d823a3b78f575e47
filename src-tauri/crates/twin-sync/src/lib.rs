//! Keeps a GraphView of a remote TwinService: load, follow, find gaps, heal.
