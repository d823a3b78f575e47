//! Which certificates a client trusts: a given CA, or those of the system.

use super::ClientError;
use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls_platform_verifier::BuilderVerifierExt;
use std::sync::Arc;

const PLACE: &str = "The CA to trust";

/// Which certificates to trust.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Trust {
    /// Those that the system trusts.
    #[default]
    System,
    /// Those that the authorities in a PEM text signed, and no others: of a local CA.
    Pem(String),
}

impl Trust {
    /// For connections of our own.
    ///
    /// # Errors
    /// [`super::Code::Settings`] where the PEM has no certificate that can be used.
    pub fn tls(&self) -> Result<Arc<ClientConfig>, ClientError> {
        let wrong = |error: &dyn std::fmt::Display| ClientError::settings(PLACE, error.to_string());
        let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| wrong(&error))?;
        let builder = match self {
            Self::System => builder.with_platform_verifier().map_err(|error| wrong(&error))?,
            Self::Pem(pem) => {
                let mut roots = RootCertStore::empty();
                for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
                    let certificate = certificate.map_err(|error| wrong(&error))?;
                    roots.add(certificate).map_err(|error| wrong(&error))?;
                }
                if roots.is_empty() {
                    return Err(ClientError::settings(PLACE, "there is no certificate in it"));
                }
                builder.with_root_certificates(roots)
            }
        };
        Ok(Arc::new(builder.with_no_client_auth()))
    }

    /// For HTTP.
    ///
    /// # Errors
    /// As [`Trust::tls`].
    pub fn http(&self) -> Result<reqwest::Client, ClientError> {
        let tls = self.tls()?;
        let built = reqwest::Client::builder().tls_backend_preconfigured((*tls).clone()).build();
        built.map_err(|error| ClientError::settings(PLACE, error.to_string()))
    }
}
