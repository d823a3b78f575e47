//! Ids and times as text of a fixed width. Each event has several, so they are not left to
//! formatting.

/// Writes bytes as lower-case hex digits, two for each.
pub(crate) fn write_hex(to: &mut [u8], bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (pair, byte) in to.chunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
}

/// Writes a number's last decimal digits, as many as there is room for.
pub(crate) fn write_decimal(to: &mut [u8], mut number: u32) {
    for digit in to.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

/// The text of bytes that are ASCII.
pub(crate) fn ascii(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn they_are_as_formatting_writes_them(id in any::<u64>(), number in 0u32..10_000_000) {
            let (mut hex, mut decimal) = ([0; 16], [0; 7]);
            write_hex(&mut hex, &id.to_be_bytes());
            write_decimal(&mut decimal, number);
            prop_assert_eq!(ascii(&hex), format!("{id:016x}"));
            prop_assert_eq!(ascii(&decimal), format!("{number:07}"));
        }
    }
}
