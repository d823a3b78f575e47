//! Any sequence of calls leaves what a model in memory says, before and after reopening.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{collections::HashMap, path::Path};

use journal::{Batch, Journal, Options};
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Call {
    Append(usize, Vec<Vec<u8>>),
    Batch(Vec<(usize, Vec<Vec<u8>>)>, u64, u8),
    Cursor(usize, u64),
    Value(u8, Vec<u8>),
    Snapshot(usize, usize),
    Trim(usize, u64),
    Reopen,
}

fn records() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let payload = prop_oneof![
        9 => prop::collection::vec(any::<u8>(), 0..300),
        1 => (any::<u8>(), 4_000..20_000usize).prop_map(|(byte, length)| vec![byte; length]),
    ];
    prop::collection::vec(payload, 0..8)
}

fn call() -> impl Strategy<Value = Call> {
    let stream = 0..3usize;
    prop_oneof![
        4 => (stream.clone(), records()).prop_map(|(s, r)| Call::Append(s, r)),
        2 => (prop::collection::vec((stream.clone(), records()), 0..4), 0..40u64, any::<u8>())
            .prop_map(|(appends, cursor, value)| Call::Batch(appends, cursor, value)),
        2 => (stream.clone(), 0..40u64).prop_map(|(s, p)| Call::Cursor(s, p)),
        1 => (0..3u8, prop::collection::vec(any::<u8>(), 0..50)).prop_map(|(k, v)| Call::Value(k, v)),
        1 => (stream.clone(), 0..600_000usize).prop_map(|(s, length)| Call::Snapshot(s, length)),
        1 => (stream, 0..40u64).prop_map(|(s, before)| Call::Trim(s, before)),
        1 => Just(Call::Reopen),
    ]
}

#[derive(Default)]
struct Model {
    /// Per stream: the first position kept, and all records ever appended.
    streams: [(usize, Vec<Vec<u8>>); 3],
    cursors: HashMap<String, (usize, u64)>,
    values: HashMap<String, Vec<u8>>,
    snapshots: [Option<(u64, usize)>; 3],
}

fn names() -> [String; 3] {
    [0, 1, 2].map(|n| format!("stream {n}"))
}

fn snapshot(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n * 31 + length) as u8).collect()
}

fn open(folder: &Path) -> Journal {
    let options = Options { log_bytes: 10_000, max_queued_bytes: 50_000, ..Options::default() };
    Journal::open(folder, options).unwrap()
}

impl Model {
    fn append(&mut self, stream: usize, records: &[Vec<u8>]) -> std::ops::Range<u64> {
        let kept = &mut self.streams[stream].1;
        let first = kept.len() as u64 + 1;
        kept.extend_from_slice(records);
        first..kept.len() as u64 + 1
    }

    /// Cursors within their stream after a reopening.
    fn clamp(&mut self) {
        for (stream, position) in self.cursors.values_mut() {
            let (trimmed, records) = &self.streams[*stream];
            *position = (*position).clamp(*trimmed as u64, records.len() as u64);
        }
    }

    fn apply(&mut self, journal: &Journal, call: &Call) {
        let id = |n: usize| journal.stream(&names()[n]).unwrap();
        match call {
            Call::Append(stream, records) => {
                let positions = self.append(*stream, records);
                assert_eq!(journal.append(id(*stream), records.clone()).wait().unwrap(), positions);
            }
            Call::Batch(appends, cursor, value) => {
                let mut batch =
                    Batch::new().cursor("batch", id(0), *cursor).value("batch", vec![*value]);
                let mut positions = None;
                for (stream, records) in appends {
                    batch = batch.append(id(*stream), records.clone());
                    positions.get_or_insert(self.append(*stream, records));
                }
                assert_eq!(journal.commit(batch).wait().unwrap(), positions.unwrap_or(0..0));
                self.cursors.insert("batch".into(), (0, *cursor));
                self.values.insert("batch".into(), vec![*value]);
            }
            Call::Cursor(stream, position) => {
                let name =
                    if *position % 5 == 0 { "batch".into() } else { format!("cursor {stream}") };
                let stream = if name == "batch" { 0 } else { *stream };
                journal.set_cursor(&name, id(stream), *position);
                self.cursors.insert(name, (stream, *position));
            }
            Call::Value(key, value) => {
                journal.put_value(&key.to_string(), value.clone()).wait().unwrap();
                self.values.insert(key.to_string(), value.clone());
            }
            Call::Snapshot(stream, length) => {
                let position = self.streams[*stream].1.len() as u64;
                journal.put_snapshot(id(*stream), position, snapshot(*length)).wait().unwrap();
                self.snapshots[*stream] = Some((position, *length));
            }
            Call::Trim(stream, before) => {
                journal.trim(id(*stream), *before);
                let (trimmed, records) = &mut self.streams[*stream];
                let trim = (before.saturating_sub(1) as usize).min(records.len());
                *trimmed = trim.max(*trimmed);
                while journal.first(id(*stream)) < *trimmed as u64 + 1 {
                    std::thread::yield_now();
                }
            }
            Call::Reopen => {}
        }
    }

    fn check(&self, journal: &Journal) {
        for (n, (trimmed, records)) in self.streams.iter().enumerate() {
            let stream = journal.stream(&names()[n]).unwrap();
            let read = journal.read(stream, 1, usize::MAX).unwrap();
            let positions: Vec<_> = read.iter().map(|r| r.position).collect();
            assert_eq!(positions, (*trimmed as u64 + 1..=records.len() as u64).collect::<Vec<_>>());
            assert!(read.iter().map(|r| &r.payload).eq(&records[*trimmed..]));
            assert_eq!(
                (journal.first(stream), journal.head(stream)),
                (*trimmed as u64 + 1, records.len() as u64)
            );
            let latest = self.snapshots[n].map(|(position, length)| (position, snapshot(length)));
            assert_eq!(journal.latest_snapshot(stream).unwrap(), latest);
        }
        for (name, (_, position)) in &self.cursors {
            assert_eq!(journal.cursor(name), Some(*position), "{name}");
        }
        for (key, value) in &self.values {
            assert_eq!(journal.value(key).unwrap().as_ref(), Some(value));
        }
        for prefix in ["", "b", "batch", "1", "2"] {
            let values = journal.values(prefix).unwrap();
            let of_prefix = self.values.iter().filter(|(key, _)| key.starts_with(prefix));
            let expected = of_prefix.map(|(key, value)| (key.clone(), value.clone())).collect();
            assert_eq!(values, expected, "{prefix}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_of_calls_leaves_what_the_model_says(calls in prop::collection::vec(call(), 1..40)) {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = open(folder.path());
        let mut model = Model::default();
        for call in &calls {
            model.apply(&journal, call);
            if matches!(call, Call::Reopen) {
                model.check(&journal);
                drop(journal);
                journal = open(folder.path());
                assert!(journal.recovery().damaged.is_empty());
                model.clamp();
                model.check(&journal);
            }
        }
        model.check(&journal);
    }
}
