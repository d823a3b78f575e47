//! Where bearer tokens come from.

use crate::{Code, ServiceError};
use async_trait::async_trait;
use azure_core::credentials::{AccessToken, Secret, TokenCredential};
use azure_core::time::OffsetDateTime;
use azure_identity::{ClientSecretCredential, DeveloperToolsCredential};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::timeout;

const SCOPE: &str = "https://digitaltwins.azure.net/.default";
/// A token is renewed this long before it expires: requests under way still carry it.
const RENEW_BEFORE: Duration = Duration::from_secs(300);
/// A developer's tool may be asking on a terminal that nobody sees.
const PATIENCE: Duration = Duration::from_secs(60);

/// Gives the bearer token for a request. What it gives is never written anywhere.
#[async_trait]
pub trait TokenSource: Send + Sync {
    /// A token that is valid now.
    async fn token(&self) -> Result<String, ServiceError>;
}

/// One token for all: what the embedded instance takes.
#[derive(Clone)]
pub struct StaticToken(String);

impl StaticToken {
    /// That token.
    pub fn new(token: impl Into<String>) -> Self {
        Self(token.into())
    }
}

impl fmt::Debug for StaticToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StaticToken(hidden)")
    }
}

#[async_trait]
impl TokenSource for StaticToken {
    async fn token(&self) -> Result<String, ServiceError> {
        Ok(self.0.clone())
    }
}

/// Tokens of Microsoft Entra ID for Azure Digital Twins, kept until shortly before they expire.
pub struct AzureToken {
    credential: Arc<dyn TokenCredential>,
    current: Mutex<Option<AccessToken>>,
}

impl AzureToken {
    /// Tokens of any credential of `azure_identity`.
    pub fn new(credential: Arc<dyn TokenCredential>) -> Self {
        Self { credential, current: Mutex::default() }
    }

    /// Who is signed in with the Azure CLI or the Azure Developer CLI.
    ///
    /// # Errors
    /// Where the credential cannot be set up.
    pub fn developer_tools() -> Result<Self, ServiceError> {
        let credential = DeveloperToolsCredential::new(None).map_err(|error| no_token(&error))?;
        Ok(Self::new(credential))
    }

    /// An application with a secret. The authority is `AZURE_AUTHORITY_HOST` where it is set.
    ///
    /// # Errors
    /// Where tenant, client or secret is not of the right form.
    pub fn client_secret(
        tenant: &str,
        client: &str,
        secret: impl Into<String>,
    ) -> Result<Self, ServiceError> {
        let secret = Secret::new(secret.into());
        let credential = ClientSecretCredential::new(tenant, client.to_owned(), secret, None)
            .map_err(|error| no_token(&error))?;
        Ok(Self::new(credential))
    }
}

impl fmt::Debug for AzureToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AzureToken").finish_non_exhaustive()
    }
}

#[async_trait]
impl TokenSource for AzureToken {
    async fn token(&self) -> Result<String, ServiceError> {
        // Held while a token is fetched, so that it is fetched once for all who wait.
        let mut current = self.current.lock().await;
        let fresh =
            |known: &&AccessToken| known.expires_on - RENEW_BEFORE > OffsetDateTime::now_utc();
        if let Some(known) = current.as_ref().filter(fresh) {
            return Ok(known.token.secret().to_owned());
        }
        let fetched = timeout(PATIENCE, self.credential.get_token(&[SCOPE], None)).await;
        let fetched =
            fetched.map_err(|_| no_token(&"the sign-in did not answer within a minute"))?;
        let fetched = fetched.map_err(|error| no_token(&error))?;
        let token = fetched.token.secret().to_owned();
        *current = Some(fetched);
        Ok(token)
    }
}

fn no_token(why: &dyn fmt::Display) -> ServiceError {
    let why: String = why.to_string().chars().take(600).collect();
    let why = why.trim_end_matches('.');
    ServiceError::new(
        Code::Unauthorized,
        format!(
            "There is no token for Azure Digital Twins: {why}. Sign in with «az login», or check tenant, client and secret."
        ),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use azure_core::credentials::TokenRequestOptions;
    use std::sync::atomic::{AtomicI64, Ordering};

    /// Gives tokens that live for the given seconds, numbered.
    #[derive(Debug)]
    struct Numbered {
        life: i64,
        given: AtomicI64,
    }

    #[async_trait]
    impl TokenCredential for Numbered {
        async fn get_token(
            &self,
            scopes: &[&str],
            _: Option<TokenRequestOptions<'_>>,
        ) -> azure_core::Result<AccessToken> {
            assert_eq!(scopes, [SCOPE]);
            let number = self.given.fetch_add(1, Ordering::SeqCst) + 1;
            let life = Duration::from_secs(self.life.unsigned_abs());
            Ok(AccessToken::new(format!("token {number}"), OffsetDateTime::now_utc() + life))
        }
    }

    #[tokio::test]
    async fn a_token_is_kept_until_shortly_before_it_expires() {
        for (life, second) in [(3_600, "token 1"), (301, "token 1"), (299, "token 2")] {
            let source = AzureToken::new(Arc::new(Numbered { life, given: AtomicI64::new(0) }));
            assert_eq!(source.token().await.unwrap(), "token 1");
            assert_eq!(source.token().await.unwrap(), second, "life {life}");
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let secret = "sec-ret";
        let source = AzureToken::client_secret("tenant", "client", secret).unwrap();
        let shown = format!("{source:?} {:?}", StaticToken::new(secret));
        assert!(!shown.contains(secret), "{shown}");
        let error = AzureToken::client_secret("ten ant", "client", secret).unwrap_err();
        assert!(error.message.starts_with("There is no token"), "{error}");
        assert!(!error.message.contains(secret), "{error}");
    }
}
