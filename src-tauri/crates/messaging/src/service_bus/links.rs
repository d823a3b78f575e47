//! Links to queues, topics and subscriptions.

use super::bus::{Bus, Found};
use super::mailbox::{Mailbox, Refused, Settlement, Taken};
use super::message::{Message, net_order};
use crate::clock::now_millis;
use crate::namespace::refusal::{not_found, of_journal, reason};
use crate::traffic::{Direction, Seen, Traffic};
use amqp::{
    Answer, Attach, Attached, Attaching, Delivery, Error, Link, Outcome, Outgoing, Role, Settler,
    Sink, Value, condition, performative,
};
use bytes::Bytes;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::oneshot;

//= ours: A message or batch has at most 1 MiB; Standard has 256 KiB, Premium up to 100 MB.
//  [includes/service-bus-quotas-table]
/// The service's limit on one message or batch, in bytes (Standard has 256 KiB, Premium more).
pub(crate) const MAX_MESSAGE: u64 = 1 << 20;
const SEND_CREDIT: u32 = 1_000;
const AT_ONCE: usize = 100;
const SESSION_FILTER: &str = "com.microsoft:session-filter";
const TIMEOUT: &str = "com.microsoft:timeout";
//= guess: A receiver waits a minute for any session where it does not say how long.
/// How long a receiver waits for a session where it does not say.
const SESSION_WAIT: Duration = Duration::from_secs(60);
/// 1 January 1970 in .NET's ticks of 100 nanoseconds.
const EPOCH_TICKS: i64 = 621_355_968_000_000_000;

/// Attaches a link to what a path names.
pub(crate) fn attach(
    bus: &Arc<Bus>,
    path: &str,
    attach: &Attach,
    traffic: &Arc<Traffic>,
) -> Attaching {
    let Some(found) = bus.find(path) else { return Attaching::Now(Err(not_found(path))) };
    let mailbox = match (attach.role, found) {
        (Role::Sender, found) => return Attaching::Now(Ok(sender(bus, found, traffic))),
        (Role::Receiver, Found::Mailbox(mailbox, _)) => mailbox,
        (Role::Receiver, Found::Topic(_)) => {
            let text = format!("'{path}' is a topic: receive from one of its subscriptions");
            return Attaching::Now(Err(Error::new(condition::NOT_ALLOWED, text)));
        }
    };
    let receiver = Receiver {
        settled: attach.snd_settle_mode == 1,
        traffic: traffic.clone(),
        session: None,
        mailbox,
    };
    let filters = performative::filters(&attach.source).iter();
    let filter = filters.clone().find(|(name, _)| name.as_text() == Some(SESSION_FILTER));
    match (filter, receiver.mailbox.spec.requires_session) {
        (None, false) => Attaching::Now(Ok(receiver.attached(None, Value::Null))),
        (None, true) => {
            //= recorded: A receiver without a session where sessions are required is refused with
            //  amqp:not-allowed, in the words here. [azure-sdk-for-go,
            //  azservicebus/session_receiver_test.go]
            let text = "It is not possible for an entity that requires sessions to create a \
                        non-sessionful message receiver.";
            Attaching::Now(Err(Error::new(condition::NOT_ALLOWED, text)))
        }
        (Some(_), false) => {
            let text = "the entity does not have sessions: receive from it without one";
            Attaching::Now(Err(Error::new(condition::NOT_ALLOWED, text)))
        }
        (Some((_, wanted)), true) => {
            let wanted = wanted.undescribed().as_text().map(str::to_owned);
            let millis = attach.properties.get(TIMEOUT).and_then(Value::as_i64);
            let wait = millis.and_then(|ms| u64::try_from(ms).ok()).map(Duration::from_millis);
            let source = attach.source.clone();
            Attaching::Later(Box::pin(async move {
                receiver.with_session(wanted, wait.unwrap_or(SESSION_WAIT), &source).await
            }))
        }
    }
}

fn sender(bus: &Arc<Bus>, found: Found, traffic: &Arc<Traffic>) -> Attached {
    let sink = Ingress {
        bus: bus.clone(),
        entity: found.path(),
        to: found,
        traffic: traffic.clone(),
        gathered: Vec::new(),
        answers: Vec::new(),
    };
    Attached {
        link: Link::Incoming { sink: Box::new(sink), credit: SEND_CREDIT },
        max_message_size: MAX_MESSAGE,
        source: None,
        properties: Value::Null,
    }
}

/// Takes what a sender sends. What came together is kept together.
struct Ingress {
    bus: Arc<Bus>,
    entity: Arc<str>,
    to: Found,
    traffic: Arc<Traffic>,
    gathered: Vec<Message>,
    answers: Vec<Answer>,
}

impl Sink for Ingress {
    fn deliver(&mut self, delivery: Delivery) {
        match self.to.read(delivery.message, delivery.format) {
            Ok(messages) => {
                self.gathered.extend(messages);
                self.answers.push(delivery.answer);
            }
            Err(error) => {
                self.traffic.reject(reason(&error));
                delivery.answer.give(Outcome::Rejected(Some(error)));
            }
        }
    }

    fn flush(&mut self) {
        let messages = std::mem::take(&mut self.gathered);
        let answers = std::mem::take(&mut self.answers);
        if answers.is_empty() {
            return;
        }
        let (traffic, entity) = (self.traffic.clone(), self.entity.clone());
        let shown: Vec<Bytes> = messages.iter().map(|message| message.bare.clone()).collect();
        self.bus.send(&self.to, messages, move |kept| match kept {
            Ok(_) => {
                answers.into_iter().for_each(|answer| answer.give(Outcome::Accepted));
                let bytes = shown.iter().map(|bare| bare.len() as u64).sum();
                traffic.count(Direction::In, shown.len() as u64, bytes);
                for message in shown {
                    let entity = &entity;
                    traffic.show(|| seen(Direction::In, entity, message));
                }
            }
            Err(error) => {
                let error = of_journal(&error);
                for answer in answers {
                    traffic.reject(reason(&error));
                    answer.give(Outcome::Rejected(Some(error.clone())));
                }
            }
        });
    }
}

fn seen(direction: Direction, entity: &Arc<str>, message: Bytes) -> Seen {
    Seen { direction, entity: entity.clone(), at: now_millis(), message }
}

/// A session that a link holds, until it is dropped.
struct Held {
    mailbox: Arc<Mailbox>,
    name: String,
    holder: u64,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.mailbox.let_go(&self.name, self.holder);
    }
}

/// Sends a mailbox's messages to one receiver.
struct Receiver {
    mailbox: Arc<Mailbox>,
    session: Option<Held>,
    /// Receive and delete.
    settled: bool,
    traffic: Arc<Traffic>,
}

impl Receiver {
    fn attached(self, source: Option<Value>, properties: Value) -> Attached {
        let settler = Settling { mailbox: self.mailbox.clone() };
        Attached {
            link: Link::Outgoing {
                settler: Box::new(settler),
                task: Box::new(move |outgoing| Box::pin(self.run(outgoing))),
            },
            max_message_size: MAX_MESSAGE,
            source,
            properties,
        }
    }

    /// Waits for the session, or for any that has messages.
    async fn with_session(
        mut self,
        wanted: Option<String>,
        wait: Duration,
        source: &Value,
    ) -> Result<Attached, Error> {
        static HOLDERS: AtomicU64 = AtomicU64::new(1);
        let holder = HOLDERS.fetch_add(1, Ordering::Relaxed);
        let mut changes = self.mailbox.follow();
        let until = tokio::time::Instant::now() + wait;
        let name = loop {
            changes.mark_unchanged();
            match self.mailbox.hold(wanted.as_deref(), holder) {
                Ok(Some(name)) => break name,
                Ok(None) => {}
                Err(_) => {
                    let name = wanted.unwrap_or_default();
                    let text = format!(
                        "The requested session '{name}' cannot be accepted. It may be locked by \
                         another receiver."
                    );
                    return Err(Error::new("com.microsoft:session-cannot-be-locked", text));
                }
            }
            let changed = tokio::time::timeout_at(until, changes.changed()).await;
            if changed.is_err() {
                let text = "there was no session with messages within the time-out";
                return Err(Error::new("com.microsoft:timeout", text));
            }
        };
        let locked_until = self.mailbox.renew_session(&name).unwrap_or_default();
        self.session = Some(Held { mailbox: self.mailbox.clone(), name: name.clone(), holder });
        let ticks = EPOCH_TICKS.saturating_add(locked_until.saturating_mul(10_000));
        let key = Value::symbol("com.microsoft:locked-until-utc");
        let properties = Value::Map(vec![(key, Value::Long(ticks))]);
        Ok(self.attached(Some(with_session(source, &name)), properties))
    }

    fn take(&self, most: usize) -> Vec<Taken> {
        let session = self.session.as_ref().map(|held| (held.name.as_str(), held.holder));
        self.mailbox.take(most, session)
    }

    async fn run(self, mut outgoing: Outgoing) {
        let mut changes = self.mailbox.follow();
        loop {
            if self.mailbox.is_gone() {
                return outgoing.detach(not_found(&self.mailbox.name));
            }
            if outgoing.credit() == 0 {
                tokio::select! {
                    changed = changes.changed() => if changed.is_err() { return },
                    _ = outgoing.ready() => {}
                }
                continue;
            }
            // What is received and deleted is deleted before it is sent.
            let Some(begun) = outgoing.begin() else { return pending().await };
            let credit = outgoing.credit() as usize;
            changes.mark_unchanged();
            let taken = self.take(credit.min(AT_ONCE));
            if taken.is_empty() {
                drop(begun);
                if outgoing.draining() {
                    outgoing.drained();
                    continue;
                }
                tokio::select! {
                    changed = changes.changed() => if changed.is_err() { return },
                    () = outgoing.changed() => {}
                }
                continue;
            }
            if self.settled
                && let Err(error) = self.delete(&taken).await
            {
                return outgoing.detach(error);
            }
            let bytes = taken.iter().map(|taken| taken.message.bare.len() as u64).sum();
            self.traffic.count(Direction::Out, taken.len() as u64, bytes);
            for taken in &taken {
                let message = &taken.message.bare;
                self.traffic.show(|| seen(Direction::Out, &self.mailbox.name, message.clone()));
            }
            outgoing.send(taken.iter().map(|taken| taken.delivery(self.settled)).collect()).await;
            drop(begun);
        }
    }

    /// Receive and delete: they are gone before they are sent, so that none is sent twice.
    async fn delete(&self, taken: &[Taken]) -> Result<(), Error> {
        let (done, removed) = oneshot::channel();
        self.mailbox.delete(taken, false, Box::new(move |removed| drop(done.send(removed))));
        match removed.await {
            Ok(removed) => removed.map_err(|refused| error_of(&refused)),
            Err(_) => Err(Error::new(condition::INTERNAL_ERROR, "the server is stopping")),
        }
    }
}

/// The source with the session that was accepted.
fn with_session(source: &Value, name: &str) -> Value {
    let Value::Described(described) = source else { return source.clone() };
    let mut fields = described.1.as_list().unwrap_or_default().to_vec();
    if let Some(Value::Map(filters)) = fields.get_mut(7) {
        for (key, value) in filters {
            if key.as_text() == Some(SESSION_FILTER) {
                *value = Value::String(name.to_owned());
            }
        }
    }
    Value::Described(Box::new((described.0.clone(), Value::List(fields))))
}

/// Hears what a receiver did with its messages.
struct Settling {
    mailbox: Arc<Mailbox>,
}

impl Settler for Settling {
    //= client: Accepted completes, released and modified abandon, modified with
    //  undeliverable-here defers, rejected dead-letters; the answer repeats the outcome, rejected
    //  without its error.
    fn settle(&mut self, tag: Bytes, outcome: Outcome, answer: Answer) {
        let Ok(tag) = <[u8; 16]>::try_from(&tag[..]) else { return };
        // Clients read an error in the answer as a failure of the settlement.
        let (settlement, told) = match outcome {
            Outcome::Accepted => (Settlement::Complete, Outcome::Accepted),
            Outcome::Released => (Settlement::Abandon(Vec::new(), false), Outcome::Released),
            Outcome::Rejected(error) => (dead_letter(error.as_ref()), Outcome::Rejected(None)),
            Outcome::Modified { delivery_failed, undeliverable_here, annotations } => {
                let changes = annotations.as_map().unwrap_or_default().to_vec();
                let settlement = if undeliverable_here {
                    Settlement::Defer(changes)
                } else {
                    Settlement::Abandon(changes, true)
                };
                (settlement, Outcome::Modified { delivery_failed, undeliverable_here, annotations })
            }
            Outcome::Other(_) => {
                let text = "this outcome is not served: transactions are not";
                let error = Error::new(condition::NOT_IMPLEMENTED, text);
                answer.give(Outcome::Rejected(Some(error)));
                return;
            }
        };
        let done = move |settled: Result<(), Refused>| match settled {
            Ok(()) => answer.give(told),
            Err(refused) => answer.give(Outcome::Rejected(Some(error_of(&refused)))),
        };
        self.mailbox.settle(net_order(tag), settlement, Box::new(done));
    }
}

fn dead_letter(error: Option<&Error>) -> Settlement {
    let mut changes = Vec::new();
    let (mut reason, mut description) = (String::new(), String::new());
    for (key, value) in error.map(|error| error.info.as_slice()).unwrap_or_default() {
        let text = value.as_text().unwrap_or_default().to_owned();
        match key.as_str() {
            "DeadLetterReason" => reason = text,
            "DeadLetterErrorDescription" => description = text,
            _ => changes.push((Value::String(key.clone()), value.clone())),
        }
    }
    Settlement::DeadLetter { reason, description, changes }
}

//= recorded: com.microsoft:message-lock-lost and session-lock-lost, which become the clients' own
//  exceptions, in the words here. [azure-sdk-for-go, azservicebus: Test_RenewLock_Failures and
//  session_receiver_test.go]
/// A refusal as AMQP tells it.
pub(crate) fn error_of(refused: &Refused) -> Error {
    match refused {
        Refused::LockLost => {
            let text = "The lock supplied is invalid. Either the lock expired, or the message has \
                        already been removed from the queue.";
            Error::new("com.microsoft:message-lock-lost", text)
        }
        Refused::SessionLockLost => {
            let text = "The session lock has expired on the MessageSession. Accept a new \
                        MessageSession.";
            Error::new("com.microsoft:session-lock-lost", text)
        }
        Refused::Journal(error) => of_journal(error),
    }
}
