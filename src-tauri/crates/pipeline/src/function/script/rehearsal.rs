//! The host of a script's tests: what was given is there, and what is done is written down.

use super::host::Host;
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use twin_graph::{Operation, OperationKind};

/// A pretended instance.
#[derive(Default)]
pub(super) struct Rehearsal {
    twins: Mutex<BTreeMap<String, Value>>,
    rows: Mutex<Vec<Value>>,
    done: Mutex<Vec<Value>>,
}

impl Rehearsal {
    /// Lets a twin be there: its JSON, with `$dtId`.
    pub(super) fn give_twin(&self, twin: Value) -> Result<(), String> {
        let id = twin.get("$dtId").and_then(Value::as_str);
        let id = id.ok_or("A twin that is given has a «$dtId».")?.to_owned();
        self.twins.lock().insert(id, twin);
        Ok(())
    }

    /// What the next queries answer.
    pub(super) fn give_rows(&self, rows: Vec<Value>) {
        *self.rows.lock() = rows;
    }

    /// What was done since this was asked last, in order.
    pub(super) fn take_done(&self) -> Vec<Value> {
        std::mem::take(&mut self.done.lock())
    }

    fn did(&self, what: Value) {
        self.done.lock().push(what);
    }
}

impl Host for Rehearsal {
    fn twin(&self, id: &str) -> Result<Option<Value>, String> {
        Ok(self.twins.lock().get(id).cloned())
    }

    fn query(&self, _text: &str) -> Result<Vec<Value>, String> {
        Ok(self.rows.lock().clone())
    }

    fn patch(&self, id: &str, patch: Vec<Operation>) -> Result<(), String> {
        self.did(json!({"did": "patch", "twin": id, "patch": patch}));
        let mut twins = self.twins.lock();
        let twin = twins.get_mut(id).ok_or_else(|| {
            format!("There is no twin «{id}». Give it with give_twin(#{{\"$dtId\": \"{id}\"}}).")
        })?;
        patch.into_iter().try_for_each(|operation| apply(twin, operation))
    }

    fn telemetry(&self, id: &str, component: Option<&str>, body: Value) -> Result<(), String> {
        self.did(json!({"did": "telemetry", "twin": id, "component": component, "body": body}));
        Ok(())
    }

    fn publish(&self, sink: &str, body: Value, key: Option<&str>) -> Result<(), String> {
        self.did(json!({"did": "publish", "sink": sink, "body": body, "key": key}));
        Ok(())
    }

    fn send_udf_custom(&self, twin: &str, resource: &str, payload: Value) -> Result<(), String> {
        self.did(
            json!({"did": "udfCustom", "twin": twin, "resourceType": resource, "payload": payload}),
        );
        Ok(())
    }

    fn log(&self, text: &str) {
        self.did(json!({"did": "log", "text": text}));
    }

    fn rehearsal(&self) -> Option<&Rehearsal> {
        Some(self)
    }
}

/// Applies an operation to a twin's JSON. There are no models here: what a value must be is not
/// checked.
fn apply(twin: &mut Value, operation: Operation) -> Result<(), String> {
    let path = &operation.path;
    let nowhere = || format!("«{path}» leads nowhere in this twin.");
    let (parent, name) = path.rsplit_once('/').ok_or_else(nowhere)?;
    let name = name.replace("~1", "/").replace("~0", "~");
    let parent = twin.pointer_mut(parent).and_then(Value::as_object_mut).ok_or_else(nowhere)?;
    let there = parent.contains_key(&name);
    match (operation.op, operation.value) {
        (OperationKind::Add, Some(value)) => drop(parent.insert(name, value)),
        (OperationKind::Replace, Some(value)) if there => drop(parent.insert(name, value)),
        (OperationKind::Remove, _) if there => drop(parent.shift_remove(&name)),
        _ => return Err(format!("«{path}» is not set in this twin.")),
    }
    Ok(())
}
