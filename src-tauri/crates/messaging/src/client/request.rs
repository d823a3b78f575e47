//! Questions to a node (`$cbs`, `$management`), and their answers.

use super::ClientError;
use amqp::client::{Connection, Event, Failure, LinkOptions, Receiver, Sender};
use amqp::message::{Sections, property, section, write_section};
use amqp::{Error, Value, performative};
use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How many answers may be on their way.
const ANSWERS: u32 = 100;

/// A pair of links to one node, over which many questions can be open.
pub(super) struct Node {
    place: String,
    address: String,
    sender: Sender,
    waiting: Arc<Mutex<HashMap<u64, oneshot::Sender<Bytes>>>>,
    last: AtomicU64,
    task: JoinHandle<()>,
}

impl Drop for Node {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Node {
    pub(super) async fn open(
        connection: &Connection,
        address: &str,
        place: &str,
    ) -> Result<Self, ClientError> {
        let failed = |failure: Failure| ClientError::of_failure(place, failure);
        let own = format!("twinscope-{}", uuid::Uuid::new_v4().simple());
        let (there, here) = (performative::source(address, Vec::new()), performative::target(&own));
        let receiver = LinkOptions::new(format!("{own}-answers"), there, here);
        let receiver = connection.receiver(receiver).await.map_err(failed)?;
        let (here, there) = (performative::source(&own, Vec::new()), performative::target(address));
        let sender = LinkOptions::new(format!("{own}-questions"), here, there);
        let sender = connection.sender(sender).await.map_err(failed)?;
        let waiting: Arc<Mutex<HashMap<_, _>>> = Arc::default();
        let task = tokio::spawn(hand_out(receiver, waiting.clone()));
        Ok(Self {
            place: place.to_owned(),
            address: own,
            sender,
            waiting,
            last: AtomicU64::new(0),
            task,
        })
    }

    /// Whether it can be asked no more.
    pub(super) fn has_ended(&self) -> bool {
        self.task.is_finished() || self.sender.ended().is_some()
    }

    /// Asks, and waits for the answer.
    pub(super) async fn ask(
        &self,
        operation: &str,
        properties: &[(&str, Value)],
        body: &Value,
        within: Duration,
    ) -> Result<Answer, ClientError> {
        let id = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let (tell, answered) = oneshot::channel();
        self.waiting.lock().insert(id, tell);
        let forget = Forget { waiting: &self.waiting, id };
        let question = self.question(id, operation, properties, body);
        let asked = async {
            let sent = self.sender.send(question, 0).await;
            let sent = sent.map_err(|failure| ClientError::of_failure(&self.place, failure))?;
            ClientError::of_outcome(&self.place, sent)?;
            answered.await.map_err(|_| {
                let broken = Failure::Broken("before there was an answer".into());
                ClientError::of_failure(&self.place, self.sender.ended().unwrap_or(broken))
            })
        };
        let answered = timeout(within, asked).await;
        drop(forget);
        let message = answered.map_err(|_| ClientError::timeout(&self.place))??;
        Answer::read(message).map_err(|error| ClientError::of_amqp(&self.place, error))
    }

    fn question(&self, id: u64, operation: &str, more: &[(&str, Value)], body: &Value) -> Bytes {
        let text = |text: &str| Value::String(text.to_owned());
        let mut properties = vec![Value::Null; property::CORRELATION_ID];
        properties[property::MESSAGE_ID] = Value::Ulong(id);
        properties[property::REPLY_TO] = text(&self.address);
        let operation = ("operation", text(operation));
        let pairs = std::iter::once(&operation).chain(more);
        let pairs = pairs.map(|(key, value)| (text(key), value.clone())).collect();
        let mut out = BytesMut::new();
        write_section(&mut out, section::PROPERTIES, &Value::List(properties));
        write_section(&mut out, section::APPLICATION_PROPERTIES, &Value::Map(pairs));
        write_section(&mut out, section::VALUE, body);
        out.freeze()
    }
}

/// Takes back a question that nobody waits for any more.
struct Forget<'a> {
    waiting: &'a Mutex<HashMap<u64, oneshot::Sender<Bytes>>>,
    id: u64,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.waiting.lock().remove(&self.id);
    }
}

/// Gives each answer to who asked, until the link ends.
async fn hand_out(
    mut receiver: Receiver,
    waiting: Arc<Mutex<HashMap<u64, oneshot::Sender<Bytes>>>>,
) {
    receiver.grant(ANSWERS);
    while let Ok(event) = receiver.next().await {
        let Event::Message(incoming) = event else { continue };
        receiver.grant(1);
        if !incoming.settled {
            receiver.accept(incoming.delivery);
        }
        let id = Sections::of(incoming.message.clone()).ok().and_then(|sections| {
            let properties = Sections::value(sections.properties.as_ref());
            let id = Sections::property(&properties, property::CORRELATION_ID).as_i64();
            id.and_then(|id| u64::try_from(id).ok())
        });
        if let Some(asked) = id.and_then(|id| waiting.lock().remove(&id)) {
            // Whoever asked may have given up.
            let _ = asked.send(incoming.message);
        }
    }
    // They hear by it that there will be no answer.
    waiting.lock().clear();
}

/// An answer.
pub(super) struct Answer {
    status: i64,
    error: Error,
    body: Value,
}

impl Answer {
    fn read(message: Bytes) -> Result<Self, Error> {
        let sections = Sections::of(message)?;
        let properties = Sections::value(sections.application_properties.as_ref());
        // The services do not agree on the spelling.
        let one = |names: [&str; 2]| names.into_iter().find_map(|name| properties.get(name));
        let text = |names| one(names).and_then(Value::as_text).unwrap_or_default().to_owned();
        let status = one(["statusCode", "status-code"]).and_then(Value::as_i64);
        let description = text(["statusDescription", "status-description"]);
        let condition = text(["errorCondition", "error-condition"]);
        Ok(Self {
            status: status.unwrap_or_default(),
            error: Error::new(condition, description),
            body: sections
                .body
                .first()
                .map_or(Ok(Value::Null), |(_, body)| Value::read(body.clone()))?,
        })
    }

    /// Its body; null where there is nothing.
    pub(super) fn body(self, place: &str) -> Result<Value, ClientError> {
        if (200..300).contains(&self.status) {
            return Ok(self.body);
        }
        Err(ClientError::of_status(place, self.status, self.error))
    }
}
