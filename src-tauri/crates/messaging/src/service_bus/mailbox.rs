//! A mailbox: the messages of a queue or subscription, or of its dead letters, and who holds what.
//!
//! Two streams of the journal: the messages, whose positions are their sequence numbers, and what
//! became of them. Locks are in memory only: after a restart every message that was not settled is
//! there to receive again. What is done to a message stands in memory when it is durable; until
//! then it is [`Place::Busy`] and nobody else gets it.

use super::kept::{Kept, Together, Word};
use super::message::{Delivered, Message, net_order};
use super::spec::MailboxSpec;
use crate::clock::now_millis;
use amqp::Value;
use bytes::Bytes;
use journal::{Batch, Journal, JournalError};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use uuid::Uuid;

/// A lock's name; its bytes are in a uuid's own order.
pub(crate) type Token = [u8; 16];

//= documented: An entity holds 1 GiB where nothing else is said; then sends are refused, in the
//  words here. That it also holds a million messages at most is ours.
//  [service-bus-messaging/service-bus-messaging-exceptions]
/// What a mailbox may hold; the service has 1 GiB by default.
const MOST_BYTES: u64 = 1 << 30;
const MOST_MESSAGES: usize = 1_000_000;
/// Messages whose ids are remembered over a restart, where duplicates are detected.
const DUPLICATES: u64 = 100_000;

/// Held while something is queued and its callback registered, so that callbacks come in the order
/// of the commits. Callbacks run on the journal's thread, or at once under this lock: they never
/// commit.
pub(crate) type Order = Arc<Mutex<()>>;

/// One mailbox.
pub(crate) struct Mailbox {
    /// In the service's path form.
    pub(crate) name: Arc<str>,
    pub(crate) spec: MailboxSpec,
    journal: Journal,
    order: Order,
    kept: Kept,
    state: Mutex<State>,
    /// Counts up whenever there may be something to receive.
    changed: watch::Sender<u64>,
    /// Whether its entity was deleted.
    gone: AtomicBool,
    /// Where dead letters go; dead letters themselves stay where they are.
    pub(crate) dead: Option<Arc<Mailbox>>,
}

#[derive(Default)]
struct State {
    entries: BTreeMap<u64, Entry>,
    ready: BTreeSet<u64>,
    locks: HashMap<Token, u64>,
    lock_ends: BTreeSet<(Instant, Token)>,
    scheduled: BTreeSet<(i64, u64)>,
    expiring: BTreeSet<(i64, u64)>,
    sessions: BTreeMap<String, Session>,
    /// The sequence number of the next message.
    next: u64,
    /// Records of what became of messages that are taken into account here.
    settled: u64,
    bytes: u64,
    /// Message ids seen, and when, where duplicates are detected.
    seen: HashMap<String, i64>,
}

#[derive(Default)]
struct Session {
    ready: BTreeSet<u64>,
    holder: Option<(u64, Instant)>,
    state: Bytes,
}

struct Entry {
    message: Message,
    place: Place,
    delivery_count: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Ready,
    Locked(Token, Instant),
    Deferred,
    Scheduled,
    /// What was done to it is not durable yet.
    Busy,
}

/// A message that was handed out.
pub(crate) struct Taken {
    pub(crate) message: Message,
    pub(crate) delivered: Delivered,
    pub(crate) token: Token,
}

impl Taken {
    /// As a delivery.
    pub(crate) fn delivery(&self, settled: bool) -> amqp::Message {
        amqp::Message {
            tag: Some(Bytes::copy_from_slice(&net_order(self.token))),
            head: self.message.head(&self.delivered),
            body: self.message.bare.clone(),
            settled,
        }
    }
}

/// What a receiver does with a message.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Settlement {
    Complete,
    /// With application properties to set, and whether it counts as a failed delivery.
    Abandon(Vec<(Value, Value)>, bool),
    Defer(Vec<(Value, Value)>),
    DeadLetter {
        reason: String,
        description: String,
        changes: Vec<(Value, Value)>,
    },
}

/// Why something was not done.
#[derive(Clone, Debug)]
pub(crate) enum Refused {
    /// The lock is over, or there never was one.
    LockLost,
    SessionLockLost,
    Journal(JournalError),
}

pub(crate) type Done = Box<dyn FnOnce(Result<(), Refused>) + Send>;

/// How many messages there are, by what may be done with them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MailboxCounts {
    /// To be received, or being received.
    pub active: u64,
    /// To be received by sequence number only.
    pub deferred: u64,
    /// To be received later.
    pub scheduled: u64,
    /// In the dead-letter queue.
    pub dead: u64,
}

impl Mailbox {
    /// Opens its streams and its dead letters'. **Blocks.**
    pub(crate) fn open(
        journal: &Journal,
        name: &str,
        stream: &str,
        spec: MailboxSpec,
        order: &Order,
    ) -> Result<Arc<Self>, JournalError> {
        let dead_name = format!("{name}/$DeadLetterQueue");
        let dead_spec = MailboxSpec {
            requires_session: false,
            default_ttl_millis: None,
            duplicate_seconds: None,
            ..spec.clone()
        };
        let stream_of_dead = format!("{stream}/dead");
        let dead = Self::open_one(journal, &dead_name, &stream_of_dead, dead_spec, order, None)?;
        Self::open_one(journal, name, stream, spec, order, Some(dead))
    }

    fn open_one(
        journal: &Journal,
        name: &str,
        stream: &str,
        spec: MailboxSpec,
        order: &Order,
        dead: Option<Arc<Self>>,
    ) -> Result<Arc<Self>, JournalError> {
        let kept = Kept::open(journal, stream)?;
        let found = kept.read(journal)?;
        let mailbox = Self {
            name: name.into(),
            spec,
            journal: journal.clone(),
            order: order.clone(),
            kept,
            state: Mutex::default(),
            changed: watch::Sender::new(0),
            gone: AtomicBool::new(false),
            dead,
        };
        let mut state = mailbox.state.lock();
        for (number, found) in found.messages {
            mailbox.enter(&mut state, number, found.message, found.deferred, found.delivery_count);
        }
        for (name, kept) in found.sessions {
            state.sessions.entry(name).or_default().state = kept;
        }
        state.next = found.next;
        state.settled = found.settled;
        state.seen = found.seen;
        drop(state);
        Ok(Arc::new(mailbox))
    }

    /// Puts a durable message into the state.
    fn enter(&self, state: &mut State, number: u64, message: Message, deferred: bool, count: u32) {
        let about = message.about.clone();
        state.bytes += message.bare.len() as u64;
        if let Some(at) = about.expires {
            state.expiring.insert((at, number));
        }
        let place = match about.scheduled.filter(|at| *at > now_millis()) {
            _ if deferred => Place::Deferred,
            Some(at) => {
                state.scheduled.insert((at, number));
                Place::Scheduled
            }
            None => Place::Ready,
        };
        state.entries.insert(number, Entry { message, place, delivery_count: count });
        if place == Place::Ready {
            self.make_ready(state, number);
        }
    }

    fn make_ready(&self, state: &mut State, number: u64) {
        let Some(entry) = state.entries.get_mut(&number) else { return };
        entry.place = Place::Ready;
        match entry.message.about.session.clone().filter(|_| self.spec.requires_session) {
            Some(session) => state.sessions.entry(session).or_default().ready.insert(number),
            None => state.ready.insert(number),
        };
    }

    fn notify(&self) {
        self.changed.send_modify(|count| *count += 1);
    }

    /// Follows changes: whenever it counts up there may be something to receive.
    pub(crate) fn follow(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Whether its entity was deleted.
    pub(crate) fn is_gone(&self) -> bool {
        self.gone.load(Relaxed)
    }

    /// Whether it is full.
    pub(crate) fn is_full(&self) -> bool {
        let state = self.state.lock();
        state.bytes >= MOST_BYTES || state.entries.len() >= MOST_MESSAGES
    }

    /// That it is full, as the service says it.
    pub(crate) fn is_full_in_words(&self) -> String {
        let state = self.state.lock();
        format!(
            "The maximum entity size has been reached or exceeded for Queue: '{}'. Size of entity \
             in bytes: {}, max entity size in bytes: {MOST_BYTES}; messages: {}, at most \
             {MOST_MESSAGES}. Receive from it first.",
            self.name,
            state.bytes,
            state.entries.len()
        )
    }

    //= documented: A message whose id was seen within the window is accepted and dropped. That
    //  the last 100,000 ids are remembered over a restart is ours.
    //  [service-bus-messaging/duplicate-detection]
    /// Whether a message of that id is one that was seen before; else it is seen from now on.
    pub(crate) fn is_duplicate(&self, message: &Message) -> bool {
        let Some(window) = self.spec.duplicate_seconds else { return false };
        let window = i64::try_from(window.saturating_mul(1_000)).unwrap_or(i64::MAX);
        let now = message.about.enqueued;
        let mut state = self.state.lock();
        let seen = &mut state.seen;
        if seen.get(&message.about.message_id).is_some_and(|at| now - at < window) {
            return true;
        }
        if seen.len() >= MOST_MESSAGES {
            seen.retain(|_, at| now - *at < window);
        }
        seen.insert(message.about.message_id.clone(), now);
        false
    }

    /// Adds messages to a batch of the journal.
    pub(crate) fn put(&self, batch: Batch, messages: &[Message]) -> Batch {
        batch.append(self.kept.messages, messages.iter().map(Message::record).collect())
    }

    /// Messages that were put are durable. Called in the order of the commits. Gives their
    /// sequence numbers.
    pub(crate) fn arrived(&self, messages: Vec<Message>) -> Vec<u64> {
        let mut state = self.state.lock();
        let mut numbers = Vec::with_capacity(messages.len());
        for message in messages {
            let number = state.next;
            state.next += 1;
            self.enter(&mut state, number, message, false, 0);
            numbers.push(number);
        }
        drop(state);
        self.notify();
        numbers
    }

    /// Messages that were put were refused.
    pub(crate) fn refused(&self, messages: &[Message]) {
        let mut state = self.state.lock();
        for message in messages {
            state.seen.remove(&message.about.message_id);
        }
    }

    /// Takes messages, locked for as long as its locks last.
    pub(crate) fn take(&self, most: usize, session: Option<(&str, u64)>) -> Vec<Taken> {
        let mut state = self.state.lock();
        let now = now_millis();
        let until = match session {
            Some((name, holder)) => match state.held(name, holder) {
                Some(until) => until,
                None => return Vec::new(),
            },
            None => Instant::now() + self.lock_time(),
        };
        let ready = match session {
            Some((name, _)) => state.sessions.get(name).map(|session| &session.ready),
            None => Some(&state.ready),
        };
        let numbers: Vec<u64> = ready.into_iter().flatten().take(most).copied().collect();
        let mut taken = Vec::with_capacity(numbers.len());
        for number in numbers {
            let live = state
                .entries
                .get(&number)
                .is_some_and(|entry| entry.message.about.expires.is_none_or(|at| at > now));
            if live && let Some(locked) = state.lock(number, until) {
                taken.push(locked);
            }
        }
        taken
    }

    fn lock_time(&self) -> Duration {
        Duration::from_secs(self.spec.lock_seconds.clamp(1, 300))
    }

    /// Takes deferred messages by their numbers, locked.
    pub(crate) fn take_deferred(&self, numbers: &[u64]) -> Option<Vec<Taken>> {
        let mut state = self.state.lock();
        let deferred = |number| {
            state.entries.get(number).is_some_and(|entry: &Entry| entry.place == Place::Deferred)
        };
        if !numbers.iter().all(deferred) {
            return None;
        }
        let until = Instant::now() + self.lock_time();
        Some(numbers.iter().filter_map(|number| state.lock(*number, until)).collect())
    }

    /// Looks at messages without taking them.
    pub(crate) fn peek(&self, from: u64, most: usize, session: Option<&str>) -> Vec<Taken> {
        let state = self.state.lock();
        let of = |entry: &Entry| {
            session.is_none_or(|name| entry.message.about.session.as_deref() == Some(name))
        };
        let entries = state.entries.range(from..).filter(|(_, entry)| of(entry)).take(most);
        entries.map(|(number, entry)| entry.taken(*number, [0; 16], None)).collect()
    }

    /// Does what a receiver wants with a message that it has locked. `done` hears of it once it is
    /// durable.
    pub(crate) fn settle(self: &Arc<Self>, token: Token, settlement: Settlement, done: Done) {
        let mut state = self.state.lock();
        let Some((number, was)) = state.unlock(token) else {
            drop(state);
            return done(Err(Refused::LockLost));
        };
        let Some(entry) = state.entries.get_mut(&number) else { return };
        entry.place = Place::Busy;
        let fails = matches!(settlement, Settlement::Abandon(_, true));
        let count = entry.delivery_count + u32::from(fails);
        let message = entry.message.clone();
        drop(state);
        let settlement = if fails && count >= self.spec.max_delivery_count && self.dead.is_some() {
            let text = format!("Message could not be consumed after {count} delivery attempts.");
            dead_letter("MaxDeliveryCountExceeded", &text)
        } else {
            settlement
        };
        let mailbox = self.clone();
        match settlement {
            Settlement::Complete => {
                let restored = move |removed: Result<(), Refused>| {
                    if removed.is_err() {
                        mailbox.restore(token, number, was);
                    }
                    done(removed);
                };
                self.remove(&[number], Box::new(restored));
            }
            Settlement::DeadLetter { reason, description, changes } => {
                let message = message.with(&changes);
                self.bury(
                    number,
                    &message,
                    &reason,
                    &description,
                    Box::new(move |buried| {
                        if buried.is_err() {
                            mailbox.restore(token, number, was);
                        }
                        done(buried);
                    }),
                );
            }
            Settlement::Abandon(changes, _) => {
                self.put_back(number, &message, &changes, count, false, done);
            }
            Settlement::Defer(changes) => {
                self.put_back(number, &message, &changes, count, true, done);
            }
        }
    }

    /// Puts a message back, to be received again, or by its number only.
    fn put_back(
        self: &Arc<Self>,
        number: u64,
        message: &Message,
        changes: &[(Value, Value)],
        count: u32,
        deferred: bool,
        done: Done,
    ) {
        let changed = message.with(changes);
        let bare = (!changes.is_empty()).then(|| changed.bare.clone());
        let word = Word::Changed { number, deferred, delivery_count: count, bare };
        let mailbox = self.clone();
        self.say(&word, move |kept| {
            let mut state = mailbox.state.lock();
            state.settled += u64::from(kept.is_ok());
            if let Some(entry) = state.entries.get_mut(&number) {
                entry.place = Place::Deferred;
                if kept.is_ok() {
                    entry.message = changed;
                    entry.delivery_count = count;
                }
            }
            if !deferred || kept.is_err() {
                mailbox.make_ready(&mut state, number);
            }
            drop(state);
            mailbox.notify();
            done(kept.map_err(Refused::Journal));
        });
    }

    fn say(&self, word: &Word, done: impl FnOnce(Result<(), JournalError>) + Send + 'static) {
        let batch = Batch::new().append(self.kept.settled, vec![word.record()]);
        self.commit(batch, done);
    }

    fn commit(&self, batch: Batch, done: impl FnOnce(Result<(), JournalError>) + Send + 'static) {
        let _ordered = self.order.lock();
        self.journal.commit(batch).on_done(move |kept| done(kept.map(drop)));
    }

    /// Removes messages for good.
    pub(crate) fn remove(self: &Arc<Self>, numbers: &[u64], done: Done) {
        let (mailbox, numbers) = (self.clone(), numbers.to_vec());
        self.say(&Word::Gone(numbers.clone()), move |kept| {
            if kept.is_ok() {
                mailbox.gone(&numbers);
            }
            done(kept.map_err(Refused::Journal));
        });
    }

    /// Removes what was taken before it is handed out. While that is made durable it is busy, however
    /// long the disk takes: a lock could end, and another receiver would get it too. Where it cannot be
    /// kept, what was `deferred` is so again, and everything else is to be received.
    pub(crate) fn delete(self: &Arc<Self>, taken: &[Taken], deferred: bool, done: Done) {
        let numbers: Vec<u64> = taken.iter().map(|t| t.delivered.sequence_number).collect();
        let mut state = self.state.lock();
        for taken in taken {
            if let Some((number, _)) = state.unlock(taken.token)
                && let Some(entry) = state.entries.get_mut(&number)
            {
                entry.place = Place::Busy;
            }
        }
        drop(state);
        let (mailbox, kept) = (self.clone(), numbers.clone());
        let removed = move |removed: Result<(), Refused>| {
            if removed.is_err() {
                let mut state = mailbox.state.lock();
                for number in kept {
                    match state.entries.get_mut(&number) {
                        Some(entry) if deferred => entry.place = Place::Deferred,
                        _ => mailbox.make_ready(&mut state, number),
                    }
                }
                drop(state);
                mailbox.notify();
            }
            done(removed);
        };
        self.remove(&numbers, Box::new(removed));
    }

    fn gone(&self, numbers: &[u64]) {
        let mut state = self.state.lock();
        state.settled += 1;
        for number in numbers {
            state.forget(*number);
        }
    }

    /// Moves a message to the dead letters, in one commit.
    fn bury(
        self: &Arc<Self>,
        number: u64,
        message: &Message,
        reason: &str,
        description: &str,
        done: Done,
    ) {
        let Some(dead) = self.dead.clone() else {
            // A dead letter that is dead-lettered stays one.
            return self.put_back(number, message, &[], 0, false, done);
        };
        let letter = message.dead(&self.name, reason, description);
        let word = Word::Gone(vec![number]).record();
        let batch = dead.put(Batch::new(), std::slice::from_ref(&letter));
        let batch = batch.append(self.kept.settled, vec![word]);
        let mailbox = self.clone();
        self.commit(batch, move |kept| {
            if kept.is_ok() {
                mailbox.gone(&[number]);
                dead.arrived(vec![letter]);
            }
            done(kept.map_err(Refused::Journal));
        });
    }

    //= ours: Locks do not outlive the process: what was locked can be received again after a
    //  restart.
    /// What was to be done could not be kept: the message is locked as before.
    fn restore(&self, token: Token, number: u64, until: Instant) {
        let mut state = self.state.lock();
        if let Some(entry) = state.entries.get_mut(&number) {
            entry.place = Place::Locked(token, until);
            state.locks.insert(token, number);
            state.lock_ends.insert((until, token));
        }
    }

    /// Makes a lock last anew; until when, in milliseconds since 1970.
    pub(crate) fn renew(&self, token: Token) -> Option<i64> {
        let mut state = self.state.lock();
        let (number, _) = state.unlock(token)?;
        let until = Instant::now() + self.lock_time();
        state.entries.get_mut(&number)?.place = Place::Locked(token, until);
        state.locks.insert(token, number);
        state.lock_ends.insert((until, token));
        Some(wall(until))
    }

    /// Removes scheduled messages; `None` where one is not scheduled.
    pub(crate) fn cancel(self: &Arc<Self>, numbers: &[u64], done: Done) -> bool {
        let mut state = self.state.lock();
        let scheduled = |number: &u64| {
            state.entries.get(number).is_some_and(|entry| entry.place == Place::Scheduled)
        };
        if !numbers.iter().all(scheduled) {
            return false;
        }
        for number in numbers {
            if let Some(entry) = state.entries.get_mut(number) {
                entry.place = Place::Busy;
            }
        }
        drop(state);
        self.remove(numbers, done);
        true
    }

    /// Takes a session, that one or the next that has messages and no holder.
    pub(crate) fn hold(&self, name: Option<&str>, holder: u64) -> Result<Option<String>, Refused> {
        let mut state = self.state.lock();
        let (now, until) = (Instant::now(), Instant::now() + self.lock_time());
        let free = |session: &Session| session.holder.is_none_or(|(_, until)| until <= now);
        let name = match name {
            Some(name) => {
                let session = state.sessions.entry(name.to_owned()).or_default();
                if !free(session) {
                    return Err(Refused::SessionLockLost);
                }
                name.to_owned()
            }
            None => {
                let found = state.sessions.iter().find(|(_, s)| free(s) && !s.ready.is_empty());
                let Some((name, _)) = found else { return Ok(None) };
                name.clone()
            }
        };
        state.sessions.entry(name.clone()).or_default().holder = Some((holder, until));
        Ok(Some(name))
    }

    /// Makes a session's lock last anew; until when, in milliseconds since 1970.
    pub(crate) fn renew_session(&self, name: &str) -> Option<i64> {
        let mut state = self.state.lock();
        let until = Instant::now() + self.lock_time();
        let holder = state.sessions.get_mut(name)?.holder.as_mut()?;
        if holder.1 <= Instant::now() {
            return None;
        }
        holder.1 = until;
        let locked = state.entries.iter_mut().filter_map(|(_, entry)| match entry.place {
            Place::Locked(token, _) if entry.message.about.session.as_deref() == Some(name) => {
                entry.place = Place::Locked(token, until);
                Some(token)
            }
            _ => None,
        });
        let locked: Vec<Token> = locked.collect();
        state.lock_ends.retain(|(_, token)| !locked.contains(token));
        state.lock_ends.extend(locked.into_iter().map(|token| (until, token)));
        Some(wall(until))
    }

    //= documented: When a session's receiver goes, its messages can be received again at once,
    //  and that is no failed delivery. [service-bus-messaging/message-sessions]
    /// Lets a session go; what its holder has locked can be received again.
    pub(crate) fn let_go(&self, name: &str, holder: u64) {
        let mut state = self.state.lock();
        let Some(session) = state.sessions.get_mut(name) else { return };
        if session.holder.is_none_or(|(own, _)| own != holder) {
            return;
        }
        session.holder = None;
        let locked = |(number, entry): (&u64, &Entry)| match entry.place {
            Place::Locked(token, _) if entry.message.about.session.as_deref() == Some(name) => {
                Some((*number, token))
            }
            _ => None,
        };
        let locked: Vec<(u64, Token)> = state.entries.iter().filter_map(locked).collect();
        for (number, token) in locked {
            state.unlock(token);
            self.make_ready(&mut state, number);
        }
        drop(state);
        self.notify();
    }

    /// A session's state.
    pub(crate) fn session_state(&self, name: &str) -> Bytes {
        self.state
            .lock()
            .sessions
            .get(name)
            .map(|session| session.state.clone())
            .unwrap_or_default()
    }

    /// Sets a session's state.
    pub(crate) fn set_session_state(self: &Arc<Self>, name: &str, kept: Bytes, done: Done) {
        let word = Word::Session { name: name.to_owned(), state: kept.clone() };
        let (mailbox, name) = (self.clone(), name.to_owned());
        self.say(&word, move |said| {
            if said.is_ok() {
                let mut state = mailbox.state.lock();
                state.settled += 1;
                state.sessions.entry(name).or_default().state = kept;
            }
            done(said.map_err(Refused::Journal));
        });
    }

    //= documented: A lock that runs out counts as a failed delivery; MaxDeliveryCountExceeded and
    //  TTLExpiredException are the reasons of dead letters; deferred messages do not expire.
    //  [service-bus-messaging/service-bus-dead-letter-queues]
    /// Does what is due by now: locks that are over, messages that expire or whose time has come.
    pub(crate) fn tick(self: &Arc<Self>) {
        let (now, millis) = (Instant::now(), now_millis());
        let mut state = self.state.lock();
        let mut failed = Vec::new();
        let mut came = false;
        while let Some(end) = state.lock_ends.first().copied().filter(|(at, _)| *at <= now) {
            state.lock_ends.remove(&end);
            failed.extend(state.unlock(end.1).map(|(number, _)| number));
        }
        while let Some((_, number)) =
            state.scheduled.first().copied().filter(|(at, _)| *at <= millis)
        {
            state.scheduled.pop_first();
            self.make_ready(&mut state, number);
            came = true;
        }
        let mut buried = Vec::new();
        for number in failed {
            let Some(entry) = state.entries.get_mut(&number) else { continue };
            entry.delivery_count += 1;
            if entry.delivery_count >= self.spec.max_delivery_count && self.dead.is_some() {
                entry.place = Place::Busy;
                buried.push((number, entry.message.clone(), entry.delivery_count));
            } else {
                self.make_ready(&mut state, number);
                came = true;
            }
        }
        let expired = state.take_expired(millis);
        drop(state);
        if came {
            self.notify();
        }
        for (number, message, count) in buried {
            let text = format!("Message could not be consumed after {count} delivery attempts.");
            let nobody = self.or_ready(number);
            self.bury(number, &message, "MaxDeliveryCountExceeded", &text, nobody);
        }
        if self.spec.dead_letter_expired && self.dead.is_some() {
            let text = "The message expired and was dead lettered.";
            for (number, message) in expired {
                self.bury(number, &message, "TTLExpiredException", text, self.or_ready(number));
            }
        } else if !expired.is_empty() {
            let numbers: Vec<u64> = expired.into_iter().map(|(number, _)| number).collect();
            self.remove(&numbers, Box::new(|_| {}));
        }
    }

    /// Makes a message ready again where what was to be done with it is refused.
    fn or_ready(self: &Arc<Self>, number: u64) -> Done {
        let mailbox = self.clone();
        Box::new(move |done| {
            if done.is_err() {
                mailbox.make_ready(&mut mailbox.state.lock(), number);
            }
        })
    }

    /// Lets go of what the journal keeps and nobody needs. **Blocks.**
    pub(crate) fn compact(&self) {
        if self.is_gone() {
            return;
        }
        let state = self.state.lock();
        let floor = state.entries.first_key_value().map_or(state.next, |(number, _)| *number);
        let words = self.kept.is_long(&self.journal, state.settled).then(|| Together {
            at: state.settled,
            floor,
            words: state.words(floor),
        });
        let next = state.next;
        drop(state);
        // Ids of duplicates are read from the messages that are kept.
        let remembered = if self.spec.duplicate_seconds.is_some() { DUPLICATES } else { 0 };
        let keep = floor.min(next.saturating_sub(remembered));
        self.kept.compact(&self.journal, keep, words);
    }

    /// Drops everything: its entity was deleted. **Blocks.**
    pub(crate) fn clear(&self) {
        self.gone.store(true, Relaxed);
        self.kept.clear(&self.journal);
        *self.state.lock() = State::default();
        // Receivers learn of it.
        self.notify();
        if let Some(dead) = &self.dead {
            dead.clear();
        }
    }

    /// How many messages there are.
    pub(crate) fn counts(&self) -> MailboxCounts {
        let state = self.state.lock();
        let count = |place: fn(&Place) -> bool| {
            state.entries.values().filter(|entry| place(&entry.place)).count() as u64
        };
        MailboxCounts {
            active: count(|place| matches!(place, Place::Ready | Place::Locked(..) | Place::Busy)),
            deferred: count(|place| matches!(place, Place::Deferred)),
            scheduled: count(|place| matches!(place, Place::Scheduled)),
            dead: self.dead.as_ref().map_or(0, |dead| dead.state.lock().entries.len() as u64),
        }
    }
}

/// A settlement that moves a message to the dead letters.
fn dead_letter(reason: &str, description: &str) -> Settlement {
    Settlement::DeadLetter {
        reason: reason.to_owned(),
        description: description.to_owned(),
        changes: Vec::new(),
    }
}

/// The time of day at an instant, in milliseconds since 1970.
pub(crate) fn wall(at: Instant) -> i64 {
    let left = at.saturating_duration_since(Instant::now());
    now_millis().saturating_add(i64::try_from(left.as_millis()).unwrap_or(i64::MAX))
}

impl State {
    fn held(&self, session: &str, holder: u64) -> Option<Instant> {
        let (own, until) = self.sessions.get(session)?.holder?;
        (own == holder && until > Instant::now()).then_some(until)
    }

    fn lock(&mut self, number: u64, until: Instant) -> Option<Taken> {
        let token = *Uuid::new_v4().as_bytes();
        let entry = self.entries.get_mut(&number)?;
        if matches!(entry.place, Place::Locked(..)) {
            return None;
        }
        let taken = entry.taken(number, token, Some(wall(until)));
        entry.place = Place::Locked(token, until);
        self.ready.remove(&number);
        let session = entry.message.about.session.as_deref();
        if let Some(session) = session.and_then(|name| self.sessions.get_mut(name)) {
            session.ready.remove(&number);
        }
        self.locks.insert(token, number);
        self.lock_ends.insert((until, token));
        Some(taken)
    }

    /// Takes a lock away; the message it was on, and until when it would have lasted.
    fn unlock(&mut self, token: Token) -> Option<(u64, Instant)> {
        let number = self.locks.remove(&token)?;
        match self.entries.get(&number)?.place {
            Place::Locked(own, until) if own == token => {
                self.lock_ends.remove(&(until, token));
                Some((number, until))
            }
            _ => None,
        }
    }

    fn forget(&mut self, number: u64) {
        let Some(entry) = self.entries.remove(&number) else { return };
        self.bytes = self.bytes.saturating_sub(entry.message.bare.len() as u64);
        self.ready.remove(&number);
        if let Place::Locked(token, until) = entry.place {
            self.locks.remove(&token);
            self.lock_ends.remove(&(until, token));
        }
        let about = &entry.message.about;
        if let Some(at) = about.expires {
            self.expiring.remove(&(at, number));
        }
        if let Some(at) = about.scheduled {
            self.scheduled.remove(&(at, number));
        }
        let Some(name) = about.session.as_deref() else { return };
        if let Some(session) = self.sessions.get_mut(name) {
            session.ready.remove(&number);
            let idle = session.ready.is_empty() && session.holder.is_none();
            if idle && session.state.is_empty() {
                self.sessions.remove(name);
            }
        }
    }

    /// Messages that have expired and that nobody holds; they are busy from now on.
    fn take_expired(&mut self, now: i64) -> Vec<(u64, Message)> {
        let due: Vec<(i64, u64)> = self.expiring.range(..=(now, u64::MAX)).copied().collect();
        let mut expired = Vec::new();
        for (at, number) in due {
            let Some(entry) = self.entries.get_mut(&number) else { continue };
            if matches!(entry.place, Place::Ready) {
                entry.place = Place::Busy;
                self.expiring.remove(&(at, number));
                self.ready.remove(&number);
                let session = entry.message.about.session.as_deref();
                if let Some(session) = session.and_then(|name| self.sessions.get_mut(name)) {
                    session.ready.remove(&number);
                }
                expired.push((number, entry.message.clone()));
            }
        }
        expired
    }

    /// All that is to be known besides the messages themselves.
    fn words(&self, floor: u64) -> Vec<Word> {
        let gone = (floor..self.next).filter(|number| !self.entries.contains_key(number));
        let changed = self.entries.iter().map(|(number, entry)| Word::Changed {
            number: *number,
            deferred: entry.place == Place::Deferred,
            delivery_count: entry.delivery_count,
            bare: Some(entry.message.bare.clone()),
        });
        let changed = changed.filter(|word| {
            matches!(word, Word::Changed { deferred: true, .. })
                || matches!(word, Word::Changed { delivery_count: 1.., .. })
        });
        let sessions = self.sessions.iter().filter(|(_, session)| !session.state.is_empty());
        let sessions = sessions.map(|(name, session)| Word::Session {
            name: name.clone(),
            state: session.state.clone(),
        });
        std::iter::once(Word::Gone(gone.collect())).chain(changed).chain(sessions).collect()
    }
}

impl Entry {
    fn taken(&self, number: u64, token: Token, locked_until: Option<i64>) -> Taken {
        Taken {
            message: self.message.clone(),
            delivered: Delivered {
                sequence_number: number,
                delivery_count: self.delivery_count,
                locked_until,
                state: match self.place {
                    Place::Deferred => 1,
                    Place::Scheduled => 2,
                    _ => 0,
                },
            },
            token,
        }
    }
}
