//! Sends device messages and takes what became of them; the same for both programs.

use crate::machine::ProcessorTime;
use futures::stream::{FuturesUnordered, StreamExt};
use messaging::client::MqttClient;
use serde::Deserialize;
use std::any::Any;
use std::borrow::Borrow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// Devices, each with a connection, a thermostat and a room.
pub const DEVICES: usize = 200;
/// Messages on their way at once where the limit is looked for.
const WINDOW: usize = 2_000;
const MESSAGES: usize = 200_000;
/// Before each round, not counted: the other one had the machine until then.
const WARM_UP: usize = 5_000;
const WARM_UP_PACED: Duration = Duration::from_secs(1);
const PACE: f64 = 1_000.0;
const PACED: Duration = Duration::from_secs(20);
/// In so many rounds each.
const ROUNDS: usize = 10;
const REST: Duration = Duration::from_millis(300);
/// Nothing arrived for so long: something is lost.
const LOST: Duration = Duration::from_secs(30);
/// The first temperature; each message has the next one, which says which message it is.
const FIRST: usize = 1_000_000;

/// The body of an update of a room, as far as it matters.
#[derive(Deserialize)]
struct Changed {
    patch: Vec<SetTo>,
}

#[derive(Deserialize)]
struct SetTo {
    value: f64,
}

/// What arrived, and when it was sent.
pub struct Arrivals {
    sent: Vec<AtomicU64>,
    begun: Instant,
    count: AtomicU64,
    millis: parking_lot::Mutex<Vec<f64>>,
    /// What each device may still send.
    windows: Vec<Semaphore>,
}

impl Arrivals {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            sent: std::iter::repeat_with(AtomicU64::default).take(4_000_000).collect(),
            begun: Instant::now(),
            count: AtomicU64::new(0),
            millis: parking_lot::Mutex::default(),
            windows: std::iter::repeat_with(|| Semaphore::new(0)).take(DEVICES).collect(),
        })
    }

    /// A subscriber was told of a change of a room.
    pub fn arrived(&self, body: &[u8]) {
        let Changed { patch } = serde_json::from_slice(body).unwrap();
        let Some([SetTo { value }]) = patch.first_chunk() else { return };
        let number = *value as usize - FIRST;
        let Some(sent) = self.sent.get(number) else { return };
        let micros = self.micros() - sent.load(Relaxed);
        self.millis.lock().push(micros as f64 / 1e3);
        self.count.fetch_add(1, Relaxed);
        self.windows[number % DEVICES].add_permits(1);
    }

    fn micros(&self) -> u64 {
        self.begun.elapsed().as_micros() as u64
    }

    fn body(&self, number: usize, device: usize) -> String {
        self.sent[number].store(self.micros(), Relaxed);
        format!(r#"{{"id":"{}","temperature":{}.0}}"#, device_id(device), FIRST + number)
    }

    /// Looks now and then: to be woken by each arrival would cost more than the arrival.
    async fn wait_for(&self, count: u64) {
        let (mut before, mut since) = (0, Instant::now());
        loop {
            let now = self.count.load(Relaxed);
            if now >= count {
                return;
            }
            if now != before {
                (before, since) = (now, Instant::now());
            } else if since.elapsed() > LOST {
                panic!("{before} of {count} arrived, and no more came");
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

pub fn device_id(number: usize) -> String {
    format!("thermo_{number:04}")
}

/// A program under test, running, with devices connected to it and a subscriber.
pub struct Subject {
    name: &'static str,
    clients: Arc<Vec<MqttClient>>,
    topic: fn(usize) -> String,
    arrivals: Arc<Arrivals>,
    /// Its processes.
    pub pids: Vec<u32>,
    /// The number of the next message.
    next: usize,
    /// What ends with it.
    _running: Box<dyn Any>,
}

/// What was measured of one.
#[derive(Default)]
struct Measured {
    seconds: f64,
    cpu: f64,
    /// At 1,000 a second and at half of the limit.
    paced: [Vec<Round>; 2],
}

/// A round at a pace.
struct Round {
    /// Of each message.
    millis: Vec<f64>,
    /// Of the machine meanwhile.
    time: ProcessorTime,
}

impl Subject {
    pub fn new(
        name: &'static str,
        clients: Arc<Vec<MqttClient>>,
        topic: fn(usize) -> String,
        arrivals: Arc<Arrivals>,
        pids: Vec<u32>,
        running: impl Any,
    ) -> Self {
        Self { name, clients, topic, arrivals, pids, next: 0, _running: Box::new(running) }
    }

    fn cpu(&self) -> f64 {
        self.pids.iter().map(|pid| cpu_seconds(*pid)).sum()
    }

    /// So many on their way at once, of each device the same number.
    pub async fn closed(&mut self, count: usize) {
        let until = self.arrivals.count.load(Relaxed) + count as u64;
        let numbers = self.next..self.next + count;
        for device in 0..DEVICES {
            let (clients, arrivals, topic) =
                (self.clients.clone(), self.arrivals.clone(), self.topic);
            let window = &arrivals.windows[device];
            window.forget_permits(window.available_permits());
            window.add_permits(WINDOW / DEVICES);
            let first = numbers.start + (device + DEVICES - numbers.start % DEVICES) % DEVICES;
            let numbers = (first..numbers.end).step_by(DEVICES);
            tokio::spawn(
                async move { of_device(&clients[device], topic, &arrivals, numbers).await },
            );
        }
        self.next = numbers.end;
        self.arrivals.wait_for(until).await;
    }

    /// At a pace, however long each takes.
    pub async fn open(&mut self, pace: f64, time: Duration) {
        let start = Instant::now();
        let mut sent = 0;
        let until = self.arrivals.count.load(Relaxed);
        while start.elapsed() < time {
            let due = (start.elapsed().as_secs_f64() * pace) as usize;
            while sent < due {
                publish(&self.clients, self.topic, &self.arrivals, self.next);
                self.next += 1;
                sent += 1;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        self.arrivals.wait_for(until + sent as u64).await;
    }

    async fn round_at_the_limit(&mut self, measured: &mut Measured) {
        self.closed(WARM_UP).await;
        let (start, cpu) = (Instant::now(), self.cpu());
        self.closed(MESSAGES / ROUNDS).await;
        measured.seconds += start.elapsed().as_secs_f64();
        // What it does behind the last message belongs to it.
        tokio::time::sleep(REST).await;
        measured.cpu += self.cpu() - cpu;
    }

    async fn round_at(&mut self, pace: f64) -> Round {
        self.open(pace, WARM_UP_PACED).await;
        self.arrivals.millis.lock().clear();
        let before = ProcessorTime::so_far();
        self.open(pace, PACED / ROUNDS as u32).await;
        let time = ProcessorTime::so_far() - before;
        let millis = std::mem::take(&mut *self.arrivals.millis.lock());
        tokio::time::sleep(REST).await;
        Round { millis, time }
    }
}

impl Measured {
    fn per_second(&self) -> f64 {
        MESSAGES as f64 / self.seconds
    }

    fn row(&self, name: &str) {
        let [at_pace, at_half] = self.paced.each_ref().map(|rounds| {
            let (all, taken) = together(rounds);
            let (quiet, left) = together(&quieter_half(rounds));
            format!(
                "{:.1}, {:.1} ms ({taken:.1} %), {:.1} ms ({left:.1} %)",
                percentile(&all, 50),
                percentile(&all, 99),
                percentile(&quiet, 99),
            )
        });
        println!(
            "| {name} | {:.0} | {:.0} | {at_pace} | {at_half}, {:.0}/s |",
            self.per_second(),
            self.cpu / MESSAGES as f64 * 1e6,
            self.per_second() / 2.0,
        );
    }
}

/// The rounds in which the host took the least from this machine.
fn quieter_half(rounds: &[Round]) -> Vec<&Round> {
    let mut rounds: Vec<_> = rounds.iter().collect();
    rounds.sort_by(|one, other| one.time.stolen_share().total_cmp(&other.time.stolen_share()));
    rounds.truncate(rounds.len() / 2);
    rounds
}

/// The milliseconds of all messages, and what share of the processors' time the host took, in percent.
fn together<R: Borrow<Round>>(rounds: &[R]) -> (Vec<f64>, f64) {
    let mut time = ProcessorTime::default();
    rounds.iter().for_each(|round| time += round.borrow().time);
    let millis = rounds.iter().flat_map(|round| &round.borrow().millis).copied().collect();
    (millis, time.stolen_share() * 100.0)
}

fn percentile(values: &[f64], share: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() * share / 100]
}

/// As fast as it goes, at 1,000 a second, and at half of the limit. Several programs take turns in
/// short rounds: this machine's speed changes from one minute to the next, and is so the same for
/// all. A p99 is that of the worst seconds of the machine, so that of the rounds in which its host took
/// the least from it stands beside.
pub async fn measure(mut subjects: Vec<Subject>) {
    let mut measured: Vec<_> = subjects.iter().map(|_| Measured::default()).collect();
    for _ in 0..ROUNDS {
        for (subject, measured) in subjects.iter_mut().zip(&mut measured) {
            subject.round_at_the_limit(measured).await;
        }
    }
    for _ in 0..ROUNDS {
        for (subject, measured) in subjects.iter_mut().zip(&mut measured) {
            let half = measured.per_second() / 2.0;
            measured.paced[0].push(subject.round_at(PACE).await);
            measured.paced[1].push(subject.round_at(half).await);
        }
    }
    println!(
        "| device message → thermostat → room → subscriber | messages/s | server CPU µs a message | at 1,000/s: p50, p99, p99 of the quieter half (processor time that the host took) | the same at half of the limit |"
    );
    println!("|---|---|---|---|---|");
    for (subject, measured) in subjects.iter().zip(&measured) {
        measured.row(subject.name);
    }
}

/// What a device may send at once goes in one write, as with any client that does not wait for
/// each PUBACK.
async fn of_device(
    client: &MqttClient,
    topic: fn(usize) -> String,
    arrivals: &Arrivals,
    numbers: impl Iterator<Item = usize>,
) {
    let mut unacknowledged = FuturesUnordered::new();
    for number in numbers {
        let device = number % DEVICES;
        loop {
            tokio::select! {
                biased;
                room = arrivals.windows[device].acquire() => break room.unwrap().forget(),
                Some(done) = unacknowledged.next() => done,
            }
        }
        unacknowledged.push(send(client, topic(device), arrivals.body(number, device)));
    }
    while unacknowledged.next().await.is_some() {}
}

async fn send(client: &MqttClient, topic: String, body: String) {
    client.publish(&topic, body, true).await.unwrap();
}

fn publish(
    clients: &Arc<Vec<MqttClient>>,
    topic: fn(usize) -> String,
    arrivals: &Arc<Arrivals>,
    number: usize,
) {
    let device = number % DEVICES;
    let body = arrivals.body(number, device);
    let clients = clients.clone();
    tokio::spawn(async move { send(&clients[device], topic(device), body).await });
}

/// CPU seconds of a process so far.
pub fn cpu_seconds(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let fields: Vec<f64> =
        after_name.split_whitespace().skip(11).take(2).filter_map(|f| f.parse().ok()).collect();
    fields.iter().sum::<f64>() / 100.0
}

/// Resident memory of a process in MiB.
pub fn resident(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kilobytes.unwrap_or_default() / 1024.0
}
