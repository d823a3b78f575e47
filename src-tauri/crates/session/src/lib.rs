//! Opens a workspace or a remote instance, recovers, wires everything, stops it.
//!
//! [`Embedded`] is an embedded instance with all that belongs to it, as `twinscope serve` runs it;
//! [`Explorer`] is what the window talks to, and does not care which kind of instance is open.

mod connect;
mod embedded;
mod explorer;
mod failure;
mod files;
mod flow;
mod identity;
mod logging;
mod opened;
mod opening;
mod query;
mod remote;
mod screen;
mod secret;
mod secrets;
mod settings;
mod tls;
pub mod wire;

pub use connect::{
    AdtConnect, Connect, EventGridConnect, IdentityConnect, IotHubConnect, IotHubService,
};
pub use embedded::{Embedded, EmbeddedOptions, QueryLag};
pub use explorer::Explorer;
pub use failure::OpenError;
pub use messaging;
pub use opening::Opening;
pub use secrets::{SecretError, Secrets};
pub use settings::{Folders, Settings};
pub use workspace::Source;
