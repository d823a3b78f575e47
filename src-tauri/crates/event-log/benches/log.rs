//! What recording costs, and pulling a window, with 100,000 entries in the log.
#![allow(missing_docs, clippy::expect_used)]

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use event_log::{Entry, EventLog, Options, WindowRequest};
use serde_json::json;
use std::hint::black_box;
use twin_graph::{
    AppliedOperation, Cause, Change, ChangeKind, Operation, OperationKind, Origin, Timestamp,
    TraceContext,
};

const ENTRIES: u64 = 100_000;

fn change(number: u64) -> Change {
    let operation = Operation {
        op: OperationKind::Replace,
        path: "/temperature".into(),
        value: Some(json!(21.5 + (number % 10) as f64)),
    };
    Change {
        version: number + 1,
        time: Timestamp::from_ticks(number as i64 * 10_000),
        cause: Cause {
            trace: TraceContext::new(u128::from(number / 3) + 1, number + 1),
            origin: Origin::Function {
                name: "ingest".into(),
                after: format!("thermo_{:04}", number % 1_000).into(),
                hops: 1,
            },
        },
        kind: ChangeKind::TwinPatched {
            id: format!("thermo_{:04}", number % 1_000).into(),
            model: "dtmi:contoso:Thermostat;1".into(),
            patch: vec![AppliedOperation { operation, previous: Some(json!(20.5)) }],
            source_times: vec![],
            etag: "W/\"7c1e4a90-5d2f-4b1e-9a53-0e1f6b7d2c44\"".into(),
        },
    }
}

fn entry(number: u64) -> Entry {
    Entry::of_change(&change(number), |_| None)
}

fn full(options: Options) -> EventLog {
    let mut log = EventLog::new(options);
    (0..ENTRIES).for_each(|number| {
        log.record(entry(number));
    });
    log
}

fn record(c: &mut Criterion) {
    let mut log = full(Options::default());
    eprintln_size(&mut log);
    let mut number = ENTRIES;
    let mut next = || {
        number += 1;
        entry(number)
    };
    c.bench_function("record, full log", |b| {
        b.iter_batched(&mut next, |entry| log.record(entry), BatchSize::SmallInput);
    });
    let change = change(7);
    c.bench_function("entry of a change", |b| {
        b.iter(|| Entry::of_change(black_box(&change), |_| None));
    });
}

fn window(c: &mut Criterion) {
    let mut log = full(Options { max_bytes: usize::MAX });
    let ask =
        |filter: &str| WindowRequest { filter: filter.into(), limit: 100, ..Default::default() };
    c.bench_function("window, no filter, 100,000", |b| {
        b.iter(|| log.window(black_box(&ask(""))));
    });
    c.bench_function("window, same filter again, 100,000", |b| {
        b.iter(|| log.window(black_box(&ask("thermo_0014 update"))));
    });
    // Two filters in turn: each starts over.
    let mut turn = 0;
    c.bench_function("window, new filter, 100,000", |b| {
        b.iter(|| {
            turn += 1;
            let filter = if turn % 2 == 0 { "thermo_0014 update" } else { "thermo_0015 update" };
            log.window(black_box(&ask(filter)))
        });
    });
    let trace = entry(ENTRIES / 2).trace.trace_id();
    c.bench_function("trace, 100,000", |b| b.iter(|| log.trace(black_box(&trace))));
}

#[allow(clippy::print_stderr)]
fn eprintln_size(log: &mut EventLog) {
    let window = log.window(&WindowRequest::default());
    eprintln!(
        "{} entries kept, {} evicted, {} bytes counted",
        window.scanned,
        window.evicted,
        log.bytes()
    );
}

criterion_group!(benches, record, window);
criterion_main!(benches);
