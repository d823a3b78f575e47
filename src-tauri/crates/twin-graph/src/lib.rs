//! The twin graph: digital twins, relationships, JSON Patch, ETags, versions, changes.
