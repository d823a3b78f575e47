//! An event route, as the data plane keeps it.

use serde_json::{Value, json};
use std::sync::Arc;

/// Which notifications go to which endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRoute {
    /// Its id, unique within the instance.
    pub id: Arc<str>,
    /// The endpoint's name.
    pub endpoint: Arc<str>,
    /// In the route filter language.
    pub filter: Arc<str>,
}

impl EventRoute {
    /// The route as the service answers it.
    pub fn to_json(&self) -> Value {
        json!({"id": self.id, "endpointName": self.endpoint, "filter": self.filter})
    }
}
