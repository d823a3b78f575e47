//! The compact form in which changes, twins and relationships are kept on disk.
//!
//! Everything is written field by field in the order of its declaration:
//!
//! | what | bytes |
//! |---|---|
//! | count, length, version | LEB128 |
//! | text | length, UTF-8 |
//! | time | 8, little endian: ticks of 100 ns since 1970 |
//! | optional | 0, or 1 and the thing |
//! | list | count, things |
//! | enum | 1: the number of the variant, then its fields |
//! | JSON | 1: kind, then nothing, a LEB128 (integers, zigzag), 8 bytes (double) or a list |
//!
//! A change begins with the number of this form, [`FORM`]. There are no checksums here: the
//! journal has them.

mod json;
mod kinds;

use crate::names::shared;
use crate::{Change, Named, Timestamp};
use std::sync::Arc;
use thiserror::Error;

/// The form that is written; another one is not read.
pub const FORM: u8 = 2;

/// Bytes that are not of this form.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("byte {at} of the record is not what this version of Twinscope writes there ({expected})")]
pub struct RecordError {
    /// Where, in bytes from the record's begin.
    pub at: usize,
    /// What was to be there.
    pub expected: &'static str,
}

/// What can be kept on disk.
pub trait Record: Sized {
    /// Writes it behind what is there.
    fn write(&self, to: &mut Vec<u8>);

    /// Reads what [`Record::write`] wrote.
    ///
    /// # Errors
    /// Where the bytes are not of this form.
    fn read(from: &mut Bytes<'_>) -> Result<Self, RecordError>;
}

/// Bytes that are read from front to back.
#[derive(Debug)]
pub struct Bytes<'a> {
    bytes: &'a [u8],
    at: usize,
    /// How deep in JSON the reader is.
    depth: usize,
}

impl<'a> Bytes<'a> {
    /// All of these bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, depth: 0 }
    }

    /// Whether all are read.
    pub fn is_empty(&self) -> bool {
        self.at == self.bytes.len()
    }

    fn expected(&self, expected: &'static str) -> RecordError {
        RecordError { at: self.at, expected }
    }

    fn take(&mut self, count: usize, expected: &'static str) -> Result<&'a [u8], RecordError> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let taken = rest.get(..count).ok_or_else(|| self.expected(expected))?;
        self.at += count;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, expected: &'static str) -> Result<[u8; N], RecordError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N, expected)?);
        Ok(array)
    }

    fn byte(&mut self, expected: &'static str) -> Result<u8, RecordError> {
        self.array::<1>(expected).map(|[byte]| byte)
    }

    /// A count of things that take a byte each at the least, so that a wrong one reserves nothing.
    fn count(&mut self) -> Result<usize, RecordError> {
        let count = usize::try_from(u64::read(self)?).unwrap_or(usize::MAX);
        if count > self.bytes.len() - self.at {
            return Err(self.expected("a count"));
        }
        Ok(count)
    }

    fn text(&mut self) -> Result<&'a str, RecordError> {
        let length = self.count()?;
        let error = self.expected("UTF-8");
        std::str::from_utf8(self.take(length, "a text")?).map_err(|_| error)
    }
}

impl Change {
    /// The change as a record of the journal.
    pub fn to_record(&self) -> Vec<u8> {
        let mut record = Vec::with_capacity(256);
        record.push(FORM);
        self.write(&mut record);
        record
    }

    /// Reads a record of the journal.
    ///
    /// # Errors
    /// Where it is of another form.
    pub fn from_record(record: &[u8]) -> Result<Self, RecordError> {
        let mut bytes = Bytes::new(record);
        if bytes.byte("the number of the form")? != FORM {
            return Err(RecordError { at: 0, expected: "the number of the form" });
        }
        let change = Self::read(&mut bytes)?;
        if bytes.is_empty() { Ok(change) } else { Err(bytes.expected("the end")) }
    }
}

impl Record for u64 {
    fn write(&self, to: &mut Vec<u8>) {
        let mut rest = *self;
        while rest >= 0x80 {
            to.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        to.push(rest as u8);
    }

    fn read(from: &mut Bytes<'_>) -> Result<Self, RecordError> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = from.byte("a number")?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(from.expected("the end of a number"))
    }
}

impl Record for bool {
    fn write(&self, to: &mut Vec<u8>) {
        to.push(u8::from(*self));
    }

    fn read(from: &mut Bytes<'_>) -> Result<Self, RecordError> {
        Ok(from.byte("a truth value")? != 0)
    }
}

impl Record for Timestamp {
    fn write(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(&self.ticks().to_le_bytes());
    }

    fn read(from: &mut Bytes<'_>) -> Result<Self, RecordError> {
        from.array("a time").map(|ticks| Self::from_ticks(i64::from_le_bytes(ticks)))
    }
}

fn write_text(text: &str, to: &mut Vec<u8>) {
    (text.len() as u64).write(to);
    to.extend_from_slice(text.as_bytes());
}

impl Record for Arc<str> {
    fn write(&self, to: &mut Vec<u8>) {
        write_text(self, to);
    }

    fn read(from: &mut Bytes<'_>) -> Result<Self, RecordError> {
        from.text().map(Self::from)
    }
}

impl Record for String {
    fn write(&self, to: &mut Vec<u8>) {
        write_text(self, to);
    }

    fn read(from: &mut Bytes<'_>) -> Result<Self, RecordError> {
        from.text().map(Self::from)
    }
}

impl<T: Record> Record for Option<T> {
    fn write(&self, to: &mut Vec<u8>) {
        self.is_some().write(to);
        if let Some(thing) = self {
            thing.write(to);
        }
    }

    fn read(from: &mut Bytes<'_>) -> Result<Self, RecordError> {
        if bool::read(from)? { T::read(from).map(Some) } else { Ok(None) }
    }
}

impl<T: Record> Record for Vec<T> {
    fn write(&self, to: &mut Vec<u8>) {
        (self.len() as u64).write(to);
        self.iter().for_each(|thing| thing.write(to));
    }

    fn read(from: &mut Bytes<'_>) -> Result<Self, RecordError> {
        (0..from.count()?).map(|_| T::read(from)).collect()
    }
}

impl<T: Record> Record for Arc<T> {
    fn write(&self, to: &mut Vec<u8>) {
        T::write(self, to);
    }

    fn read(from: &mut Bytes<'_>) -> Result<Self, RecordError> {
        T::read(from).map(Self::new)
    }
}

impl<T: Record> Record for Named<T> {
    fn write(&self, to: &mut Vec<u8>) {
        (self.len() as u64).write(to);
        for (name, thing) in self {
            name.write(to);
            thing.write(to);
        }
    }

    fn read(from: &mut Bytes<'_>) -> Result<Self, RecordError> {
        let count = from.count()?;
        let read = |_| Ok((shared(from.text()?), T::read(from)?));
        (0..count).map(read).collect::<Result<Vec<_>, _>>().map(Self::of)
    }
}

impl<A: Record, B: Record> Record for (A, B) {
    fn write(&self, to: &mut Vec<u8>) {
        self.0.write(to);
        self.1.write(to);
    }

    fn read(from: &mut Bytes<'_>) -> Result<Self, RecordError> {
        Ok((A::read(from)?, B::read(from)?))
    }
}
