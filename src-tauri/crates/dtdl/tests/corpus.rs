//! Replays the corpus of the fuzz target, and asks the same of what proptest makes up.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;

use proptest::prelude::*;

#[path = "../fuzz/exercise.rs"]
mod exercise;

#[test]
fn every_input_of_the_corpus() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/models");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        exercise::exercise(&std::fs::read(entry.unwrap().path()).unwrap());
        count += 1;
    }
    assert!(count >= 20, "the corpus has {count} inputs");
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
