//! Recording, filtering, windows, traces, bounds.
#![allow(clippy::unwrap_used, clippy::panic)]

use event_log::{
    Body, Entry, EntryKind, EventLog, FieldChange, Options, RouteVerdict, WindowRequest,
};
use proptest::prelude::*;
use serde_json::json;
use twin_graph::{Timestamp, TraceContext};

const TICKS_PER_SECOND: i64 = 10_000_000;

fn entry(subject: &str, trace: u128, seconds: f64) -> Entry {
    Entry {
        time: Timestamp::from_ticks(0).plus_seconds(1_000.0 + seconds),
        kind: EntryKind::TwinUpdate,
        subject: subject.into(),
        model: Some("dtmi:t:Thermostat;1".into()),
        changes: vec![FieldChange {
            path: "temperature".into(),
            before: Some(json!(21.5)),
            after: Some(json!(21.9)),
        }],
        note: String::new(),
        trace: TraceContext::new(trace, 1),
        cause: "REST".into(),
        version: 0,
        goes_to: None,
        handed: Box::default(),
        verdicts: vec![],
        body: Body::None,
    }
}

/// Device message, twin update and parent's update of trace 0x4bf9; a failure and a relationship.
fn log() -> EventLog {
    let mut log = EventLog::new(Options::default());
    let message = Entry {
        kind: EntryKind::DeviceMessage,
        changes: vec![],
        note: "20 bytes".into(),
        cause: "origin".into(),
        ..entry("thermo_0014", 0x4bf9, 0.0)
    };
    log.record(message);
    log.record(Entry {
        cause: "ingest, after thermo_0014".into(),
        ..entry("thermo_0014", 0x4bf9, 0.002)
    });
    let target =
        FieldChange { path: "rel_next_to".into(), before: None, after: Some(json!("Room_23")) };
    log.record(Entry {
        kind: EntryKind::RelationshipCreate,
        changes: vec![target],
        ..entry("Room_22/relationships/r1", 0x90be, 0.003)
    });
    log.record(Entry {
        cause: "propagate-to-parent, after thermo_0014".into(),
        ..entry("Room_14", 0x4bf9, 0.0058)
    });
    log.record(Entry {
        kind: EntryKind::Failure,
        changes: vec![],
        note: "The endpoint «twins» does not answer.".into(),
        cause: "pipeline".into(),
        ..entry("twins", 0x1, 0.1)
    });
    log
}

fn ask(filter: &str, until: Option<u64>, offset: u32, limit: u32) -> WindowRequest {
    WindowRequest { filter: filter.into(), until, offset, limit }
}

#[test]
fn windows() {
    // Filter, until, offset, limit: positions, matched, scanned, newer.
    type Case = (&'static str, Option<u64>, u32, u32, &'static [u64], u32, u32, u32);
    let cases: &[Case] = &[
        ("", None, 0, 10, &[5, 4, 3, 2, 1], 5, 5, 0),
        ("", None, 0, 2, &[5, 4], 5, 5, 0),
        ("", None, 4, 2, &[1], 5, 5, 0),
        ("", None, 9, 2, &[], 5, 5, 0),
        ("", None, 0, 0, &[], 5, 5, 0),
        ("", Some(3), 1, 1, &[2], 3, 3, 2),
        ("", Some(0), 0, 10, &[], 0, 0, 5),
        ("", Some(99), 0, 1, &[5], 5, 5, 0),
        ("  ", None, 0, 1, &[5], 5, 5, 0),
        ("thermo_0014", None, 0, 10, &[4, 2, 1], 3, 5, 0),
        ("THERMO_0014 Update", None, 0, 10, &[4, 2], 2, 5, 0),
        ("update thermo_0014", Some(3), 0, 10, &[2], 1, 3, 1),
        ("thermo_0014", Some(3), 1, 10, &[1], 2, 3, 1),
        ("device message", None, 0, 10, &[1], 1, 5, 0),
        ("20 bytes", None, 0, 10, &[1], 1, 5, 0),
        ("room_23", None, 0, 10, &[3], 1, 5, 0),
        ("21.9", None, 0, 10, &[4, 2], 2, 5, 0),
        ("4bf9", None, 0, 10, &[4, 2, 1], 3, 5, 0),
        ("00000000000000000000000000004BF9", None, 0, 10, &[4, 2, 1], 3, 5, 0),
        ("propagate", None, 0, 10, &[4], 1, 5, 0),
        ("failure «TWINS»", None, 0, 10, &[5], 1, 5, 0),
        ("about:thermo_0014", None, 0, 10, &[4, 2, 1], 3, 5, 0),
        ("about:thermo_001", None, 0, 10, &[], 0, 5, 0),
        ("about:Thermo_0014 update", None, 0, 10, &[4, 2], 2, 5, 0),
        ("room temperature nothing", None, 0, 10, &[], 0, 5, 0),
    ];
    // One log for all: no filter may leave something behind for the next.
    let mut log = log();
    for (filter, until, offset, limit, positions, matched, scanned, newer) in cases {
        let window = log.window(&ask(filter, *until, *offset, *limit));
        let found: Vec<u64> = window.rows.iter().map(|row| row.position).collect();
        let case = format!("«{filter}» until {until:?} offset {offset} limit {limit}");
        assert_eq!(found, *positions, "{case}");
        assert_eq!(
            (window.matched, window.scanned, window.newer),
            (*matched, *scanned, *newer),
            "{case}"
        );
        assert_eq!((window.newest, window.evicted, window.dropped), (5, 0, 0), "{case}");
    }
}

#[test]
fn an_empty_log_has_an_empty_window() {
    let mut log = EventLog::new(Options::default());
    for filter in ["", "a"] {
        let window = log.window(&ask(filter, None, 0, 10));
        assert_eq!(
            (window.rows.len(), window.matched, window.scanned, window.newest),
            (0, 0, 0, 0)
        );
        assert_eq!(window.first_time, None);
    }
    assert_eq!(log.event(0), None);
    assert_eq!(log.event(1), None);
}

#[test]
fn a_following_pull_compares_only_what_is_new() {
    let mut log = log();
    let compared =
        |log: &mut EventLog, filter: &str| log.window(&ask(filter, None, 0, 10)).compared;
    assert_eq!(compared(&mut log, "room"), 5);
    assert_eq!(compared(&mut log, "room"), 0);
    log.record(entry("Room_15", 7, 1.0));
    assert_eq!(compared(&mut log, " ROOM "), 1);
    assert_eq!(compared(&mut log, "other"), 6);
    assert_eq!(compared(&mut log, ""), 0);
    assert_eq!(log.window(&ask("room", None, 0, 10)).matched, 3);
}

#[test]
fn traces_and_latencies() {
    let log = log();
    let trace = log.trace("00000000000000000000000000004bf9");
    let told: Vec<_> = trace.iter().map(|row| (row.position, row.latency)).collect();
    assert_eq!(told, [(1, None), (2, Some(2.0)), (4, Some(5.8))]);
    assert_eq!(log.trace("00000000000000000000000000004bf8"), []);
    assert_eq!(log.event(4).unwrap().entry.subject, "Room_14");
    assert_eq!(log.event(6), None);
}

#[test]
fn only_one_event_alone_has_its_body() {
    let mut log = EventLog::new(Options::default());
    let body = json!({"temperature": 21.9, "tags": ["a", null], "at": 9_007_199_254_740_993i64});
    let whole = Entry { body: Body::Json(body.to_string().into()), ..entry("a", 1, 1.0) };
    let position = log.record(whole.clone());
    assert_eq!(*log.event(position).unwrap().entry, whole);
    let row = log.window(&ask("", None, 0, 1)).rows.remove(0);
    assert_eq!(*row.entry, Entry { body: Body::None, ..whole });
    assert_eq!(log.trace(&TraceContext::new(1, 1).trace_id()), [row]);
}

#[test]
fn an_entry_before_its_cause_has_no_negative_latency() {
    let mut log = EventLog::new(Options::default());
    log.record(entry("a", 1, 1.0));
    let position = log.record(entry("a", 1, 0.5));
    assert_eq!(log.event(position).unwrap().latency, Some(0.0));
}

#[test]
fn verdicts_may_come_later() {
    let mut log = log();
    let before = log.bytes();
    let verdict = RouteVerdict {
        route: "to-parent".into(),
        leads_to: ["endpoints/eg-twins".to_owned()].into(),
        matched: false,
        reason: Some("type = 'microsoft.iot.telemetry'".into()),
    };
    // A window that is being shown keeps what it had.
    let shown = log.event(2).unwrap();
    assert!(log.set_verdicts(2, vec![verdict.clone()]));
    assert_eq!(log.event(2).unwrap().entry.verdicts, [verdict]);
    assert!(shown.entry.verdicts.is_empty());
    assert!(log.bytes() > before);
    assert!(log.set_verdicts(2, vec![]));
    assert_eq!(log.bytes(), before);
    assert!(!log.set_verdicts(77, vec![]));
}

/// A message through a source and its function, the change that this made, taken by one of two
/// routes, the change after that, and what went wrong on the way.
fn log_of_a_topology() -> EventLog {
    let nodes = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>().into();
    let verdict = |route: &str, matched, leads_to: &[&str]| RouteVerdict {
        route: route.into(),
        leads_to: nodes(leads_to),
        matched,
        reason: None,
    };
    let to_parent =
        ["endpoints/eg-twins", "subscriptions/parent", "functions/propagate", "sinks/series"];
    let failure = |subject: &str, note: &str| Entry {
        kind: EntryKind::Failure,
        note: note.into(),
        cause: "pipeline".into(),
        ..entry(subject, 1, 4.0)
    };
    let mut log = EventLog::new(Options::default());
    log.record(Entry {
        kind: EntryKind::DeviceMessage,
        cause: "origin".into(),
        goes_to: Some(nodes(&["sources/iot-hub", "functions/ingest"])),
        handed: Box::new([("endpoints2019/raw".into(), 3)]),
        ..entry("thermo_0014", 1, 0.0)
    });
    log.record(Entry {
        version: 7,
        cause: "ingest, after thermo_0014".into(),
        verdicts: vec![
            verdict("to-parent", true, &to_parent),
            verdict("telemetry", false, &["endpoints/eh-telemetry"]),
        ],
        ..entry("thermo_0014", 1, 1.0)
    });
    log.record(Entry {
        version: 8,
        cause: "propagate, after thermo_0014".into(),
        ..entry("Room_14", 1, 2.0)
    });
    log.record(Entry { kind: EntryKind::EventRoute, ..entry("to-parent", 2, 3.0) });
    log.record(failure("eg-twins", "The endpoint does not answer."));
    log.record(failure("thermo_0014", "/functions/ingest/map/0: the message has no temperature."));
    log.record(failure("eg-twins-2", "/functions/ingest-2: not called."));
    log.record(failure("thermo_0014", "/sinks/series/connection: there is no such secret."));
    log.record(failure("sources/broker", "/sources/broker: the session is gone."));
    log
}

#[test]
fn a_node_of_the_topology_takes_what_went_through_it() {
    let cases: &[(&str, &[u64])] = &[
        ("source:iot-hub", &[1]),
        ("source:iot", &[]),
        ("function:ingest", &[6, 2, 1]),
        ("function:propagate", &[3, 2]),
        ("route:to-parent", &[4, 2]),
        ("route:telemetry", &[]),
        ("ROUTE:To-Parent update", &[2]),
        ("endpoint:eg-twins", &[5, 2]),
        ("endpoint:eh-telemetry", &[]),
        ("subscription:parent", &[2]),
        ("subscription:parent about:Room_14", &[]),
        ("endpoint:", &[]),
        ("sink:eg-twins", &[]),
        ("sink:series", &[8, 2]),
        ("source:broker", &[9]),
        ("endpoint:raw", &[1]),
        ("function:raw", &[]),
    ];
    let mut log = log_of_a_topology();
    for (filter, positions) in cases {
        let window = log.window(&ask(filter, None, 0, 10));
        let found: Vec<u64> = window.rows.iter().map(|row| row.position).collect();
        assert_eq!(found, *positions, "«{filter}»");
    }
}

#[test]
fn is_bounded_by_bytes_and_counts_what_it_lets_go() {
    let mut log = EventLog::new(Options { max_bytes: 20_000 });
    for number in 0..1_000u32 {
        log.record(entry(
            &format!("thermo_{number:04}"),
            u128::from(number / 2) + 1,
            f64::from(number),
        ));
    }
    assert!(log.bytes() <= 20_000);
    let window = log.window(&ask("thermo", None, 0, 500));
    assert_eq!(window.newest, 1_000);
    assert_eq!(u64::from(window.scanned) + window.evicted, 1_000);
    assert_eq!(window.matched, window.scanned);
    assert!(window.scanned > 10, "{}", window.scanned);
    let oldest = window.rows.last().unwrap();
    assert_eq!(oldest.position, window.evicted + 1);
    assert_eq!(window.first_time, Some(oldest.entry.time));
    assert_eq!(log.event(window.evicted), None);
    assert_eq!(log.trace(&TraceContext::new(1, 1).trace_id()), []);
    assert_eq!(log.trace(&TraceContext::new(500, 1).trace_id()).len(), 2);
    // One that is larger than all the room is kept until the next comes.
    let large = Entry {
        body: Body::Json(json!("x".repeat(100_000)).to_string().into()),
        ..entry("large", 9, 1.0)
    };
    let position = log.record(large);
    assert!(log.event(position).is_some());
    assert_eq!(log.window(&ask("thermo", None, 0, 10)).matched, 0);
    log.record(entry("small", 9, 1.0));
    assert!(log.bytes() < 20_000);
    assert_eq!(log.event(position), None);
    // Its trace goes on, and knows when it began.
    assert_eq!(log.event(position + 1).unwrap().latency, Some(0.0));
}

#[test]
fn counts_what_never_came() {
    let mut log = log();
    log.dropped(3);
    log.dropped(4);
    assert_eq!(log.window(&ask("", None, 0, 0)).dropped, 7);
}

#[test]
fn rate_of_the_last_second() {
    let mut log = EventLog::new(Options::default());
    let at = |seconds: f64| Timestamp::from_ticks(1_000 * TICKS_PER_SECOND).plus_seconds(seconds);
    for number in 0..100 {
        log.record(entry("a", 1, f64::from(number) * 0.1));
    }
    assert_eq!(log.rate(at(9.99)), 10.0);
    assert_eq!(log.rate(at(10.49)), 5.0);
    assert_eq!(log.rate(at(20.0)), 0.0);
    // Of earlier runs: not now.
    log.record(entry("a", 1, -500.0));
    assert_eq!(log.rate(at(9.99)), 10.0);
}

proptest! {
    /// Whatever is asked in whatever order while entries come and go, a window is what a fresh
    /// look at all kept entries gives.
    #[test]
    fn a_window_is_what_a_fresh_look_gives(
        steps in prop::collection::vec(
            (0u8..3, 0usize..5, prop::option::of(0u64..60), 0u32..5, 0u32..5), 1..60)
    ) {
        let filters = ["", "room", "room_1 update", "none", "4bf9"];
        let mut log = EventLog::new(Options { max_bytes: 12_000 });
        let mut recorded = 0u64;
        for (step, choice, until, offset, limit) in steps {
            if step < 2 {
                recorded += 1;
                let names = ["Room_1", "Room_2", "thermo_1", "floor", "attic"];
                let trace = if choice % 2 == 0 { 0x4bf9 } else { 0x77 };
                prop_assert_eq!(log.record(entry(names[choice], trace, 1.0)), recorded);
                continue;
            }
            let window = log.window(&ask(filters[choice], until, offset, limit));
            let wanted = |position: &u64| {
                let entry = log.event(*position).map(|row| row.entry);
                entry.is_some_and(|entry| {
                    let text = format!("Twin update {} {}", entry.subject, entry.trace.trace_id());
                    let text = text.to_lowercase();
                    filters[choice].split(' ').all(|word| text.contains(word))
                })
            };
            let all: Vec<u64> = (1..=recorded).rev().filter(wanted).collect();
            let until = until.unwrap_or(recorded);
            let (newer, shown): (Vec<u64>, Vec<u64>) = all.into_iter().partition(|position| *position > until);
            prop_assert_eq!(window.matched as usize, shown.len());
            prop_assert_eq!(window.newer as usize, newer.len());
            let rows: Vec<u64> = window.rows.iter().map(|row| row.position).collect();
            let expected: Vec<u64> =
                shown.into_iter().skip(offset as usize).take(limit as usize).collect();
            prop_assert_eq!(rows, expected);
        }
    }
}
