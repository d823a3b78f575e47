//! The server under strain: large bodies, what is not quite HTTP, idle connections, a stop.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod memory;
mod served;

use adt_service::server::ServerOptions;
use serde_json::Value;
use served::{Fixture, V};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

#[tokio::test]
async fn large_bodies_are_refused_with_an_answer() {
    let fixture = Fixture::start(ServerOptions::default()).await;
    let at = |length: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(length));
    for (request, body, status) in [
        ("PUT /digitaltwins/t", at(256 * 1024), 413),
        ("PUT /digitaltwins/t", at(10 * 1024 * 1024), 413),
        ("POST /query", at(1024 * 1024), 413),
        // Not too large for models: refused for what it is.
        ("POST /models", at(2 * 1024 * 1024), 400),
        ("PUT /digitaltwins/t", at(255 * 1024), 400),
    ] {
        let response = fixture.send(&format!("{request}?{V}"), &[], &body).await;
        assert_eq!(response.status(), status, "{request} {}", body.len());
        let body: Value = response.json().await.unwrap();
        let message = body["error"]["message"].as_str().unwrap();
        assert_eq!(status == 413, message.contains("larger than the 256 KiB"), "{message}");
    }
    // Without a token neither.
    let request =
        fixture.request("PUT", &format!("/digitaltwins/t?{V}")).body(at(10 * 1024 * 1024));
    assert_eq!(request.send().await.unwrap().status(), 401);
    fixture.served.stop().await;
}

async fn raw(fixture: &Fixture) -> TlsStream<TcpStream> {
    let mut roots = rustls::RootCertStore::empty();
    let ca =
        <rustls::pki_types::CertificateDer as rustls::pki_types::pem::PemObject>::from_pem_slice(
            fixture.served.ca_pem.as_bytes(),
        );
    roots.add(ca.unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let tcp = TcpStream::connect(("127.0.0.1", fixture.served.port)).await.unwrap();
    let name = "localhost".try_into().unwrap();
    tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, tcp).await.unwrap()
}

#[tokio::test]
async fn requests_that_are_not_quite_http_are_refused() {
    let fixture = Fixture::start(ServerOptions::default()).await;
    let big = "x".repeat(128 * 1024);
    for (request, expected) in [
        (format!("GET /models?{V} HTTP/1.1\r\nAuthorization: Bearer x\r\n\r\n"), "400 Bad Request"),
        (
            format!(
                "GET /models?{V} HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nAuthorization: Bearer x\r\n\r\n"
            ),
            "400 Bad Request",
        ),
        (
            format!(
                "GET https://evil.example/models?{V} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer x\r\n\r\n"
            ),
            "421 Misdirected Request",
        ),
        (
            format!("GET /models?{V} HTTP/1.1\r\nHost: localhost\r\nX-Big: {big}\r\n\r\n"),
            "431 Request Header Fields Too Large",
        ),
        ("nonsense\r\n\r\n".into(), "400 Bad Request"),
    ] {
        let mut tls = raw(&fixture).await;
        tls.write_all(request.as_bytes()).await.ok();
        let mut answer = vec![0; 200];
        let length = tls.read(&mut answer).await.unwrap();
        let answer = String::from_utf8_lossy(&answer[..length]);
        assert!(answer.starts_with(&format!("HTTP/1.1 {expected}")), "{request:.60}: {answer}");
    }
    fixture.served.stop().await;
}

#[tokio::test]
async fn idle_and_half_sent_connections_disturb_nobody() {
    let fixture = Fixture::start(ServerOptions::default()).await;
    let mut idle = Vec::new();
    for n in 0..300 {
        let mut tcp = TcpStream::connect(("127.0.0.1", fixture.served.port)).await.unwrap();
        if n % 2 == 0 {
            tcp.write_all(b"\x16\x03\x01").await.unwrap();
        }
        idle.push(tcp);
    }
    let mut half = raw(&fixture).await;
    let head = format!(
        "PUT /digitaltwins/t?{V} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer x\r\nContent-Length: 100\r\n\r\n{{"
    );
    half.write_all(head.as_bytes()).await.unwrap();
    let began = Instant::now();
    fixture.twin("other").await;
    assert!(began.elapsed() < Duration::from_secs(5));
    drop(half);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!fixture.memory.twins.lock().contains_key("t"), "half a request does nothing");
    drop(idle);
    fixture.served.stop().await;
}

#[tokio::test]
async fn a_stop_lets_running_requests_end() {
    let fixture = Fixture::start(ServerOptions::default()).await;
    fixture.twin("t").await;
    fixture.memory.fail_with(|_| Ok(Duration::from_millis(500)));
    let request = fixture.request("GET", &format!("/digitaltwins/t?{V}")).bearer_auth("x");
    let running = tokio::spawn(request.send());
    while fixture.memory.calls.lock().iter().all(|(name, _)| name != "get_twin") {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let port = fixture.served.port;
    let began = Instant::now();
    fixture.served.stop().await;
    assert!(began.elapsed() < Duration::from_secs(4), "idle connections do not hold it up");
    assert_eq!(running.await.unwrap().unwrap().status(), 200);
    assert!(TcpStream::connect(("127.0.0.1", port)).await.is_err(), "nobody listens any more");
}
