//! What the embedded instance does, beside what SQLite and the disk themselves do in the same run.
//!
//! `cargo bench -p simulator --bench instance` measures 100,000 twins; with `-- large` 2,000,000;
//! with `-- patches` (or `peers`, `rest`, `load`) only that part.
//! The folder is `$JOURNAL_BENCH_DIR`, or a temporary one; only the ratios of one run mean much.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

mod building;
mod cpu;
mod load;
mod patches;
mod peers;
mod rest;

use cpu::Cpu;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// As the programs do.
#[global_allocator]
static ALLOCATOR: snmalloc_rs::SnMalloc = snmalloc_rs::SnMalloc;

const PARTS: [&str; 4] = ["peers", "patches", "rest", "load"];
/// From one twin to the next that is written: as good as at random, for us and for SQLite.
pub const STRIDE: usize = 7_919;
const TWINS: usize = 100_000;
const LARGE: usize = 2_000_000;

pub fn folder() -> tempfile::TempDir {
    let parent =
        std::env::var_os("JOURNAL_BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    tempfile::tempdir_in(parent).unwrap()
}

/// How long each of many operations took, and all together, and the processor's time for them.
pub struct Measured {
    each: Vec<Duration>,
    all: Duration,
    cpu: Cpu,
}

/// Measures operations that are done by many.
pub struct Measuring {
    pub start: Instant,
    cpu: Cpu,
}

impl Measuring {
    pub fn begin() -> Self {
        Self { start: Instant::now(), cpu: Cpu::now() }
    }

    pub fn end(self, each: Vec<Duration>) -> Measured {
        Measured { each, all: self.start.elapsed(), cpu: Cpu::now() - self.cpu }
    }
}

impl Measured {
    /// Runs `once` until `time` is over.
    pub fn repeat(time: Duration, mut once: impl FnMut()) -> Self {
        let (measuring, mut each) = (Measuring::begin(), Vec::new());
        while measuring.start.elapsed() < time {
            let begun = Instant::now();
            once();
            each.push(begun.elapsed());
        }
        measuring.end(each)
    }

    /// One line: `of` things are done by each operation. The processor's time is that of all
    /// threads, clients too, in the program and in the system.
    pub fn print(mut self, name: &str, of: usize) {
        self.each.sort_unstable();
        let at = |part: f64| self.each[(self.each.len() as f64 * part) as usize].as_secs_f64();
        let rate = (self.each.len() * of) as f64 / self.all.as_secs_f64();
        let (last, done) = (self.each.len() - 1, (self.each.len() * of) as f64);
        println!(
            "{name:<50} {rate:>8.0}/s   p50 {:>8.3} ms   p99 {:>8.3} ms   max {:>8.3} ms   CPU {:>6.1} + {:>5.1} µs each",
            at(0.5) * 1e3,
            at(0.99) * 1e3,
            self.each[last].as_secs_f64() * 1e3,
            self.cpu.user.as_secs_f64() / done * 1e6,
            self.cpu.system.as_secs_f64() / done * 1e6,
        );
    }
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let Some(at) = words.iter().position(|word| word == load::REOPEN) {
        return load::reopened(&words[at + 1]);
    }
    if words.iter().any(|word| word == "large") {
        return load::measure(LARGE);
    }
    let named: Vec<_> = words.iter().filter(|word| PARTS.contains(&&***word)).collect();
    let wanted = |part| named.is_empty() || named.iter().any(|word| *word == part);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    if wanted("peers") {
        peers::measure();
    }
    if wanted("patches") {
        runtime.block_on(patches::measure());
    }
    if wanted("rest") {
        runtime.block_on(rest::measure());
    }
    if wanted("load") {
        load::measure(TWINS);
    }
}
