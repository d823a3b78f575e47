//! Builds the crate anew when the embedded sample changes, a new file in it included.

use std::io::{Result, Write, stdout};

fn main() -> Result<()> {
    writeln!(stdout(), "cargo:rerun-if-changed=../../../assets/contoso-building")
}
