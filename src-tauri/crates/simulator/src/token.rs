//! Continuation tokens: opaque to clients, bound to what they continue.

use adt_service::{Code, ServiceError};
use std::fmt::Write;

/// A token that continues `of` (a list's name) after `key`.
pub(crate) fn make(of: &str, key: &str) -> String {
    hidden(&format!("{:08x}{key}", checksum(of)))
}

/// The key of a token that [`make`] made for the same `of`.
pub(crate) fn read(of: &str, token: &str) -> Result<String, ServiceError> {
    let refused = || {
        ServiceError::new(
            Code::BadRequest,
            "The continuation token is not one of this list or query. Begin again without a token.",
        )
    };
    let text = shown(token).ok_or_else(refused)?;
    match text.strip_prefix(&format!("{:08x}", checksum(of))) {
        Some(key) => Ok(key.to_owned()),
        None => Err(refused()),
    }
}

/// A text as a client gets to see it.
pub(crate) fn hidden(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len() * 2), |mut token, byte| {
        // Writing to a String cannot fail.
        let _ = write!(token, "{byte:02x}");
        token
    })
}

/// The text that [`hidden`] hid; `None` where there is none. Digits in another case are another
/// token.
pub(crate) fn shown(token: &str) -> Option<String> {
    let digits = token.as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let text = String::from_utf8(digits.map(byte).collect::<Option<_>>()?).ok()?;
    (hidden(&text) == token).then_some(text)
}

/// FNV-1a: it only has to tell one query from another.
fn checksum(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn continues_only_what_it_was_made_for() {
        let token = make("SELECT * FROM DIGITALTWINS", "Room_é");
        assert_eq!(read("SELECT * FROM DIGITALTWINS", &token).unwrap(), "Room_é");
        for (of, token) in
            [("SELECT", token.as_str()), ("SELECT", ""), ("SELECT", "zz"), ("SELECT", "é")]
        {
            assert_eq!(read(of, token).unwrap_err().code, Code::BadRequest);
        }
    }
}
