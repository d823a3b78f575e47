//! Simulated thermostats that send what they feel.

use crate::Mutation;
use crate::weather::Air;
use adt_service::{Call, GraphView};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap};
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;
use twin_graph::{Origin, Timestamp};

/// Messages under way at once; past that, simulated time waits.
const UNDER_WAY: usize = 64;
const SPEEDS: std::ops::RangeInclusive<f64> = 0.1..=100.0;
/// The set point where the twin has none, °C.
const USUAL: f64 = 21.0;

/// A device to simulate.
#[derive(Clone, Debug, PartialEq)]
pub struct SimulatedDevice {
    /// Its id.
    pub device: Arc<str>,
    /// The twin that stands for it: its `setPoint` steers it, its `temperature` is where it begins.
    pub twin: Arc<str>,
    /// Seconds of simulated time between messages.
    pub every_seconds: f64,
    /// The same seed gives the same readings.
    pub seed: u64,
}

/// What a device sends.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// The device's id.
    pub device: Arc<str>,
    /// When.
    pub time: Timestamp,
    /// `{"temperature": °C, "humidity": percent}`.
    pub body: Value,
}

/// How the simulation is steered; kept between starts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SimulationState {
    /// How many times faster than the clock simulated time runs.
    pub speed: f64,
    /// Whether all devices stand still.
    pub paused: bool,
    /// Devices that say nothing because somebody else wrote to their twin.
    pub silenced: BTreeSet<Arc<str>>,
}

impl Default for SimulationState {
    fn default() -> Self {
        Self { speed: 1.0, paused: false, silenced: BTreeSet::new() }
    }
}

/// The twin properties that a device writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Driven {
    /// The device's id.
    pub device: Arc<str>,
    /// JSON Pointers of the properties.
    pub paths: Vec<String>,
}

/// The user's hand on the simulated devices.
#[derive(Default)]
pub struct Simulation {
    state: Mutex<SimulationState>,
    /// By twin id.
    driven: Mutex<HashMap<Arc<str>, Driven>>,
    changed: Notify,
}

impl Simulation {
    /// A simulation as it was left.
    pub fn new(state: SimulationState) -> Self {
        Self { state: Mutex::new(state), ..Self::default() }
    }

    /// Says which twins' properties the devices write.
    pub fn set_driven(&self, driven: HashMap<Arc<str>, Driven>) {
        *self.driven.lock() = driven;
    }

    /// Called before a write from outside: silences the device that drives what it writes, so that
    /// the written value stays. Answers the device if it was not silent before.
    pub(crate) fn make_way(&self, call: &Call, mutation: &Mutation) -> Option<Arc<str>> {
        let outside = matches!(call.origin, Origin::Rest | Origin::App);
        let (twin, device) = match mutation {
            Mutation::PutTwin { id, .. } => (id, None),
            Mutation::PatchTwin { id, patch, .. } => (id, Some(patch)),
            _ => return None,
        };
        let driven = self.driven.lock();
        let driven = driven.get(twin.as_str()).filter(|_| outside)?;
        let writes = device.is_none_or(|patch| {
            patch.iter().any(|operation| driven.paths.contains(&operation.path))
        });
        (writes && self.silence(&driven.device)).then(|| driven.device.clone())
    }

    /// How it is steered now.
    pub fn state(&self) -> SimulationState {
        self.state.lock().clone()
    }

    /// Stops or moves all devices.
    pub fn set_paused(&self, paused: bool) {
        self.change(|state| state.paused = paused);
    }

    /// Sets the speed, within 0.1 and 100.
    pub fn set_speed(&self, factor: f64) {
        let factor = if factor.is_finite() { factor } else { 1.0 };
        self.change(|state| state.speed = factor.clamp(*SPEEDS.start(), *SPEEDS.end()));
    }

    /// A device says nothing more until [`Simulation::unsilence`]. Answers whether that is new.
    pub fn silence(&self, device: &str) -> bool {
        let silenced = &mut self.state.lock().silenced;
        !silenced.contains(device) && silenced.insert(device.into())
    }

    /// Whether a device is silent now.
    pub fn is_silent(&self, device: &str) -> bool {
        self.state.lock().silenced.contains(device)
    }

    /// A device, or every one, speaks again.
    pub fn unsilence(&self, device: Option<&str>) {
        self.change(|state| match device {
            Some(device) => drop(state.silenced.remove(device)),
            None => state.silenced.clear(),
        });
    }

    fn change(&self, change: impl FnOnce(&mut SimulationState)) {
        change(&mut self.state.lock());
        self.changed.notify_one();
    }

    /// Lets the devices send to `sink` until the future is dropped.
    pub async fn run<F>(
        self: Arc<Self>,
        devices: Vec<SimulatedDevice>,
        view: Arc<GraphView>,
        sink: impl Fn(Reading) -> F,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut clock = Clock::new();
        let mut thermostats: Vec<_> = devices
            .into_iter()
            .enumerate()
            .map(|(index, device)| Thermostat::new(index, device, &view))
            .collect();
        let places = Arc::new(Semaphore::new(UNDER_WAY));
        let mut under_way = JoinSet::new();
        loop {
            let state = self.state();
            let speed = if state.paused { 0.0 } else { state.speed };
            clock.advance(speed);
            let due = |each: &&mut Thermostat| speed > 0.0 && each.due <= clock.seconds;
            for thermostat in thermostats.iter_mut().filter(due) {
                let Some(reading) = thermostat.pass(&clock, &view) else { continue };
                if state.silenced.contains(&thermostat.device.device) {
                    continue;
                }
                let Ok(place) = places.clone().acquire_owned().await else { return };
                let sent = sink(reading);
                under_way.spawn(async move {
                    sent.await;
                    drop(place);
                });
            }
            while under_way.try_join_next().is_some() {}
            let next = thermostats.iter().map(|each| each.due).fold(f64::INFINITY, f64::min);
            self.wait((next - clock.seconds) / speed).await;
        }
    }

    /// Waits so many seconds (for ever where nothing is due), or until the state changes.
    async fn wait(&self, seconds: f64) {
        let changed = self.changed.notified();
        // Ten milliseconds at the least, so that a high speed is many messages at once and not a
        // busy loop.
        let seconds = if seconds.is_finite() { seconds.clamp(0.01, 3_600.0) } else { 3_600.0 };
        tokio::select! {
            () = changed => {}
            () = tokio::time::sleep(Duration::from_secs_f64(seconds)) => {}
        }
    }
}

/// Simulated time: it begins now and runs at the speed that was set.
struct Clock {
    seconds: f64,
    began: f64,
    last: Instant,
}

impl Clock {
    fn new() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { seconds: 0.0, began: since_epoch.as_secs_f64(), last: Instant::now() }
    }

    fn advance(&mut self, speed: f64) {
        let now = Instant::now();
        self.seconds += now.duration_since(self.last).as_secs_f64() * speed;
        self.last = now;
    }

    fn seconds_of_day(&self) -> f64 {
        (self.began + self.seconds) % 86_400.0
    }
}

struct Thermostat {
    device: SimulatedDevice,
    air: Air,
    /// When it sends next, in seconds of simulated time.
    due: f64,
    /// Until when its air was reckoned.
    reckoned: f64,
}

impl Thermostat {
    fn new(index: usize, device: SimulatedDevice, view: &GraphView) -> Self {
        let start = number(view, &device.twin, "temperature").unwrap_or(USUAL);
        // Spread over the interval, so that the building murmurs and does not beat.
        let golden = (index as f64 * 0.618_033_988_749_895).fract();
        let due = golden * device.every_seconds;
        Self { air: Air::new(device.seed, index as u64, start), due, reckoned: 0.0, device }
    }

    /// Lets time pass until now; `None` where its twin is gone.
    fn pass(&mut self, clock: &Clock, view: &GraphView) -> Option<Reading> {
        // One message for whatever time has passed: a slow machine gets fewer, not older ones.
        let behind = ((clock.seconds - self.due) / self.device.every_seconds).floor();
        self.due += (behind + 1.0) * self.device.every_seconds;
        let passed = clock.seconds - self.reckoned;
        self.reckoned = clock.seconds;
        view.read().twin(&self.device.twin)?;
        let set_point = number(view, &self.device.twin, "setPoint").unwrap_or(USUAL);
        self.air.pass(passed, clock.seconds_of_day(), set_point);
        Some(Reading {
            device: self.device.device.clone(),
            time: Timestamp::from(SystemTime::now()),
            body: json!({"temperature": self.air.temperature(), "humidity": self.air.humidity()}),
        })
    }
}

fn number(view: &GraphView, twin: &str, property: &str) -> Option<f64> {
    view.read().twin(twin)?.property(property)?.as_f64()
}
