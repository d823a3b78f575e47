//! The window.
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

use std::process::ExitCode;

/// A third of a message's CPU time was malloc and free: events are many small values that one
/// thread makes and another drops.
#[global_allocator]
static ALLOCATOR: snmalloc_rs::SnMalloc = snmalloc_rs::SnMalloc;

#[allow(clippy::print_stderr)]
fn main() -> ExitCode {
    match twinscope_desktop::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("Twinscope could not open its window: {error}");
            ExitCode::FAILURE
        }
    }
}
