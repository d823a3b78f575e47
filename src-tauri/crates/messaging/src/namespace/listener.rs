//! The port: accepts connections, in plain TCP or TLS, and ends them when the server stops.

use super::client::Client;
use super::{Core, Namespace};
use amqp::{Error, Shared, condition};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tokio_rustls::TlsAcceptor;

/// Connections beyond the limit that are told so at the same time; more are dropped at once.
const TOLD: usize = 64;
/// How long a client may take to send its first byte, or to agree on TLS.
const FIRST_BYTE: Duration = Duration::from_secs(20);
/// How often locks, times to live and schedules are looked after.
const TICK: Duration = Duration::from_millis(100);
const TRIM_EVERY: Duration = Duration::from_secs(10);
/// How long connections may take to end when the server stops.
const STOP: Duration = Duration::from_secs(8);
/// A record of TLS begins with this byte; AMQP begins with its name.
const TLS: u8 = 0x16;

/// How a namespace listens.
#[derive(Clone)]
pub struct ListenOptions {
    /// For clients that want TLS, on the same port.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    //= documented: A namespace has 5,000 connections at once; one more is told
    //  ConnectionsQuotaExceeded.
    /// How many connections may be open; the service has 5,000 for a namespace.
    pub most_connections: usize,
}

impl Default for ListenOptions {
    fn default() -> Self {
        Self { tls: None, most_connections: 5_000 }
    }
}

/// A namespace that listens. Dropped, it stops at once; [`Listening::stop`] ends in order.
pub struct Listening {
    stop: watch::Sender<bool>,
    task: JoinSet<()>,
    /// Where it listens.
    pub port: u16,
}

impl Listening {
    /// Takes no more connections, answers what is under way, tells clients, and ends.
    pub async fn stop(mut self) {
        // Nobody may listen to it any more.
        let _ = self.stop.send(true);
        if tokio::time::timeout(STOP, self.task.join_next()).await.is_err() {
            tracing::warn!("some clients did not let go of their connections");
        }
    }
}

impl Namespace {
    /// Serves clients on a listener from now on.
    ///
    /// # Errors
    /// Where the listener has no address.
    pub fn listen(
        &self,
        listener: TcpListener,
        options: ListenOptions,
    ) -> std::io::Result<Listening> {
        let port = listener.local_addr()?.port();
        let (stop, stopped) = watch::channel(false);
        let server = Server {
            core: self.core.clone(),
            shared: Arc::new(Shared::new("Twinscope", stopped)),
            tls: options.tls.map(TlsAcceptor::from),
            room: Arc::new(Semaphore::new(options.most_connections)),
            told: Arc::new(Semaphore::new(TOLD)),
        };
        let mut task = JoinSet::new();
        task.spawn(async move { server.run(listener).await });
        Ok(Listening { stop, task, port })
    }
}

struct Server {
    core: Arc<Core>,
    shared: Arc<Shared>,
    tls: Option<TlsAcceptor>,
    room: Arc<Semaphore>,
    told: Arc<Semaphore>,
}

impl Server {
    async fn run(self, listener: TcpListener) {
        let mut connections = JoinSet::new();
        let mut stop = self.shared.stop.clone();
        let mut trim = tokio::time::interval(TRIM_EVERY);
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => self.accept(stream, &mut connections),
                    // No more files, most likely: it gets better when connections end.
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be accepted");
                        self.core.traffic.reject("not accepted");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                },
                Some(_) = connections.join_next() => {}
                _ = trim.tick() => {
                    let core = self.core.clone();
                    tokio::task::spawn_blocking(move || core.trim());
                }
                _ = tick.tick() => self.core.bus.tick(),
                () = async { drop(stop.wait_for(|stop| *stop).await) } => break,
            }
        }
        drop(listener);
        while connections.join_next().await.is_some() {}
    }

    fn accept(&self, stream: TcpStream, connections: &mut JoinSet<()>) {
        let (permit, full) = match self.room.clone().try_acquire_owned() {
            Ok(permit) => (permit, None),
            Err(_) => match self.told.clone().try_acquire_owned() {
                Ok(permit) => (permit, Some(too_many())),
                Err(_) => return self.core.traffic.reject(condition::RESOURCE_LIMIT_EXCEEDED),
            },
        };
        let client = Client::new(self.core.clone(), full);
        let (shared, tls) = (self.shared.clone(), self.tls.clone());
        connections.spawn(connection(stream, client, shared, tls, permit));
    }
}

impl Core {
    /// Drops what may not be kept any longer. **Blocks.**
    fn trim(&self) {
        self.hubs.all().iter().for_each(|hub| hub.trim());
        self.bus.compact();
    }
}

fn too_many() -> Error {
    let text = "ConnectionsQuotaExceeded for namespace: close some connections and try again";
    Error::new(condition::RESOURCE_LIMIT_EXCEEDED, text)
}

async fn connection(
    stream: TcpStream,
    mut client: Client,
    shared: Arc<Shared>,
    tls: Option<TlsAcceptor>,
    _room: OwnedSemaphorePermit,
) {
    // Without it small answers wait for 40 ms.
    let _ = stream.set_nodelay(true);
    let mut first = [0];
    let peeked = tokio::time::timeout(FIRST_BYTE, stream.peek(&mut first)).await;
    if !matches!(peeked, Ok(Ok(1))) {
        return;
    }
    match tls {
        Some(tls) if first == [TLS] => {
            let agreed = tokio::time::timeout(FIRST_BYTE, tls.accept(stream)).await;
            if let Ok(Ok(stream)) = agreed {
                serve(stream, &mut client, &shared).await;
            }
        }
        _ => serve(stream, &mut client, &shared).await,
    }
}

async fn serve<S>(stream: S, client: &mut Client, shared: &Shared)
where
    S: AsyncRead + AsyncWrite + Send + Unpin,
{
    amqp::serve(stream, client, shared).await;
}
