//! The REST client: a TwinService over the network.
//!
//! Speaks to Azure, or to the embedded instance of another process. Every failure becomes one
//! sentence with what happened and what to do; the service's own errors come back as they are.

mod answer;
mod calls;
mod failure;
mod request;
mod token;

use crate::{Code, ServiceError};
use reqwest::redirect::Policy;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use token::{AzureToken, StaticToken, TokenSource};
pub use url::Url;

const CONNECT: Duration = Duration::from_secs(10);
/// Longer than the 60 s that the service gives a query.
const WHOLE_REQUEST: Duration = Duration::from_secs(90);
/// Shorter than servers keep an idle connection, so that none is used that is just being closed.
const IDLE: Duration = Duration::from_secs(20);

/// Which instance, and how to get in.
#[derive(Clone)]
pub struct RestOptions {
    /// `https://` and a host, with a port where it is not 443.
    pub endpoint: Url,
    /// Certificates (PEM) to trust instead of the system's: the embedded instance's `ca.pem`.
    pub ca_pem: Option<Vec<u8>>,
    /// Where the bearer token comes from.
    pub credential: Arc<dyn TokenSource>,
}

/// The data plane of an instance elsewhere.
#[derive(Clone)]
pub struct RestClient {
    http: reqwest::Client,
    endpoint: Url,
    credential: Arc<dyn TokenSource>,
}

impl fmt::Debug for RestClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RestClient")
            .field("endpoint", &self.endpoint.as_str())
            .finish_non_exhaustive()
    }
}

impl RestClient {
    /// A client of the instance; nothing is sent yet.
    ///
    /// # Errors
    /// Where the endpoint is not `https://HOST[:PORT]`, or the CA is no PEM certificate.
    pub fn new(options: RestOptions) -> Result<Self, ServiceError> {
        let RestOptions { endpoint, ca_pem, credential } = options;
        check_endpoint(&endpoint)?;
        let mut http = reqwest::Client::builder()
            .user_agent(concat!("twinscope/", env!("CARGO_PKG_VERSION")))
            .https_only(true)
            // A redirect would carry requests, and their token, elsewhere.
            .redirect(Policy::none())
            .connect_timeout(CONNECT)
            .timeout(WHOLE_REQUEST)
            .pool_idle_timeout(IDLE);
        if let Some(pem) = ca_pem {
            http = http.tls_certs_only(read_certificates(&pem)?);
        }
        if is_loopback(&endpoint) {
            http = http.no_proxy();
        }
        let http = http.build().map_err(|error| {
            invalid(format!("No connection can be set up: {}.", failure::innermost(&error)))
        })?;
        Ok(Self { http, endpoint, credential })
    }

    /// The instance's address.
    pub fn endpoint(&self) -> &Url {
        &self.endpoint
    }
}

fn check_endpoint(endpoint: &Url) -> Result<(), ServiceError> {
    let plain = endpoint.username().is_empty() && endpoint.password().is_none();
    let bare =
        endpoint.path() == "/" && endpoint.query().is_none() && endpoint.fragment().is_none();
    if !plain || !bare || endpoint.host().is_none() {
        return Err(invalid(
            "The address of an instance is https:// and its host name, with nothing behind it, such as https://NAME.api.weu.digitaltwins.azure.net.",
        ));
    }
    if endpoint.scheme() != "https" {
        return Err(invalid(format!(
            "The address «{endpoint}» is not https: Azure Digital Twins takes bearer tokens over TLS only."
        )));
    }
    Ok(())
}

fn read_certificates(pem: &[u8]) -> Result<Vec<reqwest::Certificate>, ServiceError> {
    let certificates = reqwest::Certificate::from_pem_bundle(pem).unwrap_or_default();
    if certificates.is_empty() {
        return Err(invalid(
            "The CA file holds no certificate in PEM form (-----BEGIN CERTIFICATE-----). Give the instance's ca.pem.",
        ));
    }
    Ok(certificates)
}

fn is_loopback(endpoint: &Url) -> bool {
    match endpoint.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn invalid(message: impl Into<String>) -> ServiceError {
    ServiceError::new(Code::InvalidArgument, message)
}
