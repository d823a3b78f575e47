//! How large a twin, a patch and their strings may be.

use adt_limits::{Limit, Limiter};
use adt_service::ServiceError;
use serde::Serialize;
use serde_json::Value;
use std::io;
use twin_graph::{Fault, Operation};

/// Refuses a body that is too large.
pub(super) fn check_body(limiter: &Limiter, body: &impl Serialize) -> Result<(), ServiceError> {
    let mut size = Size { counted: 0, most: limiter.most(Limit::Body) };
    // It can only fail at the bound.
    let within = serde_json::to_writer(&mut size, body).is_ok();
    let size = if within { size.counted } else { u64::MAX };
    Ok(limiter.check(Limit::Body, size)?)
}

/// Refuses a patch that is too large. Most are so small that nothing needs to be counted.
pub(super) fn check_patch(limiter: &Limiter, patch: &[Operation]) -> Result<(), ServiceError> {
    /// `{"op":"replace","path":"","value":}` and a comma, or a number, with room to spare.
    const FRAME: usize = 64;
    /// The most that a byte of a text becomes: `\u001f`.
    const ESCAPED: usize = 6;
    let most = |operation: &Operation| match &operation.value {
        None | Some(Value::Null | Value::Bool(_) | Value::Number(_)) => {
            Some(2 * FRAME + ESCAPED * operation.path.len())
        }
        Some(Value::String(text)) => Some(FRAME + ESCAPED * (operation.path.len() + text.len())),
        Some(Value::Array(_) | Value::Object(_)) => None,
    };
    match patch.iter().map(most).sum::<Option<usize>>() {
        Some(size) if size as u64 <= limiter.most(Limit::Body) => Ok(()),
        _ => check_body(limiter, &patch),
    }
}

/// Counts bytes up to a bound and keeps none.
struct Size {
    counted: u64,
    most: u64,
}

impl io::Write for Size {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.counted += bytes.len() as u64;
        if self.counted > self.most {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The first string or name in the value that is too long.
pub(super) fn check_strings(limiter: &Limiter, path: &str, value: &Value) -> Option<Fault> {
    let too_long = |path: &str, limit: Limit, text: &str| {
        let exceeded = limiter.check(limit, text.len() as u64).err()?;
        let path = path.chars().take(200).collect();
        Some(Fault { path, message: exceeded.to_string() })
    };
    match value {
        Value::String(text) => too_long(path, Limit::StringValue, text),
        Value::Array(items) => items.iter().find_map(|item| check_strings(limiter, path, item)),
        Value::Object(members) => members.iter().find_map(|(name, value)| {
            too_long(path, Limit::PropertyName, name)
                .or_else(|| check_strings(limiter, &format!("{path}/{name}"), value))
        }),
        _ => None,
    }
}
