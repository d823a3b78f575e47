//! Events: out of what a client sent, into a record, and out to a consumer.

use amqp::message::{Sections, section, write_section};
use amqp::{Error, Value, condition};
use bytes::{Buf, BufMut, Bytes, BytesMut};

/// The format of a batch: each data section of it is one whole message.
pub(crate) const BATCH: u32 = 0x8001_3700;
//= client: A partition key has at most 128 characters. [ClientConstants.MAX_PARTITION_KEY_LENGTH
//  of the client for Java]
/// The service's limit on partition keys, in UTF-16's units, as Java and .NET count.
const LONGEST_KEY: usize = 128;
const PARTITION_KEY: &str = "x-opt-partition-key";
const RECORD_VERSION: u8 = 1;
const NO_KEY: u16 = u16::MAX;

/// An event that is to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    /// Decides the partition, where the sender leaves that open.
    pub partition_key: Option<String>,
    /// Message annotations other than the service's own, as pairs of encoded AMQP values.
    pub(crate) annotations: Bytes,
    /// The bare message, as it came.
    pub(crate) bare: Bytes,
}

/// An event that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Counts up from 0 in its partition, without gaps.
    pub sequence_number: i64,
    /// Where it stands in its partition, in bytes.
    pub offset: i64,
    /// When it was taken in, in milliseconds since 1970; never before its predecessor.
    pub enqueued: i64,
    /// What the sender gave.
    pub partition_key: Option<String>,
    annotations: Bytes,
    /// The bare message, as it came: properties, application properties, body.
    pub bare: Bytes,
}

impl NewEvent {
    /// An event with this body and nothing else.
    #[must_use]
    pub fn of_data(data: Bytes, partition_key: Option<String>) -> Self {
        let mut bare = BytesMut::new();
        write_section(&mut bare, section::DATA, &Value::Binary(data));
        Self { partition_key, annotations: Bytes::new(), bare: bare.freeze() }
    }

    /// The events of a delivery: one, or those of a batch, which share its partition key.
    pub(crate) fn read(message: Bytes, format: u32) -> Result<Vec<Self>, Error> {
        let sections = Sections::of(message)?;
        if format != BATCH {
            return Ok(vec![Self::of(&sections, None)?]);
        }
        let key = Self::of(&sections, None)?.partition_key;
        let one = |data| Self::of(&Sections::of(data)?, key.clone());
        sections.data()?.into_iter().map(one).collect()
    }

    /// From a message of any origin; the key where it has none itself.
    pub(crate) fn of(sections: &Sections, key: Option<String>) -> Result<Self, Error> {
        let mut annotations = BytesMut::new();
        let mut own_key = None;
        if let Some(section) = &sections.message_annotations {
            for (name, value) in Value::read(section.clone())?.as_map().unwrap_or_default() {
                match name.as_text() {
                    Some(PARTITION_KEY) => own_key = value.as_text().map(str::to_owned),
                    Some("x-opt-offset" | "x-opt-sequence-number" | "x-opt-enqueued-time") => {}
                    _ => {
                        name.write(&mut annotations);
                        value.write(&mut annotations);
                    }
                }
            }
        }
        let partition_key = own_key.or(key);
        if partition_key.as_ref().is_some_and(|key| key.encode_utf16().count() > LONGEST_KEY) {
            let text = format!("the partition key is longer than {LONGEST_KEY} characters");
            return Err(Error::new(condition::INVALID_FIELD, text));
        }
        let bare = sections.bare.clone();
        Ok(Self { partition_key, annotations: annotations.freeze(), bare })
    }

    /// As it is kept.
    pub(crate) fn record(&self, offset: i64, enqueued: i64) -> Vec<u8> {
        let key = self.partition_key.as_deref().map(str::as_bytes);
        let mut record = Vec::with_capacity(self.size());
        record.put_u8(RECORD_VERSION);
        record.put_i64(offset);
        record.put_i64(enqueued);
        record.put_u16(key.map_or(NO_KEY, |key| u16::try_from(key.len()).unwrap_or_default()));
        record.put_slice(key.unwrap_or_default());
        record.put_u32(u32::try_from(self.annotations.len()).unwrap_or_default());
        record.put_slice(&self.annotations);
        record.put_slice(&self.bare);
        record
    }

    /// How many bytes the record takes.
    pub(crate) fn size(&self) -> usize {
        let key = self.partition_key.as_ref().map_or(0, String::len);
        23 + key + self.annotations.len() + self.bare.len()
    }
}

impl Event {
    /// From a record; `None` where it is none of ours.
    pub(crate) fn read(position: u64, record: Bytes) -> Option<Self> {
        let mut rest = record;
        if rest.len() < 23 || rest.get_u8() != RECORD_VERSION {
            return None;
        }
        let (offset, enqueued, key) = (rest.get_i64(), rest.get_i64(), rest.get_u16());
        let partition_key = match key {
            NO_KEY => None,
            length if rest.len() >= usize::from(length) + 4 => {
                Some(String::from_utf8(rest.split_to(length.into()).to_vec()).ok()?)
            }
            _ => return None,
        };
        let length = usize::try_from(rest.get_u32()).ok().filter(|n| *n <= rest.len())?;
        let annotations = rest.split_to(length);
        let sequence_number = i64::try_from(position).ok()? - 1;
        Some(Self { sequence_number, offset, enqueued, partition_key, annotations, bare: rest })
    }

    /// How many bytes of its partition it takes.
    pub(crate) fn size(&self) -> usize {
        let key = self.partition_key.as_ref().map_or(0, String::len);
        23 + key + self.annotations.len() + self.bare.len()
    }

    //= client: Events carry x-opt-sequence-number, x-opt-offset, x-opt-enqueued-time and
    //  x-opt-partition-key, in the types that the clients read.
    /// The sections that go before the bare message, for a consumer.
    pub(crate) fn head(&self, last: Option<&LastEnqueued>) -> Bytes {
        let mut out = BytesMut::with_capacity(192 + self.annotations.len());
        if let Some(last) = last {
            write_section(&mut out, section::DELIVERY_ANNOTATIONS, &last.to_value());
        }
        out.put_slice(&[0, 0x53, section::MESSAGE_ANNOTATIONS, 0xd1]);
        let at = out.len();
        out.put_u64(0);
        let mut count = 6;
        pair(&mut out, "x-opt-sequence-number", &Value::Long(self.sequence_number));
        pair(&mut out, "x-opt-offset", &Value::String(self.offset.to_string()));
        pair(&mut out, "x-opt-enqueued-time", &Value::Timestamp(self.enqueued));
        if let Some(key) = &self.partition_key {
            pair(&mut out, PARTITION_KEY, &Value::String(key.clone()));
            count += 2;
        }
        let mut others = amqp::Reader::new(self.annotations.clone());
        while !others.is_empty() && others.skip().is_ok() {
            count += 1;
        }
        out.put_slice(&self.annotations);
        let size = u32::try_from(out.len() - at - 4).unwrap_or(u32::MAX);
        out[at..at + 4].copy_from_slice(&size.to_be_bytes());
        out[at + 4..at + 8].copy_from_slice(&u32::to_be_bytes(count));
        out.freeze()
    }

    /// The sender's message annotations: names and values in turns.
    pub(crate) fn annotations(&self) -> amqp::Reader {
        amqp::Reader::new(self.annotations.clone())
    }

    /// The data of its body; `None` where it is of another kind.
    #[must_use]
    pub fn data(&self) -> Option<Bytes> {
        Self::data_of(&Sections::of(self.bare.clone()).ok()?)
    }

    /// The same, of its sections.
    pub(crate) fn data_of(sections: &Sections) -> Option<Bytes> {
        let data = sections.data().ok()?;
        match data.as_slice() {
            [] => None,
            [one] => Some(one.clone()),
            several => Some(several.concat().into()),
        }
    }
}

fn pair(out: &mut BytesMut, key: &'static str, value: &Value) {
    let length = u8::try_from(key.len()).unwrap_or_default();
    out.put_slice(&[0xa3, length]);
    out.put_slice(key.as_bytes());
    value.write(out);
}

/// What consumers who asked for it are told with every event.
pub(crate) struct LastEnqueued {
    pub(crate) sequence_number: i64,
    pub(crate) offset: i64,
    pub(crate) enqueued: i64,
    pub(crate) now: i64,
}

//= client: Receivers that ask for runtime metrics get the partition's end in delivery
//  annotations.
impl LastEnqueued {
    fn to_value(&self) -> Value {
        Value::Map(
            [
                ("last_enqueued_sequence_number", Value::Long(self.sequence_number)),
                ("last_enqueued_offset", Value::String(self.offset.to_string())),
                ("last_enqueued_time_utc", Value::Timestamp(self.enqueued)),
                ("runtime_info_retrieval_time_utc", Value::Timestamp(self.now)),
            ]
            .map(|(key, value)| (Value::symbol(key), value))
            .into(),
        )
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn message(annotations: &[(&str, Value)], body: &'static [u8]) -> Bytes {
        let mut out = BytesMut::new();
        let pairs = annotations.iter().map(|(k, v)| (Value::symbol(k), v.clone())).collect();
        write_section(&mut out, section::MESSAGE_ANNOTATIONS, &Value::Map(pairs));
        write_section(&mut out, section::DATA, &Value::Binary(Bytes::from_static(body)));
        out.freeze()
    }

    #[test]
    fn an_event_comes_back_as_it_was() {
        let key = Value::String("room".into());
        let sent = message(&[(PARTITION_KEY, key), ("x-own", Value::Int(7))], b"21.5");
        let new = NewEvent::read(sent, 0).unwrap().remove(0);
        let record = new.record(300, 1_000);
        assert_eq!(record.len(), new.size());
        let event = Event::read(5, record.into()).unwrap();
        assert_eq!((event.sequence_number, event.offset, event.enqueued), (4, 300, 1_000));
        assert_eq!(event.data().unwrap(), "21.5");
        let whole = [event.head(None), event.bare.clone()].concat();
        let sections = Sections::of(whole.into()).unwrap();
        let annotations = Sections::value(sections.message_annotations.as_ref());
        assert_eq!(annotations.get("x-opt-sequence-number"), Some(&Value::Long(4)));
        assert_eq!(annotations.get("x-opt-offset"), Some(&Value::String("300".into())));
        assert_eq!(annotations.get("x-opt-partition-key"), Some(&Value::String("room".into())));
        assert_eq!(annotations.get("x-own"), Some(&Value::Int(7)));
    }

    #[test]
    fn the_events_of_a_batch_share_its_key() {
        let mut batch = BytesMut::new();
        let key = Value::Map(vec![(Value::symbol(PARTITION_KEY), Value::String("k".into()))]);
        write_section(&mut batch, section::MESSAGE_ANNOTATIONS, &key);
        for body in [b"one", b"two"] {
            write_section(&mut batch, section::DATA, &Value::Binary(message(&[], body)));
        }
        let events = NewEvent::read(batch.freeze(), BATCH).unwrap();
        assert_eq!(events.len(), 2);
        assert!(events.iter().all(|event| event.partition_key.as_deref() == Some("k")));
    }

    #[test]
    fn a_damaged_record_is_no_event() {
        let record = NewEvent::of_data(Bytes::from_static(b"x"), Some("key".into())).record(0, 0);
        for length in 0..26 {
            assert_eq!(Event::read(1, Bytes::copy_from_slice(&record[..length])), None, "{length}");
        }
    }
}
