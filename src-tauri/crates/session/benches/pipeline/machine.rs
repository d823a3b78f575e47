//! What the machine gives at the moment: figures of two hours compare only with this beside them.

use serde_json::Value;
use std::hint::black_box;
use std::io::Write as _;
use std::ops::{AddAssign, Sub};
use std::os::unix::fs::FileExt as _;
use std::thread;
use std::time::{Duration, Instant};

const SYNCS: usize = 500;
const PAGE: usize = 4096;
const BUSY: Duration = Duration::from_secs(1);

const BODY: &str = r#"{"modelId":"dtmi:example:Room;1","patch":[{"op":"replace","path":"/currentTemp","value":1000001.0}]}"#;

/// Prints how long a page takes to be durable, and what a second busy thread adds: little where
/// the two processors are threads of one core.
pub fn describe() {
    let mut syncs = syncs();
    syncs.sort();
    let millis = |share: usize| syncs[SYNCS * share / 100].as_secs_f64() * 1e3;
    let (one, two) = (read(1), read(2));
    println!(
        "Machine: fdatasync of a page p50 {:.2} ms, p99 {:.2} ms; one busy thread reads {:.0} bodies of JSON a millisecond, two together {:.0}.",
        millis(50),
        millis(99),
        one / 1e3,
        two / 1e3,
    );
}

/// Ticks of all processors.
#[derive(Clone, Copy, Default)]
pub struct ProcessorTime {
    all: u64,
    /// When a virtual machine wanted to run and its host did not let it.
    stolen: u64,
}

impl ProcessorTime {
    /// Since the machine started; nothing where the system does not tell.
    pub fn so_far() -> Self {
        let stat = std::fs::read_to_string("/proc/stat").unwrap_or_default();
        let first = stat.lines().next().unwrap_or_default();
        // user, nice, system, idle, iowait, irq, softirq, steal; guests are in the first two.
        let ticks: Vec<u64> = first
            .split_whitespace()
            .skip(1)
            .take(8)
            .filter_map(|ticks| ticks.parse().ok())
            .collect();
        Self { all: ticks.iter().sum(), stolen: ticks.get(7).copied().unwrap_or_default() }
    }

    pub fn stolen_share(self) -> f64 {
        self.stolen as f64 / self.all.max(1) as f64
    }
}

impl Sub for ProcessorTime {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self { all: self.all - before.all, stolen: self.stolen - before.stolen }
    }
}

impl AddAssign for ProcessorTime {
    fn add_assign(&mut self, more: Self) {
        self.all += more.all;
        self.stolen += more.stolen;
    }
}

/// Each writes a page over in place, as the journal's log does.
fn syncs() -> Vec<Duration> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&vec![1; PAGE * SYNCS]).unwrap();
    file.sync_all().unwrap();
    let sync = |at: usize| {
        file.write_all_at(&[2; PAGE], (at * PAGE) as u64).unwrap();
        let start = Instant::now();
        file.sync_data().unwrap();
        start.elapsed()
    };
    (0..SYNCS).map(sync).collect()
}

/// How many bodies so many threads read in a second.
fn read(threads: usize) -> f64 {
    let reading = || {
        let (start, mut bodies) = (Instant::now(), 0_u32);
        while start.elapsed() < BUSY {
            for _ in 0..1_000 {
                black_box(serde_json::from_str::<Value>(black_box(BODY)).unwrap());
            }
            bodies += 1_000;
        }
        f64::from(bodies) / start.elapsed().as_secs_f64()
    };
    thread::scope(|scope| {
        let reading: Vec<_> = (0..threads).map(|_| scope.spawn(reading)).collect();
        reading.into_iter().map(|thread| thread.join().unwrap()).sum()
    })
}
