//! Where functions publish to.

use super::FunctionError;
use crate::flow::{Meter, NodeState, Wire, node_id};
use crate::surroundings::Surroundings;
use crate::topology::pointer;
use crate::{PipelineParts, SinkSpec, Topology};
use adt_events::trace_state;
use adt_service::Call;
use messaging::client::{Endpoint, EventData, EventHubClient, Retry, Target, Value as AmqpValue};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OnceCell;

/// How long an attempt to publish may take.
const WITHIN: Duration = Duration::from_secs(15);

/// A sink as one function publishes to it.
pub(super) struct Sink {
    place: String,
    spec: Option<SinkSpec>,
    name: String,
    surroundings: Arc<dyn Surroundings>,
    retry: Retry,
    /// Opened when it is used.
    client: OnceCell<EventHubClient>,
    meter: Arc<Meter>,
    wire: Arc<Wire>,
}

/// What is published.
pub(super) struct Publication<'a> {
    /// JSON.
    pub(super) body: &'a Value,
    /// The partition key.
    pub(super) key: Option<&'a str>,
    /// The message's id.
    pub(super) id: Option<String>,
}

impl Sink {
    pub(super) fn new(
        function: &str,
        name: &str,
        topology: &Topology,
        parts: &PipelineParts,
    ) -> Self {
        let id = node_id("sinks", name);
        Self {
            place: pointer(&["sinks", name]),
            spec: topology.sinks.get(name).cloned(),
            name: name.to_owned(),
            surroundings: parts.surroundings.clone(),
            retry: retry(parts.time_factor),
            client: OnceCell::new(),
            meter: parts.flow.node(&id),
            wire: parts.flow.wire(&node_id("functions", function), &id),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Publishes; returns when the event hub has it. Calls side by side share the connection, and
    /// each its own confirmation, so that many are under way at once.
    pub(super) async fn publish(
        &self,
        publication: Publication<'_>,
        call: &Call,
    ) -> Result<(), FunctionError> {
        let body = serde_json::to_vec(publication.body).unwrap_or_default();
        let bytes = body.len() as u64;
        self.meter.taken.add(1);
        let mut event = EventData::new(body);
        event.content_type = Some("application/json".into());
        event.message_id = publication.id;
        let trace = AmqpValue::String(call.cause().trace.to_string());
        event.properties.insert("traceparent".into(), trace);
        if let Some(state) = trace_state(call.origin.hops()) {
            event.properties.insert("tracestate".into(), AmqpValue::String(state));
        }
        let target = publication.key.map_or(Target::Any, |key| Target::Key(key.to_owned()));
        match self.send(&event, &target).await {
            Ok(()) => {
                self.meter.done.add(1);
                self.meter.bytes.add(bytes);
                self.wire.events.add(1);
                self.wire.bytes.add(bytes);
                if self.meter.state() != NodeState::Healthy {
                    self.meter.set_state(NodeState::Healthy, None);
                }
                Ok(())
            }
            Err(error) => {
                self.meter.failures.add(1);
                self.meter.set_state(NodeState::Failed, Some(error.to_string()));
                Err(error)
            }
        }
    }

    async fn send(&self, event: &EventData, target: &Target) -> Result<(), FunctionError> {
        let client = self.client.get_or_try_init(|| self.open()).await?;
        client.send(event, target).await.map_err(|error| FunctionError {
            place: self.place.clone(),
            is_transient: error.code.is_transient(),
            message: error.to_string(),
        })
    }

    async fn open(&self) -> Result<EventHubClient, FunctionError> {
        let wrong = |message: String| FunctionError::lasting(self.place.as_str(), message);
        let none = || format!("there is no sink «{}». Add it to «sinks».", self.name);
        let SinkSpec::EventHub { entity, connection } =
            self.spec.as_ref().ok_or_else(|| wrong(none()))?;
        let given = match connection {
            Some(reference) => self.surroundings.secret(&reference.secret).ok_or_else(|| {
                let place = format!("{}/connection", self.place);
                FunctionError::lasting(place, crate::no_secret(&reference.secret))
            })?,
            None => {
                let entity = entity.as_deref().unwrap_or(&self.name);
                let made = self.surroundings.event_hub(entity).await;
                made.map_err(|sentence| FunctionError::transient(self.place.as_str(), sentence))?
            }
        };
        let endpoint = Endpoint::parse(&given).map_err(|error| wrong(error.to_string()))?;
        let endpoint = endpoint.trusting(self.surroundings.trust());
        let client = EventHubClient::new(endpoint, entity.as_deref(), self.retry);
        client.map_err(|error| wrong(error.to_string()))
    }
}

/// How functions try to publish again: a few times, so that the event's own retry soon takes over.
fn retry(time_factor: f64) -> Retry {
    let scaled = |duration: Duration| duration.mul_f64(time_factor.clamp(0.000_1, 100.0));
    Retry {
        attempts: 4,
        first: scaled(Duration::from_millis(400)),
        longest: scaled(Duration::from_secs(5)),
        within: WITHIN,
    }
}
