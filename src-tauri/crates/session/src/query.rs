//! The query panel's backend: texts, runs, their rows, and what of the graph they match.

mod answer;
mod editor;
mod export;
mod filter;
mod found;
mod live;
mod run;
mod samples;
mod service;
mod snapshot;

pub(crate) use answer::about_queries;
pub(crate) use found::Found;
pub(crate) use run::Queries;
