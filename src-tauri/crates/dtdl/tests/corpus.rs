//! Replays the corpus of the fuzz target, and asks the same of what proptest makes up.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;

use proptest::prelude::*;

#[path = "../fuzz/exercise.rs"]
mod exercise;

fn corpus() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/models");
    let mut paths: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

#[test]
fn every_input_of_the_corpus() {
    let corpus = corpus();
    corpus.iter().for_each(|input| exercise::exercise(input));
    assert!(corpus.len() >= 20, "the corpus has {} inputs", corpus.len());
}

/// Ten million inputs, or `DTDL_INPUTS`: mutations of the corpus and plain noise, without the instruments of the
/// fuzzer and so ten times faster. `cargo test -p dtdl --release --test corpus -- --ignored --nocapture`
#[test]
#[ignore = "takes a quarter of an hour"]
#[allow(clippy::print_stderr)]
fn ten_million_inputs() {
    let count = std::env::var("DTDL_INPUTS").map_or(10_000_000, |count| count.parse().unwrap());
    let corpus = corpus();
    let mut random = Random(u64::from(std::process::id()) | 1);
    for done in 1..=count {
        let input = if random.below(4) == 0 { random.noise() } else { random.mutated(&corpus) };
        exercise::exercise(&input);
        if done % 1_000_000 == 0 {
            eprintln!("{done} inputs");
        }
    }
}

/// Marsaglia's xorshift: it need not be good, it must be fast.
struct Random(u64);

impl Random {
    fn below(&mut self, count: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 20) as usize % count.max(1)
    }

    fn noise(&mut self) -> Vec<u8> {
        let length = self.below(192);
        std::iter::once(0).chain((0..length).map(|_| self.below(256) as u8)).collect()
    }

    /// A few bytes changed, removed, added, or taken over from another input.
    fn mutated(&mut self, corpus: &[Vec<u8>]) -> Vec<u8> {
        let mut input = corpus[self.below(corpus.len())].clone();
        for _ in 0..=self.below(8) {
            let place = self.below(input.len());
            match self.below(4) {
                _ if input.is_empty() => input.push(self.below(256) as u8),
                0 => input[place] = self.below(256) as u8,
                1 => drop(input.remove(place)),
                2 => input.insert(place, self.below(256) as u8),
                _ => {
                    let other = &corpus[self.below(corpus.len())];
                    let start = self.below(other.len());
                    let end = (start + 1 + self.below(40)).min(other.len());
                    input.splice(place..place, other[start..end].iter().copied());
                }
            }
        }
        input
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn models_made_of_choices(mut choices in proptest::collection::vec(any::<u8>(), 0..400)) {
        choices.insert(0, 0);
        exercise::exercise(&choices);
    }

    #[test]
    fn any_text_that_begins_like_a_model(text in "[\\[{]\\PC{0,200}") {
        exercise::exercise(text.as_bytes());
    }
}
