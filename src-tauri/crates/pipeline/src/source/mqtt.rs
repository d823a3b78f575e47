//! Topics of an MQTT broker.

mod session;

use super::{Source, Unusable, body_of, device_in};
use crate::backoff::Backoff;
use crate::flow::node_id;
use crate::in_order::in_order;
use crate::{DeviceFrom, DeviceMessage, SecretRef, SourceSpec};
use adt_service::Call;
use futures::FutureExt;
use messaging::client::{MqttClient, MqttError, MqttMessage, MqttOptions};
use session::{Session, Since};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use twin_graph::{Origin, Timestamp};
use url::Url;

/// Messages taken at once.
const BATCH: usize = 256;
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// How long a broker may take to end a session that is not wanted any more.
const LEAVES: Duration = Duration::from_secs(10);
const SESSION_LOST: &str = "the broker did not keep the session; what was published while there was no connection is lost. Let it keep sessions over its own restarts, and long enough (mosquitto: «persistence true», «persistent_client_expiration»).";

/// A broker, and what of it is read.
pub(super) struct Broker {
    pub(super) url: String,
    pub(super) credentials: Option<SecretRef>,
    pub(super) topics: Vec<String>,
    pub(super) device: DeviceFrom,
}

impl Broker {
    /// That of a source; `None` where it is none of a broker.
    pub(super) fn of(spec: &SourceSpec) -> Option<Self> {
        let SourceSpec::Mqtt { url, credentials, topics, device, .. } = spec else { return None };
        Some(Self {
            url: url.clone(),
            credentials: credentials.clone(),
            topics: topics.clone(),
            device: device.clone(),
        })
    }

    /// Ends the session of a source that is gone: the broker would go on keeping messages for it.
    pub(super) fn leave(self, source: Arc<Source>) {
        let node = node_id("sources", &source.name);
        let Some(session) = Session::kept(&node, &self.url, &*source.parts.memory) else { return };
        tokio::spawn(async move {
            let left = tokio::time::timeout(LEAVES, self.end(&session, &source)).await;
            let error = match left {
                Ok(Ok(())) => return,
                Ok(Err(error)) => error,
                Err(_) => "the broker did not answer.".to_owned(),
            };
            let sentence = format!(
                "{}: it is gone, but its session «{}» could not be ended at the broker, which may keep messages for it: {error}",
                source.place, session.client_id
            );
            source.parts.observer.failed(&node, Call::new(Origin::Remote).trace, &sentence);
        });
    }

    async fn end(&self, session: &Session, source: &Source) -> Result<(), String> {
        let mut options = self.options(source).map_err(|(_, sentence)| sentence)?;
        options.client_id.clone_from(&session.client_id);
        options.clean_session = true;
        let client = MqttClient::connect(&options).await.map_err(|error| error.to_string())?;
        client.disconnect().await;
        Ok(())
    }

    /// Reads until it is told to stop. The broker keeps what comes while there is no connection,
    /// within its own limits, and sends again what was not done with.
    pub(super) async fn run(self, source: Arc<Source>) {
        let mut options = match self.options(&source) {
            Ok(options) => options,
            Err((field, sentence)) => return source.defect(field, &sentence),
        };
        let node = node_id("sources", &source.name);
        let mut session = Session::of(&node, &self.url, &*source.parts.memory);
        options.client_id.clone_from(&session.client_id);
        let stop = source.parts.stop.clone();
        let mut backoff = Backoff::new(source.parts.time_factor);
        loop {
            let connected = tokio::select! {
                () = stop.cancelled() => return,
                connected = self.connect(&options, &mut session, &source) => connected,
            };
            let sentence = match connected {
                Ok(client) => {
                    backoff.works(&source.meter);
                    if self.read(client, &source).await.is_none() {
                        return;
                    }
                    format!("{}: the connection ended; it is made again.", source.place)
                }
                Err(error) => format!("{}: {error}", source.place),
            };
            source.meter.failures.add(1);
            if backoff.wait(&source.meter, sentence, &stop).await.is_none() {
                return;
            }
        }
    }

    async fn connect(
        &self,
        options: &MqttOptions,
        session: &mut Session,
        source: &Source,
    ) -> Result<MqttClient, MqttError> {
        let client = MqttClient::connect(options).await?;
        let node = node_id("sources", &source.name);
        let memory = &*source.parts.memory;
        if session.subscribe(&client, &self.topics, (&node, memory)).await? == Since::Lost {
            let sentence = format!("{}: {SESSION_LOST}", source.place);
            source.parts.observer.failed(&node, Call::new(Origin::Remote).trace, &sentence);
        }
        Ok(client)
    }

    /// Reads until the connection ends; `None` when it is told to stop.
    async fn read(&self, mut client: MqttClient, source: &Source) -> Option<()> {
        loop {
            let first = tokio::select! {
                () = source.parts.stop.cancelled() => {
                    client.disconnect().await;
                    return None;
                }
                message = client.next_unacknowledged() => message,
            };
            let Some(first) = first else { return Some(()) };
            let mut messages = vec![first];
            while messages.len() < BATCH
                && let Some(Some(message)) = client.next_unacknowledged().now_or_never()
            {
                messages.push(message);
            }
            let repeated = messages.iter().filter(|message| message.repeated).count();
            source.meter.repeated.add(repeated as u64);
            let read = messages.iter().map(|message| {
                let read = self.message(message);
                let device = read.as_ref().map(|read| read.device.clone()).unwrap_or_default();
                (device, (read, message.payload.len()))
            });
            let read: Vec<_> = read.collect();
            in_order(read, |(message, bytes)| source.take(message, bytes)).await;
            messages.iter().for_each(|message| client.acknowledge(message));
        }
    }

    fn message(&self, message: &MqttMessage) -> Result<DeviceMessage, Unusable> {
        let body = body_of(&message.payload)?;
        let device = match &self.device {
            DeviceFrom::Body(pointer) => device_in(&body, pointer)?,
            DeviceFrom::TopicLevel(level) => {
                let found =
                    message.topic.split('/').nth(*level).filter(|device| !device.is_empty());
                found.map(Into::into).ok_or_else(|| {
                    let text = format!("the topic «{}» has no level {level}, where the device's id is to be. Mend «device», or the topic filters.", message.topic);
                    Unusable::no_device(text)
                })?
            }
        };
        Ok(DeviceMessage {
            id: uuid::Uuid::new_v4().to_string().into(),
            device,
            time: Timestamp::from(SystemTime::now()),
            // MQTT 3.1.1 carries none: every message begins a trace.
            trace: Call::new(Origin::Remote).trace,
            hops: 0,
            body,
        })
    }

    fn options(&self, source: &Source) -> Result<MqttOptions, (&'static str, String)> {
        let url = Url::parse(&self.url).map_err(|error| ("url", format!("{error}.")))?;
        let host = url.host_str().ok_or_else(|| ("url", "it names no host.".to_owned()))?;
        let secure = url.scheme() == "mqtts";
        let port = url.port().unwrap_or(if secure { 8_883 } else { 1_883 });
        let mut options = MqttOptions::plain(host.trim_matches(['[', ']']), port, "");
        options.keep_alive = KEEP_ALIVE;
        options.clean_session = false;
        let surroundings = &source.parts.surroundings;
        if secure {
            let tls = surroundings.trust().tls().map_err(|error| ("url", error.to_string()))?;
            options.tls = Some(tls);
        }
        if let Some(reference) = &self.credentials {
            let secret = surroundings.secret(&reference.secret);
            let secret =
                secret.ok_or_else(|| ("credentials", crate::no_secret(&reference.secret)))?;
            let (user, password) = secret.split_once(':').ok_or_else(|| {
                (
                    "credentials",
                    format!("the secret «{}» is to be «user:password».", reference.secret),
                )
            })?;
            options.username = Some(user.to_owned());
            options.password = Some(password.to_owned());
        }
        Ok(options)
    }
}
