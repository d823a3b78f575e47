//! Which instance a command moves data into or out of.

use crate::place::Place;
use adt_service::client::{AzureToken, RestClient, RestOptions, StaticToken, TokenSource, Url};
use clap::Args;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A running instance: one of this machine by its data folder, or any by its address.
#[derive(Args)]
pub struct Target {
    #[command(flatten)]
    place: Place,
    /// The instance's address instead: https:// and its host name.
    #[arg(long, value_name = "URL", conflicts_with_all = ["data", "workspace"])]
    endpoint: Option<String>,
    /// The certificate (PEM) that signed that of the endpoint, where the system does not know it.
    #[arg(long, value_name = "FILE", requires = "endpoint")]
    ca: Option<PathBuf>,
    /// The bearer token. Where it is left out, an endpoint gets one of the Azure developer tools
    /// (`az login`), and an instance of this machine any.
    #[arg(long, value_name = "T", env = "TWINSCOPE_TOKEN", hide_env_values = true)]
    token: Option<String>,
}

impl Target {
    /// A client of the instance; nothing is sent yet.
    pub fn client(&self) -> Result<RestClient, String> {
        let (endpoint, ca) = match &self.endpoint {
            Some(endpoint) => (endpoint.clone(), self.ca.clone()),
            None => {
                let (_, connect) = self.place.connect()?;
                (connect.adt.endpoint, Some(connect.adt.ca))
            }
        };
        let address: Url =
            endpoint.parse().map_err(|error| format!("«{endpoint}» is no address: {error}."))?;
        let ca_pem = ca.as_deref().map(read).transpose()?;
        let options = RestOptions { endpoint: address, ca_pem, credential: self.credential()? };
        RestClient::new(options).map_err(|error| error.to_string())
    }

    fn credential(&self) -> Result<Arc<dyn TokenSource>, String> {
        match &self.token {
            Some(token) => Ok(Arc::new(StaticToken::new(token))),
            None if self.endpoint.is_none() => Ok(Arc::new(StaticToken::new("local"))),
            None => match AzureToken::developer_tools() {
                Ok(tools) => Ok(Arc::new(tools)),
                Err(error) => Err(error.to_string()),
            },
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("«{}» cannot be read: {error}.", path.display()))
}
