//! Positions for a twin graph: deterministic, incremental, stable.
