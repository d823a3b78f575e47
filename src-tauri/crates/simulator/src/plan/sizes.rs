//! How large a twin, a patch and their strings may be (documentation of 01/2025).

use adt_service::{Code, ServiceError};
use serde::Serialize;
use serde_json::Value;
use std::io;
use twin_graph::Fault;

/// A twin's body or a patch, as JSON.
const BODY: usize = 32 * 1024;
/// A string value, in UTF-8.
const STRING: usize = 4 * 1024;
/// The name of a property or the key of a map, in UTF-8.
const NAME: usize = 1024;

/// Refuses a body that is too large.
pub(super) fn check_body(body: &impl Serialize, what: &str) -> Result<(), ServiceError> {
    // It can only fail at the bound.
    if serde_json::to_writer(Room(BODY), body).is_ok() {
        return Ok(());
    }
    Err(ServiceError::new(
        Code::InvalidArgument,
        format!("The {what} is larger than {} KB. Take something out of it.", BODY / 1024),
    ))
}

/// How many bytes may yet be written; they are counted, not kept.
struct Room(usize);

impl io::Write for Room {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The first string or name in the value that is too long.
pub(super) fn check_strings(path: &str, value: &Value) -> Option<Fault> {
    let too_long = |path: &str, what: &str, most: usize| {
        let path = path.chars().take(200).collect();
        Some(Fault { path, message: format!("The {what} is longer than {} KB.", most / 1024) })
    };
    match value {
        Value::String(text) if text.len() > STRING => too_long(path, "string", STRING),
        Value::Array(items) => items.iter().find_map(|item| check_strings(path, item)),
        Value::Object(members) => members.iter().find_map(|(name, value)| {
            if name.len() > NAME {
                return too_long(path, "name", NAME);
            }
            check_strings(&format!("{path}/{name}"), value)
        }),
        _ => None,
    }
}
