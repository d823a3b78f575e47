//! The HTTP server of Event Grid and of IoT Hub's service side: plain HTTP and TLS on one port.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use crate::traffic::Traffic;

const MAX_CONNECTIONS: usize = 4_096;
const HANDSHAKE: Duration = Duration::from_secs(10);
const HEADERS_WITHIN: Duration = Duration::from_secs(30);
/// For one request, body and all.
const REQUEST_WITHIN: Duration = Duration::from_secs(120);
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);
const DRAIN: Duration = Duration::from_secs(2);
/// The first byte of a TLS handshake.
const TLS_HANDSHAKE: u8 = 0x16;

/// The names by which a server on this machine is addressed, with those that it has beside.
pub(crate) fn own_names(beside: Vec<String>) -> Vec<String> {
    ["localhost", "127.0.0.1", "[::1]"].map(String::from).into_iter().chain(beside).collect()
}

/// Serves until `stopped`, then lets requests under way end. `host_names` are those that it is
/// addressed by beside localhost: a page that made its name resolve to this machine has another.
pub async fn serve(
    listener: TcpListener,
    tls: Arc<ServerConfig>,
    router: Router,
    host_names: Vec<String>,
    traffic: Arc<Traffic>,
    stopped: impl Future<Output = ()>,
) {
    let hosts = Arc::new(own_names(host_names));
    let app = router.layer(from_fn_with_state(hosts, gate));
    let acceptor = TlsAcceptor::from(tls);
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let (stop, stopping) = watch::channel(false);
    let mut connections = JoinSet::new();
    tokio::pin!(stopped);
    loop {
        let accepted = tokio::select! {
            () = &mut stopped => break,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        match (accepted, places.clone().try_acquire_owned()) {
            (Ok((tcp, _)), Ok(place)) => {
                let (app, acceptor) = (app.clone(), acceptor.clone());
                let (traffic, stopping) = (traffic.clone(), stopping.clone());
                connections.spawn(async move {
                    let _open = traffic.connection();
                    connection(tcp, app, acceptor, stopping).await;
                    drop(place);
                });
            }
            (Ok(_), Err(_)) => traffic.reject("too many connections"),
            (Err(error), _) => {
                tracing::warn!(%error, "the HTTP server could not accept a connection");
                tokio::time::sleep(ACCEPT_AGAIN).await;
            }
        }
    }
    drop(listener);
    // Nobody listens where there are no connections.
    let _ = stop.send(true);
    let drained = async { while connections.join_next().await.is_some() {} };
    if timeout(DRAIN, drained).await.is_err() {
        tracing::debug!("some HTTP clients did not let go in time");
    }
}

async fn connection(
    tcp: TcpStream,
    app: Router,
    acceptor: TlsAcceptor,
    stopping: watch::Receiver<bool>,
) {
    // Answers are small and should not wait for each other.
    let _ = tcp.set_nodelay(true);
    let mut first = [0];
    match timeout(HANDSHAKE, tcp.peek(&mut first)).await {
        Ok(Ok(1)) if first[0] == TLS_HANDSHAKE => {
            match timeout(HANDSHAKE, acceptor.accept(tcp)).await {
                Ok(Ok(stream)) => answer(stream, app, stopping).await,
                _ => tracing::debug!("a TLS handshake failed"),
            }
        }
        Ok(Ok(1)) => answer(tcp, app, stopping).await,
        _ => tracing::debug!("a client connected and said nothing"),
    }
}

async fn answer(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    app: Router,
    mut stopping: watch::Receiver<bool>,
) {
    let http = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_WITHIN)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(app));
    tokio::pin!(http);
    let ended = tokio::select! {
        ended = http.as_mut() => ended,
        _ = stopping.changed() => {
            http.as_mut().graceful_shutdown();
            http.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "an HTTP client ended early");
    }
}

async fn gate(State(hosts): State<Arc<Vec<String>>>, request: Request, next: Next) -> Response {
    if let Err(message) = admit(&hosts, request.headers(), Origins::None) {
        return (StatusCode::FORBIDDEN, message).into_response();
    }
    match timeout(REQUEST_WITHIN, next.run(request)).await {
        Ok(response) => response,
        Err(_) => StatusCode::REQUEST_TIMEOUT.into_response(),
    }
}

/// Which pages may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origins {
    /// None: no client of the service sends an origin.
    None,
    /// The server's own, of which there are no pages: some clients name the server itself.
    Own,
}

/// Whether a request is meant for this server, by one of the names that it has, and not sent by a
/// page.
pub(crate) fn admit(
    hosts: &[String],
    headers: &HeaderMap,
    origins: Origins,
) -> Result<(), &'static str> {
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let name = match host.rsplit_once(':') {
        // `[::1]` has colons of its own.
        Some((name, port)) if !port.ends_with(']') => name,
        _ => host,
    };
    if !hosts.iter().any(|known| known.eq_ignore_ascii_case(name)) {
        return Err("This server does not answer for that host. Address it as localhost.");
    }
    let is_own = |origin: &HeaderValue| {
        let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
        origins == Origins::Own && origin.is_some_and(|(_, own)| own.eq_ignore_ascii_case(host))
    };
    if headers.get(header::ORIGIN).is_some_and(|origin| !is_own(origin)) {
        return Err("Web pages cannot use this server.");
    }
    Ok(())
}
