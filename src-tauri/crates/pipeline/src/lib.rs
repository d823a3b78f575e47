//! The topology: model, checks, functions, routing, delivery.
