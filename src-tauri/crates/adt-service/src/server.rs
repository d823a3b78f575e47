//! The REST server: any TwinService on the network.
//!
//! TLS only, HTTP/1.1. A request passes the gate (host, origin, token, api-version, trace), is
//! read, answered by the [`TwinService`] and written in the service's own form. Nothing is decided
//! here that the service decides: models, twins, queries and continuation tokens are its own.

mod answer;
mod ask;
mod body;
mod connections;
mod docs;
mod gate;
mod jobs;
mod management;
mod openapi;
mod routes;
mod version;

use crate::management::ControlPlane;
use crate::{JobService, TwinService};
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use tokio::net::TcpListener;

/// Who is let in.
#[derive(Clone, Default)]
pub struct ServerOptions {
    /// The bearer token that is demanded; `None` takes any that is not empty.
    pub token: Option<String>,
    /// `Host` headers that are taken, beside localhost, 127.0.0.1 and [::1]; without a port.
    pub host_names: Vec<String>,
    /// The jobs, where there are any.
    pub jobs: Option<Arc<dyn JobService>>,
    /// The control plane, where there is one.
    pub management: Option<Arc<dyn ControlPlane>>,
}

impl fmt::Debug for ServerOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let token = self.token.as_ref().map(|_| "(hidden)");
        let Self { host_names, .. } = self;
        f.debug_struct("ServerOptions")
            .field("token", &token)
            .field("host_names", host_names)
            .finish()
    }
}

/// Serves `service` until `stop` is done, then lets running requests end, for five seconds at
/// most. Connections are bounded; past the bound new ones wait to be accepted.
pub async fn serve(
    listener: TcpListener,
    tls: Arc<rustls::ServerConfig>,
    service: Arc<dyn TwinService>,
    options: ServerOptions,
    stop: impl Future,
) {
    let app = routes::router(Arc::new(gate::Door::new(service, options)));
    connections::serve(listener, tls, app, stop).await;
}
