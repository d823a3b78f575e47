//! What the embedded instance does, beside what SQLite and the disk themselves do in the same run.
//!
//! `cargo bench -p simulator --bench instance` measures 100,000 twins; with `-- large` 2,000,000.
//! The folder is `$JOURNAL_BENCH_DIR`, or a temporary one; only the ratios of one run mean much.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

mod building;
mod load;
mod patches;
mod peers;
mod rest;

use std::path::PathBuf;
use std::time::{Duration, Instant};

const TWINS: usize = 100_000;
const LARGE: usize = 2_000_000;

pub fn folder() -> tempfile::TempDir {
    let parent =
        std::env::var_os("JOURNAL_BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    tempfile::tempdir_in(parent).unwrap()
}

/// How long each of many operations took, and all together.
pub struct Measured {
    pub each: Vec<Duration>,
    pub all: Duration,
}

impl Measured {
    /// Runs `once` until `time` is over.
    pub fn repeat(time: Duration, mut once: impl FnMut()) -> Self {
        let (start, mut each) = (Instant::now(), Vec::new());
        while start.elapsed() < time {
            let begun = Instant::now();
            once();
            each.push(begun.elapsed());
        }
        Self { each, all: start.elapsed() }
    }

    /// One line: `of` things are done by each operation.
    pub fn print(mut self, name: &str, of: usize) {
        self.each.sort_unstable();
        let at = |part: f64| self.each[(self.each.len() as f64 * part) as usize].as_secs_f64();
        let rate = (self.each.len() * of) as f64 / self.all.as_secs_f64();
        let last = self.each.len() - 1;
        println!(
            "{name:<52} {rate:>9.0}/s   p50 {:>9.3} ms   p99 {:>9.3} ms   max {:>9.3} ms",
            at(0.5) * 1e3,
            at(0.99) * 1e3,
            self.each[last].as_secs_f64() * 1e3
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
    let runtime = tokio::runtime::Runtime::new().unwrap();
    peers::measure();
    runtime.block_on(patches::measure());
    runtime.block_on(rest::measure());
    load::measure(TWINS);
}
