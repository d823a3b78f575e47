//! Device telemetry to a twin's properties and telemetry.

use super::called::{Work, place};
use super::error::in_full;
use super::instance::Instance;
use super::{Event, FunctionError, units};
use crate::{DeviceMessage, Mapping, PipelineParts};
use adt_service::{Call, ServiceError, Telemetry};
use serde_json::{Map, Number, Value};
use std::collections::{BTreeMap, HashMap};
use twin_graph::{Operation, OperationKind};

/// Sets properties of the device's twin in one patch, and sends its telemetry: one message for the
/// twin and one for each component.
pub(super) struct Ingest {
    place: String,
    twins: HashMap<String, String>,
    map: Vec<Step>,
    instance: Instance,
}

/// A mapping, made ready.
struct Step {
    from: String,
    to: To,
    /// Factor and offset.
    convert: Option<(f64, f64)>,
}

enum To {
    /// The path from the twin on; a component is its first segment.
    Property(String),
    Telemetry {
        component: Option<String>,
        name: String,
    },
}

/// Telemetry by component.
type Bodies = BTreeMap<Option<String>, Map<String, Value>>;

impl Ingest {
    pub(super) fn new(
        name: &str,
        twins: &BTreeMap<String, String>,
        map: &[Mapping],
        parts: &PipelineParts,
    ) -> Self {
        Self {
            place: place(name),
            twins: twins.iter().map(|(device, twin)| (device.clone(), twin.clone())).collect(),
            map: map.iter().filter_map(Step::of).collect(),
            instance: Instance::of(name, parts),
        }
    }

    fn unfit(&self, within: &str, message: impl Into<String>) -> FunctionError {
        FunctionError::lasting(format!("{}{within}", self.place), message)
    }

    fn translate(
        &self,
        message: &DeviceMessage,
    ) -> Result<(Vec<Operation>, Bodies), FunctionError> {
        let mut patch = Vec::new();
        let mut telemetry = Bodies::new();
        for (index, step) in self.map.iter().enumerate() {
            let Some(value) = message.body.pointer(&step.from) else { continue };
            let value = match step.convert {
                None => value.clone(),
                Some(linear) => converted(value, linear).ok_or_else(|| {
                    let text = format!("«{}» in the message of the device «{}» is {value}, and only a number has a unit. Mend the device, or take «convert» away.", step.from, message.device);
                    self.unfit(&format!("/map/{index}/convert"), text)
                })?,
            };
            match &step.to {
                To::Property(path) => {
                    // `add` sets a property whether it was set before or not.
                    let op = OperationKind::Add;
                    patch.push(Operation { op, path: path.clone(), value: Some(value) });
                }
                To::Telemetry { component, name } => {
                    telemetry.entry(component.clone()).or_default().insert(name.clone(), value);
                }
            }
        }
        if patch.is_empty() && telemetry.is_empty() {
            return Err(self.nothing(message));
        }
        Ok((patch, telemetry))
    }

    fn nothing(&self, message: &DeviceMessage) -> FunctionError {
        let device = &message.device;
        if !message.body.is_object() && !message.body.is_array() {
            let text = format!(
                "the message of the device «{device}» is no JSON object. Let the device send JSON."
            );
            return self.unfit("", text);
        }
        let wanted: Vec<_> = self.map.iter().map(|step| step.from.as_str()).collect();
        let text = format!(
            "the message of the device «{device}» has none of {}. Mend the map, or the device.",
            wanted.join(", ")
        );
        self.unfit("/map", text)
    }

    /// The instance refused: the place is that of the mapping which it names.
    fn refused(&self, twin: &str, device: &str, error: &ServiceError) -> FunctionError {
        if error.code == adt_service::Code::DigitalTwinNotFound {
            let text = format!(
                "there is no twin «{twin}» for the device «{device}». Create it, or name another twin for the device in «twins»."
            );
            return self.unfit("/twins", text);
        }
        let text = in_full(error);
        let names = |step: &Step| {
            let last = match &step.to {
                To::Property(path) => path.rsplit('/').next().unwrap_or_default(),
                To::Telemetry { name, .. } => name,
            };
            text.contains(last)
        };
        let within = match self.map.iter().position(names) {
            Some(index) => format!("/map/{index}"),
            None => "/map".to_owned(),
        };
        FunctionError::refused(format!("{}{within}", self.place), twin, error)
    }
}

impl Work for Ingest {
    async fn run(&self, event: &Event, call: &Call) -> Result<(), FunctionError> {
        let Event::Message(message) = event else {
            let text = "it takes messages of devices, and got an event. Let a source call it.";
            return Err(self.unfit("", text));
        };
        let device = &*message.device;
        let twin = self.twins.get(device).map_or(device, String::as_str);
        let (patch, telemetry) = self.translate(message)?;
        if !patch.is_empty() {
            let patched = self.instance.patch(call, twin, patch).await;
            patched.map_err(|error| self.refused(twin, device, &error))?;
        }
        for (component, body) in telemetry {
            let telemetry = Telemetry {
                twin: twin.to_owned(),
                component,
                message_id: message.id.to_string(),
                source_time: Some(message.time),
                body: Value::Object(body),
            };
            let sent = self.instance.send_telemetry(call, telemetry).await;
            sent.map_err(|error| self.refused(twin, device, &error))?;
        }
        Ok(())
    }
}

impl Step {
    fn of(mapping: &Mapping) -> Option<Self> {
        let component = mapping.component.clone();
        let to = match (&mapping.property, &mapping.telemetry) {
            (Some(path), _) => To::Property(match component {
                Some(component) => format!("/{component}{path}"),
                None => path.clone(),
            }),
            (None, Some(name)) => To::Telemetry { component, name: name.clone() },
            (None, None) => return None,
        };
        let convert = mapping.convert.as_ref();
        let convert = convert.and_then(|units| units::conversion(&units.from, &units.to).ok());
        Some(Self { from: mapping.from.clone(), to, convert })
    }
}

fn converted(value: &Value, (factor, offset): (f64, f64)) -> Option<Value> {
    let scaled = value.as_f64()? * factor;
    Number::from_f64(tidy(scaled + offset, scaled.abs().max(offset.abs()))).map(Value::Number)
}

/// A sum without the last digits of its largest part, which are noise: 212 °F are 100 °C.
fn tidy(sum: f64, largest: f64) -> f64 {
    const DIGITS: f64 = 13.0;
    let digits = DIGITS - largest.log10().ceil();
    if !(0.0..=300.0).contains(&digits) {
        return sum;
    }
    let scale = 10_f64.powf(digits);
    (sum * scale).round() / scale
}
