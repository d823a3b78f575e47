//! The query language of Azure Digital Twins: parse and run over the twin graph.
