//! An MQTT 3.1.1 client: a device of an IoT hub, at Azure or here, or a client of any other broker.

use crate::clock::now_seconds;
use crate::iot_hub::{Properties, device_bound};
use crate::sas::{ConnectionString, Key, sign};
use bytes::{Bytes, BytesMut};
use rmqtt_codec::types::{Publish, QoS};
use rmqtt_codec::v3::{Codec, Connect, ConnectAckReason, Packet, SubscribeReturnCode};
use std::collections::HashMap;
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_util::codec::{Decoder, Encoder};

const CONNECT_WITHIN: Duration = Duration::from_secs(20);
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
const TOKEN_LIFE: u64 = 60 * 60;
const API_VERSION: &str = "2021-04-12";
/// Requests and messages that wait; past that callers wait, and the broker is read no further.
const QUEUE: usize = 256;
const MAX_PACKET_BYTES: u32 = 1 << 20;
const NOBODY_TAKES: &str = "nobody takes its messages";

/// Where and as whom a client connects.
#[derive(Clone)]
pub struct MqttOptions {
    /// Host name; what the certificate must have where there is TLS.
    pub host: String,
    /// 8883 with TLS, 1883 without.
    pub port: u16,
    /// TLS; plain TCP where `None`.
    pub tls: Option<Arc<ClientConfig>>,
    /// Who it is.
    pub client_id: String,
    /// User name, where the broker wants one.
    pub username: Option<String>,
    /// Password, a secret.
    pub password: Option<String>,
    /// Whether the broker forgets the session when the connection ends.
    pub clean_session: bool,
    /// How often something is said.
    pub keep_alive: Duration,
}

impl std::fmt::Debug for MqttOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MqttOptions")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

impl MqttOptions {
    /// A device of an IoT hub, by its connection string. The token lasts an hour.
    ///
    /// # Errors
    /// [`MqttError::ConnectionString`].
    pub fn device(
        connection_string: &str,
        port: u16,
        tls: Arc<ClientConfig>,
    ) -> Result<Self, MqttError> {
        let wrong = |what: String| MqttError::ConnectionString(what);
        let read = ConnectionString::parse(connection_string).map_err(|e| wrong(e.to_string()))?;
        let device = read.device.ok_or_else(|| wrong("it names no device".into()))?;
        let key = read.key.ok_or_else(|| wrong("it has no key".into()))?;
        let key = Key::base64(&key).map_err(|e| wrong(e.to_string()))?;
        let expires = now_seconds() + TOKEN_LIFE;
        let resource = format!("{}/devices/{device}", read.host);
        Ok(Self {
            username: Some(format!("{}/{device}/?api-version={API_VERSION}", read.host)),
            password: Some(sign(&resource, None, &key, expires)),
            host: read.host,
            port,
            tls: Some(tls),
            client_id: device,
            clean_session: false,
            keep_alive: Duration::from_secs(60),
        })
    }

    /// A client of a broker without TLS or password.
    #[must_use]
    pub fn plain(host: &str, port: u16, client_id: &str) -> Self {
        Self {
            host: host.to_owned(),
            port,
            tls: None,
            client_id: client_id.to_owned(),
            username: None,
            password: None,
            clean_session: true,
            keep_alive: Duration::from_secs(60),
        }
    }
}

/// Why something did not work.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MqttError {
    /// Not a device's connection string; what is wrong.
    #[error("the connection string of a device does not serve: {0}")]
    ConnectionString(String),
    /// No connection.
    #[error("{address} cannot be reached: {reason}. Check host, port and certificate.")]
    Unreachable {
        /// Where.
        address: String,
        /// Why.
        reason: String,
    },
    /// The broker refused, by the code of CONNACK.
    #[error("the broker refused the connection: {0}")]
    Refused(String),
    /// The broker does not let it subscribe to that.
    #[error("the broker does not let it subscribe to «{0}»")]
    NotSubscribed(String),
    /// No answer in time, or the connection ended first.
    #[error("the connection ended: {0}")]
    Ended(String),
}

/// A message that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MqttMessage {
    /// Its topic.
    pub topic: String,
    /// Its payload.
    pub payload: Bytes,
    /// Whether it was kept by the broker for new subscribers.
    pub retain: bool,
    /// Whether the broker sent it before and was not told that it arrived.
    pub repeated: bool,
    /// Under what it is acknowledged; `None` for one that the broker sends once only.
    packet_id: Option<NonZeroU16>,
}

enum Ask {
    Publish { topic: String, payload: Bytes, at_least_once: bool, done: oneshot::Sender<()> },
    Subscribe { filter: String, done: oneshot::Sender<bool> },
    Unsubscribe { filter: String, done: oneshot::Sender<bool> },
    Disconnect,
}

/// A connected client. Dropped, it disconnects. It does not connect again by itself: whoever uses
/// it knows what is to be done then.
pub struct MqttClient {
    asks: mpsc::Sender<Ask>,
    messages: mpsc::Receiver<MqttMessage>,
    /// As many at most as the broker has under way without an answer.
    handled: mpsc::UnboundedSender<NonZeroU16>,
    task: JoinHandle<String>,
    /// Whether the broker had kept the session.
    pub session_present: bool,
}

impl MqttClient {
    /// Connects.
    ///
    /// # Errors
    /// [`MqttError::Unreachable`], [`MqttError::Refused`].
    pub async fn connect(options: &MqttOptions) -> Result<Self, MqttError> {
        let address = format!("{}:{}", options.host, options.port);
        let unreachable =
            |reason: String| MqttError::Unreachable { address: address.clone(), reason };
        let connected = timeout(CONNECT_WITHIN, async {
            let tcp = TcpStream::connect((options.host.as_str(), options.port)).await;
            let tcp = tcp.map_err(|error| unreachable(error.to_string()))?;
            // Small packets should not wait for each other.
            let _ = tcp.set_nodelay(true);
            match &options.tls {
                None => Self::open(tcp, options).await,
                Some(tls) => {
                    let name = ServerName::try_from(options.host.clone());
                    let name = name.map_err(|error| unreachable(error.to_string()))?;
                    let tls = TlsConnector::from(tls.clone()).connect(name, tcp).await;
                    Self::open(tls.map_err(|error| unreachable(error.to_string()))?, options).await
                }
            }
        });
        connected.await.unwrap_or_else(|_| Err(unreachable("no answer in time".into())))
    }

    async fn open<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
        stream: S,
        options: &MqttOptions,
    ) -> Result<Self, MqttError> {
        let mut wire = Wire::new(stream);
        let seconds = u16::try_from(options.keep_alive.as_secs()).unwrap_or(u16::MAX);
        wire.put(Packet::Connect(Box::new(Connect {
            clean_session: options.clean_session,
            keep_alive: seconds,
            client_id: options.client_id.as_str().into(),
            username: options.username.as_deref().map(Into::into),
            password: options.password.clone().map(Bytes::from),
            ..Connect::default()
        })));
        wire.flush().await.map_err(MqttError::Ended)?;
        let session_present = match wire.next().await.map_err(MqttError::Ended)? {
            Packet::ConnectAck(answer)
                if answer.return_code == ConnectAckReason::ConnectionAccepted =>
            {
                answer.session_present
            }
            Packet::ConnectAck(answer) => {
                return Err(MqttError::Refused(answer.return_code.reason().to_owned()));
            }
            _ => return Err(MqttError::Ended("the first answer is not CONNACK".into())),
        };
        let (asks, asked) = mpsc::channel(QUEUE);
        let (arrived, messages) = mpsc::channel(QUEUE);
        let (handled, to_acknowledge) = mpsc::unbounded_channel();
        let keep_alive = options.keep_alive;
        let task = tokio::spawn(async move {
            let work = Work {
                wire,
                asked,
                arrived,
                to_acknowledge,
                last_id: 0,
                publishing: HashMap::new(),
                subscribing: HashMap::new(),
            };
            work.run(keep_alive).await
        });
        Ok(Self { asks, messages, handled, task, session_present })
    }

    /// Publishes; with `at_least_once` it returns when the broker has it.
    ///
    /// # Errors
    /// [`MqttError::Ended`]; whether the broker has it is then not known.
    pub async fn publish(
        &self,
        topic: &str,
        payload: impl Into<Bytes>,
        at_least_once: bool,
    ) -> Result<(), MqttError> {
        let (done, answered) = oneshot::channel();
        let (topic, payload) = (topic.to_owned(), payload.into());
        self.ask(Ask::Publish { topic, payload, at_least_once, done }).await?;
        self.answer(answered).await
    }

    /// Sends telemetry as a device of an IoT hub.
    ///
    /// # Errors
    /// As [`MqttClient::publish`].
    pub async fn send_telemetry(
        &self,
        device: &str,
        properties: &Properties,
        body: impl Into<Bytes>,
    ) -> Result<(), MqttError> {
        let topic = format!("devices/{device}/messages/events/{}", properties.to_bag());
        self.publish(&topic, body, true).await
    }

    /// Subscribes, at least once.
    ///
    /// # Errors
    /// [`MqttError::NotSubscribed`], [`MqttError::Ended`].
    pub async fn subscribe(&self, filter: &str) -> Result<(), MqttError> {
        let (done, answered) = oneshot::channel();
        self.ask(Ask::Subscribe { filter: filter.to_owned(), done }).await?;
        match self.answer(answered).await? {
            true => Ok(()),
            false => Err(MqttError::NotSubscribed(filter.to_owned())),
        }
    }

    /// Ends a subscription; one that there is not is none after it, either.
    ///
    /// # Errors
    /// [`MqttError::Ended`].
    pub async fn unsubscribe(&self, filter: &str) -> Result<(), MqttError> {
        let (done, answered) = oneshot::channel();
        self.ask(Ask::Unsubscribe { filter: filter.to_owned(), done }).await?;
        self.answer(answered).await.map(drop)
    }

    /// Subscribes to the messages to a device of an IoT hub.
    ///
    /// # Errors
    /// As [`MqttClient::subscribe`].
    pub async fn subscribe_device_bound(&self, device: &str) -> Result<(), MqttError> {
        self.subscribe(&format!("{}#", device_bound(device, &Properties::default()))).await
    }

    async fn ask(&self, ask: Ask) -> Result<(), MqttError> {
        self.asks.send(ask).await.map_err(|_| MqttError::Ended("it has ended before".into()))
    }

    async fn answer<T>(&self, answered: oneshot::Receiver<T>) -> Result<T, MqttError> {
        match timeout(ANSWER_WITHIN, answered).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) => Err(MqttError::Ended("before the broker answered".into())),
            Err(_) => Err(MqttError::Ended("the broker did not answer in time".into())),
        }
    }

    /// The next message; `None` when the connection has ended and all were taken. It is
    /// acknowledged when it is taken.
    pub async fn next_message(&mut self) -> Option<MqttMessage> {
        let message = self.next_unacknowledged().await?;
        self.acknowledge(&message);
        Some(message)
    }

    /// The next message, as [`MqttClient::next_message`]; whoever takes it acknowledges it. A
    /// broker that keeps the session sends what it has no answer to again, over the next
    /// connection.
    pub async fn next_unacknowledged(&mut self) -> Option<MqttMessage> {
        self.messages.recv().await
    }

    /// Tells the broker that a message is done with. Those that are should be told in the order in
    /// which they came.
    pub fn acknowledge(&self, message: &MqttMessage) {
        if let Some(packet_id) = message.packet_id {
            // After the connection's end nobody can be told.
            let _ = self.handled.send(packet_id);
        }
    }

    /// Says DISCONNECT, and waits until it is said.
    pub async fn disconnect(self) {
        if self.ask(Ask::Disconnect).await.is_ok() {
            // However it ended, it has ended.
            let _ = timeout(CONNECT_WITHIN, self.task).await;
        }
    }
}

struct Wire<S> {
    stream: S,
    codec: Codec,
    input: BytesMut,
    output: BytesMut,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    fn new(stream: S) -> Self {
        let codec = Codec::new(MAX_PACKET_BYTES);
        Self { stream, codec, input: BytesMut::new(), output: BytesMut::new() }
    }

    fn put(&mut self, packet: Packet) {
        if let Err(error) = self.codec.encode(packet, &mut self.output) {
            tracing::error!(%error, "a packet could not be encoded");
        }
    }

    async fn flush(&mut self) -> Result<(), String> {
        if self.output.is_empty() {
            return Ok(());
        }
        let written = async {
            self.stream.write_all_buf(&mut self.output).await?;
            self.stream.flush().await
        };
        match timeout(ANSWER_WITHIN, written).await {
            Ok(done) => done.map_err(|error| error.to_string()),
            Err(_) => Err("the broker reads nothing".into()),
        }
    }

    /// The next packet. May be given up and asked again.
    async fn next(&mut self) -> Result<Packet, String> {
        loop {
            let decoded = self.codec.decode(&mut self.input).map_err(|error| error.to_string())?;
            if let Some((packet, _)) = decoded {
                return Ok(packet);
            }
            self.input.reserve(4_096);
            match self.stream.read_buf(&mut self.input).await {
                Ok(1..) => {}
                Ok(0) => return Err("the broker closed it".into()),
                Err(error) => return Err(error.to_string()),
            }
        }
    }
}

/// Ready when there is room.
async fn room_in(line: &mpsc::Sender<MqttMessage>) -> Result<(), String> {
    line.reserve().await.map(drop).map_err(|_| NOBODY_TAKES.to_owned())
}

struct Work<S> {
    wire: Wire<S>,
    asked: mpsc::Receiver<Ask>,
    arrived: mpsc::Sender<MqttMessage>,
    to_acknowledge: mpsc::UnboundedReceiver<NonZeroU16>,
    last_id: u16,
    publishing: HashMap<NonZeroU16, oneshot::Sender<()>>,
    subscribing: HashMap<NonZeroU16, oneshot::Sender<bool>>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Work<S> {
    /// Works until the connection ends; the answer is why.
    async fn run(mut self, keep_alive: Duration) -> String {
        let mut ping = tokio::time::interval(keep_alive.max(Duration::from_secs(2)) / 2);
        ping.tick().await;
        let mut unanswered = 0_u32;
        loop {
            // Where nobody takes what comes, the broker is read no further, but still told that this
            // is alive.
            let has_room = self.arrived.capacity() > 0;
            let worked = tokio::select! {
                packet = self.wire.next(), if has_room => match packet {
                    Ok(packet) => {
                        unanswered = 0;
                        self.handle(packet).await
                    }
                    Err(reason) => return reason,
                },
                ask = self.asked.recv(), if self.publishing.len() < QUEUE => match ask {
                    Some(ask) => self.take(ask),
                    None => Err("it is not used any more".into()),
                },
                room = room_in(&self.arrived), if !has_room => room,
                Some(packet_id) = self.to_acknowledge.recv() => {
                    self.wire.put(Packet::PublishAck { packet_id });
                    Ok(())
                }
                _ = ping.tick() => {
                    unanswered += u32::from(has_room);
                    self.wire.put(Packet::PingRequest);
                    if unanswered > 3 { Err("the broker is silent".into()) } else { Ok(()) }
                }
            };
            // What else is asked already goes with the same write.
            while worked.is_ok() && self.publishing.len() < QUEUE {
                match self.asked.try_recv() {
                    Ok(Ask::Disconnect) => return self.goodbye().await,
                    Ok(ask) => {
                        if self.take(ask).is_err() {
                            break;
                        }
                    }
                    Err(_) => break,
                }
            }
            match worked {
                Err(reason) => {
                    let said = self.goodbye().await;
                    return format!("{reason}; {said}");
                }
                Ok(()) => {
                    self.put_acknowledgements();
                    if let Err(reason) = self.wire.flush().await {
                        return reason;
                    }
                }
            }
        }
    }

    fn put_acknowledgements(&mut self) {
        while let Ok(packet_id) = self.to_acknowledge.try_recv() {
            self.wire.put(Packet::PublishAck { packet_id });
        }
    }

    async fn goodbye(&mut self) -> String {
        self.put_acknowledgements();
        self.wire.put(Packet::Disconnect);
        match self.wire.flush().await {
            Ok(()) => {
                // The broker may have closed it already.
                let _ = self.wire.stream.shutdown().await;
                "disconnected".into()
            }
            Err(reason) => reason,
        }
    }

    fn take(&mut self, ask: Ask) -> Result<(), String> {
        match ask {
            Ask::Publish { topic, payload, at_least_once, done } => {
                let packet_id = at_least_once.then(|| self.next_id());
                match packet_id {
                    Some(id) => drop(self.publishing.insert(id, done)),
                    // Whoever asked may be gone.
                    None => drop(done.send(())),
                }
                let qos = if at_least_once { QoS::AtLeastOnce } else { QoS::AtMostOnce };
                let topic = topic.into();
                self.wire.put(Packet::Publish(Box::new(Publish {
                    dup: false,
                    retain: false,
                    qos,
                    topic,
                    packet_id,
                    payload,
                    properties: None,
                })));
                Ok(())
            }
            Ask::Subscribe { filter, done } => {
                let packet_id = self.next_id();
                self.subscribing.insert(packet_id, done);
                let topic_filters = vec![(filter.into(), QoS::AtLeastOnce)];
                self.wire.put(Packet::Subscribe { packet_id, topic_filters });
                Ok(())
            }
            Ask::Unsubscribe { filter, done } => {
                let packet_id = self.next_id();
                self.subscribing.insert(packet_id, done);
                let topic_filters = vec![filter.into()];
                self.wire.put(Packet::Unsubscribe { packet_id, topic_filters });
                Ok(())
            }
            Ask::Disconnect => Err("it was asked to end".into()),
        }
    }

    async fn handle(&mut self, packet: Packet) -> Result<(), String> {
        match packet {
            Packet::Publish(publish) => {
                let message = MqttMessage {
                    topic: publish.topic.to_string(),
                    payload: publish.payload,
                    retain: publish.retain,
                    repeated: publish.dup,
                    packet_id: publish.packet_id,
                };
                if self.arrived.send(message).await.is_err() {
                    return Err(NOBODY_TAKES.into());
                }
            }
            Packet::PublishAck { packet_id } => {
                if let Some(done) = self.publishing.remove(&packet_id) {
                    // Whoever asked may be gone.
                    let _ = done.send(());
                }
            }
            Packet::SubscribeAck { packet_id, status } => {
                if let Some(done) = self.subscribing.remove(&packet_id) {
                    let granted = matches!(status.first(), Some(SubscribeReturnCode::Success(_)));
                    let _ = done.send(granted);
                }
            }
            Packet::UnsubscribeAck { packet_id } => {
                if let Some(done) = self.subscribing.remove(&packet_id) {
                    let _ = done.send(true);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn next_id(&mut self) -> NonZeroU16 {
        loop {
            self.last_id = self.last_id.wrapping_add(1);
            if let Some(id) = NonZeroU16::new(self.last_id)
                && !self.publishing.contains_key(&id)
                && !self.subscribing.contains_key(&id)
            {
                return id;
            }
        }
    }
}
