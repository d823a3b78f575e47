//! What takes its time: followed to its end by whoever began it.

use crate::management::ManagementError;
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// How many operations are remembered; the oldest that ended are forgotten first.
const REMEMBERED: usize = 512;

/// All operations, and what they make of endpoints meanwhile.
#[derive(Default)]
pub(super) struct Operations {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// By number, which is part of the id.
    operations: BTreeMap<u64, Operation>,
    last: u64,
    /// Endpoints that are being made, changed or taken away, or could not be: as they are shown.
    endpoints: BTreeMap<String, Pending>,
}

struct Operation {
    id: String,
    /// `None` while it goes on.
    ended: Option<Result<(), ManagementError>>,
    endpoint: String,
}

#[derive(Clone)]
struct Pending {
    operation: u64,
    /// The resource, with its provisioning state.
    resource: Value,
}

/// How an operation stands.
pub(super) struct Status {
    /// Its id.
    pub(super) id: String,
    /// `None` while it goes on.
    pub(super) ended: Option<Result<(), ManagementError>>,
    /// The endpoint that it is about.
    pub(super) endpoint: String,
}

impl Operations {
    /// Begins an operation on an endpoint, shown as `resource` in `state` until it ends.
    pub(super) fn begin(&self, endpoint: &str, mut resource: Value, state: &str) -> (u64, Value) {
        resource["properties"]["provisioningState"] = json!(state);
        let mut all = self.state.lock();
        all.last += 1;
        let number = all.last;
        let id = format!("{number}-{:016x}", rand::random::<u64>());
        let operation = Operation { id, ended: None, endpoint: endpoint.to_owned() };
        all.operations.insert(number, operation);
        let pending = Pending { operation: number, resource: resource.clone() };
        all.endpoints.insert(endpoint.to_owned(), pending);
        if all.operations.len() > REMEMBERED {
            let oldest = all.operations.iter().find(|(_, operation)| operation.ended.is_some());
            let oldest = oldest.map(|(number, _)| *number);
            oldest.map(|number| all.operations.remove(&number));
        }
        (number, resource)
    }

    /// Ends it. An endpoint that could not be made stays to be seen as failed.
    pub(super) fn end(&self, number: u64, result: Result<(), ManagementError>) {
        let mut all = self.state.lock();
        let failed = result.is_err();
        let Some(operation) = all.operations.get_mut(&number) else { return };
        operation.ended = Some(result);
        let endpoint = operation.endpoint.clone();
        // Another operation on the same endpoint may have begun since.
        let Some(pending) = all.endpoints.get_mut(&endpoint) else { return };
        if pending.operation != number {
            return;
        }
        if failed {
            pending.resource["properties"]["provisioningState"] = json!("Failed");
        } else {
            all.endpoints.remove(&endpoint);
        }
    }

    /// The id of an operation.
    pub(super) fn id_of(&self, number: u64) -> String {
        let all = self.state.lock();
        all.operations.get(&number).map(|operation| operation.id.clone()).unwrap_or_default()
    }

    /// How an operation stands.
    pub(super) fn status(&self, id: &str) -> Option<Status> {
        let all = self.state.lock();
        let number = id.split('-').next().and_then(|number| number.parse().ok());
        let operation = all.operations.get(&number?).filter(|operation| operation.id == id)?;
        let Operation { id, ended, endpoint } = operation;
        Some(Status { id: id.clone(), ended: ended.clone(), endpoint: endpoint.clone() })
    }

    /// An endpoint that is not as it is to be, as it is shown.
    pub(super) fn endpoint(&self, name: &str) -> Option<Value> {
        self.state.lock().endpoints.get(name).map(|pending| pending.resource.clone())
    }

    /// All such endpoints, by name.
    pub(super) fn endpoints(&self) -> BTreeMap<String, Value> {
        let all = self.state.lock();
        all.endpoints.iter().map(|(name, own)| (name.clone(), own.resource.clone())).collect()
    }

    /// Forgets an endpoint that failed.
    pub(super) fn forget(&self, name: &str) -> bool {
        self.state.lock().endpoints.remove(name).is_some()
    }
}
