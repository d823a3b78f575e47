//! What the journal keeps of a mailbox: the messages, and what became of them.

use super::message::Message;
use amqp::Value;
use bytes::Bytes;
use journal::{Journal, JournalError, StreamId};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// So many words are let gather before they are put together.
const COMPACT_AFTER: u64 = if cfg!(test) { 200 } else { 20_000 };
const READ_AT_ONCE: usize = 1_000;

/// The two streams of a mailbox.
pub(crate) struct Kept {
    pub(crate) messages: StreamId,
    pub(crate) settled: StreamId,
}

/// What became of messages, one record.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Word {
    /// They are done with.
    Gone(Vec<u64>),
    /// It was put back.
    Changed {
        number: u64,
        deferred: bool,
        delivery_count: u32,
        /// The bare message, where it was changed.
        bare: Option<Bytes>,
    },
    /// A session's state was set.
    Session { name: String, state: Bytes },
}

/// Words up to position `at`, put together; everything before `floor` is gone.
pub(crate) struct Together {
    pub(crate) at: u64,
    pub(crate) floor: u64,
    pub(crate) words: Vec<Word>,
}

/// A message that was found.
pub(crate) struct FoundMessage {
    pub(crate) message: Message,
    pub(crate) deferred: bool,
    pub(crate) delivery_count: u32,
}

/// All that was found.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) messages: BTreeMap<u64, FoundMessage>,
    pub(crate) sessions: BTreeMap<String, Bytes>,
    pub(crate) next: u64,
    pub(crate) settled: u64,
    pub(crate) seen: HashMap<String, i64>,
}

impl Word {
    fn to_value(&self) -> Value {
        Value::List(match self {
            Self::Gone(numbers) => {
                let mut fields = vec![Value::Ubyte(0)];
                fields.extend(numbers.iter().copied().map(Value::Ulong));
                fields
            }
            Self::Changed { number, deferred, delivery_count, bare } => vec![
                Value::Ubyte(1),
                Value::Ulong(*number),
                Value::Bool(*deferred),
                Value::Uint(*delivery_count),
                bare.clone().map_or(Value::Null, Value::Binary),
            ],
            Self::Session { name, state } => {
                vec![Value::Ubyte(2), Value::String(name.clone()), Value::Binary(state.clone())]
            }
        })
    }

    fn from_value(value: &Value) -> Option<Self> {
        let (kind, fields) = value.as_list()?.split_first()?;
        let number = |value: &Value| u64::try_from(value.as_i64()?).ok();
        let binary = |value: &Value| match value {
            Value::Binary(bytes) => Some(bytes.clone()),
            _ => None,
        };
        Some(match kind.as_u32()? {
            0 => Self::Gone(fields.iter().filter_map(number).collect()),
            1 => Self::Changed {
                number: number(fields.first()?)?,
                deferred: fields.get(1)?.as_bool()?,
                delivery_count: fields.get(2)?.as_u32()?,
                bare: binary(fields.get(3)?),
            },
            2 => Self::Session {
                name: fields.first()?.as_text()?.to_owned(),
                state: binary(fields.get(1)?)?,
            },
            _ => return None,
        })
    }

    pub(crate) fn record(&self) -> Vec<u8> {
        self.to_value().to_bytes().to_vec()
    }
}

impl Kept {
    /// Opens both streams. **Blocks.**
    pub(crate) fn open(journal: &Journal, stream: &str) -> Result<Self, JournalError> {
        Ok(Self {
            messages: journal.stream(stream)?,
            settled: journal.stream(&format!("{stream}/settled"))?,
        })
    }

    /// Reads everything. **Blocks.**
    pub(crate) fn read(&self, journal: &Journal) -> Result<Found, JournalError> {
        let mut found = Found { next: journal.head(self.messages) + 1, ..Found::default() };
        let mut gone = BTreeSet::new();
        let mut changed = BTreeMap::new();
        let mut floor = 0;
        let mut take = |word: Word, found: &mut Found| match word {
            Word::Gone(numbers) => gone.extend(numbers),
            Word::Changed { number, deferred, delivery_count, bare } => {
                let earlier: Option<Bytes> = changed.remove(&number).and_then(|(_, _, bare)| bare);
                changed.insert(number, (deferred, delivery_count, bare.or(earlier)));
            }
            Word::Session { name, state } => drop(found.sessions.insert(name, state)),
        };
        let mut from = 1;
        if let Some((position, snapshot)) = journal.latest_snapshot(self.settled)? {
            from = position + 1;
            let snapshot = Value::read(snapshot.into()).unwrap_or(Value::Null);
            let (first, words) =
                snapshot.as_list().and_then(<[Value]>::split_first).unwrap_or((&Value::Null, &[]));
            floor = first.as_i64().and_then(|floor| u64::try_from(floor).ok()).unwrap_or_default();
            words.iter().filter_map(Word::from_value).for_each(|word| take(word, &mut found));
        }
        each(journal, self.settled, from, |_, payload| {
            if let Some(word) = Value::read(payload).ok().as_ref().and_then(Word::from_value) {
                take(word, &mut found);
            }
        })?;
        found.settled = journal.head(self.settled);
        each(journal, self.messages, 1, |position, payload| {
            let Some(mut message) = Message::from_record(payload) else { return };
            found.seen.insert(message.about.message_id.clone(), message.about.enqueued);
            if position < floor || gone.contains(&position) {
                return;
            }
            let (deferred, delivery_count, bare) =
                changed.remove(&position).unwrap_or((false, 0, None));
            message.bare = bare.unwrap_or(message.bare);
            found.messages.insert(position, FoundMessage { message, deferred, delivery_count });
        })?;
        Ok(found)
    }

    /// Whether so many words have gathered that they are worth putting together.
    pub(crate) fn is_long(&self, journal: &Journal, at: u64) -> bool {
        at + 1 >= journal.first(self.settled) + COMPACT_AFTER
    }

    /// Drops messages before `keep`, all of which are done with, and the words that were put
    /// together. **Blocks.**
    pub(crate) fn compact(&self, journal: &Journal, keep: u64, together: Option<Together>) {
        if let Some(Together { at, floor, words }) = together {
            let floor = std::iter::once(Value::Ulong(floor));
            let list = floor.chain(words.iter().map(Word::to_value)).collect();
            let snapshot = Value::List(list).to_bytes().to_vec();
            if let Err(error) = journal.put_snapshot(self.settled, at, snapshot).wait() {
                tracing::warn!(%error, "what became of messages could not be put together");
                return;
            }
            journal.trim(self.settled, at + 1);
        }
        if keep > journal.first(self.messages) {
            journal.trim(self.messages, keep);
        }
    }

    /// Drops everything: its entity was deleted.
    pub(crate) fn clear(&self, journal: &Journal) {
        for stream in [self.messages, self.settled] {
            journal.trim(stream, journal.head(stream) + 1);
        }
    }
}

fn each(
    journal: &Journal,
    stream: StreamId,
    mut from: u64,
    mut take: impl FnMut(u64, Bytes),
) -> Result<(), JournalError> {
    loop {
        let records = journal.read(stream, from, READ_AT_ONCE)?;
        let Some(last) = records.last() else { return Ok(()) };
        from = last.position + 1;
        records.into_iter().for_each(|record| take(record.position, record.payload.into()));
    }
}
