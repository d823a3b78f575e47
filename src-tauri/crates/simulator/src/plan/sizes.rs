//! How large a twin, a patch and their strings may be.

use adt_limits::{Limit, Limiter};
use adt_service::ServiceError;
use serde::Serialize;
use serde_json::Value;
use std::io;
use twin_graph::Fault;

/// Refuses a body that is too large.
pub(super) fn check_body(limiter: &Limiter, body: &impl Serialize) -> Result<(), ServiceError> {
    let mut size = Size { counted: 0, most: limiter.most(Limit::Body) };
    // It can only fail at the bound.
    let within = serde_json::to_writer(&mut size, body).is_ok();
    let size = if within { size.counted } else { u64::MAX };
    Ok(limiter.check(Limit::Body, size)?)
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
