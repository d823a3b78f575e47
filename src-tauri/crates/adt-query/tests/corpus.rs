//! Replays the corpus of the fuzz target, and asks the same of what proptest makes of it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use proptest::prelude::*;
use std::path::Path;

#[path = "../fuzz/exercise.rs"]
mod exercise;

fn corpus() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/queries");
    let mut paths: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

#[test]
fn every_input_of_the_corpus() {
    let corpus = corpus();
    assert!(corpus.len() >= 50, "the corpus has {} inputs", corpus.len());
    corpus.iter().for_each(|input| exercise::exercise(input));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Parts of two queries of the corpus, with a few characters between.
    #[test]
    fn mutations_of_the_corpus(one in any::<prop::sample::Index>(), other in any::<prop::sample::Index>(), cut in 0.0..1.0, from in 0.0..1.0, between in "\\PC{0,6}") {
        let corpus = corpus();
        let (one, other) = (one.get(&corpus), other.get(&corpus));
        let part = |text: &[u8], share: f64| (text.len() as f64 * share) as usize;
        let mut input = one[..part(one, cut)].to_vec();
        input.extend(between.bytes());
        input.extend(&other[part(other, from)..]);
        exercise::exercise(&input);
    }
}
