//! One device's connection: MQTT packets in and out.
//!
//! A single task. It stops reading while its client does not read, or while more than
//! [`MAX_IN_FLIGHT`] of its messages are not durable yet; so what it holds is bounded.

use super::authentication::Authenticated;
use super::device::{Connected, Device, Order};
use super::registry::Happened;
use super::telemetry::{MAX_TELEMETRY_BYTES, Telemetry};
use super::topic::{Feed, Properties, Published, device_bound, published, twin_answer};
use super::twin::Half;
use super::{HubError, HubEvent, IotHub, MAX_METHOD_BYTES, millis};
use crate::traffic::{Direction, Open, Seen};
use bytes::{Bytes, BytesMut};
use rmqtt_codec::error::DecodeError;
use rmqtt_codec::types::{MQTT_LEVEL_311, Publish, QoS};
use rmqtt_codec::v3::{
    Codec, Connect, ConnectAck, ConnectAckReason, LastWill, Packet, SubscribeReturnCode,
};
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::io;
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout};
use tokio_util::codec::{Decoder, Encoder};

/// How long a client may take to say CONNECT.
const CONNECT_WITHIN: Duration = Duration::from_secs(30);
/// The largest CONNECT: nobody is known yet.
const MAX_CONNECT_BYTES: u32 = 80 << 10;
/// The largest packet: a message and its topic, in which every byte may be encoded as three.
const MAX_PACKET_BYTES: u32 = (MAX_TELEMETRY_BYTES + (64 << 10)) as u32;
/// Messages taken and not durable yet.
const MAX_IN_FLIGHT: usize = 512;
/// Bytes that wait for the client to read; past that nothing of it is read.
const MAX_OUT_BYTES: usize = 256 << 10;
/// Orders that wait for the connection.
const MAX_ORDERS: usize = 64;
/// Cloud-to-device messages that the client has not acknowledged yet.
const MAX_UNACKNOWLEDGED: usize = 16;
/// How long a client may read nothing while something waits for it.
const WRITE_WITHIN: Duration = Duration::from_secs(30);
/// The longest that a client may say nothing: the service's 1.5 times 1177 s.
const LONGEST_SILENCE: Duration = Duration::from_secs(1_767);
const READ_BYTES: usize = 4 << 10;

/// Why a connection ends.
enum End {
    /// The client said DISCONNECT.
    Disconnected,
    /// The client is gone, without a word.
    Gone,
    /// The client did what ends a connection, or the hub wants it to end.
    Because(&'static str),
}

/// Serves one client until it or the hub ends.
pub(super) async fn run<S: AsyncRead + AsyncWrite + Unpin + Send>(
    hub: &IotHub,
    stream: S,
    stopping: watch::Receiver<bool>,
) {
    let (mut reader, mut writer) = tokio::io::split(stream);
    let mut packets = Packets::new();
    let connect = match timeout(CONNECT_WITHIN, packets.connect(&mut reader)).await {
        Ok(Ok(connect)) => connect,
        Ok(Err((code, reason))) => {
            hub.traffic.reject(reason);
            return refuse(&mut writer, &mut packets, code).await;
        }
        Err(_) => return hub.traffic.reject("no CONNECT in time"),
    };
    let admitted = admit(hub, &connect);
    let Authenticated { device, expires } = match admitted {
        Ok(authenticated) => authenticated,
        Err(reason) => {
            tracing::debug!(reason, "a device was refused");
            hub.traffic.reject(reason);
            return refuse(&mut writer, &mut packets, Some(ConnectAckReason::NotAuthorized)).await;
        }
    };
    packets.codec.set_max_size(MAX_PACKET_BYTES);
    let mut connection = Connection::new(hub, device, *connect, expires, packets);
    let end = connection.serve(&mut reader, &mut writer, stopping).await;
    connection.end(end).await;
    // TLS says goodbye; a client that is gone does not hear it.
    let _ = timeout(Duration::from_secs(1), writer.shutdown()).await;
}

fn admit(hub: &IotHub, connect: &Connect) -> Result<Authenticated, &'static str> {
    let username = connect.username.as_deref().ok_or("CONNECT without a user name")?;
    let password = connect.password.as_deref().ok_or("CONNECT without a password")?;
    let now = u64::try_from(millis() / 1_000).unwrap_or_default();
    hub.authenticate(&connect.client_id, username, password, now)
}

async fn refuse(
    writer: &mut (impl AsyncWrite + Unpin),
    packets: &mut Packets,
    code: Option<ConnectAckReason>,
) {
    if let Some(return_code) = code {
        packets.send(Packet::ConnectAck(ConnectAck { return_code, session_present: false }));
        let answer = async {
            writer.write_all(&packets.output).await?;
            writer.shutdown().await
        };
        // A client that is gone does not hear it.
        let _ = timeout(WRITE_WITHIN, answer).await;
    }
}

/// Bytes that came and that are to go.
struct Packets {
    codec: Codec,
    input: BytesMut,
    output: BytesMut,
}

impl Packets {
    fn new() -> Self {
        let codec = Codec::new(MAX_CONNECT_BYTES);
        Self { codec, input: BytesMut::new(), output: BytesMut::new() }
    }

    fn send(&mut self, packet: Packet) {
        if let Err(error) = self.codec.encode(packet, &mut self.output) {
            tracing::error!(%error, "a packet could not be encoded");
        }
    }

    fn next(&mut self) -> Result<Option<Packet>, DecodeError> {
        Ok(self.codec.decode(&mut self.input)?.map(|(packet, _)| packet))
    }

    /// The first packet, which must be CONNECT of MQTT 3.1.1. The error is what CONNACK says,
    /// where it says something, and why.
    async fn connect(
        &mut self,
        reader: &mut (impl AsyncRead + Unpin),
    ) -> Result<Box<Connect>, (Option<ConnectAckReason>, &'static str)> {
        use ConnectAckReason::{IdentifierRejected, UnacceptableProtocolVersion};
        loop {
            match self.next() {
                Ok(Some(Packet::Connect(connect)))
                    if connect.protocol.level() == MQTT_LEVEL_311 =>
                {
                    return Ok(connect);
                }
                Ok(Some(Packet::Connect(_))) | Err(DecodeError::UnsupportedProtocolLevel) => {
                    return Err((Some(UnacceptableProtocolVersion), "not MQTT 3.1.1"));
                }
                Ok(Some(_)) => return Err((None, "first packet that is not CONNECT")),
                Err(DecodeError::InvalidClientId) => {
                    return Err((Some(IdentifierRejected), "CONNECT without a client id"));
                }
                Err(DecodeError::MaxSizeExceeded { .. }) => return Err((None, "packet too large")),
                Err(_) => return Err((None, "malformed packet")),
                Ok(None) => {}
            }
            self.input.reserve(READ_BYTES);
            match reader.read_buf(&mut self.input).await {
                Ok(1..) => {}
                Ok(0) | Err(_) => return Err((None, "gone before CONNECT")),
            }
        }
    }
}

/// What became of messages: who is to be acknowledged.
struct Kept {
    acknowledge: Vec<NonZeroU16>,
    messages: usize,
    durable: bool,
}

struct Connection<'a> {
    hub: &'a IotHub,
    device: Arc<Device>,
    number: u64,
    generation: u64,
    partition: usize,
    packets: Packets,
    orders: mpsc::Receiver<Order>,
    kept: mpsc::UnboundedReceiver<Kept>,
    keeps: mpsc::UnboundedSender<Kept>,
    in_flight: usize,
    /// Read and not yet given to the journal.
    telemetry: Vec<Telemetry>,
    acknowledge: Vec<NonZeroU16>,
    feeds: HashMap<Feed, (QoS, Open)>,
    unacknowledged: HashMap<NonZeroU16, u64>,
    last_packet_id: u16,
    persistent: bool,
    will: Option<LastWill>,
    silence: Duration,
    expires: Instant,
    last_read: Instant,
    last_written: Instant,
}

impl<'a> Connection<'a> {
    fn new(
        hub: &'a IotHub,
        device: Arc<Device>,
        connect: Connect,
        expires: u64,
        mut packets: Packets,
    ) -> Self {
        let (orders_sender, orders) = mpsc::channel(MAX_ORDERS);
        let (keeps, kept) = mpsc::unbounded_channel();
        let persistent = !connect.clean_session;
        let (number, generation, session) = {
            let mut state = device.state.lock();
            state.connections += 1;
            state.last_activity = millis();
            let number = state.connections;
            let connected =
                Connected { number, orders: orders_sender, methods: false, desired: false };
            // The last to come has the device; who had it before is told to go.
            if let Some(before) = state.connection.replace(connected) {
                let _ = before.orders.try_send(Order::End("taken over by another connection"));
                state.queue.free(before.number);
            }
            (number, state.kept.generation, state.kept.session.clone().unwrap_or_default())
        };
        let now = Instant::now();
        let left = expires.saturating_sub(u64::try_from(millis() / 1_000).unwrap_or_default());
        let keep_alive = Duration::from_secs(u64::from(connect.keep_alive)).mul_f64(1.5);
        let silence = if keep_alive.is_zero() { LONGEST_SILENCE } else { keep_alive };
        let session = if persistent { session } else { Vec::new() };
        packets.send(Packet::ConnectAck(ConnectAck {
            return_code: ConnectAckReason::ConnectionAccepted,
            session_present: !session.is_empty(),
        }));
        hub.events.happened(HubEvent::Connected(device.id.clone(), number));
        let mut connection = Self {
            partition: hub.endpoint.partition_of(&device.id),
            hub,
            device,
            number,
            generation,
            packets,
            orders,
            kept,
            keeps,
            in_flight: 0,
            telemetry: Vec::new(),
            acknowledge: Vec::new(),
            feeds: HashMap::new(),
            unacknowledged: HashMap::new(),
            last_packet_id: 0,
            persistent,
            will: connect.last_will,
            silence: silence.min(LONGEST_SILENCE),
            // A token may be good for longer than a clock can count.
            expires: now + Duration::from_secs(left.min(10 * 365 * 24 * 60 * 60)),
            last_read: now,
            last_written: now,
        };
        session.into_iter().for_each(|feed| connection.grant(feed, QoS::AtLeastOnce));
        connection
    }

    async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        reader: &mut ReadHalf<S>,
        writer: &mut WriteHalf<S>,
        mut stopping: watch::Receiver<bool>,
    ) -> End {
        // More may have come with CONNECT, and messages may wait for a persistent session.
        let begun = match self.send_waiting().await {
            Ok(()) => self.handle_input().await,
            Err(end) => Err(end),
        };
        if let Err(end) = begun {
            return end;
        }
        let alarm = tokio::time::sleep_until(self.deadline());
        tokio::pin!(alarm);
        let mut flushed = true;
        loop {
            let out = self.packets.output.len();
            let reads = out < MAX_OUT_BYTES && self.in_flight < MAX_IN_FLIGHT;
            self.packets.input.reserve(READ_BYTES);
            let happened = tokio::select! {
                read = reader.read_buf(&mut self.packets.input), if reads => match read {
                    Ok(1..) => {
                        self.last_read = Instant::now();
                        self.handle_input().await
                    }
                    Ok(0) | Err(_) => Err(End::Gone),
                },
                sent = send(writer, &mut self.packets.output), if out > 0 || !flushed => match sent {
                    Ok(written) => {
                        self.last_written = Instant::now();
                        flushed = !written;
                        Ok(())
                    }
                    Err(_) => Err(End::Gone),
                },
                Some(kept) = self.kept.recv() => self.acknowledge_all(kept),
                order = self.orders.recv(), if out < MAX_OUT_BYTES => self.obey(order).await,
                () = &mut alarm => {
                    let late = self.late(out > 0 || !flushed);
                    alarm.as_mut().reset(self.deadline());
                    late
                }
                // An error is the server's end, too.
                _ = stopping.changed() => Err(End::Because("the hub stops")),
            };
            if out == 0 {
                // Nothing waited for the client so far.
                self.last_written = Instant::now();
            }
            if let Err(end) = happened {
                return end;
            }
        }
    }

    /// When to look at the clock next.
    fn deadline(&self) -> Instant {
        let quiet = self.last_read + self.silence;
        (self.last_written + WRITE_WITHIN)
            .max(Instant::now() + Duration::from_secs(1))
            .min(quiet)
            .min(self.expires)
    }

    fn late(&self, unread: bool) -> Result<(), End> {
        let now = Instant::now();
        let reason = if now >= self.expires {
            "token expired during the connection"
        } else if now >= self.last_read + self.silence {
            "no packet within 1.5 times the keep-alive"
        } else if unread && now >= self.last_written + WRITE_WITHIN {
            "client that reads nothing"
        } else {
            return Ok(());
        };
        Err(End::Because(reason))
    }

    async fn handle_input(&mut self) -> Result<(), End> {
        loop {
            match self.packets.next() {
                Ok(Some(packet)) => self.handle(packet).await?,
                Ok(None) => return self.keep_telemetry().await,
                Err(DecodeError::MaxSizeExceeded { .. }) => {
                    return Err(End::Because("packet too large"));
                }
                Err(_) => return Err(End::Because("malformed packet")),
            }
        }
    }

    async fn handle(&mut self, packet: Packet) -> Result<(), End> {
        match packet {
            Packet::Publish(publish) => self.published(*publish).await,
            Packet::PublishAck { packet_id } => self.settle(packet_id).await,
            Packet::Subscribe { packet_id, topic_filters } => {
                let mut status = Vec::with_capacity(topic_filters.len());
                for (filter, qos) in topic_filters {
                    // There is no exactly-once; the service grants the next best.
                    let qos = qos.less_value(QoS::AtLeastOnce);
                    status.push(match Feed::of_filter(&filter, &self.device.id) {
                        Some(feed) => {
                            self.grant(feed, qos);
                            SubscribeReturnCode::Success(qos)
                        }
                        None => {
                            self.hub.traffic.reject("subscription to what is not the device's");
                            SubscribeReturnCode::Failure
                        }
                    });
                }
                self.keep_session().await?;
                self.packets.send(Packet::SubscribeAck { packet_id, status });
                self.send_waiting().await
            }
            Packet::Unsubscribe { packet_id, topic_filters } => {
                let feeds =
                    topic_filters.iter().filter_map(|f| Feed::of_filter(f, &self.device.id));
                for feed in feeds.collect::<Vec<_>>() {
                    self.feeds.remove(&feed);
                }
                self.tell_feeds();
                self.keep_session().await?;
                self.packets.send(Packet::UnsubscribeAck { packet_id });
                Ok(())
            }
            Packet::PingRequest => {
                self.packets.send(Packet::PingResponse);
                Ok(())
            }
            Packet::Disconnect => {
                self.keep_telemetry().await?;
                Err(End::Disconnected)
            }
            Packet::PublishReceived { .. }
            | Packet::PublishRelease { .. }
            | Packet::PublishComplete { .. } => Err(End::Because("QoS 2 is not served")),
            _ => Err(End::Because("packet that a client does not send")),
        }
    }

    async fn published(&mut self, publish: Publish) -> Result<(), End> {
        if publish.qos == QoS::ExactlyOnce {
            return Err(End::Because("QoS 2 is not served"));
        }
        let acknowledge = publish.packet_id;
        match published(&publish.topic, &self.device.id) {
            Some(Published::Telemetry(mut properties)) => {
                if publish.retain {
                    properties.application.push(("mqtt-retain".into(), Some("true".into())));
                }
                return self.take_telemetry(*properties, publish.payload, acknowledge);
            }
            Some(Published::MethodAnswer { status, request }) => {
                if publish.payload.len() > MAX_METHOD_BYTES {
                    return Err(End::Because("direct method's answer too large"));
                }
                self.hub.method_answered(&self.device.id, &request, status, &publish.payload);
            }
            Some(Published::TwinGet { request }) => {
                let twin = self.device.state.lock().kept.twin.to_json();
                self.answer_twin(200, &request, None, &twin);
            }
            Some(Published::TwinPatch { request }) => {
                self.keep_telemetry().await?;
                self.patch_reported(&request, &publish.payload).await;
            }
            None => return Err(End::Because("publish to what is not the device's")),
        }
        if let Some(packet_id) = acknowledge {
            self.packets.send(Packet::PublishAck { packet_id });
        }
        Ok(())
    }

    fn take_telemetry(
        &mut self,
        properties: Properties,
        body: Bytes,
        acknowledge: Option<NonZeroU16>,
    ) -> Result<(), End> {
        if body.len() + properties.size() > MAX_TELEMETRY_BYTES {
            return Err(End::Because("message larger than 256 KiB"));
        }
        self.telemetry.push(Telemetry {
            device: self.device.id.clone(),
            generation: self.generation,
            enqueued: millis(),
            properties,
            body,
        });
        self.acknowledge.extend(acknowledge);
        Ok(())
    }

    /// Gives what was read to the journal, in one piece; it is acknowledged when it is durable.
    async fn keep_telemetry(&mut self) -> Result<(), End> {
        if self.telemetry.is_empty() {
            return Ok(());
        }
        let messages = std::mem::take(&mut self.telemetry);
        let acknowledge = std::mem::take(&mut self.acknowledge);
        let bytes: usize = messages.iter().map(|m| m.body.len() + m.properties.size()).sum();
        // So that the journal's own bound, which blocks, is never reached from here.
        let kibibytes = u32::try_from(bytes / 1_024 + messages.len()).unwrap_or(u32::MAX);
        let place = self.hub.places.clone();
        let kibibytes = kibibytes.min(super::MAX_KIBIBYTES_UNDER_WAY);
        let Ok(place) = place.acquire_many_owned(kibibytes).await else {
            return Err(End::Because("the hub stops"));
        };
        let count = messages.len();
        self.in_flight += count;
        self.hub.traffic.count(Direction::In, count as u64, bytes as u64);
        for message in &messages {
            self.hub.traffic.show(|| seen(Direction::In, &self.device.id, &message.body));
        }
        self.device.state.lock().last_activity = millis();
        let events = self.hub.events.clone();
        let records = events.of_telemetry(&messages);
        let told = records.is_some();
        let keeps = self.keeps.clone();
        self.hub.endpoint.append(self.partition, &messages, records, move |done| {
            drop(place);
            if let Err(error) = &done {
                tracing::error!(%error, "telemetry could not be kept; the device is not acknowledged");
            } else if told {
                events.durable();
            }
            // The connection may have ended.
            let _ = keeps.send(Kept { acknowledge, messages: count, durable: done.is_ok() });
        });
        Ok(())
    }

    /// What became durable together is acknowledged in one write.
    fn acknowledge_all(&mut self, first: Kept) -> Result<(), End> {
        self.acknowledge(first)?;
        while let Ok(kept) = self.kept.try_recv() {
            self.acknowledge(kept)?;
        }
        Ok(())
    }

    fn acknowledge(&mut self, kept: Kept) -> Result<(), End> {
        self.in_flight -= kept.messages;
        if !kept.durable {
            // What is not acknowledged is sent again by the device.
            return Err(End::Because("telemetry that could not be kept"));
        }
        for packet_id in kept.acknowledge {
            self.packets.send(Packet::PublishAck { packet_id });
        }
        Ok(())
    }

    fn answer_twin(&mut self, status: u16, request: &str, version: Option<u64>, body: &Value) {
        if self.feeds.contains_key(&Feed::TwinAnswers) {
            let payload = serde_json::to_vec(body).unwrap_or_default();
            self.publish(twin_answer(status, request, version), payload.into(), None);
        }
    }

    async fn patch_reported(&mut self, request: &str, payload: &[u8]) {
        let patched = match serde_json::from_slice::<Map<String, Value>>(payload) {
            Ok(patch) => self.hub.patch_twin(&self.device, Half::Reported, &patch).await,
            Err(error) => Err(HubError::Unfit(format!("the patch is no JSON object: {error}"))),
        };
        let (status, version, message) = match patched {
            Ok(version) => (204, Some(version), None),
            Err(HubError::Unfit(message)) => (400, None, Some(message)),
            Err(error) => (500, None, Some(error.to_string())),
        };
        let body = message.map_or(Value::Null, |message| {
            serde_json::json!({"errorCode": u32::from(status) * 1_000 + 4, "message": message})
        });
        if status == 204 {
            if self.feeds.contains_key(&Feed::TwinAnswers) {
                self.publish(twin_answer(204, request, version), Bytes::new(), None);
            }
        } else {
            self.answer_twin(status, request, version, &body);
        }
    }

    fn grant(&mut self, feed: Feed, qos: QoS) {
        self.feeds.insert(feed, (qos, self.hub.traffic.link()));
        self.tell_feeds();
    }

    /// Lets the hub know what the device listens to.
    fn tell_feeds(&self) {
        let mut state = self.device.state.lock();
        if let Some(connection) = state.connection.as_mut().filter(|c| c.number == self.number) {
            connection.methods = self.feeds.contains_key(&Feed::Methods);
            connection.desired = self.feeds.contains_key(&Feed::Desired);
        }
    }

    /// Keeps the subscriptions of a persistent session, or that there is none any more.
    async fn keep_session(&mut self) -> Result<(), End> {
        let feeds = Feed::ALL.into_iter().filter(|feed| self.feeds.contains_key(feed)).collect();
        let session = self.persistent.then_some(feeds);
        let _writing = self.device.writing.lock().await;
        if self.device.state.lock().kept.session == session {
            return Ok(());
        }
        let happened = Happened::Session(session.clone());
        let then = |state: &mut super::device::State| state.kept.session = session;
        let kept = self.hub.registry.record(&self.device, happened, then).await;
        kept.map_err(|error| {
            tracing::error!(%error, "a device's session could not be kept");
            End::Because("session that could not be kept")
        })
    }

    async fn obey(&mut self, order: Option<Order>) -> Result<(), End> {
        match order {
            Some(Order::MessagesWait) => self.send_waiting().await,
            Some(Order::Publish { topic, payload }) => {
                self.publish(topic, payload.into(), None);
                Ok(())
            }
            Some(Order::End(reason)) => Err(End::Because(reason)),
            None => Err(End::Because("taken over by another connection")),
        }
    }

    /// Sends the messages that wait for the device, as many as may be under way.
    async fn send_waiting(&mut self) -> Result<(), End> {
        while let Some((qos, _)) = self.feeds.get(&Feed::DeviceBound)
            && self.unacknowledged.len() < MAX_UNACKNOWLEDGED
            && self.packets.output.len() < MAX_OUT_BYTES
        {
            let at_least_once = *qos == QoS::AtLeastOnce;
            let locked = self.device.state.lock().queue.lock(self.number, millis());
            let Some(message) = locked else { return Ok(()) };
            let topic = device_bound(&self.device.id, &message.properties);
            if at_least_once {
                let packet_id = self.next_packet_id();
                self.unacknowledged.insert(packet_id, message.sequence);
                self.publish(topic, message.body, Some(packet_id));
            } else {
                // At most once: it is done when it is sent.
                self.settle_message(message.sequence).await?;
                self.publish(topic, message.body, None);
            }
        }
        Ok(())
    }

    fn next_packet_id(&mut self) -> NonZeroU16 {
        loop {
            self.last_packet_id = self.last_packet_id.wrapping_add(1);
            if let Some(id) = NonZeroU16::new(self.last_packet_id)
                && !self.unacknowledged.contains_key(&id)
            {
                return id;
            }
        }
    }

    async fn settle(&mut self, packet_id: NonZeroU16) -> Result<(), End> {
        let Some(sequence) = self.unacknowledged.remove(&packet_id) else { return Ok(()) };
        self.settle_message(sequence).await?;
        self.send_waiting().await
    }

    async fn settle_message(&mut self, sequence: u64) -> Result<(), End> {
        self.hub.settle(&self.device, sequence).await.map_err(|error| {
            tracing::error!(%error, "a message's end could not be kept; it will be sent again");
            End::Because("acknowledgement that could not be kept")
        })
    }

    fn publish(&mut self, topic: String, payload: Bytes, packet_id: Option<NonZeroU16>) {
        self.hub.traffic.count(Direction::Out, 1, payload.len() as u64);
        self.hub.traffic.show(|| seen(Direction::Out, &self.device.id, &payload));
        let qos = if packet_id.is_some() { QoS::AtLeastOnce } else { QoS::AtMostOnce };
        self.packets.send(Packet::Publish(Box::new(Publish {
            dup: false,
            retain: false,
            qos,
            topic: topic.into(),
            packet_id,
            payload,
            properties: None,
        })));
    }

    /// Leaves everything as the next connection should find it.
    async fn end(mut self, end: End) {
        let reason = match end {
            End::Disconnected => None,
            End::Gone => Some("gone without DISCONNECT"),
            End::Because(reason) => Some(reason),
        };
        if let Some(reason) = reason {
            tracing::debug!(device = &*self.device.id, reason, "a connection ended");
            if !matches!(end, End::Gone) {
                self.hub.traffic.reject(reason);
            }
            self.publish_will().await;
        }
        let ours = {
            let mut state = self.device.state.lock();
            state.queue.free(self.number);
            state.last_activity = millis();
            let ours = state.connection.as_ref().is_some_and(|c| c.number == self.number);
            if ours {
                state.connection = None;
            }
            ours
        };
        if ours {
            let event = HubEvent::Disconnected(self.device.id.clone(), self.number);
            self.hub.events.happened(event);
        }
    }

    /// Sends the will, as telemetry that says that it is one. Only to the device's own topic.
    async fn publish_will(&mut self) {
        let Some(will) = self.will.take() else { return };
        let meant = published(&will.topic, &self.device.id);
        let Some(Published::Telemetry(mut properties)) = meant else {
            return self.hub.traffic.reject("will for what is not the device's");
        };
        properties.application.push(("iothub-MessageType".into(), Some("Will".into())));
        let kept = self.take_telemetry(*properties, will.message, None);
        if kept.is_ok() && self.keep_telemetry().await.is_err() {
            tracing::debug!("a will could not be kept: the hub stops");
        }
    }
}

/// Writes some of what is to go (`true`), or, where there is nothing, brings what was written on
/// its way (`false`). May be given up at any time.
async fn send(writer: &mut (impl AsyncWrite + Unpin), output: &mut BytesMut) -> io::Result<bool> {
    if output.is_empty() {
        return writer.flush().await.map(|()| false);
    }
    match writer.write_buf(output).await? {
        0 => Err(io::ErrorKind::WriteZero.into()),
        _ => Ok(true),
    }
}

fn seen(direction: Direction, device: &Arc<str>, body: &Bytes) -> Seen {
    Seen { direction, entity: device.clone(), at: millis(), message: body.clone() }
}
