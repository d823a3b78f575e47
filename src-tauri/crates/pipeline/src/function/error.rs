//! Why a function did not do its work.

use adt_service::{Code, ServiceError};
use thiserror::Error;

/// Why a function did not do its work.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{place}: {message}")]
pub struct FunctionError {
    /// Where in the topology, as JSON Pointer: `/functions/ingest/map/0`.
    pub place: String,
    /// What is wrong, and what to do.
    pub message: String,
    /// Whether the same event may work when it is tried again.
    pub is_transient: bool,
}

impl FunctionError {
    /// It does not work, and will not by itself.
    pub(crate) fn lasting(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { place: place.into(), message: message.into(), is_transient: false }
    }

    /// It may work when it is tried again.
    pub(crate) fn transient(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { is_transient: true, ..Self::lasting(place, message) }
    }

    /// The instance refused to change a twin.
    pub(crate) fn refused(place: impl Into<String>, twin: &str, error: &ServiceError) -> Self {
        let what = if error.code == Code::DigitalTwinNotFound {
            format!("there is no twin «{twin}». Create it, or mend the id.")
        } else {
            format!("the instance refused to change the twin «{twin}»: {}", in_full(error))
        };
        Self { is_transient: is_transient(error.code), ..Self::lasting(place, what) }
    }
}

/// What an error of the instance says, with its details.
pub(crate) fn in_full(error: &ServiceError) -> String {
    let details = error.details.iter().map(|(_, detail)| detail.as_str());
    let new = details.filter(|detail| !error.message.contains(detail));
    std::iter::once(error.message.as_str()).chain(new).collect::<Vec<_>>().join(" ")
}

/// Whether the instance may take the same later.
pub(crate) fn is_transient(code: Code) -> bool {
    matches!(code.status(), 429 | 500 | 503) || code == Code::TimeoutError
}
