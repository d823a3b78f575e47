//! A connection to a namespace that comes back: opened when it is needed, claims put and renewed,
//! links shared.

use super::endpoint::Access;
use super::request::Node;
use super::retry::Retry;
use super::{ClientError, Code, Endpoint, transport};
use crate::clock::now_seconds;
use crate::sas::{self, Key};
use amqp::client::{ConnectOptions, Connection, Failure, LinkOptions, Sasl, Sender};
use amqp::{Value, performative};
use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::timeout;

/// How long a token that we sign ourselves lasts, in seconds.
const TOKEN_LIFE: u64 = 60 * 60;
/// A claim is renewed when so much of its time is left, in seconds.
const RENEW_BEFORE: u64 = 5 * 60;
const RENEWAL_LOOK: Duration = Duration::from_secs(30);
const IDLE: Duration = Duration::from_secs(60);

/// Opens connections to one endpoint: one at a time, and again when it broke.
pub(super) struct Connector {
    pub(super) endpoint: Endpoint,
    pub(super) retry: Retry,
    /// The scope of an identity's token.
    scope: &'static str,
    live: Mutex<Option<Arc<Live>>>,
}

/// A connection as long as it lasts.
pub(super) struct Live {
    pub(super) connection: Connection,
    connector: Weak<Connector>,
    /// When the claim for each path expires, in seconds since 1970.
    claims: Mutex<HashMap<String, u64>>,
    nodes: Mutex<HashMap<String, Arc<Node>>>,
    senders: Mutex<HashMap<String, Arc<Sender>>>,
}

impl Connector {
    pub(super) fn new(endpoint: Endpoint, retry: Retry, scope: &'static str) -> Arc<Self> {
        Arc::new(Self { endpoint, retry, scope, live: Mutex::new(None) })
    }

    /// Whether it is a broker that is not Azure's, nor like it.
    pub(super) fn is_foreign(&self) -> bool {
        matches!(self.endpoint.access, Access::Password { .. } | Access::Anonymous)
    }

    /// Names an entity in errors.
    pub(super) fn place(&self, path: &str) -> String {
        let port = self.endpoint.port.map_or_else(String::new, |port| format!(":{port}"));
        format!("{}{port}/{path}", self.endpoint.host)
    }

    /// The connection there is, or a new one: one attempt.
    pub(super) async fn live(self: &Arc<Self>) -> Result<Arc<Live>, ClientError> {
        let mut live = self.live.lock().await;
        if let Some(live) = live.as_ref()
            && live.connection.ended().is_none()
        {
            return Ok(live.clone());
        }
        let opened = timeout(self.retry.within, self.open()).await;
        let opened = opened.map_err(|_| ClientError::timeout(&self.place("")))??;
        *live = Some(opened.clone());
        Ok(opened)
    }

    async fn open(self: &Arc<Self>) -> Result<Arc<Live>, ClientError> {
        let stream = transport::connect(&self.endpoint).await?;
        let sasl = match &self.endpoint.access {
            Access::Password { user, password } => {
                Sasl::Plain { user: user.clone(), password: password.clone() }
            }
            _ => Sasl::Anonymous,
        };
        let options = ConnectOptions {
            container_id: format!("twinscope-{}", uuid::Uuid::new_v4().simple()),
            hostname: self.endpoint.host.clone(),
            sasl,
            idle: IDLE,
        };
        let connection = Connection::open(stream, &options).await;
        let connection = connection.map_err(|f| ClientError::of_failure(&self.place(""), f))?;
        let live = Arc::new(Live {
            connection,
            connector: Arc::downgrade(self),
            claims: Mutex::default(),
            nodes: Mutex::default(),
            senders: Mutex::default(),
        });
        tokio::spawn(renew(Arc::downgrade(&live)));
        Ok(live)
    }

    /// Closes the connection that there is.
    pub(super) async fn close(&self) {
        if let Some(live) = self.live.lock().await.take() {
            live.connection.close().await;
        }
    }

    /// A token for a path, with what kind it is and when it expires; `None` where none is needed.
    async fn token(&self, path: &str) -> Result<Option<(&'static str, String, u64)>, ClientError> {
        const SAS: &str = "servicebus.windows.net:sastoken";
        Ok(match &self.endpoint.access {
            Access::Key { policy, key } => {
                let expires = now_seconds() + TOKEN_LIFE;
                let audience = self.endpoint.audience(path);
                let token = sas::sign(&audience, Some(policy), &Key::plain(key), expires);
                Some((SAS, token, expires))
            }
            Access::Signature(signature) => {
                let read = sas::Token::parse(signature).map_err(|error| {
                    ClientError::settings("SharedAccessSignature", error.to_string())
                })?;
                Some((SAS, signature.clone(), read.expires))
            }
            Access::Identity(identity) => {
                let token = identity.get_token(&[self.scope], None).await.map_err(|error| {
                    let place = self.place(path);
                    ClientError::new(Code::Unauthorized, place, format!("no token: {error}"))
                })?;
                let expires = u64::try_from(token.expires_on.unix_timestamp()).unwrap_or_default();
                Some(("jwt", token.token.secret().to_owned(), expires))
            }
            Access::Password { .. } | Access::Anonymous => None,
        })
    }
}

impl Live {
    fn connector(&self) -> Result<Arc<Connector>, ClientError> {
        let closed = || ClientError::new(Code::Closed, "the client", "it was closed");
        self.connector.upgrade().ok_or_else(closed)
    }

    /// Sees to it that there is a claim for a path.
    pub(super) async fn authorize(&self, path: &str) -> Result<(), ClientError> {
        let mut claims = self.claims.lock().await;
        let until = claims.get(path).copied().unwrap_or_default();
        if until <= now_seconds() + RENEW_BEFORE / 5 {
            let expires = self.put_token(path).await?;
            claims.insert(path.to_owned(), expires);
        }
        Ok(())
    }

    /// Puts a token; when it expires.
    async fn put_token(&self, path: &str) -> Result<u64, ClientError> {
        let connector = self.connector()?;
        let Some((kind, token, expires)) = connector.token(path).await? else {
            return Ok(u64::MAX);
        };
        let place = connector.place(path);
        let node = self.node("$cbs", &place).await?;
        let properties = [
            ("type", Value::String(kind.to_owned())),
            ("name", Value::String(connector.endpoint.audience(path))),
        ];
        let token = Value::String(token);
        let answer = node.ask("put-token", &properties, &token, connector.retry.within).await?;
        answer.body(&place)?;
        Ok(expires)
    }

    /// The node at an address, which must be authorized before.
    pub(super) async fn node(&self, address: &str, place: &str) -> Result<Arc<Node>, ClientError> {
        let mut nodes = self.nodes.lock().await;
        if let Some(node) = nodes.get(address)
            && !node.has_ended()
        {
            return Ok(node.clone());
        }
        let opened =
            timeout(self.connector()?.retry.within, Node::open(&self.connection, address, place));
        let node = Arc::new(opened.await.map_err(|_| ClientError::timeout(place))??);
        nodes.insert(address.to_owned(), node.clone());
        Ok(node)
    }

    /// The sender to an address in an entity.
    pub(super) async fn sender(
        &self,
        entity: &str,
        address: &str,
    ) -> Result<Arc<Sender>, ClientError> {
        let connector = self.connector()?;
        let place = connector.place(address);
        self.authorize(entity).await?;
        let mut senders = self.senders.lock().await;
        if let Some(sender) = senders.get(address)
            && sender.ended().is_none()
        {
            return Ok(sender.clone());
        }
        let name = link_name(address);
        let source = performative::source(&name, Vec::new());
        let options = LinkOptions::new(name, source, performative::target(address));
        let sender = within(&connector, &place, self.connection.sender(options)).await?;
        let sender = Arc::new(sender);
        senders.insert(address.to_owned(), sender.clone());
        Ok(sender)
    }
}

/// A name that no other link has.
pub(super) fn link_name(address: &str) -> String {
    format!("{address}-{}", uuid::Uuid::new_v4().simple())
}

/// Waits for something that AMQP's other side answers, but not for ever.
pub(super) async fn within<T>(
    connector: &Connector,
    place: &str,
    answered: impl Future<Output = Result<T, Failure>>,
) -> Result<T, ClientError> {
    match timeout(connector.retry.within, answered).await {
        Ok(answered) => answered.map_err(|failure| ClientError::of_failure(place, failure)),
        Err(_) => Err(ClientError::timeout(place)),
    }
}

/// Renews claims before they expire, as long as the connection lasts.
async fn renew(live: Weak<Live>) {
    loop {
        tokio::time::sleep(RENEWAL_LOOK).await;
        let Some(live) = live.upgrade() else { return };
        if live.connection.ended().is_some() {
            return;
        }
        let mut claims = live.claims.lock().await;
        let soon = now_seconds() + RENEW_BEFORE;
        let due: Vec<String> = claims
            .iter()
            .filter(|(_, until)| **until <= soon)
            .map(|(path, _)| path.clone())
            .collect();
        for path in due {
            match live.put_token(&path).await {
                Ok(expires) => drop(claims.insert(path, expires)),
                // It is tried again until the service ends the links, whose users then hear it.
                Err(error) => tracing::warn!(%error, "a claim could not be renewed"),
            }
        }
    }
}
