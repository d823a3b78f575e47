//! `twinscope trust`.

mod plan;

use crate::place::Place;
use crate::say;
use clap::{Args, Subcommand};
use plan::{Step, Store};
use std::process::Command;

/// Put an instance's CA certificate into this machine's trust store, or take it out: for .NET,
/// Java, browsers and whatever else has no variable for it.
#[derive(Args)]
pub struct Trust {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Trust the CA. Whoever has its key (ca.key in the data folder, readable to you alone) could
    /// then pass for any site on this machine.
    Install(Place),
    /// Trust it no longer.
    Remove(Place),
}

impl Trust {
    /// Says each step, then does it. Where rights are missing it says the commands and does
    /// nothing.
    pub fn run(self) -> Result<(), String> {
        let store = Store::of_this_machine()?;
        let steps = match &self.what {
            What::Install(place) => {
                let folder = place.folder()?;
                let ca = folder.join("ca.pem");
                if !ca.is_file() {
                    return Err(format!(
                        "There is no «{}». Start `twinscope serve` once with the same --data or --workspace: it makes one.",
                        ca.display()
                    ));
                }
                store.install(&folder)
            }
            What::Remove(place) => store.remove(&place.folder()?),
        };
        if store.needs_root() && !is_root() {
            let lines: Vec<_> = steps.iter().map(|step| format!("  sudo {step}")).collect();
            return Err(format!(
                "The trust store belongs to root. Nothing was changed; run:\n{}",
                lines.join("\n")
            ));
        }
        steps.iter().try_for_each(carry_out)
    }
}

fn carry_out(step: &Step) -> Result<(), String> {
    say(&format!("{}: {step}", step.what));
    let failed = |why: String| format!("`{step}` {why}. What was said before it was done.");
    let done = Command::new(step.program).args(&step.arguments).output();
    let done = done.map_err(|error| failed(format!("could not be started: {error}")))?;
    if done.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&done.stderr);
    Err(failed(format!("ended with {}: {}", done.status, said.trim())))
}

/// Linux's own word for it: this process belongs to its effective user.
#[cfg(unix)]
fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

#[cfg(not(unix))]
fn is_root() -> bool {
    false
}
