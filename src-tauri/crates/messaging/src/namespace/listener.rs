//! The port: accepts connections, in plain TCP or TLS, and ends them when the server stops.

use super::client::Client;
use super::{Core, Namespace, websocket};
use crate::http::own_names;
use amqp::{Error, Peer, Shared, condition};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, timeout};
use tokio_rustls::TlsAcceptor;

/// Connections beyond the limit that are told so at the same time; more are dropped at once.
const TOLD: usize = 64;
/// How long a client may take to send its first byte, or to agree on TLS.
const FIRST_BYTE: Duration = Duration::from_secs(20);
/// How long a client of HTTP may take to read that it is wrong here.
const FAREWELL: Duration = Duration::from_secs(2);
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
    /// By which names clients reach it, beside localhost: for those over WebSockets.
    pub host_names: Vec<String>,
    //= documented: A namespace has 5,000 connections at once; one more is told
    //  ConnectionsQuotaExceeded. [includes/service-bus-quotas-table,
    //  service-bus-messaging/service-bus-messaging-exceptions]
    /// How many connections may be open; the service has 5,000 for a namespace.
    pub most_connections: usize,
}

impl Default for ListenOptions {
    fn default() -> Self {
        Self { tls: None, host_names: Vec::new(), most_connections: 5_000 }
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
        if timeout(STOP, self.task.join_next()).await.is_err() {
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
            hosts: Arc::new(own_names(options.host_names)),
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
    hosts: Arc<Vec<String>>,
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
        let (tls, hosts) = (self.tls.clone(), self.hosts.clone());
        let door = Door { client, shared: self.shared.clone(), hosts };
        connections.spawn(async move {
            door.enter(stream, tls).await;
            drop(permit);
        });
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

/// One connection, until it is known what it speaks.
struct Door {
    client: Client,
    shared: Arc<Shared>,
    hosts: Arc<Vec<String>>,
}

impl Door {
    async fn enter(self, stream: TcpStream, tls: Option<TlsAcceptor>) {
        // Without it small answers wait for 40 ms.
        let _ = stream.set_nodelay(true);
        let mut first = [0];
        let peeked = timeout(FIRST_BYTE, stream.peek(&mut first)).await;
        if !matches!(peeked, Ok(Ok(1))) {
            return;
        }
        match tls {
            Some(tls) if first == [TLS] => {
                if let Ok(Ok(stream)) = timeout(FIRST_BYTE, tls.accept(stream)).await {
                    // Small: it is there to look at the first byte, and passed by afterwards.
                    let mut stream = BufReader::with_capacity(512, stream);
                    if let Ok(Ok([first, ..])) = timeout(FIRST_BYTE, stream.fill_buf()).await {
                        let first = *first;
                        self.serve(stream, first).await;
                    }
                }
            }
            _ => self.serve(stream, first[0]).await,
        }
    }

    async fn serve<S>(mut self, mut stream: S, first: u8)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin,
    {
        if !websocket::is_http(first) {
            return amqp::serve(stream, &mut self.client, &self.shared).await;
        }
        let agreeing = websocket::accept(&mut stream, &self.hosts);
        let refused = match timeout(FIRST_BYTE, agreeing).await {
            Ok(Ok(stream)) => return amqp::serve(stream, &mut self.client, &self.shared).await,
            Ok(Err(refused)) => Some(refused),
            Err(_) => None,
        };
        self.client.refused(&not_agreed());
        if let Some(refused) = refused {
            // Who does not take it goes without.
            let _ = timeout(FAREWELL, websocket::answer(&mut stream, &refused)).await;
        }
    }
}

fn not_agreed() -> Error {
    Error::new(condition::NOT_ALLOWED, "it did not ask for AMQP over WebSockets")
}
