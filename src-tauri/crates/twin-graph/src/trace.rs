//! W3C trace context: which event caused which.

use crate::text::{ascii, write_hex};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// A trace and the span in it, as the `traceparent` header carries them
/// (<https://www.w3.org/TR/trace-context/>). Ids are handed in, never made here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceContext {
    trace_id: u128,
    span_id: u64,
}

/// A `traceparent` that is not of the W3C form.
#[derive(Debug, Error, PartialEq, Eq)]
#[error(
    "«{0}» is not a W3C traceparent: expected 00-<32 hex digits>-<16 hex digits>-<2 hex digits>, ids not all zero"
)]
pub struct TraceError(String);

impl TraceContext {
    /// A context of the given ids; zero, which W3C forbids, becomes one.
    pub const fn new(trace_id: u128, span_id: u64) -> Self {
        Self {
            trace_id: if trace_id == 0 { 1 } else { trace_id },
            span_id: if span_id == 0 { 1 } else { span_id },
        }
    }

    /// The next step of the same trace.
    #[must_use]
    pub const fn child(self, span_id: u64) -> Self {
        Self::new(self.trace_id, span_id)
    }

    /// Both ids, as numbers.
    pub const fn ids(self) -> (u128, u64) {
        (self.trace_id, self.span_id)
    }

    /// As `traceparent` has it.
    fn text(self) -> [u8; 55] {
        let mut text = *b"00-00000000000000000000000000000000-0000000000000000-01";
        write_hex(&mut text[3..35], &self.trace_id.to_be_bytes());
        write_hex(&mut text[36..52], &self.span_id.to_be_bytes());
        text
    }

    /// The trace id as 32 lower-case hex digits.
    pub fn trace_id(self) -> String {
        format!("{:032x}", self.trace_id)
    }

    /// The span id as 16 lower-case hex digits.
    pub fn span_id(self) -> String {
        format!("{:016x}", self.span_id)
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(ascii(&self.text()))
    }
}

impl FromStr for TraceContext {
    type Err = TraceError;

    fn from_str(text: &str) -> Result<Self, TraceError> {
        parse(text).ok_or_else(|| TraceError(text.chars().take(80).collect()))
    }
}

fn parse(text: &str) -> Option<TraceContext> {
    let mut parts = text.trim().split('-');
    let version = hex(parts.next()?, 2)?;
    let trace_id = hex(parts.next()?, 32)?;
    let span_id = u64::try_from(hex(parts.next()?, 16)?).ok()?;
    hex(parts.next()?, 2)?;
    // Version 00 has exactly four parts; a later version may have more.
    let ends = version > 0 || parts.next().is_none();
    (version != 0xff && ends && trace_id != 0 && span_id != 0)
        .then_some(TraceContext { trace_id, span_id })
}

fn hex(digits: &str, length: usize) -> Option<u128> {
    let lower_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    (digits.len() == length && digits.bytes().all(lower_hex))
        .then(|| u128::from_str_radix(digits, 16).ok())
        .flatten()
}

impl Serialize for TraceContext {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(ascii(&self.text()))
    }
}

impl<'de> Deserialize<'de> for TraceContext {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn reads_and_writes_traceparent() {
        let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let trace: TraceContext = text.parse().unwrap();
        assert_eq!(trace.to_string(), text);
        assert_eq!(trace.child(5).trace_id(), trace.trace_id());
        assert_eq!(trace.child(5).span_id(), "0000000000000005");
    }

    #[test]
    fn refuses_what_is_not_one() {
        for text in [
            "",
            "00-0-0-0",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-extra",
            "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert!(text.parse::<TraceContext>().is_err(), "{text}");
        }
    }
}
