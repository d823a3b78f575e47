//! `twinscope secret`.

use crate::place::Place;
use crate::say;
use clap::{Args, Subcommand};
use session::Secrets;
use std::fs;
use std::io::{self, IsTerminal, Read};

/// Keep the secrets that a topology names (connection strings, keys, SAS URLs) in the data folder,
/// out of the workspace. A running instance sees each change.
#[derive(Args)]
pub struct Secret {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Keep a secret that is asked for, or read from standard input (twinscope secret set NAME <
    /// FILE): so it is in no shell's history.
    Set {
        /// As the topology names it: {"secret": "NAME"}.
        name: String,
        #[command(flatten)]
        place: Place,
    },
    /// Print the names of the secrets that are kept.
    List {
        #[command(flatten)]
        place: Place,
    },
    /// Forget a secret.
    Remove {
        /// Its name.
        name: String,
        #[command(flatten)]
        place: Place,
    },
}

impl Secret {
    /// Does it.
    pub fn run(self) -> Result<(), String> {
        match self.what {
            What::Set { name, place } => {
                let secrets = secrets(&place)?;
                let secret = read()?;
                secrets.keep(&name, Some(&secret)).map_err(|error| error.to_string())?;
                say(&format!("«{name}» is kept in {}.", secrets.kept_in().display()));
                Ok(())
            }
            What::List { place } => list(&secrets(&place)?),
            What::Remove { name, place } => {
                let secrets = secrets(&place)?;
                match secrets.keep(&name, None) {
                    Ok(true) => Ok(()),
                    Ok(false) => Err(format!(
                        "There is no secret «{name}» in {}.",
                        secrets.kept_in().display()
                    )),
                    Err(error) => Err(error.to_string()),
                }
            }
        }
    }
}

/// Prints names, and no secret.
#[allow(clippy::print_stdout)] // what this command is for
fn list(secrets: &Secrets) -> Result<(), String> {
    for name in secrets.names().map_err(|error| error.to_string())? {
        println!("{name}");
    }
    Ok(())
}

fn secrets(place: &Place) -> Result<Secrets, String> {
    let folder = place.folder()?;
    fs::create_dir_all(&folder).map_err(|error| {
        format!("The data folder «{}» cannot be made: {error}.", folder.display())
    })?;
    Ok(Secrets::of(&folder))
}

/// Asks for the secret at a terminal, without showing it; else all of standard input, without the
/// end of its line.
fn read() -> Result<String, String> {
    let unread = |error: io::Error| format!("The secret cannot be read: {error}.");
    if io::stdin().is_terminal() {
        return rpassword::prompt_password("Secret (not shown): ").map_err(unread);
    }
    let mut text = String::new();
    io::stdin().read_to_string(&mut text).map_err(unread)?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}
