//! The same through REST: TLS, keep-alive, one request at a time on each connection.

use crate::patches::{ROOMS, fill, open};
use crate::{Measuring, building};
use adt_service::server::{ServerOptions, serve};
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::{PrivatePkcs8KeyDer, ServerName};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsConnector, client::TlsStream};

const TIME: Duration = Duration::from_secs(3);

struct Tls {
    server: Arc<rustls::ServerConfig>,
    client: TlsConnector,
}

fn tls() -> Tls {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["localhost".into()]).unwrap();
    let certificate = certificate.self_signed(&key).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate.der().clone()).unwrap();
    let server = rustls::ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        )
        .unwrap();
    let client = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Tls { server: Arc::new(server), client: TlsConnector::from(Arc::new(client)) }
}

pub async fn measure() {
    let folder = crate::folder();
    let instance = open(folder.path());
    fill(&instance, ROOMS * 2, 512).await;
    let tls = tls();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let stop = std::future::pending::<()>();
    let served =
        tokio::spawn(serve(listener, tls.server, instance, ServerOptions::default(), stop));
    for clients in [1, 32, 256] {
        let mut connections = Vec::new();
        for _ in 0..clients {
            let tcp = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            tcp.set_nodelay(true).unwrap();
            let name = ServerName::try_from("localhost").unwrap();
            connections.push(tls.client.connect(name, tcp).await.unwrap());
        }
        let measuring = Measuring::begin();
        let start = measuring.start;
        let tasks: Vec<_> = connections
            .into_iter()
            .enumerate()
            .map(|(client, connection)| tokio::spawn(patches(connection, client, clients, start)))
            .collect();
        let mut each = Vec::new();
        for task in tasks {
            each.extend(task.await.unwrap());
        }
        let name = format!("durable patches over REST (TLS), {clients} clients");
        measuring.end(each).print(&name, 1);
    }
    served.abort();
}

async fn patches(
    mut connection: TlsStream<TcpStream>,
    client: usize,
    clients: usize,
    start: Instant,
) -> Vec<Duration> {
    let (mut room, mut each, mut answer) = (client, Vec::new(), [0; 2_048]);
    while start.elapsed() < TIME {
        room = (room + clients) % ROOMS;
        let body =
            format!(r#"[{{"op":"replace","path":"/temperature","value":{}.5}}]"#, each.len() % 30);
        let request = format!(
            "PATCH /digitaltwins/{}?api-version=2023-10-31 HTTP/1.1\r\nHost: localhost\r\n\
             Authorization: Bearer bench\r\nContent-Type: application/json-patch+json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            building::thermostat(room),
            body.len()
        );
        let begun = Instant::now();
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut length = 0;
        while !answer[..length].ends_with(b"\r\n\r\n") {
            length += connection.read(&mut answer[length..]).await.unwrap();
        }
        assert!(answer.starts_with(b"HTTP/1.1 204"), "{}", String::from_utf8_lossy(&answer));
        each.push(begun.elapsed());
    }
    each
}
