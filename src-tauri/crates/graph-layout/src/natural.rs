//! The order in which people expect names: numbers by their value.

use std::cmp::Ordering;

/// Compares two names, runs of digits by their value: `Room_2` before `Room_10`.
///
/// Names that differ only in leading zeros are ordered by their bytes, so only equal names are
/// equal.
pub fn natural_order(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a.as_bytes(), b.as_bytes());
    loop {
        match (left.first(), right.first()) {
            (Some(x), Some(y)) if x.is_ascii_digit() && y.is_ascii_digit() => {
                let (x, rest_left) = digits(left);
                let (y, rest_right) = digits(right);
                // Without leading zeros the longer number is the larger one.
                match x.len().cmp(&y.len()).then_with(|| x.cmp(y)) {
                    Ordering::Equal => (left, right) = (rest_left, rest_right),
                    unequal => return unequal,
                }
            }
            (Some(x), Some(y)) if x == y => (left, right) = (&left[1..], &right[1..]),
            (None, None) => return a.cmp(b),
            (x, y) => return x.cmp(&y),
        }
    }
}

/// The leading digits without leading zeros, and what follows them.
fn digits(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|b| !b.is_ascii_digit()).unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    let zeros = number.iter().take_while(|&&b| b == b'0').count();
    (&number[zeros..], rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_numbers_by_value() {
        let sorted = [
            "", "A", "Floor_1", "Room_", "Room_2", "Room_02", "Room_10", "Room_10a", "Room_a", "é",
        ];
        for (i, a) in sorted.iter().enumerate() {
            for (j, b) in sorted.iter().enumerate() {
                // «Room_02» sorts before «Room_2» by its bytes: the one pair out of this order.
                if (i, j) != (4, 5) && (i, j) != (5, 4) {
                    assert_eq!(natural_order(a, b), i.cmp(&j), "{a} {b}");
                }
            }
        }
        assert_eq!(natural_order("Room_02", "Room_2"), Ordering::Less);
        let long = "9".repeat(400);
        assert_eq!(natural_order(&long, &format!("1{long}")), Ordering::Less);
    }
}
