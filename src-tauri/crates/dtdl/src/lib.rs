//! The Digital Twins Definition Language: parse, validate, resolve, check values.
//!
//! DTDL describes what twins look like: interfaces with properties, telemetry, relationships and components.
//! [`Models`] is a collection of interfaces that are known to be right, as an instance of Azure Digital Twins
//! holds them. It takes DTDL 2 and 3 to the rules of the reference parser; what is wrong is told all at once, each
//! [`Problem`] with its place, the reference's validation id, and what to do.
//!
//! ```
//! use dtdl::{Models, ParseOptions};
//! use serde_json::json;
//!
//! let mut models = Models::new();
//! models.add(&[json!({
//!     "@context": "dtmi:dtdl:context;3",
//!     "@id": "dtmi:com:example:Room;1",
//!     "@type": "Interface",
//!     "contents": [{"@type": "Property", "name": "temperature", "schema": "double"}]
//! })], &ParseOptions::default())?;
//!
//! let room = models.get("dtmi:com:example:Room;1").expect("it was added");
//! let temperature = room.property("temperature").expect("it has one");
//! assert!(temperature.schema.check(&json!(21.5)).is_ok());
//! assert!(temperature.schema.check(&json!("warm")).is_err());
//! # Ok::<(), dtdl::Problems>(())
//! ```
//!
//! The rules are tables (`src/metamodel/tables`), derived from the language's metamodel; the code walks them.
//! No input panics, and none costs more than time and memory linear in its size (what interfaces inherit
//! counted at each, and bounded).
//!
//! Three suites hold this to the mark: the conformance cases of the reference parser (`cargo test -p dtdl`, the file
//! named by `DTDL_CASES`), real ontologies (also timed, `cargo bench -p dtdl`), and inputs that a fuzzer finds
//! (`fuzz/run.sh`; without its instruments `cargo test -p dtdl --release --test corpus -- --ignored`).

mod canonical;
mod check;
#[cfg(test)]
mod conformance;
mod context;
mod dtmi;
mod graph;
mod interface;
mod jsonld;
mod lower;
mod metamodel;
mod models;
mod parse;
mod problem;
mod read;
mod schema;
pub mod strict;
mod temporal;
mod value;

pub use dtmi::Dtmi;
pub use interface::{
    Content, ContentKind, Interface, LocalizedText, Payload, Relationship, Valued,
};
pub use models::{Models, ParseOptions};
pub use problem::{Problem, ProblemKind, Problems};
pub use read::read;
pub use schema::{Enum, EnumValue, Field, Geometry, Map, Object, Schema};
pub use value::ValueProblem;
