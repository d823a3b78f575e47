//! A remote instance: a client of it, and a copy of its graph that keeps in step.

use crate::embedded::blocking;
use crate::failure::OpenError;
use crate::logging::Log;
use crate::wire::Credential;
use adt_service::client::{AzureToken, RestClient, RestOptions, StaticToken, TokenSource};
use adt_service::{GraphView, TwinService};
use journal::Journal;
use parking_lot::Mutex;
use std::fs;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use tokio::task::JoinSet;
use twin_sync::{Load, RemoteGraph, SyncOptions, SyncState};

/// An open remote instance; dropping it ends it.
pub struct Remote {
    pub(crate) client: Arc<dyn TwinService>,
    pub(crate) view: Arc<GraphView>,
    /// Keeps positions; a remote instance's changes are not ours to keep.
    pub(crate) journal: Journal,
    pub(crate) log: Arc<Log>,
    /// The copy that follows the instance, once all of it is loaded.
    graph: OnceLock<RemoteGraph>,
    tasks: Mutex<JoinSet<()>>,
}

impl Remote {
    /// A remote instance of which nothing is loaded yet, and the load.
    ///
    /// # Errors
    /// Where the address, its certificate or the credential are of no use.
    pub async fn connect(
        endpoint: &str,
        ca: Option<&str>,
        credential: &Credential,
        data: &Path,
    ) -> Result<(Self, Load), OpenError> {
        let options = RestOptions {
            endpoint: endpoint.trim().parse().map_err(|error| bad_endpoint(endpoint, &error))?,
            ca_pem: ca.filter(|path| !path.trim().is_empty()).map(read_ca).transpose()?,
            credential: token_source(credential)?,
        };
        let client: Arc<dyn TwinService> =
            Arc::new(RestClient::new(options).map_err(OpenError::Remote)?);
        let folder = data.to_owned();
        let journal =
            blocking(move || Journal::open(&folder, journal::Options::default())).await??;
        let load = Load::new(client.clone(), SyncOptions::default());
        let (view, log) = (load.view(), Arc::new(Log::new()));
        let (graph, tasks) = (OnceLock::new(), Mutex::default());
        Ok((Self { client, view, journal, log, graph, tasks }, load))
    }

    /// Goes on with what is loaded: the log begins here.
    pub(crate) fn follow(&self, graph: RemoteGraph) {
        let (view, log) = (self.view.clone(), self.log.clone());
        self.tasks.lock().spawn(async move { log.follow_view(&view).await });
        // It is loaded once.
        let _ = self.graph.set(graph);
    }

    /// How well the copy is in step, once it is loaded.
    pub(crate) fn state(&self) -> Option<SyncState> {
        self.graph.get().map(RemoteGraph::state)
    }

    /// Reads a twin anew, after a write of ours.
    pub(crate) fn refresh_twin(&self, id: &str) {
        if let Some(graph) = self.graph.get() {
            graph.refresh_twin(id);
        }
    }

    pub(crate) fn stop(&self) {
        if let Some(graph) = self.graph.get() {
            graph.stop();
        }
        self.tasks.lock().abort_all();
    }
}

fn bad_endpoint(endpoint: &str, error: &dyn std::fmt::Display) -> OpenError {
    OpenError::Remote(adt_service::ServiceError::new(
        adt_service::Code::InvalidArgument,
        format!(
            "«{endpoint}» is no address: {error}. Give the instance's host as in https://example.api.weu.digitaltwins.azure.net."
        ),
    ))
}

fn read_ca(path: &str) -> Result<Vec<u8>, OpenError> {
    fs::read(path.trim()).map_err(|source| OpenError::Ca { path: path.to_owned(), source })
}

fn token_source(credential: &Credential) -> Result<Arc<dyn TokenSource>, OpenError> {
    let azure = match credential {
        Credential::Token { token } => return Ok(Arc::new(StaticToken::new(token.clone()))),
        Credential::DeveloperTools => AzureToken::developer_tools(),
        Credential::ClientSecret { tenant, client, secret } => {
            AzureToken::client_secret(tenant, client, secret)
        }
    };
    Ok(Arc::new(azure.map_err(OpenError::Remote)?))
}
