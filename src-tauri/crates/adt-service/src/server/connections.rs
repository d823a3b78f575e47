//! Accepting, TLS and HTTP/1.1, each with its bound and its time-out.

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

/// Past it, new connections wait in the system's queue. Well above the thousand idle ones that a
/// careless client leaves open.
const MAX_CONNECTIONS: usize = 2_048;
const HANDSHAKE: Duration = Duration::from_secs(10);
/// For the whole head of a request, and for the time between two on a connection.
const HEAD: Duration = Duration::from_secs(30);
/// Bounds the head's size as well: ids have at most a few kilobytes, tokens too.
const READ_BUFFER: usize = 64 * 1024;
const GRACE: Duration = Duration::from_secs(5);
/// Where the system has no file left for a connection: others end meanwhile.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

pub(super) async fn serve(
    listener: TcpListener,
    tls: Arc<rustls::ServerConfig>,
    app: Router,
    stop: impl Future,
) {
    let acceptor = TlsAcceptor::from(tls);
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let (stopping, stopped) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        tokio::select! {
            _ = &mut stop => break,
            Some(_) = connections.join_next() => {}
            accepted = accept(&listener, &places) => match accepted {
                Ok((tcp, place)) => {
                    let served = serve_one(tcp, acceptor.clone(), app.clone(), stopped.clone());
                    connections.spawn(async move {
                        served.await;
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    sleep(ACCEPT_AGAIN).await;
                }
            }
        }
    }
    drop(listener);
    stopping.send_replace(true);
    let ended = async { while connections.join_next().await.is_some() {} };
    if timeout(GRACE, ended).await.is_err() {
        connections.shutdown().await;
    }
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let place = places.clone().acquire_owned().await.map_err(io::Error::other)?;
    let (tcp, _) = listener.accept().await?;
    tcp.set_nodelay(true)?;
    Ok((tcp, place))
}

async fn serve_one(
    tcp: TcpStream,
    acceptor: TlsAcceptor,
    app: Router,
    mut stopped: watch::Receiver<bool>,
) {
    let tls = match timeout(HANDSHAKE, acceptor.accept(tcp)).await {
        Ok(Ok(tls)) => tls,
        Ok(Err(error)) => return tracing::debug!(%error, "a client ended the TLS handshake"),
        Err(_) => return tracing::debug!("a client did not finish the TLS handshake"),
    };
    let mut http = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD)
            .max_buf_size(READ_BUFFER)
            .serve_connection(TokioIo::new(tls), TowerToHyperService::new(app))
    );
    let stop = async { stopped.wait_for(|stopped| *stopped).await.is_ok() };
    let done = tokio::select! {
        done = http.as_mut() => done,
        _ = stop => {
            http.as_mut().graceful_shutdown();
            http.await
        }
    };
    if let Err(error) = done {
        tracing::debug!(%error, "a connection ended early");
    }
}
