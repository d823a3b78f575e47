//! The workspace folder: load, check, watch, differences, write back.
//!
//! A workspace is a folder that fits in git: `models/**/*.json` (DTDL), `twins.ndjson` (twins and
//! relationships, in the form of the service's import job), `topology.json`, `functions/**/*.rhai`,
//! `floorplan.geojson` and `views.json`. It is the seed and the design of an instance, not its state: what is applied
//! is the [`Difference`] of what was [`Applied`] last and what is there now, so that what the
//! files did not touch keeps the instance's value.
//!
//! [`load`] checks everything before anything is applied, and tells all that is wrong at once,
//! each [`FileProblem`] with file and place.

mod difference;
mod functions;
mod load;
mod loaded;
mod models;
mod problem;
mod references;
mod save;
mod save_topology;
mod source;
mod twins;
mod views;
mod watch;

pub use difference::{Difference, difference};
pub use load::{load, load_within};
pub use loaded::{Applied, Loaded, ModelFile, RelationshipSeed, TwinSeed};
pub use problem::FileProblem;
pub use save::{SaveInput, save};
pub use save_topology::save_topology;
pub use source::{MOST_BYTES, Source};
pub use views::Views;
pub use watch::{Watch, WatchError, watch};
