//! How far a long command is, and Ctrl+C.

use crate::say;
use interchange::{Progress, Step};
use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What a shell says of a process that Ctrl+C ended.
pub const INTERRUPTED: u8 = 130;
const EVERY: Duration = Duration::from_millis(100);
/// How often a line is written where the whole is not known.
const STRIDE: usize = 10_000;

/// Progress on the standard error: one line that is written over on a terminal, else a line each ten percent.
pub struct ProgressLine {
    is_terminal: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    shown: Option<Instant>,
    step: Option<Step>,
    mark: usize,
}

impl ProgressLine {
    /// Nothing is shown yet.
    pub fn new() -> Self {
        Self { is_terminal: std::io::stderr().is_terminal(), state: Mutex::default() }
    }

    /// Shows it, unless that was done a moment ago.
    pub fn show(&self, progress: Progress) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_terminal {
            if state.shown.is_none_or(|last| last.elapsed() >= EVERY) {
                state.shown = Some(Instant::now());
                write(&format!("\r\x1b[K{}", line(progress)));
            }
        } else if state.reaches(progress) {
            say(&line(progress));
        }
    }

    /// Takes the line away again.
    pub fn end(&self) {
        if self.is_terminal {
            write("\r\x1b[K");
        }
    }
}

impl State {
    /// Whether a further tenth is done.
    fn reaches(&mut self, progress: Progress) -> bool {
        if self.step != Some(progress.step) {
            self.step = Some(progress.step);
            self.mark = 0;
        }
        let mark = match progress.of {
            Some(of) => progress.done.saturating_mul(10).checked_div(of).unwrap_or(10).min(10),
            None => progress.done / STRIDE,
        };
        let further = mark > self.mark;
        self.mark = mark.max(self.mark);
        further
    }
}

fn line(progress: Progress) -> String {
    let what = match progress.step {
        Step::Models => "Models",
        Step::Twins => "Twins",
        Step::Relationships => "Relationships",
    };
    match progress.of {
        Some(of) => count_of(what, progress.done as u64, of as u64),
        None => format!("{what} {}", grouped(progress.done as u64)),
    }
}

/// How many of how many, in words.
pub fn count_of(what: &str, done: u64, of: u64) -> String {
    let percent = done.saturating_mul(100).checked_div(of).unwrap_or(100).min(100);
    format!("{what} {} of {} ({percent} %)", grouped(done), grouped(of))
}

/// A bar, how many of how many, and how long the rest takes, where that is known.
pub fn bar_of(what: &str, done: u64, of: u64, left: Option<Duration>) -> String {
    const CELLS: u64 = 24;
    let full = done.saturating_mul(CELLS).checked_div(of).unwrap_or(CELLS).min(CELLS);
    let cell = |at| if at < full { '█' } else { '░' };
    let bar: String = (0..CELLS).map(cell).collect();
    let left = left.map(|left| format!(", about {} left", rough(left))).unwrap_or_default();
    format!("{bar} {}{left}", count_of(what, done, of))
}

/// A time that is an estimate: `8 s`, `3 min`.
fn rough(time: Duration) -> String {
    match time.as_secs_f64().ceil() as u64 {
        seconds @ 0..=90 => format!("{} s", seconds.max(1)),
        seconds => format!("{} min", seconds.div_ceil(60)),
    }
}

/// With a comma before every three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Writes over the line on a terminal; does nothing, and says so, where there is none.
pub fn say_over(text: &str) -> bool {
    let is_terminal = std::io::stderr().is_terminal();
    if is_terminal {
        write(&format!("\r\x1b[K{text}"));
    }
    is_terminal
}

/// What is shown is not worth an error where the terminal has gone.
pub fn write(text: &str) {
    let mut terminal = std::io::stderr();
    let _ = terminal.write_all(text.as_bytes()).and_then(|()| terminal.flush());
}

/// Is set by Ctrl+C from now on; a second one ends the process at once. To be called within the
/// runtime, and before there is anything that an end would leave behind.
pub fn stop_on_ctrl_c() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let set = stop.clone();
    // Where there are no signals, Ctrl+C ends the process as ever.
    let Ok(mut interrupts) = interrupts() else { return stop };
    tokio::spawn(async move {
        if interrupts.recv().await.is_some() {
            set.store(true, Ordering::Relaxed);
            say("\nStopping after what is under way; Ctrl+C again ends at once.");
            if interrupts.recv().await.is_some() {
                std::process::exit(INTERRUPTED.into());
            }
        }
    });
    stop
}

#[cfg(unix)]
fn interrupts() -> std::io::Result<tokio::signal::unix::Signal> {
    tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())
}

#[cfg(windows)]
fn interrupts() -> std::io::Result<tokio::signal::windows::CtrlC> {
    tokio::signal::windows::ctrl_c()
}

/// The exit code of a command that was stopped.
pub fn interrupted() -> ExitCode {
    ExitCode::from(INTERRUPTED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_each_tenth() {
        let mut state = State::default();
        let mut lines = |step, of: Option<usize>, dones: &[usize]| {
            let reached =
                dones.iter().filter(|done| state.reaches(Progress { step, done: **done, of }));
            reached.copied().collect::<Vec<_>>()
        };
        assert_eq!(lines(Step::Twins, Some(50), &[1, 4, 5, 6, 10, 49, 50, 50]), [5, 10, 49, 50]);
        assert_eq!(lines(Step::Relationships, Some(3), &[1, 2, 3]), [1, 2, 3]);
        assert_eq!(lines(Step::Models, None, &[1_000, 10_000, 11_000, 20_000]), [10_000, 20_000]);
        assert_eq!(
            line(Progress { step: Step::Twins, done: 1, of: Some(3) }),
            "Twins 1 of 3 (33 %)"
        );
        assert_eq!(
            line(Progress { step: Step::Twins, done: 0, of: Some(0) }),
            "Twins 0 of 0 (100 %)"
        );
        assert_eq!(
            count_of("Recovering the twin graph: twins", 1_200_000, 2_000_000),
            "Recovering the twin graph: twins 1,200,000 of 2,000,000 (60 %)"
        );
        assert_eq!(
            bar_of("Twins", 1, 4, Some(Duration::from_millis(7_100))),
            "██████░░░░░░░░░░░░░░░░░░ Twins 1 of 4 (25 %), about 8 s left"
        );
        assert_eq!(
            [0, 90, 91, 600].map(|s| rough(Duration::from_secs(s))),
            ["1 s", "90 s", "2 min", "10 min"]
        );
        assert_eq!([0, 999, 1_000].map(grouped), ["0", "999", "1,000"]);
    }
}
