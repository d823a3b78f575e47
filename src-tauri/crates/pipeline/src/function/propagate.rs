//! A child's property to its parent's.

use super::called::{Work, place};
use super::instance::Instance;
use super::{Event, FunctionError};
use crate::PipelineParts;
use adt_events::Notification;
use adt_service::Call;
use serde_json::Value;
use smallvec::SmallVec;
use std::sync::Arc;
use twin_graph::{Operation, OperationKind};

/// On a change of a child's property, sets the parent's property to the same value.
///
/// The parent is whoever has a relationship of that name to the child: the seed's «uses the
/// Relationship to find the parent Room digital twin, and then updates the currentTemp Property by
/// applying a patch».
pub(super) struct PropagateToParent {
    place: String,
    path: String,
    relationship: String,
    parent_path: String,
    instance: Instance,
}

impl PropagateToParent {
    pub(super) fn new(
        name: &str,
        property: &str,
        relationship: &str,
        parent_property: &str,
        parts: &PipelineParts,
    ) -> Self {
        Self {
            place: place(name),
            path: format!("/{property}"),
            relationship: relationship.to_owned(),
            parent_path: format!("/{parent_property}"),
            instance: Instance::of(name, parts),
        }
    }

    /// The property's new value, if this notification is about it.
    fn changed_value<'a>(&self, notification: &'a Notification) -> Option<&'a Value> {
        let operations = notification.data.get("patch")?.as_array()?;
        let of_property =
            |operation: &&Value| operation.get("path").is_some_and(|path| *path == *self.path);
        operations.iter().rfind(of_property)?.get("value")
    }

    /// There is nearly always one.
    fn parents(&self, child: &str) -> SmallVec<[Arc<str>; 1]> {
        let graph = self.instance.view.read();
        let named =
            graph.incoming(child).filter(|relationship| *relationship.name == *self.relationship);
        named.map(|relationship| relationship.source.clone()).collect()
    }
}

impl Work for PropagateToParent {
    async fn run(&self, event: &Event, call: &Call) -> Result<(), FunctionError> {
        let Event::Notification(notification) = event else {
            let text = "it takes notifications of the instance. Let a subscription of an endpoint by today's rules call it.";
            return Err(FunctionError::lasting(self.place.as_str(), text));
        };
        let Some(value) = self.changed_value(notification) else { return Ok(()) };
        let Some(child) = &notification.subject else { return Ok(()) };
        let mut done = Ok(());
        for parent in self.parents(child) {
            let patch = vec![Operation {
                op: OperationKind::Add,
                path: self.parent_path.clone(),
                value: Some(value.clone()),
            }];
            if let Err(error) = self.instance.patch(call, &parent, patch).await {
                let place = format!("{}/parentProperty", self.place);
                // The other parents get it all the same.
                done = Err(FunctionError::refused(place, &parent, &error));
            }
        }
        done
    }
}
