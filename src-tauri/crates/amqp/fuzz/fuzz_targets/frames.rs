//! Whatever the bytes are: no panic, no more memory than they pay for, and an end.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../exercise.rs"]
mod exercise;

fuzz_target!(|data: &[u8]| exercise::exercise(data));
