//! Receives messages from a queue, a subscription, or one of its sessions, and settles them.

use super::ServiceBusClient;
use super::message::{ReceivedMessage, lock_of_tag};
use crate::client::connection::{link_name, within};
use crate::client::{ClientError, Code};
use amqp::client::{Event, Failure, Incoming, LinkOptions, Receiver};
use amqp::{Error, Outcome, Value, performative};
use bytes::Bytes;
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};

const SESSION_FILTER: &str = "com.microsoft:session-filter";
const SESSION_TIMEOUT: &str = "com.microsoft:timeout";
/// How long more messages may follow those that came, before the answer is given.
const LINGER: Duration = Duration::from_millis(50);
/// How long a broker may take to give credit back.
const DRAIN: Duration = Duration::from_secs(5);

/// How messages are received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiveMode {
    /// They are locked for a while, and stay until they are settled.
    PeekLock,
    /// They are gone as soon as they are received.
    ReceiveAndDelete,
}

/// Which session to accept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Session {
    /// This one.
    Named(String),
    /// The next that has messages and no receiver.
    Next,
}

/// What is to become of a message.
#[derive(Clone, Debug, PartialEq)]
pub enum Settlement {
    /// It is dealt with.
    Complete,
    /// It comes again, with these application properties changed.
    Abandon(Vec<(String, Value)>),
    /// It waits until it is asked for by its number, with these properties changed.
    Defer(Vec<(String, Value)>),
    /// It goes to the dead letters.
    DeadLetter {
        /// Why, in a word.
        reason: String,
        /// What there is to say to that.
        description: String,
    },
}

/// Receives from one entity, or from one session of it. Dropped, it lets go of the session; locks
/// of messages run out.
pub struct MessageReceiver {
    client: ServiceBusClient,
    entity: String,
    mode: ReceiveMode,
    session: Option<Session>,
    link: Option<Receiver>,
    /// How often a link was attached: a delivery's number is the link's own.
    attached: u64,
    /// Credit that RabbitMQ still has: it does not give it back, and its locks do not run out.
    lent: u32,
}

impl MessageReceiver {
    pub(super) fn new(
        client: ServiceBusClient,
        entity: String,
        mode: ReceiveMode,
        session: Option<Session>,
    ) -> Self {
        Self { client, entity, mode, session, link: None, attached: 0, lent: 0 }
    }

    /// The session that it holds.
    #[must_use]
    pub fn session_id(&self) -> Option<&str> {
        if let Some(Session::Named(name)) = &self.session { Some(name) } else { None }
    }

    fn place(&self) -> String {
        self.client.connector.place(&self.entity)
    }

    /// Receives at most so many messages; waits for the first one, and then only for what comes
    /// right behind it. An empty answer says that there was none in time. Dropped before it
    /// answers, what had come stays locked until the locks expire.
    ///
    /// # Errors
    /// [`ClientError`]. Asked again, it attaches again.
    pub async fn receive(
        &mut self,
        most: u32,
        wait: Duration,
    ) -> Result<Vec<ReceivedMessage>, ClientError> {
        let until = Instant::now() + wait;
        let mut attempts = self.client.connector.retry.attempts();
        loop {
            match self.receive_once(most, until).await {
                Ok(messages) => return Ok(messages),
                Err(error) => {
                    self.link = None;
                    attempts.pause(error).await?;
                }
            }
        }
    }

    async fn receive_once(
        &mut self,
        most: u32,
        until: Instant,
    ) -> Result<Vec<ReceivedMessage>, ClientError> {
        let place = self.place();
        let mut link = match self.link.take() {
            Some(link) if link.ended().is_none() => link,
            _ => self.attach(None).await?,
        };
        link.grant(most.saturating_sub(self.lent));
        let lends = self.client.connector.is_foreign();
        let (came, failure) = take(&mut link, most, until, lends).await;
        let granted = most.max(self.lent);
        self.lent =
            if lends { granted.saturating_sub(u32::try_from(came.len()).unwrap_or(0)) } else { 0 };
        if failure.is_none() {
            self.link = Some(link);
        }
        if came.is_empty()
            && let Some(failure) = failure
        {
            return Err(ClientError::of_failure(&place, failure));
        }
        came.into_iter().map(|incoming| self.read(&place, incoming)).collect()
    }

    fn read(&self, place: &str, incoming: Incoming) -> Result<ReceivedMessage, ClientError> {
        let read = ReceivedMessage::read(incoming.message);
        let read = read.map_err(|error| ClientError::of_amqp(place, error.into()))?;
        let lock = lock_of_tag(&incoming.tag).filter(|_| self.mode == ReceiveMode::PeekLock);
        let delivery = (!incoming.settled).then_some((self.attached, incoming.delivery));
        Ok(ReceivedMessage { lock, delivery, ..read })
    }

    /// Accepts the session that is wanted.
    pub(super) async fn accept(&mut self, wait: Duration) -> Result<(), ClientError> {
        let mut attempts = self.client.connector.retry.attempts();
        loop {
            match self.attach(Some(wait)).await {
                Ok(link) => {
                    self.link = Some(link);
                    return Ok(());
                }
                // That was the wait that the caller wanted.
                Err(error) if error.code == Code::Timeout => return Err(error),
                Err(error) => attempts.pause(error).await?,
            }
        }
    }

    async fn attach(&mut self, wait: Option<Duration>) -> Result<Receiver, ClientError> {
        let connector = self.client.connector.clone();
        let live = connector.live().await?;
        live.authorize(&self.entity).await?;
        let filters = self.session.as_ref().map(|session| {
            let wanted = match session {
                Session::Named(name) => Value::String(name.clone()),
                Session::Next => Value::Null,
            };
            (Value::symbol(SESSION_FILTER), wanted)
        });
        let name = link_name(&self.entity);
        let source = performative::source(&self.entity, filters.into_iter().collect());
        let mut options = LinkOptions::new(name.clone(), source, performative::target(&name));
        options.settled = self.mode == ReceiveMode::ReceiveAndDelete;
        // RabbitMQ settles in one step only.
        options.second = self.mode == ReceiveMode::PeekLock && !connector.is_foreign();
        let place = self.place();
        let link = match wait {
            Some(wait) => {
                let millis = Value::Uint(u32::try_from(wait.as_millis()).unwrap_or(u32::MAX));
                options.properties = Value::Map(vec![(Value::symbol(SESSION_TIMEOUT), millis)]);
                // The service says when the time is over; this is for when it does not.
                let attached = timeout(wait + DRAIN, live.connection.receiver(options)).await;
                let attached = attached.map_err(|_| ClientError::timeout(&place))?;
                attached.map_err(|failure| ClientError::of_failure(&place, failure))?
            }
            None => within(&connector, &place, live.connection.receiver(options)).await?,
        };
        if self.session.is_some() {
            let filters = performative::filters(&link.remote.source).iter();
            let mut filters = filters.filter(|(name, _)| name.as_text() == Some(SESSION_FILTER));
            let accepted = filters.next().and_then(|(_, name)| name.undescribed().as_text());
            let accepted = accepted.ok_or_else(|| {
                ClientError::new(Code::Refused, place.as_str(), "it does not say which session")
            })?;
            self.session = Some(Session::Named(accepted.to_owned()));
        }
        self.attached += 1;
        self.lent = 0;
        Ok(link)
    }

    /// Says what is to become of a message, and waits until the service has done it. (Brokers
    /// that are not Azure's settle in one step, and do not answer.)
    ///
    /// # Errors
    /// [`Code::LockLost`] where the lock was over: the message comes again, or went to another.
    pub async fn settle(
        &self,
        message: &ReceivedMessage,
        settlement: Settlement,
    ) -> Result<(), ClientError> {
        let place = self.place();
        match (&self.link, message.delivery, message.lock) {
            (Some(link), Some((attached, delivery)), _)
                if attached == self.attached && link.ended().is_none() =>
            {
                let said = match &settlement {
                    // RabbitMQ has no `modified`.
                    Settlement::Abandon(_) if self.client.connector.is_foreign() => {
                        Outcome::Released
                    }
                    settlement => outcome(settlement.clone()),
                };
                let settled = link.settle(delivery, said);
                match within(&self.client.connector, &place, settled).await {
                    Ok(told) => settled_as(&place, &settlement, told),
                    // The link has ended meanwhile; whether it was settled is not known.
                    Err(error) if error.code == Code::Unreachable => match message.lock {
                        Some(lock) => self.settle_by_lock(lock, settlement).await,
                        None => Err(error),
                    },
                    Err(error) => Err(error),
                }
            }
            // Deferred messages have no link, and a lock outlives the link that it came over.
            (_, _, Some(lock)) => self.settle_by_lock(lock, settlement).await,
            _ => {
                let text = "the message was not locked, or the link that it came over has ended";
                Err(ClientError::new(Code::LockLost, place, text))
            }
        }
    }

    async fn settle_by_lock(
        &self,
        lock: [u8; 16],
        settlement: Settlement,
    ) -> Result<(), ClientError> {
        let text = |text: &str| Value::String(text.to_owned());
        let mut body = vec![("lock-tokens", Value::Array(vec![Value::Uuid(lock)]))];
        let changes = |changes: Vec<(String, Value)>| {
            let pairs = changes.into_iter().map(|(key, value)| (Value::String(key), value));
            ("properties-to-modify", Value::Map(pairs.collect()))
        };
        let status = match settlement {
            Settlement::Complete => "completed",
            Settlement::Abandon(properties) => {
                body.push(changes(properties));
                "abandoned"
            }
            Settlement::Defer(properties) => {
                body.push(changes(properties));
                // As the service spells it.
                "defered"
            }
            Settlement::DeadLetter { reason, description } => {
                body.push(("deadletter-reason", text(&reason)));
                body.push(("deadletter-description", text(&description)));
                "suspended"
            }
        };
        body.push(("disposition-status", text(status)));
        self.ask("update-disposition", body).await.map(drop)
    }

    /// Looks at messages from a number on, without taking them.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn peek(&self, from: i64, most: u32) -> Result<Vec<ReceivedMessage>, ClientError> {
        let most = i32::try_from(most).unwrap_or(i32::MAX);
        let body =
            vec![("from-sequence-number", Value::Long(from)), ("message-count", Value::Int(most))];
        let answer = self.ask("peek-message", body).await?;
        self.listed(&answer)
    }

    /// Receives messages that were deferred, by their numbers.
    ///
    /// # Errors
    /// [`Code::NotFound`] where one of them is not deferred here.
    pub async fn receive_deferred(
        &self,
        numbers: &[i64],
    ) -> Result<Vec<ReceivedMessage>, ClientError> {
        let numbers = Value::Array(numbers.iter().map(|number| Value::Long(*number)).collect());
        let settle_mode = Value::Uint((self.mode == ReceiveMode::PeekLock).into());
        let body = vec![("sequence-numbers", numbers), ("receiver-settle-mode", settle_mode)];
        let answer = self.ask("receive-by-sequence-number", body).await?;
        self.listed(&answer)
    }

    fn listed(&self, answer: &Value) -> Result<Vec<ReceivedMessage>, ClientError> {
        let place = self.place();
        let messages = answer.get("messages").and_then(Value::as_list).unwrap_or_default();
        let read = |entry: &Value| {
            let Some(Value::Binary(message)) = entry.get("message") else { return Ok(None) };
            let read = ReceivedMessage::read(message.clone())?;
            let lock = match entry.get("lock-token") {
                Some(Value::Uuid(lock)) => Some(*lock),
                _ => None,
            };
            Ok(Some(ReceivedMessage { lock, ..read }))
        };
        let read = messages.iter().filter_map(|entry| read(entry).transpose());
        read.collect::<Result<_, amqp::Malformed>>()
            .map_err(|error| ClientError::of_amqp(&place, error.into()))
    }

    /// Renews a message's lock; until when it is locked now, in milliseconds since 1970.
    ///
    /// # Errors
    /// [`Code::LockLost`].
    pub async fn renew_lock(&self, message: &mut ReceivedMessage) -> Result<i64, ClientError> {
        let place = self.place();
        let Some(lock) = message.lock else {
            return Err(ClientError::new(Code::LockLost, place, "the message is not locked"));
        };
        let body = vec![("lock-tokens", Value::Array(vec![Value::Uuid(lock)]))];
        let answer = self.ask("renew-lock", body).await?;
        let until = answer.get("expirations").and_then(Value::as_list).and_then(<[_]>::first);
        let until = until.and_then(Value::as_i64).unwrap_or_default();
        message.locked_until = Some(until);
        Ok(until)
    }

    /// Renews the lock of its session; until when it is locked now.
    ///
    /// # Errors
    /// [`Code::LockLost`].
    pub async fn renew_session_lock(&self) -> Result<i64, ClientError> {
        let answer = self.ask("renew-session-lock", Vec::new()).await?;
        Ok(answer.get("expiration").and_then(Value::as_i64).unwrap_or_default())
    }

    /// The state that was kept with the session; empty where there is none.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn session_state(&self) -> Result<Bytes, ClientError> {
        let answer = self.ask("get-session-state", Vec::new()).await?;
        Ok(match answer.get("session-state") {
            Some(Value::Binary(state)) => state.clone(),
            _ => Bytes::new(),
        })
    }

    /// Keeps a state with the session.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn set_session_state(&self, state: impl Into<Bytes>) -> Result<(), ClientError> {
        let body = vec![("session-state", Value::Binary(state.into()))];
        self.ask("set-session-state", body).await.map(drop)
    }

    /// Asks the entity, about its session where it has one.
    async fn ask(
        &self,
        operation: &str,
        mut body: Vec<(&str, Value)>,
    ) -> Result<Value, ClientError> {
        if let Some(session) = self.session_id() {
            body.push(("session-id", Value::String(session.to_owned())));
        }
        self.client.ask(&self.entity, operation, body).await
    }

    /// Detaches from the entity, and lets go of its session.
    pub async fn close(mut self) {
        if let Some(link) = self.link.take() {
            link.close().await;
        }
    }
}

/// Takes messages until there are as many as wanted, or no more come; and why the link cannot be
/// used further, where it cannot.
async fn take(
    link: &mut Receiver,
    most: u32,
    until: Instant,
    lends: bool,
) -> (Vec<Incoming>, Option<Failure>) {
    let mut came = Vec::new();
    while came.len() < most as usize {
        // The first may take its time.
        let limit = if came.is_empty() { until } else { until.min(Instant::now() + LINGER) };
        match timeout_at(limit, link.next()).await {
            Ok(Ok(Event::Message(incoming))) => came.push(incoming),
            Ok(Ok(Event::Drained)) => {}
            Ok(Err(failure)) => return (came, Some(failure)),
            Err(_) if lends => break,
            Err(_) => return take_back(link, came, most).await,
        }
    }
    (came, None)
}

/// Takes back the credit that is left: a message that came later would be locked for nobody.
async fn take_back(
    link: &mut Receiver,
    mut came: Vec<Incoming>,
    most: u32,
) -> (Vec<Incoming>, Option<Failure>) {
    link.drain();
    // What is used up need not be given back.
    while came.len() < most as usize {
        match timeout(DRAIN, link.next()).await {
            Ok(Ok(Event::Message(incoming))) => came.push(incoming),
            Ok(Ok(Event::Drained)) => return (came, None),
            Ok(Err(failure)) => return (came, Some(failure)),
            Err(_) => return (came, Some(Failure::Broken("credit is not given back".into()))),
        }
    }
    (came, None)
}

/// What a settlement is over a link.
fn outcome(settlement: Settlement) -> Outcome {
    let annotations = |properties: Vec<(String, Value)>| {
        let pairs = properties.into_iter().map(|(key, value)| (Value::Symbol(key), value));
        let pairs: Vec<_> = pairs.collect();
        if pairs.is_empty() { Value::Null } else { Value::Map(pairs) }
    };
    match settlement {
        Settlement::Complete => Outcome::Accepted,
        Settlement::Abandon(properties) => Outcome::Modified {
            delivery_failed: true,
            undeliverable_here: false,
            annotations: annotations(properties),
        },
        Settlement::Defer(properties) => Outcome::Modified {
            delivery_failed: true,
            undeliverable_here: true,
            annotations: annotations(properties),
        },
        Settlement::DeadLetter { reason, description } => {
            let info = vec![
                ("DeadLetterReason".into(), Value::String(reason)),
                ("DeadLetterErrorDescription".into(), Value::String(description)),
            ];
            let error = Error::new("com.microsoft:dead-letter", String::new());
            Outcome::Rejected(Some(Error { info, ..error }))
        }
    }
}

/// Whether the service did what was wanted: it answers with the same outcome, or why not.
fn settled_as(place: &str, settlement: &Settlement, told: Outcome) -> Result<(), ClientError> {
    match (settlement, told) {
        (Settlement::DeadLetter { .. }, Outcome::Rejected(None)) => Ok(()),
        (Settlement::DeadLetter { .. }, Outcome::Rejected(Some(error)))
            if error.condition == "com.microsoft:dead-letter" =>
        {
            Ok(())
        }
        (_, Outcome::Rejected(Some(error))) => Err(ClientError::of_amqp(place, error)),
        (_, Outcome::Rejected(None)) => {
            Err(ClientError::new(Code::Refused, place, "the settlement was rejected"))
        }
        _ => Ok(()),
    }
}
