//! Files in and out, and a whole graph into and out of an instance.
//!
//! [`read`] makes one [`Graph`] of any number of files: NDJSON as the service's import job takes it, JSON and .xlsx as
//! the existing explorer has them, CSV. [`check`](check()) tells all that is wrong with it, each [`Problem`] with file,
//! row and column; [`import`](import()) writes it to a [`TwinService`](adt_service::TwinService), models first.
//! [`export`](export()) reads everything page by page into a [`GraphWriter`].
//!
//! Memory is bounded: files are read a row at a time into a graph of at most [`MOST_TWINS`] twins and
//! [`MOST_RELATIONSHIPS`] relationships, of files of at most [`MOST_BYTES`] together; NDJSON, JSON and CSV are written
//! as the pages come.

mod check;
mod csv;
mod export;
mod files;
mod graph;
mod import;
mod json;
mod ndjson;
mod new_file;
mod problem;
mod record;
mod rows;
mod sentence;
mod transfer;
mod xlsx;

pub use check::{Checked, Known, check, check_watched};
pub use export::{ExportError, Exported, export};
pub use files::{Format, GraphWriter, MOST_BYTES, read, read_ndjson, read_watched, writer};
pub use graph::{
    Graph, MOST_RELATIONSHIPS, MOST_TWINS, ModelRecord, RelationshipRecord, TwinRecord,
};
pub use import::{Ended, ImportOptions, Imported, import};
pub use new_file::WriteError;
pub use problem::{At, Place, Problem, Problems};
pub use rows::{RowColumns, RowFile, RowForm, RowWriter, row_cells};
pub use transfer::{Counts, Progress, Step, Watch};
