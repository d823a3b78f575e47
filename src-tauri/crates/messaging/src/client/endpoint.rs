//! Where a service is, and with what one comes in: from a connection string, a URL, or an identity.

use super::{ClientError, Trust};
use crate::sas::ConnectionString;
use azure_core::credentials::TokenCredential;
use percent_encoding::percent_decode_str;
use std::fmt;
use std::sync::Arc;
use url::Url;

const PLACE: &str = "The connection string";

/// With what a client comes in.
#[derive(Clone)]
pub enum Access {
    /// A shared access policy and its key.
    Key {
        /// The policy's name.
        policy: String,
        /// Its key, a secret.
        key: String,
    },
    /// A shared access signature, made elsewhere.
    Signature(String),
    /// An identity with a role.
    Identity(Arc<dyn TokenCredential>),
    /// Name and password, of brokers that are not Azure's.
    Password {
        /// The name.
        user: String,
        /// The password, a secret.
        password: String,
    },
    /// Nothing.
    Anonymous,
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key { policy, .. } => write!(f, "Key({policy}, …)"),
            Self::Signature(_) => f.write_str("Signature(…)"),
            Self::Identity(_) => f.write_str("Identity"),
            Self::Password { user, .. } => write!(f, "Password({user}, …)"),
            Self::Anonymous => f.write_str("Anonymous"),
        }
    }
}

/// Whether to go over WebSockets, which pass where only HTTPS does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WebSockets {
    /// Where the port of AMQP cannot be reached.
    #[default]
    WhereBlocked,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// A namespace of event hubs, queues and topics, or another broker.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The host.
    pub host: String,
    /// The port, where it is not the usual one.
    pub port: Option<u16>,
    /// TLS; without it only on this machine.
    pub tls: bool,
    /// Whether to go over WebSockets.
    pub websockets: WebSockets,
    /// Which certificates to trust.
    pub trust: Trust,
    /// With what it is opened.
    pub access: Access,
    /// The hub, queue or topic that the connection string names.
    pub entity: Option<String>,
}

impl Endpoint {
    /// Reads a connection string, as the portal or `connect.json` has it, or a URL as other
    /// brokers have: `amqp://user:password@host:port` (`amqps` for TLS).
    ///
    /// # Errors
    /// [`super::Code::Settings`], and which part is missing or wrong.
    pub fn parse(text: &str) -> Result<Self, ClientError> {
        let text = text.trim();
        let scheme = text.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
        if let Some("amqp" | "amqps") = scheme.as_deref() {
            return Self::of_url(text);
        }
        let wrong = |message: &str| ClientError::settings(PLACE, message);
        if text.is_empty() {
            return Err(wrong("it is empty"));
        }
        let read = ConnectionString::parse(text)
            .map_err(|error| ClientError::settings(PLACE, error.to_string()))?;
        let some = |text: Option<String>| text.filter(|text| !text.is_empty());
        let access = match (some(read.policy), some(read.key), some(read.token)) {
            (Some(policy), Some(key), None) => Access::Key { policy, key },
            (None, None, Some(signature)) => Access::Signature(signature),
            (None, Some(_), None) => return Err(wrong("SharedAccessKeyName is missing")),
            (Some(_), None, None) => return Err(wrong("SharedAccessKey is missing")),
            (None, None, None) => {
                return Err(wrong("SharedAccessKeyName and SharedAccessKey are missing"));
            }
            (_, _, Some(_)) => {
                return Err(wrong("it has a key and a SharedAccessSignature: take one away"));
            }
        };
        Ok(Self {
            host: read.host,
            port: read.port,
            tls: !read.emulator,
            websockets: WebSockets::default(),
            trust: Trust::default(),
            access,
            entity: some(read.entity),
        })
    }

    fn of_url(text: &str) -> Result<Self, ClientError> {
        // Not the parser's own text, which has the password in it.
        let wrong = |what: &str| ClientError::settings("The URL of the broker", what);
        let url = Url::parse(text).map_err(|error| wrong(&error.to_string()))?;
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let access = match (url.username(), url.password()) {
            ("", _) => Access::Anonymous,
            (user, password) => Access::Password {
                user: decoded(user),
                password: decoded(password.unwrap_or_default()),
            },
        };
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(wrong("it has no host"))?;
        let entity = decoded(url.path().trim_start_matches('/'));
        Ok(Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            port: url.port(),
            tls: url.scheme() == "amqps",
            websockets: WebSockets::Never,
            trust: Trust::default(),
            access,
            entity: (!entity.is_empty()).then_some(entity),
        })
    }

    /// A namespace in Azure, by its host (`NAME.servicebus.windows.net`), with an identity that
    /// has a role in it.
    #[must_use]
    pub fn with_identity(host: &str, identity: Arc<dyn TokenCredential>) -> Self {
        Self {
            host: host.to_owned(),
            port: None,
            tls: true,
            websockets: WebSockets::default(),
            trust: Trust::default(),
            access: Access::Identity(identity),
            entity: None,
        }
    }

    /// The same, trusting other certificates.
    #[must_use]
    pub fn trusting(self, trust: Trust) -> Self {
        Self { trust, ..self }
    }

    /// The same, over WebSockets or not.
    #[must_use]
    pub fn over(self, websockets: WebSockets) -> Self {
        Self { websockets, ..self }
    }

    /// The entity that it names, or the given one.
    pub(super) fn entity(&self, given: Option<&str>) -> Result<String, ClientError> {
        match (given, &self.entity) {
            (Some(given), _) => Ok(given.trim_matches('/').to_owned()),
            (None, Some(own)) => Ok(own.clone()),
            (None, None) => {
                Err(ClientError::settings(PLACE, "EntityPath is missing, and no name was given"))
            }
        }
    }

    /// What a token for an entity is for.
    pub(super) fn audience(&self, entity: &str) -> String {
        format!("sb://{}/{entity}", self.host.to_ascii_lowercase())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::client::Code;

    #[test]
    fn what_is_missing_is_said_and_no_secret() {
        let parts = [
            ("", "it is empty"),
            ("SharedAccessKeyName=R;SharedAccessKey=geheim", "Endpoint"),
            ("Endpoint=sb://h/", "SharedAccessKeyName and SharedAccessKey are missing"),
            ("Endpoint=sb://h/;SharedAccessKey=geheim", "SharedAccessKeyName is missing"),
            ("Endpoint=sb://h/;SharedAccessKeyName=R", "SharedAccessKey is missing"),
            ("Endpoint=sb://h:geheim/;SharedAccessKeyName=R", "port"),
            ("Endpoint=sb://h/;SharedAccessKeyName", "name=value"),
            (
                "Endpoint=sb://h/;SharedAccessKeyName=R;SharedAccessKey=geheim;SharedAccessSignature=geheim",
                "take one away",
            ),
            ("amqp://", "host"),
            ("amqps://me:geheim@h:70000", "port"),
        ];
        for (text, said) in parts {
            let error = Endpoint::parse(text).unwrap_err();
            assert_eq!(error.code, Code::Settings, "{text}");
            assert!(error.to_string().contains(said), "{text}: {error}");
            assert_eq!(error.to_string().matches("again").count(), 1, "{text}: {error}");
            assert!(!format!("{error} {error:?}").contains("geheim"), "{text}: {error:?}");
        }
    }

    #[test]
    fn the_forms_that_there_are() {
        let key = "SharedAccessKeyName=R;SharedAccessKey=geheim";
        let azure = Endpoint::parse(&format!("Endpoint=sb://Ns.example/;{key}")).unwrap();
        assert!(azure.tls && azure.port.is_none() && azure.entity(None).is_err());
        assert_eq!(azure.audience("hub"), "sb://ns.example/hub");
        let text = format!("Endpoint=sb://h:1;{key};EntityPath=e;UseDevelopmentEmulator=true;");
        let local = Endpoint::parse(&text).unwrap();
        assert_eq!(
            (local.tls, local.port, local.entity(None).unwrap()),
            (false, Some(1), "e".into())
        );
        assert_eq!(local.entity(Some("/f/")).unwrap(), "f");
        let broker = Endpoint::parse("amqp://me:gehe%40im@[::1]:5673/q").unwrap();
        assert_eq!((broker.host.as_str(), broker.port, broker.tls), ("::1", Some(5673), false));
        assert!(
            matches!(&broker.access, Access::Password { password, .. } if password == "gehe@im")
        );
        for endpoint in [azure, local, broker] {
            assert!(!format!("{endpoint:?}").contains("gehe"), "{endpoint:?}");
        }
    }
}
