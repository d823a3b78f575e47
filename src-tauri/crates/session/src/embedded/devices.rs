//! The simulated devices of a topology, and the cursors of its endpoints.

use super::Embedded;
use adt_service::Call;
use journal::Journal;
use pipeline::{DeviceHub, DeviceMessage, FunctionSpec, SourceSpec, Topology};
use simulator::{Driven, Reading, SimulatedDevice, SimulationState};
use std::collections::HashMap;
use std::sync::Arc;
use tokio::task::JoinSet;
use twin_graph::Origin;

const STATE_KEY: &str = "simulation";

/// How the simulation was left.
pub(super) fn kept_state(journal: &Journal) -> SimulationState {
    match journal.value(STATE_KEY) {
        Ok(Some(bytes)) => serde_json::from_slice(&bytes).unwrap_or_default(),
        Ok(None) => SimulationState::default(),
        Err(error) => {
            tracing::warn!(%error, "how the simulation was left cannot be read");
            SimulationState::default()
        }
    }
}

pub(super) fn keep_state(journal: &Journal, state: &SimulationState) {
    if let Ok(bytes) = serde_json::to_vec(state) {
        journal.put_value(STATE_KEY, bytes).on_done(|done| {
            if let Err(error) = done {
                tracing::warn!(%error, "how the simulation is steered could not be kept");
            }
        });
    }
}

/// The simulated devices at work.
#[derive(Default)]
pub(super) struct Simulated {
    devices: Vec<SimulatedDevice>,
    _task: JoinSet<()>,
}

/// Makes the topology's simulated devices be at work; the same ones are left alone.
pub(super) fn steer(embedded: &Embedded, topology: &Topology, now: &mut Simulated) {
    embedded.simulation.set_driven(driven(topology));
    let devices: Vec<_> =
        topology.sources.values().flat_map(|source| simulated(topology, source)).collect();
    if now.devices == devices {
        return;
    }
    *now = Simulated { _task: run(embedded, devices.clone()), devices };
}

fn run(embedded: &Embedded, devices: Vec<SimulatedDevice>) -> JoinSet<()> {
    let mut task = JoinSet::new();
    if devices.is_empty() {
        return task;
    }
    let simulation = embedded.simulation.clone();
    let view = embedded.instance.view().clone();
    let (sink_simulation, hub) = (simulation.clone(), embedded.pipeline.clone());
    task.spawn(simulation.run(devices, view, move |reading| {
        let (hub, simulation) = (hub.clone(), sink_simulation.clone());
        async move {
            // It may have fallen silent since it felt this.
            if !simulation.is_silent(&reading.device) {
                hub.send(message(reading)).await;
            }
        }
    }));
    task
}

fn message(reading: Reading) -> DeviceMessage {
    DeviceMessage {
        id: uuid::Uuid::new_v4().to_string().into(),
        device: reading.device,
        time: reading.time,
        // Every message begins a trace.
        trace: Call::new(Origin::Remote).trace,
        hops: 0,
        body: reading.body,
    }
}

fn simulated(topology: &Topology, source: &SourceSpec) -> Vec<SimulatedDevice> {
    let SourceSpec::SimulatedThermostats { devices, every_seconds, seed, .. } = source else {
        return Vec::new();
    };
    let device = |device: &String| SimulatedDevice {
        device: device.as_str().into(),
        twin: topology.twin_of_device(device).into(),
        every_seconds: *every_seconds,
        seed: *seed,
    };
    devices.iter().map(device).collect()
}

/// Which twin properties each device writes, by twin.
fn driven(topology: &Topology) -> HashMap<Arc<str>, Driven> {
    let of_device = |(device, function): (&str, &str)| {
        let Some(FunctionSpec::Ingest { map, .. }) = topology.functions.get(function) else {
            return None;
        };
        let paths = map.iter().filter_map(|mapping| mapping.property.clone()).collect();
        let twin = Arc::from(topology.twin_of_device(device));
        Some((twin, Driven { device: device.into(), paths }))
    };
    topology.devices().filter_map(of_device).collect()
}
