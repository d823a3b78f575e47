//! Replays the corpus of the fuzz target, and asks the same of what proptest makes of it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use bytes::BytesMut;
use proptest::prelude::*;
use std::path::Path;
use std::sync::LazyLock;

#[path = "../fuzz/exercise.rs"]
mod exercise;

static CORPUS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/frames");
    let mut paths: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
});

#[test]
fn every_input_of_the_corpus() {
    assert!(CORPUS.len() >= 30, "the corpus has {} inputs", CORPUS.len());
    CORPUS.iter().for_each(|input| exercise::exercise(input));
}

/// What an attacker would send to make much of little: each is refused, or costs what it weighs.
#[test]
fn little_is_not_made_much() {
    let nulls = |count: u32| {
        let mut array = vec![0xf0, 0, 0, 0, 5];
        array.extend(count.to_be_bytes());
        array.push(0x40);
        array
    };
    let list = |items: &[Vec<u8>]| {
        let mut list = vec![0u8, 0xd0];
        let bytes: usize = items.iter().map(Vec::len).sum();
        list.extend((u32::try_from(bytes).unwrap() + 4).to_be_bytes());
        list.extend(u32::try_from(items.len()).unwrap().to_be_bytes());
        items.iter().for_each(|item| list.extend(item));
        list
    };
    // One array of nulls is taken, a thousand of them are not.
    exercise::exercise(&list(&[nulls(4_096)]));
    exercise::exercise(&list(&vec![nulls(4_096); 1_000]));
    let value = amqp::Value::read(list(&vec![nulls(4_096); 1_000])[1..].to_vec().into());
    assert!(value.is_err());
    assert!(amqp::Value::read(list(&[nulls(4_096)])[1..].to_vec().into()).is_ok());
    // A descriptor that is repeated for every element.
    let name = [&[0xb3, 0, 0, 0x40, 0][..], &[b'n'; 0x4000]].concat();
    let mut array = vec![0, 0xf0];
    let contents = [&[0, 0, 0x10, 0, 0][..], &name, &[0x50], &[7; 4_096]].concat();
    array.extend(u32::try_from(contents.len()).unwrap().to_be_bytes());
    array.extend(contents);
    assert!(amqp::Value::read(array[1..].to_vec().into()).is_err());
    exercise::exercise(&array);
    // Depth.
    exercise::exercise(&[0xc0, 3, 1].repeat(20_000));
    exercise::exercise(&[0; 60_000]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(kind in 0u8..4, bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        exercise::exercise(&[&[kind], &bytes[..]].concat());
    }

    /// Frames of any contents, so that the performatives' readers are met.
    #[test]
    fn any_frames(kind in 0u8..4, frames in prop::collection::vec((0u8..3, 0x0fu8..0x20, prop::collection::vec(any::<u8>(), 0..60)), 0..12)) {
        let mut input = BytesMut::from(&[kind][..]);
        for (channel, code, fields) in frames {
            amqp::frame::write(&mut input, amqp::frame::Kind::Amqp, channel.into(), |out| {
                out.extend_from_slice(&[0, 0x53, code, 0xc0]);
                out.extend_from_slice(&[fields.len() as u8 + 1, (fields.len() / 2) as u8]);
                out.extend_from_slice(&fields);
            });
        }
        exercise::exercise(&input);
    }

    /// A piece of the corpus with a few bytes changed, then a piece of another.
    #[test]
    fn mutations_of_the_corpus(one in any::<prop::sample::Index>(), other in any::<prop::sample::Index>(), cut in 0.0..1.0, from in 0.0..1.0, changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6)) {
        let (one, other) = (one.get(&CORPUS), other.get(&CORPUS));
        let part = |bytes: &[u8], share: f64| (bytes.len() as f64 * share) as usize;
        let mut input = one[..part(one, cut)].to_vec();
        input.extend(&other[part(other, from)..]);
        for (at, byte) in changes {
            if !input.is_empty() {
                let at = at.index(input.len());
                input[at] = byte;
            }
        }
        exercise::exercise(&input);
    }
}
