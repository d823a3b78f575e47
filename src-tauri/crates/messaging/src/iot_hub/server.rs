//! Lets devices in: accepts, speaks TLS, bounds.

use super::IotHub;
use super::connection;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

const HANDSHAKE: Duration = Duration::from_secs(10);
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);
const HOUSEKEEPING: Duration = Duration::from_secs(5);
/// How long connections may take to end on a stop.
const DRAIN: Duration = Duration::from_secs(2);

/// Serves a hub's devices over TLS until `stopped`; then ends their connections, and returns when
/// what they had sent is answered.
pub async fn serve(
    hub: Arc<IotHub>,
    listener: TcpListener,
    tls: Arc<ServerConfig>,
    stopped: impl Future<Output = ()>,
) {
    let acceptor = TlsAcceptor::from(tls);
    let (stop, stopping) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut housekeeping = tokio::time::interval(HOUSEKEEPING);
    tokio::pin!(stopped);
    loop {
        tokio::select! {
            () = &mut stopped => break,
            _ = housekeeping.tick() => hub.keep_house().await,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((tcp, _)) if connections.len() < hub.max_connections => {
                    connections.spawn(connect(hub.clone(), tcp, acceptor.clone(), stopping.clone()));
                }
                // Closing it at once is all that can be said before TLS.
                Ok(_) => hub.traffic.reject("too many connections"),
                Err(error) => {
                    // Out of file handles, mostly: those that are open go on.
                    tracing::warn!(%error, "the IoT hub could not accept a connection");
                    tokio::time::sleep(ACCEPT_AGAIN).await;
                }
            }
        }
    }
    drop(listener);
    // Nobody listens where there are no connections.
    let _ = stop.send(true);
    let drained = async { while connections.join_next().await.is_some() {} };
    if timeout(DRAIN, drained).await.is_err() {
        tracing::debug!("some devices did not let go in time");
    }
}

async fn connect(
    hub: Arc<IotHub>,
    tcp: TcpStream,
    acceptor: TlsAcceptor,
    stopping: watch::Receiver<bool>,
) {
    let _open = hub.traffic.connection();
    // Small packets should not wait for each other.
    let _ = tcp.set_nodelay(true);
    match timeout(HANDSHAKE, acceptor.accept(tcp)).await {
        Ok(Ok(stream)) => connection::run(&hub, stream, stopping).await,
        Ok(Err(error)) => refused(&hub, &error),
        Err(_) => hub.traffic.reject("TLS handshake timed out"),
    }
}

fn refused(hub: &IotHub, error: &io::Error) {
    tracing::debug!(%error, "a TLS handshake failed");
    hub.traffic.reject("TLS handshake failed");
}

impl IotHub {
    /// What is to be done now and then.
    async fn keep_house(&self) {
        self.registry.snapshot_if_due().await;
        for device in self.registry.devices() {
            let over = !device.state.lock().queue.expired(super::millis()).is_empty();
            if over {
                let _writing = device.writing.lock().await;
                if let Err(error) = self.give_up(&device).await {
                    tracing::warn!(%error, "expired messages could not be taken away");
                }
            }
        }
    }
}
