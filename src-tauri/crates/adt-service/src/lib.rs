//! The calls of Azure Digital Twins, whoever answers them.
//!
//! [`TwinService`] is the data plane as a trait: the embedded instance answers it in process, the
//! REST [`client`] answers it from another process or from Azure, and the REST [`server`] puts any
//! of them on the network. [`GraphView`] is the graph itself: a consistent version to read, and
//! the changes since one.

mod call;
pub mod client;
mod error;
mod job;
pub mod management;
pub mod server;
mod service;
mod view;

pub use call::{Call, IfMatch};
pub use error::{Code, ServiceError};
pub use job::{DeleteJob, ImportJob, ImportRequest, JobService, JobStatus};
pub use service::{
    Document, ListModels, ModelData, Page, PageRequest, QueryPage, QueryRequest, RelationshipWrite,
    Telemetry, TwinService,
};
pub use view::{ChangeHistory, Changes, GraphView};
