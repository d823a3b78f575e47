//! A remote instance: a client of it, and a copy of its graph that keeps in step.

use crate::embedded::blocking;
use crate::failure::OpenError;
use crate::logging::Log;
use crate::wire::Credential;
use adt_service::TwinService;
use adt_service::client::{AzureToken, RestClient, RestOptions, StaticToken, TokenSource};
use journal::Journal;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use tokio::task::JoinSet;
use twin_sync::{Progress, RemoteGraph, SyncOptions};

/// An open remote instance; dropping it ends it.
pub struct Remote {
    pub(crate) client: Arc<dyn TwinService>,
    pub(crate) graph: RemoteGraph,
    /// Keeps positions; a remote instance's changes are not ours to keep.
    pub(crate) journal: Journal,
    pub(crate) log: Arc<Log>,
    _tasks: JoinSet<()>,
}

impl Remote {
    /// Connects and loads the graph page by page.
    ///
    /// # Errors
    /// Where the address, its certificate, the credential or the service refuse.
    pub async fn open(
        endpoint: &str,
        ca: Option<&str>,
        credential: &Credential,
        data: &Path,
        progress: impl Fn(Progress) + Send + Sync + 'static,
    ) -> Result<Self, OpenError> {
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
        let graph = RemoteGraph::start(client.clone(), SyncOptions::default(), progress)
            .await
            .map_err(OpenError::Remote)?;
        let log = Arc::new(Log::new());
        let mut tasks = JoinSet::new();
        let (view, follower) = (graph.view(), log.clone());
        tasks.spawn(async move { follower.follow_view(&view).await });
        Ok(Self { client, graph, journal, log, _tasks: tasks })
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
