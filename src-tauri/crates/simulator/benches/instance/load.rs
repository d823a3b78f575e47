//! Loading many twins, starting with them, what they take in memory, and writes meanwhile.

use crate::patches::{fill, open, patch};
use std::process::Command;
use std::time::{Duration, Instant};

/// The word that makes this program open a folder and say what that took.
pub const REOPEN: &str = "reopen";

pub fn measure(twins: usize) {
    let folder = crate::folder();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let instance = open(folder.path());
    let start = Instant::now();
    runtime.block_on(fill(&instance, twins, 1_024));
    let took = start.elapsed().as_secs_f64();
    let puts = (twins + twins / 2) as f64;
    println!(
        "{twins} twins and {} relationships put durably in {took:.1} s, {:.0}/s",
        twins / 2,
        puts / took
    );
    reopen(folder.path(), "start by replay of what the last snapshot does not have");
    // Over the two changes a twin that make a snapshot due.
    let time = Duration::from_secs(if twins > 500_000 { 20 } else { 4 });
    runtime
        .block_on(patch(&instance, 256, twins / 2, time))
        .print("patches, 256 clients, a snapshot meanwhile", 1);
    drop(instance);
    reopen(folder.path(), "start after that");
    let bytes =
        |name: &str| std::fs::metadata(folder.path().join(name)).map_or(0, |file| file.len()) >> 20;
    println!("the folder has {} MiB", journal::FILES.map(bytes).iter().sum::<u64>());
}

fn reopen(folder: &std::path::Path, name: &str) {
    // A copy: the folder itself may be open here.
    let copy = crate::folder();
    for file in journal::FILES {
        if folder.join(file).exists() {
            std::fs::copy(folder.join(file), copy.path().join(file)).unwrap();
        }
    }
    let this = std::env::current_exe().unwrap();
    print!("{name}: ");
    std::io::Write::flush(&mut std::io::stdout()).unwrap();
    assert!(Command::new(this).arg(REOPEN).arg(copy.path()).status().unwrap().success());
}

/// In a process of its own, so that its memory is only the graph's.
pub fn reopened(folder: &str) {
    let before = memory("VmRSS");
    let start = Instant::now();
    let instance = open(std::path::Path::new(folder));
    let took = start.elapsed().as_secs_f64();
    let twins = instance.view().read().twin_count();
    let report = instance.recovery();
    let resident = memory("VmRSS").saturating_sub(before);
    println!(
        "{took:.2} s for {twins} twins (snapshot at {}, {} replayed), {} bytes a twin, {} MiB resident, {} MiB at the most",
        report.snapshot,
        report.replayed,
        resident / twins.max(1),
        resident >> 20,
        memory("VmHWM") >> 20,
    );
}

/// A line of /proc/self/status in bytes; 0 where there is none.
fn memory(name: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(name));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<usize>().ok());
    kib.unwrap_or(0) << 10
}
