//! A function elsewhere.

use super::called::{Work, place};
use super::{Event, FunctionError};
use adt_service::Call;

/// Event Grid calls it, by its address: see [`crate::subscription`]. Nothing else does.
pub(super) struct Webhook {
    place: String,
}

impl Webhook {
    pub(super) fn new(name: &str) -> Self {
        Self { place: place(name) }
    }
}

impl Work for Webhook {
    async fn run(&self, _event: &Event, _call: &Call) -> Result<(), FunctionError> {
        let text = "a webhook is called by Event Grid. Subscribe it to an Event Grid endpoint.";
        Err(FunctionError::lasting(self.place.as_str(), text))
    }
}
