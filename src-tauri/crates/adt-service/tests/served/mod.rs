//! A service served over real TLS on a free port, with a certificate authority of its own.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::memory::Memory;
use adt_service::TwinService;
use adt_service::client::{RestClient, RestOptions, StaticToken, Url};
use adt_service::server::{ServerOptions, serve};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use reqwest::{Method, Response};
use rustls::pki_types::PrivatePkcs8KeyDer;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub struct Served {
    pub port: u16,
    pub ca_pem: String,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

/// A TLS server of its own authority, for `names`; the second is the authority's certificate.
pub fn tls(names: &[&str]) -> (Arc<rustls::ServerConfig>, String) {
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let ca_pem = ca.self_signed(&ca_key).unwrap().pem();
    let names: Vec<String> = names.iter().map(|name| (*name).into()).collect();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(names).unwrap();
    let leaf = leaf.signed_by(&key, &Issuer::new(ca, ca_key)).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![leaf.der().clone()],
            PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        )
        .unwrap();
    (Arc::new(config), ca_pem)
}

impl Served {
    pub async fn start(service: Arc<dyn TwinService>, options: ServerOptions) -> Self {
        let (config, ca_pem) = tls(&["localhost", "127.0.0.1"]);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(serve(listener, config, service, options, stopped));
        Self { port, ca_pem, stop, task }
    }

    pub fn endpoint(&self) -> Url {
        Url::parse(&format!("https://localhost:{}", self.port)).unwrap()
    }

    pub fn client(&self, token: &str) -> RestClient {
        RestClient::new(RestOptions {
            endpoint: self.endpoint(),
            ca_pem: Some(self.ca_pem.clone().into_bytes()),
            credential: Arc::new(StaticToken::new(token)),
        })
        .unwrap()
    }

    /// A plain HTTP client that trusts the server.
    pub fn http(&self) -> reqwest::Client {
        let ca = reqwest::Certificate::from_pem(self.ca_pem.as_bytes()).unwrap();
        reqwest::Client::builder().tls_certs_only([ca]).no_proxy().build().unwrap()
    }

    pub async fn stop(self) {
        self.stop.send(()).unwrap();
        self.task.await.unwrap();
    }
}

/// The version that most requests ask for.
pub const V: &str = "api-version=2023-10-31";

/// A service in memory, served, and a plain client of it.
pub struct Fixture {
    pub memory: Arc<Memory>,
    pub served: Served,
    pub http: reqwest::Client,
}

impl Fixture {
    pub async fn start(options: ServerOptions) -> Self {
        let memory = Arc::new(Memory::default());
        let served = Served::start(memory.clone(), options).await;
        let http = served.http();
        Self { memory, served, http }
    }

    pub fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let address = format!("https://localhost:{}{path}", self.served.port);
        self.http.request(Method::from_bytes(method.as_bytes()).unwrap(), address)
    }

    pub async fn send(&self, request: &str, headers: &[(&str, &str)], body: &str) -> Response {
        let (method, path) = request.split_once(' ').unwrap();
        let mut builder = self.request(method, path).bearer_auth("any").body(body.to_owned());
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        builder.send().await.unwrap()
    }

    pub async fn twin(&self, id: &str) {
        let body = r#"{"$metadata":{"$model":"dtmi:example:Room;1"},"temperature":20}"#;
        let put = self.send(&format!("PUT /digitaltwins/{id}?{V}"), &[], body).await;
        assert_eq!(put.status(), 200);
    }
}
