//! A namespace of our own that can be stopped and started again on its port.

use journal::{Journal, Options};
use messaging::client::{Access, Endpoint, Retry, Trust, WebSockets};
use messaging::namespace::{Declared, ListenOptions, Listening, Namespace};
use messaging::sas;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::net::TcpListener;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;

pub const RETRY: Retry = Retry {
    attempts: 8,
    first: Duration::from_millis(50),
    longest: Duration::from_secs(1),
    within: Duration::from_secs(20),
};

pub struct Served {
    pub namespace: Namespace,
    pub port: u16,
    /// The PEM of the certificate.
    pub pem: String,
    tls: Arc<ServerConfig>,
    listening: Option<Listening>,
    _folder: tempfile::TempDir,
}

/// TLS of a server named localhost, and its certificate as PEM.
pub fn tls() -> (Arc<ServerConfig>, String) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let server = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key.into())
        .unwrap();
    (Arc::new(server), made.cert.pem())
}

impl Served {
    pub async fn start(declared: serde_json::Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_owned();
        let declared: Declared = serde_json::from_value(declared).unwrap();
        let opened = tokio::task::spawn_blocking(move || {
            let journal = Journal::open(&path, Options::default()).unwrap();
            let namespace = Namespace::open(&journal, "a secret of this test").unwrap();
            namespace.declare(&declared).unwrap();
            namespace
        });
        let (tls, pem) = tls();
        let namespace = opened.await.unwrap();
        let mut served = Self { namespace, port: 0, pem, tls, listening: None, _folder: folder };
        served.listen().await;
        served
    }

    pub async fn listen(&mut self) {
        let listener = TcpListener::bind(("127.0.0.1", self.port)).await.unwrap();
        let options = ListenOptions { tls: Some(self.tls.clone()), ..ListenOptions::default() };
        let listening = self.namespace.listen(listener, options).unwrap();
        self.port = listening.port;
        self.listening = Some(listening);
    }

    pub async fn stop(&mut self) {
        self.listening.take().unwrap().stop().await;
    }

    /// Plain TCP, as the connection string has it.
    pub fn endpoint(&self, entity: &str) -> Endpoint {
        Endpoint::parse(&self.namespace.connection_string(entity, "localhost", self.port)).unwrap()
    }

    /// TLS with the local CA.
    pub fn secure(&self, entity: &str) -> Endpoint {
        let endpoint = self.endpoint(entity).trusting(Trust::Pem(self.pem.clone()));
        Endpoint { tls: true, ..endpoint }
    }

    /// Every way in.
    pub fn ways(&self, entity: &str) -> [Endpoint; 4] {
        [
            self.endpoint(entity),
            self.secure(entity),
            self.endpoint(entity).over(WebSockets::Always),
            self.secure(entity).over(WebSockets::Always),
        ]
    }

    /// A shared access signature for an entity, made as somebody else would.
    pub fn signature(&self, entity: &str, seconds: u64) -> String {
        let Access::Key { policy, key } = self.endpoint(entity).access else { panic!("no key") };
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        let resource = format!("sb://localhost/{entity}");
        sas::sign(&resource, Some(&policy), &sas::Key::plain(&key), now + seconds)
    }
}
