//! Time as the service writes it.

use crate::text::{ascii, write_decimal};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

const NANOS_PER_TICK: i64 = 100;
const TICKS_PER_SECOND: i64 = 10_000_000;
/// Midnight before the first day of the year 0.
const FIRST_SECOND: i64 = -62_167_219_200;

/// A moment in UTC, in ticks of 100 ns since the Unix epoch: the service's own resolution.
///
/// Written as `2026-11-21T09:41:27.3180000Z`, with seven decimals, as seen in recorded traffic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The moment `ticks` × 100 ns after the Unix epoch.
    pub const fn from_ticks(ticks: i64) -> Self {
        Self(ticks)
    }

    /// Ticks of 100 ns since the Unix epoch.
    pub const fn ticks(self) -> i64 {
        self.0
    }

    /// Milliseconds since the Unix epoch, cut, not rounded.
    pub const fn millis(self) -> i64 {
        self.0.div_euclid(TICKS_PER_SECOND / 1_000)
    }

    /// As the service writes it; its format has the years 0 to 9999.
    fn text(self) -> [u8; 28] {
        let seconds = self.0.div_euclid(TICKS_PER_SECOND);
        let fraction = self.0.rem_euclid(TICKS_PER_SECOND);
        let moment = jiff::Timestamp::from_second(seconds).unwrap_or_default();
        let civil = jiff::tz::Offset::UTC.to_datetime(moment);
        let mut text = *b"0000-00-00T00:00:00.0000000Z";
        let two = |number: i8| u32::from(number.unsigned_abs());
        write_decimal(&mut text[..4], civil.year().unsigned_abs().into());
        write_decimal(&mut text[5..7], two(civil.month()));
        write_decimal(&mut text[8..10], two(civil.day()));
        write_decimal(&mut text[11..13], two(civil.hour()));
        write_decimal(&mut text[14..16], two(civil.minute()));
        write_decimal(&mut text[17..19], two(civil.second()));
        write_decimal(&mut text[20..27], u32::try_from(fraction).unwrap_or_default());
        text
    }

    /// The moment this much later (or earlier, where `seconds` is negative).
    #[must_use]
    pub fn plus_seconds(self, seconds: f64) -> Self {
        Self(self.0.saturating_add((seconds * TICKS_PER_SECOND as f64) as i64))
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        let ticks = match time.duration_since(UNIX_EPOCH) {
            Ok(after) => (after.as_nanos() / NANOS_PER_TICK as u128) as i64,
            Err(before) => -((before.duration().as_nanos() / NANOS_PER_TICK as u128) as i64),
        };
        Self(ticks)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(ascii(&self.text()))
    }
}

impl FromStr for Timestamp {
    type Err = jiff::Error;

    /// Reads any RFC 3339 time; finer than 100 ns is cut. Years before 0, which other formats
    /// have, are refused: the service could not write them.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let moment: jiff::Timestamp = text.parse()?;
        if moment.as_second() < FIRST_SECOND {
            return Err(jiff::Error::from_args(format_args!("a time before the year 0")));
        }
        let ticks = moment.as_nanosecond().div_euclid(NANOS_PER_TICK as i128);
        Ok(Self(i64::try_from(ticks).unwrap_or(i64::MAX)))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(ascii(&self.text()))
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn is_written_with_seven_decimals() {
        assert_eq!(Timestamp::from_ticks(0).to_string(), "1970-01-01T00:00:00.0000000Z");
        let time: Timestamp = "2026-11-21T10:41:27.318+01:00".parse().unwrap();
        assert_eq!(time.to_string(), "2026-11-21T09:41:27.3180000Z");
        for edge in ["0000-01-01T00:00:00.0000000Z", "9999-12-30T21:59:59.9999999Z"] {
            assert_eq!(edge.parse::<Timestamp>().unwrap().to_string(), edge);
        }
        assert!("-000001-12-31T23:59:59Z".parse::<Timestamp>().is_err());
    }

    proptest! {
        #[test]
        fn reads_what_it_writes(ticks in -60_000_000_000_000_000i64..200_000_000_000_000_000) {
            let time = Timestamp::from_ticks(ticks);
            prop_assert_eq!(time.to_string().parse::<Timestamp>().unwrap(), time);
        }
    }
}
