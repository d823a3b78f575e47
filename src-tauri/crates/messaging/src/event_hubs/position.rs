//! Where a consumer begins: the text of its selector filter.

use super::partition::{PartitionProperties, Position};
use amqp::{Error, Value, performative};

const ARGUMENT_ERROR: &str = "com.microsoft:argument-error";
const PREFIX: &str = "amqp.annotation.";

/// Reads a source's selector filter; without one, from the beginning.
pub(crate) fn of_source(source: &Value) -> Result<Position, Error> {
    let filters = performative::filters(source).iter();
    let selector = filters.filter_map(|(_, filter)| filter.undescribed().as_text()).next();
    selector.map_or(Ok(Position::Earliest), |text| {
        of_selector(text).ok_or_else(|| {
            Error::new(ARGUMENT_ERROR, format!("the filter \"{text}\" names no position"))
        })
    })
}

//= client: A receiver begins where its selector filter says: offset, sequence number or enqueued
//  time, inclusive or not, earliest, latest.
fn of_selector(text: &str) -> Option<Position> {
    let rest = text.trim().strip_prefix(PREFIX)?;
    let (name, bound) = rest.split_once('>')?;
    let (inclusive, bound) = match bound.strip_prefix('=') {
        Some(bound) => (true, bound),
        None => (false, bound),
    };
    let bound = bound.trim().trim_matches('\'');
    if bound.eq_ignore_ascii_case("@latest") {
        return Some(Position::Latest);
    }
    let number: i64 = bound.parse().ok()?;
    Some(match name.trim() {
        "x-opt-offset" if number < 0 => Position::Earliest,
        "x-opt-offset" => Position::Offset { offset: number, inclusive },
        "x-opt-sequence-number" if number < 0 => Position::Earliest,
        "x-opt-sequence-number" => Position::SequenceNumber { number, inclusive },
        "x-opt-enqueued-time" => Position::Enqueued { at: number, inclusive },
        _ => return None,
    })
}

//= recorded: A position that the partition has not reached is refused with
//  com.microsoft:argument-error, in the words here. [nicolgit/azure-firewall-mon#21; logs of
//  Splunk's TA-Azure_Monitor]
/// Refuses positions that the partition has not reached, in the service's words.
pub(crate) fn check(position: Position, partition: &PartitionProperties) -> Result<(), Error> {
    let (what, supplied, last) = match position {
        Position::Offset { offset, .. } => ("offset", offset, partition.last_offset),
        Position::SequenceNumber { number, .. } => {
            ("sequence number", number, partition.last_sequence_number)
        }
        _ => return Ok(()),
    };
    if supplied > last.max(0) {
        let text = format!(
            "The supplied {what} '{supplied}' is invalid. The last {what} in the system is '{last}'"
        );
        return Err(Error::new(ARGUMENT_ERROR, text));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_of_the_official_clients() {
        for (text, expected) in [
            ("amqp.annotation.x-opt-offset > '-1'", Some(Position::Earliest)),
            ("amqp.annotation.x-opt-offset > '@latest'", Some(Position::Latest)),
            (
                "amqp.annotation.x-opt-offset >= '512'",
                Some(Position::Offset { offset: 512, inclusive: true }),
            ),
            (
                "amqp.annotation.x-opt-sequence-number > '7'",
                Some(Position::SequenceNumber { number: 7, inclusive: false }),
            ),
            (
                "amqp.annotation.x-opt-enqueued-time > '1700000000000'",
                Some(Position::Enqueued { at: 1_700_000_000_000, inclusive: false }),
            ),
            ("amqp.annotation.x-opt-offset > 'soon'", None),
            ("amqp.annotation.x-opt-colour > '1'", None),
            ("1 = 1", None),
        ] {
            assert_eq!(of_selector(text), expected, "{text}");
        }
    }
}
