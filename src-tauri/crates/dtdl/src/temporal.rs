//! The texts of dates, times and durations that DTDL takes.

/// A full-date of RFC 3339.
pub(crate) fn is_date(text: &str) -> bool {
    date(text.as_bytes()).is_some_and(<[u8]>::is_empty)
}

/// A date-time of RFC 3339, offset included.
pub(crate) fn is_date_time(text: &str) -> bool {
    date(text.as_bytes())
        .and_then(|rest| rest.strip_prefix(b"T"))
        .and_then(time)
        .is_some_and(<[u8]>::is_empty)
}

/// A full-time of RFC 3339, offset included.
pub(crate) fn is_time(text: &str) -> bool {
    time(text.as_bytes()).is_some_and(<[u8]>::is_empty)
}

/// A duration of ISO 8601: only the last component may have a fraction; weeks do not mix with years and months.
pub(crate) fn is_duration(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('P') else {
        return false;
    };
    let (date, time) = match rest.split_once('T') {
        Some((date, time)) => (date, Some(time)),
        None => (rest, None),
    };
    if rest.is_empty() || time.is_some_and(str::is_empty) {
        return false;
    }
    let Some(date) = components(date) else {
        return false;
    };
    let Some(time) = components(time.unwrap_or_default()) else {
        return false;
    };
    let whole_but_last =
        date.iter().chain(&time).rev().skip(1).all(|component| !component.fraction);
    whole_but_last && (in_order(&date, b"YMD") || in_order(&date, b"WD")) && in_order(&time, b"HMS")
}

fn date(text: &[u8]) -> Option<&[u8]> {
    let (year, rest) = number(text, 4)?;
    let (month, rest) = number(rest.strip_prefix(b"-")?, 2)?;
    let (day, rest) = number(rest.strip_prefix(b"-")?, 2)?;
    (year >= 1 && day >= 1 && day <= days_in(year, month)).then_some(rest)
}

fn time(text: &[u8]) -> Option<&[u8]> {
    let (hour, rest) = number(text, 2)?;
    let (minute, rest) = number(rest.strip_prefix(b":")?, 2)?;
    let (second, rest) = number(rest.strip_prefix(b":")?, 2)?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let rest = match rest.strip_prefix(b".") {
        Some(rest) => match digits(rest) {
            0 => return None,
            count => rest.get(count..)?,
        },
        None => rest,
    };
    offset(rest)
}

fn offset(text: &[u8]) -> Option<&[u8]> {
    if let Some(rest) = text.strip_prefix(b"Z") {
        return Some(rest);
    }
    let rest = text.strip_prefix(b"+").or_else(|| text.strip_prefix(b"-"))?;
    let (hour, rest) = number(rest, 2)?;
    let (minute, rest) = number(rest.strip_prefix(b":")?, 2)?;
    // RFC 3339 would take up to 23:59; the service and the reference parser take what .NET takes.
    (minute <= 59 && hour * 60 + minute <= 14 * 60).then_some(rest)
}

fn number(text: &[u8], count: usize) -> Option<(u32, &[u8])> {
    let (head, rest) = text.split_at_checked(count)?;
    (digits(head) == count).then(|| {
        let value = head.iter().fold(0, |n, digit| n * 10 + u32::from(digit - b'0'));
        (value, rest)
    })
}

fn digits(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

fn days_in(year: u32, month: u32) -> u32 {
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        _ => 0,
    }
}

struct Component {
    designator: u8,
    fraction: bool,
}

fn components(text: &str) -> Option<Vec<Component>> {
    let mut rest = text.as_bytes();
    let mut components = Vec::new();
    while !rest.is_empty() {
        let count = digits(rest);
        let mut after = rest.get(count..)?;
        let mut fraction = false;
        if let Some(tail) = after.strip_prefix(b".") {
            let decimals = digits(tail);
            if decimals == 0 {
                return None;
            }
            fraction = true;
            after = tail.get(decimals..)?;
        }
        let (designator, tail) = after.split_first()?;
        // The longest order has three designators: more can only be wrong.
        if count == 0 || components.len() == 3 {
            return None;
        }
        components.push(Component { designator: *designator, fraction });
        rest = tail;
    }
    Some(components)
}

fn in_order(components: &[Component], order: &[u8]) -> bool {
    let mut order = order.iter();
    components.iter().all(|component| order.any(|designator| *designator == component.designator))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        for text in ["2024-02-29", "2000-02-29", "0001-01-01", "9999-12-31"] {
            assert!(is_date(text), "{text}");
        }
        for text in [
            "2023-02-29",
            "1900-02-29",
            "2024-13-01",
            "2024-00-10",
            "24-01-01",
            "2024-1-1",
            "2024-01-01Z",
        ] {
            assert!(!is_date(text), "{text}");
        }
    }

    #[test]
    fn times_have_an_offset() {
        for text in ["00:00:00Z", "23:59:59.123456789Z", "12:30:00+14:00", "12:30:00-05:30"] {
            assert!(is_time(text), "{text}");
            assert!(is_date_time(&format!("2024-01-01T{text}")), "{text}");
        }
        for text in [
            "12:30:00",
            "24:00:00Z",
            "12:60:00Z",
            "12:30:60Z",
            "12:30:00.Z",
            "12:30Z",
            "12:30:00+14:01",
            "12:30:00z",
        ] {
            assert!(!is_time(text), "{text}");
        }
        assert!(!is_date_time("2024-01-01 00:00:00Z"));
        assert!(!is_date_time("2024-01-01"));
    }

    #[test]
    fn durations() {
        for text in ["P1Y2M3DT4H5M6.7S", "P3W", "P2W4DT8H", "PT0S", "P0.5D", "PT1.5H"] {
            assert!(is_duration(text), "{text}");
        }
        for text in [
            "P", "PT", "P1DT", "P1Y2W", "P1M1Y", "P1.5Y2M", "1D", "P-1D", "P1H", "PT1D", "P.5D",
            "P1",
        ] {
            assert!(!is_duration(text), "{text}");
        }
    }
}
