//! Refusals in the service's words.

use amqp::{Error, condition};
use journal::JournalError;
use std::borrow::Cow;

/// There is no such entity.
pub(crate) fn not_found(path: &str) -> Error {
    let text = format!("The messaging entity '{path}' could not be found.");
    Error::new(condition::NOT_FOUND, text)
}

/// There is no claim for it.
pub(crate) fn unauthorized(path: &str) -> Error {
    let text = format!(
        "Unauthorized access. A claim for '{path}' is required: put a token to $cbs first, or \
         authenticate with PLAIN."
    );
    Error::new(condition::UNAUTHORIZED_ACCESS, text)
}

/// Something could not be kept.
pub(crate) fn of_journal(error: &JournalError) -> Error {
    let condition = match error {
        // Clients give up at once, rather than fill their own memory with what they try again.
        JournalError::DiskFull { .. } | JournalError::TooLarge { .. } => {
            condition::RESOURCE_LIMIT_EXCEEDED
        }
        _ => condition::INTERNAL_ERROR,
    };
    Error::new(condition, error.to_string())
}

/// What a refusal is counted under.
pub(crate) fn reason(error: &Error) -> &'static str {
    match &error.condition {
        Cow::Borrowed(condition) => condition,
        Cow::Owned(_) => "other",
    }
}
