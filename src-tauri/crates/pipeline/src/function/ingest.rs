//! Device telemetry to a twin's properties and telemetry.

use super::{Event, Function, FunctionContext, FunctionError};
use crate::{DeviceMessage, Mapping};
use adt_service::{Call, Telemetry};
use async_trait::async_trait;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;
use twin_graph::{Operation, OperationKind, Origin};

/// Sets properties of the device's twin in one patch, and sends its telemetry.
pub(super) struct Ingest {
    pub(super) name: Arc<str>,
    pub(super) twins: BTreeMap<String, String>,
    pub(super) map: Vec<Mapping>,
    pub(super) context: FunctionContext,
}

#[async_trait]
impl Function for Ingest {
    fn name(&self) -> &Arc<str> {
        &self.name
    }

    async fn call(&self, event: Event) -> Result<(), FunctionError> {
        let Event::Message(message) = event else {
            return Err(self.unfit("it takes device messages, and got a notification."));
        };
        let twin = self.twins.get(&*message.device).map_or(&*message.device, String::as_str);
        let origin =
            Origin::Function { name: self.name.clone(), after: message.device.clone(), hops: 1 };
        let call = Call::within(message.trace, origin);
        let refused = |source| FunctionError::Refused {
            function: self.name.clone(),
            twin: twin.into(),
            source,
        };
        let (patch, telemetry) = self.translate(&message)?;
        if !patch.is_empty() {
            self.context.service.patch_twin(&call, twin, patch, None).await.map_err(refused)?;
        }
        if !telemetry.is_empty() {
            let telemetry = Telemetry {
                twin: twin.to_owned(),
                component: None,
                message_id: message.id.to_string(),
                source_time: Some(message.time),
                body: Value::Object(telemetry),
            };
            self.context.service.send_telemetry(&call, telemetry).await.map_err(refused)?;
        }
        Ok(())
    }
}

impl Ingest {
    fn unfit(&self, message: impl Into<String>) -> FunctionError {
        FunctionError::Unfit { function: self.name.clone(), message: message.into() }
    }

    fn translate(
        &self,
        message: &DeviceMessage,
    ) -> Result<(Vec<Operation>, Map<String, Value>), FunctionError> {
        let mut patch = Vec::new();
        let mut telemetry = Map::new();
        for mapping in &self.map {
            let Some(value) = message.body.pointer(&mapping.from) else { continue };
            if let Some(path) = &mapping.property {
                // `add` sets a property whether it was set before or not.
                let op = OperationKind::Add;
                patch.push(Operation { op, path: path.clone(), value: Some(value.clone()) });
            }
            if let Some(name) = &mapping.telemetry {
                telemetry.insert(name.clone(), value.clone());
            }
        }
        if patch.is_empty() && telemetry.is_empty() {
            let wanted: Vec<_> = self.map.iter().map(|mapping| mapping.from.as_str()).collect();
            return Err(self.unfit(format!(
                "the message of device «{}» has none of {}; mend the map in topology.json or the device.",
                message.device,
                wanted.join(", ")
            )));
        }
        Ok((patch, telemetry))
    }
}
