//! A child's property to its parent's.

use super::{Event, Function, FunctionContext, FunctionError};
use adt_events::Notification;
use adt_service::Call;
use async_trait::async_trait;
use serde_json::Value;
use std::sync::Arc;
use twin_graph::{Operation, OperationKind, Origin};

/// On a change of a child's property, sets the parent's property to the same value.
///
/// The parent is whoever has a relationship of that name to the child: the seed's «uses the
/// Relationship to find the parent Room digital twin, and then updates the currentTemp Property by
/// applying a patch».
pub(super) struct PropagateToParent {
    pub(super) name: Arc<str>,
    pub(super) path: String,
    pub(super) relationship: String,
    pub(super) parent_path: String,
    pub(super) context: FunctionContext,
}

#[async_trait]
impl Function for PropagateToParent {
    fn name(&self) -> &Arc<str> {
        &self.name
    }

    async fn call(&self, event: Event) -> Result<(), FunctionError> {
        let Event::Notification(notification) = event else {
            let message = "it takes notifications, and got a device message.".to_owned();
            return Err(FunctionError::Unfit { function: self.name.clone(), message });
        };
        let Some(child) = notification.subject.clone() else { return Ok(()) };
        let Some(value) = self.changed_value(&notification) else { return Ok(()) };
        let origin =
            Origin::Function { name: self.name.clone(), after: child.as_str().into(), hops: 1 };
        let call = Call::within(notification.trace, origin);
        for parent in self.parents(&child) {
            let patch = vec![Operation {
                op: OperationKind::Add,
                path: self.parent_path.clone(),
                value: Some(value.clone()),
            }];
            let done = self.context.service.patch_twin(&call, &parent, patch, None).await;
            done.map_err(|source| FunctionError::Refused {
                function: self.name.clone(),
                twin: parent.clone(),
                source,
            })?;
        }
        Ok(())
    }
}

impl PropagateToParent {
    /// The property's new value, if this notification is about it.
    fn changed_value<'a>(&self, notification: &'a Notification) -> Option<&'a Value> {
        let operations = notification.data.get("patch")?.as_array()?;
        let of_property =
            |operation: &&Value| operation.get("path").is_some_and(|path| *path == *self.path);
        operations.iter().rfind(of_property)?.get("value")
    }

    fn parents(&self, child: &str) -> Vec<Arc<str>> {
        let graph = self.context.view.read();
        let named =
            graph.incoming(child).filter(|relationship| *relationship.name == *self.relationship);
        named.map(|relationship| relationship.source.clone()).collect()
    }
}
