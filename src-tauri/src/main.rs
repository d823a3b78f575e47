//! The window.
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

use std::process::ExitCode;

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
